//! Kernel inception distance (Bińkowski et al. 2018, "Demystifying MMD GANs"): the squared maximum mean discrepancy of two
//! sets of features under the kernel (x·y/d + 1)³, unbiased at every number of samples.

use ndarray::{ArrayView2, Axis};

use crate::distance::finite;

/// Rows of one kernel matrix that are held at a time.
const ROWS: usize = 256;

/// The sum of the kernel over all pairs of rows, and over the pairs of a row with itself.
fn kernel_sums(x: ArrayView2<f64>, y: ArrayView2<f64>) -> (f64, f64) {
    let width = x.ncols() as f64;
    let kernel = |product: f64| (product / width + 1.).powi(3);
    let all = (x.axis_chunks_iter(Axis(0), ROWS)).map(|rows| rows.dot(&y.t()).iter().map(|p| kernel(*p)).sum::<f64>());
    let own = x.rows().into_iter().zip(y.rows()).map(|(x, y)| kernel(x.dot(&y)));
    (all.sum(), own.sum())
}

/// The unbiased KID of features `x [m,d]` and `y [n,d]`, 0 in expectation where both have one distribution and hence at
/// times negative. `None` if m or n is below 2, if the widths differ or are 0, or if a value is not finite.
pub fn kid<A: Copy + Into<f64>>(x: ArrayView2<A>, y: ArrayView2<A>) -> Option<f64> {
    let (x, y) = (finite(x)?, finite(y)?);
    let (m, n) = (x.nrows() as f64, y.nrows() as f64);
    if x.nrows() < 2 || y.nrows() < 2 || x.ncols() != y.ncols() || x.ncols() == 0 {
        return None;
    }
    let (xx, xx_own) = kernel_sums(x.view(), x.view());
    let (yy, yy_own) = kernel_sums(y.view(), y.view());
    let (xy, _) = kernel_sums(x.view(), y.view());
    let kid = (xx - xx_own) / (m * (m - 1.)) + (yy - yy_own) / (n * (n - 1.)) - 2. * xy / (m * n);
    Some(kid).filter(|kid| kid.is_finite())
}
