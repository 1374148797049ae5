//! On-stack replacement: code that begins at the header of a loop, with the values of a frame of
//! baseline code.
//!
//! The whole body is translated, but what comes before the loop hangs in the air: it starts in a block
//! that nothing jumps to. The function's real entry loads the frame's values, as
//! [`frame_values`](mainspring_abi::VMStoreContext::frame_values) describes, and joins at the header.
//! What then is still unreachable is removed before anything looks at it.
//!
//! A value from before the loop must not be used after it, because it was never computed. Variables
//! take care of locals. Operands become parameters of the header, and of every block that is opened
//! up to there: the code between the loops around it and the loop itself is reached again from within, with new
//! operands.

use crate::func::{Func, Region};
use crate::types::value_type;
use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{Block, BlockArg, InstBuilder, Type, Value};
use mainspring_abi::{Entry, VMStoreContext};
use std::mem::offset_of;

/// Bytes of each value of a frame.
const VALUE_BYTES: usize = 16;

/// Where code that begins at a loop is entered.
pub(crate) struct LoopEntry {
    /// Offset of the `loop` instruction in the module.
    wasm: u32,
    /// The block that loads the values.
    block: Block,
}

impl Func<'_, '_> {
    /// Leaves the entry block, once it is complete but for the locals. Code that begins at a
    /// loop goes on in a block that nothing jumps to.
    pub(crate) fn begin(&mut self) {
        let Entry::Loop { wasm } = self.input.entry else {
            return;
        };
        let block = self.builder.create_block();
        self.builder.ins().jump(block, &[]);
        self.builder.seal_block(block);
        self.loop_entry = Some(LoopEntry { wasm, block });
        let start = self.builder.create_block();
        self.builder.seal_block(start);
        self.builder.switch_to_block(start);
    }

    /// If code begins at the loop that opens now, has the entry join at its header.
    pub(crate) fn join_at(&mut self, header: Block) {
        let source = self.sources[self.sources.len() - 1].wasm;
        let Some(entry) = self
            .loop_entry
            .take_if(|entry| entry.wasm == source && !self.body.inlined())
        else {
            return;
        };
        self.builder.switch_to_block(entry.block);
        let store = self.store_context();
        let flags = self.trusted_flags(Region::Store);
        let values = offset_of!(VMStoreContext, frame_values) as i32;
        let values = self.builder.ins().load(I64, flags, store, values);
        let types = self.local_types.clone();
        for (i, &ty) in types.iter().enumerate() {
            let ty = value_type(self.module, ty);
            let value = self.frame_value(values, i, ty);
            self.builder.def_var(self.locals[i], value);
        }
        let operands: Vec<Type> = self
            .stack
            .iter()
            .map(|&value| self.type_of(value))
            .collect();
        let args: Vec<BlockArg> = operands
            .iter()
            .enumerate()
            .map(|(i, &ty)| BlockArg::Value(self.frame_value(values, types.len() + i, ty)))
            .collect();
        self.builder.ins().jump(header, &args);
    }

    fn frame_value(&mut self, values: Value, position: usize, ty: Type) -> Value {
        // The next frame that is exchanged takes the same place, so the value is loaded here and now:
        // nothing may move the load.
        let flags = self.trusted_flags(Region::Store);
        let offset = (position * VALUE_BYTES) as i32;
        self.builder.ins().load(ty, flags, values, offset)
    }
}
