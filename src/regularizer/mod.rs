//! Regularizers: penalties that are subtracted from the activation.

mod code_decay;

use serde::{Deserialize, Serialize};
use tch::Tensor;

/// How a method asks for one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum RegularizerSpec {
    /// Pulls a code towards zero.
    CodeDecay {
        /// Factor of the sum of squares.
        weight: f64,
    },
}

impl RegularizerSpec {
    /// Its column in a trace.
    pub fn name(self) -> &'static str {
        match self {
            RegularizerSpec::CodeDecay { .. } => "code_decay",
        }
    }

    /// The penalty of each sample `[N]`; its gradient is subtracted from `gradient`.
    pub fn apply(self, code: &Tensor, gradient: &mut Tensor) -> Tensor {
        match self {
            RegularizerSpec::CodeDecay { weight } => code_decay::apply(weight, code, gradient),
        }
    }
}
