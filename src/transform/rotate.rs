//! A random turn about the centre (Olah et al. 2017).

use rand::RngExt;
use rand_chacha::ChaCha12Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::frame::Frame;

/// Settings of the transform `rotate`: an angle, uniform between -`degrees` and `degrees`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotate {
    /// The largest angle.
    pub degrees: f64,
}

impl Rotate {
    pub(super) fn place(self, frame: &mut Frame, rng: &mut ChaCha12Rng) {
        let (sin, cos) = rng.random_range(-self.degrees..=self.degrees).to_radians().sin_cos();
        frame.then([cos, -sin, 0., sin, cos, 0.]);
    }
}
