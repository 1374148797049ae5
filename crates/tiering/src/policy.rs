//! What happens when: the events of tiering.
//!
//! ```text
//! first call           compile, baseline (or optimized, if that is the only tier)
//! entry counter out    queue the function; go on in what it has
//! loop counter out     queue the loop, or one around it that comes around often, and the function if it is
//!                      called again and again; go on in the loop's optimized code once that is there and
//!                      no loop around it is about to
//! optimized            publish: the next call, or the next look at the loop's header, finds it
//! ```

use crate::compile::Compilers;
use crate::counted::Better;
use crate::module_code::{Kind, ModuleCode};
use crate::osr;
use crate::queue::Job;
use crate::stats::count;
use crate::tuning::NEVER;
use bumpalo::Bump;
use mainspring_abi::{Bodies, CallMode, Entry, FunctionInput, VMContextHeader};
use mainspring_error::{Context, Result, bail};
use mainspring_wasm::DefinedFuncIndex;
use std::ffi::c_void;
use std::ops::Range;
use std::time::Instant;

impl ModuleCode {
    /// A function is called for the first time: compiles it unless that is done, and returns its
    /// code.
    pub(crate) fn first_call(&self, index: u32) -> Result<*const c_void> {
        let func = DefinedFuncIndex(index);
        match &self.kind {
            Kind::Lazy(table) => table
                .compile(func, || {
                    self.compile(func, |compilers, input| compilers.compile_first(input))
                })
                .with_context(|| {
                    format!("cannot compile function {}", self.info().func_of(func).0)
                }),
            Kind::Ahead(image) => Ok(image.entry(func)),
        }
    }

    /// The entry counter of a function ran out. Returns the code to go on in, from the start.
    pub(crate) fn entry_ran_out(&self, index: u32) -> *const c_void {
        let Kind::Lazy(table) = &self.kind else {
            unreachable!("only code that was compiled lazily counts");
        };
        let wanted = table.with_counted(index, |counted| {
            counted.stop_counting_entries();
            counted.want(None)
        });
        if wanted == Some(true) {
            self.queue(index, None);
        }
        table
            .published(DefinedFuncIndex(index))
            .expect("a function that counts has code")
    }

    /// The counter of a loop ran out. Returns the code to go on in, if it is not the same.
    ///
    /// # Safety
    /// See [`osr::hand_over`].
    pub(crate) unsafe fn loop_ran_out(
        &self,
        index: u32,
        header: u32,
        frame: *const u8,
        vmctx: *mut VMContextHeader,
    ) -> *const c_void {
        let Kind::Lazy(table) = &self.kind else {
            unreachable!("only code that was compiled lazily counts");
        };
        let tuning = table.compilers().tuning();
        let patience = tuning.patience();
        let wanted = table.with_counted(index, |counted| {
            let again = counted.entries() > 1;
            counted.look(header, tuning);
            let begin_at = counted.loop_to_begin_at(header, patience);
            let of_loop = counted.want_loop(begin_at, header, tuning);
            (of_loop, again && counted.want(None))
        });
        let (of_loop, of_function) = wanted.unwrap_or((None, false));
        if of_loop.is_some() {
            self.queue(index, of_loop);
        }
        if of_function {
            self.queue(index, None);
        }
        let moved = table.with_counted(index, |counted| {
            let stay = counted.loop_around_is_due(header, patience);
            match *counted.better(Some(header)) {
                Better::Ready(code) if !stay => {
                    counted.loop_is_entered(header);
                    // SAFETY: the caller's promise.
                    unsafe { osr::hand_over(&counted.tier_up, header, frame, vmctx) };
                    code
                }
                Better::Failed => {
                    counted.set_loop(header, NEVER);
                    osr::STAY
                }
                Better::No | Better::Queued | Better::Ready(_) => osr::STAY,
            }
        });
        let code = moved.unwrap_or(osr::STAY);
        if code != osr::STAY {
            count(&table.compilers().counts().replacements);
            tracing::trace!(function = self.number(index), header, "frame replaced");
        }
        code
    }

    fn queue(&self, func: u32, header: Option<u32>) {
        let Kind::Lazy(table) = &self.kind else {
            return;
        };
        tracing::trace!(function = self.number(func), header, "queued");
        let queue = table.compilers().queue();
        let job = Job {
            module: self.itself().clone(),
            func,
            header,
        };
        match self.file() {
            Some(file) if queue.is_background() => file.queue_when_read(job, queue),
            _ => queue.add(job),
        }
    }

    /// How much code has run that a job is about.
    pub(crate) fn heat(&self, job: &Job) -> u64 {
        match &self.kind {
            Kind::Lazy(table) => table
                .with_counted(job.func, |counted| counted.heat())
                .unwrap_or(0),
            Kind::Ahead(_) => 0,
        }
    }

    /// Does a job.
    pub(crate) fn optimize(&self, job: &Job) -> Result<()> {
        let Kind::Lazy(table) = &self.kind else {
            bail!("code that was compiled ahead of time is as good as it gets");
        };
        let state = table.with_counted(job.func, |counted| *counted.better(job.header));
        if state == Some(Better::Failed) {
            // It was queued before that was known.
            return Ok(());
        }
        let func = DefinedFuncIndex(job.func);
        let entry = match job.header {
            None => Entry::Start,
            Some(header) => {
                let wasm = table.with_counted(job.func, |counted| {
                    counted.tier_up.loops[header as usize].wasm
                });
                Entry::Loop {
                    wasm: wasm.context("the function has no code that counts")?,
                }
            }
        };
        let compiled = self.compile(func, |compilers, input| {
            compilers.optimize(FunctionInput {
                entry,
                profile: Some(&**table),
                ..input
            })
        })?;
        table.improve(func, job.header, compiled)?;
        let counts = table.compilers().counts();
        count(match job.header {
            None => &counts.tier_ups,
            Some(_) => &counts.loops_optimized,
        });
        let function = self.number(job.func);
        match entry {
            Entry::Start => tracing::debug!(function, "function optimized"),
            Entry::Loop { wasm } => tracing::debug!(function, wasm, "loop optimized"),
        }
        Ok(())
    }

    /// A job can't be done: the function stays as it is.
    pub(crate) fn not_optimized(&self, job: &Job, why: &str) {
        let function = self.number(job.func);
        tracing::debug!(function, header = job.header, why, "not optimized");
        if let Kind::Lazy(table) = &self.kind {
            table.give_up(job.func);
        }
    }

    /// What is hot and not optimized yet, hottest first: functions, by their place among those that the module
    /// defines, and loops in them, by their order. Empty if there is no cache to keep what becomes of it.
    pub fn unfinished(&self) -> Vec<(u32, Option<u32>)> {
        match &self.kind {
            Kind::Lazy(table) if self.is_remembered() => table.unfinished(),
            _ => Vec::new(),
        }
    }

    /// Optimizes, on this thread, what another process has left [unfinished](Self::unfinished), until a moment at
    /// the most. What does not fit the module is passed over.
    pub fn finish(&self, unfinished: &[(u32, Option<u32>)], until: Instant) {
        let Kind::Lazy(table) = &self.kind else {
            return;
        };
        for &(func, header) in unfinished {
            if Instant::now() >= until {
                return;
            }
            let wanted = table.with_counted(func, |counted| {
                counted.has_loop(header) && counted.want(header)
            });
            if wanted != Some(true) {
                continue;
            }
            let job = Job {
                module: self.itself().clone(),
                func,
                header,
            };
            if let Err(error) = self.optimize(&job) {
                self.not_optimized(&job, &format!("{error:#}"));
            }
        }
    }

    /// A function's index in the module.
    fn number(&self, func: u32) -> u32 {
        self.info().func_of(DefinedFuncIndex(func)).0
    }

    /// Compiles a function, whose body and those that are inlined are read for this.
    fn compile<T>(
        &self,
        func: DefinedFuncIndex,
        compile: impl FnOnce(&Compilers, FunctionInput<'_>) -> Result<T>,
    ) -> Result<T> {
        let Kind::Lazy(table) = &self.kind else {
            unreachable!("the functions of an image are compiled");
        };
        let bodies = BodyReader {
            code: self,
            read: Bump::new(),
        };
        let (compilers, info) = (table.compilers(), self.info());
        let body = bodies.body(&info.bodies[func.index()])?;
        let calls = CallMode::ThroughTable;
        let input = compilers.input(info, self.offsets(), func, (body, &bodies), calls);
        compile(compilers, input)
    }
}

/// Reads bodies, and keeps them while a function is compiled.
struct BodyReader<'a> {
    code: &'a ModuleCode,
    read: Bump,
}

impl BodyReader<'_> {
    fn body(&self, range: &Range<u32>) -> Result<&[u8]> {
        Ok(self.read.alloc_slice_copy(&self.code.read(range)?))
    }
}

impl Bodies for BodyReader<'_> {
    fn read(&self, range: &Range<u32>) -> Option<&[u8]> {
        self.body(range).ok()
    }
}
