//! Types: what the decoder says, what the module declares, what Cranelift works with.

use cranelift_codegen::ir::types::{F32, F64, I8X16, I32, I64};
use cranelift_codegen::ir::{self, AbiParam, ArgumentPurpose, Signature};
use cranelift_codegen::isa::CallConv;
use mainspring_abi::{Builtin, BuiltinParam, ResultPassing};
use mainspring_error::{Result, bail};
use mainspring_wasm::{
    ConcreteType, FuncType, HeapType, ModuleInfo, RefKind, RefType, TypeIndex, ValType,
};
use wasmparser::{AbstractHeapType, UnpackedIndex};

/// Cranelift's type of a value. Vectors are `i8x16` wherever they cross from one block, variable
/// or function to another; between those places they have the type that made them.
pub(crate) fn value_type(module: &ModuleInfo, ty: ValType) -> ir::Type {
    match ty {
        ValType::I32 => I32,
        ValType::I64 => I64,
        ValType::F32 => F32,
        ValType::F64 => F64,
        ValType::V128 => I8X16,
        ValType::Ref(ty) => ref_type(module.ref_kind(ty)),
    }
}

/// Cranelift's type of a reference.
pub(crate) fn ref_type(kind: RefKind) -> ir::Type {
    match kind {
        RefKind::Func => I64,
        RefKind::Gc => I32,
    }
}

/// A type in a body, as the module's description would have it.
pub(crate) fn decoded_type(ty: wasmparser::ValType) -> Result<ValType> {
    Ok(match ty {
        wasmparser::ValType::I32 => ValType::I32,
        wasmparser::ValType::I64 => ValType::I64,
        wasmparser::ValType::F32 => ValType::F32,
        wasmparser::ValType::F64 => ValType::F64,
        wasmparser::ValType::V128 => ValType::V128,
        wasmparser::ValType::Ref(ty) => ValType::Ref(RefType {
            nullable: ty.is_nullable(),
            heap: decoded_heap_type(ty.heap_type())?,
        }),
    })
}

/// A heap type in a body, as the module's description would have it.
pub(crate) fn decoded_heap_type(ty: wasmparser::HeapType) -> Result<HeapType> {
    Ok(match ty {
        wasmparser::HeapType::Abstract { ty, .. } => match ty {
            AbstractHeapType::Func => HeapType::Func,
            AbstractHeapType::NoFunc => HeapType::NoFunc,
            AbstractHeapType::Extern => HeapType::Extern,
            AbstractHeapType::NoExtern => HeapType::NoExtern,
            AbstractHeapType::Any => HeapType::Any,
            AbstractHeapType::Eq => HeapType::Eq,
            AbstractHeapType::I31 => HeapType::I31,
            AbstractHeapType::Struct => HeapType::Struct,
            AbstractHeapType::Array => HeapType::Array,
            AbstractHeapType::None => HeapType::None,
            AbstractHeapType::Exn => HeapType::Exn,
            AbstractHeapType::NoExn => HeapType::NoExn,
            other => bail!("a reference to {other:?}, which is not supported"),
        },
        wasmparser::HeapType::Concrete(UnpackedIndex::Module(index)) => {
            HeapType::Concrete(ConcreteType::Module(TypeIndex(index)))
        }
        other => bail!("a reference to {other:?}, which is not supported"),
    })
}

/// The types of a block, borrowed from the module where they are more than one result.
#[derive(Clone, Copy, Debug)]
pub(crate) enum BlockTypes<'a> {
    /// At most one result.
    Simple(Option<ValType>),
    /// As a function's.
    Func(&'a FuncType),
}

impl<'a> BlockTypes<'a> {
    /// The types that a block declares.
    pub(crate) fn new(module: &'a ModuleInfo, ty: wasmparser::BlockType) -> Result<BlockTypes<'a>> {
        Ok(match ty {
            wasmparser::BlockType::Empty => BlockTypes::Simple(None),
            wasmparser::BlockType::Type(ty) => BlockTypes::Simple(Some(decoded_type(ty)?)),
            wasmparser::BlockType::FuncType(index) => {
                BlockTypes::Func(module.func_type_at(TypeIndex(index)))
            }
        })
    }

    /// What it takes from the operand stack.
    pub(crate) fn params(&self) -> &[ValType] {
        match self {
            BlockTypes::Simple(_) => &[],
            BlockTypes::Func(ty) => &ty.params,
        }
    }

    /// What it leaves there.
    pub(crate) fn results(&self) -> &[ValType] {
        match self {
            BlockTypes::Simple(ty) => ty.as_slice(),
            BlockTypes::Func(ty) => &ty.results,
        }
    }
}

/// The signature of a wasm function, by the convention of `mainspring_abi::call_layout`.
pub(crate) fn wasm_signature(module: &ModuleInfo, ty: &FuncType) -> Signature {
    let mut signature = Signature::new(CallConv::Tail);
    signature
        .params
        .push(AbiParam::special(I64, ArgumentPurpose::VMContext));
    let param = |&ty: &ValType| AbiParam::new(value_type(module, ty));
    match ResultPassing::of(&ty.results) {
        ResultPassing::Registers => signature.returns.extend(ty.results.iter().map(param)),
        ResultPassing::Memory => signature.params.push(AbiParam::new(I64)),
    }
    signature.params.extend(ty.params.iter().map(param));
    signature
}

/// The signature of a builtin.
pub(crate) fn builtin_signature(builtin: Builtin) -> Signature {
    let param = |param: BuiltinParam| {
        AbiParam::new(match param {
            BuiltinParam::I32 => I32,
            BuiltinParam::I64 => I64,
            BuiltinParam::F32 => F32,
            BuiltinParam::F64 => F64,
        })
    };
    let mut signature = Signature::new(CallConv::SystemV);
    signature.params.push(AbiParam::new(I64));
    signature
        .params
        .extend(builtin.params().iter().copied().map(param));
    signature.returns.extend(builtin.result().map(param));
    signature
}
