//! A random shift by whole pixels (Mordvintsev et al. 2015, "Inceptionism": jitter).

use rand::RngExt;
use rand_chacha::ChaCha12Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::frame::{Drawn, Every};

/// What happens at the edges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Edge {
    /// The canvas becomes smaller by `pixels`, at a random place, as in lucid.
    #[default]
    Crop,
    /// What leaves on one side comes in on the other: a shift by up to `pixels` in each direction, as in DeepDream.
    Wrap,
}

/// Settings of the transform `jitter` (Mordvintsev et al. 2015): a random shift by up to `pixels` in each direction.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Jitter {
    /// Largest shift; with `edge: crop`, the number of places less one.
    pub pixels: u32,
    /// What happens at the edges.
    #[serde(default)]
    pub edge: Edge,
    /// How often it is drawn.
    #[serde(default)]
    pub every: Every,
}

impl Jitter {
    pub(super) fn place(self, drawn: &mut Drawn, rng: &mut ChaCha12Rng) {
        let pixels = i64::from(self.pixels);
        match self.edge {
            Edge::Wrap => drawn.roll = drawn.roll.map(|before| before + rng.random_range(-pixels..=pixels)),
            Edge::Crop => {
                let frame = &mut drawn.frame;
                // At least one pixel is left.
                let cut = frame.size.map(|side| (pixels as f64).min(side - 1.).max(0.));
                let offset = cut.map(|cut| rng.random_range(0..=cut as i64) as f64 - cut / 2.);
                frame.then([1., 0., offset[1], 0., 1., offset[0]]);
                frame.size = [frame.size[0] - cut[0], frame.size[1] - cut[1]];
            }
        }
    }
}
