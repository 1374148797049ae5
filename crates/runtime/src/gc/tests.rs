use super::*;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Shapes of the tests: a pair with a number, an array of references, an array of bytes.
const PAIR: u32 = 1;
const LIST: u32 = 2;
const BYTES: u32 = 3;

fn heap() -> (Heap, VMHeap) {
    let mut heap = Heap::new(256 << 20).unwrap();
    let traced = Box::new([8, 12]);
    heap.add_shape(PAIR, Shape::Struct { size: 16, traced });
    let (element, traced) = (4, true);
    heap.add_shape(LIST, Shape::Array { element, traced });
    let (element, traced) = (1, false);
    heap.add_shape(BYTES, Shape::Array { element, traced });
    let vm = heap.vm();
    (heap, vm)
}

#[derive(Default)]
struct Held(Vec<u32>);

impl Roots for Held {
    fn each(&mut self, visit: &mut dyn FnMut(&mut u32)) {
        self.0.iter_mut().for_each(visit);
    }
}

#[test]
fn what_is_reachable_stays_as_it_was() {
    let (mut heap, mut vm) = heap();
    let mut held = Held::default();
    // A list of a hundred thousand pairs, then as much garbage again and again.
    held.0.push(0);
    for n in 0..100_000 {
        let pair = heap.allocate(&mut vm, PAIR, 0, &mut held).unwrap();
        heap.store(pair + 4, n);
        let before = held.0[0];
        heap.store_reference(pair + 8, before);
        held.0[0] = pair;
    }
    for _ in 0..1_000_000 {
        heap.allocate(&mut vm, PAIR, 0, &mut held).unwrap();
    }
    heap.collect(&mut vm, true, &mut held).unwrap();
    let mut pair = held.0[0];
    for n in (0..100_000).rev() {
        assert_eq!(heap.load(pair + 4), n);
        pair = heap.load(pair + 8);
    }
    assert_eq!(pair, 0);
    let done = heap.collections();
    assert!(done.young >= 8 && done.full >= 1, "{done:?}");
    held.0.clear();
    heap.collect(&mut vm, true, &mut held).unwrap();
    assert_eq!(heap.blocks.bytes(), 0);
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
    let (mut heap, mut vm) = heap();
    let mut held = Held::default();
    for n in 0..10 {
        let value = Box::new((n, Counts(dropped.clone())));
        let object = heap.new_host(&mut vm, value, &mut held).unwrap();
        if n % 3 == 0 {
            held.0.push(object);
        }
    }
    heap.collect(&mut vm, false, &mut held).unwrap();
    assert_eq!(dropped.load(Ordering::Relaxed), 6);
    heap.collect(&mut vm, false, &mut held).unwrap();
    for (i, &object) in held.0.iter().enumerate() {
        let value = heap.host(object).unwrap();
        let (n, _) = value.downcast_ref::<(i32, Counts)>().unwrap();
        assert_eq!(*n as usize, 3 * i);
    }
    held.0.truncate(1);
    heap.collect(&mut vm, false, &mut held).unwrap();
    assert_eq!(dropped.load(Ordering::Relaxed), 6);
    heap.collect(&mut vm, true, &mut held).unwrap();
    assert_eq!(dropped.load(Ordering::Relaxed), 9);
    drop(heap);
    assert_eq!(dropped.load(Ordering::Relaxed), 10);
}

#[test]
fn a_full_heap_is_an_error_and_not_the_end() {
    let mut heap = Heap::new(8 << 20).unwrap();
    let (element, traced) = (4, true);
    heap.add_shape(LIST, Shape::Array { element, traced });
    let mut vm = heap.vm();
    let mut held = Held::default();
    let mut fill = |heap: &mut Heap, vm: &mut VMHeap, len: u32| {
        held.0.clear();
        let count = loop {
            match heap.allocate(vm, LIST, len, &mut held) {
                Ok(list) => held.0.push(list),
                Err(OutOfMemory) => break held.0.len(),
            }
            assert!(held.0.len() < 100_000);
        };
        held.0.clear();
        heap.collect(vm, true, &mut held).unwrap();
        count
    };
    let small = fill(&mut heap, &mut vm, 1_000);
    assert!((1_500..4_000).contains(&small), "{small}");
    let large = fill(&mut heap, &mut vm, 100_000);
    assert!((15..=21).contains(&large), "{large}");
    assert_eq!(fill(&mut heap, &mut vm, 1_000), small);
    assert_eq!(
        heap.allocate(&mut vm, LIST, u32::MAX, &mut held),
        Err(OutOfMemory)
    );
    assert_eq!(
        heap.allocate(&mut vm, LIST, 1 << 29, &mut held),
        Err(OutOfMemory)
    );
}

/// What the heap ought to hold.
#[derive(Default)]
struct Model {
    objects: Vec<Object>,
}

struct Object {
    shape: u32,
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
    match object.shape {
        PAIR => 8 + 4 * place as u32,
        _ => ARRAY_ELEMENTS_AT + 4 * place as u32,
    }
}

impl Model {
    /// Compares all that is reachable.
    fn check(&self, heap: &Heap, held: &Held, names: &[usize]) {
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
            assert_eq!(heap.shape_of(at), object.shape);
            match object.shape {
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
    let (mut heap, mut vm) = heap();
    if zealous {
        heap.be_zealous(&mut vm);
    }
    let mut random = Numbers(seed);
    let (mut model, mut held, mut names) = (Model::default(), Held::default(), Vec::new());
    for step in 0..steps {
        match random.below(100) {
            0..60 => {
                let (shape, len) = match random.below(200) {
                    0 => (LIST, random.below(40_000)),
                    1..20 => (LIST, random.below(30)),
                    20 => (BYTES, random.below(100_000)),
                    21..40 => (BYTES, random.below(50)),
                    _ => (PAIR, 0),
                };
                let at = heap
                    .allocate(&mut vm, shape, len as u32, &mut held)
                    .unwrap();
                let mut object = Object {
                    shape,
                    number: len as u32,
                    references: vec![None; [0, 2, len, 0][shape as usize]],
                };
                if shape == PAIR {
                    object.number = step as u32;
                    heap.store(at + 4, object.number);
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
                    heap.store_reference(at, held.0[to]);
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
                heap.collect(&mut vm, full, &mut held).unwrap();
                if zealous {
                    vm.limit = vm.next;
                }
                model.check(&heap, &held, &names);
            }
        }
    }
    model.check(&heap, &held, &names);
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
