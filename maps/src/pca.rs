//! Principal components, by block power iteration from seeded vectors (Halko, Martinsson & Tropp 2011, "Finding Structure with Randomness").

use ndarray::{Array1, Array2, ArrayView2, Axis, s};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

use crate::spread::blocks;

/// Vectors besides those that are asked for: the last ones converge slowly.
const MORE: usize = 8;

/// Rounds at most.
const ROUNDS: usize = 60;

/// It is over when no variance changes by more than this share.
const SETTLED: f64 = 1e-7;

/// Rows of a block of a product.
const BLOCK: usize = 256;

/// The directions in which rows differ most.
#[derive(Clone, Debug, PartialEq)]
pub struct Components {
    /// The rows along them, `[N,K]`, centred.
    pub rows: Array2<f32>,
    /// The variance along each, the largest first.
    pub variances: Array1<f64>,
    /// The share of all variance that each has.
    pub shares: Array1<f64>,
}

/// The first `count` principal components of `rows` `[N,D]`; the sign of each is such that its largest weight is positive. `None` if there are fewer than
/// 2 rows or fewer rows or columns than components, or if a number is not finite.
pub fn components(rows: ArrayView2<f32>, count: usize, seed: u64) -> Option<Components> {
    let (n, d) = rows.dim();
    if n < 2 || count == 0 || count > n.min(d) || !rows.iter().all(|value| value.is_finite()) {
        return None;
    }
    let mean = rows.mapv(f64::from).mean_axis(Axis(0))?.mapv(|value| value as f32);
    let centred = &rows - &mean;
    let all: f64 = centred.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>() / (n - 1) as f64;
    let width = (count + MORE).min(n.min(d));
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut basis = Array2::from_shape_simple_fn((d, width), || {
        let value: f64 = StandardNormal.sample(&mut random);
        value as f32
    });
    orthonormal(&mut basis);
    let mut before = Array1::zeros(count);
    for _ in 0..ROUNDS {
        let along = product(centred.view(), basis.view());
        basis = product(centred.t().as_standard_layout().view(), along.view());
        let lengths: Array1<f64> =
            basis.axis_iter(Axis(1)).take(count).map(|column| f64::from(column.dot(&column)).sqrt()).collect();
        orthonormal(&mut basis);
        let settled = lengths
            .iter()
            .zip(&before)
            .all(|(now, then): (&f64, &f64)| (now - then).abs() <= SETTLED * now.max(f64::MIN_POSITIVE));
        before = lengths;
        if settled {
            break;
        }
    }
    // Within the space that was found, the directions themselves.
    let along = product(centred.view(), basis.view());
    let (turned, variances) = turned(&along);
    let basis = basis.dot(&turned);
    let mut rows = along.dot(&turned).slice(s![.., ..count]).to_owned();
    for (mut column, weights) in rows.axis_iter_mut(Axis(1)).zip(basis.axis_iter(Axis(1))) {
        let largest = weights.iter().fold(0f32, |most, weight| if weight.abs() > most.abs() { *weight } else { most });
        if largest < 0. {
            column.mapv_inplace(|value| -value);
        }
    }
    let variances: Array1<f64> = variances.slice(s![..count]).to_owned();
    let shares = variances.mapv(|variance| if all > 0. { variance / all } else { 0. });
    Some(Components { rows, variances, shares })
}

/// The product of two matrices, over threads.
fn product(a: ArrayView2<f32>, b: ArrayView2<f32>) -> Array2<f32> {
    let parts = blocks(a.nrows(), BLOCK, |range| a.slice(s![range, ..]).dot(&b), &|_| ());
    let mut whole = Array2::zeros((a.nrows(), b.ncols()));
    let mut from = 0;
    for part in parts {
        let to = from + part.nrows();
        whole.slice_mut(s![from..to, ..]).assign(&part);
        from = to;
    }
    whole
}

/// Makes columns orthonormal, twice for the sake of rounding (modified Gram-Schmidt). A column that depends on those before becomes 0.
fn orthonormal(basis: &mut Array2<f32>) {
    for _ in 0..2 {
        for place in 0..basis.ncols() {
            for other in 0..place {
                let product: f64 = basis
                    .column(place)
                    .iter()
                    .zip(basis.column(other))
                    .map(|(a, b)| f64::from(*a) * f64::from(*b))
                    .sum();
                let other = basis.column(other).to_owned();
                basis.column_mut(place).scaled_add(-(product as f32), &other);
            }
            let length = basis.column(place).iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
            let scale = if length > 1e-20 { (1. / length) as f32 } else { 0. };
            basis.column_mut(place).mapv_inplace(|value| value * scale);
        }
    }
}

/// The rotation to the directions of rows of few columns, and the variances along them, the largest first (Jacobi 1846).
fn turned(rows: &Array2<f32>) -> (Array2<f32>, Array1<f64>) {
    let width = rows.ncols();
    let wide = rows.mapv(f64::from);
    let mut matrix = wide.t().dot(&wide) / (rows.nrows() - 1) as f64;
    let mut vectors = Array2::<f64>::eye(width);
    for _ in 0..100 {
        let off: f64 = (0..width).flat_map(|i| (0..i).map(move |j| (i, j))).map(|at| matrix[at].powi(2)).sum();
        let on: f64 = matrix.diag().iter().map(|value| value * value).sum();
        if off <= 1e-24 * on {
            break;
        }
        for p in 0..width {
            for q in p + 1..width {
                if matrix[(p, q)] == 0. {
                    continue;
                }
                let theta = (matrix[(q, q)] - matrix[(p, p)]) / (2. * matrix[(p, q)]);
                let t = theta.signum() / (theta.abs() + (theta * theta + 1.).sqrt());
                let (c, s) = (1. / (t * t + 1.).sqrt(), t / (t * t + 1.).sqrt());
                for k in 0..width {
                    let (a, b) = (matrix[(k, p)], matrix[(k, q)]);
                    (matrix[(k, p)], matrix[(k, q)]) = (c * a - s * b, s * a + c * b);
                }
                for k in 0..width {
                    let (a, b) = (matrix[(p, k)], matrix[(q, k)]);
                    (matrix[(p, k)], matrix[(q, k)]) = (c * a - s * b, s * a + c * b);
                    let (a, b) = (vectors[(k, p)], vectors[(k, q)]);
                    (vectors[(k, p)], vectors[(k, q)]) = (c * a - s * b, s * a + c * b);
                }
            }
        }
    }
    let mut order: Vec<usize> = (0..width).collect();
    order.sort_by(|a, b| matrix[(*b, *b)].total_cmp(&matrix[(*a, *a)]));
    let sorted = Array2::from_shape_fn((width, width), |(row, column)| vectors[(row, order[column])] as f32);
    (sorted, order.iter().map(|place| matrix[(*place, *place)].max(0.)).collect())
}
