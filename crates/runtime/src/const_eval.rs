//! Values of constant expressions, in a fresh instance.

use crate::gc::{AllocateError, Operand};
use crate::instance::{Instance, InstanceId};
use crate::store::Store;
use crate::val::ValRaw;
use mainspring_abi::gc::{ARRAY_ELEMENTS_AT, StructLayout};
use mainspring_wasm::{
    CompositeType, ConstExpr, ConstOp, ModuleInfo, RefKind, StorageType, TypeIndex, ValType,
};

/// Evaluates a validated constant expression. The globals it reads are initialized already.
pub(crate) fn evaluate(
    store: &mut Store,
    id: InstanceId,
    expr: &ConstExpr,
) -> Result<ValRaw, AllocateError> {
    if let [single] = expr.0.as_slice()
        && let Some(operand) = constant(store, store.instance(id), single)
    {
        return Ok(operand.value);
    }
    let module = store.instance(id).module().clone();
    let below = store.holders.operands.len();
    let mut evaluation = Evaluation {
        store,
        id,
        info: module.info(),
    };
    let done = expr.0.iter().try_for_each(|op| evaluation.step(op));
    let value = store.holders.operands.last().map(|operand| operand.value);
    store.holders.operands.truncate(below);
    done.map(|()| value.expect("validated"))
}

/// The value of an expression whose type is a function reference.
pub(crate) fn function_value(store: &Store, instance: &Instance, expr: &ConstExpr) -> u64 {
    let [single] = expr.0.as_slice() else {
        unreachable!("nothing is made of function references")
    };
    let operand = constant(store, instance, single).expect("not an object");
    operand.value.get_u64()
}

/// The value of an instruction without operands, if that is all that it has.
fn constant(store: &Store, instance: &Instance, op: &ConstOp) -> Option<Operand> {
    let mut is_reference = false;
    let value = match *op {
        ConstOp::I32(value) => ValRaw::i32(value),
        ConstOp::I64(value) => ValRaw::i64(value),
        ConstOp::F32(bits) => ValRaw::f32(bits),
        ConstOp::F64(bits) => ValRaw::f64(bits),
        ConstOp::V128(bits) => ValRaw::v128(bits),
        ConstOp::GlobalGet(global) => {
            let info = instance.module().info();
            is_reference = is_gc(info, info.globals[global.index()].content);
            store.global(instance.global(global)).get()
        }
        ConstOp::RefNull(_) => ValRaw::null(),
        ConstOp::RefFunc(func) => ValRaw::funcref(instance.func_ref(func).as_ptr().cast()),
        _ => return None,
    };
    Some(Operand {
        value,
        is_reference,
    })
}

fn is_gc(info: &ModuleInfo, ty: ValType) -> bool {
    matches!(ty, ValType::Ref(ty) if info.ref_kind(ty) == RefKind::Gc)
}

/// An expression whose operands are in the store, where the collector finds them.
struct Evaluation<'a> {
    store: &'a mut Store,
    id: InstanceId,
    info: &'a ModuleInfo,
}

impl Evaluation<'_> {
    fn step(&mut self, op: &ConstOp) -> Result<(), AllocateError> {
        let instance = self.store.instance(self.id);
        if let Some(operand) = constant(self.store, instance, op) {
            self.store.holders.operands.push(operand);
            return Ok(());
        }
        match *op {
            ConstOp::RefI31 => {
                let value = self.pop().get_u32();
                self.push(ValRaw::anyref(value << 1 | 1), false);
                Ok(())
            }
            ConstOp::StructNew(ty) => self.new_struct(ty, true),
            ConstOp::StructNewDefault(ty) => self.new_struct(ty, false),
            ConstOp::ArrayNew(ty) => {
                let length = self.pop().get_u32();
                self.new_array(ty, length, Contents::One)
            }
            ConstOp::ArrayNewDefault(ty) => {
                let length = self.pop().get_u32();
                self.new_array(ty, length, Contents::Zero)
            }
            ConstOp::ArrayNewFixed(ty, length) => self.new_array(ty, length, Contents::Each),
            _ => {
                let right = self.pop();
                let left = self.pop();
                self.push(combine(op, left, right), false);
                Ok(())
            }
        }
    }

    fn push(&mut self, value: ValRaw, is_reference: bool) {
        self.store.holders.operands.push(Operand {
            value,
            is_reference,
        });
    }

    fn pop(&mut self) -> ValRaw {
        let operand = self.store.holders.operands.pop();
        operand.expect("validated").value
    }

    fn new_struct(&mut self, ty: TypeIndex, with_fields: bool) -> Result<(), AllocateError> {
        let CompositeType::Struct(fields) = &self.info.types[ty.index()].composite else {
            unreachable!("validated to be a struct type")
        };
        let header = self.store.instance(self.id).object_header(ty);
        let object = self.store.allocate(header, 0)?;
        if with_fields {
            let layout = StructLayout::new(fields, |ty| self.info.is_func_type(ty));
            for (field, offset) in fields.iter().zip(&layout.offsets).rev() {
                let value = self.pop();
                self.write(object + offset, field.storage, value);
            }
        }
        self.push(ValRaw::anyref(object), true);
        Ok(())
    }

    fn new_array(
        &mut self,
        ty: TypeIndex,
        length: u32,
        contents: Contents,
    ) -> Result<(), AllocateError> {
        let CompositeType::Array(element) = &self.info.types[ty.index()].composite else {
            unreachable!("validated to be an array type")
        };
        let header = self.store.instance(self.id).object_header(ty);
        let array = self.store.allocate(header, length)?;
        let (size, _) = self.store.heap_mut().element(array);
        let places = (0..length).map(|i| array + ARRAY_ELEMENTS_AT + i * size);
        match contents {
            Contents::Zero => {}
            Contents::One => {
                let value = self.pop();
                places.for_each(|at| self.write(at, element.storage, value));
            }
            Contents::Each => {
                for at in places.rev() {
                    let value = self.pop();
                    self.write(at, element.storage, value);
                }
            }
        }
        self.push(ValRaw::anyref(array), true);
        Ok(())
    }

    fn write(&mut self, at: u32, storage: StorageType, value: ValRaw) {
        let is_func = |ty| self.info.is_func_type(ty);
        let heap = self.store.heap_mut();
        heap.write_field(at, storage, value, is_func);
    }
}

/// What the elements of a new array are.
enum Contents {
    Zero,
    One,
    Each,
}

fn combine(op: &ConstOp, left: ValRaw, right: ValRaw) -> ValRaw {
    let i32s = |f: fn(i32, i32) -> i32| ValRaw::i32(f(left.get_i32(), right.get_i32()));
    let i64s = |f: fn(i64, i64) -> i64| ValRaw::i64(f(left.get_i64(), right.get_i64()));
    match op {
        ConstOp::I32Add => i32s(i32::wrapping_add),
        ConstOp::I32Sub => i32s(i32::wrapping_sub),
        ConstOp::I32Mul => i32s(i32::wrapping_mul),
        ConstOp::I64Add => i64s(i64::wrapping_add),
        ConstOp::I64Sub => i64s(i64::wrapping_sub),
        ConstOp::I64Mul => i64s(i64::wrapping_mul),
        _ => unreachable!("every other instruction has no operands, or makes an object"),
    }
}
