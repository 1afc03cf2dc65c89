//! L2 decay of a code: a Gaussian prior on it (Nguyen et al. 2016, 2017; -log p(z) of a standard normal distribution is
//! half the sum of squares, so a weight of 1/2 is the prior's own).

use tch::{Kind, Tensor};

/// weight * |z|^2 of each sample `[N]`; subtracts its gradient.
pub fn apply(weight: f64, code: &Tensor, gradient: &mut Tensor) -> Tensor {
    *gradient -= code * (2. * weight);
    code.square().sum_dim_intlist(1i64, false, None::<Kind>) * weight
}
