//! L2 decay of a code: a Gaussian prior on it (Nguyen et al. 2016, 2017; -log p(z) of a standard normal distribution is
//! half the sum of squares, so a weight of 1/2 is the prior's own).

use tch::{Kind, Tensor};

/// weight * |z|^2 of each sample `[N]` of codes `[N,…]`, and its gradient.
pub fn value_and_gradient(weight: f64, code: &Tensor) -> (Tensor, Tensor) {
    (code.square().flatten(1, -1).sum_dim_intlist(1i64, false, None::<Kind>) * weight, code * (2. * weight))
}
