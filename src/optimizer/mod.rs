//! Optimizers: what a step does with a gradient. All of them ascend; every sample of a batch has its own state.

mod adam;
mod normalized;

pub use adam::Adam;
pub use normalized::NormalizedSgd;

use serde::{Deserialize, Serialize};
use tch::Tensor;

/// A step size: constant, or going linearly from one value at the first step to another at the last.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum StepSize {
    /// The same at every step.
    Constant(f64),
    /// `from` at the first step, `to` at the last.
    Linear {
        /// At the first step.
        from: f64,
        /// At the last step.
        to: f64,
    },
}

impl StepSize {
    /// At step `step` (from 0) of `steps`.
    pub fn at(self, step: usize, steps: usize) -> f64 {
        match self {
            StepSize::Constant(size) => size,
            StepSize::Linear { from, to } => from + (to - from) * step as f64 / steps.saturating_sub(1).max(1) as f64,
        }
    }
}

/// How a method asks for an optimizer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum OptimizerSpec {
    /// Kingma & Ba 2015.
    Adam {
        /// Step size.
        lr: StepSize,
        /// Decay of the first moment.
        #[serde(default = "beta1")]
        beta1: f64,
        /// Decay of the second moment.
        #[serde(default = "beta2")]
        beta2: f64,
    },
    /// A step of a given mean absolute size (Nguyen et al. 2016).
    NormalizedSgd {
        /// Mean absolute change of a sample's numbers in one step.
        lr: StepSize,
    },
}

fn beta1() -> f64 {
    0.9
}

fn beta2() -> f64 {
    0.999
}

impl OptimizerSpec {
    /// The optimizer of these tensors, its state that of a first step.
    pub fn build(self, tensors: &[Tensor]) -> Box<dyn Optimizer> {
        match self {
            OptimizerSpec::Adam { lr, beta1, beta2 } => Box::new(Adam::new(lr, beta1, beta2, tensors)),
            OptimizerSpec::NormalizedSgd { lr } => Box::new(NormalizedSgd::new(lr)),
        }
    }
}

/// An update rule.
pub trait Optimizer {
    /// Moves `tensors` (each `[N,…]`, in place) up along `gradients`, at step `step` (from 0) of `steps`.
    fn ascend(&mut self, tensors: &[Tensor], gradients: &[Tensor], step: usize, steps: usize);

    /// What it remembers from step to step, `[N,…]` each; shared, so that it can be written in place.
    fn state(&self) -> Vec<Tensor>;
}
