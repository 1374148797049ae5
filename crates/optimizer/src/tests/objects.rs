//! Objects, and what the collector is told of references to them.

use super::{compile, compile_with, configurations, each_function, settings};
use crate::Optimizer;
use iced_x86::{Decoder, DecoderOptions, FlowControl};
use mainspring_abi::{CallMode, CompiledFunction, Entry, FunctionInput};
use std::collections::HashSet;
use wasmparser::{BinaryReader, FunctionBody, Operator};

const OBJECTS: &str = include_str!("objects.wat");

/// The places that calls return to.
fn after_calls(function: &CompiledFunction) -> HashSet<u32> {
    let decoder = Decoder::with_ip(64, &function.code, 0, DecoderOptions::NONE);
    let is_call = |flow| matches!(flow, FlowControl::Call | FlowControl::IndirectCall);
    let calls = decoder.into_iter().filter(|it| is_call(it.flow_control()));
    calls.map(|call| call.next_ip() as u32).collect()
}

fn check_roots(function: &CompiledFunction) {
    let calls = after_calls(function);
    assert!(function.roots.is_sorted_by_key(|root| root.first));
    for root in &function.roots {
        assert_eq!(root.first, root.last);
        assert!(calls.contains(&root.first), "{root:?} is not at a call");
        assert!(root.slot < 0 && root.slot % 4 == 0, "{root:?}");
    }
}

#[test]
fn everything_compiles() {
    for settings in configurations() {
        for calls in [CallMode::Direct, CallMode::ThroughTable] {
            for function in compile_with(OBJECTS, &settings, calls) {
                check_roots(&function);
            }
        }
    }
}

#[test]
fn code_begins_at_loops_with_references() {
    let settings = settings();
    let optimizer = Optimizer::new(&settings).expect("the host is supported");
    let loops = |input: &FunctionInput| {
        let reader = BinaryReader::new(input.body, u64::from(input.body_offset()));
        let body = FunctionBody::new(reader);
        let operators = body.get_operators_reader().expect("valid");
        let all = operators
            .into_iter_with_offsets()
            .map(|it| it.expect("valid"));
        all.filter(|(operator, _)| matches!(operator, Operator::Loop { .. }))
            .map(|(_, offset)| offset as u32)
            .collect::<Vec<_>>()
    };
    let seen = each_function(OBJECTS, &settings, CallMode::ThroughTable, |input| {
        let loops = loops(input);
        for &wasm in &loops {
            let entry = Entry::Loop { wasm };
            let function = optimizer.compile(&FunctionInput { entry, ..*input });
            check_roots(&function.expect("it compiles"));
        }
        loops.len()
    });
    assert_eq!(seen.into_iter().sum::<usize>(), 4);
}

/// A reference that is used after a call is found there, and one that is not is not.
#[test]
fn calls_keep_what_is_needed_later() {
    let wat = r#"(module
        (type $t (struct (field i32)))
        (import "" "f" (func $f))
        (func (param (ref $t) (ref $t) externref) (result i32)
            (struct.get $t 0 (local.get 1))
            (call $f)
            (drop (struct.get $t 0 (local.get 0)))
            (call $f))
        (func (param i32) (result i32) (call $f) (local.get 0))
        (func (param (ref $t)) (result i32) (struct.get $t 0 (local.get 0)))
        (func (result anyref) (ref.null any) (call $f)))"#;
    let functions = compile(wat);
    let roots = |function: &CompiledFunction| function.roots.len();
    assert_eq!(
        functions.iter().map(roots).collect::<Vec<_>>(),
        [1, 0, 0, 0]
    );
}
