//! A figure with its interval, or the reason why there is none.

use serde::{Deserialize, Serialize};

/// A figure: an estimate, with its interval where it has one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The estimate, in the metric's own range and never clipped. None where it was not computed.
    pub value: Option<f64>,
    /// Ends of its interval at the level of the settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<[f64; 2]>,
    /// Units that it rests on.
    #[serde(default)]
    pub units: usize,
    /// Pictures that it rests on.
    #[serde(default)]
    pub pictures: usize,
    /// Why there is no value, or no interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_not: Option<String>,
}
