//! Luminance of a picture, with the weights of Rec. ITU-R BT.709 (2015) on the gamma-encoded values, as television has it
//! ("luma"): pictures here are compared as they are seen, not as light.

use ndarray::{Array2, ArrayView3, Axis};

/// Weights of red, green and blue.
const WEIGHTS: [f64; 3] = [0.2126, 0.7152, 0.0722];

/// The luminance `[H,W]` of an RGB picture `[H,W,3]`, both in [0, 1]. `None` if there are not 3 channels or a
/// value is not finite.
pub fn luminance(picture: ArrayView3<f64>) -> Option<Array2<f64>> {
    let weigh = |pixel: ndarray::ArrayView1<f64>| pixel.iter().zip(WEIGHTS).map(|(value, weight)| value * weight).sum();
    let valid = picture.dim().2 == 3 && picture.iter().all(|value| value.is_finite());
    valid.then(|| picture.map_axis(Axis(2), weigh))
}
