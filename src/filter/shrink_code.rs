//! L2 decay of a code as a factor at every step (Nguyen et al. 2016: 0.99).

use tch::Tensor;

/// Times `factor`.
pub fn apply(factor: f64, code: &Tensor) -> Tensor {
    code * factor
}
