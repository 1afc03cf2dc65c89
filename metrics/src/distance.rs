//! Euclidean distances between the rows of two arrays, for the metrics of sets.

use ndarray::{Array2, ArrayView2};

/// The distance of every row of `x [m,d]` to every row of `y [n,d]`, `[m,n]`. Differences are squared one by one: the
/// shorter way over scalar products loses the distances of rows that are nearly equal. `None` if the widths differ or a
/// value is not finite.
pub fn euclidean<A: Copy + Into<f64>>(x: ArrayView2<A>, y: ArrayView2<A>) -> Option<Array2<f64>> {
    let (x, y) = (finite(x)?, finite(y)?);
    if x.ncols() != y.ncols() {
        return None;
    }
    let mut distances = Array2::zeros((x.nrows(), y.nrows()));
    for (x, mut row) in x.rows().into_iter().zip(distances.rows_mut()) {
        for (y, distance) in y.rows().into_iter().zip(row.iter_mut()) {
            *distance = x.iter().zip(y).map(|(x, y)| (x - y) * (x - y)).sum::<f64>().sqrt();
        }
    }
    Some(distances)
}

/// The array in f64 and in row order; `None` if a value is not finite.
pub(crate) fn finite<A: Copy + Into<f64>>(array: ArrayView2<A>) -> Option<Array2<f64>> {
    let values: Vec<f64> = array.iter().map(|value| (*value).into()).collect();
    if !values.iter().all(|value| value.is_finite()) {
        return None;
    }
    Array2::from_shape_vec(array.dim(), values).ok()
}
