//! How programs end, and what is said of it.

use crate::place::Place;

const TIERS: [&str; 3] = ["tiered", "baseline", "optimizing"];

/// A program that ends itself with a status.
fn exit(status: u32) -> String {
    format!(
        r#"(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start") (call $exit (i32.const {status}))))"#
    )
}

#[test]
fn a_status_that_the_system_cannot_express_is_an_error() {
    let place = Place::new(&[]);
    for status in [0, 1, 125, 126, 255] {
        place.write("exit.wat", exit(status));
        let ran = place.run(&["exit.wat"]);
        let expected = (Some(status as i32), "", "");
        let came = (ran.status, ran.stdout.as_str(), ran.stderr.as_str());
        assert_eq!(came, expected);
    }
    for status in [256, 257, 0x8000_0000, u32::MAX] {
        place.write("exit.wat", exit(status));
        let number = format!("status {status},");
        place.run(&["exit.wat"]).fails(1, &[&number, "0 to 255"]);
    }
}

/// Throws through two functions; `start` says when.
fn thrower(tag: &str, values: &str, start: &str) -> String {
    format!(
        r#"(module $thrower
  {tag}
  (func $innermost {values} (throw $e))
  (func $outer (call $innermost))
  {start})"#
    )
}

#[test]
fn an_uncaught_exception_is_named_and_has_a_backtrace() {
    let start = r#"(func (export "_start") (call $outer))"#;
    let place = Place::new(&[]);
    for tier in TIERS {
        place.write("none.wat", thrower("(tag $e)", "", start));
        let ran = place.run(&["run", "--tier", tier, "none.wat"]);
        ran.fails(
            1,
            &[
                "exception that nothing caught, with the tag `e`\n",
                "0: innermost in thrower at offset 0x",
                "1: outer in thrower",
                "2: <function 2> in thrower",
            ],
        );
        assert!(!ran.stderr.contains("thrown Wasm exception"), "{ran:?}");
        assert_eq!(ran.stderr.matches("innermost in").count(), 1, "{ran:?}");
    }
    let values = "(i32.const -5) (f64.const 0.5)";
    place.write(
        "two.wat",
        thrower("(tag $e (param i32 f64))", values, start),
    );
    place
        .run(&["two.wat"])
        .fails(1, &["with the tag `e` and the values -5, 0.5\n"]);
    let from_start = thrower("(tag $e)", "", "(start $outer)");
    place.write("start.wat", from_start);
    place
        .run(&["start.wat"])
        .fails(1, &["start.wat", "the tag `e`", "0: innermost"]);
}

/// Without a `name` section, a tag is known by what it is exported as.
#[test]
fn a_tag_without_a_name_goes_by_its_export() {
    let place = Place::new(&[]);
    let module = |tag: &str| format!(r#"(module {tag} (func (export "_start") throw 0))"#);
    place.write("export.wat", module(r#"(tag (export "ex\1bport"))"#));
    place
        .run(&["export.wat"])
        .fails(1, &["with the tag `ex\\u{1b}port`", "<function 0>"]);
    place.write("none.wat", module("(tag)"));
    place
        .run(&["none.wat"])
        .fails(1, &["a tag without a name", "<function 0>"]);
}

#[test]
fn an_array_that_cannot_exist_is_a_trap() {
    let place = Place::new(&[]);
    // The largest that 32 bits could count, one that no heap has room for, and one beyond 32 bits.
    for length in [1_073_741_817_u32, 800_000_000, u32::MAX] {
        let text = format!(
            r#"(module (type $a (array (mut i32)))
  (func $make (export "run") (drop (array.new $a (i32.const 0) (i32.const {length})))))"#
        );
        place.write("array.wat", text);
        for tier in TIERS {
            let ran = place.run(&["run", "--tier", tier, "--invoke", "run", "array.wat"]);
            ran.fails(134, &["allocation size too large", "0: make"]);
        }
    }
}

/// Objects that would fit one by one, but are all kept.
#[test]
fn a_heap_that_is_full_is_said_with_a_backtrace() {
    let place = Place::new(&[]);
    let text = r#"(module
  (type $a (array (mut i32)))
  (type $list (array (mut (ref null $a))))
  (func $fill (export "_start") (local $i i32) (local $all (ref null $list))
    (local.set $all (array.new_default $list (i32.const 1000)))
    (loop $more
      (array.set $list (local.get $all) (local.get $i)
        (array.new $a (i32.const 0) (i32.const 1000000)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $more))))"#;
    place.write("fill.wat", text);
    let ran = place.run(&["run", "--max-memory", "20M", "fill.wat"]);
    ran.fails(1, &["GC heap out of memory", "0: fill at offset 0x"]);
}
