//! Energy distance of two samples (Székely & Rizzo 2013, "Energy statistics: A class of statistics based on distances"),
//! and a permutation test of it for pairs.

use ndarray::{Array2, ArrayView2, Axis, concatenate};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::distance::{euclidean, finite};

/// How far apart two samples are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Energy {
    /// E = 2 E|X-Y| - E|X-X'| - E|Y-Y'|, 0 and up, in the unit of the features. Means are over all pairs, a row with
    /// itself included.
    pub distance: f64,
    /// H = E / (2 E|X-Y|), 0 to 1; 0 where all rows are equal.
    pub normalized: f64,
}

/// The distances of all pairs of the rows of `x` and `y` together, m + n of them.
fn pooled<A: Copy + Into<f64>>(x: ArrayView2<A>, y: ArrayView2<A>) -> Option<Array2<f64>> {
    if x.nrows() == 0 || y.nrows() == 0 || x.ncols() != y.ncols() {
        return None;
    }
    let rows = concatenate(Axis(0), &[finite(x)?.view(), finite(y)?.view()]).ok()?;
    euclidean(rows.view(), rows.view()).filter(|distances| distances.sum().is_finite())
}

/// The energy distance where the first `m` of `order` are X and the others Y.
fn energy_of(distances: &Array2<f64>, order: &[usize], m: usize) -> Energy {
    let (x, y) = order.split_at(m);
    let sum = |a: &[usize], b: &[usize]| -> f64 {
        a.iter().map(|i| b.iter().map(|j| distances[[*i, *j]]).sum::<f64>()).sum()
    };
    let (m, n) = (x.len() as f64, y.len() as f64);
    let between = 2. * sum(x, y) / (m * n);
    let distance = (between - sum(x, x) / (m * m) - sum(y, y) / (n * n)).max(0.);
    Energy { distance, normalized: if between > 0. { distance / between } else { 0. } }
}

/// The energy distance of `x [m,d]` and `y [n,d]`. `None` if one is empty, if the widths differ, or if a value or the sum
/// of all distances is not finite.
pub fn energy<A: Copy + Into<f64>>(x: ArrayView2<A>, y: ArrayView2<A>) -> Option<Energy> {
    let distances = pooled(x, y)?;
    let order: Vec<usize> = (0..distances.nrows()).collect();
    Some(energy_of(&distances, &order, x.nrows()))
}

/// The p value of the energy distance of `x [n,d]` and `y [n,d]`, whose rows are pairs, if in each pair either could have been
/// the other: (#{permuted >= observed} + 1)/(`permutations` + 1). `None` as for [`energy`], and if the numbers of rows differ
/// or there are no permutations.
pub fn paired_permutation_p<A: Copy + Into<f64>>(
    x: ArrayView2<A>,
    y: ArrayView2<A>,
    permutations: usize,
    seed: u64,
) -> Option<f64> {
    if x.nrows() != y.nrows() || permutations == 0 {
        return None;
    }
    let distances = pooled(x, y)?;
    let n = x.nrows();
    let mut order: Vec<usize> = (0..2 * n).collect();
    let observed = energy_of(&distances, &order, n).distance;
    // A permutation that gives the same sets sums in another order: that must not make it smaller.
    let rounding = 1e-12 * distances.mean()?;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut count = 0;
    for _ in 0..permutations {
        for pair in 0..n {
            if rng.random() {
                order.swap(pair, n + pair);
            }
        }
        count += usize::from(energy_of(&distances, &order, n).distance >= observed - rounding);
    }
    Some((count + 1) as f64 / (permutations + 1) as f64)
}
