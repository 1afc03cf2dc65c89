//! Frozen neural networks on libtorch: weight files, folded layers, taps, gradients to the input alone.

mod constant;
pub mod imported;
pub mod load;
pub mod network;
pub mod recognize;
pub mod resize;
pub mod weights;
mod wire;

pub use constant::Constant;
