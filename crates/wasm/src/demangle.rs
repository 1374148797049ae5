//! Names of functions as their source has them.

use std::borrow::Cow;
use std::fmt;

/// Names, mangled or not, that are longer stay as they are. Names are the module's, and a short one can stand for
/// one of any length.
const LONGEST: usize = 1 << 14;

/// A function's name as its source has it, if a compiler of Rust or C++ made it; any other as it is.
///
/// ```
/// assert_eq!(mainspring_wasm::demangle("_ZN4core3fmt5write17h0123456789abcdefE"), "core::fmt::write");
/// assert_eq!(mainspring_wasm::demangle("_Z3addii"), "add(int, int)");
/// assert_eq!(mainspring_wasm::demangle("add"), "add");
/// ```
pub fn demangle(name: &str) -> Cow<'_, str> {
    if name.len() > LONGEST {
        return Cow::Borrowed(name);
    }
    let demangled = rust(name).or_else(|| cpp(name));
    demangled.map_or(Cow::Borrowed(name), |text| Cow::Owned(text.0))
}

fn rust(name: &str) -> Option<Bounded> {
    let symbol = rustc_demangle::try_demangle(name).ok()?;
    let mut text = Bounded::default();
    // Without the hash.
    fmt::write(&mut text, format_args!("{symbol:#}")).ok()?;
    Some(text)
}

fn cpp(name: &str) -> Option<Bounded> {
    // Without it, `f` would be the type `float`.
    name.strip_prefix("_Z")?;
    let symbol = cpp_demangle::BorrowedSymbol::new(name.as_bytes()).ok()?;
    let mut text = Bounded::default();
    let options = cpp_demangle::DemangleOptions::new();
    symbol.structured_demangle(&mut text, &options).ok()?;
    Some(text)
}

/// Text that fails to grow too long.
#[derive(Default)]
struct Bounded(String);

impl fmt::Write for Bounded {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        if self.0.len() + more.len() > LONGEST {
            return Err(fmt::Error);
        }
        self.0.push_str(more);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_rust_and_cpp_are_those_of_their_source() {
        for (mangled, name) in [
            (
                "_ZN4core9panicking5panic17h0123456789abcdefE",
                "core::panicking::panic",
            ),
            ("_RNvNtCs1234_7mycrate3foo3bar", "mycrate::foo::bar"),
            ("_ZN3foo3barEv", "foo::bar()"),
            (
                "_ZNSt6vectorIiSaIiEE9push_backEOi",
                "std::vector<int, std::allocator<int> >::push_back(int&&)",
            ),
        ] {
            assert_eq!(demangle(mangled), name);
        }
    }

    #[test]
    fn other_names_stay() {
        for name in [
            "",
            "f",
            "main",
            "_",
            "_Z",
            "_R",
            "_ZN",
            "$s4main3fooyyF",
            "_ZN3foo3bar",
            "грüße",
        ] {
            assert_eq!(demangle(name), name);
        }
    }

    #[test]
    fn names_that_stand_for_endless_ones_stay() {
        // Each argument is a pair of the one before, and `std::pair` counts, too.
        let pairs = "02468ACEGIKMOQSUWY".chars();
        let pairs = pairs.map(|before| format!("St4pairIS{before}_S{before}_E"));
        let doubling = format!("_Z1fSt4pairIiiE{}", pairs.collect::<String>());
        assert_eq!(demangle(&doubling), doubling);
        let deep = format!("_Z1f{}i", "P".repeat(LONGEST));
        assert_eq!(demangle(&deep), deep);
        let deep = format!("_Z1f{}i", "P".repeat(LONGEST / 2));
        assert_eq!(demangle(&deep), deep);
    }
}
