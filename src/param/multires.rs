//! A sum of pictures at many resolutions, from a single pixel to the picture's own, as the trainable tensors (Fort & Whitaker 2025, "Direct Ascent Synthesis:
//! Revealing Hidden Generative Capabilities in Discriminative Models"): what is spread over many scales at once looks natural without a generator, since a
//! step moves all scales alike, and noise moves the finest alone.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::colour::Colour;
use super::levels::{Levels, Resolutions};

/// Settings of the param `multires`: how many resolutions, the deviation of the random start, the colours.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MultiresSpec {
    /// How many resolutions there are, from 2 to [`MOST_RESOLUTIONS`], evenly spaced from 1 pixel to the picture's side.
    #[serde(default = "resolutions")]
    pub resolutions: usize,
    /// Standard deviation of the Gaussian noise that each starts from.
    #[serde(default)]
    pub noise: f64,
    /// What the channels are.
    #[serde(default = "rgb")]
    pub colour: Colour,
}

fn resolutions() -> usize {
    32
}

fn rgb() -> Colour {
    Colour::Rgb
}

/// The most resolutions.
pub const MOST_RESOLUTIONS: usize = 512;

/// Sums of a batch.
pub type Multires = Levels<MultiresSpec>;

impl Resolutions for MultiresSpec {
    fn sizes(&self, size: [i64; 2]) -> Vec<[i64; 2]> {
        let last = self.resolutions.clamp(2, MOST_RESOLUTIONS) as i64 - 1;
        // Rounded; small pictures have fewer different ones.
        let at = |level: i64| size.map(|side| 1 + ((side - 1) * level + last / 2) / last);
        let mut sizes: Vec<[i64; 2]> = (0..=last).rev().map(at).collect();
        sizes.dedup();
        sizes
    }

    fn noise(&self) -> f64 {
        self.noise
    }

    fn colour(&self) -> Colour {
        self.colour
    }

    fn state(&self, _: Vec<Tensor>, channels: Tensor) -> Vec<(&'static str, Tensor)> {
        vec![("channels", channels)]
    }
}
