//! Gradient ascent with a gradient of size 1, so that the step does not depend on the gradient's own: mean absolute value
//! (Mordvintsev et al. 2015, the notebook of DeepDream; Nguyen et al. 2016, in the code of "Synthesizing the preferred inputs for
//! neurons in neural networks via deep generator networks"), root mean square, standard deviation (later notebooks of
//! DeepDream) or Euclidean norm.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::rule::Optimizer;
use super::step_size::StepSize;

/// What of a sample's gradient is made 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GradientNorm {
    /// The mean absolute value: the step size is the mean absolute change of a number.
    #[default]
    MeanAbs,
    /// The root mean square.
    Rms,
    /// The standard deviation (of all, not of a sample of them).
    Std,
    /// The Euclidean norm: the step size is the distance that a sample goes.
    L2,
}

impl GradientNorm {
    /// Of each sample, `[N,1,…]`.
    fn of(self, gradient: &Tensor) -> Tensor {
        let others: Vec<i64> = (1..gradient.dim() as i64).collect();
        let mean = |numbers: &Tensor| numbers.mean_dim(others.as_slice(), true, None::<Kind>);
        match self {
            GradientNorm::MeanAbs => mean(&gradient.abs()),
            GradientNorm::Rms => mean(&gradient.square()).sqrt(),
            GradientNorm::Std => mean(&(gradient - mean(gradient)).square()).sqrt(),
            GradientNorm::L2 => gradient.square().sum_dim_intlist(others.as_slice(), true, None::<Kind>).sqrt(),
        }
    }
}

/// x += lr * g / |g|, the norm over each sample.
#[derive(Debug)]
pub struct NormalizedSgd {
    lr: StepSize,
    norm: GradientNorm,
}

impl NormalizedSgd {
    /// With steps of this size.
    pub fn new(lr: StepSize, norm: GradientNorm) -> NormalizedSgd {
        NormalizedSgd { lr, norm }
    }
}

impl Optimizer for NormalizedSgd {
    fn ascend(&mut self, tensors: &[Tensor], gradients: &[Tensor], step: usize, steps: usize) {
        let lr = self.lr.at(step, steps);
        for (tensor, gradient) in tensors.iter().zip(gradients) {
            let _ = tensor.shallow_clone().g_add_(&(gradient / self.norm.of(gradient).clamp_min(1e-30) * lr));
        }
    }

    fn state(&self) -> Vec<Tensor> {
        vec![]
    }
}
