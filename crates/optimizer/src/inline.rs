//! Small functions compiled in place of calls to them.
//!
//! The callee's operators are translated where the call is: its parameters and locals are new
//! variables, its outermost block is one more open block, and a `return` branches to its end. Which
//! functions are small enough is decided by the numbers below, and by how often the call was executed where
//! that was counted; none of this can change a result.

use crate::control::Frame;
use crate::func::Func;
use mainspring_abi::{InlinedCall, Optimize};
use mainspring_error::Result;
use mainspring_wasm::{FuncIndex, FuncType};
use std::collections::HashMap;
use wasmparser::{BinaryReader, FunctionBody, Operator};

/// Bytes of the largest body that is inlined if it makes no calls.
const LEAF_BYTES: usize = 80;
/// Bytes of the largest body that is inlined if it does.
const BYTES: usize = 40;
/// The same of calls that are executed at least once each time their function is called.
const HOT_LEAF_BYTES: usize = 250;
/// As above.
const HOT_BYTES: usize = 120;
/// How many locals a body may declare.
const LOCALS: u32 = 16;
/// How many bodies may be within one another.
const DEPTH: usize = 3;
/// How often a function's body may be within itself, where it calls itself often: each time makes for fewer calls, and for
/// more code.
const RECURSIONS: usize = 1;
/// Bytes of all bodies that are inlined into one function, however small it is.
const BUDGET: usize = 2000;

/// How often a call is executed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Heat {
    /// Never, though its function was called.
    Cold,
    /// Nobody counted, or now and then.
    Unknown,
    /// About as often as its function is called, or more often.
    Hot,
}

/// What decides whether a body is small.
#[derive(Clone, Copy)]
struct Size {
    bytes: usize,
    calls: bool,
    possible: bool,
}

impl Size {
    fn is_small(self, heat: Heat) -> bool {
        let limit = match (heat, self.calls) {
            (Heat::Cold, _) => 0,
            (Heat::Unknown, false) => LEAF_BYTES,
            (Heat::Unknown, true) => BYTES,
            (Heat::Hot, false) => HOT_LEAF_BYTES,
            (Heat::Hot, true) => HOT_BYTES,
        };
        self.possible && self.bytes <= limit
    }
}

/// The body whose operators are being translated.
#[derive(Clone, Copy)]
pub(crate) struct Body {
    /// Whose it is.
    pub(crate) func: FuncIndex,
    /// The position of its outermost frame.
    pub(crate) frame: usize,
    /// The position of its first local's variable.
    pub(crate) first_local: usize,
    /// The call that it takes the place of, or [`InlinedCall::NONE`].
    pub(crate) call: u32,
}

impl Body {
    /// The body of the function that is being compiled.
    pub(crate) fn compiled(func: FuncIndex) -> Body {
        Body {
            func,
            frame: 0,
            first_local: 0,
            call: InlinedCall::NONE,
        }
    }

    /// Whether it takes the place of a call.
    pub(crate) fn inlined(&self) -> bool {
        self.call != InlinedCall::NONE
    }
}

/// What was inlined so far.
#[derive(Default)]
pub(crate) struct Inlining {
    /// Bytes of all bodies.
    bytes: usize,
    /// The functions around the body at hand.
    open: Vec<FuncIndex>,
    /// What is known about callees.
    sizes: HashMap<FuncIndex, Size>,
}

impl<'a> Func<'a, '_> {
    /// The body of a function, if a call of it is to be replaced by that.
    pub(crate) fn inlinable(&mut self, func: FuncIndex) -> Result<Option<FunctionBody<'a>>> {
        let input = self.input;
        let heat = self.heat();
        if heat == Heat::Cold {
            self.mark_cold();
        }
        if !input.inlining || input.settings.optimize == Optimize::None {
            return Ok(None);
        }
        let Some(defined) = self.module.defined_func(func) else {
            return Ok(None);
        };
        let range = &self.module.bodies[defined.index()];
        if range.len() > HOT_LEAF_BYTES
            || self.times_open(func) > if heat == Heat::Hot { RECURSIONS } else { 0 }
            || self.inlining.open.len() >= DEPTH
            || self.inlining.bytes + range.len() > BUDGET
        {
            return Ok(None);
        }
        let Some(body) = input.bodies.read(range) else {
            return Ok(None);
        };
        let body = FunctionBody::new(BinaryReader::new(body, u64::from(range.start)));
        let size = match self.inlining.sizes.get(&func) {
            Some(&size) => size,
            None => {
                let size = size(&body)?;
                self.inlining.sizes.insert(func, size);
                size
            }
        };
        Ok(size.is_small(heat).then_some(body))
    }

    /// How often a function is among the one at hand and those around it.
    fn times_open(&self, func: FuncIndex) -> usize {
        let open = self.inlining.open.iter().chain([&self.body.func]);
        open.filter(|&&other| other == func).count()
    }

    /// How often the instruction at hand, a call, is executed.
    fn heat(&self) -> Heat {
        let count = || {
            let profile = self.input.profile?;
            let func = self.module.defined_func(self.body.func)?;
            let wasm = self.sources[self.sources.len() - 1].wasm;
            Some((profile.entries(func)?, profile.calls(func, wasm)?))
        };
        match count() {
            Some((1.., 0)) => Heat::Cold,
            // Of a function that calls itself once, the first call is somebody else's.
            Some((entries, calls)) if calls >= (entries - entries / 8).max(1) => Heat::Hot,
            _ => Heat::Unknown,
        }
    }

    /// Translates a body in place of a call, whose operands are on the stack.
    pub(crate) fn inline(
        &mut self,
        func: FuncIndex,
        ty: &'a FuncType,
        body: &FunctionBody<'a>,
    ) -> Result<()> {
        let count = ty.params.len();
        self.settle(count);
        self.settle_below();
        let height = self.stack.len() - count;
        let first_local = self.locals.len();
        for (i, &ty) in ty.params.iter().enumerate() {
            self.declare_local(ty, self.stack[height + i]);
        }
        self.stack.truncate(height);

        let source = self.sources.len() - 1;
        let call = self.inlined_calls.len() as u32;
        self.inlined_calls.push(InlinedCall {
            callee: func,
            wasm: self.sources[source].wasm,
            within: self.body.call,
        });
        let inner = Body {
            func,
            frame: self.control.len(),
            first_local,
            call,
        };
        let outer = std::mem::replace(&mut self.body, inner);
        self.inlining.open.push(outer.func);
        self.inlining.bytes += body.as_bytes().len();

        self.declare_body_locals(body)?;
        self.control
            .push(Frame::function(ty, height, self.handed_on(height)));
        self.operators(body.get_operators_reader()?)?;

        self.inlining.open.pop();
        self.body = outer;
        self.locals.truncate(first_local);
        Ok(())
    }
}

fn size(body: &FunctionBody<'_>) -> Result<Size> {
    let mut locals = 0u32;
    for declaration in body.get_locals_reader()? {
        locals = locals.saturating_add(declaration?.0);
    }
    let (mut calls, mut possible) = (false, true);
    let mut reader = body.get_operators_reader()?;
    while !reader.eof() {
        match reader.read()? {
            // A tail call replaces the frame it is in, which would be the caller's.
            Operator::ReturnCall { .. }
            | Operator::ReturnCallIndirect { .. }
            | Operator::ReturnCallRef { .. } => possible = false,
            Operator::Call { .. } | Operator::CallIndirect { .. } | Operator::CallRef { .. } => {
                calls = true;
            }
            _ => {}
        }
    }
    Ok(Size {
        bytes: body.as_bytes().len(),
        calls,
        possible: possible && locals <= LOCALS,
    })
}
