//! The mean of correlations through Fisher's z (Fisher 1921, "On the 'Probable Error' of a Coefficient of Correlation"):
//! tanh of the mean of atanh r, less biased than the mean of r.

/// Correlations are taken as no stronger than this, so that a perfect one, whose z is infinite, leaves the mean finite: it
/// counts as z = 7.25.
pub const STRONGEST: f64 = 1. - 1e-6;

/// Fisher's z of a correlation, atanh r, within -7.25 to 7.25; what is beyond -1 or 1 counts as these.
pub fn z(correlation: f64) -> f64 {
    correlation.clamp(-STRONGEST, STRONGEST).atanh()
}

/// The mean of correlations, each within [-1, 1]. `None` if there are none or if one is outside that range.
pub fn mean_correlation(correlations: &[f64]) -> Option<f64> {
    if correlations.is_empty() || !correlations.iter().all(|r| (-1. ..=1.).contains(r)) {
        return None;
    }
    let sum: f64 = correlations.iter().map(|r| z(*r)).sum();
    Some((sum / correlations.len() as f64).tanh())
}
