//! The transforms of a method, as YAML spells them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::crop::Crop;
use super::jitter::Jitter;
use super::noise::Noise;
use super::pad::Pad;
use super::rotate::Rotate;
use super::scale::Scale;
use crate::error::{Result, bail_at};

/// How a method asks for one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum TransformSpec {
    /// A margin around the picture.
    Pad(Pad),
    /// A random shift.
    Jitter(Jitter),
    /// A random zoom.
    Scale(Scale),
    /// A random turn.
    Rotate(Rotate),
    /// A random square part.
    Crop(Crop),
    /// Gaussian noise.
    Noise(Noise),
}

impl TransformSpec {
    /// Refuses values that cannot work.
    ///
    /// # Errors
    /// Says which.
    pub fn check(self) -> Result<()> {
        let between = |name: &str, value: f64, low: f64, high: f64| {
            if !(low..=high).contains(&value) {
                bail_at!(format!("transforms.{name}"), "{value} is not between {low} and {high}");
            }
            Ok(())
        };
        let ordered = |name: &str, from: f64, to: f64| {
            if from > to {
                bail_at!(format!("transforms.{name}"), "from {from} is more than to {to}");
            }
            Ok(())
        };
        match self {
            TransformSpec::Pad(pad) => between("pad.pixels", f64::from(pad.pixels), 0., 1024.),
            TransformSpec::Jitter(jitter) => between("jitter.pixels", f64::from(jitter.pixels), 0., 1024.),
            TransformSpec::Scale(Scale { from, to }) => {
                between("scale.from", from, 0.1, 10.)?;
                between("scale.to", to, 0.1, 10.)?;
                ordered("scale", from, to)
            }
            TransformSpec::Rotate(rotate) => between("rotate.degrees", rotate.degrees, 0., 180.),
            TransformSpec::Crop(Crop { from, to }) => {
                between("crop.from", from, 0.01, 1.)?;
                between("crop.to", to, 0.01, 1.)?;
                ordered("crop", from, to)
            }
            TransformSpec::Noise(noise) => between("noise.std", noise.std, 0., 10.),
        }
    }
}
