//! Carries out what a directive executes: a call, the reading of a global, or the making
//! of an instance.

use crate::script::Script;
use crate::values;
use mainspring::{Error, Extern, Result, Val, format_err};
use wast::token::Id;
use wast::{WastExecute, WastInvoke};

impl Script {
    /// Executes, and returns what came of it. A trap is an error that holds a `Trap`;
    /// anything that kept the script from getting that far is an error without one.
    pub(crate) fn execute(&mut self, exec: WastExecute<'_>) -> Result<Vec<Val>> {
        match exec {
            WastExecute::Invoke(call) => self.invoke(call),
            WastExecute::Get { module, global, .. } => {
                self.get(module, global).map(|value| vec![value])
            }
            WastExecute::Wat(module) => {
                let module = self.compile_wat(module).map_err(Error::msg)?;
                self.instantiate(&module).map(|_| Vec::new())
            }
        }
    }

    fn invoke(&mut self, call: WastInvoke<'_>) -> Result<Vec<Val>> {
        let Extern::Func(func) = self.export(call.module, call.name)? else {
            return Err(format_err!("the export `{}` is not a function", call.name));
        };
        let args = call
            .args
            .iter()
            .map(|arg| values::argument(&mut self.store, arg));
        let args = args.collect::<Result<Vec<_>>>()?;
        // The engine overwrites every result; what is put here first is never seen.
        let mut results = vec![Val::I32(0); func.ty(&self.store).results().len()];
        func.call(&mut self.store, &args, &mut results)?;
        Ok(results)
    }

    fn get(&mut self, module: Option<Id<'_>>, name: &str) -> Result<Val> {
        match self.export(module, name)? {
            Extern::Global(global) => Ok(global.get(&mut self.store)),
            _ => Err(format_err!("the export `{name}` is not a global")),
        }
    }

    fn export(&mut self, module: Option<Id<'_>>, name: &str) -> Result<Extern> {
        let instance = self.named(module)?;
        instance
            .get_export(&mut self.store, name)
            .ok_or_else(|| format_err!("the module has no export `{name}`"))
    }
}
