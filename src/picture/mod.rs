//! Pictures and tensors as files.

mod eight_bit;
mod npy;
mod whole;

pub use eight_bit::{from_rgb8, jpeg, read, to_rgb8};
pub use npy::read_npy;
