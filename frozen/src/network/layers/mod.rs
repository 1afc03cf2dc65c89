//! The layers by family: each is a struct whose forward pass and pullback stand next to each other. A new one is a struct here,
//! and a method of the builder that puts it into a network.

pub(super) mod arithmetic;
pub(super) mod attention;
pub(super) mod convolution;
pub(super) mod elementwise;
pub(super) mod fir;
pub(super) mod linear;
pub(super) mod norm;
pub(super) mod pool;
mod positions;
pub(super) mod quantization;
pub(super) mod script;
pub(super) mod shape;
pub(super) mod transposed;
pub(super) mod upsampled;
