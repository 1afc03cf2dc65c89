//! NIQE-style naturalness (after Mittal, Soundararajan & Bovik 2013, "Making a 'Completely Blind' Image Quality Analyzer"):
//! statistics of locally normalized luminance, whose distribution over blocks is compared with that over photographs'.
//! A diagnostic only.
//!
//! What differs from the paper: the reference is what the caller gives, all its blocks count (the paper's pick the sharp
//! ones), half size is the mean of 2x2 pixels, a picture that is no multiple of 96 is cut around its middle, and products
//! of neighbours do not cross a block's border. Values are not comparable with those of other programs.

use nalgebra::{DMatrix, DVector};
use ndarray::{Array2, ArrayView2, s};
use statrs::function::gamma::ln_gamma;

/// Side of a block at full size, in pixels; half of it at half size.
const BLOCK: usize = 96;

/// Features of a block: 18 at each of two scales.
pub const FEATURES: usize = 36;

/// Coefficients below this come of rounding: a step of 8 bits makes more than 1e-3.
const ROUNDING: f64 = 1e-9;

/// Eigenvalues of a covariance below this share of the largest are taken as 0.
const NEGLIGIBLE: f64 = 1e-12;

/// Weights of the 7 taps of a Gaussian of sigma 7/6.
fn taps() -> [f64; 7] {
    let weights = std::array::from_fn(|i| (-((i as f64 - 3.) / (7. / 6.)).powi(2) / 2.).exp());
    let sum: f64 = weights.iter().sum();
    weights.map(|weight: f64| weight / sum)
}

/// The picture under the Gaussian; border pixels go on beyond the border.
fn smooth(values: &Array2<f64>) -> Array2<f64> {
    let taps = taps();
    let (height, width) = values.dim();
    let near = |i: usize, tap: usize, length: usize| (i + tap).saturating_sub(3).min(length - 1);
    let sum = |value: &dyn Fn(usize) -> f64| taps.iter().enumerate().map(|(tap, weight)| weight * value(tap)).sum();
    let rows: Array2<f64> =
        Array2::from_shape_fn((height, width), |(y, x)| sum(&|tap| values[[y, near(x, tap, width)]]));
    Array2::from_shape_fn((height, width), |(y, x)| sum(&|tap| rows[[near(y, tap, height), x]]))
}

/// Mean-subtracted, contrast-normalized coefficients of luminance on 0 to 255.
fn normalized(values: &Array2<f64>) -> Array2<f64> {
    let mean = smooth(values);
    let squares = smooth(&values.mapv(|value| value * value));
    let mut normalized = values - &mean;
    ndarray::Zip::from(&mut normalized).and(&mean).and(&squares).for_each(|value, mean, square| {
        *value /= (square - mean * mean).max(0.).sqrt() + 1.;
        *value = if value.abs() < ROUNDING { 0. } else { *value };
    });
    normalized
}

/// (E|x|)² / E x² of a generalized Gaussian of this shape; it rises with the shape.
fn moment_ratio(shape: f64) -> f64 {
    (2. * ln_gamma(2. / shape) - ln_gamma(1. / shape) - ln_gamma(3. / shape)).exp()
}

/// The shape, 0.2 to 10, that has the ratio of moments.
fn shape_of(ratio: f64) -> f64 {
    let (mut low, mut high) = (0.2, 10.);
    for _ in 0..60 {
        let middle = (low + high) / 2.;
        if moment_ratio(middle) < ratio { low = middle } else { high = middle }
    }
    (low + high) / 2.
}

/// Scale over standard deviation of a generalized Gaussian of this shape.
fn scale_of(shape: f64) -> f64 {
    ((ln_gamma(1. / shape) - ln_gamma(3. / shape)) / 2.).exp()
}

/// Shape and scale of the generalized Gaussian with the values' moments; `None` if all are 0.
fn symmetric(values: ArrayView2<f64>) -> Option<[f64; 2]> {
    let count = values.len() as f64;
    let size = values.iter().map(|value| value.abs()).sum::<f64>() / count;
    let square = values.iter().map(|value| value * value).sum::<f64>() / count;
    let shape = shape_of(size * size / square);
    (square > 0.).then(|| [shape, square.sqrt() * scale_of(shape)])
}

/// Shape, mean and the scales to the left and right of 0 of the asymmetric generalized Gaussian with the values' moments;
/// `None` if all are 0.
fn asymmetric(values: &[f64]) -> Option<[f64; 4]> {
    let (mut size, mut squares, mut counts) = (0., [0f64; 2], [0f64; 2]);
    for value in values.iter().filter(|value| **value != 0.) {
        let side = usize::from(*value > 0.);
        size += value.abs();
        squares[side] += value * value;
        counts[side] += 1.;
    }
    let square = squares[0] + squares[1];
    if square == 0. {
        return None;
    }
    let [left, right] = [0, 1].map(|side| (squares[side] / f64::max(counts[side], 1.)).sqrt());
    // The paper's formula is the same for left over right; this way it is never a division by 0.
    let g = left.min(right) / left.max(right);
    let skewed = (g.powi(3) + 1.) * (g + 1.) / (g * g + 1.).powi(2);
    let shape = shape_of(size * size / (square * values.len() as f64) * skewed);
    let (left, right) = (left * scale_of(shape), right * scale_of(shape));
    Some([shape, (right - left) * (ln_gamma(2. / shape) - ln_gamma(1. / shape)).exp(), left, right])
}

/// The 18 features of a block at one scale: shape and scale of its coefficients, then of the products of neighbours to the
/// right, below, below right and below left.
fn block_features(block: ArrayView2<f64>) -> Option<[f64; 18]> {
    let mut features = [0.; 18];
    features[..2].copy_from_slice(&symmetric(block)?);
    let pairs = [
        (block.slice(s![.., ..-1]), block.slice(s![.., 1..])),
        (block.slice(s![..-1, ..]), block.slice(s![1.., ..])),
        (block.slice(s![..-1, ..-1]), block.slice(s![1.., 1..])),
        (block.slice(s![..-1, 1..]), block.slice(s![1.., ..-1])),
    ];
    for ((one, next), features) in pairs.iter().zip(features[2..].chunks_exact_mut(4)) {
        let products: Vec<f64> = one.iter().zip(next).map(|(one, next)| one * next).collect();
        features.copy_from_slice(&asymmetric(&products)?);
    }
    Some(features)
}

/// The features of every whole block of 96x96 pixels of a luminance `[H,W]` in [0, 1], row by row. Blocks without any
/// structure (flat ones) have none and are left out, as are all blocks of a picture that is too small or not finite.
pub fn features(luminance: ArrayView2<f64>) -> Vec<[f64; FEATURES]> {
    let (rows, columns) = (luminance.nrows() / BLOCK, luminance.ncols() / BLOCK);
    if rows == 0 || columns == 0 || !luminance.iter().all(|value| value.is_finite()) {
        return Vec::new();
    }
    let (height, width) = (rows * BLOCK, columns * BLOCK);
    let (top, left) = ((luminance.nrows() - height) / 2, (luminance.ncols() - width) / 2);
    let full = luminance.slice(s![top..top + height, left..left + width]).mapv(|value| 255. * value);
    let half = Array2::from_shape_fn((height / 2, width / 2), |(y, x)| {
        full.slice(s![2 * y..2 * y + 2, 2 * x..2 * x + 2]).sum() / 4.
    });
    let scales = [(normalized(&full), BLOCK), (normalized(&half), BLOCK / 2)];
    let block = |index: usize| {
        let (y, x) = (index / columns, index % columns);
        let mut features = [0.; FEATURES];
        for ((values, side), features) in scales.iter().zip(features.chunks_exact_mut(18)) {
            let block = values.slice(s![y * side..(y + 1) * side, x * side..(x + 1) * side]);
            features.copy_from_slice(&block_features(block)?);
        }
        Some(features)
    };
    (0..rows * columns).filter_map(block).collect()
}

/// The distribution of features over blocks.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    mean: DVector<f64>,
    covariance: DMatrix<f64>,
}

impl Model {
    /// Mean and covariance of the blocks of one or many pictures. A single picture of 224 pixels has 4 blocks: pool those
    /// of a method's pictures. `None` if there are fewer than 2 or if a number is not finite or
    /// too large to be squared.
    pub fn fit(blocks: &[[f64; FEATURES]]) -> Option<Model> {
        if blocks.len() < 2 || !blocks.iter().flatten().all(|value| value.is_finite()) {
            return None;
        }
        let blocks: Vec<_> = blocks.iter().map(|block| DVector::from_column_slice(block)).collect();
        let mut mean = DVector::zeros(FEATURES);
        for block in &blocks {
            mean += block;
        }
        mean /= blocks.len() as f64;
        let mut covariance = DMatrix::zeros(FEATURES, FEATURES);
        for block in &blocks {
            let from_mean = block - &mean;
            covariance.ger(1., &from_mean, &from_mean, 1.);
        }
        covariance /= (blocks.len() - 1) as f64;
        covariance.iter().all(|value| value.is_finite()).then_some(Model { mean, covariance })
    }

    /// How far apart two distributions are, 0 and up: the root of d' S⁺ d, where d is the difference of the means and S⁺
    /// the pseudo-inverse of the mean covariance. Directions in which neither varies do not count.
    pub fn distance(&self, other: &Model) -> f64 {
        let difference = &self.mean - &other.mean;
        let eigen = ((&self.covariance + &other.covariance) / 2.).symmetric_eigen();
        let largest = eigen.eigenvalues.max();
        let along = eigen.eigenvectors.transpose() * difference;
        let terms = along.iter().zip(&eigen.eigenvalues).filter(|(_, value)| **value > NEGLIGIBLE * largest);
        terms.map(|(along, value)| along * along / value).sum::<f64>().sqrt()
    }
}
