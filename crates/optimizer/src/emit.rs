//! From Cranelift's result to a [`CompiledFunction`].

use crate::func::TranslationBuffers;
use crate::layout;
use crate::places;
use crate::roots;
use crate::trap;
use cranelift_codegen::binemit::Reloc as RelocKind;
use cranelift_codegen::ir::{ExternalName, Function};
use cranelift_codegen::{CodegenError, CompiledCode, FinalizedMachReloc, FinalizedRelocTarget};
use mainspring_abi::{
    CompiledFunction, FunctionInput, Reloc, RelocTarget, Root, TooLarge, TrapSite,
};
use mainspring_error::{Context as _, Result, bail, format_err};
use mainspring_wasm::DefinedFuncIndex;

/// Says what was wrong in a compilation that failed, in one sentence.
pub(crate) fn compile_error(error: CodegenError, function: &Function) -> mainspring_error::Error {
    match error {
        CodegenError::CodeTooLarge => TooLarge::new("its machine code would be too large").into(),
        CodegenError::ImplLimitExceeded => TooLarge::new("it is too large for the compiler").into(),
        CodegenError::Verifier(errors) => {
            format_err!("the compiler made invalid code of it: {errors}\n{function}")
        }
        other => format_err!("{other}"),
    }
}

/// Takes over the code that was made of a function.
pub(crate) fn finish(
    code: &CompiledCode,
    function: &Function,
    input: &FunctionInput,
    buffers: &TranslationBuffers,
) -> Result<CompiledFunction> {
    let buffer = &code.buffer;
    let mut relocs = buffer
        .relocs()
        .iter()
        .map(|reloc| convert_reloc(reloc, function))
        .collect::<Result<Vec<_>>>()?;
    relocs.sort_by_key(|reloc| reloc.offset);
    let mut traps = buffer
        .traps()
        .iter()
        .map(|site| {
            Ok(TrapSite {
                offset: site.offset,
                code: trap::from_cranelift(site.code)?,
            })
        })
        .collect::<Result<Vec<_>>>()?;
    traps.sort_by_key(|site| site.offset);
    let (locations, inlined) = places::sources(code, input, &buffers.sources, &traps);
    let mut compiled = CompiledFunction {
        code: code.code_buffer().to_vec(),
        alignment: buffer.alignment,
        relocs,
        traps,
        locations,
        inlined,
        inlined_calls: buffers.inlined_calls.clone(),
        roots: roots::of(code),
        handlers: places::handlers(code),
        tier_up: None,
    };
    layout::arrange(code, &mut compiled)?;
    Root::link(&mut compiled.roots);
    Ok(compiled)
}

fn convert_reloc(reloc: &FinalizedMachReloc, function: &Function) -> Result<Reloc> {
    let FinalizedRelocTarget::ExternalName(ExternalName::User(name)) = &reloc.target else {
        bail!(
            "the compiler called for {}, which does not exist here",
            reloc.target.display(Some(&function.params))
        );
    };
    let func = DefinedFuncIndex(function.params.user_named_funcs()[*name].index);
    Ok(Reloc {
        offset: reloc.offset,
        target: match reloc.kind {
            RelocKind::X86CallPCRel4 => RelocTarget::Function(func),
            RelocKind::X86GOTPCRel4 => RelocTarget::TableSlot(func),
            kind => bail!("the compiler emitted a relocation of an unknown kind, {kind}"),
        },
        addend: i32::try_from(reloc.addend).context("a relocation is out of range")?,
    })
}
