//! `mainspring wast`.

use crate::place::Place;

#[test]
fn what_cannot_be_judged_is_named_and_does_not_pass() {
    let place = Place::new(&[(
        "cont.wast",
        r#"(module)
(assert_invalid (module (type $f (func)) (type (cont $f)) (type (cont 7))) "unknown type")"#,
    )]);
    let ran = place.run(&["wast", "cont.wast"]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    for text in [
        "not judged: cont.wast:2:2: assert_invalid: ",
        "cont.wast: 1 of 2 directives passed",
    ] {
        assert!(ran.stdout.contains(text), "no \"{text}\" in {ran:?}");
    }
}

#[test]
fn another_reason_is_a_failure() {
    let place = Place::new(&[(
        "reasons.wast",
        r#"(assert_malformed (module quote "(func (i32.const 1)") "totally wrong text")
(assert_invalid (module (func (result i32))) "totally wrong text")
(assert_invalid (module (func (result i32))) "type mis")"#,
    )]);
    let ran = place.run(&["wast", "reasons.wast"]);
    assert_eq!(ran.status, Some(1), "{ran:?}");
    for text in [
        "reasons.wast:1:2: ",
        "reasons.wast:2:2: ",
        "1 of 3 directives",
    ] {
        assert!(ran.stdout.contains(text), "no \"{text}\" in {ran:?}");
    }
}
