//! A program of TorchScript, as `torch.jit.save` writes it. Unlike every other file of weights it is run.
//!
//! Its layers are not known one by one, so libtorch's autograd carries the gradient back; the graph is recorded for the
//! input alone and lives as long as the pass. Of a program that gives no gradient (it rounds, ranks, or detaches), no graph
//! is recorded: it serves what needs forward passes only.

use std::path::{Path, PathBuf};

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
    path: PathBuf,
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
    /// In the program's order, those that are no tensors left out.
    pub outputs: Vec<Tensor>,
    /// Which of what the program returns are tensors: it may return None.
    pub present: Vec<bool>,
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
        let module = Script::module(path, Device::Cpu).map_err(foreign)?;
        let (path, kind, device) = (path.to_owned(), Kind::Float, Device::Cpu);
        let mut script = Script { path, module, parameters: vec![], kind, device, no_gradient: None };
        script.freeze().map_err(foreign)?;
        if script.parameters.iter().any(|parameter| parameter.kind() != Kind::Float) {
            script.module.to(Device::Cpu, Kind::Float, false);
        }
        Ok(script)
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

    /// Why it gives no gradient, if it gives none.
    pub(crate) fn no_gradient(&self) -> Option<&str> {
        self.no_gradient.as_deref()
    }

    /// Whether the program gives the same numbers for a sample twice, and beside others: not so in training mode, where it drops numbers
    /// out at random, or takes a batch norm's statistics from the batch.
    pub(crate) fn is_deterministic(&self, input: &[i64]) -> Result<bool, ScriptError> {
        let count = input.iter().product::<i64>();
        let row = |sample: i64| {
            ((Tensor::arange(count, (Kind::Double, self.device)) + sample as f64 * 0.37) * 12.9898).sin() * 2.
        };
        let [one, other] = [0, 1].map(|sample| row(sample).reshape(input).to_kind(self.kind).unsqueeze(0));
        let [first, again, beside] =
            [one.shallow_clone(), one.shallow_clone(), Tensor::cat(&[one, other], 0)].map(|input| self.try_run(&input));
        let (first, again, beside) = (first?.0, again?.0, beside?.0);
        let same = |x: &Tensor, y: &Tensor| {
            let scale = 1. + x.abs().max().double_value(&[]);
            (x - y).abs().max().double_value(&[]) <= 1e-3 * scale || x.isnan().any().int64_value(&[]) != 0
        };
        let pairs = first.outputs.iter().zip(&again.outputs).zip(&beside.outputs);
        Ok(pairs.into_iter().all(|((first, again), beside)| same(first, again) && same(first, &beside.narrow(0, 0, 1))))
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
        let present: Vec<bool> = outputs.iter().map(Option::is_some).collect();
        let names = names.map(|names| kept(names, &present));
        Ok((Run { input, outputs: outputs.into_iter().flatten().collect(), present }, names))
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

/// Those of a list whose place is marked.
pub(crate) fn kept<T>(list: Vec<T>, present: &[bool]) -> Vec<T> {
    list.into_iter().zip(present).filter_map(|(item, present)| present.then_some(item)).collect()
}

/// Tensors and None in a row, and their names where the program gives them.
type Returned = (Vec<Option<Tensor>>, Option<Vec<String>>);

/// What a program returned: tensors, None, and in their names where it returned a dictionary. What is nested is in one row.
fn outputs(returned: IValue) -> Result<Returned, ScriptError> {
    let wrong = || {
        ScriptError(
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
    if found.iter().all(Option::is_none) { Err(wrong()) } else { Ok((found, names)) }
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
