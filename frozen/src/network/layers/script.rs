//! A program of TorchScript, as `torch.jit.save` writes it. Unlike every other file of weights it is run.

use std::path::{Path, PathBuf};

use tch::{CModule, Device, IValue, Kind, Tensor};

use super::super::graph::Network;
use super::super::program::network;
use super::program::{Outputs, Program, ProgramError, first_line};
use crate::constant::Constant;

/// A program whose parameters are constants.
#[derive(Debug)]
pub struct Script {
    path: PathBuf,
    module: CModule,
    parameters: Vec<Constant>,
    kind: Kind,
    device: Device,
}

impl Script {
    /// Reads a program: on the CPU, f32, in evaluation mode, no parameter asking for a gradient.
    ///
    /// # Errors
    /// If the file holds none.
    pub fn load(path: &Path) -> Result<Script, ProgramError> {
        let foreign = |error: tch::TchError| {
            let line = first_line(&error);
            let why = line.split(". ").next().unwrap_or_default();
            ProgramError(format!("is not TorchScript as torch.jit.save writes it (a state_dict is not): {why}"))
        };
        let module = Script::module(path, Device::Cpu).map_err(foreign)?;
        let (path, kind, device) = (path.to_owned(), Kind::Float, Device::Cpu);
        let mut script = Script { path, module, parameters: vec![], kind, device };
        script.freeze().map_err(foreign)?;
        if script.parameters.iter().any(|parameter| parameter.kind() != Kind::Float) {
            script.module.to(Device::Cpu, Kind::Float, false);
        }
        Ok(script)
    }

    /// The network of this program for inputs of the shape `input` (without the batch dimension), as [`network`] makes it.
    ///
    /// # Errors
    /// Those of [`network`].
    pub fn network(self, input: &[i64], names: Option<&[String]>) -> Result<Network, ProgramError> {
        network(Box::new(self), input, names)
    }

    fn module(path: &Path, device: Device) -> Result<CModule, tch::TchError> {
        let mut module = CModule::load_on_device(path, device)?;
        module.f_set_eval()?;
        Ok(module)
    }

    fn freeze(&mut self) -> Result<(), tch::TchError> {
        let named = self.module.named_parameters()?;
        self.parameters = named.into_iter().map(|(_, parameter)| parameter.set_requires_grad(false).into()).collect();
        Ok(())
    }
}

impl Program for Script {
    fn language(&self) -> &'static str {
        "TorchScript"
    }

    fn how_to_settle(&self) -> &'static str {
        "it was made in training mode; call model.eval() before torch.jit.trace or torch.jit.script"
    }

    fn options(&self) -> (Kind, Device) {
        (self.kind, self.device)
    }

    fn parameters(&self) -> &[Constant] {
        &self.parameters
    }

    fn to(&mut self, device: Device, kind: Kind) {
        // libtorch would make floats of whole numbers, too: of buffers that are indices, for one. A program that keeps its kind is
        // read again for another device.
        if kind != self.kind {
            self.module.to(device, kind, false);
        } else if device != self.device {
            match Script::module(&self.path, device) {
                Ok(module) => self.module = module,
                Err(_) => self.module.to(device, kind, false),
            }
            // It was read before, and has the parameters that it had.
            let _ = self.freeze();
        }
        (self.kind, self.device) = (kind, device);
    }

    /// It computes all of its outputs, whichever are wanted.
    fn outputs(&self, input: &Tensor, _wanted: Option<&[usize]>) -> Result<Outputs, ProgramError> {
        // The optimizer rewrites a program after its first runs, which rounds differently from then on.
        tch::jit::set_graph_executor_optimize(false);
        let returned = tch::with_grad(|| self.module.forward_is(&[IValue::Tensor(input.shallow_clone())]));
        tch::jit::set_graph_executor_optimize(true);
        let returned = returned.map_err(|error| ProgramError(format!("its program fails: {}", first_line(&error))))?;
        outputs(returned)
    }
}

/// What a program returned: tensors, None, and in their names where it returned a dictionary. What is nested is in one row.
fn outputs(returned: IValue) -> Result<Outputs, ProgramError> {
    let wrong = || {
        ProgramError(
            "its program returns something else than a tensor, or a tuple, list or dictionary of tensors".into(),
        )
    };
    fn flat(value: IValue, into: &mut Vec<Option<Tensor>>, depth: usize) -> bool {
        match value {
            IValue::Tensor(tensor) => into.push(Some(tensor)),
            IValue::None => into.push(None),
            IValue::TensorList(tensors) => into.extend(tensors.into_iter().map(Some)),
            IValue::Tuple(values) | IValue::GenericList(values) if depth < 8 => {
                return values.into_iter().all(|value| flat(value, into, depth + 1));
            }
            _ => return false,
        }
        true
    }
    let mut found = vec![];
    let names = match returned {
        IValue::GenericDict(pairs) => {
            let mut names = vec![];
            for (key, value) in pairs {
                let (IValue::String(name), before) = (key, found.len()) else { return Err(wrong()) };
                if !flat(value, &mut found, 1) {
                    return Err(wrong());
                }
                match found.len() - before {
                    1 => names.push(name),
                    several => names.extend((0..several).map(|number| format!("{name}.{number}"))),
                }
            }
            Some(names)
        }
        value => {
            if !flat(value, &mut found, 0) {
                return Err(wrong());
            }
            None
        }
    };
    if found.iter().all(Option::is_none) { Err(wrong()) } else { Ok(Outputs { tensors: found, names }) }
}
