//! Whether pictures that have a property lie together among others, in numbers that say nothing of the property: among their neighbours, and on one
//! side of a plane. Both are held against the same with the property dealt out anew.

use nalgebra::{DMatrix, DVector};
use ndarray::{Array1, ArrayView2, Axis};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::two_choice::accuracy;

/// Parts of a cross-validation; so many rows have to have a property, and to lack it.
pub const FOLDS: usize = 5;

/// The ridge, as a share of the mean squared length of the centred rows.
const RIDGE: f64 = 0.1;

/// A figure, and how often chance does as well.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Separated {
    /// The figure.
    pub value: f64,
    /// Its mean where the property is dealt out anew.
    pub chance: f64,
    /// (#{as large or larger} + 1)/(permutations + 1).
    pub p: f64,
}

/// The share of the `count` nearest neighbours (by the distance of the rows `[N,D]`, Euclidean, of rows of unit length) of pictures that have the property which have it too, 0 to 1.
/// `None` if the numbers of rows and labels differ, fewer than 2 have it or lack it, there are not more than `count` rows, or no permutation is asked for.
pub fn purity(rows: ArrayView2<f64>, has: &[bool], count: usize, permutations: usize, seed: u64) -> Option<Separated> {
    let n = is_sound(rows, has, permutations)?;
    if count == 0 || count >= n {
        return None;
    }
    let unit = centred(rows, false)?;
    let near: Vec<Vec<usize>> = (0..n)
        .map(|place| {
            let mut others: Vec<(f64, usize)> = (0..n)
                .filter(|other| *other != place)
                .map(|other| (-unit.row(place).dot(&unit.row(other)), other))
                .collect();
            others.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            others.into_iter().take(count).map(|(_, other)| other).collect()
        })
        .collect();
    held(has, permutations, seed, |has| {
        let (mut same, mut all) = (0, 0);
        for (near, _) in near.iter().zip(has).filter(|(_, has)| **has) {
            same += near.iter().filter(|other| has[**other]).count();
            all += near.len();
        }
        Some(same as f64 / all as f64)
    })
}

/// The area under the ROC curve, 0 to 1, of a linear probe that tells pictures with the property from those without by the rows `[N,D]` (of unit length): ridge
/// regression, each picture judged by a probe that has not seen it (five parts that have the property equally often, areas averaged over the parts). `None` as with
/// [`purity`], or if fewer than five have the property or lack it.
pub fn probe(rows: ArrayView2<f64>, has: &[bool], permutations: usize, seed: u64) -> Option<Separated> {
    let n = is_sound(rows, has, permutations)?;
    let with = has.iter().filter(|has| **has).count();
    if with < FOLDS || n - with < FOLDS {
        return None;
    }
    let unit = centred(rows, true)?;
    let mut products = DMatrix::from_fn(n, n, |a, b| unit.row(a).dot(&unit.row(b)));
    let ridge = RIDGE * products.trace() / n as f64;
    (0..n).for_each(|place| products[(place, place)] += ridge);
    // With G = (K + ridge I)^-1 of all rows, what a probe fitted without the part S says of S is t_S - (G_SS)^-1 (G t)_S, whatever the target t is on S: one
    // inverse serves every part and every permutation.
    let inverse = products.cholesky()?.inverse();
    let of_ones = inverse.column_sum();
    held(has, permutations, seed, |has| {
        let parts = parts(has, seed);
        let target = DVector::from_fn(n, |row, _| f64::from(u8::from(has[row])));
        let of_target = &inverse * &target;
        let mut areas = 0.;
        for part in &parts {
            let inside = part.iter().filter(|place| has[**place]).count();
            let share = (with - inside) as f64 / (n - part.len()) as f64;
            let own = DMatrix::from_fn(part.len(), part.len(), |a, b| inverse[(part[a], part[b])]);
            let left = DVector::from_fn(part.len(), |row, _| of_target[part[row]] - share * of_ones[part[row]]);
            let residual = own.cholesky()?.solve(&left);
            let scores = |side: bool| -> Vec<f64> {
                let of = part.iter().enumerate().filter(|(_, place)| has[**place] == side);
                of.map(|(row, place)| target[*place] - share - residual[row]).collect()
            };
            areas += accuracy(&scores(true), &scores(false))?;
        }
        Some(areas / FOLDS as f64)
    })
}

/// How like each of `others` `[M,D]` is to rows `[N,D]` that have the property, by the probes of [`probe`]: 0 as rows without it that a probe has not seen, 1 as those
/// with it, in the mean of the five probes; it is below 0 and above 1 beyond these. `None` as with [`probe`], if rows differ in width, or if the probes do not tell the rows that they have not seen.
pub fn likeness(rows: ArrayView2<f64>, has: &[bool], others: ArrayView2<f64>, seed: u64) -> Option<Vec<f64>> {
    is_sound(rows, has, 1)?;
    let with = has.iter().filter(|has| **has).count();
    if with < FOLDS || has.len() - with < FOLDS || rows.ncols() != others.ncols() {
        return None;
    }
    let mut unit = centred(rows, false)?;
    let mean = unit.mean_axis(Axis(0))?;
    unit -= &mean;
    let others = centred(others, false)? - &mean;
    let ridge = RIDGE * unit.iter().map(|value| value * value).sum::<f64>() / has.len() as f64;
    // Sums over the probes: what each says above its rows without the property, and how far its rows with it lie above those.
    let mut gap = 0.;
    let mut like = Array1::<f64>::zeros(others.nrows());
    for part in parts(has, seed) {
        let mut inside = vec![false; has.len()];
        part.iter().for_each(|place| inside[*place] = true);
        let own: Vec<usize> = (0..has.len()).filter(|place| !inside[*place]).collect();
        let rows = unit.select(Axis(0), &own);
        let share = own.iter().filter(|place| has[**place]).count() as f64 / own.len() as f64;
        let mut gram = rows.dot(&rows.t());
        gram.diag_mut().mapv_inplace(|value| value + ridge);
        let gram = DMatrix::from_fn(own.len(), own.len(), |a, b| gram[(a, b)]);
        let target = DVector::from_fn(own.len(), |row, _| f64::from(u8::from(has[own[row]])) - share);
        let weights = gram.cholesky()?.solve(&target);
        let direction = rows.t().dot(&Array1::from_iter(weights.iter().copied()));
        let side = |side: bool| {
            let of: Vec<f64> = part
                .iter()
                .filter(|place| has[**place] == side)
                .map(|place| unit.row(*place).dot(&direction))
                .collect();
            of.iter().sum::<f64>() / of.len() as f64
        };
        let low = side(false);
        gap += side(true) - low;
        like += &(others.dot(&direction) - low);
    }
    (gap > 0.).then(|| (like / gap).to_vec())
}

/// Rows in five parts by chance, which have the property equally often.
fn parts(has: &[bool], seed: u64) -> Vec<Vec<usize>> {
    let mut random = ChaCha8Rng::seed_from_u64(seed ^ 0x5eed);
    let mut parts = vec![vec![]; FOLDS];
    for side in [true, false] {
        let mut places: Vec<usize> = (0..has.len()).filter(|place| has[*place] == side).collect();
        places.shuffle(&mut random);
        places.iter().enumerate().for_each(|(number, place)| parts[number % FOLDS].push(*place));
    }
    parts
}

/// How many rows there are, if they are as many as labels and there is something to tell apart.
fn is_sound(rows: ArrayView2<f64>, has: &[bool], permutations: usize) -> Option<usize> {
    let with = has.iter().filter(|has| **has).count();
    let sound = rows.nrows() == has.len() && with >= 2 && has.len() - with >= 2 && permutations > 0;
    (sound && rows.iter().all(|value| value.is_finite())).then_some(has.len())
}

/// Rows of unit length, less their mean if that is asked for.
fn centred(rows: ArrayView2<f64>, mean: bool) -> Option<ndarray::Array2<f64>> {
    let mut unit = rows.to_owned();
    for mut row in unit.outer_iter_mut() {
        let length = row.dot(&row).sqrt();
        if length > 0. {
            row.mapv_inplace(|value| value / length);
        }
    }
    if mean {
        let mean = unit.mean_axis(Axis(0))?;
        unit -= &mean;
    }
    Some(unit)
}

fn held(has: &[bool], permutations: usize, seed: u64, figure: impl Fn(&[bool]) -> Option<f64>) -> Option<Separated> {
    let value = figure(has)?;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (mut dealt, mut sum, mut as_large) = (has.to_vec(), 0., 0);
    for _ in 0..permutations {
        dealt.shuffle(&mut random);
        let other = figure(&dealt)?;
        sum += other;
        // Sums of the same numbers in another order count as equal.
        as_large += usize::from(other >= value - 1e-12);
    }
    Some(Separated { value, chance: sum / permutations as f64, p: (as_large + 1) as f64 / (permutations + 1) as f64 })
}
