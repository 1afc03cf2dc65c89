//! Linear centred kernel alignment of two sets of activations of the same units (Kornblith et al. 2019, "Similarity of
//! Neural Network Representations Revisited"), without the bias that few rows bring: with the unbiased HSIC of Song et al.
//! 2012, "Feature Selection via Dependence Maximization", in place of the plain one. The plain one is near 1 for any two
//! sets of few rows and many columns.

use ndarray::{Array2, ArrayView2, Axis};

use crate::distance::finite;

/// The scalar products of all pairs of rows, `[n,n]`, columns centred first.
fn gram<A: Copy + Into<f64>>(x: ArrayView2<A>) -> Option<Array2<f64>> {
    let mut x = finite(x)?;
    // The mean of equal numbers can round to another one, and what is left would look like variation.
    if x.rows().into_iter().all(|row| row == x.row(0)) {
        return None;
    }
    // Centring does not change the unbiased estimator; it spares it the difference of large numbers.
    let mean = x.mean_axis(Axis(0))?;
    x -= &mean;
    Some(x.dot(&x.t()))
}

/// The unbiased HSIC of two Gram matrices of n rows, whose diagonals are 0, times n (n - 3).
fn unbiased(k: &Array2<f64>, l: &Array2<f64>) -> f64 {
    let n = k.nrows() as f64;
    let (k_rows, l_rows) = (k.sum_axis(Axis(1)), l.sum_axis(Axis(1)));
    (k * l).sum() + k_rows.sum() * l_rows.sum() / ((n - 1.) * (n - 2.)) - 2. / (n - 2.) * k_rows.dot(&l_rows)
}

/// Debiased linear CKA of `x [n,p]` and `y [n,q]`, whose rows are paired: about 0 where they have nothing in common, at
/// most 1, at times negative. `None` if n differs or is below 4, if one has equal rows only or an own estimate that is not
/// positive, if a value is not finite, or if one is so large that its fourth power is not.
pub fn debiased<A: Copy + Into<f64>>(x: ArrayView2<A>, y: ArrayView2<A>) -> Option<f64> {
    if x.nrows() != y.nrows() || x.nrows() < 4 {
        return None;
    }
    let (mut k, mut l) = (gram(x)?, gram(y)?);
    k.diag_mut().fill(0.);
    l.diag_mut().fill(0.);
    let (xy, xx, yy) = (unbiased(&k, &l), unbiased(&k, &k), unbiased(&l, &l));
    let cka = (xx > 0. && yy > 0.).then(|| xy / (xx.sqrt() * yy.sqrt()))?;
    Some(cka).filter(|cka| cka.is_finite())
}
