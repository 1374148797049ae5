//! Code that is compiled when it is called first, and again when it turns out to be hot.
//!
//! The table has one slot a function: the address to call. Calls inside the module load it
//! (`call [slot]`); references from outside go to the function's stub, which jumps through it.
//! Behind the slots are the counters of baseline code. Code that was replaced stays: frames of it may
//! be anywhere.
//!
//! Order of publication, for each function:
//! 1. its code is written through the writable mapping, complete with relocations;
//! 2. its metadata (traps, locations) is entered, so that a fault in it can be explained;
//! 3. its slot is stored with release.
//!
//! A thread that loads a slot and jumps there finds whole code (x86-64 keeps the order of the
//! stores, and no processor has fetched those bytes before), and whoever looks up a program counter finds its metadata.

use crate::cache;
use crate::code_memory::{Backing, CodeRange, MAX_RANGE};
use crate::compile::{Compilers, Tier};
use crate::counted::{Better, Counted};
use crate::learned::{Learned, Memory, Piece, Remembered, Section};
use crate::module_code::{CodeLocation, Landing};
use crate::profiler::{CodeKind, Symbols};
use crate::stub::{self, COMPILE_AT, FIRST_STUB, HOT_ENTRY, HOT_LOOP, STUB_SIZE};
use crate::tables::{CodeInfo, Place};
use crate::tuning::{NEVER, Tiers, Tuning};
use mainspring_abi::{
    CompiledFunction, Handler, InlinedCall, InlinedCode, Profile, RelocTarget, Root,
    SourceLocation, TrapSite,
};
use mainspring_error::{Context, Result, ensure};
use mainspring_platform::pages::round_up;
use mainspring_wasm::{DefinedFuncIndex, ModuleInfo};
use std::collections::hash_map::Entry as MapEntry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::c_void;
use std::ops::Range;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Code bytes that others stay clear of, for each byte of wasm, and at the least. Address space, not memory.
const ROOM_PER_BYTE: usize = 64;
const ROOM_AT_LEAST: usize = 16 << 20;
/// Bytes of code that there is room for from the start.
const FIRST_CODE: usize = 64 << 10;
/// Bytes that optimized code may take, for each byte of wasm, and however little there is of that. What makes a program
/// faster leaves room for what it can't run without.
const BETTER_CODE_PER_BYTE: usize = 32;
const BETTER_CODE_AT_LEAST: usize = 1 << 20;
/// What has a counter is a function, or an instruction of at least so many bytes.
const BYTES_PER_COUNTER: usize = 2;
/// What is new is written to the cache when it is at least this part of what is there.
const WORTH_REMEMBERING: usize = 128;
const COUNTER: usize = size_of::<AtomicI32>();

pub(crate) struct CodeTable {
    compilers: Arc<Compilers>,
    range: CodeRange,
    /// How many functions it is for.
    count: usize,
    /// How many counters there is room for.
    counters: usize,
    /// Where code begins in the code pages, behind the stubs.
    text_at: usize,
    /// What was there from the start.
    learned: Option<Learned>,
    /// Bytes that code may take which takes the place of other code.
    better_code_limit: usize,
    /// For the profiler, if there is one.
    symbols: Option<Box<Symbols>>,
    state: Mutex<State>,
    /// Signalled when a compilation ends.
    compiled: Condvar,
}

struct State {
    /// The first free byte of the code pages.
    next: usize,
    /// Functions that some thread is compiling.
    in_progress: HashSet<u32>,
    /// Threads that wait for one of these. Waking nobody is still a system call.
    waiting: usize,
    /// What is placed, by offset in the code pages.
    placed: BTreeMap<usize, Placed>,
    /// How much of it is in the cache.
    remembered: usize,
    /// Whether something was optimized, or found not to be possible, since then.
    settled_more: bool,
    /// Bytes of code that took the place of other code.
    better_code: usize,
    /// The first free counter.
    next_counter: usize,
    /// The values of counters that were last given to the cache; none if what it has is what was learned.
    counters_kept: Vec<i32>,
    /// Functions with baseline code that counts.
    counted: HashMap<u32, Counted>,
}

impl State {
    /// What lies at an offset in the code pages, and where in it that is.
    fn placed_at(&self, offset: usize) -> Option<(&Placed, u32)> {
        let (&start, placed) = self.placed.range(..=offset).next_back()?;
        let inside = u32::try_from(offset - start).ok()?;
        ((inside as usize) < placed.len).then_some((placed, inside))
    }
}

/// Where in a table's code an address is.
enum Part<'a> {
    /// In the code of earlier runs, at this offset of their text.
    Learned(&'a Learned, u32),
    /// In the code pages, at this offset.
    Placed(usize),
}

struct Placed {
    func: DefinedFuncIndex,
    len: usize,
    /// The loop it begins at, if not at the start of the function.
    header: Option<u32>,
    optimized: bool,
    traps: Box<[TrapSite]>,
    locations: Box<[SourceLocation]>,
    inlined: Box<[InlinedCode]>,
    inlined_calls: Box<[InlinedCall]>,
    roots: Box<[Root]>,
    handlers: Box<[Handler]>,
}

impl CodeTable {
    /// Takes the memory for a module's table and code. Nothing can be called before
    /// [`write_stubs`](Self::write_stubs).
    pub fn new(
        compilers: Arc<Compilers>,
        info: &ModuleInfo,
        symbols: Option<Symbols>,
        known: Option<cache::Entry>,
    ) -> Result<CodeTable> {
        let count = info.bodies.len();
        let wasm_bytes: usize = info.bodies.iter().map(|body| body.len()).sum();
        let stub_bytes = FIRST_STUB + count * STUB_SIZE;
        let counters = count + wasm_bytes / BYTES_PER_COUNTER;
        let data_bytes = count * 8 + counters * COUNTER;
        ensure!(
            stub_bytes + data_bytes < MAX_RANGE / 2,
            "the module has too many functions ({count})"
        );
        let room = ROOM_AT_LEAST + wasm_bytes * ROOM_PER_BYTE + stub_bytes;
        let backing = compilers.code_backing();
        let range = CodeRange::new(data_bytes, room, backing)?;
        let text_at = round_up(stub_bytes).context("too many functions")?;
        // Before what is mapped behind it. A process that can have no more mappings fails here, not at a first call.
        range.open(text_at + FIRST_CODE)?;
        let learned = known.and_then(|entry| Learned::read(entry, count, counters).ok());
        let learned = learned.filter(|learned| map_learned(&range, backing, text_at, learned));
        let known = learned.as_ref().map_or((0, 0), |learned| {
            // What comes next is on pages of its own.
            let text = round_up(learned.text().2).unwrap_or(0);
            (text, learned.counters().len())
        });
        let state = State {
            next: text_at + known.0,
            in_progress: HashSet::new(),
            waiting: 0,
            placed: BTreeMap::new(),
            remembered: 0,
            settled_more: false,
            better_code: 0,
            next_counter: known.1,
            counters_kept: Vec::new(),
            counted: HashMap::new(),
        };
        Ok(CodeTable {
            symbols: symbols.map(Box::new),
            compilers,
            range,
            count,
            counters,
            text_at,
            learned,
            better_code_limit: BETTER_CODE_AT_LEAST + wasm_bytes * BETTER_CODE_PER_BYTE,
            state: Mutex::new(state),
            compiled: Condvar::new(),
        })
    }

    /// Sets every slot to its function's stub. `module` is where the owner of this table will be.
    ///
    /// # Errors
    /// If there is no memory for the stubs.
    pub fn write_stubs(&self, module: *const crate::ModuleCode) -> Result<()> {
        let stubs = stub::stubs(
            self.count,
            self.range.data() as usize,
            self.range.code() as usize,
            module,
        );
        // SAFETY: no code is placed yet, so nothing runs in the range and no one else writes it.
        unsafe { self.range.write(0, &stubs) }?;
        for i in 0..self.count as u32 {
            self.slot(i).store(self.compile_stub(i), Ordering::Relaxed);
        }
        let Some(learned) = &self.learned else {
            return Ok(());
        };
        for (n, value) in learned.counters().enumerate() {
            // SAFETY: there is room for that many counters, which nobody uses yet.
            unsafe { (*self.counter(n)).store(value, Ordering::Relaxed) };
        }
        // Later pieces are better.
        for piece in learned.pieces().filter(|piece| piece.header.is_none()) {
            let code = self.code_at(piece.start) as usize;
            self.slot(piece.func).store(code, Ordering::Relaxed);
        }
        if let Some(symbols) = &self.symbols {
            self.publish_learned(learned, symbols);
        }
        Ok(())
    }

    /// Tells the profiler about code of earlier runs.
    fn publish_learned(&self, learned: &Learned, symbols: &Symbols) {
        for piece in learned.pieces() {
            let kind = code_kind(piece.optimized, piece.header, |header| {
                let tier_up = learned.tier_up(learned.record(piece.func)?)?;
                Some(tier_up.loops.get(header as usize)?.wasm)
            });
            let code = &learned.section(Section::Text)[piece.start as usize..piece.end as usize];
            let address = self.code_at(piece.start) as usize;
            symbols.published(DefinedFuncIndex(piece.func), kind, code, address);
        }
    }

    /// The address of a place in the text.
    fn code_at(&self, offset: u32) -> *const c_void {
        let code = self.range.code().wrapping_add(self.text_at);
        code.wrapping_add(offset as usize).cast()
    }

    pub fn compilers(&self) -> &Arc<Compilers> {
        &self.compilers
    }

    pub fn addresses(&self) -> Range<usize> {
        self.range.addresses()
    }

    fn slot(&self, func: u32) -> &AtomicUsize {
        assert!(
            (func as usize) < self.count,
            "function {func} is in the table"
        );
        // SAFETY: the data pages hold `count` slots of 8 bytes, are readable and writable as long
        // as the range lives, and are only ever accessed as atomics (and loaded by generated code).
        unsafe { AtomicUsize::from_ptr(self.range.data().cast::<usize>().add(func as usize)) }
    }

    /// The address of a counter.
    fn counter(&self, n: usize) -> *const AtomicI32 {
        assert!(n <= self.counters, "counter {n} is in the table");
        let counters = self.range.data().wrapping_add(self.count * 8);
        counters.wrapping_add(n * COUNTER).cast()
    }

    fn stub(&self, func: u32) -> usize {
        self.range.code() as usize + FIRST_STUB + func as usize * STUB_SIZE
    }

    fn compile_stub(&self, func: u32) -> usize {
        self.stub(func) + COMPILE_AT
    }

    /// Where to call a function, whatever code it has.
    pub fn entry(&self, func: DefinedFuncIndex) -> *const c_void {
        debug_assert!(func.index() < self.count);
        self.stub(func.0) as *const c_void
    }

    /// The function's code, if it has any.
    pub fn published(&self, func: DefinedFuncIndex) -> Option<*const c_void> {
        let code = self.slot(func.0).load(Ordering::Acquire);
        (code != self.compile_stub(func.0)).then_some(code as *const c_void)
    }

    /// Has a function compiled for its first call, and publishes it. If several threads ask at once,
    /// one compiles and the others wait for it.
    pub fn compile(
        &self,
        func: DefinedFuncIndex,
        compile: impl FnOnce() -> Result<(Tier, CompiledFunction)>,
    ) -> Result<*const c_void> {
        let mut state = self.lock();
        loop {
            if let Some(code) = self.published(func) {
                return Ok(code);
            }
            if state.in_progress.insert(func.0) {
                break;
            }
            state.waiting += 1;
            state = self
                .compiled
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
            state.waiting -= 1;
        }
        drop(state);
        let _turn = Turn { table: self, func };
        let (tier, compiled) = compile()?;
        let mut state = self.lock();
        let optimized = tier == Tier::Optimizing;
        let code = self.place(&mut state, func, compiled, None, optimized)?;
        self.publish(func, code);
        Ok(code)
    }

    /// Steps 1 and 2 of publication.
    fn place(
        &self,
        state: &mut State,
        func: DefinedFuncIndex,
        mut compiled: CompiledFunction,
        header: Option<u32>,
        optimized: bool,
    ) -> Result<*const c_void> {
        let at = state
            .next
            .next_multiple_of(compiled.alignment.max(16) as usize);
        let len = compiled.code.len();
        let code = (self.range.code() as usize + at) as *const c_void;
        let tier_up = compiled.tier_up.take();
        let first_counter = state.next_counter;
        let counters = tier_up.as_ref().map_or(0, |tier_up| tier_up.counters.len());
        ensure!(
            first_counter + counters <= self.counters,
            "the module has more counters than instructions that are counted"
        );
        let callee = |callee: DefinedFuncIndex| match header {
            None if optimized && callee == func => code as usize,
            _ => self
                .settled(state, callee)
                .map_or_else(|| self.stub(callee.0), |code| code as usize),
        };
        self.relocate(&mut compiled, code as usize, first_counter, callee)?;
        // SAFETY: `at..at + len` is past everything that was placed, so nothing runs there, and the
        // lock keeps other writers away.
        unsafe { self.range.write(at, &compiled.code) }?;
        if let Some(tier_up) = tier_up {
            // SAFETY: as many counters are free from here on, in data pages that live as long as the
            // table, which generated code and this only access as `AtomicI32` says.
            let counted =
                unsafe { Counted::new(tier_up, self.counter(first_counter), self.tuning()) };
            state.counted.insert(func.0, counted);
            state.next_counter = first_counter + counters;
        }
        state.next = at + len;
        if let Some(symbols) = &self.symbols {
            let kind = code_kind(optimized, header, |header| {
                let counted = self.counted(state, func.0)?;
                Some(counted.tier_up.loops.get(header as usize)?.wasm)
            });
            symbols.published(func, kind, &compiled.code, code as usize);
        }
        let placed = Placed {
            func,
            len,
            header,
            optimized,
            traps: compiled.traps.into(),
            locations: compiled.locations.into(),
            inlined: compiled.inlined.into(),
            inlined_calls: compiled.inlined_calls.into(),
            roots: compiled.roots.into(),
            handlers: compiled.handlers.into(),
        };
        state.placed.insert(at, placed);
        Ok(code)
    }

    /// Step 3 of publication.
    fn publish(&self, func: DefinedFuncIndex, code: *const c_void) {
        self.slot(func.0).store(code as usize, Ordering::Release);
    }

    fn relocate(
        &self,
        compiled: &mut CompiledFunction,
        address: usize,
        first_counter: usize,
        mut callee: impl FnMut(DefinedFuncIndex) -> usize,
    ) -> Result<()> {
        for reloc in &compiled.relocs {
            let target = match reloc.target {
                RelocTarget::TableSlot(func) => self.slot(func.0).as_ptr() as usize,
                RelocTarget::Function(func) => callee(func),
                RelocTarget::Counter(n) => self.counter(first_counter + n as usize) as usize,
                RelocTarget::HotEntry => self.range.code() as usize + HOT_ENTRY,
                RelocTarget::HotLoop => self.range.code() as usize + HOT_LOOP,
            };
            let field = reloc.offset as usize;
            let distance = target as i64 + i64::from(reloc.addend) - (address + field) as i64;
            let distance = i32::try_from(distance)?;
            compiled.code[field..field + 4].copy_from_slice(&distance.to_le_bytes());
        }
        Ok(())
    }

    /// The code that a function will keep, if it has that already: nothing is made in the place of optimized code.
    fn settled(&self, state: &mut State, func: DefinedFuncIndex) -> Option<*const c_void> {
        match self.counted(state, func.0) {
            Some(counted) => match *counted.better(None) {
                Better::Ready(code) => Some(code),
                _ => None,
            },
            None if self.tuning().tiers == Tiers::Optimizing => self.published(func),
            None => None,
        }
    }

    fn tuning(&self) -> &Tuning {
        self.compilers.tuning()
    }

    // Tiering up. What happens when is decided in `policy`.

    /// Does something with what is known about a function that counts.
    pub fn with_counted<R>(&self, func: u32, work: impl FnOnce(&mut Counted) -> R) -> Option<R> {
        self.counted(&mut self.lock(), func).map(work)
    }

    /// How many functions had code from the start.
    pub fn known_functions(&self) -> usize {
        let pieces = self.learned.iter().flat_map(Learned::pieces);
        let starts = pieces.filter(|piece| piece.header.is_none());
        starts.map(|piece| piece.func).collect::<HashSet<_>>().len()
    }

    /// What is known about a function that counts, now or in an earlier run.
    fn counted<'s>(&self, state: &'s mut State, func: u32) -> Option<&'s mut Counted> {
        match state.counted.entry(func) {
            MapEntry::Occupied(known) => Some(known.into_mut()),
            MapEntry::Vacant(vacant) => Some(vacant.insert(self.restored(func)?)),
        }
    }

    fn restored(&self, func: u32) -> Option<Counted> {
        let learned = self.learned.as_ref()?;
        let record = learned.record(func)?;
        let tier_up = Box::new(learned.tier_up(record)?);
        let better = |header| {
            let start = learned.optimized(func, header);
            start.map_or(Better::No, |start| Better::Ready(self.code_at(start)))
        };
        let cells = self.counter(record.first_counter as usize);
        let first_entries = learned.counter(record.first_counter);
        // SAFETY: these counters were set when the table was made, and are this function's.
        Some(unsafe { Counted::restored(tier_up, cells, record.entries, first_entries, better) })
    }

    /// Places optimized code: from the start of a function, or from the header of one of its loops.
    pub fn improve(
        &self,
        func: DefinedFuncIndex,
        header: Option<u32>,
        compiled: CompiledFunction,
    ) -> Result<()> {
        let mut state = self.lock();
        let better_code = state.better_code + compiled.code.len();
        ensure!(
            better_code <= self.better_code_limit,
            "the module has as much optimized code as is good for it ({} bytes)",
            state.better_code
        );
        let code = self.place(&mut state, func, compiled, header, true)?;
        state.better_code = better_code;
        state.settled_more = true;
        if let Some(counted) = self.counted(&mut state, func.0) {
            *counted.better(header) = Better::Ready(code);
            if let Some(header) = header {
                counted.loop_is_ready(header);
            }
        }
        if header.is_none() {
            self.publish(func, code);
        }
        Ok(())
    }

    /// What an address belongs to.
    pub fn locate(&self, info: &ModuleInfo, pc: usize) -> Option<CodeLocation> {
        let offset = match self.part_of(pc)? {
            Part::Learned(learned, offset) => {
                let piece = learned.piece_at(offset)?;
                let tables = learned.tables();
                let place = tables.at(piece.start, offset);
                let func = info.func_of(DefinedFuncIndex(piece.func));
                return Some(CodeLocation::new(func, place, |n| tables.inlined_call(n)));
            }
            Part::Placed(offset) => offset,
        };
        let state = self.lock();
        let (placed, inside) = state.placed_at(offset)?;
        let place = placed.at(inside);
        let func = info.func_of(placed.func);
        let call = |n| placed.inlined_calls[n as usize];
        Some(CodeLocation::new(func, place, call))
    }

    /// Shows where the frame of a call that returns to an address holds references.
    pub fn roots(&self, pc: usize, visit: &mut dyn FnMut(i32)) {
        match self.part_of(pc) {
            Some(Part::Learned(learned, offset)) => learned.tables().roots_at(offset, visit),
            Some(Part::Placed(offset)) => {
                let state = self.lock();
                let Some((placed, inside)) = state.placed_at(offset) else {
                    return;
                };
                Root::visit(&placed.roots, inside, visit);
            }
            None => {}
        }
    }

    /// Where an exception goes that leaves a call which returns to an address.
    pub fn handler(&self, pc: usize) -> Option<Landing> {
        match self.part_of(pc)? {
            Part::Learned(learned, offset) => {
                let handler = learned.tables().handler_at(offset)?;
                Some(Landing::new(pc - offset as usize, handler))
            }
            Part::Placed(offset) => {
                let state = self.lock();
                let (placed, inside) = state.placed_at(offset)?;
                let handlers = &placed.handlers;
                let i = handlers.binary_search_by_key(&inside, |handler| handler.code);
                Some(Landing::new(pc - inside as usize, handlers[i.ok()?]))
            }
        }
    }

    /// Which code an address is in, and where in it.
    fn part_of(&self, pc: usize) -> Option<Part<'_>> {
        let offset = pc.checked_sub(self.range.code() as usize)?;
        if let Some(learned) = &self.learned
            && let Some(known) = offset.checked_sub(self.text_at)
            && known < learned.text().2
        {
            return Some(Part::Learned(learned, known as u32));
        }
        Some(Part::Placed(offset))
    }

    /// The function can't be optimized.
    pub fn give_up(&self, func: u32) {
        let mut state = self.lock();
        state.settled_more = true;
        if let Some(counted) = self.counted(&mut state, func) {
            counted.give_up();
        }
    }

    /// What is hot and not optimized yet, hottest first: functions, and loops in them.
    pub fn unfinished(&self) -> Vec<(u32, Option<u32>)> {
        let state = self.lock();
        let mut wanted: Vec<_> = (state.counted.iter())
            .flat_map(|(&func, counted)| {
                let heat = counted.heat();
                counted.wanted().map(move |header| (heat, func, header))
            })
            .collect();
        wanted.sort_unstable_by(|one, other| other.cmp(one));
        let places = wanted.into_iter().map(|(_, func, header)| (func, header));
        places.collect()
    }

    /// Whether a function was called, or a loop came around, so often that it would soon be optimized if the cache knew.
    fn counted_much(&self, state: &mut State) -> bool {
        let tuning = self.tuning();
        let least = tuning
            .entries_worth_remembering(1)
            .min(tuning.iterations_worth_remembering(1));
        let learned = self.learned.as_ref().map_or(Vec::new(), |learned| {
            learned.counters().collect::<Vec<i32>>()
        });
        let before = match state.counters_kept.is_empty() {
            true => learned,
            false => state.counters_kept.clone(),
        };
        let used: Vec<u32> = (before.iter().enumerate())
            .filter(|&(n, &before)| {
                // SAFETY: a counter of this table.
                let now = unsafe { &*self.counter(n) }.load(Ordering::Relaxed).max(0);
                before < NEVER / 2 && before.saturating_sub(now) >= least
            })
            .map(|(n, _)| n as u32)
            .collect();
        // Few are of functions that nobody has looked at yet. The others need not be decoded.
        if let Some(learned) = self.learned.as_ref().filter(|_| !used.is_empty()) {
            for func in learned.functions_of(&used) {
                self.counted(state, func);
            }
        }
        state.counted.values().any(|counted| {
            let first = self.number_of(counted);
            counted.counted_much(|i| before.get(first + i).copied(), tuning)
        })
    }

    /// Has all that counts at hand: functions that were not looked at count in their cells all the same.
    fn restore_all(&self, state: &mut State) {
        let known: Vec<u32> = self
            .learned
            .iter()
            .flat_map(Learned::records)
            .map(|record| record.func)
            .collect();
        for func in known {
            self.counted(state, func);
        }
    }

    /// Which of the table's counters a function's first one is.
    fn number_of(&self, counted: &Counted) -> usize {
        // SAFETY: both are addresses of counters of this table.
        unsafe { counted.cells().offset_from(self.counter(0)) as usize }
    }

    /// What was learned so far, for the cache, and how many pieces of code that is; `None` if
    /// the cache has about as much. What was optimized once is not to be optimized again, and what is nearly hot is to be
    /// hot some time; of the rest, a little is not worth it.
    pub fn to_remember(&self, cache: &cache::Cache) -> Option<(Remembered<'_>, usize)> {
        let mut state = self.lock();
        let known = self
            .learned
            .as_ref()
            .map_or(0, |learned| learned.pieces().count());
        let new = state.placed.len() - state.remembered;
        let worth_it = new > 0 && new * WORTH_REMEMBERING >= known + state.remembered;
        if !worth_it && !state.settled_more {
            // What another process has stored meanwhile, with more code perhaps, is worth more than counts.
            let is_latest = self
                .learned
                .as_ref()
                .is_none_or(|learned| cache.has(learned.entry()));
            if !is_latest || !self.counted_much(&mut state) {
                return None;
            }
        }
        let pieces = state.placed.len();
        // Text that is there does not change anymore; what follows is added later.
        let text = state.next - self.text_at;
        let mut memory = Memory::of(self.learned.as_ref());
        for (&at, placed) in &state.placed {
            let start = (at - self.text_at) as u32;
            let piece = Piece {
                start,
                end: start + placed.len as u32,
                func: placed.func.0,
                header: placed.header,
                optimized: placed.optimized,
            };
            memory.add_piece(piece, placed.info());
        }
        self.restore_all(&mut state);
        let mut counters = vec![0; state.next_counter];
        for (&func, counted) in &state.counted {
            let first = self.number_of(counted);
            for (i, value) in counted.remembered_counters().enumerate() {
                counters[first + i] = value;
            }
            memory.add_record(func, first as u32, counted);
        }
        state.counters_kept.clone_from(&counters);
        drop(state);
        // SAFETY: the pages are readable as long as the range lives, and were written before.
        let text = unsafe { std::slice::from_raw_parts(self.code_at(0).cast(), text) };
        Some((memory.finish(&counters, text), pieces))
    }

    /// The cache has so many pieces of code.
    pub fn remembered(&self, pieces: usize) {
        let mut state = self.lock();
        state.settled_more &= pieces != state.placed.len();
        state.remembered = pieces;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change under the lock is complete before anything in it can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Maps the code of earlier runs where it was.
fn map_learned(range: &CodeRange, backing: Backing, text_at: usize, learned: &Learned) -> bool {
    let (file, at, len) = learned.text();
    match backing {
        // SAFETY: the table is being made, so nobody uses the pages; the cache answers for the file.
        Backing::MemoryFile => unsafe { range.map_code(text_at, file, at, len) }.is_ok(),
        Backing::Anonymous => {
            // SAFETY: as above.
            unsafe { range.write(text_at, learned.section(Section::Text)) }.is_ok()
        }
    }
}

/// What the profiler is told about code that may begin at a loop, whose offset `wasm` knows.
fn code_kind(
    optimized: bool,
    header: Option<u32>,
    wasm: impl FnOnce(u32) -> Option<u32>,
) -> CodeKind {
    match header {
        Some(header) => wasm(header).map_or(CodeKind::Optimized, CodeKind::Loop),
        None if optimized => CodeKind::Optimized,
        None => CodeKind::Baseline,
    }
}

impl Placed {
    fn info(&self) -> CodeInfo<'_> {
        CodeInfo {
            traps: &self.traps,
            locations: &self.locations,
            inlined: &self.inlined,
            inlined_calls: &self.inlined_calls,
            roots: &self.roots,
            handlers: &self.handlers,
        }
    }

    /// What belongs to an offset in it.
    fn at(&self, offset: u32) -> Place {
        let trap = self.traps.binary_search_by_key(&offset, |trap| trap.offset);
        let locations = &self.locations;
        let located = locations.partition_point(|location| location.code <= offset);
        let inlined = self.inlined.partition_point(|code| code.code <= offset);
        Place {
            trap: trap.ok().map(|i| self.traps[i].code),
            wasm: located.checked_sub(1).map(|i| locations[i].wasm),
            inlined: inlined
                .checked_sub(1)
                .map_or(InlinedCall::NONE, |i| self.inlined[i].call),
        }
    }
}

impl Profile for CodeTable {
    fn entries(&self, func: DefinedFuncIndex) -> Option<u32> {
        Some(self.counted(&mut self.lock(), func.0)?.entries())
    }

    fn calls(&self, func: DefinedFuncIndex, wasm: u32) -> Option<u32> {
        self.counted(&mut self.lock(), func.0)?.calls(wasm)
    }

    fn is_settled(&self, func: DefinedFuncIndex) -> bool {
        self.settled(&mut self.lock(), func).is_some()
    }
}

/// A thread's turn to compile a function; ends when dropped, however that comes about.
struct Turn<'a> {
    table: &'a CodeTable,
    func: DefinedFuncIndex,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.table.lock();
        state.in_progress.remove(&self.func.0);
        if state.waiting > 0 {
            self.table.compiled.notify_all();
        }
    }
}
