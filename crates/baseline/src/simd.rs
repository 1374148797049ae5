//! Vectors: so far what moves them.

use crate::body::Ty;
use crate::memory::Width;
use crate::state::Func;
use crate::x64::op;
use anyhow::{Context, Result, bail};
use wasmparser::{BinaryReader, OperatorsReader};

impl Func<'_, '_> {
    pub(crate) fn vector(&mut self) -> Result<()> {
        let mut ahead = self.body;
        match self.body.u32() {
            0x00 => self.load_op(op::MOVUPS, false, Ty::V128, Width::Sixteen),
            0x0b => self.store_op(Width::Sixteen),
            0x0c => {
                let bytes: [u8; 16] = self.body.fixed();
                let constant = self.asm.constant(&bytes);
                let to = self.result_reg(Ty::V128);
                self.load(to, constant, Ty::V128);
                self.push_reg(to, Ty::V128);
            }
            _ => {
                ahead.back(1);
                let reader = BinaryReader::new(ahead.rest(), u64::from(self.at));
                let operator = OperatorsReader::new(reader)
                    .read()
                    .context("validated: there is an operator")?;
                bail!("the instruction {operator:?} is not supported by the baseline tier");
            }
        }
        Ok(())
    }
}
