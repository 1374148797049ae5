//! The exception instructions of before version 3 of the specification: `try` with its clauses, `delegate` and `rethrow`.
//!
//! The clauses come behind the body, so landings are made as they are read: each clause compares tags, and what it does
//! not catch goes on to the next. The exception stays an operand of the clause, below all others and taken by no label:
//! there `rethrow` finds it, the collector too, and on-stack replacement hands it on like any other.

use crate::control::FrameKind;
use crate::exceptions::Landed;
use crate::func::Func;
use cranelift_codegen::ir::{Block, Value};
use mainspring_error::Result;
use mainspring_wasm::TagIndex;
use wasmparser::BlockType;

/// The clauses of a `try`, as far as they were read.
#[derive(Clone, Copy)]
pub(crate) struct Clauses {
    /// What they are to catch, if any exception can come.
    caught: Option<Caught>,
}

#[derive(Clone, Copy)]
struct Caught {
    landed: Landed,
    /// The number of its tag, once a clause has asked for it.
    tag: Option<Value>,
    /// Where it goes on if no clause so far catches it. None after a `catch_all`.
    rest: Option<Block>,
}

impl Func<'_, '_> {
    pub(crate) fn try_(&mut self, ty: BlockType) -> Result<()> {
        self.settle_below();
        self.open_try(None, ty)
    }

    /// Goes on in a clause for exceptions with a tag, or for all.
    pub(crate) fn catch_clause(&mut self, tag: Option<TagIndex>) {
        let depth = self.control.len() - 1;
        if self.reachable {
            self.jump_to_frame(depth);
            self.reachable = false;
        }
        let height = self.control[depth].height();
        let mut clauses = match self.control[depth].take_kind() {
            FrameKind::Try(table) => Clauses {
                caught: self.land(&table).map(|landed| Caught {
                    landed,
                    tag: None,
                    rest: Some(landed.block),
                }),
            },
            FrameKind::Catch(clauses) => clauses,
            _ => unreachable!("validated: a clause is one of a `try`"),
        };
        if let Some(caught) = &mut clauses.caught
            && let Some(block) = caught.rest.take()
        {
            self.go_on_with(caught.landed, block, height);
            let exception = caught.landed.exception;
            self.push(exception);
            if let Some(tag) = tag {
                let found = *caught.tag.get_or_insert_with(|| self.load_tag(exception));
                caught.rest = Some(self.branch_unless_tag(found, tag));
                self.push_fields(tag, exception);
            }
            self.reachable = true;
        }
        self.control[depth].becomes_clause(clauses);
    }

    /// Ends a `try` behind its clauses, with what exceptions do that none of them catches.
    pub(crate) fn end_clauses(&mut self, clauses: &Clauses, height: usize) {
        if let Some(caught) = &clauses.caught
            && let Some(block) = caught.rest
        {
            self.hand_on(caught.landed, block, height, self.control.len());
        }
    }

    /// Ends a `try` whose exceptions are thrown where a label is.
    pub(crate) fn delegate(&mut self, relative_depth: u32) {
        let frame = self.close();
        let blocks = self.depth(relative_depth) + 1;
        let FrameKind::Try(table) = frame.kind() else {
            unreachable!("validated: `delegate` ends a `try`");
        };
        if let Some(landed) = self.land(table) {
            self.hand_on(landed, landed.block, frame.height(), blocks);
        }
        self.go_on_after(&frame);
    }

    /// Throws again what the clause caught that a label names.
    pub(crate) fn rethrow(&mut self, relative_depth: u32) {
        let height = self.control[self.depth(relative_depth)].height();
        self.throw_on(self.stack[height]);
        self.reachable = false;
    }
}
