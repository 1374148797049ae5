//! The custom section `metadata.code.branch_hint`: which way branches are likely to go.
//!
//! Like all custom sections it means nothing to validation. What of it can't be read, or names no
//! body, is left out.

use crate::index::FuncIndex;
use crate::module::{BranchHint, ModuleInfo};
use wasmparser::BranchHintSectionReader;

/// A hint as the section has it, which comes before the bodies.
pub(crate) struct FunctionHint {
    func: FuncIndex,
    /// From the start of the function's body.
    offset: u32,
    likely: bool,
}

/// Reads the section, as far as it can be read.
pub(crate) fn read(section: BranchHintSectionReader<'_>) -> Vec<FunctionHint> {
    let mut all = Vec::new();
    for function in section.into_iter().map_while(Result::ok) {
        let func = FuncIndex(function.func);
        let hints = function.hints.into_iter().map_while(Result::ok);
        all.extend(hints.map(|hint| FunctionHint {
            func,
            offset: hint.func_offset,
            likely: hint.taken,
        }));
    }
    all
}

/// Finds the places in the module that hints speak of.
pub(crate) fn resolve(info: &ModuleInfo, hints: Vec<FunctionHint>) -> Vec<BranchHint> {
    let place = |hint: &FunctionHint| {
        let body = info.bodies.get(info.defined_func(hint.func)?.index())?;
        let offset = body.start.checked_add(hint.offset)?;
        body.contains(&offset).then_some(BranchHint {
            offset,
            likely: hint.likely,
        })
    };
    let mut all: Vec<_> = hints.iter().filter_map(place).collect();
    all.sort_by_key(|hint| hint.offset);
    all.dedup_by_key(|hint| hint.offset);
    all
}

#[cfg(test)]
mod tests {
    use crate::decode;
    use wasmparser::WasmFeatures;

    #[test]
    fn hints_are_found_at_their_instructions() {
        let text = r#"(module
            (import "" "" (func))
            (func (param i32)
                (block
                    (@metadata.code.branch_hint "\00")
                    (br_if 0 (local.get 0)))
                (local.get 0)
                (@metadata.code.branch_hint "\01")
                if nop end))"#;
        let bytes = wat::parse_str(text).unwrap();
        let info = decode(WasmFeatures::default(), &bytes).unwrap();
        let found: Vec<_> = info
            .branch_hints
            .iter()
            .map(|hint| (bytes[hint.offset as usize], hint.likely))
            .collect();
        assert_eq!(found, [(0x0d, false), (0x04, true)]);
        let first = info.branch_hints[0].offset;
        assert_eq!(info.branch_hint(first), Some(false));
        assert_eq!(info.branch_hint(first + 1), None);
    }

    /// Appends a section of hints to a module with one function.
    fn with_hints(contents: &[u8]) -> Vec<u8> {
        let mut bytes = wat::parse_str("(module (func nop))").unwrap();
        let name = b"metadata.code.branch_hint";
        let mut section = vec![name.len() as u8];
        section.extend_from_slice(name);
        section.extend_from_slice(contents);
        // Custom sections may stand anywhere, and this one where it can be read: before all others.
        let mut whole = bytes[..8].to_vec();
        whole.extend([0, section.len() as u8]);
        whole.extend(section);
        whole.extend(bytes.split_off(8));
        whole
    }

    #[test]
    fn hints_that_make_no_sense_are_left_out() {
        for contents in [
            &[][..],
            &[1],
            // No such function; an offset behind the body; too few bytes.
            &[1, 7, 1, 1, 1, 1],
            &[1, 0, 1, 0xff, 0x7f, 1, 1],
            &[1, 0, 9, 1],
        ] {
            let info = decode(WasmFeatures::default(), &with_hints(contents)).unwrap();
            assert!(info.branch_hints.is_empty(), "{contents:?}");
        }
    }
}
