//! Ranks, Spearman's rank correlation (Spearman 1904, "The Proof and Measurement of Association between Two Things") and
//! the percentile of a value among others. Equal values share the mean of their ranks.

/// A key that orders as the number does. Zero and minus zero are one value.
fn key32(value: f32) -> u32 {
    let bits = (value + 0.).to_bits();
    if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
}

/// As [`key32`].
fn key64(value: f64) -> u64 {
    let bits = (value + 0.).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

/// Runs of equal keys in an ascending list, and the rank that all of a run share; ranks start at 1.
fn ties<T, K: PartialEq>(sorted: &[T], key: impl Fn(&T) -> K) -> impl Iterator<Item = (f64, &[T])> {
    let mut first = 0;
    sorted.chunk_by(move |a, b| key(a) == key(b)).map(move |tied| {
        let rank = first as f64 + (tied.len() + 1) as f64 / 2.;
        first += tied.len();
        (rank, tied)
    })
}

/// The rank of each value, 1 for the smallest; equal values share the mean of their ranks. A NaN ranks by its sign, below
/// or above every number. Up to 2^32 values.
pub fn ranks(values: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<(u64, u32)> = values.iter().enumerate().map(|(i, v)| (key64(*v), i as u32)).collect();
    sorted.sort_unstable_by_key(|(key, _)| *key);
    let mut ranks = vec![0.; values.len()];
    for (rank, tied) in ties(&sorted, |(key, _)| *key) {
        tied.iter().for_each(|(_, index)| ranks[*index as usize] = rank);
    }
    ranks
}

/// Spearman's correlation of two vectors, -1 to 1. `None` if their lengths differ, if there are fewer than 2 values, if
/// one is constant or if a value is not finite.
pub fn spearman(a: &[f64], b: &[f64]) -> Option<f64> {
    if a.len() != b.len() || a.len() < 2 || !a.iter().chain(b).all(|value| value.is_finite()) {
        return None;
    }
    let middle = (a.len() + 1) as f64 / 2.;
    let (mut ab, mut aa, mut bb) = (0., 0., 0.);
    for (a, b) in ranks(a).into_iter().zip(ranks(b)) {
        let (a, b) = (a - middle, b - middle);
        ab += a * b;
        aa += a * a;
        bb += b * b;
    }
    (aa > 0. && bb > 0.).then(|| (ab / (aa * bb).sqrt()).clamp(-1., 1.))
}

/// The ranks of one vector, centred and of unit length, so that each of many correlations is one pass over two vectors.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranked(Vec<f32>);

impl Ranked {
    /// Ranks the values. `None` if there are fewer than 2, if all are equal or if one is not finite.
    pub fn new(values: &[f32]) -> Option<Ranked> {
        if values.len() < 2 || !values.iter().all(|value| value.is_finite()) {
            return None;
        }
        // Key and index in one integer: sorting these is several times faster than sorting indices by what they point at.
        let mut packed: Vec<u64> =
            values.iter().enumerate().map(|(i, v)| u64::from(key32(*v)) << 32 | i as u64).collect();
        packed.sort_unstable();
        let middle = (values.len() + 1) as f64 / 2.;
        let mut squares = 0.;
        let mut centred = vec![0f32; values.len()];
        for (rank, tied) in ties(&packed, |packed| packed >> 32) {
            let rank = rank - middle;
            squares += rank * rank * tied.len() as f64;
            tied.iter().for_each(|packed| centred[(packed & 0xffff_ffff) as usize] = rank as f32);
        }
        if squares == 0. {
            return None;
        }
        let scale = 1. / squares.sqrt();
        centred.iter_mut().for_each(|rank| *rank = (f64::from(*rank) * scale) as f32);
        Some(Ranked(centred))
    }

    /// Spearman's correlation with another vector of the same length, -1 to 1, to about 1e-7: the ranks are kept in f32.
    /// `None` if the lengths differ.
    pub fn correlation(&self, other: &Ranked) -> Option<f64> {
        if self.0.len() != other.0.len() {
            return None;
        }
        // Independent sums, so that the additions need not wait for one another.
        let mut sums = [0f64; 8];
        let (a, b) = (self.0.chunks_exact(8), other.0.chunks_exact(8));
        let rest: f64 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
        for (a, b) in a.zip(b) {
            for i in 0..8 {
                sums[i] += f64::from(a[i]) * f64::from(b[i]);
            }
        }
        Some((sums.iter().sum::<f64>() + rest).clamp(-1., 1.))
    }
}

/// The share of `reference` that is no larger than `value`, counting the value itself: (#{a_i <= value} + 1)/(n + 1),
/// above 0 and at most 1. `None` if the value or a reference is NaN.
pub fn percentile(value: f64, reference: &[f64]) -> Option<f64> {
    if value.is_nan() || reference.iter().any(|a| a.is_nan()) {
        return None;
    }
    let below = reference.iter().filter(|a| **a <= value).count();
    Some((below + 1) as f64 / (reference.len() + 1) as f64)
}
