//! The nearest neighbours of every row, exactly.

use ndarray::{Array2, ArrayView2, Axis, s};

use crate::spread::blocks;

/// Rows that are compared with all others at once: their products stay in the cache.
const BLOCK: usize = 128;

/// How far apart two rows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distance {
    /// The root of the sum of squared differences.
    Euclidean,
    /// The sum of absolute differences.
    Manhattan,
    /// One less the cosine, 0 to 2; of a row of zeros, 1.
    Cosine,
}

impl Distance {
    /// All of them, by name.
    pub const NAMES: [(&'static str, Distance); 3] =
        [("euclidean", Distance::Euclidean), ("manhattan", Distance::Manhattan), ("cosine", Distance::Cosine)];

    /// Its name.
    pub fn name(self) -> &'static str {
        Distance::NAMES.into_iter().find(|(_, of)| *of == self).map_or("", |(name, _)| name)
    }

    /// Between two rows of equal length, summed up in double precision.
    pub fn between(self, a: &[f32], b: &[f32]) -> f32 {
        let sum =
            |of: fn(f64, f64) -> f64| -> f64 { a.iter().zip(b).map(|(x, y)| of(f64::from(*x), f64::from(*y))).sum() };
        match self {
            Distance::Euclidean => sum(|x, y| (x - y) * (x - y)).sqrt() as f32,
            Distance::Manhattan => sum(|x, y| (x - y).abs()) as f32,
            Distance::Cosine => {
                let lengths = (sum(|x, _| x * x) * sum(|_, y| y * y)).sqrt();
                if lengths > 0. { (1. - sum(|x, y| x * y) / lengths).max(0.) as f32 } else { 1. }
            }
        }
    }
}

/// The Manhattan distance, in sums that the processor's vectors serve.
fn manhattan(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 16;
    let mut sums = [0f32; LANES];
    let (mut a, mut b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    for (a, b) in a.by_ref().zip(b.by_ref()) {
        for (sum, (x, y)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += (x - y).abs();
        }
    }
    sums.iter().sum::<f32>() + a.remainder().iter().zip(b.remainder()).map(|(x, y)| (x - y).abs()).sum::<f32>()
}

/// Each row's nearest neighbours, the nearest first, itself not among them.
#[derive(Clone, Debug, PartialEq)]
pub struct Neighbours {
    /// Their places, `[rows, count]`.
    pub places: Array2<u32>,
    /// How far away they are, `[rows, count]`.
    pub distances: Array2<f32>,
}

/// The `count` nearest neighbours of each of the `rows` `[N,D]`; equally near ones in the order of their places. `done` is told how many rows are
/// through. `None` if a number is not finite, or there are not more than `count` rows, or none is asked for.
pub fn nearest(
    rows: ArrayView2<f32>,
    count: usize,
    distance: Distance,
    done: &(dyn Fn(usize) + Sync),
) -> Option<Neighbours> {
    let n = rows.nrows();
    if count == 0 || n <= count || n > u32::MAX as usize || !rows.iter().all(|value| value.is_finite()) {
        return None;
    }
    let rows = rows.as_standard_layout();
    let row = |place: usize| rows.index_axis(Axis(0), place).to_slice();
    let squares: Vec<f32> = rows.outer_iter().map(|row| row.dot(&row)).collect();
    // Some more than asked for, by products that round; then exactly.
    let candidates = (count + 8).min(n - 1);
    let of_block = |range: std::ops::Range<usize>| -> Option<Vec<(f32, u32)>> {
        let own = rows.slice(s![range.clone(), ..]);
        let products = (distance != Distance::Manhattan).then(|| own.dot(&rows.t()));
        let mut found = Vec::with_capacity(range.len() * count);
        let mut all: Vec<(f32, u32)> = Vec::with_capacity(n);
        for (number, place) in range.enumerate() {
            let slice = row(place)?;
            all.clear();
            for other in (0..n).filter(|other| *other != place) {
                let rough = match (&products, distance) {
                    (Some(products), Distance::Cosine) => {
                        -products[[number, other]] / (squares[place] * squares[other]).sqrt().max(f32::MIN_POSITIVE)
                    }
                    (Some(products), _) => squares[other] - 2. * products[[number, other]],
                    (None, _) => manhattan(slice, row(other)?),
                };
                all.push((rough, other as u32));
            }
            let nearer = |a: &(f32, u32), b: &(f32, u32)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
            if candidates < all.len() {
                all.select_nth_unstable_by(candidates - 1, nearer);
            }
            let mut near: Vec<(f32, u32)> = Vec::with_capacity(candidates);
            for (_, other) in &all[..candidates] {
                near.push((distance.between(slice, row(*other as usize)?), *other));
            }
            near.sort_by(nearer);
            found.extend(near.into_iter().take(count));
        }
        Some(found)
    };
    let found: Vec<(f32, u32)> = blocks(n, BLOCK, of_block, done).into_iter().collect::<Option<Vec<_>>>()?.concat();
    let (distances, places): (Vec<f32>, Vec<u32>) = found.into_iter().unzip();
    Some(Neighbours {
        places: Array2::from_shape_vec((n, count), places).ok()?,
        distances: Array2::from_shape_vec((n, count), distances).ok()?,
    })
}
