//! Two-alternative forced choice, the task of Borowski et al. 2021 ("Exemplary Natural Images Explain CNN Activations Better than
//! State-of-the-Art Feature Visualization"): how often what is right scores higher than what is wrong.

use std::f64::consts::SQRT_2;

use statrs::distribution::{ContinuousCDF, Normal};

/// d' of an accuracy in a choice between two, 0 to 1: how far apart, in standard deviations, what is right and what is wrong would lie if both were
/// Gaussian (Green & Swets 1966, "Signal Detection Theory and Psychophysics"). Within 6.8 of 0.
pub fn detectability(accuracy: f64) -> f64 {
    SQRT_2 * Normal::standard().inverse_cdf(accuracy.clamp(1e-6, 1. - 1e-6))
}

/// The accuracy of a d': [`detectability`] turned around.
pub fn accuracy_of(detectability: f64) -> f64 {
    Normal::standard().cdf(detectability / SQRT_2)
}

/// The share of pairs in which a right score is higher than a wrong one, equal ones counting half: 0 to 1, 0.5 is chance. It is the area under
/// the ROC curve, and Mann & Whitney's U (1947) over the number of pairs. `None` if one side is empty or a score is NaN.
pub fn accuracy(right: &[f64], wrong: &[f64]) -> Option<f64> {
    if right.is_empty() || wrong.is_empty() || right.iter().chain(wrong).any(|score| score.is_nan()) {
        return None;
    }
    let mut wrong = wrong.to_vec();
    wrong.sort_unstable_by(f64::total_cmp);
    let won = right.iter().map(|score| {
        let below = wrong.partition_point(|other| *other < *score);
        let not_above = wrong.partition_point(|other| *other <= *score);
        (below + not_above) as f64 / 2.
    });
    Some(won.sum::<f64>() / (right.len() * wrong.len()) as f64)
}
