//! Blocks that many branch to.
//!
//! Where a block turns out never to be reached, Cranelift goes through all that branch to where it went. Were these many
//! and never reached themselves, that would take time with the square of a body's size. So only so many
//! branch to a block: for each so many more there is a *relay*, which takes the same and goes on there.

use crate::func::Func;
use cranelift_codegen::entity::SecondaryMap;
use cranelift_codegen::ir::{Block, BlockArg, InstBuilder};
use std::collections::HashMap;

/// How many branch to the same block.
const MOST: u32 = 1 << 10;

#[derive(Default)]
pub(crate) struct Crowds {
    /// How many branch to each block or its relays.
    branches: SecondaryMap<Block, u32>,
    /// Those of blocks that have some, the one in use last.
    relays: HashMap<Block, Vec<Block>>,
}

impl Func<'_, '_> {
    /// Where one more branch to a block goes that takes so many operands. A loop's header has more parameters: locals.
    pub(crate) fn entrance(&mut self, block: Block, operands: usize) -> Block {
        let branches = &mut self.crowds.branches[block];
        *branches += 1;
        if *branches <= MOST {
            return block;
        }
        let needs_relay = *branches % MOST == 1;
        if needs_relay {
            let relay = self.builder.create_block();
            for i in 0..operands {
                self.append_param_for(relay, self.builder.block_params(block)[i]);
            }
            self.crowds.relays.entry(block).or_default().push(relay);
        }
        let relays = &self.crowds.relays[&block];
        relays[relays.len() - 1]
    }

    /// Seals a block which is to have no more branches.
    pub(crate) fn seal_crowd(&mut self, block: Block) {
        if let Some(relays) = self.crowds.relays.remove(&block) {
            let next = self.reachable.then(|| {
                let next = self.builder.create_block();
                self.builder.ins().jump(next, &[]);
                self.builder.seal_block(next);
                next
            });
            for relay in relays {
                self.builder.seal_block(relay);
                self.builder.switch_to_block(relay);
                let params = self.builder.block_params(relay).iter();
                let args: Vec<_> = params.copied().map(BlockArg::Value).collect();
                self.builder.ins().jump(block, &args);
            }
            if let Some(next) = next {
                self.builder.switch_to_block(next);
            }
        }
        self.builder.seal_block(block);
    }
}
