//! Values, types and the host, as all engines see them alike.

use std::hash::{DefaultHasher, Hash, Hasher};

/// The types of values that are passed between host and guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    I32,
    I64,
    F32,
    F64,
    V128,
    Func,
    Extern,
    /// What the guest makes itself.
    Any,
    Exn,
}

/// A value as bits. References are numbers: a function that of its first export, a host value its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    I32(u32),
    I64(u64),
    F32(u32),
    F64(u64),
    V128(u128),
    Func(Option<u32>),
    Extern(Option<u32>),
    /// By what it looks like from outside.
    Any(Option<u64>),
    Exn(Option<u64>),
}

impl Value {
    /// The same without what another runtime need not agree on: a NaN's bits, and which function it is.
    pub fn loosely(self) -> Value {
        match self {
            Value::F32(bits) if f32::from_bits(bits).is_nan() => Value::F32(0x7fc0_0000),
            Value::F64(bits) if f64::from_bits(bits).is_nan() => Value::F64(0x7ff8 << 48),
            Value::Func(Some(_)) => Value::Func(Some(0)),
            other => other,
        }
    }
}

/// What the guest imports. It answers by what it was asked, and remembers that.
#[derive(Default, Debug)]
pub struct Host {
    calls: u64,
    trace: u64,
}

impl Host {
    /// An imported function is called, by its number among functions. Returns its results, or an error that stops the guest.
    pub fn call(
        &mut self,
        import: usize,
        args: impl Iterator<Item = Value>,
        results: impl Iterator<Item = Type>,
    ) -> Result<Vec<Value>, HostError> {
        let mut hasher = DefaultHasher::new();
        (self.trace, import).hash(&mut hasher);
        args.for_each(|arg| arg.loosely().hash(&mut hasher));
        self.trace = hasher.finish();
        self.calls += 1;
        if self.calls.is_multiple_of(23) {
            return Err(HostError);
        }
        let mut random = crate::random::Random::new(self.trace);
        Ok(results.map(|ty| random.value(ty).loosely()).collect())
    }

    /// What tells one history of calls from another.
    pub fn trace(&self) -> u64 {
        self.trace
    }
}

/// What a host function sometimes returns.
#[derive(Debug)]
pub struct HostError;

impl std::fmt::Display for HostError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the host refuses")
    }
}

impl std::error::Error for HostError {}
