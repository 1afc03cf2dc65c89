//! Pixels that matter little to the unit go (Yosinski et al. 2015, "Understanding Neural Networks Through Deep
//! Visualization"): like [`small_norm`](super::small_norm), with the gradient telling which pixels these are.

use tch::{Kind, Tensor};

use super::small_norm::below_percentile;

/// The picture `[N,3,H,W]` with the pixels of small contribution set to `centre` (`[1,3,1,1]`: the mean colour, what a
/// network sees as zero). A pixel's contribution is how much the activation would change, to first order, if it were set
/// to it: |sum over the channels of (picture - centre) * gradient|, `gradient` being the activation's with respect to the
/// picture. Small is below the `percentile`-th percentile of the sample's own (0 to 100, as in NumPy).
pub fn apply(picture: &Tensor, gradient: &Tensor, centre: &Tensor, percentile: f64) -> Tensor {
    let contribution = ((picture - centre) * gradient).sum_dim_intlist(1i64, true, None::<Kind>).abs();
    centre.where_self(&below_percentile(&contribution, percentile), picture)
}
