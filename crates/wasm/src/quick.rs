//! Bodies that are plainly valid, found quickly.
//!
//! Most of what compilers emit is numbers, vectors, locals, globals, one memory and structured control. Whether a body of
//! that kind is valid takes a few comparisons an operator, which is a third of what a validator needs that knows all
//! proposals; and validation is most of what a large module waits for before it starts. [`PlainModule::accepts`] says
//! "valid" or "I can't tell". It never refuses: what it can't tell, be it because the body is invalid or because there is
//! something in it that is not of that kind, is for `wasmparser` to judge, and to word the error. So a rule here may be
//! stricter than the specification's, and must not be laxer:
//!
//! - Types must be equal where the specification asks for a subtype.
//! - Nothing may follow an unconditional branch but the end of its block, so there are no operands of unknown type.
//! - Numbers must be written as if no proposal made them wider.
//!
//! Follows the specification, appendix "Validation Algorithm", and its index of instructions.

mod body;
mod operators;
mod simd;
mod types;

pub(crate) use types::{PlainModule, Stacks};

#[cfg(test)]
mod tests;
