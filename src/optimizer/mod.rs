//! Optimizers: what a step does with a gradient. All of them ascend; every sample of a batch has its own state.

mod adam;
mod normalized;
mod rule;
mod sgd;
mod spec;
mod step_size;

pub use adam::Adam;
pub use normalized::{GradientNorm, NormalizedSgd};
pub use rule::Optimizer;
pub use sgd::Sgd;
pub use spec::OptimizerSpec;
pub use step_size::{Ramp, StepSize};
