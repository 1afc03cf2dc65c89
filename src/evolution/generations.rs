//! What a search without gradients is: generations of candidates, ranked by how well each did.

use ndarray::Array2;
use rand_chacha::ChaCha12Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::saved::Saved;

/// A search without gradients, of one run; it ascends.
pub trait Evolution {
    /// Draws the candidates of generation `generation` of `generations`.
    fn draw(&mut self, rng: &mut ChaCha12Rng, generation: usize, generations: usize);

    /// The candidates `[population, d]` that were drawn last.
    fn candidates(&self) -> Array2<f64>;

    /// How well they did, in their order; what is not a number did worst.
    fn tell(&mut self, fitness: &[f64]);

    /// Everything that changes, at any time; f64 and whole numbers.
    fn saved(&self) -> Saved;

    /// Goes on from what a search of the same settings saved; nothing if it does not fit, and the search is of no use then.
    #[must_use]
    fn restore(&mut self, saved: &Saved) -> Option<()>;
}

/// The numbers of the candidates, best first; ties in their order.
pub(super) fn ranked(fitness: &[f64]) -> Vec<usize> {
    let of = |i: usize| if fitness[i].is_nan() { f64::NEG_INFINITY } else { fitness[i] };
    let mut order: Vec<usize> = (0..fitness.len()).collect();
    order.sort_by(|&a, &b| of(b).total_cmp(&of(a)));
    order
}

/// The weights of the better half: ln((population + 1) / 2) - ln(rank), of sum 1 (Hansen 2016, equations 49 and 53).
pub(super) fn weights(population: usize) -> Vec<f64> {
    let half = population / 2;
    let raw: Vec<f64> = (1..=half).map(|rank| ((population as f64 + 1.) / 2.).ln() - (rank as f64).ln()).collect();
    let sum: f64 = raw.iter().sum();
    raw.into_iter().map(|weight| weight / sum).collect()
}

/// What of the covariance matrix a CMA-ES adapts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Variant {
    /// Its diagonal (Ros & Hansen 2008): linear in the number of dimensions.
    Diagonal,
    /// All of it, as a Cholesky factor (Krause, Arbonès & Igel 2016): quadratic in the number of dimensions.
    Cholesky,
}

/// The most dimensions of a search that keeps a whole covariance matrix: one of 8192 x 8192 takes 512 MiB a run.
pub const MOST_DIMENSIONS: usize = 8192;

/// An angle that falls.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Degrees {
    /// In the second generation: the first has no mean.
    pub from: f64,
    /// In the last one.
    pub to: f64,
}
