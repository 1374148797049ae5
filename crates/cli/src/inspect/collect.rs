//! One pass over a module's bytes that gathers its summary. Indices are looked up with
//! care, because nothing has been validated.

use super::proposals::Proposals;
use super::{Export, Function, Functions, Import, Section, Summary};
use std::collections::HashMap;
use wasmparser::{
    BinaryReaderError, CompositeInnerType, ConstExpr, CustomSectionReader, DataKind, ElementItems,
    ElementKind, ExternalKind, FuncType, GlobalType, Imports, KnownCustom, MemoryType, Name,
    Parser, Payload, TableInit, TableType, TypeRef,
};

type Result<T> = std::result::Result<T, BinaryReaderError>;

/// How many of the largest functions are named.
const LARGEST: usize = 5;

pub(super) fn summarize(bytes: &[u8]) -> Result<Summary> {
    let mut collector = Collector::default();
    for payload in Parser::new(0).parse_all(bytes) {
        collector.payload(payload?)?;
    }
    Ok(collector.finish(bytes.len()))
}

#[derive(Default)]
struct Collector {
    proposals: Proposals,
    sections: Vec<Section>,
    imports: Vec<Import>,
    exports: Vec<Export>,
    module_name: Option<String>,
    function_names: HashMap<u32, String>,
    /// Sizes of the bodies, in order.
    bodies: Vec<u64>,
    imported_functions: usize,
    imported_globals: usize,
    types: Vec<Option<FuncType>>,
    // The index spaces: what was imported, then what is defined.
    functions: Vec<u32>,
    tables: Vec<TableType>,
    memories: Vec<MemoryType>,
    globals: Vec<GlobalType>,
    tags: Vec<u32>,
}

impl Collector {
    fn payload(&mut self, payload: Payload<'_>) -> Result<()> {
        self.section(&payload);
        match payload {
            Payload::TypeSection(types) => {
                for group in types {
                    let group = group?;
                    self.proposals.type_group(&group, self.types.len());
                    self.types
                        .extend(group.into_types().map(|ty| match ty.composite_type.inner {
                            CompositeInnerType::Func(ty) => Some(ty),
                            _ => None,
                        }));
                }
            }
            Payload::ImportSection(imports) => {
                for group in imports.clone() {
                    if !matches!(group?, Imports::Single(..)) {
                        self.proposals.add("compact-imports");
                    }
                }
                for import in imports.into_imports() {
                    self.import(import?);
                }
            }
            Payload::FunctionSection(functions) => {
                for function in functions {
                    self.functions.push(function?);
                }
            }
            Payload::TableSection(tables) => {
                for table in tables {
                    let table = table?;
                    self.table(table.ty);
                    if let TableInit::Expr(init) = &table.init {
                        self.constant(init)?;
                        self.proposals.add("function-references");
                    }
                }
            }
            Payload::MemorySection(memories) => {
                for memory in memories {
                    self.memory(memory?);
                }
            }
            Payload::TagSection(tags) => {
                for tag in tags {
                    self.tag(tag?.func_type_idx);
                }
            }
            Payload::GlobalSection(globals) => {
                for global in globals {
                    let global = global?;
                    self.global(global.ty);
                    self.constant(&global.init_expr)?;
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports {
                    self.export(export?);
                }
            }
            Payload::ElementSection(elements) => {
                for element in elements {
                    self.element(element?)?;
                }
            }
            Payload::DataCountSection { .. } => self.proposals.add("bulk-memory"),
            Payload::DataSection(segments) => {
                for segment in segments {
                    match segment?.kind {
                        DataKind::Passive => self.proposals.add("bulk-memory"),
                        DataKind::Active { offset_expr, .. } => self.constant(&offset_expr)?,
                    }
                }
            }
            Payload::CodeSectionEntry(body) => {
                self.bodies.push(body.range().end - body.range().start);
                self.proposals.body(&body)?;
            }
            Payload::CustomSection(custom) => self.custom(&custom),
            _ => {}
        }
        Ok(())
    }

    fn section(&mut self, payload: &Payload<'_>) {
        let (name, items) = match payload {
            Payload::TypeSection(reader) => ("type", Some(reader.count())),
            Payload::ImportSection(reader) => ("import", Some(reader.count())),
            Payload::FunctionSection(reader) => ("function", Some(reader.count())),
            Payload::TableSection(reader) => ("table", Some(reader.count())),
            Payload::MemorySection(reader) => ("memory", Some(reader.count())),
            Payload::TagSection(reader) => ("tag", Some(reader.count())),
            Payload::GlobalSection(reader) => ("global", Some(reader.count())),
            Payload::ExportSection(reader) => ("export", Some(reader.count())),
            Payload::StartSection { .. } => ("start", None),
            Payload::ElementSection(reader) => ("element", Some(reader.count())),
            Payload::DataCountSection { .. } => ("data count", None),
            Payload::DataSection(reader) => ("data", Some(reader.count())),
            Payload::CodeSectionStart { count, .. } => ("code", Some(*count)),
            Payload::CustomSection(custom) => (custom.name(), None),
            _ => return,
        };
        let Some((id, range)) = payload.as_section() else {
            return;
        };
        let custom = id == 0;
        let name = if custom {
            format!("custom \"{name}\"")
        } else {
            name.to_string()
        };
        self.sections.push(Section {
            name,
            items,
            bytes: range.end - range.start,
        });
    }

    fn import(&mut self, import: wasmparser::Import<'_>) {
        if let TypeRef::FuncExact(_) = import.ty {
            self.proposals.add("custom-descriptors");
        }
        let (kind, ty) = match import.ty {
            TypeRef::Func(ty) | TypeRef::FuncExact(ty) => {
                self.functions.push(ty);
                self.imported_functions += 1;
                ("function", self.signature(ty))
            }
            TypeRef::Table(ty) => {
                self.table(ty);
                ("table", show_table(&ty))
            }
            TypeRef::Memory(ty) => {
                self.memory(ty);
                ("memory", show_memory(&ty))
            }
            TypeRef::Global(ty) => {
                if ty.mutable {
                    self.proposals.add("mutable-global");
                }
                self.global(ty);
                self.imported_globals += 1;
                ("global", show_global(&ty))
            }
            TypeRef::Tag(ty) => {
                self.tag(ty.func_type_idx);
                ("tag", self.signature(ty.func_type_idx))
            }
        };
        self.imports.push(Import {
            module: import.module.to_string(),
            name: import.name.to_string(),
            kind,
            r#type: ty,
        });
    }

    fn export(&mut self, export: wasmparser::Export<'_>) {
        let index = export.index as usize;
        let (kind, ty) = match export.kind {
            ExternalKind::Func | ExternalKind::FuncExact => (
                "function",
                self.functions.get(index).map(|ty| self.signature(*ty)),
            ),
            ExternalKind::Table => ("table", self.tables.get(index).map(show_table)),
            ExternalKind::Memory => ("memory", self.memories.get(index).map(show_memory)),
            ExternalKind::Global => {
                let global = self.globals.get(index);
                if global.is_some_and(|global| global.mutable) {
                    self.proposals.add("mutable-global");
                }
                ("global", global.map(show_global))
            }
            ExternalKind::Tag => ("tag", self.tags.get(index).map(|ty| self.signature(*ty))),
        };
        self.exports.push(Export {
            name: export.name.to_string(),
            kind,
            index: export.index,
            r#type: ty.unwrap_or_else(|| format!("{kind} {index} does not exist")),
        });
    }

    fn table(&mut self, ty: TableType) {
        self.tables.push(ty);
        self.proposals.table(&ty, self.tables.len());
    }

    fn memory(&mut self, ty: MemoryType) {
        self.memories.push(ty);
        self.proposals.memory(&ty, self.memories.len());
    }

    fn global(&mut self, ty: GlobalType) {
        self.globals.push(ty);
        self.proposals.global(&ty);
    }

    fn constant(&mut self, expression: &ConstExpr<'_>) -> Result<()> {
        self.proposals.constant(expression, self.imported_globals)
    }

    fn tag(&mut self, ty: u32) {
        self.tags.push(ty);
        self.proposals.add("exceptions");
    }

    fn element(&mut self, element: wasmparser::Element<'_>) -> Result<()> {
        match element.kind {
            ElementKind::Passive => self.proposals.add("bulk-memory"),
            ElementKind::Declared => {
                self.proposals.add("bulk-memory");
                self.proposals.add("reference-types");
            }
            ElementKind::Active { offset_expr, .. } => self.constant(&offset_expr)?,
        }
        if let ElementItems::Expressions(ty, expressions) = element.items {
            self.proposals.value_type(ty.into());
            for expression in expressions {
                self.constant(&expression?)?;
            }
        }
        Ok(())
    }

    /// A name section that can't be read is as good as none: no part of a module's
    /// meaning depends on it.
    fn custom(&mut self, custom: &CustomSectionReader<'_>) {
        let names = match custom.as_known() {
            KnownCustom::Name(names) => names,
            KnownCustom::BranchHints(_) => return self.proposals.add("branch-hinting"),
            _ => return,
        };
        for name in names.into_iter().map_while(|name| name.ok()) {
            match name {
                Name::Module { name, .. } => self.module_name = Some(name.to_string()),
                Name::Function(names) => {
                    let names = names.into_iter().map_while(|naming| naming.ok());
                    self.function_names
                        .extend(names.map(|naming| (naming.index, naming.name.to_string())));
                }
                _ => {}
            }
        }
    }

    fn signature(&self, ty: u32) -> String {
        let Some(Some(ty)) = self.types.get(ty as usize) else {
            return format!("type {ty}, which is not a function type");
        };
        let list = |types: &[wasmparser::ValType]| {
            types
                .iter()
                .map(|ty| ty.to_string())
                .collect::<Vec<_>>()
                .join(", ")
        };
        match ty.results() {
            [] => format!("({})", list(ty.params())),
            [result] => format!("({}) -> {result}", list(ty.params())),
            results => format!("({}) -> ({})", list(ty.params()), list(results)),
        }
    }

    fn finish(self, bytes: usize) -> Summary {
        let mut largest: Vec<_> = (self.imported_functions as u32..)
            .zip(&self.bodies)
            .map(|(index, bytes)| (*bytes, index))
            .collect();
        // Of two equally large ones the first comes first.
        largest.sort_by_key(|(bytes, index)| (std::cmp::Reverse(*bytes), *index));
        largest.truncate(LARGEST);
        let largest = largest.into_iter().map(|(bytes, index)| Function {
            index,
            name: self.function_names.get(&index).cloned(),
            bytes,
        });
        Summary {
            name: self.module_name,
            bytes,
            proposals: self.proposals.names(),
            sections: self.sections,
            imports: self.imports,
            exports: self.exports,
            functions: Functions {
                imported: self.imported_functions,
                defined: self.bodies.len(),
                code_bytes: self.bodies.iter().sum(),
                largest: largest.collect(),
            },
        }
    }
}

fn show_table(ty: &TableType) -> String {
    let limits = show_limits(ty.initial, ty.maximum);
    format!(
        "{}{limits} {}",
        if ty.table64 { "64-bit, " } else { "" },
        ty.element_type
    )
}

fn show_memory(ty: &MemoryType) -> String {
    let mut text = format!("{} pages", show_limits(ty.initial, ty.maximum));
    if let Some(log2) = ty.page_size_log2 {
        text += &format!(" of {} bytes", 1u64.checked_shl(log2).unwrap_or(0));
    }
    for (is, word) in [(ty.memory64, "64-bit"), (ty.shared, "shared")] {
        if is {
            text += ", ";
            text += word;
        }
    }
    text
}

fn show_global(ty: &GlobalType) -> String {
    format!(
        "{}{}",
        if ty.mutable { "mut " } else { "" },
        ty.content_type
    )
}

fn show_limits(initial: u64, maximum: Option<u64>) -> String {
    match maximum {
        Some(maximum) => format!("{initial} to {maximum}"),
        None => format!("{initial} or more"),
    }
}
