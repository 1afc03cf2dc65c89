//! L2 decay of a picture as a factor (Yosinski et al. 2015: 1 - theta_decay in every step).

use tch::Tensor;

use crate::param::GREY;

/// The picture's distance from grey, times `factor`.
pub fn apply(factor: f64, picture: &Tensor) -> Tensor {
    picture * factor + GREY * (1. - factor)
}
