//! Bias-corrected and accelerated bootstrap intervals (Efron 1987, "Better Bootstrap Confidence Intervals") for units with
//! seeds nested in them: units are drawn with replacement, then each drawn unit's seeds (Davison & Hinkley 1997,
//! "Bootstrap Methods and their Application", section 3.8).
//!
//! An observation holds the values of all methods on one unit and seed, so that whatever compares methods is paired.
//!
//! Drawing the seeds anew counts their variance nearly twice, so that intervals are too wide where seeds vary more than
//! units do; with few units they are a little too narrow, as every bootstrap's are. Measured on the mean of 30 Gaussian
//! units of 5 seeds, 2,000 times at 95 %: the truth is held by 93.2 % of intervals where the seeds' deviation is a quarter
//! of the units', 94.0 % where it is half, 95.2 % where it is the same and 97.1 % where it is twice that.

use std::thread;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use statrs::distribution::{ContinuousCDF, Normal};

/// Below this share of replicates with a value there is no interval: the others would be a selection.
const LEAST_DEFINED: f64 = 0.9;

/// Units below which there is no interval: of 3 it would reach from the lowest to the highest, and hold the truth in 75 of 100 cases; of 10
/// Gaussian ones it holds it in some 90.
pub const LEAST_UNITS: usize = 10;

/// How the replicates are drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bootstrap {
    /// The interval's nominal coverage, between 0 and 1.
    pub level: f64,
    /// How many replicates.
    pub replicates: usize,
    /// Replicate i is a function of this and of i alone: the number of threads changes nothing.
    pub seed: u64,
}

impl Default for Bootstrap {
    /// 95 %, 10,000 replicates, seed 0.
    fn default() -> Bootstrap {
        Bootstrap { level: 0.95, replicates: 10_000, seed: 0 }
    }
}

/// An estimate and its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The statistic of the data.
    pub estimate: f64,
    /// The lower end; the estimate itself if all replicates are equal.
    pub low: f64,
    /// The upper end; the estimate itself if all replicates are equal.
    pub high: f64,
    /// In how many of them the statistic had no value; they are left out.
    pub undefined: usize,
}

impl Bootstrap {
    /// The interval of a statistic of units, each with its seeds' observations.
    ///
    /// `None` if there are fewer than [`LEAST_UNITS`] or one has no seeds, if the statistic has no finite value on the data or on
    /// more than a tenth of the replicates, if no replicates are asked for, or if the level is not between 0 and 1.
    ///
    /// The correction for bias is kept finite where all replicates lie on one side of the estimate, as if half of one lay
    /// on the other. Units without which the statistic has no value are left out of the acceleration.
    pub fn hierarchical<T, F>(&self, units: &[Vec<T>], statistic: F) -> Option<Interval>
    where
        T: Sync,
        F: Fn(&[Vec<&T>]) -> Option<f64> + Sync,
    {
        if units.len() < LEAST_UNITS || units.iter().any(Vec::is_empty) {
            return None;
        }
        if self.replicates == 0 || !(self.level > 0. && self.level < 1.) {
            return None;
        }
        let statistic = |sample: &[Vec<&T>]| statistic(sample).filter(|value| value.is_finite());
        let but = |without: Option<usize>| -> Vec<Vec<&T>> {
            let others = units.iter().enumerate().filter(|(unit, _)| Some(*unit) != without);
            others.map(|(_, seeds)| seeds.iter().collect()).collect()
        };
        let estimate = statistic(&but(None))?;

        let mut values = self.replicate(units, &statistic);
        let undefined = self.replicates - values.len();
        if (values.len() as f64) < LEAST_DEFINED * self.replicates as f64 {
            return None;
        }
        values.sort_unstable_by(f64::total_cmp);
        let (low, high) = if values.first() == values.last() {
            (estimate, estimate)
        } else {
            let without: Vec<f64> = (0..units.len()).filter_map(|unit| statistic(&but(Some(unit)))).collect();
            let shares = bca_shares(self.level, bias(estimate, &values), acceleration(&without));
            (quantile(&values, shares.0), quantile(&values, shares.1))
        };
        Some(Interval { estimate, low, high, undefined })
    }

    /// The interval of a statistic of units with one observation each: [`Bootstrap::hierarchical`] with one seed a unit.
    pub fn flat<T, F>(&self, units: &[T], statistic: F) -> Option<Interval>
    where
        T: Sync,
        F: Fn(&[&T]) -> Option<f64> + Sync,
    {
        let nested: Vec<Vec<&T>> = units.iter().map(|unit| vec![unit]).collect();
        self.hierarchical(&nested, |drawn| {
            let observations: Vec<&T> = drawn.iter().flatten().map(|unit| **unit).collect();
            statistic(&observations)
        })
    }

    /// The statistic of every replicate that has one, in the order of the replicates.
    fn replicate<T: Sync>(
        &self,
        units: &[Vec<T>],
        statistic: &(impl Fn(&[Vec<&T>]) -> Option<f64> + Sync),
    ) -> Vec<f64> {
        let key = ChaCha8Rng::seed_from_u64(self.seed);
        let some = |replicates: std::ops::Range<usize>| -> Vec<f64> {
            let mut sample = vec![Vec::new(); units.len()];
            let value = |replicate: usize| {
                let mut rng = key.clone();
                rng.set_stream(replicate as u64);
                for drawn in &mut sample {
                    let seeds = &units[rng.random_range(0..units.len())];
                    drawn.clear();
                    // One seed leaves no choice, and one level needs one number.
                    match seeds.as_slice() {
                        [only] => drawn.push(only),
                        seeds => drawn.extend((0..seeds.len()).map(|_| &seeds[rng.random_range(0..seeds.len())])),
                    }
                }
                statistic(&sample)
            };
            replicates.filter_map(value).collect()
        };
        let threads = thread::available_parallelism().map_or(1, |threads| threads.get());
        let share = self.replicates.div_ceil(threads);
        thread::scope(|scope| {
            let part = |thread: usize| thread * share..((thread + 1) * share).min(self.replicates);
            let others: Vec<_> = (1..threads).map(part).map(|part| scope.spawn(|| some(part))).collect();
            let mut values = some(part(0));
            for other in others {
                match other.join() {
                    Ok(more) => values.extend(more),
                    // The caller's statistic panicked: its message is the one to see.
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            values
        })
    }
}

/// z0: where the estimate lies among the replicates, as a normal quantile; a replicate that is equal to it counts half.
fn bias(estimate: f64, sorted: &[f64]) -> f64 {
    let below = sorted.partition_point(|value| *value < estimate);
    let not_above = sorted.partition_point(|value| *value <= estimate);
    let count = sorted.len() as f64;
    let share = (below + not_above) as f64 / 2. / count;
    Normal::standard().inverse_cdf(share.clamp(0.5 / count, 1. - 0.5 / count))
}

/// The acceleration, a sixth of the skewness of the jackknife's influences; 0 if leaving out a unit changes nothing.
fn acceleration(without: &[f64]) -> f64 {
    let mean = without.iter().sum::<f64>() / without.len() as f64;
    let power = |exponent: i32| without.iter().map(|value| (mean - value).powi(exponent)).sum::<f64>();
    let squares = power(2);
    if squares > 0. { power(3) / (6. * squares.powf(1.5)) } else { 0. }
}

/// The shares of the replicates at which the interval begins and ends.
fn bca_shares(level: f64, z0: f64, acceleration: f64) -> (f64, f64) {
    let normal = Normal::standard();
    let share = |tail: f64| {
        let z = z0 + normal.inverse_cdf(tail);
        let stretch = 1. - acceleration * z;
        // Past the pole of the correction there is only the last replicate.
        let corrected = if stretch > 0. { z0 + z / stretch } else { z.signum() * f64::INFINITY };
        normal.cdf(corrected)
    };
    (share((1. - level) / 2.), share((1. + level) / 2.))
}

/// The quantile of ascending values, linear between them.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    below + (above - below) * place.fract()
}
