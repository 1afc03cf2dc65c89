//! A program of TorchScript, as `torch.jit.save` writes it. Unlike every other file of weights it is run.
//!
//! Its layers are not known one by one, so libtorch's autograd carries the gradient back; the graph is recorded for the
//! input alone and lives as long as the pass. Of a program that gives no gradient (it rounds, ranks, or detaches), no graph
//! is recorded: it serves what needs forward passes only.

use std::path::Path;

use tch::{CModule, Device, IValue, Kind, Tensor};

use super::super::layout::channels_last;
use crate::constant::Constant;

/// Why a program is no network, as a sentence about its file.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ScriptError(pub String);

/// A program whose parameters are constants.
#[derive(Debug)]
pub struct Script {
    module: CModule,
    parameters: Vec<Constant>,
    kind: Kind,
    device: Device,
    /// Why it gives no gradient, if it gives none.
    no_gradient: Option<String>,
}

/// One run of a program, with what autograd recorded.
#[derive(Debug)]
pub(crate) struct Run {
    input: Tensor,
    /// In the program's order.
    pub outputs: Vec<Tensor>,
}

impl Script {
    /// Reads a program: on the CPU, f32, in evaluation mode, no parameter asking for a gradient.
    ///
    /// # Errors
    /// If the file holds none.
    pub fn load(path: &Path) -> Result<Script, ScriptError> {
        let foreign = |error: tch::TchError| {
            let line = first_line(&error);
            let why = line.split(". ").next().unwrap_or_default();
            ScriptError(format!("is not TorchScript as torch.jit.save writes it (a state_dict is not): {why}"))
        };
        let mut module = CModule::load_on_device(path, Device::Cpu).map_err(foreign)?;
        module.f_set_eval().map_err(foreign)?;
        let mut script =
            Script { module, parameters: vec![], kind: Kind::Float, device: Device::Cpu, no_gradient: None };
        script.freeze().map_err(foreign)?;
        if script.parameters.iter().any(|parameter| parameter.kind() != Kind::Float) {
            script.to(Device::Cpu, Kind::Float);
        }
        Ok(script)
    }

    fn freeze(&mut self) -> Result<(), tch::TchError> {
        let named = self.module.named_parameters()?;
        self.parameters = named.into_iter().map(|(_, parameter)| parameter.set_requires_grad(false).into()).collect();
        Ok(())
    }

    /// Why it gives no gradient, if it gives none.
    pub(crate) fn no_gradient(&self) -> Option<&str> {
        self.no_gradient.as_deref()
    }

    /// Runs on zeros: so many samples of the shape `input`.
    pub(crate) fn try_shape(&self, samples: i64, input: &[i64]) -> Result<(Run, Option<Vec<String>>), ScriptError> {
        let shape: Vec<i64> = std::iter::once(samples).chain(input.iter().copied()).collect();
        self.try_run(&Tensor::zeros(&shape[..], (self.kind, self.device)))
    }

    /// Where it runs, and the number type of its inputs and outputs.
    pub(crate) fn options(&self) -> (Kind, Device) {
        (self.kind, self.device)
    }

    /// Every parameter, in the program's order.
    pub(crate) fn parameters(&self) -> &[Constant] {
        &self.parameters
    }

    /// Moves it to another device and into another number type.
    pub(crate) fn to(&mut self, device: Device, kind: Kind) {
        self.module.to(device, kind, false);
        (self.kind, self.device) = (kind, device);
    }

    /// Tries whether a run's outputs, of these names, carry gradients back. If not, no graph is recorded from now on.
    pub(crate) fn try_gradient(&mut self, run: &Run, names: &[String]) {
        let detached = names.iter().zip(&run.outputs).find(|(_, output)| !output.requires_grad());
        self.no_gradient = match detached {
            Some((name, _)) => Some(format!("output '{name}' does not depend on the input, or was detached from it")),
            None => {
                let gradients: Vec<_> = run.outputs.iter().map(|output| Some(output.zeros_like())).collect();
                run.try_pullback(&gradients).err().map(|ScriptError(reason)| reason)
            }
        };
    }

    /// The outputs for `input` `[N,...]`, differentiable unless the program gives no gradient.
    ///
    /// # Panics
    /// If the program fails, which it did not for the same shape when the network was made or tried.
    pub(crate) fn run(&self, input: &Tensor) -> Run {
        match self.try_run(input) {
            Ok((run, _)) => run,
            Err(error) => panic!("TorchScript: {error}, for an input of {:?}", input.size()),
        }
    }

    /// The outputs, and their names where the program gives them.
    fn try_run(&self, input: &Tensor) -> Result<(Run, Option<Vec<String>>), ScriptError> {
        let input = channels_last(&input.detach()).copy().set_requires_grad(self.no_gradient.is_none());
        // The optimizer rewrites a program after its first runs, which rounds differently from then on.
        tch::jit::set_graph_executor_optimize(false);
        let returned = tch::with_grad(|| self.module.forward_is(&[IValue::Tensor(input.shallow_clone())]));
        tch::jit::set_graph_executor_optimize(true);
        let returned = returned.map_err(|error| ScriptError(format!("its program fails: {}", first_line(&error))))?;
        let (outputs, names) = outputs(returned)?;
        Ok((Run { input, outputs }, names))
    }
}

impl Run {
    /// The gradient of the input, given those of some outputs.
    ///
    /// # Panics
    /// If the program has no gradient.
    pub fn pullback(&self, gradients: &[Option<Tensor>]) -> Tensor {
        match self.try_pullback(gradients) {
            Ok(gradient) => gradient,
            Err(error) => panic!("TorchScript: {error}"),
        }
    }

    fn try_pullback(&self, gradients: &[Option<Tensor>]) -> Result<Tensor, ScriptError> {
        let products = self.outputs.iter().zip(gradients).filter_map(|(output, gradient)| {
            gradient.as_ref().map(|gradient| tch::with_grad(|| (output * gradient).sum(output.kind())))
        });
        let Some(sum) = products.reduce(|sum, product| tch::with_grad(|| sum + product)) else {
            return Ok(self.input.zeros_like());
        };
        let gradients = Tensor::f_run_backward(&[sum], &[&self.input], false, false);
        let mut gradients =
            gradients.map_err(|error| ScriptError(format!("its program has no gradient: {}", first_line(&error))))?;
        Ok(gradients.remove(0).detach())
    }
}

/// The tensors that a program returned, and their names where it returned a dictionary.
fn outputs(returned: IValue) -> Result<(Vec<Tensor>, Option<Vec<String>>), ScriptError> {
    let wrong = || {
        ScriptError(
            "its program returns something else than a tensor, or a tuple, list or dictionary of tensors".into(),
        )
    };
    let of_list = |values: Vec<IValue>| {
        let tensors = values.into_iter().map(|value| match value {
            IValue::Tensor(tensor) => Ok(tensor),
            _ => Err(wrong()),
        });
        tensors.collect::<Result<Vec<Tensor>, ScriptError>>()
    };
    let (tensors, names) = match returned {
        IValue::Tensor(tensor) => (vec![tensor], None),
        IValue::TensorList(tensors) => (tensors, None),
        IValue::Tuple(values) | IValue::GenericList(values) => (of_list(values)?, None),
        IValue::GenericDict(pairs) => {
            let (keys, values): (Vec<IValue>, Vec<IValue>) = pairs.into_iter().unzip();
            let names = keys.into_iter().map(|key| match key {
                IValue::String(name) => Ok(name),
                _ => Err(wrong()),
            });
            let names = names.collect::<Result<Vec<String>, ScriptError>>()?;
            (of_list(values)?, Some(names))
        }
        _ => return Err(wrong()),
    };
    if tensors.is_empty() { Err(wrong()) } else { Ok((tensors, names)) }
}

/// What libtorch has to say before its stack trace. The first line of a failing program only says that it failed, and the
/// last one why.
fn first_line(error: &tch::TchError) -> String {
    let message = match error {
        tch::TchError::Torch(message) => message.clone(),
        other => other.to_string(),
    };
    let lines: Vec<&str> =
        message.lines().map(str::trim).take_while(|line| !line.starts_with("Exception raised")).collect();
    let why = lines.iter().rev().find(|line| line.contains("Error: "));
    why.or(lines.first()).map(|line| (*line).to_owned()).unwrap_or_default()
}
