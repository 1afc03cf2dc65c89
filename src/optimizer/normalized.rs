//! Gradient ascent with a gradient of mean absolute value 1 (Nguyen et al. 2016, in the code of "Synthesizing the preferred
//! inputs for neurons in neural networks via deep generator networks"): the step does not depend on the gradient's size.

use tch::{Kind, Tensor};

use super::{Optimizer, StepSize};

/// x += lr * g / mean|g|, the mean over each sample.
#[derive(Debug)]
pub struct NormalizedSgd {
    lr: StepSize,
}

impl NormalizedSgd {
    /// With steps of this mean absolute size.
    pub fn new(lr: StepSize) -> NormalizedSgd {
        NormalizedSgd { lr }
    }
}

impl Optimizer for NormalizedSgd {
    fn ascend(&mut self, tensors: &[Tensor], gradients: &[Tensor], step: usize, steps: usize) {
        let lr = self.lr.at(step, steps);
        for (tensor, gradient) in tensors.iter().zip(gradients) {
            let others: Vec<i64> = (1..gradient.dim() as i64).collect();
            let mean = gradient.abs().mean_dim(others.as_slice(), true, None::<Kind>).clamp_min(1e-30);
            let _ = tensor.shallow_clone().g_add_(&(gradient / mean * lr));
        }
    }

    fn state(&self) -> Vec<Tensor> {
        vec![]
    }
}
