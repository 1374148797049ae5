//! Errors on their way through wasm, between the host's type and ours.

use crate::engines;
use mainspring::error::{Context, ToWasmtimeResult};
use mainspring::*;

#[derive(Debug, PartialEq)]
struct Refused(u32);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "refused: {}", self.0)
    }
}

impl std::error::Error for Refused {}

/// A program's own error type, with conversions from both of these.
#[derive(Debug)]
enum Program {
    Wasm(Error),
    Other(anyhow::Error),
}

impl From<Error> for Program {
    fn from(error: Error) -> Program {
        Program::Wasm(error)
    }
}

impl From<anyhow::Error> for Program {
    fn from(error: anyhow::Error) -> Program {
        Program::Other(error)
    }
}

#[test]
fn errors_of_the_host_go_through_wasm_and_lose_nothing() {
    let text = r#"(module
        (import "h" "f" (func $f (param i32)))
        (func (export "run") (param i32) (call $f (local.get 0))))"#;
    fn theirs(n: u32) -> anyhow::Result<()> {
        anyhow::Context::context(Err(Refused(n)), "in the host")
    }
    for (name, engine) in engines() {
        let run = |n: u32| -> Result<(), Program> {
            let mut linker = Linker::new(&engine);
            linker.func_wrap("h", "f", |n: u32| -> Result<()> {
                theirs(n).to_wasmtime_result().context("and here")
            })?;
            let mut store = Store::new(&engine, ());
            let module = Module::new(&engine, text)?;
            let instance = linker.instantiate(&mut store, &module)?;
            let run = instance.get_typed_func::<u32, ()>(&mut store, "run")?;
            if n == 0 {
                theirs(n)?;
            }
            Ok(run.call(&mut store, n)?)
        };
        let Err(Program::Wasm(error)) = run(7) else {
            panic!("{name}: it fails in wasm");
        };
        assert_eq!(error.downcast_ref(), Some(&Refused(7)), "{name}");
        assert!(error.is::<WasmBacktrace>(), "{name}");
        let texts: Vec<_> = error.chain().map(ToString::to_string).collect();
        assert!(texts[0].starts_with("error while executing"), "{texts:?}");
        assert_eq!(texts[1..], ["and here", "in the host", "refused: 7"]);
        let error = anyhow::Error::from(error);
        assert_eq!(error.downcast_ref(), Some(&Refused(7)), "{name}");
        assert!(matches!(run(0), Err(Program::Other(error)) if error.is::<Refused>()));
    }
}
