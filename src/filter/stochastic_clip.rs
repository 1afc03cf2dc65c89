//! Stochastic clipping (Lipton & Tripathi 2017, "Precise Recovery of Latent Vectors from Generative Adversarial
//! Networks"): a number that leaves its range is drawn anew from all of it, where ordinary clipping would leave it at the
//! end, which is as unlikely a place as any beyond it.

use tch::Tensor;

/// The tensor with every number outside of `[low, high]` replaced by `low + (high - low) * drawn`; `drawn` holds uniform
/// numbers in [0,1) in the tensor's shape. Numbers that are not finite and not infinite (NaN) stay, so that a failure
/// stays visible.
pub fn apply(tensor: &Tensor, low: f64, high: f64, drawn: &Tensor) -> Tensor {
    let outside = tensor.lt(low).logical_or(&tensor.gt(high));
    (drawn * (high - low) + low).where_self(&outside, tensor)
}
