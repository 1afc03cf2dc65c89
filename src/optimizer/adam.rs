//! Adam (Kingma & Ba 2015, "Adam: A Method for Stochastic Optimization"), as `torch.optim.Adam` computes it, upwards.

use tch::Tensor;

use super::rule::{Optimizer, less_decay};
use super::step_size::StepSize;

/// As in `torch.optim.Adam`.
const EPS: f64 = 1e-8;

/// Adam; weight decay enters the gradient before the moments (not decoupled as in AdamW).
#[derive(Debug)]
pub struct Adam {
    lr: StepSize,
    beta1: f64,
    beta2: f64,
    weight_decay: f64,
    /// First and second moment of each tensor.
    moments: Vec<(Tensor, Tensor)>,
}

impl Adam {
    /// For these tensors, with moments of 0.
    pub fn new(lr: StepSize, beta1: f64, beta2: f64, weight_decay: f64, tensors: &[Tensor]) -> Adam {
        let moments = tensors.iter().map(|t| (t.zeros_like(), t.zeros_like())).collect();
        Adam { lr, beta1, beta2, weight_decay, moments }
    }
}

impl Optimizer for Adam {
    fn ascend(&mut self, tensors: &[Tensor], gradients: &[Tensor], step: usize, steps: usize) {
        let count = step as i32 + 1;
        let size = self.lr.at(step, steps) / (1. - self.beta1.powi(count));
        let correction = (1. - self.beta2.powi(count)).sqrt();
        for ((tensor, gradient), (first, second)) in tensors.iter().zip(gradients).zip(&mut self.moments) {
            let gradient = &less_decay(gradient, self.weight_decay, tensor);
            let _ = first.lerp_(gradient, 1. - self.beta1);
            let _ = second.g_mul_scalar_(self.beta2).addcmul_(&(gradient * (1. - self.beta2)), gradient);
            let deviation = second.sqrt() / correction + EPS;
            let _ = tensor.shallow_clone().addcdiv_(&(&*first * size), &deviation);
        }
    }

    fn state(&self) -> Vec<Tensor> {
        self.moments.iter().flat_map(|(first, second)| [first.shallow_clone(), second.shallow_clone()]).collect()
    }
}
