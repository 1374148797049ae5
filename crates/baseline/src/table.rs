//! Tables and references. Each element takes 8 bytes; see `VMTableDefinition`.

use crate::body::Ty;
use crate::state::{Entry, Func};
use crate::x64::{Alu, Cond, Mem, Reg, Rm, SCRATCH, Shift};
use mainspring_abi::gc::TABLE_CARD_SHIFT;
use mainspring_abi::{Builtin, TrapCode, VMFunctionImport, VMTableDefinition};
use mainspring_error::Result;
use mainspring_wasm::{FuncIndex, StorageType, TableIndex, ValType};
use std::mem::offset_of;

/// An element of a table.
struct Element {
    at: Mem,
    index: Reg,
    /// May be overwritten once the element was accessed.
    aside: Reg,
}

impl Func<'_, '_> {
    fn table(&mut self) -> TableIndex {
        TableIndex(self.body.u32())
    }

    pub(crate) fn table_get(&mut self) {
        let table = self.table();
        let at = self.element_address(table);
        let ty = self.element_type(table);
        let to = self.result_reg(ty);
        self.may_trap(TrapCode::TableOutOfBounds);
        self.asm.load(ty == Ty::I64, to, at);
        self.push_reg(to, ty);
    }

    pub(crate) fn table_set(&mut self) {
        let table = self.table();
        let value = self.pop();
        let value = self.in_clean_reg(value);
        let Element { at, index, aside } = self.table_element(table);
        self.may_trap(TrapCode::TableOutOfBounds);
        self.asm.store(true, at, value);
        if self.holds_objects(table) {
            self.asm.mov(true, aside, index);
            self.asm
                .shift_imm(Shift::Shr, true, aside, TABLE_CARD_SHIFT as u8);
            let definition = self.table_definition(table);
            let cards = definition.plus(offset_of!(VMTableDefinition, cards) as i32);
            self.asm.load(true, SCRATCH, cards);
            self.asm.store_imm8(Mem::indexed(SCRATCH, aside, 0, 0), 1);
        }
    }

    /// Whether the collector follows a table's elements.
    fn holds_objects(&self, table: TableIndex) -> bool {
        let element = self.module.tables[table.index()].element;
        self.is_traced(StorageType::Val(ValType::Ref(element)))
    }

    pub(crate) fn table_size(&mut self) {
        let table = self.table();
        let ty = self.index_type(table);
        if let Some(length) = self.fixed_length(table) {
            return self.push_const(length, ty);
        }
        let to = self.result_reg(ty);
        let definition = self.table_definition(table);
        let length = definition.plus(offset_of!(VMTableDefinition, length) as i32);
        self.asm.load(true, to, length);
        self.push_reg(to, ty);
    }

    pub(crate) fn table_grow(&mut self) {
        let table = self.table();
        let (value, delta) = self.pop2();
        self.call_builtin(Builtin::TableGrow, &[Entry::i32(table.0), delta, value]);
        let ty = self.index_type(table);
        self.push_int_result(ty);
    }

    pub(crate) fn table_fill(&mut self) {
        let table = self.table();
        let (to, value, count) = self.pop3();
        let args = [Entry::i32(table.0), to, value, count];
        self.call_builtin(Builtin::TableFill, &args);
    }

    pub(crate) fn table_copy(&mut self) {
        let (to_table, from_table) = (self.table(), self.table());
        let (to, from, count) = self.pop3();
        let tables = (Entry::i32(to_table.0), Entry::i32(from_table.0));
        let args = [tables.0, tables.1, to, from, count];
        self.call_builtin(Builtin::TableCopy, &args);
    }

    pub(crate) fn table_init(&mut self) {
        let segment = self.body.u32();
        let table = self.table();
        let (to, from, count) = self.pop3();
        let entities = (Entry::i32(table.0), Entry::i32(segment));
        let args = [entities.0, entities.1, to, from, count];
        self.call_builtin(Builtin::TableInit, &args);
    }

    pub(crate) fn elem_drop(&mut self) {
        let segment = self.body.u32();
        self.call_builtin(Builtin::ElemDrop, &[Entry::i32(segment)]);
    }

    fn element_type(&self, table: TableIndex) -> Ty {
        let element = self.module.tables[table.index()].element;
        Ty::of(self.module, ValType::Ref(element))
    }

    fn index_type(&self, table: TableIndex) -> Ty {
        match self.module.tables[table.index()].table64 {
            true => Ty::I64,
            false => Ty::I32,
        }
    }

    /// Pops an index and says where that element is. The instruction that accesses it may trap.
    pub(crate) fn element_address(&mut self, table: TableIndex) -> Mem {
        self.table_element(table).at
    }

    /// Pops an index and checks it.
    fn table_element(&mut self, table: TableIndex) -> Element {
        let index = self.pop();
        let index = self.in_clean_reg(index);
        let base = self.alloc(Ty::I64);
        let definition = self.table_definition(table);
        let from = definition.plus(offset_of!(VMTableDefinition, base) as i32);
        self.asm.load(true, base, from);
        match self.fixed_length(table) {
            Some(length) if i32::try_from(length).is_ok() => {
                self.asm
                    .alu_imm(Alu::Cmp, true, Rm::Reg(index), length as i32);
            }
            Some(length) => self.alu_const(Alu::Cmp, index, length),
            None => {
                let length = definition.plus(offset_of!(VMTableDefinition, length) as i32);
                self.asm.alu(Alu::Cmp, true, index, Rm::Mem(length));
            }
        }
        if !self.input.settings.spectre_mitigation {
            let trap = self.trap_label(TrapCode::TableOutOfBounds);
            self.asm.jcc(Cond::AboveEqual, trap);
            return Element {
                at: Mem::indexed(base, index, 3, 0),
                index,
                aside: base,
            };
        }
        // An address near 0 for what is out of bounds, even where a branch was mispredicted.
        let at = Mem::indexed(base, index, 3, 0);
        self.asm.lea(true, base, at);
        self.asm.mov_imm(SCRATCH, 0);
        self.asm
            .cmov(Cond::AboveEqual, true, base, Rm::Reg(SCRATCH));
        Element {
            at: Mem::at(base, 0),
            index,
            aside: base,
        }
    }

    /// The size of a table that can't grow.
    fn fixed_length(&self, table: TableIndex) -> Option<u64> {
        let ty = &self.module.tables[table.index()];
        ty.maximum.filter(|&maximum| maximum == ty.minimum)
    }

    /// Where a table's definition is. May use the scratch register.
    fn table_definition(&mut self, table: TableIndex) -> Mem {
        let offsets = self.input.offsets;
        let vmctx = self.vmctx();
        match self.module.defined_table(table) {
            Some(_) => Mem::at(vmctx, offsets.defined_table(table) as i32),
            None => {
                let pointer = Mem::at(vmctx, offsets.table_import(table) as i32);
                self.asm.load(true, SCRATCH, pointer);
                Mem::at(SCRATCH, 0)
            }
        }
    }

    // References.

    pub(crate) fn ref_null(&mut self) -> Result<()> {
        let ty = self.body.reference_type(self.module)?;
        self.push_const(0, ty);
        Ok(())
    }

    /// Has flags say whether the uppermost operand, which stays, is null: equal if it is.
    pub(crate) fn test_null(&mut self) {
        let reference = self.top();
        let reg = self.in_reg(reference);
        self.asm.test(reference.ty == Ty::I64, reg, reg);
    }

    pub(crate) fn ref_as_non_null(&mut self) {
        self.test_null();
        let null = self.trap_label(TrapCode::NullReference);
        self.asm.jcc(Cond::Equal, null);
    }

    pub(crate) fn ref_func(&mut self) {
        let func = FuncIndex(self.body.u32());
        let offsets = self.input.offsets;
        let to = self.result_reg(Ty::I64);
        let vmctx = self.vmctx();
        if self.module.defined_func(func).is_some() {
            let index = self.module.func_ref_index[func.index()]
                .expect("a function that `ref.func` names escapes");
            let at = Mem::at(vmctx, offsets.func_ref(index) as i32);
            self.asm.lea(true, to, at);
        } else {
            let field = offset_of!(VMFunctionImport, func_ref) as u32;
            let at = Mem::at(vmctx, (offsets.function_import(func) + field) as i32);
            self.asm.load(true, to, at);
        }
        self.push_reg(to, Ty::I64);
    }
}
