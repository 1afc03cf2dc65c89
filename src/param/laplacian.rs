//! A Laplacian pyramid as the trainable tensors, in decorrelated colours (Mordvintsev 2016, the DeepDream notebook; as a
//! parameterization lucid, the code of Olah et al. 2017): pictures of falling resolution, enlarged and added up, so that
//! one step moves large areas together.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::colour::Colour;
use super::levels::{Levels, Resolutions};

/// Settings of the param `laplacian`: levels of the pyramid, and the deviation of its random start.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LaplacianSpec {
    /// How many levels there are, from 1 to [`MOST_LEVELS`]; each has half the resolution of the one before.
    #[serde(default = "levels")]
    pub levels: usize,
    /// Standard deviation of the Gaussian noise that each level starts from.
    #[serde(default = "noise")]
    pub noise: f64,
    /// What the channels are.
    #[serde(default)]
    pub colour: Colour,
}

/// As in lucid.
fn levels() -> usize {
    4
}

fn noise() -> f64 {
    0.01
}

/// The names of the levels in a record, finest first.
const NAMES: [&str; MOST_LEVELS] =
    ["level_1", "level_2", "level_4", "level_8", "level_16", "level_32", "level_64", "level_128"];

/// The most levels that a pyramid may have.
pub const MOST_LEVELS: usize = 8;

/// Pyramids of a batch.
pub type Laplacian = Levels<LaplacianSpec>;

impl Resolutions for LaplacianSpec {
    fn sizes(&self, size: [i64; 2]) -> Vec<[i64; 2]> {
        (0..self.levels.clamp(1, MOST_LEVELS)).map(|level| size.map(|side| (side >> level).max(1))).collect()
    }

    fn noise(&self) -> f64 {
        self.noise
    }

    fn colour(&self) -> Colour {
        self.colour
    }

    fn state(&self, levels: Vec<Tensor>, _: Tensor) -> Vec<(&'static str, Tensor)> {
        NAMES.into_iter().zip(levels).collect()
    }
}
