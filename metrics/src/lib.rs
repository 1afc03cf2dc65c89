//! How legible and how faithful pictures are, and whether a difference is more than chance: pure Rust on `ndarray`, one
//! file a metric.
//!
//! Numbers go in, numbers come out: features, activations and pictures are computed elsewhere. Where a metric has no
//! value (too few samples, a constant, a number that is not finite, or one so large that its powers are not) the answer is
//! `None`, never NaN and never a panic.

pub mod bootstrap;
pub mod coding;
pub mod contingency;
pub mod coverage;
mod distance;
pub mod effect;
pub mod joint;
pub mod kid;
pub mod luminance;
pub mod multiple;
pub mod niqe;
pub mod normal;
pub mod permutation;
pub mod prevalence;
pub mod rank;
pub mod separation;
pub mod spectrum;
pub mod two_choice;
pub mod variation;
