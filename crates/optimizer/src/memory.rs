//! Linear memories: addresses and their checks, loads and stores, bulk operations.
//!
//! Which check an access needs is decided by its [`MemoryPlan`]; the runtime lays memories out by
//! the same plan.

use crate::func::{Func, Region};
use crate::trap;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I8, I8X16, I16, I32, I64};
use cranelift_codegen::ir::{
    Endianness, InstBuilder, MemFlagsData, Opcode, Type, Value, immediates::Offset32,
};
use mainspring_abi::{Builtin, MemoryPlan, TrapCode, VMMemoryDefinition, VMMemoryImport};
use mainspring_error::{Result, bail};
use mainspring_wasm::{MemoryIndex, MemoryType};
use std::mem::offset_of;
use wasmparser::{MemArg, MemArgTarget};

/// What translation needs to know about a memory.
#[derive(Clone, Copy)]
pub(crate) struct HeapInfo {
    index: MemoryIndex,
    ty: MemoryType,
    plan: MemoryPlan,
    /// Whether it is not in the VM context: imported, or shared.
    elsewhere: bool,
    region: Region,
}

/// A checked address.
#[derive(Clone, Copy)]
pub(crate) struct Address {
    pub(crate) base: Value,
    pub(crate) offset: i32,
    pub(crate) flags: MemFlagsData,
}

impl Func<'_, '_> {
    fn heap(&mut self, memory: u32) -> HeapInfo {
        let (module, settings) = (self.module, self.input.settings);
        *self.heaps.entry(memory).or_insert_with(|| {
            let index = MemoryIndex(memory);
            let ty = module.memories[index.index()];
            let defined = module.defined_memory(index);
            HeapInfo {
                index,
                ty,
                plan: MemoryPlan::new(&ty, &settings.memory),
                elsewhere: ty.shared || defined.is_none(),
                region: match defined {
                    Some(n) => Region::Memory(n as u32),
                    None => Region::ImportedMemories,
                },
            }
        })
    }

    /// Pops an index and checks an access of `size` bytes there.
    pub(crate) fn address(&mut self, memarg: &MemArg, size: u32) -> Result<Address> {
        let MemArgTarget::Memory(memory) = memarg.target else {
            bail!("access to a GC array by address is not supported");
        };
        let heap = self.heap(memory);
        let index = self.pop();
        let index = self.widen(index);
        let (offset, size) = (memarg.offset, u64::from(size));
        if heap.plan.elides_bounds_check(&heap.ty, offset, size) {
            let base = self.heap_base(&heap);
            let base = self.builder.ins().iadd(base, index);
            let (base, offset) = self.split_offset(base, offset);
            return Ok(Address {
                base,
                offset,
                flags: self.heap_flags(&heap),
            });
        }
        let Some(end) = offset.checked_add(size) else {
            return Ok(self.always_out_of_bounds(&heap));
        };
        let out_of_bounds = if self.guard_covers(&heap, end) {
            let length = self.heap_length(&heap);
            self.builder
                .ins()
                .icmp(IntCC::UnsignedGreaterThan, index, length)
        } else {
            self.is_out_of_bounds(&heap, index, end)
        };
        let base = self.heap_base(&heap);
        let base = self.builder.ins().iadd(base, index);
        // Folded into the address before the guard, so that what replaces it is near 0.
        let base = match offset {
            0 => base,
            _ => self.builder.ins().iadd_imm_s(base, offset as i64),
        };
        let (base, flags) = self.guard_address(
            out_of_bounds,
            base,
            TrapCode::MemoryOutOfBounds,
            heap.region,
        );
        Ok(Address {
            base,
            offset: 0,
            flags,
        })
    }

    /// Whether an access that ends `end` bytes past an index within the memory faults if it leaves
    /// it, because beyond the length comes nothing but inaccessible pages, a guard's worth at least.
    fn guard_covers(&self, heap: &HeapInfo, end: u64) -> bool {
        heap.ty.page_size_log2 >= 12 && end <= heap.plan.guard
    }

    /// Whether an access that ends `end` bytes past an index leaves the memory.
    fn is_out_of_bounds(&mut self, heap: &HeapInfo, index: Value, end: u64) -> Value {
        let length = self.heap_length(heap);
        if heap
            .ty
            .minimum_bytes()
            .is_some_and(|minimum| end <= minimum)
        {
            // The difference can't wrap, since the length is at least the minimum.
            let end = self.builder.ins().iconst(I64, end as i64);
            let last = self.builder.ins().isub(length, end);
            return self
                .builder
                .ins()
                .icmp(IntCC::UnsignedGreaterThan, index, last);
        }
        let end = self.builder.ins().iconst(I64, end as i64);
        let access_end = if heap.ty.memory64 {
            let code = trap::to_cranelift(TrapCode::MemoryOutOfBounds);
            self.builder.ins().uadd_overflow_trap(index, end, code)
        } else {
            self.builder.ins().iadd(index, end)
        };
        self.builder
            .ins()
            .icmp(IntCC::UnsignedGreaterThan, access_end, length)
    }

    /// An address for an access that no index can bring in bounds: a fault in any case.
    fn always_out_of_bounds(&mut self, heap: &HeapInfo) -> Address {
        let base = self.builder.ins().iconst(I64, 0);
        Address {
            base,
            offset: 0,
            flags: self.heap_flags(heap),
        }
    }

    /// Moves an offset that instructions can't encode into the address.
    fn split_offset(&mut self, base: Value, offset: u64) -> (Value, i32) {
        match i32::try_from(offset) {
            Ok(offset) => (base, offset),
            Err(_) => (self.builder.ins().iadd_imm_s(base, offset as i64), 0),
        }
    }

    /// Flags of an access that may fault.
    fn heap_flags(&mut self, heap: &HeapInfo) -> MemFlagsData {
        MemFlagsData::new()
            .with_endianness(Endianness::Little)
            .with_alias_region(self.region(heap.region))
            .with_trap_code(Some(trap::to_cranelift(TrapCode::MemoryOutOfBounds)))
    }

    fn heap_base(&mut self, heap: &HeapInfo) -> Value {
        if heap.plan.may_move {
            let (definition, offset) = self.memory_definition(heap);
            let offset = offset + offset_of!(VMMemoryDefinition, base) as i32;
            let flags = self.trusted_flags(Region::Context);
            return self.builder.ins().load(I64, flags, definition, offset);
        }
        let offsets = self.input.offsets;
        let offset = if heap.elsewhere {
            offsets.memory_elsewhere(heap.index) + offset_of!(VMMemoryImport, base) as u32
        } else {
            offsets.defined_memory(heap.index) + offset_of!(VMMemoryDefinition, base) as u32
        };
        self.context_constant(I64, offset)
    }

    fn heap_length(&mut self, heap: &HeapInfo) -> Value {
        let (definition, offset) = self.memory_definition(heap);
        let offset = offset + offset_of!(VMMemoryDefinition, length) as i32;
        let flags = self.trusted_flags(Region::Context);
        if heap.ty.shared {
            // Another thread may have grown it since it was last looked at.
            let place = self.builder.ins().iadd_imm_s(definition, i64::from(offset));
            return self.builder.ins().atomic_load(I64, flags, place);
        }
        self.builder.ins().load(I64, flags, definition, offset)
    }

    fn memory_definition(&mut self, heap: &HeapInfo) -> (Value, i32) {
        let offsets = self.input.offsets;
        if heap.elsewhere {
            let pointer = offsets.memory_elsewhere(heap.index)
                + offset_of!(VMMemoryImport, definition) as u32;
            (self.context_constant(I64, pointer), 0)
        } else {
            (self.vmctx, offsets.defined_memory(heap.index) as i32)
        }
    }

    // Loads and stores.

    /// A load of a whole value.
    pub(crate) fn load(&mut self, memarg: &MemArg, ty: Type) -> Result<()> {
        self.load_with(memarg, Opcode::Load, ty, ty.bytes())
    }

    /// A load of `size` bytes by an instruction that extends them to `ty`.
    pub(crate) fn load_with(
        &mut self,
        memarg: &MemArg,
        opcode: Opcode,
        ty: Type,
        size: u32,
    ) -> Result<()> {
        let at = self.address(memarg, size)?;
        let flags = self.builder.func.dfg.mem_flags.insert_unchecked(at.flags);
        let (inst, dfg) =
            self.builder
                .ins()
                .Load(opcode, ty, flags, Offset32::new(at.offset), at.base);
        let value = dfg.first_result(inst);
        self.push(value);
        Ok(())
    }

    /// A store of a whole value.
    pub(crate) fn store(&mut self, memarg: &MemArg) -> Result<()> {
        let value = *self
            .stack
            .last()
            .expect("validated: the operand is on the stack");
        let size = self.type_of(value).bytes();
        self.store_with(memarg, Opcode::Store, size)
    }

    /// A store of the lowest `size` bytes.
    pub(crate) fn store_with(&mut self, memarg: &MemArg, opcode: Opcode, size: u32) -> Result<()> {
        let value = self.pop();
        let at = self.address(memarg, size)?;
        let flags = self.builder.func.dfg.mem_flags.insert_unchecked(at.flags);
        let ty = self.type_of(value);
        self.builder
            .ins()
            .Store(opcode, ty, flags, Offset32::new(at.offset), value, at.base);
        Ok(())
    }

    // Whole memories.

    pub(crate) fn memory_size(&mut self, memory: u32) {
        let heap = self.heap(memory);
        let length = self.heap_length(&heap);
        let pages = self
            .builder
            .ins()
            .ushr_imm_u(length, i64::from(heap.ty.page_size_log2));
        let pages = self.narrow(pages, heap.ty.memory64);
        self.push(pages);
    }

    pub(crate) fn memory_grow(&mut self, memory: u32) {
        let heap = self.heap(memory);
        let delta = self.pop();
        let args = [self.iconst32(memory), self.widen(delta)];
        let before = self
            .call_builtin(Builtin::MemoryGrow, &args)
            .expect("the builtin has a result");
        let before = self.narrow(before, heap.ty.memory64);
        self.push(before);
    }

    pub(crate) fn memory_copy(&mut self, to_memory: u32, from_memory: u32) {
        let (to, from, count) = self.pop3();
        if let Some(bytes) = self.small_count(count, &[to_memory, from_memory]) {
            self.copy_small((to_memory, to), (from_memory, from), bytes);
            return;
        }
        let args = [
            self.iconst32(to_memory),
            self.iconst32(from_memory),
            self.widen(to),
            self.widen(from),
            self.widen(count),
        ];
        self.call_builtin(Builtin::MemoryCopy, &args);
    }

    pub(crate) fn memory_fill(&mut self, memory: u32) {
        let (to, byte, count) = self.pop3();
        if let Some(bytes) = self.small_count(count, &[memory]) {
            self.fill_small((memory, to), byte, bytes);
            return;
        }
        let args = [
            self.iconst32(memory),
            self.widen(to),
            byte,
            self.widen(count),
        ];
        self.call_builtin(Builtin::MemoryFill, &args);
    }

    pub(crate) fn memory_init(&mut self, segment: u32, memory: u32) {
        let (to, from, count) = self.pop3();
        let args = [
            self.iconst32(memory),
            self.iconst32(segment),
            self.widen(to),
            from,
            count,
        ];
        self.call_builtin(Builtin::MemoryInit, &args);
    }

    pub(crate) fn data_drop(&mut self, segment: u32) {
        let segment = self.iconst32(segment);
        self.call_builtin(Builtin::DataDrop, &[segment]);
    }

    // Copies and fills of a few bytes, in place.

    /// The count of a bulk operation, if it is a small constant and no address below 4 GiB leaves
    /// the address space of the memories.
    fn small_count(&mut self, count: Value, memories: &[u32]) -> Option<u32> {
        let count = self.constant(count).filter(|&n| n <= SMALL_COUNT)?;
        for &memory in memories {
            let heap = self.heap(memory);
            if !heap.plan.elides_bounds_check(&heap.ty, 0, count) {
                return None;
            }
        }
        Some(count as u32)
    }

    /// Loads everything before it stores anything, so that the two may overlap.
    fn copy_small(&mut self, to: (u32, Value), from: (u32, Value), bytes: u32) {
        let to = self.range_address(to, bytes);
        let from = self.range_address(from, bytes);
        let mut loaded = Vec::new();
        for (ty, offset) in chunks(bytes) {
            let value = self.builder.ins().load(ty, from.flags, from.base, offset);
            loaded.push((value, offset));
        }
        for (value, offset) in loaded {
            self.builder.ins().store(to.flags, value, to.base, offset);
        }
    }

    fn fill_small(&mut self, to: (u32, Value), byte: Value, bytes: u32) {
        let to = self.range_address(to, bytes);
        let byte = self.builder.ins().ireduce(I8, byte);
        for (ty, offset) in chunks(bytes) {
            let value = if ty.is_vector() {
                self.builder.ins().splat(ty, byte)
            } else if ty == I8 {
                byte
            } else {
                let byte = self.builder.ins().uextend(ty, byte);
                let ones = 0x0101_0101_0101_0101_u64 >> (64 - ty.bits());
                self.builder.ins().imul_imm_u(byte, ones as i64)
            };
            self.builder.ins().store(to.flags, value, to.base, offset);
        }
    }

    /// The address of a range of bytes, all of which is checked to be in bounds.
    fn range_address(&mut self, (memory, index): (u32, Value), bytes: u32) -> Address {
        let heap = self.heap(memory);
        let index = self.widen(index);
        let out_of_bounds = self.is_out_of_bounds(&heap, index, u64::from(bytes));
        self.trap_if(out_of_bounds, TrapCode::MemoryOutOfBounds);
        let base = self.heap_base(&heap);
        Address {
            base: self.builder.ins().iadd(base, index),
            offset: 0,
            flags: self.heap_flags(&heap),
        }
    }
}

/// Copies and fills of up to this many bytes take no call.
const SMALL_COUNT: u64 = 128;

/// Accesses that cover a range of bytes. The last may overlap the one before it.
fn chunks(bytes: u32) -> Vec<(Type, i32)> {
    let widest = [I8X16, I64, I32, I16, I8]
        .into_iter()
        .find(|ty| ty.bytes() <= bytes);
    let Some(ty) = widest else {
        return Vec::new();
    };
    let mut all: Vec<_> = (0..bytes / ty.bytes())
        .map(|i| (ty, (i * ty.bytes()) as i32))
        .collect();
    if !bytes.is_multiple_of(ty.bytes()) {
        all.push((ty, (bytes - ty.bytes()) as i32));
    }
    all
}
