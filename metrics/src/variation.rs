//! Anisotropic total variation (Rudin, Osher & Fatemi 1992, "Nonlinear Total Variation Based Noise Removal Algorithms", in
//! the form that adds the two directions' absolute differences). A diagnostic only: a flat picture wins it.

use ndarray::{ArrayView3, s};

/// The absolute differences of neighbours, across and down, summed over channels and divided by the number of pixels, of a
/// picture `[H,W,C]`: 0 if it is flat. `None` if it has no pixels or a value is not finite.
pub fn total_variation(picture: ArrayView3<f64>) -> Option<f64> {
    let (height, width, _) = picture.dim();
    if picture.is_empty() || !picture.iter().all(|value| value.is_finite()) {
        return None;
    }
    let across = &picture.slice(s![.., 1.., ..]) - &picture.slice(s![.., ..width - 1, ..]);
    let down = &picture.slice(s![1.., .., ..]) - &picture.slice(s![..height - 1, .., ..]);
    let sum = across.iter().chain(&down).map(|difference| difference.abs()).sum::<f64>();
    Some(sum / (height * width) as f64).filter(|variation| variation.is_finite())
}
