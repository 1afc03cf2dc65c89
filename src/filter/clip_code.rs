//! Clipping of a code to what its prior makes likely (Nguyen et al. 2016 clip each dimension to 0 … mean + 3 deviations of
//! the activations that their generator inverts; a Gaussian code has mean 0 on both sides).

use tch::Tensor;

/// To [-limit, limit].
pub fn apply(limit: f64, code: &Tensor) -> Tensor {
    code.clamp(-limit, limit)
}
