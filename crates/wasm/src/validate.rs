//! Bodies of functions, validated by several threads.

use crate::module::ModuleInfo;
use crate::quick::{PlainModule, Stacks};
use mainspring_error::Result;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use wasmparser::{
    Error, FuncToValidate, FuncValidatorAllocations, FunctionBody, ValidatorResources, WasmFeatures,
};

pub(crate) type Body<'a> = (FuncToValidate<ValidatorResources>, FunctionBody<'a>);

/// Bodies that one thread validates, one after the other.
pub(crate) type Batch<'a> = Vec<Body<'a>>;

/// Bytes of bodies to a batch, at least: much less than a module that takes long, much more than it costs to hand them on.
pub(crate) const BATCH: usize = 64 << 10;

/// Bodies to be validated.
#[derive(Default)]
pub(crate) struct Bodies<'a> {
    /// All but the last are large enough.
    pub batches: Vec<Batch<'a>>,
    /// Bytes of the last one.
    bytes: usize,
}

impl<'a> Bodies<'a> {
    pub fn add(&mut self, body: Body<'a>) {
        let bytes = body.1.as_bytes().len();
        match self.batches.last_mut() {
            Some(last) if self.bytes < BATCH => {
                self.bytes += bytes;
                last.push(body);
            }
            _ => {
                self.bytes = bytes;
                self.batches.push(vec![body]);
            }
        }
    }

    pub fn has_whole_batches(&self) -> bool {
        self.batches.len() > 1
    }

    pub fn whole_batches(&mut self) -> impl Iterator<Item = Batch<'a>> + '_ {
        self.batches.drain(..self.batches.len() - 1)
    }
}

/// What threads that validate share.
#[derive(Default)]
pub(crate) struct Validation {
    /// The declarations, if they are such that bodies can be found valid quickly.
    plain: OnceLock<Option<PlainModule>>,
    /// The error that comes first in the module.
    first_error: Mutex<Option<Error>>,
    /// Memory that earlier bodies left.
    reusable: Mutex<Vec<Reusable>>,
}

#[derive(Default)]
struct Reusable {
    quick: Stacks,
    whole: FuncValidatorAllocations,
}

impl Validation {
    /// Learns what comes before the bodies.
    pub fn begin(&self, features: WasmFeatures, info: &ModuleInfo) {
        (self.plain).get_or_init(|| PlainModule::new(features, info));
    }

    pub fn validate(&self, batch: Batch<'_>) {
        let plain = self.plain.get().and_then(Option::as_ref);
        let mut reusable = lock(&self.reusable).pop().unwrap_or_default();
        for (function, body) in batch {
            let quick = &mut reusable.quick;
            if plain.is_some_and(|plain| plain.accepts(function.ty, body.as_bytes(), quick)) {
                continue;
            }
            let mut validator = function.into_validator(reusable.whole);
            if let Err(error) = validator.validate(&body) {
                let mut first = lock(&self.first_error);
                if (first.as_ref()).is_none_or(|first| error.offset() < first.offset()) {
                    *first = Some(error);
                }
            }
            reusable.whole = validator.into_allocations();
        }
        lock(&self.reusable).push(reusable);
    }

    /// Reports the error that comes first in the module.
    pub fn finish(self) -> Result<()> {
        let first = self.first_error.into_inner();
        match first.unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is in it is whole at any time.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
