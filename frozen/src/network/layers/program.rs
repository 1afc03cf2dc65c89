//! Somebody's program as a node of a network; its outputs are the nodes behind it.
//!
//! Its layers are not known one by one, so libtorch's autograd carries the gradient back; the graph is recorded for the
//! input alone and lives as long as the pass. Of a program that gives no gradient (it rounds, ranks, or detaches), no graph
//! is recorded: it serves what needs forward passes only.

use std::fmt::Debug;

use tch::{Device, Kind, Tensor};

use super::super::layout::channels_last;
use crate::constant::Constant;

/// Why a program is no network, as a sentence about it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ProgramError(pub String);

/// Somebody's program: tensors for a tensor, by libtorch.
pub trait Program: Debug + Send + Sync {
    /// What it is written in, as messages call it.
    fn language(&self) -> &'static str;

    /// What to do about one that gives other numbers for the same input.
    fn how_to_settle(&self) -> &'static str;

    /// Where it runs, and the number type of its inputs and outputs.
    fn options(&self) -> (Kind, Device);

    /// Every parameter, in the program's order.
    fn parameters(&self) -> &[Constant];

    /// Moves it to another device and into another number type.
    fn to(&mut self, device: Device, kind: Kind);

    /// The outputs for `input` `[N,...]`, differentiable where that asks for a gradient: all of them, or at least the `wanted` ones by their
    /// number, as far as they are there for every input.
    ///
    /// # Errors
    /// If it fails, or returns what are no tensors.
    fn outputs(&self, input: &Tensor, wanted: Option<&[usize]>) -> Result<Outputs, ProgramError>;
}

/// What a program returns.
#[derive(Debug)]
pub struct Outputs {
    /// In its order; None where it returns None, or something that was not wanted.
    pub tensors: Vec<Option<Tensor>>,
    /// Their names, where it gives them.
    pub names: Option<Vec<String>>,
}

/// A program as a node of a network.
#[derive(Debug)]
pub(crate) struct Running {
    pub program: Box<dyn Program>,
    /// The numbers of its outputs that are nodes.
    pub outputs: Vec<usize>,
    /// Why it gives no gradient, if it gives none.
    no_gradient: Option<String>,
}

/// One run of a program, with what autograd recorded.
#[derive(Debug)]
pub(crate) struct Run {
    pub input: Tensor,
    pub language: &'static str,
    /// By node behind the program's; None where it was not wanted.
    pub outputs: Vec<Option<Tensor>>,
}

impl Running {
    /// Before it is known which outputs it has, and whether they carry gradients back.
    pub fn new(program: Box<dyn Program>) -> Running {
        Running { program, outputs: vec![], no_gradient: None }
    }

    /// Why it gives no gradient, if it gives none.
    pub fn no_gradient(&self) -> Option<&str> {
        self.no_gradient.as_deref()
    }

    /// Every parameter, in the program's order.
    pub fn parameters(&self) -> &[Constant] {
        self.program.parameters()
    }

    /// Moves it to another device and into another number type.
    pub fn to(&mut self, device: Device, kind: Kind) {
        self.program.to(device, kind);
    }

    /// Whether the program gives the same numbers for a sample twice, and beside others: not so in training mode, where it drops numbers
    /// out at random, or takes a batch norm's statistics from the batch.
    pub fn is_deterministic(&self, input: &[i64]) -> Result<bool, ProgramError> {
        let (kind, device) = self.program.options();
        let count = input.iter().product::<i64>();
        let row =
            |sample: i64| ((Tensor::arange(count, (Kind::Double, device)) + sample as f64 * 0.37) * 12.9898).sin() * 2.;
        let [one, other] = [0, 1].map(|sample| row(sample).reshape(input).to_kind(kind).unsqueeze(0));
        let [first, again, beside] = [one.shallow_clone(), one.shallow_clone(), Tensor::cat(&[one, other], 0)]
            .map(|input| self.try_run(&input, None));
        let (first, again, beside) = (first?.0, again?.0, beside?.0);
        let same = |x: &Tensor, y: &Tensor| {
            let scale = 1. + x.abs().max().double_value(&[]);
            (x - y).abs().max().double_value(&[]) <= 1e-3 * scale || x.isnan().any().int64_value(&[]) != 0
        };
        let triples = first.outputs.iter().zip(&again.outputs).zip(&beside.outputs);
        Ok(triples.into_iter().all(|triple| match triple {
            ((Some(first), Some(again)), Some(beside)) => same(first, again) && same(first, &beside.narrow(0, 0, 1)),
            ((None, None), None) => true,
            _ => false,
        }))
    }

    /// The shape of its last output for zeros `[samples, input]`.
    pub fn try_shape(&self, samples: i64, input: &[i64]) -> Result<Option<Vec<i64>>, ProgramError> {
        let shape: Vec<i64> = std::iter::once(samples).chain(input.iter().copied()).collect();
        let run = self.try_run(&Tensor::zeros(&shape[..], self.program.options()), None)?.0;
        Ok(run.outputs.last().and_then(|output| output.as_ref()).map(Tensor::size))
    }

    /// Tries whether a run's outputs, of these names, carry gradients back. If not, no graph is recorded from now on.
    pub fn try_gradient(&mut self, run: &Run, names: &[String]) {
        let detached = names.iter().zip(run.outputs.iter().flatten()).find(|(_, output)| !output.requires_grad());
        self.no_gradient = match detached {
            Some((name, _)) => Some(format!("output '{name}' does not depend on the input, or was detached from it")),
            None => {
                let gradients: Vec<_> =
                    run.outputs.iter().map(|output| output.as_ref().map(Tensor::zeros_like)).collect();
                run.try_pullback(&gradients).err().map(|ProgramError(reason)| reason)
            }
        };
    }

    /// The outputs that are `wanted`, by their place among the nodes, for `input` `[N,...]`; differentiable where a pullback `follows`, unless the
    /// program gives no gradient.
    ///
    /// # Panics
    /// If the program fails, which it did not for the same shape when the network was made or tried.
    pub fn run(&self, input: &Tensor, wanted: &[usize], follows: bool) -> Run {
        let numbers: Vec<usize> = wanted.iter().map(|&place| self.outputs[place]).collect();
        match self.tried(input, Some(&numbers), follows) {
            Ok((run, _)) => run,
            Err(error) => panic!("{}: {error}, for an input of {:?}", self.program.language(), input.size()),
        }
    }

    /// The outputs, and their names where the program gives them.
    pub fn try_run(
        &self,
        input: &Tensor,
        wanted: Option<&[usize]>,
    ) -> Result<(Run, Option<Vec<String>>), ProgramError> {
        self.tried(input, wanted, true)
    }

    fn tried(
        &self,
        input: &Tensor,
        wanted: Option<&[usize]>,
        follows: bool,
    ) -> Result<(Run, Option<Vec<String>>), ProgramError> {
        let is_followed = follows && self.no_gradient.is_none();
        let input = channels_last(&input.detach()).copy().set_requires_grad(is_followed);
        let Outputs { tensors, names } = self.program.outputs(&input, wanted)?;
        let mut tensors = tensors;
        let outputs = match &self.outputs[..] {
            // Before it is known which there are.
            [] => tensors,
            numbers => numbers.iter().map(|&number| tensors.get_mut(number).and_then(Option::take)).collect(),
        };
        Ok((Run { input, language: self.program.language(), outputs }, names))
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
            Err(error) => panic!("{}: {error}", self.language),
        }
    }

    fn try_pullback(&self, gradients: &[Option<Tensor>]) -> Result<Tensor, ProgramError> {
        let products = self.outputs.iter().zip(gradients).filter_map(|(output, gradient)| {
            let (output, gradient) = (output.as_ref()?, gradient.as_ref()?);
            Some(tch::with_grad(|| (output * gradient).sum(output.kind())))
        });
        let Some(sum) = products.reduce(|sum, product| tch::with_grad(|| sum + product)) else {
            return Ok(self.input.zeros_like());
        };
        // libtorch's interface takes neither a sum without a way back nor a gradient that is not there.
        let unreached = || ProgramError("its program does not carry a gradient back to its input".to_owned());
        if !sum.requires_grad() {
            return Err(unreached());
        }
        let gradients = Tensor::f_run_backward(&[sum], &[&self.input], false, false);
        let mut gradients =
            gradients.map_err(|error| ProgramError(format!("its program has no gradient: {}", first_line(&error))))?;
        let gradient = gradients.remove(0);
        if gradient.defined() { Ok(gradient.detach()) } else { Err(unreached()) }
    }
}

/// What libtorch has to say before its stack trace. The first line of a failing program only says that it failed, and the
/// last one why.
pub(crate) fn first_line(error: &tch::TchError) -> String {
    let message = match error {
        tch::TchError::Torch(message) => message.clone(),
        other => other.to_string(),
    };
    let lines: Vec<&str> =
        message.lines().map(str::trim).take_while(|line| !line.starts_with("Exception raised")).collect();
    let why = lines.iter().rev().find(|line| line.contains("Error: "));
    why.or(lines.first()).map(|line| (*line).to_owned()).unwrap_or_default()
}
