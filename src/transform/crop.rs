//! A random square part of the picture, enlarged to the classifier's input (Fel et al. 2023, MACO): the unit must fire for
//! the parts, not for the whole alone.

use rand::RngExt;
use rand_chacha::ChaCha12Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::frame::Frame;

/// Settings of the transform `crop`: the side of the part is a fraction of the canvas, uniform between two, anywhere inside.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Crop {
    /// Smallest fraction.
    pub from: f64,
    /// Largest fraction, at most 1.
    pub to: f64,
}

impl Crop {
    pub(super) fn place(self, frame: &mut Frame, rng: &mut ChaCha12Rng) {
        let part = rng.random_range(self.from..=self.to);
        let offset = frame.size.map(|side| (rng.random_range(0. ..=1.) - 0.5) * (1. - part) * side);
        frame.then([part, 0., offset[1], 0., part, offset[0]]);
    }
}
