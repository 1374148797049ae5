//! Which proposals beyond the first version of WebAssembly a module uses: from the
//! operators in its bodies, and from what its declarations could not say without them.

use std::collections::BTreeSet;
use wasmparser::{
    BinaryReaderError, BlockType, CompositeInnerType, ConstExpr, FunctionBody, HeapType,
    MemoryType, Operator, RecGroup, RefType, StorageType, TableType, ValType,
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

    /// A constant expression. Of the arithmetic, only `extended-const` allows any there.
    pub(super) fn constant(&mut self, expression: &ConstExpr<'_>) -> Result<()> {
        use Operator::{I32Add, I32Mul, I32Sub, I64Add, I64Mul, I64Sub};
        for operator in expression.get_operators_reader() {
            let operator = operator?;
            if matches!(
                operator,
                I32Add | I32Sub | I32Mul | I64Add | I64Sub | I64Mul
            ) {
                self.add("extended-const");
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
    }

    /// Operators of the first version that take more than they did then.
    fn first_version(&mut self, operator: &Operator<'_>) {
        match operator {
            Operator::Block { blockty } | Operator::Loop { blockty } | Operator::If { blockty } => {
                match blockty {
                    BlockType::Empty => {}
                    BlockType::Type(ty) => self.value_type(*ty),
                    BlockType::FuncType(_) => self.add("multi-value"),
                }
            }
            Operator::CallIndirect { table_index, .. } if *table_index != 0 => {
                self.add("reference-types")
            }
            _ => {}
        }
    }

    pub(super) fn type_group(&mut self, group: &RecGroup) {
        if group.types().len() != 1 {
            self.add("gc");
        }
        for ty in group.types() {
            if !ty.is_final || !ty.supertype_idxs.is_empty() {
                self.add("gc");
            }
            match &ty.composite_type.inner {
                CompositeInnerType::Func(ty) => {
                    if ty.results().len() > 1 {
                        self.add("multi-value");
                    }
                    ty.params()
                        .iter()
                        .chain(ty.results())
                        .for_each(|ty| self.value_type(*ty));
                }
                CompositeInnerType::Array(ty) => self.field(ty.0.element_type),
                CompositeInnerType::Struct(ty) => ty
                    .fields
                    .iter()
                    .for_each(|field| self.field(field.element_type)),
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
        match ty.heap_type() {
            HeapType::Abstract { ty: Func, .. } => {}
            HeapType::Abstract { ty: Extern, .. } => self.add("reference-types"),
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

    pub(super) fn table(&mut self, ty: &TableType, count: usize) {
        self.reference_type(ty.element_type);
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

    #[track_caller]
    fn check(wat: &str, expected: &[&str]) {
        let bytes = wat::parse_str(wat).expect("the text parses");
        let summary = summarize(&bytes).expect("the module decodes");
        assert_eq!(summary.proposals, expected, "{wat}");
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
            &["gc", "reference-types"],
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
        check("(module (type (sub (func))))", &["gc"]);
        check(
            "(module (type $t (func)) (table 1 (ref null $t)))",
            &["function-references"],
        );
    }
}
