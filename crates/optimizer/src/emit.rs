//! From Cranelift's result to a [`CompiledFunction`].

use crate::trap;
use anyhow::{Context as _, Result, anyhow, bail};
use cranelift_codegen::binemit::Reloc as RelocKind;
use cranelift_codegen::ir::{ExternalName, Function};
use cranelift_codegen::{
    CodegenError, CompileError, CompiledCode, Context, FinalizedMachReloc, FinalizedRelocTarget,
};
use mainspring_abi::{
    CompiledFunction, FunctionInput, Reloc, RelocTarget, SourceLocation, TrapSite,
};
use mainspring_wasm::DefinedFuncIndex;

/// Says what was wrong in a compilation that failed, in one sentence.
pub(crate) fn compile_error(error: &CompileError<'_>) -> anyhow::Error {
    match &error.inner {
        CodegenError::CodeTooLarge => anyhow!("its machine code would be too large"),
        CodegenError::ImplLimitExceeded => anyhow!("it is too large for the compiler"),
        CodegenError::Verifier(errors) => {
            anyhow!(
                "the compiler made invalid code of it: {errors}\n{}",
                error.func.display()
            )
        }
        other => anyhow!("{other}"),
    }
}

/// Takes over the code that a context has compiled.
pub(crate) fn finish(context: &Context, input: &FunctionInput) -> Result<CompiledFunction> {
    let code = context
        .compiled_code()
        .context("the compiler returned no code")?;
    let buffer = &code.buffer;
    let relocs = buffer
        .relocs()
        .iter()
        .map(|reloc| convert_reloc(reloc, &context.func))
        .collect::<Result<_>>()?;
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
    Ok(CompiledFunction {
        code: code.code_buffer().to_vec(),
        alignment: buffer.alignment,
        relocs,
        traps,
        locations: locations(code, input),
    })
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

/// Source locations without gaps: what belongs to no instruction, such as the prologue with its
/// stack check, counts as the start of the body.
fn locations(code: &CompiledCode, input: &FunctionInput) -> Vec<SourceLocation> {
    let ranges = code.buffer.get_srclocs_sorted();
    let body = input.body_offset();
    let mut locations: Vec<SourceLocation> = Vec::with_capacity(ranges.len() + 2);
    let mut add = |code: u32, wasm: u32| match locations.last_mut() {
        Some(last) if last.wasm == wasm => {}
        Some(last) if last.code == code => last.wasm = wasm,
        _ => locations.push(SourceLocation { code, wasm }),
    };
    let mut end = 0;
    for range in ranges {
        if range.start > end || end == 0 {
            add(end, body);
        }
        let known = !range.loc.is_default();
        add(range.start, if known { range.loc.bits() } else { body });
        end = range.end;
    }
    add(end, body);
    locations
}
