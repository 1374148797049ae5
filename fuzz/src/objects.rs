//! Objects and exceptions in programs: structs with a subtype, arrays, casts, a table of them, and what is thrown and caught
//! with statements around it. References are null only where that is no trap.

use crate::program::{Label, Writer, emit};
use crate::value::Type;
use std::fmt::Write;

/// Elements of the table and of arrays of references, at the least.
const TABLE: usize = 16;
const SHORTEST: usize = 2;

impl Writer<'_> {
    pub(crate) fn declare_objects(&mut self) {
        if !self.typed {
            return;
        }
        let node =
            "(field $n (mut i32)) (field $any (mut anyref)) (field $next (mut (ref null $node)))";
        emit!(
            self,
            "(rec (type $node (sub (struct {node})))
             (type $leaf (sub final $node (struct {node} (field $v (mut v128)) (field $f (mut f64)) (field $b (mut i8)))))
             (type $list (array (mut anyref)))
             (type $bytes (array (mut i16))))
             (tag $one (param i32 anyref)) (tag $other (param v128))
             (table $objects (export \"objects\") {TABLE} anyref)"
        );
    }

    pub(crate) fn declare_object_locals(&mut self) {
        if self.typed {
            emit!(
                self,
                "(local $node (ref null $node)) (local $list (ref null $list)) (local $thrown exnref)"
            );
        }
    }

    /// An object, a number or null.
    pub(crate) fn any(&mut self, depth: usize) {
        let depth = depth.saturating_sub(1);
        match self.below(10) {
            0 => {
                self.value(Type::I32, depth);
                emit!(self, "ref.i31");
            }
            1 | 2 => self.node(depth),
            3 | 4 => self.list(depth),
            5 => {
                self.place();
                emit!(self, "table.get $objects");
            }
            6 => {
                self.node(depth);
                emit!(self, "struct.get $node $any");
            }
            7 => {
                self.node(depth);
                emit!(self, "struct.get $node $next");
            }
            8 => {
                self.element(depth);
                emit!(self, "array.get $list");
            }
            _ => {
                self.value(Type::Extern, depth);
                emit!(self, "any.convert_extern");
            }
        }
    }

    /// A node, old or new.
    fn node(&mut self, depth: usize) {
        let depth = depth.saturating_sub(1);
        let choice = self.below(if depth == 0 { 3 } else { 5 });
        match choice {
            0 => emit!(
                self,
                "block (result (ref $node)) local.get $node br_on_non_null 0 struct.new_default $node end"
            ),
            1 => emit!(self, "struct.new_default $leaf"),
            2 => {
                emit!(self, "block (result (ref $node))");
                self.value(Type::Any, depth);
                emit!(
                    self,
                    "br_on_cast 0 anyref (ref $node) drop struct.new_default $node end"
                );
            }
            _ => {
                self.value(Type::I32, depth);
                self.value(Type::Any, depth);
                match self.below(3) {
                    0 => emit!(self, "ref.null $node"),
                    _ => self.node(depth),
                }
                if choice == 3 {
                    return emit!(self, "struct.new $node");
                }
                self.value(Type::V128, depth);
                self.value(Type::F64, depth);
                self.value(Type::I32, depth);
                emit!(self, "struct.new $leaf");
            }
        }
    }

    /// An array of references, old or new.
    fn list(&mut self, depth: usize) {
        let len = SHORTEST + self.below(6);
        match self.below(4) {
            0 | 1 => emit!(
                self,
                "block (result (ref $list)) local.get $list br_on_non_null 0 i32.const {len} array.new_default $list end"
            ),
            2 => {
                self.value(Type::Any, depth.saturating_sub(1));
                emit!(self, "i32.const {len} array.new $list");
            }
            _ => {
                (0..len).for_each(|_| self.value(Type::Any, 0));
                emit!(self, "array.new_fixed $list {len}");
            }
        }
    }

    /// An array and an index that it has.
    fn element(&mut self, depth: usize) {
        self.list(depth);
        let index = self.below(SHORTEST);
        emit!(self, "i32.const {index}");
    }

    /// An index that the table has.
    fn place(&mut self) {
        self.value(Type::I32, 1);
        emit!(self, "i32.const {} i32.and", TABLE - 1);
    }

    /// Makes objects, changes them, or looks into them.
    pub(crate) fn objects(&mut self) {
        match self.below(20) {
            0 => {
                self.node(2);
                emit!(self, "local.set $node");
            }
            1 => {
                self.list(2);
                emit!(self, "local.set $list");
            }
            2 => {
                self.node(1);
                self.value(Type::I32, 2);
                emit!(self, "struct.set $node $n");
            }
            3 => {
                self.node(1);
                self.value(Type::Any, 3);
                emit!(self, "struct.set $node $any");
            }
            4 => {
                self.node(1);
                self.node(2);
                emit!(self, "struct.set $node $next");
            }
            5 => {
                emit!(self, "block $done block $not (result (ref $node))");
                self.node(1);
                emit!(self, "br_on_cast_fail $not (ref $node) (ref $leaf)");
                let (field, ty) =
                    [("v", Type::V128), ("f", Type::F64), ("b", Type::I32)][self.below(3)];
                self.value(ty, 2);
                emit!(self, "struct.set $leaf ${field} br $done end drop end");
            }
            6 => {
                self.element(1);
                self.value(Type::Any, 3);
                emit!(self, "array.set $list");
            }
            7 => {
                self.element(1);
                self.element(1);
                emit!(self, "i32.const 1 array.copy $list $list");
            }
            8 => {
                self.place();
                self.value(Type::Any, 3);
                emit!(self, "table.set $objects");
            }
            9 => {
                emit!(self, "i32.const 3");
                self.value(Type::Any, 2);
                emit!(self, "i32.const 5 table.fill $objects");
            }
            10 => emit!(
                self,
                "i32.const 1 i32.const 7 i32.const 6 table.copy $objects $objects"
            ),
            11 => self.look(),
            12 => self.throw(),
            13 | 14 => self.catch(),
            15 | 16 => self.legacy_catch(),
            _ => self.keep(),
        }
    }

    /// Puts something new into something old, and takes it out again, with collections before and in between.
    fn keep(&mut self) {
        let place = self.below(TABLE);
        let (at, set, get) = match self.below(3) {
            0 => {
                self.node(2);
                emit!(self, "local.set $node");
                (
                    "local.get $node ref.as_non_null".into(),
                    "struct.set $node $any",
                    "struct.get $node $any",
                )
            }
            1 => {
                self.list(1);
                emit!(self, "local.set $list");
                (
                    "local.get $list i32.const 1".into(),
                    "array.set $list",
                    "array.get $list",
                )
            }
            _ => (
                format!("i32.const {place}"),
                "table.set $objects",
                "table.get $objects",
            ),
        };
        self.garbage();
        emit!(self, "{at}");
        self.value(Type::Any, 3);
        emit!(self, "{set}");
        self.garbage();
        emit!(self, "{at} {get}");
        self.put_away(&[Type::Any]);
    }

    fn garbage(&mut self) {
        for _ in 0..self.below(4) {
            match self.below(2) {
                0 => emit!(self, "struct.new_default $leaf drop"),
                _ => emit!(self, "i32.const 20 array.new_default $bytes drop"),
            }
        }
    }

    /// A number from an object.
    fn look(&mut self) {
        match self.below(6) {
            0 => {
                self.node(2);
                emit!(self, "struct.get $node $n");
            }
            1 => {
                emit!(self, "block $done (result i32) block $not (result anyref)");
                self.value(Type::Any, 2);
                emit!(
                    self,
                    "br_on_cast_fail $not anyref (ref $leaf) struct.get_s $leaf $b br $done end drop i32.const 9 end"
                );
            }
            2 => {
                self.value(Type::Any, 2);
                let ty = ["(ref $leaf)", "(ref null $node)", "i31ref", "(ref eq)"][self.below(4)];
                emit!(self, "ref.test {ty}");
            }
            3 => {
                self.node(1);
                self.node(1);
                emit!(self, "ref.eq");
            }
            4 => {
                self.list(1);
                emit!(self, "array.len");
            }
            _ => {
                emit!(self, "block $done (result i32) block $not (result anyref)");
                self.value(Type::Any, 2);
                emit!(
                    self,
                    "br_on_cast_fail $not anyref (ref i31) i31.get_s br $done end drop i32.const 9 end"
                );
            }
        }
        self.put_away(&[Type::I32]);
    }

    /// Throws, now and then.
    fn throw(&mut self) {
        self.value(Type::I32, 2);
        emit!(self, "i32.const 7 i32.and i32.eqz if");
        let clauses: Vec<usize> = (self.labels.iter().rev().enumerate())
            .filter(|(_, label)| matches!(label, Label::Clause))
            .map(|(depth, _)| depth)
            .collect();
        let clause = self.below(clauses.len());
        match (self.below(6), clauses.get(clause)) {
            (0, _) => {
                self.value(Type::V128, 1);
                emit!(self, "throw $other");
            }
            (1, _) => emit!(
                self,
                "local.get $thrown ref.is_null if else local.get $thrown throw_ref end"
            ),
            (2 | 3, Some(depth)) => emit!(self, "rethrow {}", depth + 1),
            _ => {
                self.value(Type::I32, 1);
                self.value(Type::Any, 2);
                emit!(self, "throw $one");
            }
        }
        emit!(self, "end");
    }

    /// The same as [`catch`](Self::catch), as it was before version 3.
    fn legacy_catch(&mut self) {
        emit!(self, "try");
        self.labels.push(Label::Block);
        self.statements();
        if self.below(3) > 0 {
            self.throw();
        }
        self.labels.pop();
        if self.below(4) == 3 {
            let depth = self.below(self.labels.len() + 1);
            return emit!(self, "delegate {depth}");
        }
        let clauses: [(&str, &[Type]); 3] = [
            ("catch $one", &[Type::I32, Type::Any]),
            ("catch $other", &[Type::V128]),
            ("catch_all", &[]),
        ];
        for (clause, caught) in clauses {
            if self.below(3) < 2 {
                emit!(self, "{clause}");
                self.labels.push(Label::Clause);
                self.put_away(caught);
                self.statements();
                if self.below(3) == 0 {
                    self.garbage();
                    self.throw();
                }
                self.labels.pop();
            }
        }
        emit!(self, "end");
    }

    /// Statements whose exceptions are caught, not always all. What was caught is an operand of what comes next.
    fn catch(&mut self) {
        let (clause, caught): (&str, &[Type]) = match self.below(5) {
            0 => ("catch $one", &[Type::I32, Type::Any]),
            1 => ("catch_ref $one", &[Type::I32, Type::Any, Type::Exn]),
            2 => ("catch $other", &[Type::V128]),
            3 => ("catch_all_ref", &[Type::Exn]),
            _ => ("catch_all", &[]),
        };
        emit!(self, "block (result{})", crate::program::names(caught));
        self.labels.push(Label::Closed);
        emit!(self, "try_table ({clause} 0)");
        self.labels.push(Label::Block);
        self.statements();
        self.labels.pop();
        emit!(self, "end");
        self.labels.pop();
        for ty in caught {
            match ty {
                Type::Exn => emit!(self, "local.get $thrown"),
                ty => self.value(*ty, 1),
            }
        }
        emit!(self, "end");
        if caught.last() == Some(&Type::Exn) {
            emit!(self, "local.set $thrown");
        }
        let others = caught.iter().filter(|ty| **ty != Type::Exn);
        let others: Vec<Type> = others.copied().collect();
        self.put_away(&others);
    }
}
