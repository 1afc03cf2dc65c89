//! A Gaussian blur (Yosinski et al. 2015, "Understanding Neural Networks Through Deep Visualization"): it takes the high
//! frequencies from a picture, which gradients favour and photographs hardly have.

use tch::{Kind, Tensor};

/// Where the kernel ends, in standard deviations; SciPy's default.
const TRUNCATE: f64 = 4.;

/// The picture `[N,C,H,W]` convolved with a Gaussian of standard deviation `sigma` pixels, which is cut off at 4 sigma.
///
/// Beyond its border the picture goes on as its mirror image (`c b a | a b c`; SciPy's mode `reflect`), so that the mean
/// stays what it is however often it is blurred. A `sigma` of 0 changes nothing.
pub fn apply(picture: &Tensor, sigma: f64) -> Tensor {
    let radius = (TRUNCATE * sigma + 0.5) as i64;
    if radius < 1 {
        return picture.copy();
    }
    let weights: Vec<f64> = (0..=radius).map(|x| (-0.5 * (x as f64 / sigma).powi(2)).exp()).collect();
    let sum = weights[0] + 2. * weights[1..].iter().sum::<f64>();
    let weights: Vec<f64> = weights.into_iter().map(|weight| weight / sum).collect();
    along(&along(picture, 2, &weights), 3, &weights)
}

/// Along one dimension; the weights at distance 0, 1, …
///
/// A sum of shifted pictures: unlike a convolution's, its rounding depends on neither the batch nor the machine.
fn along(picture: &Tensor, dimension: i64, weights: &[f64]) -> Tensor {
    let (size, radius) = (picture.size()[dimension as usize], weights.len() as i64 - 1);
    let period = Tensor::arange_start(-radius, size + radius, (Kind::Int64, picture.device())).remainder(2 * size);
    let mirrored = period.minimum(&(2 * size - 1 - &period));
    let padded = picture.index_select(dimension, &mirrored);
    let mut blurred = picture * weights[0];
    for (distance, &weight) in (1..).zip(&weights[1..]) {
        let (before, after) = (radius - distance, radius + distance);
        blurred += (padded.narrow(dimension, before, size) + padded.narrow(dimension, after, size)) * weight;
    }
    blurred
}
