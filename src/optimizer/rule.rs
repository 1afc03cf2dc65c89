//! What an update rule is.

use tch::Tensor;

/// The gradient with the pull of a weight decay towards 0.
pub(super) fn less_decay(gradient: &Tensor, weight_decay: f64, tensor: &Tensor) -> Tensor {
    if weight_decay == 0. { gradient.shallow_clone() } else { gradient - tensor * weight_decay }
}

/// An update rule.
pub trait Optimizer {
    /// Moves `tensors` (each `[N,…]`, in place) up along `gradients`, at step `step` (from 0) of `steps`.
    fn ascend(&mut self, tensors: &[Tensor], gradients: &[Tensor], step: usize, steps: usize);

    /// All that it remembers from step to step, `[N,…]` each; shared, so that it can be written in place.
    fn state(&self) -> Vec<Tensor>;
}
