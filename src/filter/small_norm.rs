//! Pixels of little energy go (Yosinski et al. 2015, "Understanding Neural Networks Through Deep Visualization"): an
//! optimized picture shows something at every pixel, most of it unrelated to the unit.

use tch::{Kind, Tensor};

/// The picture `[N,3,H,W]` with the pixels whose colour is nearest to `centre` (`[1,3,1,1]`: the mean colour, what a
/// network sees as zero) set to it: those with a distance, Euclidean over the channels, below the `percentile`-th
/// percentile of the sample's own (0 to 100, interpolated linearly as in NumPy).
pub fn apply(picture: &Tensor, centre: &Tensor, percentile: f64) -> Tensor {
    let energy = (picture - centre).square().sum_dim_intlist(1i64, true, None::<Kind>);
    centre.where_self(&below_percentile(&energy, percentile), picture)
}

/// Which numbers of each sample `[N,1,H,W]` are below its percentile.
///
/// Between two neighbours in order of size, no number is below the interpolated percentile that is not below the upper
/// neighbour, so that one order statistic decides; `quantile` would refuse large pictures.
pub(super) fn below_percentile(numbers: &Tensor, percentile: f64) -> Tensor {
    let flat = numbers.flatten(1, -1);
    let place = (percentile.clamp(0., 100.) / 100. * (flat.size()[1] - 1) as f64).ceil() as i64;
    let (threshold, _) = flat.kthvalue(place + 1, 1, true);
    numbers.lt_tensor(&threshold.view([-1, 1, 1, 1]))
}
