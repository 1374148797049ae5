//! From bytes to a valid [`ModuleInfo`].
//!
//! One pass over the sections feeds the validator and fills in the description side by side;
//! function bodies are only collected on the way, and validated by other threads meanwhile. Nothing
//! leaves this file that did not validate.

use crate::branch_hints::FunctionHint;
use crate::const_expr::ConstExpr;
use crate::convert;
use crate::index::*;
use crate::module::*;
use crate::parallel::has_threads;
use crate::refusal::explain;
use crate::validate::{Batch, Bodies, Body, Validation};
use mainspring_error::{Result, bail, ensure};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use wasmparser::{KnownCustom, Parser, Payload, TypeRef, ValidPayload, Validator, WasmFeatures};

/// Decodes and validates a module.
///
/// `features` are the proposals that the module may use.
///
/// # Errors
/// If the bytes are not a module, are malformed or invalid, or use a proposal that is switched off:
/// the error says what, at which byte offset, in which function, and which proposals it would be valid with. Also if the bytes are a component.
pub fn decode(features: WasmFeatures, bytes: &[u8]) -> Result<ModuleInfo> {
    decode_sections(features, bytes, &AtomicBool::new(true))
        .and_then(DecodedSections::validate)
        .map_err(|error| explain(features, bytes, error))
}

/// A module whose sections are decoded and valid, but for the bodies of functions.
pub struct DecodedSections<'a> {
    info: ModuleInfo,
    /// Those that were not validated yet.
    bodies: Vec<Batch<'a>>,
    /// That of the others.
    validation: Validation,
}

impl DecodedSections<'_> {
    /// Validates the bodies.
    ///
    /// # Errors
    /// If one is malformed or invalid.
    pub fn validate(self) -> Result<ModuleInfo> {
        let validate = |batch| self.validation.validate(batch);
        match has_threads() {
            true => self.bodies.into_par_iter().for_each(validate),
            false => self.bodies.into_iter().for_each(validate),
        }
        self.validation.finish()?;
        Ok(self.info)
    }

    /// Leaves the bodies alone, because they were validated before, with the same features.
    pub fn known_to_be_valid(self) -> ModuleInfo {
        self.info
    }
}

/// Decodes and validates all of a module but the bodies of functions. As soon as `validate` is set, other threads
/// begin to validate these too.
///
/// # Errors
/// As [`decode`], but for what is wrong with bodies.
pub fn decode_sections<'a>(
    features: WasmFeatures,
    bytes: &'a [u8],
    validate: &AtomicBool,
) -> Result<DecodedSections<'a>> {
    ensure!(
        bytes.len() <= u32::MAX as usize,
        "the module has {} bytes; modules are limited to 4 GiB",
        bytes.len()
    );
    let validation = Validation::default();
    let mut bodies = Bodies::default();
    let info = match has_threads() {
        true => rayon::in_place_scope(|scope| {
            read_sections(features, bytes, &validation, |body| {
                bodies.add(body);
                if bodies.has_whole_batches() && validate.load(Ordering::Relaxed) {
                    let validation = &validation;
                    let batches = bodies.whole_batches();
                    batches.for_each(|batch| scope.spawn(move |_| validation.validate(batch)));
                }
            })
        }),
        false => read_sections(features, bytes, &validation, |body| bodies.add(body)),
    }?;
    Ok(DecodedSections {
        info,
        bodies: bodies.batches,
        validation,
    })
}

fn read_sections<'a>(
    features: WasmFeatures,
    bytes: &'a [u8],
    validation: &Validation,
    mut collect: impl FnMut(Body<'a>),
) -> Result<ModuleInfo> {
    let mut decoder = Decoder {
        validator: Validator::new_with_features(features),
        info: ModuleInfo::default(),
        branch_hints: Vec::new(),
    };
    let mut parser = Parser::new(0);
    // How wide some numbers may be written depends on the proposals, too.
    parser.set_features(features);
    for payload in parser.parse_all(bytes) {
        let payload = payload?;
        if let Payload::Version {
            encoding: wasmparser::Encoding::Component,
            ..
        } = payload
        {
            bail!("this is a component, where a core module is expected");
        }
        match decoder.validator.payload(&payload)? {
            ValidPayload::Func(to_validate, body) => {
                decoder.info.bodies.push(narrow(body.range()));
                collect((to_validate, body));
            }
            ValidPayload::Parser(_) => {
                bail!("this is a component, where a core module is expected")
            }
            ValidPayload::Ok | ValidPayload::End(_) => {
                if let Payload::CodeSectionStart { .. } = payload {
                    validation.begin(features, &decoder.info);
                }
                decoder.section(payload)?;
            }
        }
    }
    let mut info = decoder.info;
    find_escaping(&mut info);
    info.branch_hints = crate::branch_hints::resolve(&info, decoder.branch_hints);
    Ok(info)
}

/// The name of the error type of everything that the decoder refuses, for callers that tell
/// invalid modules from other failures.
pub use wasmparser::Error as DecodeError;

/// Marks every function that a reference can name. Validation demands that a `ref.func` in a body
/// is declared elsewhere, so bodies need not be read.
fn find_escaping(info: &mut ModuleInfo) {
    let mut found = vec![false; info.functions.len()];
    let mut mark = |func: FuncIndex| found[func.index()] = true;
    for export in &info.exports {
        if let EntityIndex::Func(func) = export.entity {
            mark(func);
        }
    }
    for segment in &info.elements {
        match &segment.items {
            ElementItems::Functions(funcs) => funcs.iter().copied().for_each(&mut mark),
            ElementItems::Expressions(exprs) => exprs
                .iter()
                .flat_map(ConstExpr::functions)
                .for_each(&mut mark),
        }
    }
    info.global_inits
        .iter()
        .flat_map(ConstExpr::functions)
        .for_each(&mut mark);
    info.table_inits
        .iter()
        .flatten()
        .flat_map(ConstExpr::functions)
        .for_each(&mut mark);
    info.escaping = (0..found.len())
        .filter(|&i| found[i])
        .map(FuncIndex::from)
        .collect();
    info.func_ref_index = vec![None; found.len()];
    for (i, func) in info.escaping.iter().enumerate() {
        info.func_ref_index[func.index()] = Some(FuncRefIndex::from(i));
    }
}

/// Ranges of a module of at most 4 GiB fit in 32 bits.
fn narrow(range: Range<u64>) -> Range<u32> {
    range.start as u32..range.end as u32
}

struct Decoder {
    validator: Validator,
    info: ModuleInfo,
    branch_hints: Vec<FunctionHint>,
}

impl Decoder {
    fn section(&mut self, payload: Payload<'_>) -> Result<()> {
        match payload {
            Payload::TypeSection(reader) => {
                for group in reader {
                    self.rec_group(group?)?;
                }
            }
            Payload::ImportSection(reader) => {
                for import in reader.into_imports() {
                    self.import(import?)?;
                }
            }
            Payload::FunctionSection(reader) => {
                for ty in reader {
                    self.info.functions.push(TypeIndex(ty?));
                }
            }
            Payload::TableSection(reader) => {
                for table in reader {
                    let table = table?;
                    self.info.tables.push(convert::table_type(table.ty)?);
                    self.info.table_inits.push(match table.init {
                        wasmparser::TableInit::RefNull => None,
                        wasmparser::TableInit::Expr(expr) => Some(convert::const_expr(&expr)?),
                    });
                }
            }
            Payload::MemorySection(reader) => {
                for ty in reader {
                    self.info.memories.push(convert::memory_type(ty?));
                }
            }
            Payload::TagSection(reader) => {
                for tag in reader {
                    self.info.tags.push(TypeIndex(tag?.func_type_idx));
                }
            }
            Payload::GlobalSection(reader) => {
                for global in reader {
                    let global = global?;
                    self.info.globals.push(convert::global_type(global.ty)?);
                    self.info
                        .global_inits
                        .push(convert::const_expr(&global.init_expr)?);
                }
            }
            Payload::ExportSection(reader) => {
                for export in reader {
                    let export = export?;
                    self.export(export)?;
                }
            }
            Payload::StartSection { func, .. } => self.info.start = Some(FuncIndex(func)),
            Payload::ElementSection(reader) => {
                for element in reader {
                    self.element(element?)?;
                }
            }
            Payload::DataSection(reader) => {
                for data in reader {
                    self.data(data?)?;
                }
            }
            Payload::CodeSectionStart {
                unchecked_range, ..
            } => {
                self.info.code_section_start = unchecked_range.start as u32;
            }
            Payload::CustomSection(section) => self.custom_section(&section),
            _ => {}
        }
        Ok(())
    }

    fn custom_section(&mut self, section: &wasmparser::CustomSectionReader<'_>) {
        let start = section.data_offset() as u32;
        let contents = start..start + section.data().len() as u32;
        if section.name() == "name" {
            self.info.name_section = Some(contents);
            self.info.name = crate::names::module_name(section.data());
        } else if let KnownCustom::BranchHints(reader) = section.as_known() {
            self.branch_hints = crate::branch_hints::read(reader);
        } else {
            self.info.debug_sections.note(section.name(), contents);
        }
    }

    fn rec_group(&mut self, group: wasmparser::RecGroup) -> Result<()> {
        let start = self.info.types.len() as u32;
        for ty in group.into_types() {
            self.info.types.push(convert::sub_type(&ty)?);
        }
        self.info
            .rec_groups
            .push(start..self.info.types.len() as u32);
        Ok(())
    }

    fn import(&mut self, import: wasmparser::Import<'_>) -> Result<()> {
        let info = &mut self.info;
        let entity = match import.ty {
            TypeRef::Func(ty) => {
                info.imported.functions += 1;
                info.functions.push(TypeIndex(ty));
                EntityIndex::Func(FuncIndex::from(info.functions.len() - 1))
            }
            TypeRef::Table(ty) => {
                info.imported.tables += 1;
                info.tables.push(convert::table_type(ty)?);
                EntityIndex::Table(TableIndex::from(info.tables.len() - 1))
            }
            TypeRef::Memory(ty) => {
                info.imported.memories += 1;
                info.memories.push(convert::memory_type(ty));
                EntityIndex::Memory(MemoryIndex::from(info.memories.len() - 1))
            }
            TypeRef::Global(ty) => {
                info.imported.globals += 1;
                info.globals.push(convert::global_type(ty)?);
                EntityIndex::Global(GlobalIndex::from(info.globals.len() - 1))
            }
            TypeRef::Tag(ty) => {
                info.imported.tags += 1;
                info.tags.push(TypeIndex(ty.func_type_idx));
                EntityIndex::Tag(TagIndex::from(info.tags.len() - 1))
            }
            TypeRef::FuncExact(_) => {
                bail!(
                    "import {}::{} has an exact type: the custom-descriptors proposal is not supported",
                    import.module,
                    import.name
                )
            }
        };
        info.imports.push(Import {
            module: import.module.to_owned(),
            name: import.name.to_owned(),
            entity,
        });
        Ok(())
    }

    fn export(&mut self, export: wasmparser::Export<'_>) -> Result<()> {
        use wasmparser::ExternalKind::*;
        let entity = match export.kind {
            Func => EntityIndex::Func(FuncIndex(export.index)),
            Table => EntityIndex::Table(TableIndex(export.index)),
            Memory => EntityIndex::Memory(MemoryIndex(export.index)),
            Global => EntityIndex::Global(GlobalIndex(export.index)),
            Tag => EntityIndex::Tag(TagIndex(export.index)),
            FuncExact => bail!(
                "export {} has an exact type: the custom-descriptors proposal is not supported",
                export.name
            ),
        };
        let at = self.info.exports.len();
        self.info.export_names.insert(export.name.to_owned(), at);
        self.info.exports.push(Export {
            name: export.name.to_owned(),
            entity,
        });
        Ok(())
    }

    fn element(&mut self, element: wasmparser::Element<'_>) -> Result<()> {
        let mode = match element.kind {
            wasmparser::ElementKind::Passive => SegmentMode::Passive,
            wasmparser::ElementKind::Declared => SegmentMode::Declared,
            wasmparser::ElementKind::Active {
                table_index,
                offset_expr,
            } => SegmentMode::Active {
                target: TableIndex(table_index.unwrap_or(0)),
                offset: convert::const_expr(&offset_expr)?,
            },
        };
        let (element, items) = match element.items {
            wasmparser::ElementItems::Functions(funcs) => {
                let funcs = funcs
                    .into_iter()
                    .map(|func| Ok(FuncIndex(func?)))
                    .collect::<Result<_>>()?;
                (
                    crate::RefType {
                        nullable: false,
                        heap: crate::HeapType::Func,
                    },
                    ElementItems::Functions(funcs),
                )
            }
            wasmparser::ElementItems::Expressions(ty, exprs) => {
                let exprs = exprs
                    .into_iter()
                    .map(|expr| convert::const_expr(&expr?))
                    .collect::<Result<_>>()?;
                (convert::ref_type(ty)?, ElementItems::Expressions(exprs))
            }
        };
        self.info.elements.push(ElementSegment {
            mode,
            element,
            items,
        });
        Ok(())
    }

    fn data(&mut self, data: wasmparser::Data<'_>) -> Result<()> {
        let mode = match data.kind {
            wasmparser::DataKind::Passive => SegmentMode::Passive,
            wasmparser::DataKind::Active {
                memory_index,
                offset_expr,
            } => SegmentMode::Active {
                target: MemoryIndex(memory_index),
                offset: convert::const_expr(&offset_expr)?,
            },
        };
        // The segment's range covers its header too; its data are the last bytes of it.
        let end = data.range.end as u32;
        let range = end - data.data.len() as u32..end;
        self.info.data.push(DataSegment { mode, range });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate::BATCH;

    fn decode_text(text: &str) -> Result<ModuleInfo> {
        decode(WasmFeatures::default(), &wat::parse_str(text).unwrap())
    }

    #[test]
    fn describes_what_a_module_declares() {
        let text = r#"(module $m
            (import "env" "f" (func (param i32)))
            (import "env" "m" (memory 1))
            (func $g (export "g") (result i32) i32.const 7)
            (func $h)
            (table 2 2 funcref)
            (elem (i32.const 0) $g 0)
            (data (i32.const 8) "abc")
            (global (mut i64) (i64.const 5)))"#;
        let bytes = wat::parse_str(text).unwrap();
        let info = decode(WasmFeatures::default(), &bytes).unwrap();
        assert_eq!(info.name.as_deref(), Some("m"));
        assert_eq!(info.imported.functions, 1);
        assert_eq!(info.functions.len(), 3);
        assert_eq!(info.export("g"), Some(EntityIndex::Func(FuncIndex(1))));
        assert_eq!(info.escaping, [FuncIndex(0), FuncIndex(1)]);
        assert_eq!(
            info.func_ref_index,
            [Some(FuncRefIndex(0)), Some(FuncRefIndex(1)), None]
        );
        assert_eq!(info.slice(&bytes, &info.data[0].range), b"abc");
        assert_eq!(info.slice(&bytes, &info.bodies[0]), [0, 0x41, 7, 0x0b]);
    }

    #[test]
    fn reports_the_first_invalid_body_with_its_offset() {
        let text = "(module (func) (func (result i32)) (func (result i64)))";
        let error = decode_text(text).unwrap_err();
        let offset = error.downcast_ref::<DecodeError>().unwrap().offset();
        let bytes = wat::parse_str(text).unwrap();
        assert_eq!(bytes[offset as usize], 0x0b, "{error}");
        assert!(
            bytes[offset as usize + 1..].contains(&0x0b),
            "the last body is invalid too, and must not win"
        );
    }

    #[test]
    fn bodies_are_validated_whether_beside_or_afterwards() {
        // Each is a batch of its own.
        let body = "nop ".repeat(BATCH + 1);
        let valid = format!("(func {body})");
        let invalid = format!("(func (result i32) {body})");
        let module =
            |functions: [&str; 5]| wat::parse_str(format!("(module {})", functions.concat()));
        let whole = module([&valid; 5]).unwrap();
        let broken = module([&valid, &invalid, &valid, &valid, &invalid]).unwrap();
        for beside in [true, false] {
            let decode = |bytes| {
                let sections =
                    decode_sections(WasmFeatures::default(), bytes, &AtomicBool::new(beside));
                sections.unwrap().validate()
            };
            assert_eq!(decode(&whole).unwrap().bodies.len(), 5);
            let error = decode(&broken).unwrap_err();
            let offset = error.downcast_ref::<DecodeError>().unwrap().offset() as usize;
            let range = 2 * BATCH..3 * BATCH;
            assert!(
                range.contains(&offset),
                "{offset}: not the first that is invalid"
            );
        }
    }

    #[test]
    fn refuses_components_and_garbage() {
        assert!(
            decode_text("(component)")
                .unwrap_err()
                .to_string()
                .contains("component")
        );
        assert!(decode(WasmFeatures::default(), b"\0as").is_err());
        assert!(decode(WasmFeatures::default(), b"").is_err());
    }
}
