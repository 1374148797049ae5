//! Places in machine code: what each comes from, and where exceptions land.

use crate::func::Source;
use cranelift_codegen::{CompiledCode, FinalizedMachExceptionHandler};
use mainspring_abi::{
    FunctionInput, Handler, InlinedCall, InlinedCode, SourceLocation, TrapCode, TrapSite,
};

/// Where exceptions go that leave calls.
pub(crate) fn handlers(code: &CompiledCode) -> Vec<Handler> {
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

/// Source locations without gaps: what belongs to no instruction, such as the prologue with its
/// stack check, counts as the start of the body.
///
/// Cranelift forgets where some arithmetic comes from when it rewrites it. If a load became an
/// operand of that, the load's trap is there too; it then counts as what is before it. If locations are
/// to be exact, all that was forgotten belongs to no instruction.
pub(crate) fn sources(
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

/// Adds where the code from an offset on comes from.
pub(crate) fn add_location(list: &mut Vec<SourceLocation>, code: u32, wasm: u32) {
    match list.last_mut() {
        Some(last) if last.wasm == wasm => {}
        Some(last) if last.code == code => last.wasm = wasm,
        _ => list.push(SourceLocation { code, wasm }),
    }
}

/// Adds the call that the code from an offset on was inlined for.
pub(crate) fn add_inlined(list: &mut Vec<InlinedCode>, code: u32, call: u32) {
    match list.last_mut() {
        Some(last) if last.call == call => {}
        Some(last) if last.code == code => last.call = call,
        _ => list.push(InlinedCode { code, call }),
    }
}
