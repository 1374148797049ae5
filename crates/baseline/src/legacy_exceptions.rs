//! The exception instructions of before version 3 of the specification: `try` with its clauses, `delegate` and `rethrow`.
//!
//! A `try` has a landing as a `try_table` has, but its clauses come behind its body: landings, which are emitted last, know
//! them. What a clause caught stays an operand below its own that no label takes. There `rethrow` finds it, the collector
//! too, and on-stack replacement hands it on like any other.

use crate::body::{Ty, opcode};
use crate::control::FrameKind;
use crate::exceptions::Clause;
use crate::state::{Entry, Func, Place};
use mainspring_error::Result;
use mainspring_wasm::TagIndex;

impl Func<'_, '_> {
    pub(crate) fn try_(&mut self) -> Result<()> {
        let ty = self.body.block_type(self.module)?;
        self.open_try(Vec::new(), true, ty);
        Ok(())
    }

    /// Goes on in a `catch` or `catch_all`.
    pub(crate) fn catch_clause(&mut self, code: u8) {
        let tag = (code == opcode::CATCH).then(|| TagIndex(self.body.u32()));
        let depth = self.control.len() - 1;
        if self.reachable {
            self.jump_to(depth);
        }
        let (kind, height) = self.control[depth].place();
        let number = match kind {
            FrameKind::Catch(number) => number,
            _ => self.end_try_table(),
        };
        self.control[depth].becomes_clause(number, self.open_try);
        let label = self.asm.label();
        self.try_tables[number].add(Clause::of_try(tag, label, depth, height));
        self.truncate(height);
        let (module, params) = (self.module, tag.map(|tag| &self.tag_type(tag).params));
        let params = params.into_iter().flatten();
        let operands = std::iter::once(Ty::Ref).chain(params.map(|&ty| Ty::of(module, ty)));
        for (n, ty) in operands.enumerate() {
            let position = (height + n) as u32;
            self.slot(position);
            self.push(Place::Slot(position), ty);
        }
        self.asm.bind(label);
        self.forget_locals();
        self.reachable = true;
    }

    /// Ends a `try` whose exceptions are thrown where a label is.
    pub(crate) fn delegate(&mut self) {
        let relative_depth = self.body.u32();
        let number = self.open_try.expect("validated: `delegate` ends a `try`");
        self.end();
        let label = &self.control[self.depth(relative_depth)];
        self.try_tables[number].delegates_to(label.catcher());
    }

    /// Throws again what the clause caught that a label names.
    pub(crate) fn rethrow(&mut self) {
        let relative_depth = self.body.u32();
        let (_, height) = self.control[self.depth(relative_depth)].place();
        let Entry { place, ty } = self.stack[height];
        self.push(place, ty);
        self.throw_ref();
    }
}
