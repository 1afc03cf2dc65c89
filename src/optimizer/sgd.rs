//! Stochastic gradient descent with momentum (Polyak 1964; Sutskever et al. 2013, "On the importance of initialization and
//! momentum in deep learning"), as `torch.optim.SGD` computes it, upwards.

use tch::Tensor;

use super::rule::{Optimizer, less_decay};
use super::step_size::StepSize;

/// u = g - weight_decay x; b = momentum b + (1 - dampening) u; x += lr b. With Nesterov's variant x += lr (u + momentum b).
#[derive(Debug)]
pub struct Sgd {
    lr: StepSize,
    momentum: f64,
    dampening: f64,
    nesterov: bool,
    weight_decay: f64,
    /// b of each tensor; none without momentum.
    velocities: Vec<Tensor>,
}

impl Sgd {
    /// For these tensors, at rest.
    pub fn new(
        lr: StepSize,
        momentum: f64,
        dampening: f64,
        nesterov: bool,
        weight_decay: f64,
        tensors: &[Tensor],
    ) -> Sgd {
        let velocities = if momentum == 0. { vec![] } else { tensors.iter().map(Tensor::zeros_like).collect() };
        Sgd { lr, momentum, dampening, nesterov, weight_decay, velocities }
    }
}

impl Optimizer for Sgd {
    fn ascend(&mut self, tensors: &[Tensor], gradients: &[Tensor], step: usize, steps: usize) {
        let lr = self.lr.at(step, steps);
        // The first gradient enters whole; told by the step, so that restored velocities need no mark.
        let share = if step == 0 { 1. } else { 1. - self.dampening };
        for (i, (tensor, gradient)) in tensors.iter().zip(gradients).enumerate() {
            let mut upwards = less_decay(gradient, self.weight_decay, tensor);
            if let Some(velocity) = self.velocities.get_mut(i) {
                let _ = velocity.g_mul_scalar_(self.momentum).g_add_(&(&upwards * share));
                upwards = if self.nesterov { upwards + &*velocity * self.momentum } else { velocity.shallow_clone() };
            }
            let _ = tensor.shallow_clone().g_add_(&(upwards * lr));
        }
    }

    fn state(&self) -> Vec<Tensor> {
        self.velocities.iter().map(Tensor::shallow_clone).collect()
    }
}
