//! Step sizes (learning rates): constant, or a linear ramp.

use std::fmt;

use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

/// A step size: constant, or going linearly from one value at the first step to another at the last.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum StepSize {
    /// The same at every step.
    Constant(f64),
    /// `from` at the first step, `to` at the last.
    Linear(Ramp),
}

/// A value that changes linearly.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ramp {
    /// At the first step.
    pub from: f64,
    /// At the last step.
    pub to: f64,
}

/// By hand, so that an error names the key and its place; an untagged enum's says that nothing matched.
impl<'de> Deserialize<'de> for StepSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<StepSize, D::Error> {
        struct OfStepSize;
        impl<'de> Visitor<'de> for OfStepSize {
            type Value = StepSize;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, or { from, to },")
            }
            fn visit_f64<E>(self, size: f64) -> Result<StepSize, E> {
                Ok(StepSize::Constant(size))
            }
            fn visit_i64<E>(self, size: i64) -> Result<StepSize, E> {
                Ok(StepSize::Constant(size as f64))
            }
            fn visit_u64<E>(self, size: u64) -> Result<StepSize, E> {
                Ok(StepSize::Constant(size as f64))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<StepSize, A::Error> {
                Ramp::deserialize(MapAccessDeserializer::new(map)).map(StepSize::Linear)
            }
        }
        deserializer.deserialize_any(OfStepSize)
    }
}

impl StepSize {
    /// At step `step` (from 0) of `steps`.
    pub fn at(self, step: usize, steps: usize) -> f64 {
        match self {
            StepSize::Constant(size) => size,
            StepSize::Linear(Ramp { from, to }) => {
                from + (to - from) * step as f64 / steps.saturating_sub(1).max(1) as f64
            }
        }
    }
}
