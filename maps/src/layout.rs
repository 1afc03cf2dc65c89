//! UMAP's layout: points that are tied attract each other, points drawn at random repel, with steps that become smaller (McInnes, Healy & Melville 2018,
//! section 3.2, and umap-learn 0.5). Sequential, from principal components, so that a seed decides every byte.

use ndarray::{Array2, ArrayView2};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

use crate::graph::Tie;

/// umap-learn's curve 1 / (1 + a d^2b) for `min_dist` 0.1 and `spread` 1.
const A: f64 = 1.576_943_460_3;
const B: f64 = 0.895_060_878_2;

/// Points that repel, for one that attracts.
const REPELLED: usize = 5;

/// The longest step along an axis.
const LONGEST: f32 = 4.;

/// Half the width of what the layout starts from.
const WIDE: f32 = 10.;

/// Rounds, as umap-learn has them.
pub fn rounds(points: usize) -> usize {
    if points <= 10_000 { 500 } else { 200 }
}

/// Places in the plane `[N,2]` of points that are tied, from `start` `[N,2]` (principal components), which is made ten wide to either side. `done` is told how
/// many rounds are through.
pub fn layout(start: ArrayView2<f32>, ties: &[Tie], rounds: usize, seed: u64, done: &dyn Fn(usize)) -> Array2<f32> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let points = start.nrows();
    let widest = start.iter().fold(0f32, |most, value| most.max(value.abs()));
    let scale = if widest > 0. { WIDE / widest } else { 0. };
    let mut at: Vec<[f32; 2]> = (0..points)
        .map(|point| {
            [0, 1].map(|axis| {
                // What lies on top of each other must be able to part.
                let shaken: f64 = StandardNormal.sample(&mut random);
                start[[point, axis]] * scale + 1e-4 * shaken as f32
            })
        })
        .collect();
    let strongest = ties.iter().fold(0f32, |most, tie| most.max(tie.strength));
    // Each is drawn as often as it is strong; what would not be drawn once is left out.
    let drawn: Vec<(&Tie, f32)> = (ties.iter())
        .filter(|tie| tie.strength >= strongest / rounds as f32)
        .map(|tie| (tie, strongest / tie.strength))
        .collect();
    let mut due: Vec<f32> = drawn.iter().map(|(_, every)| *every).collect();
    for round in 0..rounds {
        let step = 1. - round as f32 / rounds as f32;
        for ((tie, every), due) in drawn.iter().zip(&mut due) {
            if *due > round as f32 + 1. {
                continue;
            }
            *due += every;
            // A tie is one edge for either end.
            for [from, to] in [tie.between, [tie.between[1], tie.between[0]]] {
                let (from, to) = (from as usize, to as usize);
                let pull = attracted(at[from], at[to]);
                for axis in 0..2 {
                    at[from][axis] += step * pull[axis];
                    at[to][axis] -= step * pull[axis];
                }
                for _ in 0..REPELLED {
                    let other = random.random_range(0..points);
                    if other == from {
                        continue;
                    }
                    let push = repelled(at[from], at[other]);
                    for axis in 0..2 {
                        at[from][axis] += step * push[axis];
                    }
                }
            }
        }
        done(round + 1);
    }
    Array2::from_shape_fn((points, 2), |(point, axis)| at[point][axis])
}

fn squared(a: [f32; 2], b: [f32; 2]) -> f32 {
    (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2)
}

fn along(a: [f32; 2], b: [f32; 2], factor: f64) -> [f32; 2] {
    [0, 1].map(|axis| ((factor as f32) * (a[axis] - b[axis])).clamp(-LONGEST, LONGEST))
}

/// The gradient of the logarithm of the curve.
fn attracted(a: [f32; 2], b: [f32; 2]) -> [f32; 2] {
    let squared = f64::from(squared(a, b));
    if squared == 0. {
        return [0.; 2];
    }
    let power = squared.powf(B - 1.);
    along(a, b, -2. * A * B * power / (A * power * squared + 1.))
}

/// The gradient of the logarithm of one less the curve.
fn repelled(a: [f32; 2], b: [f32; 2]) -> [f32; 2] {
    let squared = f64::from(squared(a, b));
    if squared == 0. {
        return [0.; 2];
    }
    along(a, b, 2. * B / ((0.001 + squared) * (A * squared.powf(B) + 1.)))
}
