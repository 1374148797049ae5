//! From the decoder's types to ours, entry by entry. What we have no form for is refused with the
//! name of its proposal, whatever the feature flags say.

use crate::const_expr::{ConstExpr, ConstOp};
use crate::index::*;
use crate::types::*;
use mainspring_error::{Result, bail};
use wasmparser::{AbstractHeapType, CompositeInnerType, Operator, PackedIndex, UnpackedIndex};

pub(crate) fn sub_type(ty: &wasmparser::SubType) -> Result<SubType> {
    if ty.composite_type.shared {
        bail!("a type is shared: the shared-everything-threads proposal is not supported");
    }
    let composite = match &ty.composite_type.inner {
        CompositeInnerType::Func(ty) => CompositeType::Func(func_type(ty)?),
        CompositeInnerType::Array(ty) => CompositeType::Array(field_type(&ty.0)?),
        CompositeInnerType::Struct(ty) => {
            CompositeType::Struct(ty.fields.iter().map(field_type).collect::<Result<_>>()?)
        }
        CompositeInnerType::Cont(_) => {
            bail!("a type is a continuation: the stack-switching proposal is not supported")
        }
    };
    let supertype = ty
        .supertype_idxs
        .first()
        .copied()
        .map(packed_index)
        .transpose()?;
    Ok(SubType {
        is_final: ty.is_final,
        supertype,
        composite,
    })
}

fn packed_index(index: PackedIndex) -> Result<ConcreteType> {
    concrete(index.unpack())
}

fn concrete(index: UnpackedIndex) -> Result<ConcreteType> {
    match index {
        UnpackedIndex::Module(index) => Ok(ConcreteType::Module(TypeIndex(index))),
        _ => bail!("a type index that does not count in the module"),
    }
}

pub(crate) fn func_type(ty: &wasmparser::FuncType) -> Result<FuncType> {
    Ok(FuncType {
        params: ty
            .params()
            .iter()
            .copied()
            .map(val_type)
            .collect::<Result<_>>()?,
        results: ty
            .results()
            .iter()
            .copied()
            .map(val_type)
            .collect::<Result<_>>()?,
    })
}

fn field_type(ty: &wasmparser::FieldType) -> Result<FieldType> {
    let storage = match ty.element_type {
        wasmparser::StorageType::I8 => StorageType::I8,
        wasmparser::StorageType::I16 => StorageType::I16,
        wasmparser::StorageType::Val(ty) => StorageType::Val(val_type(ty)?),
    };
    Ok(FieldType {
        storage,
        mutable: ty.mutable,
    })
}

pub(crate) fn val_type(ty: wasmparser::ValType) -> Result<ValType> {
    Ok(match ty {
        wasmparser::ValType::I32 => ValType::I32,
        wasmparser::ValType::I64 => ValType::I64,
        wasmparser::ValType::F32 => ValType::F32,
        wasmparser::ValType::F64 => ValType::F64,
        wasmparser::ValType::V128 => ValType::V128,
        wasmparser::ValType::Ref(ty) => ValType::Ref(ref_type(ty)?),
    })
}

pub(crate) fn ref_type(ty: wasmparser::RefType) -> Result<RefType> {
    Ok(RefType {
        nullable: ty.is_nullable(),
        heap: heap_type(ty.heap_type())?,
    })
}

pub(crate) fn heap_type(ty: wasmparser::HeapType) -> Result<HeapType> {
    Ok(match ty {
        wasmparser::HeapType::Concrete(index) => HeapType::Concrete(concrete(index)?),
        wasmparser::HeapType::Exact(_) => {
            bail!("a reference type is exact: the custom-descriptors proposal is not supported")
        }
        wasmparser::HeapType::Abstract { shared: true, .. } => {
            bail!(
                "a reference type is shared: the shared-everything-threads proposal is not supported"
            )
        }
        wasmparser::HeapType::Abstract { shared: false, ty } => match ty {
            AbstractHeapType::Func => HeapType::Func,
            AbstractHeapType::Extern => HeapType::Extern,
            AbstractHeapType::Any => HeapType::Any,
            AbstractHeapType::None => HeapType::None,
            AbstractHeapType::NoExtern => HeapType::NoExtern,
            AbstractHeapType::NoFunc => HeapType::NoFunc,
            AbstractHeapType::Eq => HeapType::Eq,
            AbstractHeapType::Struct => HeapType::Struct,
            AbstractHeapType::Array => HeapType::Array,
            AbstractHeapType::I31 => HeapType::I31,
            AbstractHeapType::Exn => HeapType::Exn,
            AbstractHeapType::NoExn => HeapType::NoExn,
            AbstractHeapType::Cont | AbstractHeapType::NoCont => {
                bail!(
                    "a reference type is a continuation: the stack-switching proposal is not supported"
                )
            }
        },
    })
}

pub(crate) fn table_type(ty: wasmparser::TableType) -> Result<TableType> {
    if ty.shared {
        bail!("a table is shared: the shared-everything-threads proposal is not supported");
    }
    Ok(TableType {
        element: ref_type(ty.element_type)?,
        table64: ty.table64,
        minimum: ty.initial,
        maximum: ty.maximum,
    })
}

pub(crate) fn memory_type(ty: wasmparser::MemoryType) -> MemoryType {
    MemoryType {
        memory64: ty.memory64,
        shared: ty.shared,
        minimum: ty.initial,
        maximum: ty.maximum,
        page_size_log2: ty.page_size_log2.unwrap_or(16) as u8,
    }
}

pub(crate) fn global_type(ty: wasmparser::GlobalType) -> Result<GlobalType> {
    if ty.shared {
        bail!("a global is shared: the shared-everything-threads proposal is not supported");
    }
    Ok(GlobalType {
        content: val_type(ty.content_type)?,
        mutable: ty.mutable,
    })
}

pub(crate) fn const_expr(expr: &wasmparser::ConstExpr<'_>) -> Result<ConstExpr> {
    let mut ops = ConstExpr(Default::default());
    for op in expr.get_operators_reader() {
        ops.0.push(match op? {
            Operator::I32Const { value } => ConstOp::I32(value),
            Operator::I64Const { value } => ConstOp::I64(value),
            Operator::F32Const { value } => ConstOp::F32(value.bits()),
            Operator::F64Const { value } => ConstOp::F64(value.bits()),
            Operator::V128Const { value } => ConstOp::V128(u128::from_le_bytes(*value.bytes())),
            Operator::GlobalGet { global_index } => ConstOp::GlobalGet(GlobalIndex(global_index)),
            Operator::RefNull { hty } => ConstOp::RefNull(heap_type(hty)?),
            Operator::RefFunc { function_index } => ConstOp::RefFunc(FuncIndex(function_index)),
            Operator::I32Add => ConstOp::I32Add,
            Operator::I32Sub => ConstOp::I32Sub,
            Operator::I32Mul => ConstOp::I32Mul,
            Operator::I64Add => ConstOp::I64Add,
            Operator::I64Sub => ConstOp::I64Sub,
            Operator::I64Mul => ConstOp::I64Mul,
            Operator::RefI31 => ConstOp::RefI31,
            Operator::StructNew { struct_type_index } => {
                ConstOp::StructNew(TypeIndex(struct_type_index))
            }
            Operator::StructNewDefault { struct_type_index } => {
                ConstOp::StructNewDefault(TypeIndex(struct_type_index))
            }
            Operator::ArrayNew { array_type_index } => {
                ConstOp::ArrayNew(TypeIndex(array_type_index))
            }
            Operator::ArrayNewDefault { array_type_index } => {
                ConstOp::ArrayNewDefault(TypeIndex(array_type_index))
            }
            Operator::ArrayNewFixed {
                array_type_index,
                array_size,
            } => ConstOp::ArrayNewFixed(TypeIndex(array_type_index), array_size),
            Operator::AnyConvertExtern | Operator::ExternConvertAny => continue,
            Operator::End => break,
            other => bail!("{other:?} in a constant expression is not supported"),
        });
    }
    Ok(ops)
}
