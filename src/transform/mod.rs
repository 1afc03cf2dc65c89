//! Transforms: random changes between picture and classifier in every step, so that the unit must fire whatever they do
//! ("transformation robustness", Mordvintsev et al. 2015; Olah et al. 2017). Each sample's are a function of its seed and
//! of the step.
//!
//! Everything geometric (pad, jitter, scale, rotate, crop) composes into one affine map and costs one resampling; wrapped
//! jitter is a rotation of the rows and columns, exact, and comes first; noise is added last.

mod crop;
mod frame;
mod jitter;
mod lookup;
mod noise;
mod pad;
mod rotate;
mod scale;
mod spec;
mod transforms;

pub use crop::Crop;
pub use frame::Every;
pub use jitter::{Edge, Jitter};
pub use noise::Noise;
pub use pad::{Fill, Pad};
pub use rotate::Rotate;
pub use scale::Scale;
pub use spec::TransformSpec;
pub use transforms::Transforms;
