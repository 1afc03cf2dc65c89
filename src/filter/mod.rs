//! Filters: what is done to the trainable tensors after every k-th step, outside of the loss.

mod clip_code;
mod shrink_code;

use serde::{Deserialize, Serialize};
use tch::Tensor;

/// How a method asks for one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FilterSpec {
    /// Sets numbers of a code beyond a limit to it.
    ClipCode {
        /// The largest absolute value, in standard deviations of the generator's prior.
        limit: f64,
    },
    /// Multiplies a code.
    ShrinkCode {
        /// By this.
        factor: f64,
    },
}

impl FilterSpec {
    /// Applies it to a code `[N,d]`, in place.
    pub fn apply(self, code: &mut Tensor) {
        match self {
            FilterSpec::ClipCode { limit } => clip_code::apply(limit, code),
            FilterSpec::ShrinkCode { factor } => shrink_code::apply(factor, code),
        }
    }
}
