//! The layers by family: each is a struct whose forward pass and pullback stand next to each other. A new one is a struct here,
//! and a method of the builder that puts it into a network.

pub(crate) mod arithmetic;
pub(crate) mod attention;
pub(crate) mod convolution;
pub(crate) mod elementwise;
pub(crate) mod fir;
pub(crate) mod linear;
pub(crate) mod norm;
pub(crate) mod pool;
mod positions;
pub(crate) mod program;
pub(crate) mod quantization;
pub(crate) mod script;
pub(crate) mod shape;
pub(crate) mod squeezed;
pub(crate) mod transposed;
pub(crate) mod upsampled;
