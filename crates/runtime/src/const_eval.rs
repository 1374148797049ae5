//! Values of constant expressions, in a fresh instance.

use crate::instance::Instance;
use crate::store::Store;
use crate::val::ValRaw;
use mainspring_wasm::{ConstExpr, ConstOp};

/// Evaluates a validated constant expression. The globals it reads are initialized already.
pub(crate) fn evaluate(store: &Store, instance: &Instance, expr: &ConstExpr) -> ValRaw {
    if let [single] = expr.0.as_slice() {
        return push(store, instance, single).expect("a single instruction is a constant");
    }
    let mut stack: Vec<ValRaw> = Vec::with_capacity(expr.0.len());
    for op in &expr.0 {
        if let Some(value) = push(store, instance, op) {
            stack.push(value);
            continue;
        }
        let right = stack.pop().expect("validated");
        let left = stack.pop().expect("validated");
        stack.push(combine(op, left, right));
    }
    stack.pop().expect("validated")
}

/// The value of an instruction without operands.
fn push(store: &Store, instance: &Instance, op: &ConstOp) -> Option<ValRaw> {
    Some(match *op {
        ConstOp::I32(value) => ValRaw::i32(value),
        ConstOp::I64(value) => ValRaw::i64(value),
        ConstOp::F32(bits) => ValRaw::f32(bits),
        ConstOp::F64(bits) => ValRaw::f64(bits),
        ConstOp::V128(bits) => ValRaw::v128(bits),
        ConstOp::GlobalGet(global) => store.global(instance.global(global)).get(),
        ConstOp::RefNull(_) => ValRaw::null(),
        ConstOp::RefFunc(func) => ValRaw::funcref(instance.func_ref(func).as_ptr().cast()),
        _ => return None,
    })
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
        _ => unreachable!("every other instruction has no operands"),
    }
}
