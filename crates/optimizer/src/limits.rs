//! What keeps the cost of a compilation in proportion to a body's size.
//!
//! Loops in loops that assign many locals make a block parameter of each local in each loop: the
//! parameters grow with the square of the body, and the time that register allocation takes with the
//! square of the parameters. A body of 9 KiB would keep it busy for 12 seconds, one of 30 KiB for
//! an hour. (Allocation in one pass is no way out: it gives each value a place on the stack, which then
//! overflows.) All limits are far above what compilers make of real programs.

use cranelift_codegen::ir::Function;
use mainspring_abi::TooLarge;
use mainspring_error::{Result, ensure};

/// Values in a function at the most.
const MAX_VALUES: usize = 4 << 20;

/// Values that a function may have however short it is. Calls of a few bytes may have a thousand results each.
const MIN_VALUES: usize = 256 << 10;

/// Values for each byte of a body.
const VALUES_OF_A_BYTE: usize = 8;

/// Locals times blocks in a function at the most: for each local, the building of the function
/// notes its value in each block.
const MAX_LOCALS_IN_BLOCKS: usize = 1 << 28;

/// Operands in blocks, all together: where many wait for the end of many blocks, register allocation takes time with the square of them.
const MAX_OPERANDS_IN_BLOCKS: usize = 1 << 26;

/// References times blocks in a function at the most: for each block, it is noted which of them are
/// needed later.
const MAX_ROOTS_IN_BLOCKS: usize = 1 << 27;

/// Block parameters that a function may have however short it is.
const MIN_PARAMS: usize = 16 << 10;

/// Bytes of a body that allow one more block parameter.
const BYTES_FOR_A_PARAM: usize = 16;

/// Block parameters that a function may have however long it is.
const MAX_PARAMS: usize = 64 << 10;

/// Refuses a function that has become too large while it is made.
///
/// # Errors
/// If it has, with the limit: [`TooLarge`].
#[inline]
pub(crate) fn check_size(function: &Function, body_bytes: usize, locals: usize) -> Result<()> {
    ensure!(
        !is_too_large(function, body_bytes),
        TooLarge::new(format!(
            "it has more than {} values, the compiler's limit for a body of {body_bytes} bytes",
            max_values(body_bytes)
        ))
    );
    let blocks = function.dfg.num_blocks();
    ensure!(
        blocks.saturating_mul(locals) <= MAX_LOCALS_IN_BLOCKS,
        TooLarge::new(format!(
            "it has {locals} locals and {blocks} blocks, and the product is more than {MAX_LOCALS_IN_BLOCKS}, the compiler's limit"
        ))
    );
    Ok(())
}

/// Refuses a function with too many operands while it is made: the sum of how many there are at each block.
///
/// # Errors
/// If it has, with the limit: [`TooLarge`].
#[inline]
pub(crate) fn check_operands(in_blocks: usize) -> Result<()> {
    ensure!(
        in_blocks <= MAX_OPERANDS_IN_BLOCKS,
        TooLarge::new(format!(
            "it has many operands in many blocks, more than {MAX_OPERANDS_IN_BLOCKS} all together, the compiler's limit"
        ))
    );
    Ok(())
}

/// Refuses a function in which it would take too long to find out which references calls have to keep.
///
/// # Errors
/// If it would, with the limit: [`TooLarge`].
pub(crate) fn check_roots(function: &Function, roots: usize) -> Result<()> {
    let blocks = function.dfg.num_blocks();
    ensure!(
        blocks.saturating_mul(roots) <= MAX_ROOTS_IN_BLOCKS,
        TooLarge::new(format!(
            "it has {roots} references and {blocks} blocks, and the product is more than {MAX_ROOTS_IN_BLOCKS}, the compiler's limit"
        ))
    );
    Ok(())
}

/// Whether a function is certain to be refused: what makes much of a single instruction need not go on.
#[inline]
pub(crate) fn is_too_large(function: &Function, body_bytes: usize) -> bool {
    function.dfg.num_values() > max_values(body_bytes)
}

fn max_values(body_bytes: usize) -> usize {
    let values = body_bytes.saturating_mul(VALUES_OF_A_BYTE);
    MIN_VALUES.max(values).min(MAX_VALUES)
}

/// Refuses a function on which register allocation would take too long.
///
/// # Errors
/// If it would, with the limit: [`TooLarge`].
pub(crate) fn check_params(function: &Function, body_bytes: usize) -> Result<()> {
    let blocks = function.layout.blocks();
    let params: usize = blocks
        .map(|block| function.dfg.num_block_params(block))
        .sum();
    let limit = (MIN_PARAMS + body_bytes / BYTES_FOR_A_PARAM).min(MAX_PARAMS);
    ensure!(
        params <= limit,
        TooLarge::new(format!(
            "its locals change in so many loops that its blocks have {params} parameters; the compiler's limit for a body of {body_bytes} bytes is {limit}"
        ))
    );
    Ok(())
}
