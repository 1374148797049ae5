//! Atomic operations on memories. All of them are sequentially consistent.
//!
//! An address is checked to be aligned, then to be in bounds as that of any access.

use crate::func::Func;
use cranelift_codegen::ir::types::{I8, I16, I32, I64};
use cranelift_codegen::ir::{AtomicRmwOp, InstBuilder, MemFlagsData, Type, Value};
use mainspring_abi::{Builtin, TrapCode};
use mainspring_error::Result;
use wasmparser::{MemArg, MemArgTarget, Operator};

impl Func<'_, '_> {
    /// Translates an atomic operator. False if it is not one.
    pub(crate) fn atomic(&mut self, operator: &Operator<'_>) -> Result<bool> {
        use Operator as O;
        match *operator {
            O::AtomicFence { .. } => {
                self.builder.ins().fence();
            }
            O::MemoryAtomicNotify { ref memarg } => self.notify(memarg),
            O::MemoryAtomicWait32 { ref memarg } => self.wait(memarg, Builtin::AtomicWait32),
            O::MemoryAtomicWait64 { ref memarg } => self.wait(memarg, Builtin::AtomicWait64),
            O::I32AtomicLoad { ref memarg } => self.atomic_load(memarg, I32, I32)?,
            O::I64AtomicLoad { ref memarg } => self.atomic_load(memarg, I64, I64)?,
            O::I32AtomicLoad8U { ref memarg } => self.atomic_load(memarg, I8, I32)?,
            O::I32AtomicLoad16U { ref memarg } => self.atomic_load(memarg, I16, I32)?,
            O::I64AtomicLoad8U { ref memarg } => self.atomic_load(memarg, I8, I64)?,
            O::I64AtomicLoad16U { ref memarg } => self.atomic_load(memarg, I16, I64)?,
            O::I64AtomicLoad32U { ref memarg } => self.atomic_load(memarg, I32, I64)?,
            O::I32AtomicStore { ref memarg } => self.atomic_store(memarg, I32)?,
            O::I64AtomicStore { ref memarg } => self.atomic_store(memarg, I64)?,
            O::I32AtomicStore8 { ref memarg } | O::I64AtomicStore8 { ref memarg } => {
                self.atomic_store(memarg, I8)?;
            }
            O::I32AtomicStore16 { ref memarg } | O::I64AtomicStore16 { ref memarg } => {
                self.atomic_store(memarg, I16)?;
            }
            O::I64AtomicStore32 { ref memarg } => self.atomic_store(memarg, I32)?,
            O::I32AtomicRmwCmpxchg { ref memarg } => self.compare_exchange(memarg, I32, I32)?,
            O::I64AtomicRmwCmpxchg { ref memarg } => self.compare_exchange(memarg, I64, I64)?,
            O::I32AtomicRmw8CmpxchgU { ref memarg } => self.compare_exchange(memarg, I8, I32)?,
            O::I32AtomicRmw16CmpxchgU { ref memarg } => self.compare_exchange(memarg, I16, I32)?,
            O::I64AtomicRmw8CmpxchgU { ref memarg } => self.compare_exchange(memarg, I8, I64)?,
            O::I64AtomicRmw16CmpxchgU { ref memarg } => self.compare_exchange(memarg, I16, I64)?,
            O::I64AtomicRmw32CmpxchgU { ref memarg } => self.compare_exchange(memarg, I32, I64)?,
            _ => return self.atomic_update(operator),
        }
        Ok(true)
    }

    fn atomic_update(&mut self, operator: &Operator<'_>) -> Result<bool> {
        use AtomicRmwOp::{Add, And, Or, Sub, Xchg, Xor};
        use Operator as O;
        match *operator {
            O::I32AtomicRmwAdd { ref memarg } => self.update(memarg, Add, I32, I32)?,
            O::I64AtomicRmwAdd { ref memarg } => self.update(memarg, Add, I64, I64)?,
            O::I32AtomicRmw8AddU { ref memarg } => self.update(memarg, Add, I8, I32)?,
            O::I32AtomicRmw16AddU { ref memarg } => self.update(memarg, Add, I16, I32)?,
            O::I64AtomicRmw8AddU { ref memarg } => self.update(memarg, Add, I8, I64)?,
            O::I64AtomicRmw16AddU { ref memarg } => self.update(memarg, Add, I16, I64)?,
            O::I64AtomicRmw32AddU { ref memarg } => self.update(memarg, Add, I32, I64)?,
            O::I32AtomicRmwSub { ref memarg } => self.update(memarg, Sub, I32, I32)?,
            O::I64AtomicRmwSub { ref memarg } => self.update(memarg, Sub, I64, I64)?,
            O::I32AtomicRmw8SubU { ref memarg } => self.update(memarg, Sub, I8, I32)?,
            O::I32AtomicRmw16SubU { ref memarg } => self.update(memarg, Sub, I16, I32)?,
            O::I64AtomicRmw8SubU { ref memarg } => self.update(memarg, Sub, I8, I64)?,
            O::I64AtomicRmw16SubU { ref memarg } => self.update(memarg, Sub, I16, I64)?,
            O::I64AtomicRmw32SubU { ref memarg } => self.update(memarg, Sub, I32, I64)?,
            O::I32AtomicRmwAnd { ref memarg } => self.update(memarg, And, I32, I32)?,
            O::I64AtomicRmwAnd { ref memarg } => self.update(memarg, And, I64, I64)?,
            O::I32AtomicRmw8AndU { ref memarg } => self.update(memarg, And, I8, I32)?,
            O::I32AtomicRmw16AndU { ref memarg } => self.update(memarg, And, I16, I32)?,
            O::I64AtomicRmw8AndU { ref memarg } => self.update(memarg, And, I8, I64)?,
            O::I64AtomicRmw16AndU { ref memarg } => self.update(memarg, And, I16, I64)?,
            O::I64AtomicRmw32AndU { ref memarg } => self.update(memarg, And, I32, I64)?,
            O::I32AtomicRmwOr { ref memarg } => self.update(memarg, Or, I32, I32)?,
            O::I64AtomicRmwOr { ref memarg } => self.update(memarg, Or, I64, I64)?,
            O::I32AtomicRmw8OrU { ref memarg } => self.update(memarg, Or, I8, I32)?,
            O::I32AtomicRmw16OrU { ref memarg } => self.update(memarg, Or, I16, I32)?,
            O::I64AtomicRmw8OrU { ref memarg } => self.update(memarg, Or, I8, I64)?,
            O::I64AtomicRmw16OrU { ref memarg } => self.update(memarg, Or, I16, I64)?,
            O::I64AtomicRmw32OrU { ref memarg } => self.update(memarg, Or, I32, I64)?,
            O::I32AtomicRmwXor { ref memarg } => self.update(memarg, Xor, I32, I32)?,
            O::I64AtomicRmwXor { ref memarg } => self.update(memarg, Xor, I64, I64)?,
            O::I32AtomicRmw8XorU { ref memarg } => self.update(memarg, Xor, I8, I32)?,
            O::I32AtomicRmw16XorU { ref memarg } => self.update(memarg, Xor, I16, I32)?,
            O::I64AtomicRmw8XorU { ref memarg } => self.update(memarg, Xor, I8, I64)?,
            O::I64AtomicRmw16XorU { ref memarg } => self.update(memarg, Xor, I16, I64)?,
            O::I64AtomicRmw32XorU { ref memarg } => self.update(memarg, Xor, I32, I64)?,
            O::I32AtomicRmwXchg { ref memarg } => self.update(memarg, Xchg, I32, I32)?,
            O::I64AtomicRmwXchg { ref memarg } => self.update(memarg, Xchg, I64, I64)?,
            O::I32AtomicRmw8XchgU { ref memarg } => self.update(memarg, Xchg, I8, I32)?,
            O::I32AtomicRmw16XchgU { ref memarg } => self.update(memarg, Xchg, I16, I32)?,
            O::I64AtomicRmw8XchgU { ref memarg } => self.update(memarg, Xchg, I8, I64)?,
            O::I64AtomicRmw16XchgU { ref memarg } => self.update(memarg, Xchg, I16, I64)?,
            O::I64AtomicRmw32XchgU { ref memarg } => self.update(memarg, Xchg, I32, I64)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    // Addresses.

    /// Pops an index and checks an access of a whole value there, which may then be atomic.
    fn atomic_address(&mut self, memarg: &MemArg, ty: Type) -> Result<(Value, MemFlagsData)> {
        let index = *self
            .stack
            .last()
            .expect("validated: the operand is on the stack");
        let mask = u64::from(ty.bytes()) - 1;
        if mask != 0 {
            let low = match memarg.offset & mask {
                0 => index,
                offset => self.builder.ins().iadd_imm_s(index, offset as i64),
            };
            let misaligned = self.builder.ins().band_imm_u(low, mask as i64);
            self.trap_if(misaligned, TrapCode::HeapMisaligned);
        }
        let at = self.address(memarg, ty.bytes())?;
        let address = match at.offset {
            0 => at.base,
            offset => self.builder.ins().iadd_imm_s(at.base, i64::from(offset)),
        };
        Ok((address, at.flags))
    }

    /// Pops a value as wide as memory takes it.
    fn pop_narrow(&mut self, ty: Type) -> Value {
        let value = self.pop();
        match self.type_of(value) == ty {
            true => value,
            false => self.builder.ins().ireduce(ty, value),
        }
    }

    /// Pushes what memory held, as wide as operands are.
    fn push_wide(&mut self, value: Value, to: Type) {
        let value = match self.type_of(value) == to {
            true => value,
            false => self.builder.ins().uextend(to, value),
        };
        self.push(value);
    }

    // Operators.

    fn atomic_load(&mut self, memarg: &MemArg, ty: Type, to: Type) -> Result<()> {
        let (address, flags) = self.atomic_address(memarg, ty)?;
        let value = self.builder.ins().atomic_load(ty, flags, address);
        self.push_wide(value, to);
        Ok(())
    }

    fn atomic_store(&mut self, memarg: &MemArg, ty: Type) -> Result<()> {
        let value = self.pop_narrow(ty);
        let (address, flags) = self.atomic_address(memarg, ty)?;
        self.builder.ins().atomic_store(flags, value, address);
        Ok(())
    }

    fn update(&mut self, memarg: &MemArg, op: AtomicRmwOp, ty: Type, to: Type) -> Result<()> {
        let value = self.pop_narrow(ty);
        let (address, flags) = self.atomic_address(memarg, ty)?;
        let before = self.builder.ins().atomic_rmw(ty, flags, op, address, value);
        self.push_wide(before, to);
        Ok(())
    }

    fn compare_exchange(&mut self, memarg: &MemArg, ty: Type, to: Type) -> Result<()> {
        let replacement = self.pop_narrow(ty);
        let expected = self.pop_narrow(ty);
        let (address, flags) = self.atomic_address(memarg, ty)?;
        let before = self
            .builder
            .ins()
            .atomic_cas(flags, address, expected, replacement);
        self.push_wide(before, to);
        Ok(())
    }

    fn wait(&mut self, memarg: &MemArg, builtin: Builtin) {
        let (index, expected, timeout) = self.pop3();
        let [memory, index, offset] = self.place(memarg, index);
        let args = [memory, index, offset, expected, timeout];
        self.push_result(builtin, &args);
    }

    fn notify(&mut self, memarg: &MemArg) {
        let (index, count) = self.pop2();
        let [memory, index, offset] = self.place(memarg, index);
        self.push_result(Builtin::AtomicNotify, &[memory, index, offset, count]);
    }

    /// A place in a memory, as builtins take it.
    fn place(&mut self, memarg: &MemArg, index: Value) -> [Value; 3] {
        let MemArgTarget::Memory(memory) = memarg.target else {
            unreachable!("only plain loads and stores access arrays");
        };
        let memory = self.iconst32(memory);
        let index = self.widen(index);
        let offset = self.builder.ins().iconst(I64, memarg.offset as i64);
        [memory, index, offset]
    }

    fn push_result(&mut self, builtin: Builtin, args: &[Value]) {
        let value = self.call_builtin(builtin, args);
        self.push(value.expect("the builtin has a result"));
    }
}
