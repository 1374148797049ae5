//! How much work a compilation does where it goes through operands: tests tell from it whether that is in proportion to a
//! body's size. Nothing is counted otherwise.

#[cfg(test)]
thread_local! {
    static STEPS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// Notes that so many things were looked at.
#[inline(always)]
pub(crate) fn count(_steps: usize) {
    #[cfg(test)]
    STEPS.set(STEPS.get() + _steps as u64);
}

/// What was noted on this thread since this was asked last.
#[cfg(test)]
pub(crate) fn taken() -> u64 {
    STEPS.replace(0)
}
