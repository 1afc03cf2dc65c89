//! What an architecture makes of its weights.

use frozen::network::Network;

use crate::code::Code;
use crate::conditioning::Conditioning;
use crate::output::Output;

/// What an architecture makes of its weights: a network, what goes into it, and what comes out of it.
#[derive(Debug)]
pub struct Built {
    /// Inputs to pictures. The input is `[N,C,h,w]` for a spatial code; otherwise `[N, numbers]`: the code, and behind it what
    /// the generator is conditioned on.
    pub network: Network,
    /// What a code is.
    pub code: Code,
    /// What makes codes out of standard normal numbers, where codes are not these numbers themselves.
    pub mapping: Option<Mapping>,
    /// What it is conditioned on, if it is.
    pub conditioning: Option<Conditioning>,
    /// What its numbers mean.
    pub output: Output,
    /// Height and width of its pictures.
    pub size: [i64; 2],
}

/// The network between the numbers that a generator's training drew and the codes of its space.
#[derive(Debug)]
pub struct Mapping {
    /// Standard normal numbers `[N,inputs]` to codes `[N,numbers]`.
    pub network: Network,
    /// How many numbers it takes.
    pub inputs: i64,
}

/// What an architecture makes of an encoder's weights.
#[derive(Debug)]
pub struct Encoding {
    /// Pictures `[N,3,H,W]`, in the range that it was trained with, to codes.
    pub network: Network,
    /// What pictures in `[0,1]` are multiplied by, and what is added then.
    pub range: [f64; 2],
    /// Height and width of the pictures.
    pub size: [i64; 2],
    /// The shape of a code of such a picture: `[d]`, or `[C,h,w]`.
    pub code: Vec<i64>,
}
