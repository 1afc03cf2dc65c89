//! Normalization of a gradient band by band of its Laplacian pyramid (Mordvintsev 2016, the DeepDream notebook of
//! TensorFlow's examples, "lapnorm"): low frequencies, of which a gradient has little, become as strong as high ones.

use tch::{Kind, Tensor};

/// One dimension of the kernel that shrinks: binomial, so nearly Gaussian.
const KERNEL: [f64; 5] = [1. / 16., 4. / 16., 6. / 16., 4. / 16., 1. / 16.];

/// Below this a band's root mean square is not divided by.
const SMALLEST: f64 = 1e-10;

/// The gradient `[N,C,H,W]` split into `levels` bands, each about an octave, and what is left below them; each is divided
/// by its root mean square over the sample, and they are put together again.
///
/// The pyramid is the notebook's: a 5x5 binomial kernel at every second pixel shrinks, four times its transpose enlarges,
/// zeros lie around (TensorFlow's padding `SAME`). The notebook has 4 levels.
pub fn apply(gradient: &Tensor, levels: usize) -> Tensor {
    let mut bands = vec![];
    let mut low = gradient.shallow_clone();
    for _ in 0..levels {
        let (height, width) = (low.size()[2], low.size()[3]);
        let lower = shrink(&shrink(&low, 2), 3);
        bands.push(low - enlarge_to(&lower, height, width));
        low = lower;
    }
    bands.into_iter().rev().fold(of_size_1(&low), |merged, band| {
        let (height, width) = (band.size()[2], band.size()[3]);
        of_size_1(&band) + enlarge_to(&merged, height, width)
    })
}

/// A band divided by the root mean square of each sample.
fn of_size_1(band: &Tensor) -> Tensor {
    let size = band.square().mean_dim([1i64, 2, 3].as_slice(), true, None::<Kind>).sqrt();
    band / size.clamp_min(SMALLEST)
}

/// How many zeros the padding `SAME` puts in front of `size` pixels of which every second one is kept.
fn zeros_before(size: i64) -> i64 {
    if size % 2 == 0 { 1 } else { 2 }
}

/// Half as many pixels (rounded up) along a dimension.
fn shrink(picture: &Tensor, dimension: i64) -> Tensor {
    let size = picture.size()[dimension as usize];
    let padding = if dimension == 3 { vec![zeros_before(size), 2] } else { vec![0, 0, zeros_before(size), 2] };
    let padded = picture.constant_pad_nd(padding);
    let last = 2 * ((size + 1) / 2) - 1;
    let taps = (0i64..).zip(KERNEL).map(|(tap, weight)| padded.slice(dimension, tap, tap + last, 2) * weight);
    taps.reduce(|sum, tap| sum + tap).unwrap_or(padded)
}

/// The transpose of [`shrink`], times 2, along both dimensions.
fn enlarge_to(picture: &Tensor, height: i64, width: i64) -> Tensor {
    enlarge(&enlarge(picture, 2, height), 3, width)
}

fn enlarge(picture: &Tensor, dimension: i64, size: i64) -> Tensor {
    let mut shape = picture.size();
    shape[dimension as usize] = size + zeros_before(size) + 2;
    let padded = picture.new_zeros(shape, (picture.kind(), picture.device()));
    let last = 2 * ((size + 1) / 2) - 1;
    for (tap, weight) in (0i64..).zip(KERNEL) {
        let _ = padded.slice(dimension, tap, tap + last, 2).g_add_(&(picture * (2. * weight)));
    }
    padded.narrow(dimension, zeros_before(size), size)
}
