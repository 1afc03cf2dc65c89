//! The standard normal distribution.

use statrs::distribution::{ContinuousCDF, Normal};

/// How many standard deviations around the mean hold this share (`level`, between 0 and 1): 1.96 for 95 %. Infinitely many
/// hold all; a level below 0 or NaN counts as 0, one above 1 as 1.
pub fn half_width(level: f64) -> f64 {
    let level = if level.is_nan() { 0. } else { level.clamp(0., 1.) };
    Normal::standard().inverse_cdf(0.5 + level / 2.)
}
