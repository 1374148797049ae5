//! Objects: made by wasm and by the host, kept and moved by the collector, in every tier.

use crate::engines;
use mainspring::*;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Trees, lists, maps and arrays that outlive many collections, with work of the host's in between.
const PROGRAM: &str = r#"(module
    (import "host" "pass" (func $pass (param anyref) (result anyref)))
    (rec
        (type $tree (sub (struct (field $left (mut (ref null $tree))) (field $right (mut (ref null $tree))))))
        (type $leaf (sub final $tree (struct (field (mut (ref null $tree))) (field (mut (ref null $tree))) (field $value i64)))))
    (type $list (struct (field $head i32) (field $tail (ref null $list))))
    (type $row (array (mut (ref null $list))))
    (type $bytes (array (mut i8)))
    (type $box (struct (field $bytes (mut (ref null $bytes))) (field $sum f64)))
    (global $kept (mut (ref null $list)) (ref.null $list))
    (table $table 16 (ref null $list))

    (func $make (param $depth i32) (param $n i64) (result (ref $tree))
        (if (result (ref $tree)) (i32.eqz (local.get $depth))
            (then (struct.new $leaf (ref.null $tree) (ref.null $tree) (local.get $n)))
            (else (struct.new $tree
                (call $make (i32.sub (local.get $depth) (i32.const 1)) (i64.shl (local.get $n) (i64.const 1)))
                (call $make (i32.sub (local.get $depth) (i32.const 1))
                    (i64.or (i64.shl (local.get $n) (i64.const 1)) (i64.const 1)))))))
    (func $sum (param $tree (ref null $tree)) (result i64)
        (if (result i64) (ref.is_null (local.get $tree))
            (then (i64.const 0))
            (else (if (result i64) (ref.test (ref $leaf) (local.get $tree))
                (then (struct.get $leaf $value (ref.cast (ref $leaf) (local.get $tree))))
                (else (i64.add
                    (call $sum (struct.get $tree $left (local.get $tree)))
                    (call $sum (struct.get $tree $right (local.get $tree)))))))))
    (func (export "trees") (param $depth i32) (param $count i32) (result i64)
        (local $long (ref null $tree)) (local $total i64)
        (local.set $long (call $make (local.get $depth) (i64.const 1)))
        (loop $again
            (local.set $total (i64.add (local.get $total) (call $sum (call $make (i32.const 6) (i64.const 1)))))
            (local.set $count (i32.sub (local.get $count) (i32.const 1)))
            (br_if $again (i32.gt_s (local.get $count) (i32.const 0))))
        (i64.add (local.get $total) (call $sum (local.get $long))))

    (func (export "lists") (param $n i32) (result i32)
        (local $row (ref $row)) (local $i i32) (local $at i32) (local $sum i32) (local $list (ref null $list))
        (local.set $row (array.new_default $row (i32.const 20000)))
        (loop $fill
            (local.set $at (i32.rem_u (i32.mul (local.get $i) (i32.const 7919)) (i32.const 20000)))
            (array.set $row (local.get $row) (local.get $at)
                (struct.new $list (local.get $i) (array.get $row (local.get $row) (local.get $at))))
            (table.set $table (i32.and (local.get $i) (i32.const 15))
                (array.get $row (local.get $row) (local.get $at)))
            (global.set $kept (struct.new $list (local.get $i) (table.get $table (i32.and (local.get $i) (i32.const 7)))))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $fill (i32.lt_u (local.get $i) (local.get $n))))
        (local.set $i (i32.const 0))
        (loop $row
            (local.set $list (array.get $row (local.get $row) (local.get $i)))
            (block $end
                (loop $each
                    (br_if $end (ref.is_null (local.get $list)))
                    (local.set $sum (i32.add (i32.mul (local.get $sum) (i32.const 31)) (struct.get $list $head (local.get $list))))
                    (local.set $list (struct.get $list $tail (local.get $list)))
                    (br $each)))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $row (i32.lt_u (local.get $i) (i32.const 20000))))
        (local.set $list (global.get $kept))
        (i32.add (local.get $sum) (struct.get $list $head (struct.get $list $tail (local.get $list)))))

    (func (export "host") (param $n i32) (result i32)
        (local $kept (ref null $list)) (local $sum i32)
        (loop $again
            (local.set $kept (struct.new $list (local.get $n)
                (ref.cast (ref null $list) (call $pass (local.get $kept)))))
            (drop (call $pass (ref.i31 (local.get $n))))
            (local.set $n (i32.sub (local.get $n) (i32.const 1)))
            (br_if $again (local.get $n)))
        (loop $each
            (local.set $sum (i32.add (local.get $sum) (struct.get $list $head (local.get $kept))))
            (local.set $kept (struct.get $list $tail (local.get $kept)))
            (br_if $each (i32.eqz (ref.is_null (local.get $kept)))))
        (local.get $sum))

    (func (export "large") (param $n i32) (result i32)
        (local $box (ref $box)) (local $i i32) (local $sum i32)
        (local.set $box (struct.new $box (ref.null $bytes) (f64.const 0.5)))
        (loop $again
            (struct.set $box $bytes (local.get $box)
                (array.new $bytes (local.get $i) (i32.add (i32.const 1) (i32.mul (local.get $i) (i32.const 911)))))
            (local.set $sum (i32.add (local.get $sum)
                (array.get_u $bytes (struct.get $box $bytes (local.get $box))
                    (i32.mul (local.get $i) (i32.const 911)))))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $i) (local.get $n))))
        (local.get $sum))

    (func $deep (export "deep") (param $n i32) (param $list (ref null $list)) (result i32)
        (local $mine (ref null $list)) (local $below i32)
        (local.set $mine (struct.new $list (local.get $n) (local.get $list)))
        (if (i32.eqz (local.get $n)) (then (return (i32.const 0))))
        (local.set $below (call $deep (i32.sub (local.get $n) (i32.const 1)) (local.get $mine)))
        (i32.add (local.get $below) (i32.add
            (struct.get $list $head (local.get $mine))
            (ref.eq (local.get $list) (struct.get $list $tail (local.get $mine)))))))"#;

/// The engines of all modes, as they are and with collections forced.
fn all_engines() -> Vec<(String, Engine, bool)> {
    let mut all: Vec<_> = (engines().into_iter())
        .map(|(name, engine)| (name.to_string(), engine, false))
        .collect();
    for strategy in [Strategy::Auto, Strategy::Winch, Strategy::Cranelift] {
        for stress in [false, true] {
            let mut config = Config::new();
            config.strategy(strategy);
            if stress {
                config.gc_stress(true);
            } else {
                config.gc_zeal_alloc_counter(NonZeroU32::new(37));
            }
            let name = format!("{strategy:?}, collections forced");
            all.push((name, Engine::new(&config).unwrap(), true));
        }
    }
    all
}

#[test]
fn objects_stay_what_they_are_however_often_they_move() {
    for (name, engine, forced) in all_engines() {
        let run = || -> Result<()> {
            let module = Module::new(&engine, PROGRAM)?;
            let mut store = Store::new(&engine, ());
            let pass = Func::wrap(
                &mut store,
                |mut caller: Caller<'_, ()>, value: Option<Rooted<AnyRef>>| -> Result<_> {
                    // Garbage of the host's, and now and then a collection.
                    let number = ExternRef::new(&mut caller, 5_u64)?;
                    if let Some(value) = value
                        && value
                            .as_i31(&caller)?
                            .is_some_and(|n| n.get_u32() % 64 == 0)
                    {
                        caller.gc(None)?;
                    }
                    let data = number.data(&caller)?.expect("a value");
                    assert_eq!(data.downcast_ref::<u64>(), Some(&5));
                    Ok(value)
                },
            );
            let instance = Instance::new(&mut store, &module, &[pass.into()])?;
            let scale = if forced { 20 } else { 1 };
            let trees = instance.get_typed_func::<(i32, i32), i64>(&mut store, "trees")?;
            let count = 2_000 / scale;
            let leaves = |depth: u32| (1_i64 << depth..2 << depth).sum::<i64>();
            let expected = i64::from(count) * leaves(6) + leaves(12);
            assert_eq!(trees.call(&mut store, (12, count))?, expected);

            let lists = instance.get_typed_func::<i32, i32>(&mut store, "lists")?;
            let n = 300_000 / scale;
            assert_eq!(lists.call(&mut store, n)?, expected_lists(n));
            let host = instance.get_typed_func::<i32, i32>(&mut store, "host")?;
            assert_eq!(host.call(&mut store, 500)?, 500 * 501 / 2);
            let large = instance.get_typed_func::<i32, i32>(&mut store, "large")?;
            assert_eq!(
                large.call(&mut store, 600)?,
                (0..600).map(|i| i & 255).sum()
            );
            let deep = instance.get_func(&mut store, "deep").unwrap();
            let mut results = [Val::I32(0)];
            deep.call(
                &mut store,
                &[Val::I32(2_000), Val::AnyRef(None)],
                &mut results,
            )?;
            assert_eq!(results[0].unwrap_i32(), 2_000 * 2_001 / 2 + 2_000);
            store.gc(None)
        };
        run().unwrap_or_else(|error| panic!("{name}: {error:#}"));
    }
}

fn expected_lists(n: i32) -> i32 {
    let mut rows = vec![Vec::new(); 20_000];
    for i in 0..n as u32 {
        rows[(i.wrapping_mul(7919) % 20_000) as usize].push(i);
    }
    let all = rows.iter().flat_map(|row| row.iter().rev());
    let sum = all.fold(0_i32, |sum, &i| sum.wrapping_mul(31).wrapping_add(i as i32));
    // What the table had at the place of the last one: the last number with the same lower bits.
    let last = n - 1;
    let place = last & 7;
    let head = (0..n).rev().find(|i| i & 15 == place).unwrap();
    sum.wrapping_add(head)
}

#[test]
fn references_end_with_their_scopes() -> Result<()> {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let ty = StructType::new(
        &engine,
        [FieldType::new(Mutability::Var, ValType::ANYREF.into())],
    )?;
    let pre = StructRefPre::new(&mut store, ty);
    let outer = StructRef::new(&mut store, &pre, &[Val::AnyRef(None)])?;
    let (inner, kept) = {
        let mut scope = RootScope::new(&mut store);
        let inner = StructRef::new(&mut scope, &pre, &[outer.into()])?;
        assert!(inner.field(&mut scope, 0)?.unwrap_anyref().is_some());
        let kept = inner.to_owned_rooted(&mut scope)?;
        (inner, kept)
    };
    let other = StructRef::new(&mut store, &pre, &[Val::AnyRef(None)])?;
    assert!(inner.field(&mut store, 0).is_err());
    assert!(inner.to_owned_rooted(&mut store).is_err());
    assert!(other.set_field(&mut store, 0, inner.into()).is_err());
    let kept_by_wasm = Global::new(
        &mut store,
        GlobalType::new(ValType::ANYREF, Mutability::Var),
        other.into(),
    )?;
    for _ in 0..3 {
        store.gc(None)?;
    }
    let again = kept.to_rooted(&mut store);
    let field = again.field(&mut store, 0)?;
    let field = field.unwrap_anyref().unwrap().unwrap_struct(&store)?;
    assert!(Rooted::ref_eq(&store, &field, &outer)?);
    assert!(!Rooted::ref_eq(&store, &again, &outer)?);
    assert!(Rooted::ref_eq(&store, &again, &kept)?);
    let global = kept_by_wasm.get(&mut store);
    let global = global.unwrap_anyref().unwrap().unwrap_struct(&store)?;
    assert!(Rooted::ref_eq(&store, &global, &other)?);
    // References that a host function is given end with its call.
    let leaked = Arc::new(std::sync::Mutex::new(None));
    let leak = leaked.clone();
    let func = Func::wrap(&mut store, move |value: Rooted<AnyRef>| {
        *leak.lock().unwrap() = Some(value);
    });
    let func = func.typed::<Rooted<AnyRef>, ()>(&store)?;
    func.call(&mut store, outer.to_anyref())?;
    let leaked = leaked.lock().unwrap().expect("just leaked");
    assert!(leaked.is_struct(&store).is_err());
    Ok(())
}

#[test]
fn host_values_go_when_nothing_refers_to_them() -> Result<()> {
    struct Counted(Arc<AtomicUsize>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let dropped = Arc::new(AtomicUsize::new(0));
    let mut store = Store::<()>::default();
    let table = Table::new(
        &mut store,
        TableType::new(RefType::EXTERNREF, 4, None),
        Ref::Extern(None),
    )?;
    {
        let mut scope = RootScope::new(&mut store);
        for i in 0..10 {
            let value = ExternRef::new(&mut scope, Counted(dropped.clone()))?;
            table.set(&mut scope, i % 4, value.into())?;
        }
        scope.as_context_mut().gc(None)?;
        assert_eq!(dropped.load(Ordering::Relaxed), 0);
    }
    store.gc(None)?;
    assert_eq!(dropped.load(Ordering::Relaxed), 6);
    table.fill(&mut store, 0, Ref::Extern(None), 4)?;
    store.gc(None)?;
    assert_eq!(dropped.load(Ordering::Relaxed), 10);
    Ok(())
}

#[test]
fn values_cross_between_the_hierarchies_and_back() -> Result<()> {
    let mut store = Store::<()>::default();
    let value = ExternRef::new(&mut store, "value")?;
    let any = AnyRef::convert_extern(&mut store, value)?;
    assert!(!any.is_eqref(&store)? && !any.is_i31(&store)? && !any.is_struct(&store)?);
    assert!(matches!(any.ty(&store)?, HeapType::Any));
    let back = ExternRef::convert_any(&mut store, any)?;
    assert!(Rooted::ref_eq(&store, &back, &value)?);
    let number = AnyRef::from_i31(&mut store, I31::wrapping_i32(-5));
    assert_eq!(number.unwrap_i31(&store)?.get_i32(), -5);
    let outside = ExternRef::convert_any(&mut store, number)?;
    assert!(outside.data(&store)?.is_none());
    assert_eq!(I31::new_i32(1 << 30), None);
    assert_eq!(I31::new_u32(u32::MAX >> 1).map(|n| n.get_i32()), Some(-1));
    Ok(())
}

#[test]
fn arrays_are_made_and_read_by_the_host() -> Result<()> {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let bytes = ArrayType::new(&engine, FieldType::new(Mutability::Var, StorageType::I8));
    let pre = ArrayRefPre::new(&mut store, bytes);
    let array = ArrayRef::new_from_i8_slice(&mut store, &pre, b"hello")?;
    array.set(&mut store, 0, Val::I32(-1))?;
    assert_eq!(array.get(&mut store, 0)?.unwrap_i32(), 255);
    assert!(array.get(&mut store, 5).is_err());
    assert!(array.set(&mut store, 0, Val::I64(1)).is_err());
    let mut copy = [0; 5];
    array.copy_to_i8_slice(&mut store, &mut copy)?;
    assert_eq!(&copy, b"\xffello");
    let numbers = ArrayType::new(
        &engine,
        FieldType::new(Mutability::Const, ValType::I64.into()),
    );
    let pre = ArrayRefPre::new(&mut store, numbers);
    let array = ArrayRef::new_fixed(&mut store, &pre, &[Val::I64(1), Val::I64(-2)])?;
    let elems: Vec<_> = array
        .elems(&mut store)?
        .map(|val| val.unwrap_i64())
        .collect();
    assert_eq!((elems, array.len(&store)?), (vec![1, -2], 2));
    assert!(array.set(&mut store, 0, Val::I64(1)).is_err());
    // There is no room for some, and never will be for others.
    let small = Engine::new(Config::new().gc_heap_reservation(1 << 20))?;
    let mut other = Store::new(&small, ());
    let numbers = FieldType::new(Mutability::Const, ValType::I64.into());
    let small = ArrayRefPre::new(&mut other, ArrayType::new(&small, numbers));
    let error = ArrayRef::new(&mut other, &small, &Val::I64(1), 1 << 20).unwrap_err();
    assert!(error.is::<GcHeapOutOfMemory<()>>(), "{error:#}");
    let error = ArrayRef::new(&mut store, &pre, &Val::I64(1), u32::MAX).unwrap_err();
    assert_eq!(error.downcast_ref(), Some(&Trap::AllocationTooLarge));
    assert_eq!(
        format!("{error:#}"),
        "cannot make an array of 4294967295 elements: wasm trap: allocation size too large"
    );
    Ok(())
}

#[test]
fn a_full_heap_is_an_error() -> Result<()> {
    let text = r#"(module
        (type $list (struct (field (ref null $list)) (field i64 i64 i64 i64)))
        (type $bytes (array (mut i8)))
        (type $wide (array (mut v128)))
        (global $kept (mut (ref null $list)) (ref.null $list))
        (func (export "grow")
            (loop $again
                (global.set $kept (struct.new $list (global.get $kept) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0)))
                (br $again)))
        (func (export "drop") (global.set $kept (ref.null $list)))
        (func (export "bytes") (param i32) (result i32)
            (array.len (array.new_default $bytes (local.get 0))))
        (func (export "wide") (param i32) (result i32)
            (array.len (array.new_default $wide (local.get 0)))))"#;
    for strategy in [Strategy::Auto, Strategy::Winch, Strategy::Cranelift] {
        let mut config = Config::new();
        let engine = Engine::new(config.strategy(strategy).gc_heap_reservation(64 << 20))?;
        let module = Module::new(&engine, text)?;
        for limited in [false, true] {
            let mut store = Store::new(&engine, StoreLimits::default());
            if limited {
                *store.data_mut() = StoreLimitsBuilder::new().memory_size(20 << 20).build();
                store.limiter(|limits| limits);
            }
            let instance = Instance::new(&mut store, &module, &[])?;
            let grow = instance.get_typed_func::<(), ()>(&mut store, "grow")?;
            let drop = instance.get_typed_func::<(), ()>(&mut store, "drop")?;
            for _ in 0..2 {
                let error = grow.call(&mut store, ()).unwrap_err();
                assert!(
                    error.downcast_ref::<GcHeapOutOfMemory<()>>().is_some(),
                    "{error:#}"
                );
                let most = if limited { 24 << 20 } else { 70 << 20 };
                assert!(store.gc_heap_capacity() <= most);
                drop.call(&mut store, ())?;
            }
            let bytes = instance.get_typed_func::<i32, i32>(&mut store, "bytes")?;
            assert_eq!(bytes.call(&mut store, 10 << 20)?, 10 << 20);
            assert!(bytes.call(&mut store, -1).is_err());
            assert!(bytes.call(&mut store, 1 << 30).is_err());
            let wide = instance.get_typed_func::<i32, i32>(&mut store, "wide")?;
            for len in [1 << 28, (1 << 28) - 1, -1] {
                assert!(wide.call(&mut store, len).is_err());
            }
            assert_eq!(wide.call(&mut store, 1000)?, 1000);
        }
    }
    Ok(())
}

#[test]
fn what_a_limiter_says_of_the_heap_stops_the_guest() -> Result<()> {
    /// After so many bytes; from which to which was asked.
    struct Refuses(usize, Vec<(usize, usize)>);
    impl ResourceLimiter for Refuses {
        fn memory_growing(&mut self, from: usize, to: usize, _: Option<usize>) -> Result<bool> {
            self.1.push((from, to));
            ensure!(to <= self.0, "enough");
            Ok(true)
        }
        fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> Result<bool> {
            Ok(true)
        }
    }
    let text = r#"(module
        (type $bytes (array i8))
        (func (export "f") (param i32) (drop (array.new_default $bytes (local.get 0)))))"#;
    let engine = Engine::default();
    let module = Module::new(&engine, text)?;
    // Not even new objects have room.
    let mut store = Store::new(&engine, Refuses(1 << 20, Vec::new()));
    store.limiter(|limiter| limiter);
    let error = Instance::new(&mut store, &module, &[]).unwrap_err();
    assert_eq!(error.root_cause().to_string(), "enough");
    assert!(ExternRef::new(&mut store, 1).is_err());
    // They have, and nothing else.
    const NEW_OBJECTS: usize = 3 << 20;
    let mut store = Store::new(&engine, Refuses(NEW_OBJECTS, Vec::new()));
    store.limiter(|limiter| limiter);
    let instance = Instance::new(&mut store, &module, &[])?;
    let f = instance.get_typed_func::<i32, ()>(&mut store, "f")?;
    for _ in 0..1000 {
        f.call(&mut store, 10_000)?;
    }
    let error = f.call(&mut store, 1_000_000).unwrap_err();
    assert_eq!(error.root_cause().to_string(), "enough");
    assert!(ExternRef::new(&mut store, 1).is_ok());
    let asked = &store.data().1;
    assert_eq!(asked[0], (0, NEW_OBJECTS));
    assert!(
        asked[1..]
            .iter()
            .all(|(from, to)| *from == NEW_OBJECTS && from < to)
    );
    Ok(())
}

#[test]
fn constant_expressions_make_objects_once() -> Result<()> {
    let text = r#"(module
        (type $pair (struct (field anyref) (field i8)))
        (type $row (array (ref null $pair)))
        (global $pair (export "pair") (ref $pair) (struct.new $pair (ref.i31 (i32.const 7)) (i32.const 300)))
        (global $row (export "row") (ref $row) (array.new_fixed $row 2 (global.get $pair) (struct.new_default $pair)))
        (table (export "table") 3 (ref null $pair) (struct.new $pair (ref.null none) (i32.const 5)))
        (elem $elem (ref null $pair) (global.get $pair) (struct.new $pair (ref.null none) (i32.const 1)))
        (func (export "new") (result anyref) (array.new_elem $row $elem (i32.const 0) (i32.const 2))))"#;
    for (name, engine, _) in all_engines() {
        let mut store = Store::new(&engine, ());
        let module = Module::new(&engine, text)?;
        let instance = Instance::new(&mut store, &module, &[])?;
        let global = |store: &mut Store<()>, name: &str| {
            let global = instance
                .get_global(&mut *store, name)
                .unwrap()
                .get(&mut *store);
            *global.unwrap_anyref().unwrap()
        };
        let pair = global(&mut store, "pair").unwrap_struct(&store)?;
        assert_eq!(pair.field(&mut store, 1)?.unwrap_i32(), 300 & 255, "{name}");
        let table = instance.get_table(&mut store, "table").unwrap();
        let ends = [0, 2].map(|i| *table.get(&mut store, i).unwrap().unwrap_any().unwrap());
        assert!(Rooted::ref_eq(&store, &ends[0], &ends[1])?);
        let row = global(&mut store, "row").unwrap_array(&store)?;
        let first = row.get(&mut store, 0)?;
        assert!(Rooted::ref_eq(
            &store,
            first.unwrap_anyref().unwrap(),
            &pair.to_anyref()
        )?);
        let new = instance.get_typed_func::<(), Rooted<ArrayRef>>(&mut store, "new");
        assert!(new.is_err(), "its type says less");
        let new = instance.get_typed_func::<(), Option<Rooted<AnyRef>>>(&mut store, "new")?;
        let mut seen = Vec::new();
        for _ in 0..2 {
            let row = new.call(&mut store, ())?.unwrap().unwrap_array(&store)?;
            let elems: Vec<_> = row.elems(&mut store)?.collect();
            assert!(Rooted::ref_eq(
                &store,
                elems[0].unwrap_anyref().unwrap(),
                &pair.to_anyref()
            )?);
            seen.push(*elems[1].unwrap_anyref().unwrap());
        }
        assert!(Rooted::ref_eq(&store, &seen[0], &seen[1])?);
    }
    Ok(())
}

#[test]
fn typed_functions_take_and_return_objects() -> Result<()> {
    let text = r#"(module
        (type $point (struct (field i32)))
        (func (export "point") (param i32) (result (ref $point)) (struct.new $point (local.get 0)))
        (func (export "read") (param (ref $point)) (result i32) (struct.get $point 0 (local.get 0)))
        (func (export "i31") (param (ref i31)) (result i31ref) (local.get 0))
        (func (export "eq") (param eqref eqref) (result i32) (ref.eq (local.get 0) (local.get 1))))"#;
    for (_, engine, _) in all_engines() {
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &Module::new(&engine, text)?, &[])?;
        let point = instance.get_typed_func::<i32, Rooted<StructRef>>(&mut store, "point")?;
        let owned = instance.get_typed_func::<i32, OwnedRooted<StructRef>>(&mut store, "point")?;
        let read = instance.get_typed_func::<Rooted<StructRef>, i32>(&mut store, "read")?;
        let a = point.call(&mut store, 1)?;
        let b = owned.call(&mut store, 2)?;
        store.gc(None)?;
        assert_eq!(read.call(&mut store, a)?, 1);
        let b = b.to_rooted(&mut store);
        assert_eq!(read.call(&mut store, b)?, 2);
        let other = StructType::new(&engine, [])?;
        let pre = StructRefPre::new(&mut store, other);
        let other = StructRef::new(&mut store, &pre, &[])?;
        assert!(read.call(&mut store, other).is_err());
        let i31 = instance.get_typed_func::<I31, Option<I31>>(&mut store, "i31")?;
        let number = I31::wrapping_u32(9);
        assert_eq!(i31.call(&mut store, number)?, Some(number));
        type Eqs = (Option<Rooted<EqRef>>, Option<Rooted<EqRef>>);
        let eq = instance.get_typed_func::<Eqs, i32>(&mut store, "eq")?;
        assert_eq!(
            eq.call(&mut store, (Some(a.to_eqref()), Some(a.to_eqref())))?,
            1
        );
        assert_eq!(
            eq.call(&mut store, (Some(a.to_eqref()), Some(b.to_eqref())))?,
            0
        );
    }
    Ok(())
}

#[test]
fn what_the_collector_did_is_told() -> Result<()> {
    let text = r#"(module
        (import "host" "look" (func $look))
        (type $list (struct (field (ref null $list)) (field i64)))
        (type $bytes (array (mut i8)))
        (global $kept (mut (ref null $list)) (ref.null $list))
        (func (export "grow") (param $n i32)
            (loop $again
                (global.set $kept (struct.new $list (global.get $kept) (i64.const 0)))
                (local.set $n (i32.sub (local.get $n) (i32.const 1)))
                (br_if $again (local.get $n)))
            (call $look))
        (func (export "bytes") (param i32)
            (drop (array.new_default $bytes (local.get 0)))))"#;
    for (_, engine) in engines() {
        let module = Module::new(&engine, text)?;
        let mut store = Store::new(&engine, GcStatistics::default());
        assert_eq!(store.gc_statistics(), GcStatistics::default());
        let look = Func::wrap(&mut store, |mut caller: Caller<'_, GcStatistics>| {
            *caller.data_mut() = caller.gc_statistics();
        });
        let instance = Instance::new(&mut store, &module, &[look.into()])?;
        let grow = instance.get_typed_func::<i32, ()>(&mut store, "grow")?;
        let bytes = instance.get_typed_func::<i32, ()>(&mut store, "bytes")?;
        grow.call(&mut store, 500_000)?;
        let grown = store.gc_statistics();
        assert_eq!(*store.data(), grown);
        assert!(grown.young_collections > 0, "{grown:?}");
        assert!(grown.peak_bytes > 500_000 * 16, "{grown:?}");
        let collections = (grown.young_collections + grown.full_collections) as u32;
        assert!(grown.longest_pause <= grown.time, "{grown:?}");
        assert!(grown.time <= grown.longest_pause * collections, "{grown:?}");
        store.gc(None)?;
        let collected = store.gc_statistics();
        assert_eq!(collected.full_collections, grown.full_collections + 1);
        // All the list is copied, and nothing of the old one is given back.
        assert!(
            collected.peak_bytes > grown.peak_bytes + 500_000 * 16 - (4 << 20),
            "{collected:?}"
        );
        bytes.call(&mut store, 64 << 20)?;
        let large = store.gc_statistics();
        assert!(
            large.peak_bytes >= collected.peak_bytes + (64 << 20) - (16 << 20),
            "{large:?}"
        );
    }
    Ok(())
}

#[test]
fn all_collectors_have_names_and_one_collects_nothing() -> Result<()> {
    let text = r#"(module
        (type $pair (struct (field i32) (field anyref)))
        (type $bytes (array i8))
        (func (export "pairs") (param i32)
            (loop $again
                (drop (struct.new $pair (local.get 0) (ref.null none)))
                (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
        (func (export "bytes") (param i32) (result i32)
            (array.len (array.new_default $bytes (local.get 0))))
        (func (export "make") (param i32 anyref) (result anyref) (struct.new $pair (local.get 0) (local.get 1))))"#;
    for (collector, is) in [
        (Collector::Auto, Collector::Copying),
        (Collector::Copying, Collector::Copying),
        (
            Collector::DeferredReferenceCounting,
            Collector::DeferredReferenceCounting,
        ),
        (Collector::Null, Collector::Null),
    ] {
        for strategy in [Strategy::Auto, Strategy::Winch, Strategy::Cranelift] {
            let mut config = Config::new();
            config.strategy(strategy).collector(collector);
            config.gc_heap_reservation(24 << 20);
            let engine = Engine::new(&config)?;
            assert_eq!(engine.get_collector(), Some(is));
            let mut store = Store::new(&engine, ());
            let instance = Instance::new(&mut store, &Module::new(&engine, text)?, &[])?;
            let pairs = instance.get_typed_func::<i32, ()>(&mut store, "pairs")?;
            let bytes = instance.get_typed_func::<i32, i32>(&mut store, "bytes")?;
            type Any = Option<Rooted<AnyRef>>;
            let make = instance.get_typed_func::<(i32, Any), Any>(&mut store, "make")?;
            // What is held is as it was, over a few megabytes of others.
            let dropped = Arc::new(());
            ExternRef::new(&mut store, dropped.clone())?;
            let mut object = None;
            for i in 0..50 {
                object = make.call(&mut store, (i, object))?;
                pairs.call(&mut store, 5_000)?;
                assert_eq!(bytes.call(&mut store, 20_000)?, 20_000);
            }
            let raw = object.expect("made").to_raw(&mut store)?;
            store.gc(None)?;
            for i in (0..50).rev() {
                let pair = object.expect("there are more").unwrap_struct(&store)?;
                assert_eq!(pair.field(&mut store, 0)?.unwrap_i32(), i);
                object = pair.field(&mut store, 1)?.unwrap_anyref().copied();
            }
            let statistics = store.gc_statistics();
            let collections = statistics.young_collections + statistics.full_collections;
            if collector != Collector::Null {
                assert!(collections > 0);
                pairs.call(&mut store, 2_000_000)?;
                continue;
            }
            assert_eq!(collections, 0);
            assert!(AnyRef::from_raw(&mut store, raw).is_some());
            assert!(AnyRef::from_raw(&mut store, raw + 8).is_none());
            let error = pairs.call(&mut store, 2_000_000).unwrap_err();
            assert!(error.is::<GcHeapOutOfMemory<()>>(), "{error:#}");
            assert!(bytes.call(&mut store, 30 << 20).is_err());
            assert!(store.gc_heap_capacity() <= (24 << 20) + (3 << 20));
            assert_eq!(Arc::strong_count(&dropped), 2);
            drop(store);
            assert_eq!(Arc::strong_count(&dropped), 1);
        }
    }
    Ok(())
}
