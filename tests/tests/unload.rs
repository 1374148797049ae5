//! Signal handlers that come and go with engines. A process of its own, since they are the process's.

use mainspring::*;
use std::panic::{AssertUnwindSafe, catch_unwind};

const SIGNALS: [i32; 4] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE];

fn handlers() -> [usize; 4] {
    SIGNALS.map(|signal| {
        // SAFETY: asks only, and zero is valid for all fields.
        unsafe {
            let mut now: libc::sigaction = std::mem::zeroed();
            assert_eq!(libc::sigaction(signal, std::ptr::null(), &mut now), 0);
            now.sa_sigaction
        }
    })
}

#[test]
fn handlers_come_and_go() {
    let before = handlers();
    for _ in 0..3 {
        let engine = Engine::default();
        let with_engine = handlers();
        for (with, without) in with_engine.iter().zip(before) {
            assert_ne!(*with, without);
        }
        let module = Module::new(
            &engine,
            r#"(module (memory 1) (func (export "f") (drop (i32.load (i32.const -8)))))"#,
        )
        .expect("valid");
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).expect("no imports");
        let f = instance
            .get_typed_func::<(), ()>(&mut store, "f")
            .expect("an export");
        let error = f.call(&mut store, ()).expect_err("outside");
        assert_eq!(error.downcast_ref(), Some(&Trap::MemoryOutOfBounds));
        // With a store of the engine left, it is not the last handle.
        let another = engine.clone();
        let refused = catch_unwind(AssertUnwindSafe(|| {
            // SAFETY: there is no other engine.
            unsafe { another.unload_process_handlers() }
        }));
        assert!(refused.is_err());
        assert_eq!(handlers(), with_engine);
        // The backtrace names the module.
        drop((error, store, module));
        // SAFETY: there is no other engine, and no wasm runs.
        unsafe { engine.unload_process_handlers() };
        assert_eq!(handlers(), before);
    }
}
