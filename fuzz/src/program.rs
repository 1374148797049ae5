//! Programs that keep running: loops in loops with operands on the stack at their headers, locals of all types, branches
//! of all kinds, calls. Modules made at random mostly end at the first trap; these do not trap unless asked to.

use crate::generate::{Case, FUEL, FULL};
use crate::operators::{ATOMICS, OPERATORS, Shape};
use crate::random::Random;
use crate::value::Type;
use arbitrary::Unstructured;
use std::fmt::Write;

/// Makes a program of bytes; with `canonical`, one in which each NaN has one form.
pub fn case(data: &[u8], canonical: bool) -> Case {
    let mut u = Unstructured::new(data);
    let seed = u.arbitrary().unwrap_or(0);
    let mut writer = Writer {
        u,
        out: String::new(),
        locals: Vec::new(),
        labels: Vec::new(),
        counters: 0,
        params: 0,
        results: Vec::new(),
        signatures: Vec::new(),
        functions: 0,
        budget: 0,
        canonical,
        typed: !canonical,
    };
    writer.module();
    let wasm = wat::parse_str(&writer.out).unwrap_or_else(|error| panic!("{error}"));
    let random = Random::new(seed);
    Case { wasm, random }
}

/// What a branch may go to.
pub(crate) enum Label {
    /// A block without results.
    Block,
    /// A block that no branch goes to.
    Closed,
    /// A clause of a `try`, whose exception can be thrown again.
    Clause,
    /// A loop: its counter and its parameters.
    Loop(usize, Vec<Type>),
}

#[derive(Clone)]
pub(crate) struct Signature {
    pub(crate) params: Vec<Type>,
    pub(crate) results: Vec<Type>,
}

pub(crate) struct Writer<'a> {
    pub(crate) u: Unstructured<'a>,
    pub(crate) out: String,
    pub(crate) locals: Vec<Type>,
    pub(crate) labels: Vec<Label>,
    counters: usize,
    /// How many of the locals are parameters.
    params: usize,
    /// Of the function that is written.
    results: Vec<Type>,
    /// Of the functions that are written.
    pub(crate) signatures: Vec<Signature>,
    /// How many functions there will be.
    pub(crate) functions: usize,
    /// Instructions that may still be written for a function, more or less.
    budget: usize,
    /// Whether all NaNs are to have one form.
    canonical: bool,
    /// Whether there are typed references, objects and exceptions, which the oracle does not know.
    pub(crate) typed: bool,
}

/// Types of locals, globals, and operands; the last only of typed programs.
const TYPES: [Type; 7] = [
    Type::I32,
    Type::I64,
    Type::F32,
    Type::F64,
    Type::V128,
    Type::Extern,
    Type::Any,
];
/// Loops that a function may have, each with a local that counts.
pub(crate) const MOST_LOOPS: usize = 12;
const DEEPEST: usize = 5;
const ITERATIONS: usize = 9;

macro_rules! emit {
    ($writer:expr, $($format:tt)*) => {{
        writeln!($writer.out, $($format)*).expect("strings can be written to");
    }};
}
pub(crate) use emit;

impl Writer<'_> {
    /// A number below `end`; zero at the end of the input.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.u.int_in_range(0..=end.max(1) - 1).unwrap_or(0)
    }

    fn palette(&self) -> &'static [Type] {
        &TYPES[..TYPES.len() - usize::from(!self.typed)]
    }

    fn ty(&mut self) -> Type {
        let palette = self.palette();
        palette[self.below(palette.len())]
    }

    fn types(&mut self, most: usize) -> Vec<Type> {
        (0..self.below(most + 1)).map(|_| self.ty()).collect()
    }

    fn module(&mut self) {
        emit!(self, "(module");
        emit!(
            self,
            "(import \"h\" \"f\" (func $host (param i32 f64) (result i64)))"
        );
        emit!(self, "(memory (export \"memory\") 1 3)");
        emit!(self, "(data (i32.const 100) \"0123456789abcdef\")");
        emit!(
            self,
            "(global $fuel (export \"{FUEL}\") (mut i32) (i32.const {FULL}))"
        );
        self.declare_objects();
        for (i, ty) in self.palette().iter().enumerate() {
            emit!(
                self,
                "(global $g{i} (export \"g{i}\") (mut {}) ({}))",
                name(*ty),
                zero(*ty)
            );
        }
        let functions = 1 + self.below(4);
        self.functions = functions;
        emit!(self, "(table $functions {functions} funcref)");
        let all: Vec<String> = (0..functions).map(|i| format!("$f{i}")).collect();
        emit!(
            self,
            "(elem (table $functions) (i32.const 0) func {})",
            all.join(" ")
        );
        for i in 0..functions {
            self.function(i);
        }
        emit!(self, ")");
    }

    fn function(&mut self, i: usize) {
        // The same as another, so that calls find one that fits.
        let again = self.below(4) == 3 && i > 0;
        let signature = match again {
            true => self.signatures[i - 1].clone(),
            false => Signature {
                params: self.types(7),
                results: self.types(3),
            },
        };
        if self.typed {
            self.declare_type(i, &signature, again);
        }
        self.locals = signature.params.clone();
        self.params = self.locals.len();
        self.results = signature.results.clone();
        let own = self.types(20);
        self.locals.extend(&own);
        self.counters = 0;
        self.budget = [20, 60, 200, 600][self.below(4)];
        let ty = self.type_use(i);
        emit!(
            self,
            "(func $f{i} (export \"f{i}\") {ty} (param{}) (result{})",
            names(&signature.params),
            names(&signature.results)
        );
        emit!(self, "(local{})", names(&own));
        let counters = " i32".repeat(MOST_LOOPS);
        emit!(self, "(local{counters})");
        emit!(self, "(local f32 f64 v128)");
        self.declare_references(i);
        self.declare_object_locals();
        self.burn();
        self.statements();
        for ty in &signature.results {
            self.value(*ty, 2);
        }
        emit!(self, ")");
        self.signatures.push(signature);
    }

    /// Uses up fuel, and ends the call without.
    fn burn(&mut self) {
        emit!(self, "global.get $fuel i32.eqz if unreachable end");
        emit!(
            self,
            "global.get $fuel i32.const 1 i32.sub global.set $fuel"
        );
    }

    pub(crate) fn statements(&mut self) {
        for _ in 0..1 + self.below(6) {
            if self.budget == 0 {
                return;
            }
            self.statement();
        }
    }

    fn statement(&mut self) {
        self.budget = self.budget.saturating_sub(3);
        let deep = self.labels.len() >= DEEPEST;
        match self.below(if self.typed { 26 } else { 16 }) {
            0..=3 => self.set_local(),
            4 => {
                let i = self.below(self.palette().len());
                self.value(TYPES[i], 2);
                emit!(self, "global.set $g{i}");
            }
            5 => self.store(),
            6..=8 if !deep && self.counters < MOST_LOOPS => match self.below(4) {
                0 => self.dispatch(),
                _ => self.a_loop(),
            },
            9 if !deep => self.an_if(),
            10 if !deep => {
                emit!(self, "block");
                self.labels.push(Label::Block);
                self.statements();
                self.labels.pop();
                emit!(self, "end");
            }
            11 => self.branch(),
            12 => self.branch_table(),
            13 => self.call(),
            14 => self.rare(),
            15 if self.has_references() => self.set_reference(),
            16.. if !deep => self.objects(),
            _ => {
                let ty = self.ty();
                self.value(ty, 3);
                emit!(self, "drop");
            }
        }
    }

    fn set_local(&mut self) {
        let Some(local) = self.any_local() else {
            return;
        };
        self.value(self.locals[local], 3);
        emit!(self, "local.set {local}");
    }

    fn any_local(&mut self) -> Option<usize> {
        let count = self.locals.len();
        (count > 0).then(|| self.below(count))
    }

    fn local_of(&mut self, ty: Type) -> Option<usize> {
        let fitting: Vec<usize> = (0..self.locals.len())
            .filter(|i| self.locals[*i] == ty)
            .collect();
        let at = self.below(fitting.len());
        fitting.get(at).copied()
    }

    fn address(&mut self) {
        self.value(Type::I32, 1);
        // Rarely outside.
        let mask = if self.below(60) == 59 {
            0x3_ffff
        } else {
            0xfff
        };
        emit!(self, "i32.const {mask} i32.and");
    }

    fn store(&mut self) {
        self.address();
        let (ty, stores): (Type, &[&str]) = match self.below(5) {
            0 => (Type::I32, &["i32.store", "i32.store8", "i32.store16"]),
            1 => (
                Type::I64,
                &["i64.store", "i64.store8", "i64.store16", "i64.store32"],
            ),
            2 => (Type::F32, &["f32.store"]),
            3 => (Type::F64, &["f64.store"]),
            _ => (Type::V128, &["v128.store"]),
        };
        self.value(ty, 2);
        let (store, offset) = (stores[self.below(stores.len())], self.below(70));
        emit!(self, "{store} offset={offset}");
    }

    /// Values stay on the stack from one iteration to the next, beneath what the body does.
    fn a_loop(&mut self) {
        let counter = self.locals.len() + self.counters;
        self.counters += 1;
        let count = 1 + self.below(ITERATIONS);
        emit!(self, "i32.const {count} local.set {counter}");
        let carried = self.types(4);
        for ty in &carried {
            self.value(*ty, 1);
        }
        let types = names(&carried);
        emit!(self, "loop (param{types}) (result{types})");
        self.burn();
        self.labels.push(Label::Loop(counter, carried.clone()));
        self.statements();
        self.labels.pop();
        if let Some(ty) = carried.last()
            && let Some(local) = self.local_of(*ty)
        {
            match self.below(3) {
                0 => {}
                1 => emit!(self, "local.set {local} local.get {local}"),
                _ => {
                    emit!(self, "local.set {local}");
                    self.value(*ty, 2);
                }
            }
        }
        self.count_down(counter);
        emit!(self, "br_if 0 end");
        self.put_away(&carried);
    }

    /// A loop over a `br_table`, as interpreters are written: most arms go back to it, some end in a tail call, some go on
    /// in the next arm or the last.
    fn dispatch(&mut self) {
        let counter = self.locals.len() + self.counters;
        self.counters += 1;
        let arms = 1 + self.below(7);
        let count = 1 + self.below(3 * ITERATIONS);
        emit!(self, "i32.const {count} local.set {counter} block loop");
        self.burn();
        self.labels.push(Label::Block);
        self.labels.push(Label::Loop(counter, Vec::new()));
        let outside = self.labels.len();
        for _ in 0..arms {
            emit!(self, "block");
            self.labels.push(Label::Block);
        }
        self.value(Type::I32, 2);
        let targets: Vec<String> = (0..arms).map(|i| i.to_string()).collect();
        let last = self.below(arms + 2);
        // The loop itself must not be begun again without being counted.
        let default = if last == arms { arms + 1 } else { last };
        emit!(
            self,
            "i32.const 7 i32.and br_table {} {default}",
            targets.join(" ")
        );
        for _ in 0..arms {
            emit!(self, "end");
            self.labels.pop();
            self.statements();
            let depth = self.labels.len() - outside;
            match self.below(8) {
                0 => {}
                1 => self.tail_call(true),
                2 | 3 if depth > 0 => emit!(self, "br {}", depth - 1),
                2 | 3 => self.tail_call(false),
                _ => {
                    self.count_down(counter);
                    emit!(self, "br_if {depth} br {}", depth + 1);
                }
            }
        }
        self.labels.truncate(outside - 2);
        emit!(self, "end end");
    }

    /// Whether the loop goes on.
    fn count_down(&mut self, counter: usize) {
        emit!(
            self,
            "local.get {counter} i32.const 1 i32.sub local.tee {counter} i32.const 0 i32.gt_s"
        );
    }

    /// Takes operands into locals, or drops them.
    pub(crate) fn put_away(&mut self, types: &[Type]) {
        for ty in types.iter().rev() {
            match self.local_of(*ty) {
                Some(local) if self.below(4) > 0 => emit!(self, "local.set {local}"),
                _ => emit!(self, "drop"),
            }
        }
    }

    fn an_if(&mut self) {
        let results = self.types(2);
        self.value(Type::I32, 2);
        emit!(self, "if (result{})", names(&results));
        self.labels.push(Label::Block);
        // A branch to it would have to bring its results: what is inside does not know it.
        let outer = std::mem::take(&mut self.labels);
        self.statements();
        results.iter().for_each(|ty| self.value(*ty, 1));
        emit!(self, "else");
        self.statements();
        results.iter().for_each(|ty| self.value(*ty, 1));
        self.labels = outer;
        self.labels.pop();
        emit!(self, "end");
        self.put_away(&results);
    }

    /// To a label, if some value says so.
    fn branch(&mut self) {
        let depth = self.below(self.labels.len());
        let at = self.labels.len().wrapping_sub(1 + depth);
        match self.labels.get(at) {
            None | Some(Label::Closed) => {}
            Some(Label::Block | Label::Clause) => {
                self.value(Type::I32, 2);
                emit!(self, "br_if {depth}");
            }
            Some(Label::Loop(counter, carried)) => {
                let (counter, carried) = (*counter, carried.clone());
                carried.iter().for_each(|ty| self.value(*ty, 1));
                self.count_down(counter);
                self.value(Type::I32, 1);
                emit!(self, "i32.and br_if {depth}");
                self.put_away(&carried);
            }
        }
    }

    fn branch_table(&mut self) {
        let blocks: Vec<String> = (self.labels.iter().rev().enumerate())
            .filter(|(_, label)| matches!(label, Label::Block | Label::Clause))
            .map(|(depth, _)| (depth + 1).to_string())
            .collect();
        emit!(self, "block");
        self.value(Type::I32, 2);
        emit!(
            self,
            "i32.const 7 i32.and br_table 0 {} 0 end",
            blocks.join(" ")
        );
    }

    fn call(&mut self) {
        let callee = self.below(self.signatures.len() + 1);
        let Some(signature) = self.signatures.get(callee).cloned() else {
            self.value(Type::I32, 1);
            self.value(Type::F64, 1);
            emit!(self, "call $host");
            return self.put_away(&[Type::I64]);
        };
        signature.params.iter().for_each(|ty| self.value(*ty, 1));
        match self.below(if self.typed { 4 } else { 2 }) {
            0 => emit!(self, "call $f{callee}"),
            1 => {
                let ty = self.type_use(callee);
                let (params, results) = (names(&signature.params), names(&signature.results));
                emit!(
                    self,
                    "i32.const {callee} call_indirect $functions {ty} (param{params}) (result{results})"
                );
            }
            _ => {
                self.reference(callee);
                emit!(self, "call_ref $t{callee}");
            }
        }
        self.put_away(&signature.results);
    }

    /// What names the type of a function that is declared by itself.
    fn type_use(&self, function: usize) -> String {
        match self.typed {
            true => format!("(type $t{function})"),
            false => String::new(),
        }
    }

    pub(crate) fn has_references(&self) -> bool {
        self.typed && !self.signatures.is_empty()
    }

    /// In place of going on, always or if some value says so. Another function takes over if it fits, or the same.
    fn tail_call(&mut self, conditional: bool) {
        let mut callee = self.below(self.signatures.len());
        if (self.signatures.get(callee)).is_none_or(|callee| callee.results != self.results) {
            callee = self.signatures.len();
        }
        let params = match self.signatures.get(callee) {
            Some(signature) => signature.params.clone(),
            None => self.locals[..self.params].to_vec(),
        };
        if conditional {
            self.value(Type::I32, 2);
            emit!(self, "if");
        }
        params.iter().for_each(|ty| self.value(*ty, 1));
        // There are references to functions that come before.
        if self.typed && callee < self.signatures.len() && self.below(2) == 1 {
            self.reference(callee);
            emit!(self, "return_call_ref $t{callee}");
        } else {
            emit!(self, "return_call $f{callee}");
        }
        if conditional {
            emit!(self, "end");
        }
    }

    fn rare(&mut self) {
        match self.below(9) {
            5 => self.tail_call(true),
            // The oracle has no threads.
            6 | 7 if !self.canonical => self.atomic(),
            0 => emit!(self, "i32.const 1 memory.grow drop"),
            1 => {
                self.address();
                self.address();
                emit!(self, "i32.const 33 memory.copy");
            }
            2 => {
                self.address();
                self.value(Type::I32, 1);
                emit!(self, "i32.const 19 memory.fill");
            }
            3 => {
                // Traps if it has to.
                self.value(Type::I64, 1);
                self.value(Type::I64, 1);
                let operator = ["div_s", "div_u", "rem_s", "rem_u"][self.below(4)];
                emit!(self, "i64.{operator} drop");
            }
            4 => {
                self.value(Type::F64, 1);
                let operator = ["i32.trunc_f64_s", "i64.trunc_f64_u"][self.below(2)];
                emit!(self, "{operator} drop");
            }
            _ => {
                self.value(Type::I32, 2);
                emit!(self, "i32.const 77 i32.eq if unreachable end");
            }
        }
    }

    /// At an address that is mostly aligned.
    fn atomic(&mut self) {
        let (ty, operators) = ATOMICS[self.below(ATOMICS.len())];
        let operator = operators[self.below(operators.len())];
        let mask = if self.below(60) == 59 { 0xfff } else { 0xff8 };
        self.value(Type::I32, 1);
        emit!(self, "i32.const {mask} i32.and");
        let values = match operator {
            load if load.contains("load") => 0,
            exchange if exchange.contains("cmpxchg") => 2,
            _ => 1,
        };
        (0..values).for_each(|_| self.value(ty, 1));
        let offset = self.below(9) * 8;
        emit!(self, "{operator} offset={offset}");
        if !operator.contains("store") {
            self.put_away(&[ty]);
        }
    }

    /// An operand, as deep an expression as wanted.
    pub(crate) fn value(&mut self, ty: Type, depth: usize) {
        self.budget = self.budget.saturating_sub(1);
        let choice = self.below(8);
        if depth == 0 || self.budget == 0 || choice < 3 {
            return self.leaf(ty);
        }
        match choice {
            3 => {
                self.value(ty, depth - 1);
                self.value(ty, depth - 1);
                self.value(Type::I32, depth - 1);
                if self.canonical {
                    // See `oracle`: a test for zero must not come right before.
                    emit!(self, "i32.popcnt");
                }
                match ty {
                    Type::Extern | Type::Any => emit!(self, "select (result {})", name(ty)),
                    _ => emit!(self, "select"),
                }
            }
            4 => match self.local_of(ty) {
                Some(local) => {
                    self.value(ty, depth - 1);
                    emit!(self, "local.tee {local}");
                }
                None => self.leaf(ty),
            },
            _ if ty == Type::Any => self.any(depth),
            _ => self.operator(ty, depth),
        }
    }

    fn leaf(&mut self, ty: Type) {
        let place = TYPES
            .iter()
            .position(|other| *other == ty)
            .expect("one of these types");
        match (self.below(8), self.local_of(ty)) {
            (0..=4, Some(local)) => emit!(self, "local.get {local}"),
            (5, _) => emit!(self, "global.get $g{place}"),
            _ => self.constant(ty),
        }
    }

    fn constant(&mut self, ty: Type) {
        let mut random = Random::new(self.u.arbitrary::<u16>().unwrap_or(0).into());
        let bits = random.edge();
        match ty {
            Type::I32 => emit!(self, "i32.const {}", bits as u32),
            Type::I64 => emit!(self, "i64.const {bits}"),
            Type::F32 => emit!(self, "i32.const {} f32.reinterpret_i32", bits as u32),
            Type::F64 => emit!(self, "f64.const {}", bits as i32),
            Type::V128 => emit!(self, "v128.const i64x2 {bits} {}", random.edge()),
            Type::Extern => emit!(self, "ref.null extern"),
            Type::Func | Type::Any | Type::Exn => {
                emit!(self, "ref.null {}", &name(ty)[..name(ty).len() - 3])
            }
        }
    }

    fn operator(&mut self, ty: Type, depth: usize) {
        let canonical = self.canonical;
        let fitting = |shape: &&Shape| shape.result == ty && !(canonical && shape.relaxed);
        let count = OPERATORS.iter().filter(fitting).count();
        let at = self.below(count);
        let Some(shape) = OPERATORS.iter().filter(fitting).nth(at) else {
            return self.leaf(ty);
        };
        let operators: Vec<&str> = shape.names.split_whitespace().collect();
        let operator = operators[self.below(operators.len())];
        if shape.loads {
            self.address();
            let offset = self.below(70);
            return emit!(self, "{operator} offset={offset}");
        }
        for ty in shape.params {
            self.value(*ty, depth - 1);
        }
        emit!(self, "{}", shape.fix);
        match shape.lanes {
            0 => emit!(self, "{operator}"),
            lanes => {
                let lane = self.below(lanes);
                emit!(self, "{operator} {lane}");
            }
        }
        emit!(self, "{}", shape.join);
        if self.canonical && !matches!(shape.result, Type::I32 | Type::I64) {
            self.make_canonical(operator, shape.result);
        }
    }

    /// Replaces NaNs among what an operator made. Other values of that type may change too, but not by chance.
    fn make_canonical(&mut self, operator: &str, result: Type) {
        let scratch = self.locals.len() + MOST_LOOPS;
        let lanes = operator.split('.').next();
        let (local, nan, equal, choose) = match (result, lanes) {
            (Type::F32, _) => (scratch, "f32.const nan", "f32.eq", "select"),
            (Type::F64, _) => (scratch + 1, "f64.const nan", "f64.eq", "select"),
            (_, Some("f32x4")) => {
                let nan = "v128.const f32x4 nan nan nan nan";
                (scratch + 2, nan, "f32x4.eq", "v128.bitselect")
            }
            (_, Some("f64x2")) => {
                let nan = "v128.const f64x2 nan nan";
                (scratch + 2, nan, "f64x2.eq", "v128.bitselect")
            }
            _ => return,
        };
        emit!(
            self,
            "local.tee {local} {nan} local.get {local} local.get {local} {equal} {choose}"
        );
    }
}

fn name(ty: Type) -> &'static str {
    match ty {
        Type::I32 => "i32",
        Type::I64 => "i64",
        Type::F32 => "f32",
        Type::F64 => "f64",
        Type::V128 => "v128",
        Type::Func => "funcref",
        Type::Extern => "externref",
        Type::Any => "anyref",
        Type::Exn => "exnref",
    }
}

pub(crate) fn names(types: &[Type]) -> String {
    types.iter().map(|ty| format!(" {}", name(*ty))).collect()
}

fn zero(ty: Type) -> String {
    match ty {
        Type::Func => "ref.null func".into(),
        Type::Extern => "ref.null extern".into(),
        Type::Any => "ref.null any".into(),
        Type::V128 => "v128.const i64x2 0 0".into(),
        number => format!("{}.const 0", name(number)),
    }
}
