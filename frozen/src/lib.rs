//! Frozen neural networks on libtorch: weight files, folded layers, taps, gradients to the input alone, the model zoo.

mod constant;
pub mod load;
pub mod network;
pub mod resize;
pub mod suggest;
pub mod weights;
pub mod yaml;
pub mod zoo;

pub use constant::Constant;
