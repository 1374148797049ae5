//! Tables and references. Each element takes 8 bytes; see `VMTableDefinition`.

use crate::func::{Func, Region};
use crate::types::ref_type;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I8, I32, I64};
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Value};
use mainspring_abi::gc::TABLE_CARD_SHIFT;
use mainspring_abi::{Builtin, TrapCode, VMFunctionImport, VMTableDefinition};
use mainspring_wasm::{FuncIndex, HeapType, RefKind, RefType, TableIndex, ValType};
use std::mem::offset_of;

impl Func<'_, '_> {
    /// Pops an index and loads that element.
    pub(crate) fn table_load(&mut self, table: TableIndex) -> Value {
        let index = self.pop();
        let (address, flags) = self.element_address(table, index);
        let ty = ref_type(self.element_kind(table));
        self.builder.ins().load(ty, flags, address, 0)
    }

    pub(crate) fn table_get(&mut self, table: TableIndex) {
        let value = self.table_load(table);
        let ty = ValType::Ref(self.module.tables[table.index()].element);
        self.push_of(value, ty);
    }

    pub(crate) fn table_set(&mut self, table: TableIndex) {
        let (index, value) = self.pop2();
        let (address, flags) = self.element_address(table, index);
        let value = self.widen(value);
        self.builder.ins().store(flags, value, address, 0);
        if self.element_kind(table) == RefKind::Gc {
            let index = self.widen(index);
            self.mark_table_card(table, index);
        }
    }

    /// Notes that a reference in a table was changed.
    fn mark_table_card(&mut self, table: TableIndex, index: Value) {
        let cards = self.table_field(table, offset_of!(VMTableDefinition, cards));
        let card = (self.builder.ins()).ushr_imm_u(index, i64::from(TABLE_CARD_SHIFT));
        let card = self.builder.ins().iadd(cards, card);
        let flags = self.object_flags(Region::Cards);
        let changed = self.builder.ins().iconst(I8, 1);
        self.builder.ins().store(flags, changed, card, 0);
    }

    pub(crate) fn table_size(&mut self, table: TableIndex) {
        let length = self.table_length(table);
        let size = self.narrow(length, self.module.tables[table.index()].table64);
        self.push(size);
    }

    pub(crate) fn table_grow(&mut self, table: TableIndex) {
        let (value, delta) = self.pop2();
        let (value, delta) = (self.widen(value), self.widen(delta));
        let number = self.iconst32(table.0);
        let before = self.call_builtin(Builtin::TableGrow, &[number, delta, value]);
        let before = before.expect("the builtin has a result");
        let before = self.narrow(before, self.module.tables[table.index()].table64);
        self.push(before);
    }

    pub(crate) fn table_fill(&mut self, table: TableIndex) {
        let (to, value, count) = self.pop3();
        let args = [
            self.iconst32(table.0),
            self.widen(to),
            self.widen(value),
            self.widen(count),
        ];
        self.call_builtin(Builtin::TableFill, &args);
    }

    pub(crate) fn table_copy(&mut self, to_table: TableIndex, from_table: TableIndex) {
        let (to, from, count) = self.pop3();
        let args = [
            self.iconst32(to_table.0),
            self.iconst32(from_table.0),
            self.widen(to),
            self.widen(from),
            self.widen(count),
        ];
        self.call_builtin(Builtin::TableCopy, &args);
    }

    pub(crate) fn table_init(&mut self, segment: u32, table: TableIndex) {
        let (to, from, count) = self.pop3();
        let args = [
            self.iconst32(table.0),
            self.iconst32(segment),
            self.widen(to),
            from,
            count,
        ];
        self.call_builtin(Builtin::TableInit, &args);
    }

    pub(crate) fn elem_drop(&mut self, segment: u32) {
        let segment = self.iconst32(segment);
        self.call_builtin(Builtin::ElemDrop, &[segment]);
    }

    fn element_kind(&self, table: TableIndex) -> RefKind {
        self.module
            .ref_kind(self.module.tables[table.index()].element)
    }

    /// Where an element is, and how to access it, with its index checked.
    fn element_address(&mut self, table: TableIndex, index: Value) -> (Value, MemFlagsData) {
        let index = self.widen(index);
        let length = self.table_length(table);
        let out_of_bounds =
            self.builder
                .ins()
                .icmp(IntCC::UnsignedGreaterThanOrEqual, index, length);
        let base = self.table_field(table, offset_of!(VMTableDefinition, base));
        let bytes = self.builder.ins().ishl_imm_u(index, 3);
        let address = self.builder.ins().iadd(base, bytes);
        let (address, flags) = self.guard_address(
            out_of_bounds,
            address,
            TrapCode::TableOutOfBounds,
            Region::Tables,
        );
        (address, flags.with_aligned())
    }

    /// The size of a table that can't grow.
    fn fixed_length(&self, table: TableIndex) -> Option<u64> {
        let ty = &self.module.tables[table.index()];
        ty.maximum.filter(|&maximum| maximum == ty.minimum)
    }

    fn table_length(&mut self, table: TableIndex) -> Value {
        if let Some(length) = self.fixed_length(table) {
            return self.builder.ins().iconst(I64, length as i64);
        }
        let (definition, offset) = self.table_definition(table);
        let offset = offset + offset_of!(VMTableDefinition, length) as i32;
        let flags = self.trusted_flags(Region::Context);
        self.builder.ins().load(I64, flags, definition, offset)
    }

    /// A field of the definition that does not change where a table can't grow.
    fn table_field(&mut self, table: TableIndex, field: usize) -> Value {
        let flags = match self.fixed_length(table) {
            Some(_) => self.readonly_flags(),
            None => self.trusted_flags(Region::Context),
        };
        let (definition, offset) = self.table_definition(table);
        let offset = offset + field as i32;
        self.builder.ins().load(I64, flags, definition, offset)
    }

    fn table_definition(&mut self, table: TableIndex) -> (Value, i32) {
        let offsets = self.input.offsets;
        match self.module.defined_table(table) {
            Some(_) => (self.vmctx, offsets.defined_table(table) as i32),
            None => (self.context_constant(I64, offsets.table_import(table)), 0),
        }
    }

    // References.

    pub(crate) fn ref_null(&mut self, heap: HeapType) {
        let ty = RefType {
            nullable: true,
            heap,
        };
        let kind = self.module.ref_kind(ty);
        let null = self.zero(ref_type(kind));
        if kind == RefKind::Gc {
            self.references.insert(null);
        }
        self.push(null);
    }

    pub(crate) fn ref_is_null(&mut self) {
        let reference = self.pop();
        let is_null = self.is_null(reference);
        self.push_bool(is_null);
    }

    pub(crate) fn ref_as_non_null(&mut self) {
        let reference = self.top();
        let is_null = self.is_null(reference);
        self.trap_if(is_null, TrapCode::NullReference);
    }

    pub(crate) fn ref_func(&mut self, func: FuncIndex) {
        let offsets = self.input.offsets;
        let reference = if self.module.defined_func(func).is_some() {
            let index = self.module.func_ref_index[func.index()]
                .expect("a function that `ref.func` names escapes");
            self.context_address(offsets.func_ref(index))
        } else {
            let field = offset_of!(VMFunctionImport, func_ref) as u32;
            self.context_constant(I64, offsets.function_import(func) + field)
        };
        self.push(reference);
        debug_assert_ne!(self.type_of(reference), I32);
    }
}
