//! P values adjusted for there being many, so that the chance of any false rejection is bounded (Holm 1979, "A Simple
//! Sequentially Rejective Multiple Test Procedure").

/// The places of the p values, smallest first; `None` if one is outside [0, 1].
fn ascending(p: &[f64]) -> Option<Vec<usize>> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    p.iter().all(|p| (0. ..=1.).contains(p)).then_some(order)
}

/// Holm's adjusted p values, in the order of the given ones. `None` if one is outside [0, 1].
pub fn holm(p: &[f64]) -> Option<Vec<f64>> {
    let mut adjusted = vec![0.; p.len()];
    let mut largest = 0f64;
    for (place, index) in ascending(p)?.into_iter().enumerate() {
        largest = largest.max((p.len() - place) as f64 * p[index]).min(1.);
        adjusted[index] = largest;
    }
    Some(adjusted)
}
