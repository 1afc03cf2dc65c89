//! Kernel inception distance (Bińkowski et al. 2018, "Demystifying MMD GANs"): the squared maximum mean discrepancy of two
//! sets of features under the kernel (x·y/d + 1)³, unbiased at every number of samples.

use std::collections::BTreeMap;

use ndarray::{Array2, ArrayView2, Axis};

use crate::distance::finite;

/// Rows of one kernel matrix that are held at a time.
const ROWS: usize = 256;

/// A distance and how sure it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kid {
    /// The unbiased estimate: 0 in expectation where both sets have one distribution, hence at times negative.
    pub distance: f64,
    /// Its standard error, by a jackknife over both sets: groups of the first, single ones of the second. `None` where there are fewer than 3 groups.
    pub error: Option<f64>,
}

/// By row of `x`, the sum of the kernel over all rows of `y`, and the kernel of each row of `x` with itself.
fn kernel_sums(x: ArrayView2<f64>, y: ArrayView2<f64>) -> (Vec<f64>, Vec<f64>) {
    let width = x.ncols() as f64;
    let kernel = |product: f64| (product / width + 1.).powi(3);
    let of_rows = |rows: ArrayView2<f64>| -> Vec<f64> {
        let products: Array2<f64> = rows.dot(&y.t());
        products.rows().into_iter().map(|row| row.iter().map(|product| kernel(*product)).sum()).collect()
    };
    let sums = x.axis_chunks_iter(Axis(0), ROWS).flat_map(of_rows).collect();
    (sums, x.rows().into_iter().map(|x| kernel(x.dot(&x))).collect())
}

/// The KID of features `x [m,d]` and `y [n,d]`. The rows of `x` are of `groups`, such as the units that they show, which are left out one by
/// one for the error. `None` if m or n is below 2, if the widths differ or are 0, if there are not as many groups as rows, or if
/// a value is not finite.
pub fn kid<A: Copy + Into<f64>>(x: ArrayView2<A>, groups: &[usize], y: ArrayView2<A>) -> Option<Kid> {
    let (x, y) = (finite(x)?, finite(y)?);
    let (m, n) = (x.nrows(), y.nrows());
    if m < 2 || n < 2 || x.ncols() != y.ncols() || x.ncols() == 0 || groups.len() != m {
        return None;
    }
    let ((yy, yy_own), (yx, _)) = (kernel_sums(y.view(), y.view()), kernel_sums(y.view(), x.view()));
    let (xy, _) = kernel_sums(x.view(), y.view());
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    groups.iter().enumerate().for_each(|(row, group)| members.entry(*group).or_default().push(row));
    // Sums over pairs of two different rows of `x`, and what each group has of them: with itself once, with the others twice.
    let (xx, xx_own) = kernel_sums(x.view(), x.view());
    let within = sum(&xx) - sum(&xx_own);
    let of_group = |rows: &[usize]| {
        let part = x.select(Axis(0), rows);
        let (own, diagonal) = kernel_sums(part.view(), part.view());
        let all: f64 = rows.iter().map(|row| xx[*row] - xx_own[*row]).sum();
        let cross: f64 = rows.iter().map(|row| xy[*row]).sum();
        (2. * all - (sum(&own) - sum(&diagonal)), cross)
    };
    let (cross, others) = (sum(&xy), sum(&yy) - sum(&yy_own));
    let estimate = |within: f64, cross: f64, others: f64, m: usize, n: usize| {
        let (m, n) = (m as f64, n as f64);
        within / (m * (m - 1.)) + others / (n * (n - 1.)) - 2. * cross / (m * n)
    };
    let distance = estimate(within, cross, others, m, n);
    if !distance.is_finite() {
        return None;
    }
    let mut left = vec![];
    for rows in members.values().filter(|rows| m - rows.len() >= 2) {
        let (less, cross_less) = of_group(rows);
        left.push(estimate(within - less, cross - cross_less, others, m - rows.len(), n));
    }
    let of_y = |row: usize| {
        let less = 2. * (yy[row] - yy_own[row]);
        estimate(within, cross - yx[row], others - less, m, n - 1)
    };
    let right: Vec<f64> = if n > 2 { (0..n).map(of_y).collect() } else { vec![] };
    let error = (left.len() >= 3 && right.len() >= 3).then(|| (jackknife(&left) + jackknife(&right)).sqrt());
    Some(Kid { distance, error })
}

/// The variance of an estimate from its values without one each.
fn jackknife(left: &[f64]) -> f64 {
    let (count, mean) = (left.len() as f64, sum(left) / left.len() as f64);
    (count - 1.) / count * left.iter().map(|value| (value - mean).powi(2)).sum::<f64>()
}

fn sum(values: &[f64]) -> f64 {
    values.iter().sum()
}
