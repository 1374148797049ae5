//! Looking at the code that the tiers make of a function, without running it.

use crate::{Engine, Result, Trap};
use mainspring_abi::{CompiledFunction, InlinedCall, RelocTarget, SourceLocation, VMOffsets};
use mainspring_error::{Context, bail};
use mainspring_tiering::Tier;
use mainspring_wasm::{DefinedFuncIndex, EntityIndex, FuncIndex, FunctionNames, ModuleInfo};
use std::ops::Range;

/// A module whose functions are compiled one at a time, to be looked at. Their code is placed
/// nowhere and can't be called.
///
/// ```
/// use mainspring::{CompilerTier, Engine, Explorer};
///
/// let engine = Engine::default();
/// let explorer = Explorer::new(&engine, "(module (func $f (result i32) i32.const 7))")?;
/// let code = explorer.compile(0, CompilerTier::Baseline)?;
/// assert_eq!(explorer.function(0)?.name.as_deref(), Some("f"));
/// assert!(!code.code.is_empty() && code.traps.is_empty());
/// # Ok::<(), mainspring::Error>(())
/// ```
pub struct Explorer {
    engine: Engine,
    bytes: Vec<u8>,
    info: ModuleInfo,
    offsets: VMOffsets,
    names: FunctionNames,
}

/// A function of an explored module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExploredFunction {
    /// Its index in the module.
    pub index: u32,
    /// Its name, if the module's `name` section has one.
    pub name: Option<String>,
    /// The names it is exported under.
    pub exports: Vec<String>,
    /// What it is imported as, module and name, if it is.
    pub import: Option<(String, String)>,
    /// Where its body is in the module: local declarations and instructions. Empty if it is imported.
    pub body: Range<usize>,
}

/// One of the compilers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CompilerTier {
    /// The one that compiles fast.
    Baseline,
    /// The one whose code is fast.
    Optimizing,
}

/// What a compiler made of a function. Offsets are those in [`code`](Self::code).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FunctionCode {
    /// Machine code, and behind it the constants it uses. What refers to other places is not filled in.
    pub code: Vec<u8>,
    /// Which wasm instructions the code belongs to: each entry holds until the next one's offset.
    pub sources: Vec<CodeSource>,
    /// Machine instructions that can trap, by ascending offset.
    pub traps: Vec<(usize, Trap)>,
    /// What is not filled in, by ascending offset: each is four bytes.
    pub references: Vec<(usize, CodeReference)>,
}

/// The wasm instruction that a stretch of code belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeSource {
    /// Where the stretch begins.
    pub code: usize,
    /// The offset of the instruction in the module; `None` for code that belongs to none, such as a
    /// prologue. Where another function was compiled into this one, the instruction is that one's.
    pub wasm: Option<usize>,
    /// Calls in whose place the code is, the innermost first: the function called, and the offset of
    /// the call in the module.
    pub inlined: Vec<(u32, usize)>,
}

impl CodeSource {
    /// The offset of the instruction of the function itself that the code belongs to: that of the
    /// outermost call, if it was inlined.
    pub fn outermost(&self) -> Option<usize> {
        self.inlined.last().map(|&(_, call)| call).or(self.wasm)
    }
}

/// What code refers to that is outside of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CodeReference {
    /// The code of a function, by its index.
    Function(u32),
    /// Eight bytes with the address of the best code there is of a function, by its index.
    Slot(u32),
    /// A counter of how often code ran.
    Counter(u32),
    /// Where code goes when a function has been called often.
    HotEntry,
    /// Where code goes when a loop has run often.
    HotLoop,
}

impl Explorer {
    /// Decodes and validates a module, binary or text.
    ///
    /// # Errors
    /// As for [`Module::new`](crate::Module::new).
    pub fn new(engine: &Engine, bytes: impl AsRef<[u8]>) -> Result<Explorer> {
        let bytes = crate::module::to_binary(bytes.as_ref())?.into_owned();
        let info = mainspring_wasm::decode(engine.config().features, &bytes)?;
        let section = info.name_section.as_ref();
        let names = section.map(|range| FunctionNames::read(info.slice(&bytes, range)));
        Ok(Explorer {
            engine: engine.clone(),
            offsets: VMOffsets::new(&info),
            names: names.unwrap_or_default(),
            bytes,
            info,
        })
    }

    /// The module in its binary form, which offsets are of.
    pub fn wasm(&self) -> &[u8] {
        &self.bytes
    }

    /// All functions, imported ones first.
    pub fn functions(&self) -> Vec<ExploredFunction> {
        let info = &self.info;
        let mut functions: Vec<_> = (0..info.functions.len())
            .map(|i| self.without_names_outside(FuncIndex::from(i)))
            .collect();
        for export in &info.exports {
            if let EntityIndex::Func(func) = export.entity {
                functions[func.index()].exports.push(export.name.clone());
            }
        }
        for import in &info.imports {
            if let EntityIndex::Func(func) = import.entity {
                functions[func.index()].import = Some((import.module.clone(), import.name.clone()));
            }
        }
        functions
    }

    fn without_names_outside(&self, func: FuncIndex) -> ExploredFunction {
        let body = self.info.defined_func(func).map_or(0..0, |defined| {
            let body = &self.info.bodies[defined.index()];
            body.start as usize..body.end as usize
        });
        ExploredFunction {
            index: func.0,
            name: self.names.get(func).map(str::to_owned),
            exports: Vec::new(),
            import: None,
            body,
        }
    }

    /// A function, by its index.
    ///
    /// # Errors
    /// If there is none.
    pub fn function(&self, index: u32) -> Result<ExploredFunction> {
        let count = self.info.functions.len();
        match count {
            0 => bail!("there is no function {index}: the module has no functions"),
            _ => self
                .functions()
                .into_iter()
                .nth(index as usize)
                .with_context(|| {
                    format!(
                        "there is no function {index}: the module's functions are 0 to {}",
                        count - 1
                    )
                }),
        }
    }

    /// Compiles a function, by its index, as this engine would for its first call or when it turns out to be hot.
    /// What was counted while it ran, it does not know.
    ///
    /// # Errors
    /// If there is none, if it is imported, or if it can't be compiled.
    pub fn compile(&self, index: u32, tier: CompilerTier) -> Result<FunctionCode> {
        let function = self.function(index)?;
        if let Some((module, name)) = function.import {
            bail!(
                "function {index} is the import `{module}` `{name}`: its code is not in the module"
            );
        }
        let func = DefinedFuncIndex(index - self.info.imported.functions);
        let tier = match tier {
            CompilerTier::Baseline => Tier::Baseline,
            CompilerTier::Optimizing => Tier::Optimizing,
        };
        let compilers = self.engine.compilers();
        let compiled =
            compilers.compile_alone(tier, &self.info, &self.offsets, &self.bytes, func)?;
        Ok(self.describe(compiled))
    }

    fn describe(&self, compiled: CompiledFunction) -> FunctionCode {
        let index_of = |func| self.info.func_of(func).0;
        let mut references: Vec<_> = compiled
            .relocs
            .iter()
            .map(|reloc| {
                let target = match reloc.target {
                    RelocTarget::Function(func) => CodeReference::Function(index_of(func)),
                    RelocTarget::TableSlot(func) => CodeReference::Slot(index_of(func)),
                    RelocTarget::Counter(n) => CodeReference::Counter(n),
                    RelocTarget::HotEntry => CodeReference::HotEntry,
                    RelocTarget::HotLoop => CodeReference::HotLoop,
                };
                (reloc.offset as usize, target)
            })
            .collect();
        references.sort_by_key(|&(offset, _)| offset);
        let traps = compiled.traps.iter();
        FunctionCode {
            sources: sources(&compiled),
            traps: traps
                .map(|trap| (trap.offset as usize, trap.code.into()))
                .collect(),
            references,
            code: compiled.code,
        }
    }
}

/// Brings the tables of locations and of inlined calls together.
fn sources(compiled: &CompiledFunction) -> Vec<CodeSource> {
    let mut starts: Vec<u32> = [0]
        .into_iter()
        .chain(compiled.locations.iter().map(|location| location.code))
        .chain(compiled.inlined.iter().map(|inlined| inlined.code))
        .collect();
    starts.sort_unstable();
    starts.dedup();
    let at = |code: u32| {
        let located = compiled
            .locations
            .partition_point(|entry| entry.code <= code);
        let wasm = located.checked_sub(1).map(|i| compiled.locations[i].wasm);
        let stretch = compiled.inlined.partition_point(|entry| entry.code <= code);
        let innermost = stretch.checked_sub(1).map(|i| compiled.inlined[i].call);
        let mut inlined = Vec::new();
        let mut call = innermost.unwrap_or(InlinedCall::NONE);
        while call != InlinedCall::NONE {
            let InlinedCall {
                callee,
                wasm,
                within,
            } = compiled.inlined_calls[call as usize];
            inlined.push((callee.0, wasm as usize));
            call = within;
        }
        CodeSource {
            code: code as usize,
            wasm: wasm
                .filter(|&wasm| wasm != SourceLocation::NONE)
                .map(|wasm| wasm as usize),
            inlined,
        }
    };
    starts.into_iter().map(at).collect()
}

impl std::fmt::Debug for Explorer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Explorer")
            .field("module", &self.info.name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    const MODULE: &str = r#"(module
        (import "host" "f" (func $imported))
        (func $small (param i32) (result i32) (i32.div_u (i32.const 30) (local.get 0)))
        (func $caller (export "run") (export "go") (param i32) (result i32)
            (i32.div_u (local.get 0) (call $small (local.get 0)))))"#;

    #[test]
    fn functions_have_all_their_names() {
        let explorer = Explorer::new(&Engine::default(), MODULE).unwrap();
        let functions = explorer.functions();
        assert_eq!(functions.len(), 3);
        let host = ("host".to_string(), "f".to_string());
        assert_eq!(functions[0].import, Some(host));
        assert_eq!(functions[2].exports, ["run", "go"]);
        assert_eq!(functions[2].name.as_deref(), Some("caller"));
        // Bodies end with `end`.
        assert_eq!(explorer.wasm()[functions[1].body.end - 1], 0x0b);
    }

    #[test]
    fn code_comes_with_its_sources_and_traps() {
        let explorer = Explorer::new(&Engine::default(), MODULE).unwrap();
        let body = explorer.function(2).unwrap().body;
        for tier in [CompilerTier::Baseline, CompilerTier::Optimizing] {
            let code = explorer.compile(2, tier).unwrap();
            assert!(code.sources.is_sorted_by_key(|source| source.code));
            assert!(code.sources[0].code == 0);
            for source in &code.sources {
                let at = source.outermost();
                assert!(
                    at.is_none_or(|at| body.contains(&at)),
                    "{tier:?} {source:?}"
                );
            }
            let zero = |(_, trap): &(usize, Trap)| *trap == Trap::IntegerDivisionByZero;
            assert!(code.traps.iter().any(zero), "{tier:?} {:?}", code.traps);
            let called = [CodeReference::Slot(1), CodeReference::Function(1)];
            let calls = code.references.iter().any(|(_, to)| called.contains(to));
            let inlines = code
                .sources
                .iter()
                .any(|source| source.inlined.iter().any(|&(callee, _)| callee == 1));
            assert!(calls != inlines, "{tier:?}: {code:?}");
            assert_eq!(inlines, tier == CompilerTier::Optimizing);
        }
    }

    #[test]
    fn only_an_engine_of_both_tiers_counts() {
        for (strategy, counts) in [
            (crate::Strategy::Auto, true),
            (crate::Strategy::Winch, false),
        ] {
            let engine = Engine::new(Config::new().strategy(strategy)).unwrap();
            let explorer = Explorer::new(&engine, MODULE).unwrap();
            let code = explorer.compile(1, CompilerTier::Baseline).unwrap();
            let counter = |&(_, to): &(usize, CodeReference)| to == CodeReference::Counter(0);
            assert_eq!(code.references.iter().any(counter), counts);
        }
    }

    #[test]
    fn what_has_no_code_is_named() {
        let explorer = Explorer::new(&Engine::default(), MODULE).unwrap();
        let error = |index| {
            let code = explorer.compile(index, CompilerTier::Baseline);
            code.unwrap_err().to_string()
        };
        assert!(error(0).contains("import `host` `f`"), "{}", error(0));
        assert!(error(3).contains("0 to 2"), "{}", error(3));
    }
}
