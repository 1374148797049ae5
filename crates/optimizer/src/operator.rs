//! One operator at a time: this match only says which part of the translation does it.

use crate::func::Func;
use crate::objects::Extension;
use cranelift_codegen::ir::Opcode;
use cranelift_codegen::ir::types::{F32, F64, I32, I64};
use mainspring_abi::Builtin;
use mainspring_error::{Result, bail};
use mainspring_wasm::{FuncIndex, GlobalIndex, TableIndex, TagIndex, TypeIndex};
use wasmparser::Operator;

impl<'a> Func<'a, '_> {
    /// Translates one operator.
    pub(crate) fn operator(&mut self, operator: &Operator<'a>) -> Result<()> {
        if !self.reachable {
            self.skip(operator);
            return Ok(());
        }
        use Operator as O;
        match *operator {
            O::Nop => {}
            O::Unreachable => self.unreachable(),
            O::Block { blockty } => self.block(blockty)?,
            O::Loop { blockty } => self.loop_(blockty)?,
            O::If { blockty } => self.if_(blockty)?,
            O::Else => self.else_arm(),
            O::End => self.end(),
            O::Br { relative_depth } => self.br(relative_depth),
            O::BrIf { relative_depth } => self.br_if(relative_depth),
            O::BrTable { ref targets } => self.br_table(targets)?,
            O::Return => self.return_(),
            O::TryTable { ref try_table } => self.try_table(try_table)?,
            O::Throw { tag_index } => self.throw(TagIndex(tag_index)),
            O::ThrowRef => self.throw_ref(),
            O::Try { blockty } => self.try_(blockty)?,
            O::Catch { tag_index } => self.catch_clause(Some(TagIndex(tag_index))),
            O::CatchAll => self.catch_clause(None),
            O::Delegate { relative_depth } => self.delegate(relative_depth),
            O::Rethrow { relative_depth } => self.rethrow(relative_depth),

            O::Call { function_index } => self.call(FuncIndex(function_index))?,
            O::CallIndirect {
                type_index,
                table_index,
            } => self.call_indirect(TypeIndex(type_index), TableIndex(table_index)),
            O::ReturnCall { function_index } => self.return_call(FuncIndex(function_index)),
            O::ReturnCallIndirect {
                type_index,
                table_index,
            } => self.return_call_indirect(TypeIndex(type_index), TableIndex(table_index)),

            O::CallRef { type_index } => self.call_ref(TypeIndex(type_index)),
            O::ReturnCallRef { type_index } => self.return_call_ref(TypeIndex(type_index)),

            O::Drop => {
                self.pop();
            }
            O::Select | O::TypedSelect { .. } => self.select(),
            O::LocalGet { local_index } => self.local_get(local_index),
            O::LocalSet { local_index } => self.local_set(local_index),
            O::LocalTee { local_index } => self.local_tee(local_index),
            O::GlobalGet { global_index } => self.global_get(GlobalIndex(global_index)),
            O::GlobalSet { global_index } => self.global_set(GlobalIndex(global_index)),

            O::I32Load { ref memarg } => self.load(memarg, I32)?,
            O::I64Load { ref memarg } => self.load(memarg, I64)?,
            O::F32Load { ref memarg } => self.load(memarg, F32)?,
            O::F64Load { ref memarg } => self.load(memarg, F64)?,
            O::I32Load8S { ref memarg } => self.load_with(memarg, Opcode::Sload8, I32, 1)?,
            O::I32Load8U { ref memarg } => self.load_with(memarg, Opcode::Uload8, I32, 1)?,
            O::I32Load16S { ref memarg } => self.load_with(memarg, Opcode::Sload16, I32, 2)?,
            O::I32Load16U { ref memarg } => self.load_with(memarg, Opcode::Uload16, I32, 2)?,
            O::I64Load8S { ref memarg } => self.load_with(memarg, Opcode::Sload8, I64, 1)?,
            O::I64Load8U { ref memarg } => self.load_with(memarg, Opcode::Uload8, I64, 1)?,
            O::I64Load16S { ref memarg } => self.load_with(memarg, Opcode::Sload16, I64, 2)?,
            O::I64Load16U { ref memarg } => self.load_with(memarg, Opcode::Uload16, I64, 2)?,
            O::I64Load32S { ref memarg } => self.load_with(memarg, Opcode::Sload32, I64, 4)?,
            O::I64Load32U { ref memarg } => self.load_with(memarg, Opcode::Uload32, I64, 4)?,
            O::I32Store { ref memarg }
            | O::I64Store { ref memarg }
            | O::F32Store { ref memarg }
            | O::F64Store { ref memarg } => self.store(memarg)?,
            O::I32Store8 { ref memarg } | O::I64Store8 { ref memarg } => {
                self.store_with(memarg, Opcode::Istore8, 1)?;
            }
            O::I32Store16 { ref memarg } | O::I64Store16 { ref memarg } => {
                self.store_with(memarg, Opcode::Istore16, 2)?;
            }
            O::I64Store32 { ref memarg } => self.store_with(memarg, Opcode::Istore32, 4)?,
            O::MemorySize { mem } => self.memory_size(mem),
            O::MemoryGrow { mem } => self.memory_grow(mem),
            O::MemoryCopy { dst_mem, src_mem } => self.memory_copy(dst_mem, src_mem),
            O::MemoryFill { mem } => self.memory_fill(mem),
            O::MemoryInit { data_index, mem } => self.memory_init(data_index, mem),
            O::DataDrop { data_index } => self.data_drop(data_index),

            O::TableGet { table } => self.table_get(TableIndex(table)),
            O::TableSet { table } => self.table_set(TableIndex(table)),
            O::TableSize { table } => self.table_size(TableIndex(table)),
            O::TableGrow { table } => self.table_grow(TableIndex(table)),
            O::TableFill { table } => self.table_fill(TableIndex(table)),
            O::TableCopy {
                dst_table,
                src_table,
            } => self.table_copy(TableIndex(dst_table), TableIndex(src_table)),
            O::TableInit { elem_index, table } => self.table_init(elem_index, TableIndex(table)),
            O::ElemDrop { elem_index } => self.elem_drop(elem_index),
            O::RefNull { hty } => self.ref_null(crate::types::decoded_heap_type(hty)?),
            O::RefIsNull => self.ref_is_null(),
            O::RefFunc { function_index } => self.ref_func(FuncIndex(function_index)),
            O::RefAsNonNull => self.ref_as_non_null(),
            O::BrOnNull { relative_depth } => self.br_on_null(relative_depth),
            O::BrOnNonNull { relative_depth } => self.br_on_non_null(relative_depth),
            O::RefTestNonNull { hty } => self.ref_test(hty, false)?,
            O::RefTestNullable { hty } => self.ref_test(hty, true)?,
            O::RefCastNonNull { hty } => self.ref_cast(hty, false)?,
            O::RefCastNullable { hty } => self.ref_cast(hty, true)?,
            O::BrOnCast {
                relative_depth,
                to_ref_type,
                ..
            } => self.br_on_cast(relative_depth, to_ref_type)?,
            O::BrOnCastFail {
                relative_depth,
                to_ref_type,
                ..
            } => self.br_on_cast_fail(relative_depth, to_ref_type)?,

            O::StructNew { struct_type_index } => self.struct_new(TypeIndex(struct_type_index)),
            O::StructNewDefault { struct_type_index } => {
                self.struct_new_default(TypeIndex(struct_type_index));
            }
            O::StructGet {
                struct_type_index,
                field_index,
            } => self.struct_get(TypeIndex(struct_type_index), field_index, Extension::No),
            O::StructGetS {
                struct_type_index,
                field_index,
            } => self.struct_get(TypeIndex(struct_type_index), field_index, Extension::Signed),
            O::StructGetU {
                struct_type_index,
                field_index,
            } => self.struct_get(
                TypeIndex(struct_type_index),
                field_index,
                Extension::Unsigned,
            ),
            O::StructSet {
                struct_type_index,
                field_index,
            } => self.struct_set(TypeIndex(struct_type_index), field_index),

            O::ArrayNew { array_type_index } => self.array_new(TypeIndex(array_type_index)),
            O::ArrayNewDefault { array_type_index } => {
                self.array_new_default(TypeIndex(array_type_index));
            }
            O::ArrayNewFixed {
                array_type_index,
                array_size,
            } => self.array_new_fixed(TypeIndex(array_type_index), array_size),
            O::ArrayNewData {
                array_type_index,
                array_data_index,
            } => self.array_new_from(
                Builtin::ArrayNewData,
                TypeIndex(array_type_index),
                array_data_index,
            ),
            O::ArrayNewElem {
                array_type_index,
                array_elem_index,
            } => self.array_new_from(
                Builtin::ArrayNewElem,
                TypeIndex(array_type_index),
                array_elem_index,
            ),
            O::ArrayGet { array_type_index } => {
                self.array_get(TypeIndex(array_type_index), Extension::No);
            }
            O::ArrayGetS { array_type_index } => {
                self.array_get(TypeIndex(array_type_index), Extension::Signed);
            }
            O::ArrayGetU { array_type_index } => {
                self.array_get(TypeIndex(array_type_index), Extension::Unsigned);
            }
            O::ArraySet { array_type_index } => self.array_set(TypeIndex(array_type_index)),
            O::ArrayLen => self.array_len(),
            O::ArrayFill { .. } => self.array_fill(),
            O::ArrayCopy { .. } => self.array_copy(),
            O::ArrayInitData {
                array_data_index, ..
            } => self.array_init_from(Builtin::ArrayInitData, array_data_index),
            O::ArrayInitElem {
                array_elem_index, ..
            } => self.array_init_from(Builtin::ArrayInitElem, array_elem_index),

            O::RefEq => self.ref_eq(),
            O::RefI31 => self.ref_i31(),
            O::I31GetS => self.i31_get(true),
            O::I31GetU => self.i31_get(false),
            // The reference stays as it is.
            O::AnyConvertExtern | O::ExternConvertAny => {}

            _ => {
                if !self.numeric(operator) && !self.vector(operator)? && !self.atomic(operator)? {
                    bail!("the instruction {operator:?} is not supported");
                }
            }
        }
        Ok(())
    }
}
