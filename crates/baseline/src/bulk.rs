//! Moves of many operands at once, in loops: a branch or call of a few bytes may hand on a thousand of them, and may be one
//! of thousands. Such operands are brought to their slots first, which is done once for all branches.

use crate::body::Ty;
use crate::control::RESULT_SLOT;
use crate::state::Func;
use crate::x64::{Alu, Cond, Mem, Reg, Rm, SCRATCH, XSCRATCH};
use mainspring_abi::{Root, TooLarge};
use mainspring_error::{Result, ensure};

/// So many are moved one by one.
const FEW: usize = 32;

/// Bytes of code, and of what is said of it, that every body may have.
const MIN_CODE: usize = 1 << 20;
/// As many for each byte of a body.
const CODE_OF_A_BYTE: usize = 128;
/// As many as no body may go beyond.
const MAX_CODE: usize = 1 << 28;
/// Operands on the stack at the most: more than a body of the largest size can push one by one.
const MAX_OPERANDS: usize = 4 << 20;
/// So many that the frame is looked at before it is complete.
const MANY_OPERANDS: usize = 1 << 12;

/// Whether so many operands are moved in a loop.
pub(crate) fn is_many(count: usize) -> bool {
    count > FEW
}

impl Func<'_, '_> {
    /// Refuses a body whose code has become too large while it is made.
    ///
    /// # Errors
    /// If it has: [`TooLarge`].
    #[inline]
    pub(crate) fn check_size(&self) -> Result<()> {
        if self.bytes_made() <= MIN_CODE && self.stack.len() <= MANY_OPERANDS {
            return Ok(());
        }
        self.check_large()
    }

    /// Bytes of code, and of what is said about operands while calls go on.
    #[inline]
    fn bytes_made(&self) -> usize {
        self.asm.offset() as usize + self.roots.len() * size_of::<Root>()
    }

    /// Refuses a function whose frame has become too large.
    ///
    /// # Errors
    /// If it has: [`TooLarge`].
    pub(crate) fn check_frame(&self) -> Result<()> {
        let (size, most) = (self.layout.size(), self.input.max_frame);
        ensure!(
            size <= most.into(),
            TooLarge::new(format!("its frame would have more than {most} bytes"))
        );
        Ok(())
    }

    #[cold]
    fn check_large(&self) -> Result<()> {
        self.check_frame()?;
        let body = self.input.body.len();
        let limit = (MIN_CODE.max(body.saturating_mul(CODE_OF_A_BYTE))).min(MAX_CODE);
        ensure!(
            self.bytes_made() <= limit,
            TooLarge::new(format!(
                "its machine code would be too large: for a body of {body} bytes, more than {limit}"
            ))
        );
        ensure!(
            self.stack.len() <= MAX_OPERANDS,
            TooLarge::new(format!("it has more than {MAX_OPERANDS} operands at once"))
        );
        Ok(())
    }

    /// The type of whole slots.
    fn slot_type(&self) -> Ty {
        match self.layout.slot_size() {
            16 => Ty::V128,
            _ => Ty::F64,
        }
    }

    /// The slot of an operand among so many from a position on; the register counts bytes down from [`count_slots`](Self::count_slots).
    fn counted_slot(&self, from: usize, count: usize, counter: Reg) -> Mem {
        let end = self.layout.slot((from + count) as u32);
        Mem::indexed(Reg::RBP, counter, 0, end.displacement())
    }

    /// Begins to count so many slots, the lowest position first.
    fn count_slots(&mut self, counter: Reg, count: usize) {
        let bytes = count as u64 * self.layout.slot_size() as u64;
        self.asm.mov_imm(counter, bytes);
    }

    /// Counts one, and says when to stop: flags are zero after the last.
    fn next_slot(&mut self, counter: Reg) {
        let bytes = self.layout.slot_size();
        self.asm.alu_imm(Alu::Sub, true, Rm::Reg(counter), bytes);
    }

    /// Copies operands that are in their slots to others that are no higher. Nothing but flags and scratch registers changes.
    pub(crate) fn copy_slots(&mut self, from: usize, to: usize, count: usize) {
        self.slot((to + count - 1) as u32);
        let again = self.asm.label();
        self.count_slots(SCRATCH, count);
        self.asm.bind(again);
        let (source, target) = (
            self.counted_slot(from, count, SCRATCH),
            self.counted_slot(to, count, SCRATCH),
        );
        let ty = self.slot_type();
        self.load(XSCRATCH, source, ty);
        self.store(target, XSCRATCH, ty);
        self.next_slot(SCRATCH);
        self.asm.jcc(Cond::NotEqual, again);
    }

    /// Copies operands that are in their slots to the result area that the scratch register points to. `rax` is lost.
    pub(crate) fn copy_to_results(&mut self, from: usize, count: usize) {
        let again = self.asm.label();
        self.count_slots(Reg::RAX, count);
        self.asm.bind(again);
        let source = self.counted_slot(from, count, Reg::RAX);
        let ty = self.slot_type();
        self.load(XSCRATCH, source, ty);
        self.store(Mem::at(SCRATCH, 0), XSCRATCH, ty);
        self.next_result(again);
    }

    /// Copies results of a call to the slots of operands. `rax` is lost.
    pub(crate) fn copy_results(&mut self, area: Mem, to: usize, count: usize) {
        self.slot((to + count - 1) as u32);
        let again = self.asm.label();
        self.asm.lea(true, SCRATCH, area);
        self.count_slots(Reg::RAX, count);
        self.asm.bind(again);
        let target = self.counted_slot(to, count, Reg::RAX);
        let ty = self.slot_type();
        self.load(XSCRATCH, Mem::at(SCRATCH, 0), ty);
        self.store(target, XSCRATCH, ty);
        self.next_result(again);
    }

    fn next_result(&mut self, again: crate::x64::Label) {
        let bytes = RESULT_SLOT as i32;
        self.asm.alu_imm(Alu::Add, true, Rm::Reg(SCRATCH), bytes);
        self.next_slot(Reg::RAX);
        self.asm.jcc(Cond::NotEqual, again);
    }
}
