//! Collections.

use super::blocks::{BLOCK, Fate, Fates, Use};
use super::shapes::Tracing;
use super::{EDEN, Heap, OutOfMemory, SURVIVORS, YOUNG};
use mainspring_abi::gc::{ARRAY_ELEMENTS_AT, CARD_SHIFT, ObjectHeader, VMHeap};
use std::ops::Range;
use std::time::{Duration, Instant};

/// Old bytes before the first full collection.
pub(super) const FIRST_THRESHOLD: usize = 16 << 20;

/// Who holds references from outside of the heap, and decides about its growth.
pub trait Roots {
    /// Shows each place that holds a reference, or with `young` at least those that may hold one to a young object. It is replaced if
    /// its object moves. `visit` says whether the object is young from now on.
    fn each(&mut self, young: bool, visit: &mut dyn FnMut(&mut u32) -> bool);

    /// Whether the heap may take so many bytes, from so many.
    fn may_grow(&mut self, from: usize, to: usize) -> bool {
        let _ = (from, to);
        true
    }
}

/// What the collector of a store has done so far.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GcStatistics {
    /// Collections of young objects.
    pub young_collections: u64,
    /// Collections of all objects.
    pub full_collections: u64,
    /// How long the program stood still for them.
    pub time: Duration,
    /// The longest that it stood still at once, for one collection or for one of young objects and one of all.
    pub longest_pause: Duration,
    /// Bytes of memory that objects took at the most, with room for new ones, and for copies while they were moved.
    pub peak_bytes: usize,
}

impl Heap {
    /// Drops what is not reachable: among young objects, or among all if asked to or due. Does nothing if nothing is collected.
    ///
    /// # Errors
    /// If there is too little memory to move objects to, or objects take more than they may.
    pub fn collect(
        &mut self,
        vm: &mut VMHeap,
        full: bool,
        roots: &mut dyn Roots,
    ) -> Result<(), OutOfMemory> {
        if !self.collects {
            return Ok(());
        }
        let start = Instant::now();
        self.young_starts.forget();
        let young = (vm.next - EDEN.start) + (self.survivors_end - SURVIVORS[self.survivors].start);
        if full {
            self.collect_all(young, roots)?;
        } else {
            self.ensure_room(young as usize)?;
            Collector::new(self, false).run(roots);
            self.statistics.young_collections += 1;
        }
        vm.next = EDEN.start;
        self.set_limit(vm);
        let mut fits = self.may_use(0, roots);
        if !full && (self.blocks.bytes() > self.threshold || !fits) {
            let young = self.survivors_end - SURVIVORS[self.survivors].start;
            self.collect_all(young, roots)?;
            fits = self.may_use(0, roots);
        }
        let took = start.elapsed();
        self.statistics.time += took;
        self.statistics.longest_pause = self.statistics.longest_pause.max(took);
        fits.then_some(()).ok_or(OutOfMemory)
    }

    fn collect_all(&mut self, young: u32, roots: &mut dyn Roots) -> Result<(), OutOfMemory> {
        self.ensure_room(self.blocks.bytes() + young as usize)?;
        Collector::new(self, true).run(roots);
        self.statistics.full_collections += 1;
        self.threshold = FIRST_THRESHOLD.max(2 * self.blocks.bytes());
        Ok(())
    }

    /// What was done so far.
    pub fn statistics(&self) -> GcStatistics {
        GcStatistics {
            peak_bytes: self.young_len() + self.blocks.bytes_taken(),
            ..self.statistics
        }
    }
}

#[inline]
fn is_young(reference: u32) -> bool {
    reference & 1 == 0 && YOUNG.contains(&reference)
}

struct Collector<'a> {
    heap: &'a mut Heap,
    /// Whether old objects are moved too.
    full: bool,
    /// What becomes of the objects of each block.
    fates: Fates,
    /// Objects that were reached but not looked into.
    reached: Vec<u32>,
    /// Where the next survivor goes.
    next: u32,
    /// Where no more can go.
    limit: u32,
}

impl<'a> Collector<'a> {
    fn new(heap: &'a mut Heap, full: bool) -> Collector<'a> {
        let to = SURVIVORS[1 - heap.survivors].clone();
        if full {
            heap.blocks.begin_moving();
        }
        Collector {
            fates: heap.blocks.fates(full),
            reached: std::mem::take(&mut heap.reached),
            heap,
            full,
            next: to.start,
            limit: to.end,
        }
    }

    fn run(mut self, roots: &mut dyn Roots) {
        if !self.full {
            self.changed_cards();
        }
        roots.each(!self.full, &mut |root| {
            *root = self.forward(*root);
            is_young(*root)
        });
        self.look_into_reached();
        let (full, fates) = (self.full, &self.fates);
        self.heap.follow_hosts(full, |heap, object| {
            let header = heap.load(object);
            let moves = fates.of(object) == Fate::Moves;
            match (moves, header & ObjectHeader::MOVED != 0) {
                (false, _) => Some(object),
                (true, true) => Some(header & !ObjectHeader::FLAGS),
                (true, false) => None,
            }
        });
        if full {
            self.sweep();
        }
        self.heap.survivors = 1 - self.heap.survivors;
        self.heap.survivors_end = self.next;
        self.heap.reached = self.reached;
    }

    /// Where what a reference names is from now on.
    #[inline]
    fn forward(&mut self, reference: u32) -> u32 {
        if reference & 1 != 0 {
            return reference;
        }
        // Null is in the first block, in which nothing is.
        match self.fates.of(reference) {
            Fate::Stays => reference,
            Fate::Moves => {
                let header = self.heap.load(reference);
                match header & ObjectHeader::MOVED != 0 {
                    true => header & !ObjectHeader::FLAGS,
                    false => self.relocate(reference, ObjectHeader(header)),
                }
            }
            Fate::IsMarked => {
                self.mark(reference);
                reference
            }
        }
    }

    fn mark(&mut self, object: u32) {
        let header = self.heap.load(object);
        if header & ObjectHeader::MARKED == 0 {
            self.heap.store(object, header | ObjectHeader::MARKED);
            self.reached.push(object);
        }
    }

    #[inline]
    fn relocate(&mut self, object: u32, header: ObjectHeader) -> u32 {
        let form = self.heap.shapes.of(header);
        let size = form.size_there_is(|| self.heap.array_length(object));
        let survives = !self.full && EDEN.contains(&object) && self.next + size <= self.limit;
        let to = match survives {
            true => {
                self.next += size;
                self.next - size
            }
            false => self.heap.new_old(size),
        };
        self.heap.copy_object(object, to, size);
        self.heap.store(object, to | ObjectHeader::MOVED);
        if form.tracing != Tracing::None {
            self.reached.push(to);
        }
        to
    }

    fn look_into_reached(&mut self) {
        while let Some(object) = self.reached.pop() {
            self.look_into(object, 0..u32::MAX);
        }
    }

    /// Follows the references of an object that lie in a range.
    #[inline]
    fn look_into(&mut self, object: u32, range: Range<u32>) {
        let header = self.heap.header(object);
        let is_young = YOUNG.contains(&object);
        let flags = ObjectHeader::FLAGS;
        let form = self.heap.shapes.of(ObjectHeader(header.0 & !flags));
        match form.tracing {
            Tracing::None => {}
            Tracing::Words => {
                let mut words = form.traced;
                while words != 0 {
                    let field = object + words.trailing_zeros() * 4;
                    words &= words - 1;
                    if range.contains(&field) {
                        self.follow(field, is_young);
                    }
                }
            }
            Tracing::List => {
                for i in 0..self.heap.shapes.list_of(form).len() {
                    let field = object + self.heap.shapes.list_of(form)[i];
                    if range.contains(&field) {
                        self.follow(field, is_young);
                    }
                }
            }
            Tracing::Elements => {
                let first = object + ARRAY_ELEMENTS_AT;
                let end = first + self.heap.array_length(object) * 4;
                let from = first.max(range.start);
                for element in (from..end.min(range.end)).step_by(4) {
                    self.follow(element, is_young);
                }
            }
        }
    }

    /// Follows the reference at a place, and notes it if it leads from an old object to a young one.
    #[inline]
    fn follow(&mut self, at: u32, holder_is_young: bool) {
        let reference = self.heap.load(at);
        let now = self.forward(reference);
        if now != reference {
            self.heap.store(at, now);
        }
        if !holder_is_young && is_young(now) {
            self.heap.set_card(at, 1);
        }
    }

    /// Looks into old objects where they were changed.
    fn changed_cards(&mut self) {
        let blocks: Vec<(Use, u32, u32)> = self.heap.blocks.each().collect();
        let mut changed = Vec::new();
        for &(used_for, start, end) in &blocks {
            changed.clear();
            if used_for == Use::Small {
                self.heap.take_changed(start, &mut changed);
                changed.iter().for_each(|&card| self.card(card, end));
            }
            if let Use::Large(count) = used_for {
                for block in 0..count {
                    self.heap.take_changed(start + block * BLOCK, &mut changed);
                }
                for &card in &changed {
                    self.look_into(start, card..card + (1 << CARD_SHIFT));
                }
            }
        }
    }

    fn card(&mut self, card: u32, block_end: u32) {
        let end = (card + (1 << CARD_SHIFT)).min(block_end);
        let mut object = self.heap.blocks.start_before(card);
        while object < end {
            self.look_into(object, card..end);
            let header = self.heap.header(object);
            object += self.heap.size_of(object, header);
        }
    }

    /// Gives back what was not reached.
    fn sweep(&mut self) {
        self.heap.blocks.end_moving();
        let blocks: Vec<(Use, u32, u32)> = self.heap.blocks.each().collect();
        for (used_for, start, _) in blocks {
            if let Use::Large(_) = used_for {
                let header = self.heap.load(start);
                match header & ObjectHeader::MARKED != 0 {
                    true => self.heap.store(start, header & !ObjectHeader::MARKED),
                    false => self.heap.blocks.release_large(start),
                }
            }
        }
    }
}
