//! Tests of a mean by what could as well have been. Paired, by signs (Fisher 1935, "The Design of Experiments"): if a method makes no difference, each
//! unit's difference could as well have had the other sign. Unpaired, by which values are whose (Pitman 1937, "Significance Tests Which May Be Applied to
//! Samples from Any Populations").

use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// What the test found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignFlip {
    /// Two-sided: the share of sign patterns whose mean is at least as far from 0.
    pub p: f64,
    /// Whether every pattern was tried; otherwise `p` is (count + 1)/(permutations + 1) over random ones.
    pub exact: bool,
}

/// The test on one difference a unit. Exact where there are at most `permutations` patterns (2^n), random ones by `seed`
/// otherwise. `None` if there are no differences or no permutations, or if a difference or the sum of
/// their sizes is not finite.
pub fn sign_flip(differences: &[f64], permutations: usize, seed: u64) -> Option<SignFlip> {
    let n = differences.len();
    if n == 0 || permutations == 0 || !differences.iter().all(|difference| difference.is_finite()) {
        return None;
    }
    let sum: f64 = differences.iter().sum();
    // Sums of the same numbers in another order or sign count as equal.
    let sizes = differences.iter().map(|d| d.abs()).sum::<f64>();
    if !sizes.is_finite() {
        return None;
    }
    let threshold = sum.abs() - 1e-12 * sizes;
    let patterns = u32::try_from(n).ok().and_then(|n| 1usize.checked_shl(n)).filter(|all| *all <= permutations);
    if let Some(patterns) = patterns {
        let far = |signs: &usize| {
            let flipped = |(i, d): (usize, &f64)| if signs >> i & 1 == 1 { -d } else { *d };
            differences.iter().enumerate().map(flipped).sum::<f64>().abs() >= threshold
        };
        let count = (0..patterns).filter(far).count();
        return Some(SignFlip { p: count as f64 / patterns as f64, exact: true });
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut count = 0;
    for _ in 0..permutations {
        let mut flipped = 0.;
        for some in differences.chunks(64) {
            let signs = rng.next_u64();
            // The sign bit is set or not: a branch on random bits would be mispredicted half of the time.
            let flip = |(i, d): (usize, &f64)| f64::from_bits(d.to_bits() ^ (signs >> i & 1) << 63);
            flipped += some.iter().enumerate().map(flip).sum::<f64>();
        }
        count += usize::from(flipped.abs() >= threshold);
    }
    Some(SignFlip { p: (count + 1) as f64 / (permutations + 1) as f64, exact: false })
}

/// One-sided: how often the mean of as many values, drawn from all, exceeds that of the others by as much as that of `a` exceeds that of `b`. Exact where
/// there are at most `permutations` ways to draw them, (#{as much or more} + 1)/(permutations + 1) over random draws by `seed` otherwise. `None` if one is
/// empty, a value is not finite, or no permutation is asked for.
pub fn exceeds(a: &[f64], b: &[f64], permutations: usize, seed: u64) -> Option<f64> {
    let mut all: Vec<f64> = a.iter().chain(b).copied().collect();
    if a.is_empty() || b.is_empty() || permutations == 0 || !all.iter().all(|value| value.is_finite()) {
        return None;
    }
    // With the sum of all fixed, the difference of the means grows with the sum of the first.
    let sum: f64 = a.iter().sum();
    let slack = 1e-12 * all.iter().map(|value| value.abs()).sum::<f64>();
    let ways = ways(a.len(), b.len());
    if ways <= permutations as f64 {
        return Some(drawn(&all, a.len(), 0., sum - slack) as f64 / ways);
    }
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut count = 0;
    for _ in 0..permutations {
        let (drawn, _) = all.partial_shuffle(&mut random, a.len());
        count += usize::from(drawn.iter().sum::<f64>() >= sum - slack);
    }
    Some((count + 1) as f64 / (permutations + 1) as f64)
}

/// The least p value that [`exceeds`] can come to with so many values of each kind.
pub fn least(a: usize, b: usize, permutations: usize) -> f64 {
    let ways = ways(a, b);
    if ways <= permutations as f64 { 1. / ways } else { 1. / (permutations + 1) as f64 }
}

/// In how many ways `a` of `a + b` can be drawn.
fn ways(a: usize, b: usize) -> f64 {
    (1..=a.min(b)).fold(1., |ways, k| ways * (a.max(b) + k) as f64 / k as f64).round()
}

/// How many draws of `count` of the values, added to `sum`, come to `least`.
fn drawn(values: &[f64], count: usize, sum: f64, least: f64) -> usize {
    if count == 0 {
        return usize::from(sum >= least);
    }
    (0..=values.len() - count).map(|first| drawn(&values[first + 1..], count - 1, sum + values[first], least)).sum()
}
