//! Typed references in programs: types declared subtypes of one another, a local for a reference to each function that
//! is written before, casts and branches on what these hold.

use crate::program::{MOST_LOOPS, Signature, Writer, emit, names};
use crate::value::Type;
use std::fmt::Write;

impl Writer<'_> {
    /// Declares the type of a function, maybe as a subtype of that of the function before, if these are `alike`.
    pub(crate) fn declare_type(&mut self, function: usize, signature: &Signature, alike: bool) {
        let params = names(&signature.params);
        let shape = format!(
            "(func (param{params}) (result{}))",
            names(&signature.results)
        );
        let before = function.wrapping_sub(1);
        match alike && self.out.contains(&format!("(type $t{before} (sub ")) {
            // All but final types can be gone on with.
            true if self.below(3) > 0 => {
                emit!(self, "(type $t{function} (sub $t{before} {shape}))")
            }
            _ if self.below(2) == 0 => emit!(self, "(type $t{function} {shape})"),
            _ => emit!(self, "(type $t{function} (sub {shape}))"),
        }
    }

    /// Declares the locals for references to functions that come before one.
    pub(crate) fn declare_references(&mut self, function: usize) {
        if self.has_references() {
            let types: Vec<String> = (0..function).map(|i| format!("(ref null $t{i})")).collect();
            emit!(self, "(local {})", types.join(" "));
        }
    }

    /// The local for references to a function: behind counters and scratch locals.
    fn reference_local(&self, function: usize) -> usize {
        self.locals.len() + MOST_LOOPS + 3 + function
    }

    /// A reference, not null, to a function of the type of one that is written.
    pub(crate) fn reference(&mut self, function: usize) {
        let local = self.reference_local(function);
        match self.below(5) {
            0 => emit!(
                self,
                "i32.const {function} table.get $functions ref.cast (ref $t{function})"
            ),
            1 => emit!(
                self,
                "block (result (ref $t{function})) local.get {local} br_on_non_null 0 ref.func $f{function} end"
            ),
            // It may be null, which ends the call.
            2 if self.below(8) == 7 => emit!(self, "local.get {local} ref.as_non_null"),
            _ => emit!(self, "ref.func $f{function}"),
        }
    }

    /// Sets the local of a function, or looks at what it or the table holds.
    pub(crate) fn set_reference(&mut self) {
        let function = self.below(self.signatures.len());
        let local = self.reference_local(function);
        let element = self.below(self.functions);
        match self.below(5) {
            0 => {
                self.reference(function);
                emit!(self, "ref.null $t{function}");
                self.value(Type::I32, 2);
                emit!(
                    self,
                    "select (result (ref null $t{function})) local.set {local}"
                );
            }
            1 => emit!(
                self,
                "block (result (ref null $t{function})) i32.const {element} table.get $functions \
                 br_on_cast 0 funcref (ref $t{function}) drop ref.null $t{function} end local.set {local}"
            ),
            2 => emit!(
                self,
                "block (result funcref) local.get {local} br_on_cast_fail 0 funcref (ref $t{function}) \
                 local.set {local} ref.null func end drop"
            ),
            3 => {
                emit!(
                    self,
                    "i32.const {element} table.get $functions ref.test (ref $t{function})"
                );
                self.put_away(&[Type::I32]);
            }
            // With an operand beneath, and one that is only there if there is a reference.
            _ => {
                self.value(Type::I32, 1);
                emit!(
                    self,
                    "block local.get {local} br_on_null 0 local.set {local} end"
                );
                self.put_away(&[Type::I32]);
            }
        }
    }
}
