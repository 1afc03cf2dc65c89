//! Searches without gradients: each generation proposes candidates, is told how well each did, and moves on. They need
//! forward passes only, so they serve classifiers that give no gradient.
//!
//! Every run of a batch has a search of its own; the candidates of all of them are evaluated together. All of it is small
//! beside the forward passes, and runs on the host in 64-bit floats.

mod cma_es;
mod generations;
mod genetic;
mod spec;
mod spherical;

pub use cma_es::CmaEs;
pub use generations::{Degrees, Evolution, MOST_DIMENSIONS, Variant};
pub use genetic::Genetic;
pub use spec::{CmaEsSpec, EvolutionSpec, GeneticSpec, SphericalSpec};
pub use spherical::Spherical;
