//! What assertions demand.

use crate::modules::{NO_COMPONENTS, Refused};
use crate::outcome::{Outcome, Wrong, unexpected};
use crate::script::Script;
use crate::{refusal, traps, values};
use mainspring::{Instance, ThrownException, Trap, Val};
use wast::{QuoteWat, WastExecute, WastRet, Wat};

impl Script {
    pub(crate) fn assert_return(
        &mut self,
        exec: WastExecute<'_>,
        expected: &[WastRet<'_>],
    ) -> Outcome {
        let speaker = self.speaker(&exec);
        let came = self.execute(exec).map_err(unexpected)?;
        if came.len() != expected.len() {
            let message = format!(
                "expected {} results, got {}: {}",
                expected.len(),
                came.len(),
                show_all(&came)
            );
            return Err(message.into());
        }
        for (nth, (came, expected)) in came.iter().zip(expected).enumerate() {
            let position = if nth == 0 {
                String::new()
            } else {
                format!(" as result {nth}")
            };
            values::check(&mut self.store, speaker, came, expected)
                .map_err(|e| format!("{e}{position}"))?;
        }
        Ok(())
    }

    pub(crate) fn assert_trap(&mut self, exec: WastExecute<'_>, message: &str) -> Outcome {
        let trap = self.trap(exec, message)?;
        Ok(traps::check(message, trap)?)
    }

    pub(crate) fn assert_exhaustion(&mut self, exec: WastExecute<'_>, message: &str) -> Outcome {
        match self.trap(exec, message)? {
            trap @ Trap::StackOverflow => Ok(traps::check(message, trap)?),
            trap => Err(format!("expected that the stack is used up, got: {trap}").into()),
        }
    }

    /// The trap that a call ends with.
    fn trap(&mut self, exec: WastExecute<'_>, message: &str) -> Result<Trap, Wrong> {
        match self.execute(exec) {
            Ok(came) => {
                let came = show_all(&came);
                Err(format!("expected the trap \"{message}\", got the results {came}").into())
            }
            Err(error) => error.downcast_ref::<Trap>().copied().ok_or_else(|| {
                Wrong::of(&error, || {
                    format!("expected the trap \"{message}\", got an error that is none: {error:#}")
                })
            }),
        }
    }

    pub(crate) fn assert_exception(&mut self, exec: WastExecute<'_>) -> Outcome {
        let outcome = self.execute(exec);
        let exception = self.store.take_pending_exception();
        match outcome {
            Ok(came) => {
                let came = show_all(&came);
                Err(format!("expected an exception, got the results {came}").into())
            }
            Err(error) if error.is::<ThrownException>() && exception.is_some() => Ok(()),
            Err(error) => Err(Wrong::of(&error, || {
                format!("expected an exception, got an error that is none: {error:#}")
            })),
        }
    }

    pub(crate) fn assert_unlinkable(&mut self, module: Wat<'_>, message: &str) -> Outcome {
        let module = self.compile_wat(module)?;
        match self.instantiate(&module) {
            Ok(_) => {
                let message =
                    format!("expected no instance, because of \"{message}\", but it was made");
                Err(message.into())
            }
            Err(error) => refusal::check_link(message, &error),
        }
    }

    pub(crate) fn assert_refused(&mut self, module: QuoteWat<'_>, message: &str) -> Outcome {
        match self.compile(module) {
            Ok(_) => Err(format!(
                "expected the module to be refused, because of \"{message}\", but it was accepted"
            )
            .into()),
            Err(Refused::Component) => Err(refusal::for_want_of(message, NO_COMPONENTS)),
            Err(Refused::Text(error)) => refusal::check_parse(message, &error),
            Err(Refused::Engine(error)) => refusal::check(message, &error),
        }
    }

    /// The instance that a directive asks something of, whose functions its results may name.
    fn speaker(&self, exec: &WastExecute<'_>) -> Option<Instance> {
        let id = match exec {
            WastExecute::Invoke(call) => call.module,
            WastExecute::Get { module, .. } => *module,
            WastExecute::Wat(_) => return None,
        };
        self.named(id).ok()
    }
}

fn show_all(values: &[Val]) -> String {
    let shown: Vec<_> = values.iter().map(values::show).collect();
    format!("[{}]", shown.join(", "))
}
