//! Jensen-Shannon divergence of two distributions (Lin 1991, "Divergence Measures Based on the Shannon Entropy"), in bits.

/// The divergence of two distributions over the same classes, 0 (equal) to 1 (nothing in common); each is divided by its
/// sum first. `None` if the lengths differ, if a weight is negative or not finite, or if a sum is 0 or
/// not finite.
pub fn divergence(p: &[f64], q: &[f64]) -> Option<f64> {
    let valid = |weights: &[f64]| weights.iter().all(|weight| weight.is_finite() && *weight >= 0.);
    let (p_sum, q_sum): (f64, f64) = (p.iter().sum(), q.iter().sum());
    let positive = |sum: f64| sum.is_finite() && sum > 0.;
    if p.len() != q.len() || !valid(p) || !valid(q) || !positive(p_sum) || !positive(q_sum) {
        return None;
    }
    let term = |p: f64, middle: f64| if p > 0. { p * (p / middle).log2() } else { 0. };
    let terms = p.iter().zip(q).map(|(p, q)| {
        let (p, q) = (p / p_sum, q / q_sum);
        let middle = (p + q) / 2.;
        (term(p, middle) + term(q, middle)) / 2.
    });
    Some(terms.sum::<f64>().clamp(0., 1.))
}
