//! Wilson's interval of a proportion (Wilson 1927, "Probable Inference, the Law of Succession, and Statistical
//! Inference"), which holds at few trials and near 0 and 1.

use statrs::distribution::{ContinuousCDF, Normal};

/// The interval (low, high) within [0, 1] of a proportion at a `level` such as 0.95. `None` if there are no trials or fewer
/// than successes, or if the level is not between 0 and 1.
pub fn wilson(successes: u64, trials: u64, level: f64) -> Option<(f64, f64)> {
    if trials == 0 || successes > trials || !(level > 0. && level < 1.) {
        return None;
    }
    let n = trials as f64;
    let p = successes as f64 / n;
    let z = Normal::standard().inverse_cdf((1. + level) / 2.);
    let centre = p + z * z / (2. * n);
    let spread = z * (p * (1. - p) / n + z * z / (4. * n * n)).sqrt();
    let shrink = 1. + z * z / n;
    Some((((centre - spread) / shrink).max(0.), ((centre + spread) / shrink).min(1.)))
}
