//! The standard normal distribution.

use statrs::distribution::{ContinuousCDF, Normal};

/// How many standard deviations around the mean hold this share (`level`, between 0 and 1): 1.96 for 95 %.
pub fn half_width(level: f64) -> f64 {
    Normal::standard().inverse_cdf(0.5 + level / 2.)
}
