//! Where frames hold references while calls go on.
//!
//! A reference that waits on the operand stack is there for many calls, and so are all below it. Listed call by call
//! they would take space with the square of a body's size, so an entry is of a stretch of calls.

use serde::{Deserialize, Serialize};

/// A place in a frame that holds a reference for the garbage collector while calls go on, to objects that the
/// collector manages ([`RefKind::Gc`](mainspring_wasm::RefKind)): 32 bits, which may be null.
///
/// ```
/// use mainspring_abi::Root;
///
/// let mut roots = vec![Root::of_call(40, -8), Root::of_calls(10..=40, -16)];
/// Root::link(&mut roots);
/// let slots = |code| {
///     let mut slots = Vec::new();
///     Root::visit(&roots, code, &mut |slot| slots.push(slot));
///     slots
/// };
/// assert_eq!(slots(40), [-8, -16]);
/// assert_eq!(slots(20), [-16]);
/// assert_eq!(slots(41), []);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Root {
    /// Offset in the function's code of the place that the first of these calls returns to.
    pub first: u32,
    /// The same of the last. All calls in between hold the reference too. A call that has no roots may hold no reference
    /// that is used after it.
    pub last: u32,
    /// Where the reference is, in bytes from the frame pointer.
    pub slot: i32,
    /// How many entries before this one the next is that ends after this one does; 0 if there is none. Said by
    /// [`link`](Self::link).
    pub back: u32,
}

impl Root {
    /// A root of the call that returns to `code`.
    pub fn of_call(code: u32, slot: i32) -> Root {
        Self::of_calls(code..=code, slot)
    }

    /// A root of all calls that return to offsets in a range.
    pub fn of_calls(codes: std::ops::RangeInclusive<u32>, slot: i32) -> Root {
        let (first, last) = codes.into_inner();
        Root {
            first,
            last,
            slot,
            back: 0,
        }
    }

    /// Brings all roots of a function into the order in which they are looked up, and says how.
    pub fn link(roots: &mut [Root]) {
        roots.sort_unstable_by_key(|root| (root.first, root.last, root.slot));
        // Those before that end after all others since, last ones first.
        let mut later: Vec<usize> = Vec::new();
        for i in 0..roots.len() {
            let last = roots[i].last;
            while later
                .last()
                .is_some_and(|&before| roots[before].last <= last)
            {
                later.pop();
            }
            roots[i].back = later.last().map_or(0, |&before| (i - before) as u32);
            later.push(i);
        }
    }

    /// Shows where a function's roots are of the call that returns to `code`.
    pub fn visit(roots: &[Root], code: u32, visit: &mut dyn FnMut(i32)) {
        let count = roots.partition_point(|root| root.first <= code);
        Self::visit_in(count, |i| roots[i], code, visit);
    }

    /// The same in a table that may be of several functions, one behind the other. `count` is how many entries of it begin at
    /// `code` or before, and `get` gives them.
    pub fn visit_in(
        count: usize,
        get: impl Fn(usize) -> Root,
        code: u32,
        visit: &mut dyn FnMut(i32),
    ) {
        let mut left = count;
        while left > 0 {
            let root = get(left - 1);
            if root.last >= code {
                visit(root.slot);
                left -= 1;
            } else if root.back == 0 {
                return;
            } else {
                // All in between have ended before.
                left -= root.back as usize;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Root;

    /// Stretches of all forms, of two functions one behind the other: each call has those that it lies in.
    #[test]
    fn each_call_has_the_roots_that_it_lies_in() {
        let mut state = 1_u32;
        let mut random = |below: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % below
        };
        for round in 0..200 {
            let mut all = Vec::new();
            for base in [0, 100] {
                let mut roots: Vec<Root> = (0..random(40))
                    .map(|n| {
                        let first = random(99);
                        let last = first + random([1, 10, 99 - first][(round % 3) as usize].max(1));
                        Root::of_calls(base + first..=base + last.min(99), -(n.cast_signed()))
                    })
                    .collect();
                Root::link(&mut roots);
                all.extend(roots);
            }
            for code in 0..200 {
                let mut found = Vec::new();
                Root::visit(&all, code, &mut |slot| found.push(slot));
                let mut expected: Vec<i32> = (all.iter())
                    .filter(|root| (root.first..=root.last).contains(&code))
                    .map(|root| root.slot)
                    .collect();
                found.sort_unstable();
                expected.sort_unstable();
                assert_eq!(found, expected, "at {code} of {all:?}");
            }
        }
    }

    /// Calls that hold nothing are not looked for among all that came before.
    #[test]
    fn ended_stretches_are_stepped_over() {
        let mut roots: Vec<Root> = (0..1000).map(|n| Root::of_call(n, -8)).collect();
        roots.push(Root::of_calls(0..=2000, -16));
        Root::link(&mut roots);
        let looked_at = std::cell::Cell::new(0);
        let get = |i: usize| {
            looked_at.set(looked_at.get() + 1);
            roots[i]
        };
        Root::visit_in(roots.len(), get, 1500, &mut |_| {});
        assert!(looked_at.get() <= 4, "{looked_at:?}");
    }
}
