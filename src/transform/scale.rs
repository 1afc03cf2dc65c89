//! A random zoom about the centre (Olah et al. 2017). The canvas keeps its size: what no longer fits is cut off, and what is
//! missing is filled; lucid lets the picture's size change instead, which a batch of one size cannot.

use rand::RngExt;
use rand_chacha::ChaCha12Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::frame::Frame;

/// Settings of the transform `scale`: a factor, uniform between two.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    /// Smallest factor.
    pub from: f64,
    /// Largest factor.
    pub to: f64,
}

impl Scale {
    pub(super) fn place(self, frame: &mut Frame, rng: &mut ChaCha12Rng) {
        let factor = 1. / rng.random_range(self.from..=self.to);
        frame.then([factor, 0., 0., 0., factor, 0.]);
    }
}
