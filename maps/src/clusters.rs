//! Clusters of rows, in their own numbers and never in a map's: HDBSCAN (Campello, Moulavi & Sander 2013, "Density-Based Clustering Based on
//! Hierarchical Density Estimates") of the first principal components, since densities mean little in thousands of directions.

use hdbscan::{Hdbscan, HdbscanHyperParams};
use ndarray::ArrayView2;

use crate::pca::components;

/// Principal components that are clustered, at most.
pub const COMPONENTS: usize = 50;

/// The cluster of each of the `rows` `[N,D]`, the largest being 0; none where the density is too low for any. A cluster has `least` rows at least (2 or
/// more). `None` if there are fewer than 2 rows, or a number is not finite.
pub fn clusters(rows: ArrayView2<f32>, least: usize, seed: u64) -> Option<Vec<Option<u32>>> {
    let (n, d) = rows.dim();
    let found = components(rows, COMPONENTS.min(n).min(d), seed)?;
    let points: Vec<Vec<f32>> = found.rows.outer_iter().map(|row| row.to_vec()).collect();
    let settings = HdbscanHyperParams::builder().min_cluster_size(least.max(2)).build();
    let labels = Hdbscan::new(&points, settings).cluster().ok()?;
    let mut sizes: Vec<(usize, i32)> = vec![];
    for label in labels.iter().filter(|label| **label >= 0) {
        match sizes.iter_mut().find(|(_, of)| of == label) {
            Some((size, _)) => *size += 1,
            None => sizes.push((1, *label)),
        }
    }
    // Of equally large ones, that whose first row comes first.
    sizes.sort_by_key(|(size, _)| std::cmp::Reverse(*size));
    let number = |label: &i32| sizes.iter().position(|(_, of)| of == label).map(|place| place as u32);
    Some(labels.iter().map(number).collect())
}
