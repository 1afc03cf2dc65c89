//! What compares sets of features or activations agrees with torch-fidelity, prdc, SciPy and published constants (see
//! reference/make.py).

use crate::reference::{close, expected, rows};
use metrics::coverage::density_and_coverage;
use metrics::kid::kid;
use ndarray::s;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

const EXACT: f64 = 1e-10;

/// Each row a group of its own.
fn alone(rows: usize) -> Vec<usize> {
    (0..rows).collect()
}

#[test]
fn kid_is_torch_fidelitys_and_takes_sets_of_unequal_size() {
    let expected = expected();
    let (x, y) = (rows(3, 40, 16, 0.), rows(4, 40, 16, 0.3));
    let distance = |x, y| kid(x, &alone(40), y).unwrap().distance;
    close(distance(x.view(), y.view()), expected.number("kid_equal"), EXACT);
    close(distance(x.view(), y.slice(s![..25, ..])), expected.number("kid_unequal"), EXACT);
    // The inputs are rounded to f32, the sums are not.
    let (x32, y32) = (x.mapv(|v| v as f32), y.mapv(|v| v as f32));
    close(kid(x32.view(), &alone(40), y32.view()).unwrap().distance, expected.number("kid_equal"), 1e-6);
    assert_eq!(kid(x.slice(s![..1, ..]), &[0], y.view()), None);
    assert_eq!(kid(x.view(), &alone(40), y.slice(s![.., ..8])), None);
    assert_eq!(kid(x.view(), &alone(39), y.view()), None);
}

#[test]
fn density_and_coverage_are_prdcs() {
    let expected = expected();
    let (real, sample) = (rows(5, 60, 3, 0.), rows(6, 45, 3, 0.4));
    let found = density_and_coverage(real.view(), sample.view()).unwrap();
    close(found.density, expected.number("density"), EXACT);
    close(found.coverage, expected.number("coverage"), EXACT);
    assert_eq!(density_and_coverage(real.slice(s![..5, ..]), sample.view()), None);
    let far = density_and_coverage(real.view(), rows(6, 45, 3, 100.).view()).unwrap();
    assert_eq!((far.density, far.coverage), (0., 0.));
}

#[test]
fn numbers_whose_powers_are_not_finite_have_no_value() {
    let (x, y) = (rows(29, 8, 4, 0.), rows(30, 8, 4, 0.) * 1e200);
    assert_eq!(kid(x.view(), &alone(8), y.view()), None);
}

/// The plain jackknife: everything computed anew without one group, and without one of the others.
#[test]
fn the_error_of_kid_is_a_jackknife_over_both_sets() {
    let (x, y) = (rows(3, 12, 5, 0.), rows(4, 9, 5, 0.3));
    let groups = [0, 0, 1, 1, 1, 2, 3, 3, 4, 4, 4, 4];
    let variance = |left: &[f64]| {
        let (n, mean) = (left.len() as f64, left.iter().sum::<f64>() / left.len() as f64);
        (n - 1.) / n * left.iter().map(|value| (value - mean).powi(2)).sum::<f64>()
    };
    let distance =
        |x: ndarray::Array2<f64>, y: ndarray::Array2<f64>| kid(x.view(), &alone(x.nrows()), y.view()).unwrap().distance;
    let without_group = (0..5).map(|group| {
        let rest: Vec<usize> = (0..12).filter(|row| groups[*row] != group).collect();
        distance(x.select(ndarray::Axis(0), &rest), y.clone())
    });
    let without_one = (0..9).map(|out| {
        let rest: Vec<usize> = (0..9).filter(|row| *row != out).collect();
        distance(x.clone(), y.select(ndarray::Axis(0), &rest))
    });
    let expected = (variance(&without_group.collect::<Vec<_>>()) + variance(&without_one.collect::<Vec<_>>())).sqrt();
    close(kid(x.view(), &groups, y.view()).unwrap().error.unwrap(), expected, 1e-9);
    assert_eq!(kid(x.view(), &[0; 12], y.view()).unwrap().error, None);
}

/// Photographs against photographs: an interval that leaves the second set fixed is too narrow and often excludes 0.
#[test]
fn two_sets_of_one_kind_are_no_distance_apart_as_often_as_the_interval_says() {
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let mut draw = |n: usize| ndarray::Array2::from_shape_fn((n, 8), |_| rng.random_range(0.0..1.0f64).powi(2));
    let held = (0..400)
        .filter(|_| {
            let found = kid(draw(40).view(), &alone(40), draw(40).view()).unwrap();
            found.distance.abs() <= 1.96 * found.error.unwrap()
        })
        .count();
    let share = held as f64 / 400.;
    println!("0 is held by {share}");
    assert!((0.92..=1.).contains(&share), "{share}");
}
