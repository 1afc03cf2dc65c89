//! UMAP's fuzzy graph (McInnes, Healy & Melville 2018, "UMAP: Uniform Manifold Approximation and Projection"), as umap-learn 0.5 computes it: each row is
//! joined to its neighbours by how near they are on its own scale, and two rows by either being joined to the other.

use crate::neighbours::Neighbours;

/// Steps of the search for a row's scale.
const STEPS: usize = 64;

/// How exactly the sum of a row's ties must be met.
const MET: f64 = 1e-5;

/// A scale is at least this share of the mean distance.
const LEAST: f64 = 1e-3;

/// A tie of two rows, the lower place first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tie {
    /// The places of the rows.
    pub between: [u32; 2],
    /// How strong it is, above 0 and at most 1.
    pub strength: f32,
}

/// The fuzzy graph of `n_neighbors - 1` neighbours a row: umap-learn counts a row among its own. Ties in the order of their places.
pub fn fuzzy(neighbours: &Neighbours) -> Vec<Tie> {
    let (rows, count) = neighbours.places.dim();
    // Of umap-learn's mean over all, each row itself is one of the neighbours.
    let mean = |sum: f64, rows: usize| sum / (rows * (count + 1)) as f64;
    let overall = mean(neighbours.distances.iter().map(|distance| f64::from(*distance)).sum(), rows);
    let target = ((count + 1) as f64).log2();
    let mut ties: Vec<(u32, u32, f64)> = Vec::with_capacity(rows * count);
    for (row, (places, distances)) in neighbours.places.outer_iter().zip(neighbours.distances.outer_iter()).enumerate()
    {
        let nearest = distances.iter().copied().find(|distance| *distance > 0.).map_or(0., f64::from);
        let beyond: Vec<f64> = distances.iter().map(|distance| f64::from(*distance) - nearest).collect();
        let mut scale = scale(&beyond, target);
        let own = mean(distances.iter().map(|distance| f64::from(*distance)).sum(), 1);
        scale = scale.max(LEAST * if nearest > 0. { own } else { overall });
        for (place, beyond) in places.iter().zip(beyond) {
            let strength = if beyond <= 0. || scale == 0. { 1. } else { (-beyond / scale).exp() };
            ties.push((row as u32, *place, strength));
        }
    }
    let mut both: Vec<(u32, u32, f64)> =
        ties.into_iter().map(|(a, b, strength)| (a.min(b), a.max(b), strength)).collect();
    both.sort_by_key(|way| (way.0, way.1));
    let joined = both.chunk_by(|x, y| (x.0, x.1) == (y.0, y.1)).map(|ways| {
        // Of a from b and b from a: either.
        let strength = ways.iter().fold(0., |all, way| all + way.2 - all * way.2);
        Tie { between: [ways[0].0, ways[0].1], strength: strength as f32 }
    });
    joined.filter(|tie| tie.strength > 0.).collect()
}

/// The scale on which the ties of a row, by how far each neighbour is beyond the nearest one, sum up to `target`.
fn scale(beyond: &[f64], target: f64) -> f64 {
    let (mut low, mut high, mut scale) = (0., f64::INFINITY, 1.);
    for _ in 0..STEPS {
        let sum: f64 = beyond.iter().map(|of| if *of > 0. { (-of / scale).exp() } else { 1. }).sum();
        if (sum - target).abs() < MET {
            break;
        }
        if sum > target {
            high = scale;
            scale = (low + high) / 2.;
        } else {
            low = scale;
            scale = if high.is_infinite() { scale * 2. } else { (low + high) / 2. };
        }
    }
    scale
}
