use super::*;
use mainspring_abi::gc::ARRAY_ELEMENTS_AT;
use mainspring_wasm::{
    CompositeType, FieldType, HeapType, RefType, RegisteredTypes, StorageType, SubType,
    TypeRegistry, ValType,
};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Types of the tests: a pair with a number, an array of references, an array of bytes.
const PAIR: usize = 0;
const LIST: usize = 1;
const BYTES: usize = 2;

/// A heap, and what keeps its types.
struct Fixture {
    heap: Heap,
    vm: VMHeap,
    types: [RegisteredTypes; 3],
}

impl Fixture {
    fn new(limit: usize) -> Fixture {
        let registry = TypeRegistry::default();
        let field = |storage| FieldType {
            storage,
            mutable: true,
        };
        let any = field(StorageType::Val(ValType::Ref(RefType {
            nullable: true,
            heap: HeapType::Any,
        })));
        let number = field(StorageType::Val(ValType::I32));
        let types = [
            CompositeType::Struct([number, any, any].into()),
            CompositeType::Array(any),
            CompositeType::Array(field(StorageType::I8)),
        ];
        let mut heap = Heap::new(limit, true, registry.base().unwrap()).unwrap();
        let types = types.map(|composite| {
            let ty = SubType {
                is_final: true,
                supertype: None,
                composite,
            };
            let shape = Shape::of(&ty, |_| false);
            let types = registry.register(ty).unwrap();
            heap.add_shape(types.ids()[0], &shape);
            types
        });
        let vm = heap.vm();
        Fixture { heap, vm, types }
    }

    fn header(&self, ty: usize) -> ObjectHeader {
        let types = &self.types[ty];
        ObjectHeader(types.addresses()[0].offset_from(types.base()))
    }

    fn allocate(&mut self, ty: usize, len: u32, held: &mut Held) -> Result<u32, OutOfMemory> {
        let header = self.header(ty);
        self.heap.allocate(&mut self.vm, header, len, held)
    }

    fn collect(&mut self, full: bool, held: &mut Held) {
        self.heap.collect(&mut self.vm, full, held).unwrap();
    }
}

#[derive(Default)]
struct Held(Vec<u32>);

impl Roots for Held {
    fn each(&mut self, _: bool, visit: &mut dyn FnMut(&mut u32) -> bool) {
        for held in &mut self.0 {
            visit(held);
        }
    }
}

#[test]
fn what_is_reachable_stays_as_it_was() {
    let mut fixture = Fixture::new(256 << 20);
    let mut held = Held::default();
    // A list of a hundred thousand pairs, then as much garbage again and again.
    held.0.push(0);
    for n in 0..100_000 {
        let pair = fixture.allocate(PAIR, 0, &mut held).unwrap();
        fixture.heap.store(pair + 4, n);
        let before = held.0[0];
        fixture.heap.store_reference(pair + 8, before);
        held.0[0] = pair;
    }
    for _ in 0..1_000_000 {
        fixture.allocate(PAIR, 0, &mut held).unwrap();
    }
    fixture.collect(true, &mut held);
    let mut pair = held.0[0];
    for n in (0..100_000).rev() {
        assert_eq!(fixture.heap.load(pair + 4), n);
        pair = fixture.heap.load(pair + 8);
    }
    assert_eq!(pair, 0);
    let done = fixture.heap.statistics();
    assert!(
        done.young_collections >= 8 && done.full_collections >= 1,
        "{done:?}"
    );
    assert!(done.longest_pause > Duration::ZERO && done.longest_pause <= done.time);
    // The list was copied as a whole, and nothing else ever was old at once.
    let list = 100_000 * 16;
    assert!(
        (2 * list..YOUNG.len() + 4 * list).contains(&done.peak_bytes),
        "{done:?}"
    );
    held.0.clear();
    fixture.collect(true, &mut held);
    assert_eq!(fixture.heap.blocks.bytes(), 0);
    let peak = fixture.heap.statistics().peak_bytes;
    assert!(peak >= done.peak_bytes);
}

#[test]
fn host_values_go_with_their_last_reference() {
    struct Counts(Arc<AtomicUsize>);
    impl Drop for Counts {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let dropped = Arc::new(AtomicUsize::new(0));
    let mut fixture = Fixture::new(256 << 20);
    let mut held = Held::default();
    for n in 0..10 {
        let value = Box::new((n, Counts(dropped.clone())));
        let Fixture { heap, vm, .. } = &mut fixture;
        let Ok(object) = heap.new_host(vm, value, &mut held) else {
            panic!("there is room")
        };
        if n % 3 == 0 {
            held.0.push(object);
        }
    }
    fixture.collect(false, &mut held);
    drop(fixture.heap.take_dropped());
    assert_eq!(dropped.load(Ordering::Relaxed), 6);
    fixture.collect(false, &mut held);
    for (i, &object) in held.0.iter().enumerate() {
        let value = fixture.heap.host(object).unwrap();
        let (n, _) = value.downcast_ref::<(i32, Counts)>().unwrap();
        assert_eq!(*n as usize, 3 * i);
    }
    held.0.truncate(1);
    fixture.collect(false, &mut held);
    drop(fixture.heap.take_dropped());
    assert_eq!(dropped.load(Ordering::Relaxed), 6);
    fixture.collect(true, &mut held);
    drop(fixture.heap.take_dropped());
    assert_eq!(dropped.load(Ordering::Relaxed), 9);
    drop(fixture);
    assert_eq!(dropped.load(Ordering::Relaxed), 10);
}

#[test]
fn a_full_heap_is_an_error_and_not_the_end() {
    let mut fixture = Fixture::new(8 << 20);
    let mut held = Held::default();
    let mut fill = |fixture: &mut Fixture, len: u32| {
        held.0.clear();
        let count = loop {
            match fixture.allocate(LIST, len, &mut held) {
                Ok(list) => held.0.push(list),
                Err(OutOfMemory) => break held.0.len(),
            }
            assert!(held.0.len() < 100_000);
        };
        held.0.clear();
        fixture.collect(true, &mut held);
        count
    };
    let small = fill(&mut fixture, 1_000);
    assert!((1_500..4_000).contains(&small), "{small}");
    let large = fill(&mut fixture, 100_000);
    assert!((15..=21).contains(&large), "{large}");
    assert_eq!(fill(&mut fixture, 1_000), small);
    for len in [u32::MAX, 1 << 29] {
        assert_eq!(fixture.allocate(LIST, len, &mut held), Err(OutOfMemory));
    }
}

/// What the heap ought to hold.
#[derive(Default)]
struct Model {
    objects: Vec<Object>,
}

struct Object {
    ty: usize,
    number: u32,
    references: Vec<Option<usize>>,
}

struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        // Xorshift (Marsaglia, 2003).
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

fn references_at(object: &Object, place: usize) -> u32 {
    match object.ty {
        PAIR => 8 + 4 * place as u32,
        _ => ARRAY_ELEMENTS_AT + 4 * place as u32,
    }
}

impl Model {
    /// Compares all that is reachable.
    fn check(&self, fixture: &Fixture, held: &Held, names: &[usize]) {
        let mut seen = HashMap::new();
        let mut pending: Vec<(u32, usize)> =
            held.0.iter().copied().zip(names.iter().copied()).collect();
        while let Some((at, name)) = pending.pop() {
            match seen.insert(name, at) {
                Some(before) => {
                    assert_eq!(before, at, "one object in two places");
                    continue;
                }
                None => assert_eq!(at % 8, 0),
            }
            let object = &self.objects[name];
            let heap = &fixture.heap;
            assert_eq!(heap.header(at), fixture.header(object.ty));
            match object.ty {
                PAIR => assert_eq!(heap.load(at + 4), object.number),
                _ => assert_eq!(heap.array_length(at), object.number),
            }
            for (i, reference) in object.references.iter().enumerate() {
                let found = heap.load(at + references_at(object, i));
                match reference {
                    None => assert_eq!(found, 0),
                    Some(name) => pending.push((found, *name)),
                }
            }
        }
    }
}

fn run_at_random(seed: u64, steps: usize, zealous: bool) {
    let mut fixture = Fixture::new(256 << 20);
    if zealous {
        let Fixture { heap, vm, .. } = &mut fixture;
        heap.be_zealous(vm, NonZeroU32::MIN);
    }
    let mut random = Numbers(seed);
    let (mut model, mut held, mut names) = (Model::default(), Held::default(), Vec::new());
    for step in 0..steps {
        match random.below(100) {
            0..60 => {
                let (ty, len) = match random.below(200) {
                    0 => (LIST, random.below(40_000)),
                    1..20 => (LIST, random.below(30)),
                    20 => (BYTES, random.below(100_000)),
                    21..40 => (BYTES, random.below(50)),
                    _ => (PAIR, 0),
                };
                let at = fixture.allocate(ty, len as u32, &mut held).unwrap();
                let mut object = Object {
                    ty,
                    number: len as u32,
                    references: vec![None; [2, len, 0][ty]],
                };
                if ty == PAIR {
                    object.number = step as u32;
                    fixture.heap.store(at + 4, object.number);
                }
                model.objects.push(object);
                held.0.push(at);
                names.push(model.objects.len() - 1);
            }
            60..90 if !names.is_empty() => {
                let (from, to) = (random.below(names.len()), random.below(names.len()));
                let object = &mut model.objects[names[from]];
                if !object.references.is_empty() {
                    let place = random.below(object.references.len());
                    let at = held.0[from] + references_at(object, place);
                    fixture.heap.store_reference(at, held.0[to]);
                    object.references[place] = Some(names[to]);
                }
            }
            90..99 => {
                // What is held only through others is forgotten here.
                let keep = random.below(200);
                while names.len() > keep {
                    let one = random.below(names.len());
                    names.swap_remove(one);
                    held.0.swap_remove(one);
                }
            }
            _ => {
                let full = random.below(20) == 0;
                fixture.collect(full, &mut held);
                model.check(&fixture, &held, &names);
            }
        }
    }
    model.check(&fixture, &held, &names);
}

#[test]
fn random_graphs_are_kept() {
    for seed in 1..8 {
        run_at_random(seed, 20_000, false);
    }
}

#[test]
fn random_graphs_are_kept_when_every_allocation_collects() {
    run_at_random(77, 3_000, true);
}

#[test]
fn objects_are_told_from_other_numbers() {
    let mut fixture = Fixture::new(64 << 20);
    let mut held = Held::default();
    for n in 0..3_000 {
        let len = if n % 1000 == 999 { 100_000 } else { n % 50 };
        let object = fixture.allocate(LIST, len, &mut held).unwrap();
        held.0.push(object);
        if n == 1_000 || n == 2_000 {
            // Into the space of survivors, then to old blocks.
            fixture.collect(false, &mut held);
        }
    }
    let all: std::collections::BTreeSet<u32> = held.0.iter().copied().collect();
    assert_eq!(all.len(), 3_000);
    let mut is = |at| fixture.heap.is_object(&fixture.vm, at);
    for &object in &all {
        assert!(is(object), "{object:#x}");
        for near in (object - 64..object + 64).filter(|near| !all.contains(near)) {
            assert!(!is(near), "{near:#x} is not {object:#x}");
        }
    }
    for other in [0, 8, 0x1000, u32::MAX, !7, fixture.vm.next] {
        assert!(!is(other), "{other:#x}");
    }
}

/// All offsets of the first 64 blocks that objects begin at.
fn all_objects(fixture: &mut Fixture) -> Vec<u32> {
    let all = (0..64 * BLOCK).filter(|at| fixture.heap.is_object(&fixture.vm, *at));
    all.collect()
}

#[test]
fn only_what_is_an_object_is_taken_for_one() {
    let mut fixture = Fixture::new(256 << 20);
    let mut held = Held::default();
    let header = fixture.header(PAIR).0;
    for n in 0..20_000 {
        let (ty, len) = [(PAIR, 0), (BYTES, n % 90), (LIST, n % 7)][n as usize % 3];
        let len = if n == 9_000 { 3 * BLOCK } else { len };
        let object = fixture.allocate(ty, len, &mut held).unwrap();
        // What the guest writes may look like an object.
        if ty == BYTES && len >= 8 {
            fixture.heap.store(object + 8, header);
            fixture.heap.store(object + 12, header);
        }
        held.0.push(object);
    }
    let sorted = |held: &Held| {
        let mut all = held.0.clone();
        all.sort_unstable();
        all
    };
    assert_eq!(all_objects(&mut fixture), sorted(&held), "in eden");
    for full in [false, true] {
        fixture.collect(full, &mut held);
        assert_eq!(all_objects(&mut fixture), sorted(&held), "full: {full}");
    }
    let more = fixture.allocate(PAIR, 0, &mut held).unwrap();
    held.0.push(more);
    assert_eq!(all_objects(&mut fixture), sorted(&held), "old and new");
    held.0.clear();
    fixture.collect(true, &mut held);
    assert_eq!(all_objects(&mut fixture), [], "nothing is left");
    assert!(!fixture.heap.is_object(&fixture.vm, u32::MAX - 7));
}
