//! Whether two measures of methods go together within units, where methods are what is random.
//!
//! Every unit sees the same methods, so that their correlations are not independent: a test over units takes the methods at hand for all there
//! are, and finds nearly anything (of 19 methods without any relation, over 30 units, it calls 73 % related at a level of 5 %). Here the
//! methods of one measure are relabelled, in the same way for all units at once (a permutation test; Fisher 1935, "The Design of Experiments").

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::rank::ranks;

/// How two measures go together within units.
#[derive(Clone, Debug, PartialEq)]
pub struct Joint {
    /// The mean over units of Spearman's correlation over methods, -1 to 1; a unit without one counts as 0.
    pub correlation: f64,
    /// Units without one: a measure that is the same for all methods.
    pub undefined: usize,
    /// Two-sided: the share of relabellings whose mean is at least as far from 0.
    pub p: f64,
    /// Whether all relabellings were tried; otherwise `p` is (count + 1)/(permutations + 1) over random ones.
    pub exact: bool,
    /// The smallest p that so many methods can give: an order and its reverse are equally far from 0.
    pub least: f64,
    /// The lowest and the highest correlation if one method is left out; `None` of fewer than 4 methods.
    pub without_one: Option<[f64; 2]>,
}

/// Over units, each with one pair of measures a method. Exact where there are at most `permutations` relabellings (k! of k methods), random
/// ones by `seed` otherwise. `None` if there is no unit, if there are fewer than 3 methods or not as many in every unit, if no
/// permutations are asked for, or if a value is not finite.
pub fn joint<U: AsRef<[[f64; 2]]>>(units: &[U], permutations: usize, seed: u64) -> Option<Joint> {
    let methods = units.first()?.as_ref().len();
    let fits =
        |unit: &U| unit.as_ref().len() == methods && unit.as_ref().iter().flatten().all(|value| value.is_finite());
    if methods < 3 || permutations == 0 || !units.iter().all(fits) {
        return None;
    }
    let all: Vec<usize> = (0..methods).collect();
    let table = table(units, &all);
    let own = sum_along(&table.products, &all);
    // The same products are added in another order.
    let threshold = own.abs() - 1e-12;
    let count = (1..=methods).try_fold(1usize, |product, factor| product.checked_mul(factor));
    let (p, exact, least) = match count.filter(|count| *count <= permutations) {
        Some(count) => {
            let mut far = 0;
            each_order(&mut all.clone(), methods, &mut |order| {
                far += usize::from(sum_along(&table.products, order).abs() >= threshold);
            });
            (far as f64 / count as f64, true, 2. / count as f64)
        }
        None => {
            let (mut rng, mut order) = (ChaCha8Rng::seed_from_u64(seed), all.clone());
            let far = (0..permutations).filter(|_| {
                order.shuffle(&mut rng);
                sum_along(&table.products, &order).abs() >= threshold
            });
            ((far.count() + 1) as f64 / (permutations + 1) as f64, false, 1. / (permutations + 1) as f64)
        }
    };
    let without_one = (methods > 3).then(|| {
        let left: Vec<f64> = (0..methods)
            .map(|out| {
                let rest: Vec<usize> = all.iter().copied().filter(|method| *method != out).collect();
                let order: Vec<usize> = (0..rest.len()).collect();
                sum_along(&self::table(units, &rest).products, &order)
            })
            .collect();
        [left.iter().copied().fold(f64::INFINITY, f64::min), left.iter().copied().fold(f64::NEG_INFINITY, f64::max)]
    });
    Some(Joint { correlation: own, undefined: table.undefined, p, exact, least, without_one })
}

/// The mean within-unit Spearman correlation, as [`Joint::correlation`].
pub fn mean_correlation<U: AsRef<[[f64; 2]]>>(units: &[U]) -> Option<f64> {
    let methods = units.first()?.as_ref().len();
    let fits =
        |unit: &U| unit.as_ref().len() == methods && unit.as_ref().iter().flatten().all(|value| value.is_finite());
    let all: Vec<usize> = (0..methods).collect();
    (methods >= 2 && units.iter().all(fits)).then(|| sum_along(&table(units, &all).products, &all))
}

/// What each pair of methods adds to the mean correlation, if the second measure of one is given to the other.
struct Table {
    products: Vec<Vec<f64>>,
    undefined: usize,
}

fn table<U: AsRef<[[f64; 2]]>>(units: &[U], methods: &[usize]) -> Table {
    let count = methods.len();
    let (mut products, mut undefined) = (vec![vec![0.; count]; count], 0);
    for unit in units {
        let side = |which: usize| {
            let of: Vec<f64> = methods.iter().map(|method| unit.as_ref()[*method][which]).collect();
            let middle = (count + 1) as f64 / 2.;
            let centred: Vec<f64> = ranks(&of).into_iter().map(|rank| rank - middle).collect();
            let length = centred.iter().map(|rank| rank * rank).sum::<f64>().sqrt();
            (length > 0.).then(|| centred.iter().map(|rank| rank / length).collect::<Vec<f64>>())
        };
        match (side(0), side(1)) {
            (Some(a), Some(b)) => {
                for (row, a) in products.iter_mut().zip(&a) {
                    row.iter_mut().zip(&b).for_each(|(sum, b)| *sum += a * b / units.len() as f64);
                }
            }
            _ => undefined += 1,
        }
    }
    Table { products, undefined }
}

fn sum_along(products: &[Vec<f64>], order: &[usize]) -> f64 {
    products.iter().zip(order).map(|(row, to)| row[*to]).sum()
}

/// Every order once (Heap 1963, "Permutations by Interchanges").
fn each_order(order: &mut [usize], count: usize, visit: &mut dyn FnMut(&[usize])) {
    if count <= 1 {
        return visit(order);
    }
    for turn in 0..count {
        each_order(order, count - 1, visit);
        if turn + 1 < count {
            order.swap(if count.is_multiple_of(2) { turn } else { 0 }, count - 1);
        }
    }
}
