//! From Cranelift's result to a [`CompiledFunction`].

use crate::func::{Source, TranslationBuffers};
use crate::layout;
use crate::roots;
use crate::trap;
use anyhow::{Context as _, Result, anyhow, bail};
use cranelift_codegen::binemit::Reloc as RelocKind;
use cranelift_codegen::ir::{ExternalName, Function};
use cranelift_codegen::{
    CodegenError, CompiledCode, FinalizedMachExceptionHandler, FinalizedMachReloc,
    FinalizedRelocTarget,
};
use mainspring_abi::{
    CompiledFunction, FunctionInput, Handler, InlinedCall, InlinedCode, Reloc, RelocTarget,
    SourceLocation, TrapCode, TrapSite,
};
use mainspring_wasm::DefinedFuncIndex;

/// Says what was wrong in a compilation that failed, in one sentence.
pub(crate) fn compile_error(error: CodegenError, function: &Function) -> anyhow::Error {
    match error {
        CodegenError::CodeTooLarge => anyhow!("its machine code would be too large"),
        CodegenError::ImplLimitExceeded => anyhow!("it is too large for the compiler"),
        CodegenError::Verifier(errors) => {
            anyhow!("the compiler made invalid code of it: {errors}\n{function}")
        }
        other => anyhow!("{other}"),
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
    let (locations, inlined) = locations(code, input, &buffers.sources, &traps);
    let mut compiled = CompiledFunction {
        code: code.code_buffer().to_vec(),
        alignment: buffer.alignment,
        relocs,
        traps,
        locations,
        inlined,
        inlined_calls: buffers.inlined_calls.clone(),
        roots: roots::of(code),
        handlers: handlers(code),
        tier_up: None,
    };
    layout::arrange(code, &mut compiled)?;
    Ok(compiled)
}

/// Where exceptions go that leave calls.
fn handlers(code: &CompiledCode) -> Vec<Handler> {
    let mut handlers: Vec<Handler> = landings(code).collect();
    handlers.sort_by_key(|handler| handler.code);
    handlers
}

/// The same, in any order.
pub(crate) fn landings(code: &CompiledCode) -> impl Iterator<Item = Handler> {
    code.buffer.call_sites().filter_map(|site| {
        let landing = site.exception_handlers.first()?;
        let FinalizedMachExceptionHandler::Default(landing) = *landing else {
            unreachable!("all exceptions go to one place")
        };
        let below_fp = site.frame_offset;
        Some(Handler {
            code: site.ret_addr,
            landing,
            below_fp: below_fp.expect("the size of a frame is known at its calls"),
        })
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
///
/// Cranelift forgets where some arithmetic comes from when it rewrites it. If a load became an
/// operand of that, the load's trap is there too; it then counts as what is before it. If locations are
/// to be exact, all that was forgotten belongs to no instruction.
fn locations(
    code: &CompiledCode,
    input: &FunctionInput,
    sources: &[Source],
    traps: &[TrapSite],
) -> (Vec<SourceLocation>, Vec<InlinedCode>) {
    let ranges = code.buffer.get_srclocs_sorted();
    let start_of_body = Source {
        wasm: input.body_offset(),
        call: InlinedCall::NONE,
    };
    let nowhere = Source {
        wasm: SourceLocation::NONE,
        ..start_of_body
    };
    let mut locations = Vec::with_capacity(ranges.len() + 2);
    let mut inlined = Vec::new();
    let mut add = |code: u32, source: Source| {
        add_location(&mut locations, code, source.wasm);
        if source.call != InlinedCall::NONE || !inlined.is_empty() {
            add_inlined(&mut inlined, code, source.call);
        }
    };
    let (mut end, mut last) = (0, start_of_body);
    add(end, last);
    for range in ranges.iter().filter(|range| !range.loc.is_default()) {
        if range.start > end {
            let source = match traps_in(traps, end, range.start) {
                true => last,
                false if input.exact_locations && end > 0 => nowhere,
                false => start_of_body,
            };
            add(end, source);
        }
        last = sources[range.loc.bits() as usize];
        add(range.start, last);
        end = range.end;
    }
    add(end, start_of_body);
    (locations, inlined)
}

/// Whether there is a trap in a stretch of code, apart from the stack check's.
fn traps_in(traps: &[TrapSite], start: u32, end: u32) -> bool {
    let first = traps.partition_point(|site| site.offset < start);
    traps[first..]
        .iter()
        .take_while(|site| site.offset < end)
        .any(|site| site.code != TrapCode::StackOverflow)
}

pub(crate) fn add_location(list: &mut Vec<SourceLocation>, code: u32, wasm: u32) {
    match list.last_mut() {
        Some(last) if last.wasm == wasm => {}
        Some(last) if last.code == code => last.wasm = wasm,
        _ => list.push(SourceLocation { code, wasm }),
    }
}

pub(crate) fn add_inlined(list: &mut Vec<InlinedCode>, code: u32, call: u32) {
    match list.last_mut() {
        Some(last) if last.call == call => {}
        Some(last) if last.code == code => last.call = call,
        _ => list.push(InlinedCode { code, call }),
    }
}
