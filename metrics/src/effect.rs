//! Matched-pairs rank-biserial correlation (Kerby 2014, "The Simple Difference Formula"): the effect size of a paired
//! difference.

use crate::rank::ranks;

/// The share of favourable minus that of unfavourable evidence, -1 to 1: the differences are ranked by size, and the ranks
/// of the positive ones minus those of the negative ones are divided by all. Zeros are dropped. `None` if nothing is left
/// or if a difference is not finite.
pub fn rank_biserial(differences: &[f64]) -> Option<f64> {
    if !differences.iter().all(|difference| difference.is_finite()) {
        return None;
    }
    let differences: Vec<f64> = differences.iter().copied().filter(|difference| *difference != 0.).collect();
    let sizes: Vec<f64> = differences.iter().map(|difference| difference.abs()).collect();
    let (mut signed, mut all) = (0., 0.);
    for (rank, difference) in ranks(&sizes).into_iter().zip(differences) {
        signed += rank * difference.signum();
        all += rank;
    }
    (all > 0.).then(|| signed / all)
}
