//! A margin around the picture (lucid, Olah et al. 2017: 12 px), so that what follows does not cut into it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::frame::Frame;

/// What lies outside of the picture, also where other transforms look there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fill {
    /// Middle grey (0.5).
    #[default]
    Grey,
    /// The nearest pixel of the edge.
    Edge,
    /// The picture, mirrored.
    Reflect,
}

/// Settings of the transform `pad`: so many pixels on every side, filled with grey, the edge or the mirrored picture.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pad {
    /// Width of the margin on each side.
    pub pixels: u32,
    /// What it is made of.
    #[serde(default)]
    pub fill: Fill,
}

impl Pad {
    pub(super) fn place(self, frame: &mut Frame) {
        frame.size = frame.size.map(|side| side + 2. * f64::from(self.pixels));
    }
}
