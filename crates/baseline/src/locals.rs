//! Locals: which are pinned to a register for the whole function, and where the others are.
//!
//! Every local has a home in the frame. An unpinned one is always there, and may be in a register
//! besides until code comes together. A pinned one is only in its register.
//!
//! Before anything is compiled, the body is read once for how often each local is used, where a use
//! in a loop counts for several. Registers that calls preserve go to the locals that are used
//! most; other registers too, where saving them around calls costs less.

use crate::body::{Body, Ty, opcode};
use crate::frame::FrameLayout;
use crate::stack::NOWHERE;
use crate::state::Func;
use crate::x64::{CALLEE_SAVED, Mem, Reg, RegSet, Rm};
use mainspring_abi::TooLarge;
use mainspring_error::{Result, ensure};
use mainspring_wasm::{FuncType, ModuleInfo};

/// A local.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Local {
    pub(crate) ty: Ty,
    /// The register that it is in for the whole function.
    pub(crate) pinned: Option<Reg>,
    /// A register that holds what is in memory too.
    pub(crate) cached: Option<Reg>,
    /// The first of the operands that stand for it.
    pub(crate) operands: u32,
    /// Where it is in the frame, from the frame pointer.
    pub(crate) home: i32,
    /// How much it is used.
    weight: u32,
}

impl Local {
    fn new(ty: Ty) -> Local {
        Local {
            ty,
            pinned: None,
            cached: None,
            operands: NOWHERE,
            home: 0,
            weight: 0,
        }
    }

    /// Whether any operator names it.
    pub(crate) fn is_used(&self) -> bool {
        self.weight > 0
    }

    /// A register that holds it.
    #[inline]
    pub(crate) fn register(&self) -> Option<Reg> {
        self.pinned.or(self.cached)
    }
}

/// What a body does, weighted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Calls, of builtins too.
    pub(crate) calls: u32,
    /// Whether there are any.
    pub(crate) has_calls: bool,
    /// Accesses to memory 0.
    pub(crate) memory: u32,
    /// What else reads the VM context.
    pub(crate) context: u32,
    pub(crate) has_vectors: bool,
    pub(crate) has_loops: bool,
    /// Whether it catches exceptions.
    pub(crate) catches: bool,
}

/// Reads the declarations of a function's locals, after its parameters.
pub(crate) fn declare(
    module: &ModuleInfo,
    ty: &FuncType,
    body: &mut Body<'_>,
    locals: &mut Vec<Local>,
) -> Result<()> {
    let params = ty.params.iter().map(|&ty| Local::new(Ty::of(module, ty)));
    locals.extend(params);
    for _ in 0..body.u32() {
        let count = body.u32() as usize;
        let local = Local::new(body.value_type(module)?);
        ensure!(
            locals.len() + count <= 1 << 20,
            TooLarge::new("it has too many locals")
        );
        locals.resize(locals.len() + count, local);
    }
    Ok(())
}

/// Reads a body for what it uses. `rounding_calls` says that rounding a float takes a call.
pub(crate) fn scan(
    mut body: Body<'_>,
    locals: &mut [Local],
    loops: &mut Vec<bool>,
    rounding_calls: bool,
) -> Usage {
    let mut usage = Usage::default();
    let mut depth = 0_u32;
    let weight = |depth: u32| 1 << (3 * depth.min(5));
    let mut here = 1;
    while !body.is_at_end() {
        let code = body.byte();
        match code {
            opcode::LOCAL_GET..=opcode::LOCAL_TEE => {
                let local = &mut locals[body.u32() as usize];
                local.weight = local.weight.saturating_add(here);
                continue;
            }
            opcode::BLOCK | opcode::IF => loops.push(false),
            opcode::TRY_TABLE | opcode::TRY => {
                loops.push(false);
                usage.catches = true;
                usage.call(1);
            }
            opcode::THROW | opcode::THROW_REF | opcode::RETHROW => usage.call(1),
            opcode::DELEGATE => {
                loops.pop();
            }
            opcode::LOOP => {
                usage.has_loops = true;
                loops.push(true);
                depth += 1;
                here = weight(depth);
            }
            opcode::END if loops.pop() == Some(true) => {
                depth -= 1;
                here = weight(depth);
            }
            0x28..=0x3e => usage.memory = usage.memory.saturating_add(here),
            opcode::CALL
            | opcode::CALL_INDIRECT
            | opcode::RETURN_CALL
            | opcode::RETURN_CALL_INDIRECT
            | opcode::CALL_REF
            | opcode::RETURN_CALL_REF
            | opcode::MEMORY_GROW => usage.call(here),
            // Rounding of floats.
            0x8d..=0x90 | 0x9b..=0x9e if rounding_calls => usage.call(here),
            opcode::GLOBAL_GET..=0x26 | opcode::MEMORY_SIZE | 0xd2 => {
                usage.context = usage.context.saturating_add(here);
            }
            opcode::GC => {
                usage.context = usage.context.saturating_add(here);
                let mut ahead = body;
                match ahead.u32() {
                    // They rarely do.
                    0 | 1 | 8 => usage.has_calls = true,
                    6 | 7 | 9 | 10 | 16..=19 => usage.call(here),
                    _ => {}
                }
            }
            opcode::MISC => {
                let mut ahead = body;
                if (8..=17).contains(&ahead.u32()) {
                    usage.call(here);
                }
            }
            opcode::ATOMIC => {
                let mut ahead = body;
                match ahead.u32() {
                    0..=2 => usage.call(here),
                    _ => usage.memory = usage.memory.saturating_add(here),
                }
            }
            opcode::SIMD => {
                usage.has_vectors = true;
                usage.memory = usage.memory.saturating_add(here);
                // Rounding of lanes.
                let mut ahead = body;
                if rounding_calls && matches!(ahead.u32(), 0x67..=0x6a | 0x74 | 0x75 | 0x7a | 0x94)
                {
                    usage.call(here);
                }
            }
            _ => {}
        }
        body.skip_immediates(code);
    }
    usage
}

impl Usage {
    fn call(&mut self, weight: u32) {
        self.has_calls = true;
        self.calls = self.calls.saturating_add(weight);
        self.context = self.context.saturating_add(weight);
    }
}

/// The most used of what wants a register, in falling order of weight.
struct Best<const N: usize> {
    list: [(u32, Wants); N],
    len: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Wants {
    Local(u32),
    VmContext,
    MemoryBase,
}

impl<const N: usize> Best<N> {
    fn new() -> Best<N> {
        Best {
            list: [(0, Wants::VmContext); N],
            len: 0,
        }
    }

    #[inline]
    fn add(&mut self, weight: u32, wants: Wants) {
        if self.len == N && self.list[N - 1].0 >= weight {
            return;
        }
        let mut at = self.len.min(N - 1);
        while at > 0 && self.list[at - 1].0 < weight {
            self.list[at] = self.list[at - 1];
            at -= 1;
        }
        self.list[at] = (weight, wants);
        self.len = (self.len + 1).min(N);
    }
}

/// Registers that calls do not preserve and that may be pinned, in order. With calls, the last are
/// kept for operands.
const LOST_BY_CALLS: [Reg; 3] = [Reg::R10, Reg::R9, Reg::R8];
/// `xmm` registers that may be pinned.
const PINNED_FLOATS: usize = 7;
/// Saving a register in the prologue and restoring it is worth as many uses.
const PRESERVE_COST: u32 = 2;

/// Gives registers to what is used most, and homes to all locals. Returns the registers that are
/// left for operands.
pub(crate) fn place(locals: &mut [Local], usage: &Usage, layout: &mut FrameLayout) -> RegSet {
    let mut ints = Best::<8>::new();
    let mut floats = Best::<PINNED_FLOATS>::new();
    if usage.memory > 0 && layout.memory_base_offset.is_some() {
        ints.add(usage.memory, Wants::MemoryBase);
    }
    if usage.has_calls || layout.memory_base_offset.is_none() {
        ints.add(
            usage
                .context
                .saturating_add(match layout.memory_base_offset {
                    None => usage.memory,
                    Some(_) => 0,
                }),
            Wants::VmContext,
        );
    }
    for (index, local) in locals.iter().enumerate() {
        if local.weight > 1 {
            match local.ty.is_float() {
                true => floats.add(local.weight, Wants::Local(index as u32)),
                false => ints.add(local.weight, Wants::Local(index as u32)),
            }
        }
    }
    let mut temps = RegSet(0xffff_07c7).minus(Reg::xmm(15).set());
    if !usage.has_calls {
        // Nothing changes it.
        layout.vmctx = Some(Reg::RDI);
        temps.remove(Reg::RDI);
    }
    if usage.catches {
        // Nobody restores them where an exception is caught.
        layout.saved = CALLEE_SAVED.into_iter().collect();
        layout.catches = true;
    }
    place_ints(&ints, usage, locals, layout, &mut temps);
    for (n, &(weight, wants)) in floats.list[..floats.len].iter().enumerate() {
        // Each call costs a store and a load.
        if let Wants::Local(local) = wants
            && weight > usage.calls.saturating_mul(2)
        {
            let reg = Reg::xmm(14 - n as u8);
            locals[local as usize].pinned = Some(reg);
            layout.pinned_local[reg.0 as usize] = Some(local);
            temps.remove(reg);
            layout.pinned_lost.insert(reg);
        }
    }
    temps
}

fn place_ints(
    ints: &Best<8>,
    usage: &Usage,
    locals: &mut [Local],
    layout: &mut FrameLayout,
    temps: &mut RegSet,
) {
    let (mut lost, mut preserved) = (LOST_BY_CALLS.iter(), CALLEE_SAVED.iter());
    for &(weight, wants) in &ints.list[..ints.len] {
        if wants == Wants::VmContext && layout.vmctx.is_some() {
            continue;
        }
        let cheap = weight > usage.calls.saturating_mul(2);
        // The collector finds references in memory, not in registers of a caller.
        let moves = match wants {
            Wants::Local(local) => usage.has_calls && locals[local as usize].ty == Ty::Ref,
            _ => false,
        };
        let reg = if !usage.has_calls && lost.len() > 0 {
            *lost.next().expect("there is one")
        } else if weight > PRESERVE_COST && preserved.len() > 0 && !moves {
            let reg = *preserved.next().expect("there is one");
            layout.saved.insert(reg);
            reg
        } else if cheap && lost.len() > 0 {
            *lost.next().expect("there is one")
        } else {
            continue;
        };
        temps.remove(reg);
        if !CALLEE_SAVED.contains(&reg) {
            layout.pinned_lost.insert(reg);
        }
        match wants {
            Wants::Local(local) => {
                locals[local as usize].pinned = Some(reg);
                layout.pinned_local[reg.0 as usize] = Some(local);
            }
            Wants::VmContext => layout.vmctx = Some(reg),
            Wants::MemoryBase => layout.memory_base = Some(reg),
        }
    }
}

impl Func<'_, '_> {
    /// The locals that are pinned, in order. There are many locals, and few registers.
    pub(crate) fn pinned_locals(&self) -> Vec<Local> {
        let pinned = self.layout.pinned_local.iter();
        let mut pinned: Vec<u32> = pinned.flatten().copied().collect();
        pinned.sort_unstable();
        let locals = pinned.iter();
        locals.map(|&local| self.locals[local as usize]).collect()
    }

    #[inline]
    pub(crate) fn local_get(&mut self, index: u32) {
        let ty = self.locals[index as usize].ty;
        self.push(crate::state::Place::Local(index), ty);
    }

    pub(crate) fn local_set(&mut self, index: u32) {
        use crate::state::{Place, Value};
        let entry = self.pop();
        if entry.place == Place::Local(index) {
            return;
        }
        self.detach(index);
        let local = self.locals[index as usize];
        if let Some(reg) = local.pinned {
            match entry.place {
                Place::Const(0) if !local.ty.is_float() => self.asm.zero(reg),
                _ => self.load_value(reg, entry),
            }
            return;
        }
        let home = Mem::at(Reg::RBP, local.home);
        if let Some(old) = local.cached {
            self.uncache(old);
        }
        if let Value::Imm(bits) = self.value(entry) {
            self.store_const(home, bits, local.ty);
            return;
        }
        let reg = self.in_reg(entry);
        self.store(home, reg, local.ty);
        if self.regs.temps.contains(reg) {
            self.cache(reg, index);
        }
    }

    pub(crate) fn local_tee(&mut self, index: u32) {
        let top = *self.stack.last().expect("validated: the operand is there");
        self.local_set(index);
        match top.place {
            crate::state::Place::Const(bits) => self.push_const(bits, top.ty),
            _ => self.local_get(index),
        }
    }

    /// Gives every local that is not a parameter its zero, before parameters are in their places.
    /// `rax`, `r10` and `r11` hold nothing yet.
    pub(crate) fn clear_locals(&mut self, params: usize) {
        let unpinned = |local: &&Local| local.pinned.is_none();
        let mut count = 0;
        let (mut at, mut end) = (0, i32::MIN);
        for local in self.locals[params..].iter().filter(unpinned) {
            let size = if local.ty == Ty::V128 { 16 } else { 8 };
            at = at.min(local.home);
            end = end.max(local.home + size);
            count += 1;
        }
        if count > 2 {
            let zero = crate::x64::XSCRATCH;
            self.asm.rr(crate::x64::op::XORPS, false, zero, zero);
            if end - at > 256 {
                at = self.clear_in_loop(at, end);
            }
            while end - at >= 16 {
                self.store(Mem::at(Reg::RBP, at), zero, Ty::V128);
                at += 16;
            }
        }
        while at < end {
            self.asm.store_imm(true, Mem::at(Reg::RBP, at), 0);
            at += 8;
        }
    }

    /// Clears as many whole 16 bytes as there are; returns where it ended.
    fn clear_in_loop(&mut self, from: i32, to: i32) -> i32 {
        let bytes = (to - from) & !15;
        self.asm.lea(true, Reg::R10, Mem::at(Reg::RBP, from));
        self.asm
            .mov_imm(Reg::RAX, u64::from(bytes.cast_unsigned()) / 16);
        let again = self.asm.label();
        self.asm.bind(again);
        self.store(Mem::at(Reg::R10, 0), crate::x64::XSCRATCH, Ty::V128);
        use crate::x64::{Alu, Cond};
        self.asm.alu_imm(Alu::Add, true, Rm::Reg(Reg::R10), 16);
        self.asm.alu_imm(Alu::Sub, false, Rm::Reg(Reg::RAX), 1);
        self.asm.jcc(Cond::NotEqual, again);
        from + bytes
    }

    /// Gives pinned locals their zero.
    pub(crate) fn clear_pinned(&mut self, params: usize) {
        for index in params..self.locals.len() {
            let local = self.locals[index];
            match local.pinned {
                Some(reg) if local.ty.is_float() => {
                    self.asm.rr(crate::x64::op::XORPS, false, reg, reg);
                }
                Some(reg) => self.asm.zero(reg),
                None => {}
            }
        }
    }
}
