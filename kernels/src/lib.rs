//! Loops over numbers in memory for which libtorch has no operator that is fast enough, on slices alone: convolutions and their
//! gradients with the activation functions around them, few rows times a matrix, local response normalization.
//!
//! Each is written once and compiled for AVX-512, for AVX2 with FMA, and for any processor (`lanes.rs`); which
//! one runs is found out when the program does. All sum in an order that depends on neither the number of threads nor on what
//! else is in the batch, so that a sample is rounded the same alone and among others; processors of different widths may round
//! differently.
//!
//! Pictures are channels-last: `[N,H,W,C]` in memory.

mod bits;
pub mod convolution;
pub mod depthwise;
pub mod few_channels;
pub mod few_rows;
mod lanes;
pub mod passing;
pub mod response_norm;
mod threads;

pub use bits::{Bits, Mask};
pub use lanes::{Processor, processor};
pub use threads::{can_share, on_threads};
