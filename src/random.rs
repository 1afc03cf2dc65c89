//! Every random number of a run, as a function of its seed, of what it is for, and of the step: never of what else runs
//! beside it, of the number of threads, or of libtorch's own generator.

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

/// The seed of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Seed(pub u64);

impl Seed {
    /// The seed of one of the pictures that a run optimizes together; the first one's is the run's own.
    pub fn of_facet(self, facet: usize) -> Seed {
        if facet == 0 { self } else { Seed(stream(self, Purpose::Facet, facet as u64).random()) }
    }
}

/// What random numbers are drawn for. Streams of different purposes are independent; the numbers are part of the format
/// and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The start of a picture or of a code.
    Start = 1,
    /// The start of a relaxed condition.
    Condition = 2,
    /// The transforms of a step.
    Transform = 3,
    /// The transforms that are drawn once an octave.
    OctaveTransform = 4,
    /// The noise on what the classifier sees in a step.
    Noise = 5,
    /// Components that a filter draws anew.
    Redraw = 6,
    /// The shift of the tiles of a step.
    Tiles = 7,
    /// A random direction in a layer.
    Direction = 8,
    /// The seeds of the facets of a run.
    Facet = 9,
    /// The candidates of a generation.
    Evolution = 10,
    /// Squares that are cut out of a photograph.
    Crop = 11,
    /// The random phases of a photograph.
    Phases = 12,
    /// A picture of blurred noise.
    BlurredNoise = 13,
    /// The order of permuted weights.
    PermutedWeights = 14,
    /// Which activations of a layer are ranked.
    Ranked = 15,
    /// Units, and photographs of other classes, that a unit is held against.
    Others = 16,
    /// The noise under which an activation must survive.
    Robustness = 17,
    /// What a picture is moved by whose unit nothing moves.
    Revival = 18,
    /// The photographs that a search of codes starts from.
    Photographs = 19,
    /// Units, pairs and numbers of a study with people.
    Study = 20,
    /// Where a picture is opaque at first.
    Cover = 21,
    /// What is behind a picture in a step, where it is not opaque.
    Background = 22,
    /// Which pictures are labelled.
    Labelled = 23,
    /// Where control masks lie, and what fills regions.
    Masks = 24,
}

/// The stream of one seed, purpose and step.
pub fn stream(seed: Seed, purpose: Purpose, step: u64) -> ChaCha12Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.0.to_le_bytes());
    key[8..16].copy_from_slice(&(purpose as u64).to_le_bytes());
    key[16..24].copy_from_slice(&step.to_le_bytes());
    ChaCha12Rng::from_seed(key)
}

/// `count` standard normal numbers from a stream.
pub fn normal(rng: &mut ChaCha12Rng, count: usize) -> Vec<f32> {
    let mut next = || -> f64 { StandardNormal.sample(rng) };
    (0..count).map(|_| next() as f32).collect()
}

/// Standard normal numbers, drawn anew while beyond 2 on either side (Brock, Donahue & Simonyan 2018, the truncation trick).
pub fn truncated_normal(rng: &mut ChaCha12Rng, count: usize) -> Vec<f32> {
    let mut next = || loop {
        let number: f64 = StandardNormal.sample(rng);
        if number.abs() <= 2. {
            return number as f32;
        }
    };
    (0..count).map(|_| next()).collect()
}

/// A random order of so many numbers.
pub fn order(rng: &mut ChaCha12Rng, count: usize) -> Vec<i64> {
    let mut order: Vec<i64> = (0..count as i64).collect();
    order.shuffle(rng);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_by_seed_purpose_and_step_and_by_nothing_else() {
        let draw = |seed, purpose, step| normal(&mut stream(Seed(seed), purpose, step), 4);
        let reference = draw(7, Purpose::Start, 0);
        assert_eq!(reference, draw(7, Purpose::Start, 0));
        assert_ne!(reference, draw(8, Purpose::Start, 0));
        assert_ne!(reference, draw(7, Purpose::Condition, 0));
        assert_ne!(reference, draw(7, Purpose::Start, 1));
    }

    #[test]
    fn normal_numbers_have_mean_0_and_deviation_1() {
        let numbers = normal(&mut stream(Seed(0), Purpose::Start, 0), 100_000);
        let mean = numbers.iter().sum::<f32>() / 1e5;
        let variance = numbers.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / 1e5;
        assert!(mean.abs() < 0.02 && (variance - 1.).abs() < 0.02, "{mean} {variance}");
    }
}
