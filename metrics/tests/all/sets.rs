//! What compares sets of features or activations agrees with torch-fidelity, prdc, SciPy and published constants (see
//! reference/make.py).

use crate::reference::{close, expected, rows, uniform};
use metrics::cka;
use metrics::coverage::density_and_coverage;
use metrics::energy::{energy, paired_permutation_p};
use metrics::kid::kid;
use ndarray::{Array2, s};

const EXACT: f64 = 1e-10;

#[test]
fn kid_is_torch_fidelitys_and_takes_sets_of_unequal_size() {
    let expected = expected();
    let (x, y) = (rows(3, 40, 16, 0.), rows(4, 40, 16, 0.3));
    close(kid(x.view(), y.view()).unwrap(), expected.number("kid_equal"), EXACT);
    close(kid(x.view(), y.slice(s![..25, ..])).unwrap(), expected.number("kid_unequal"), EXACT);
    // The inputs are rounded to f32, the sums are not.
    let (x32, y32) = (x.mapv(|v| v as f32), y.mapv(|v| v as f32));
    close(kid(x32.view(), y32.view()).unwrap(), expected.number("kid_equal"), 1e-6);
    assert_eq!(kid(x.slice(s![..1, ..]), y.view()), None);
    assert_eq!(kid(x.view(), y.slice(s![.., ..8])), None);
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

/// The constant is the one that google-research's representation_similarity prints for these arrays.
#[test]
fn debiased_cka_has_the_published_value() {
    let expected = expected();
    let (x, y) = (expected.array("cka_x"), expected.array("cka_y"));
    close(cka::debiased(x.view(), y.view()).unwrap(), 0.51346, 5e-6);
}

#[test]
fn debiased_cka_of_unrelated_activations_is_near_0_and_of_equal_ones_1() {
    let (x, y) = (rows(31, 30, 4000, 0.), rows(32, 30, 4000, 5.));
    let debiased = cka::debiased(x.view(), y.view()).unwrap();
    assert!(debiased.abs() < 0.15, "{debiased}");
    close(cka::debiased(x.view(), x.view()).unwrap(), 1., EXACT);
    assert_eq!(cka::debiased(x.slice(s![..3, ..]), y.slice(s![..3, ..])), None);
    assert_eq!(cka::debiased(Array2::from_elem((5, 2), 0.1).view(), rows(33, 5, 2, 0.).view()), None);
}

#[test]
fn energy_distance_is_scipys_on_a_line_and_in_space() {
    let expected = expected();
    let line = |values: Vec<f64>| Array2::from_shape_vec((values.len(), 1), values).unwrap();
    let wide = uniform(8, 20).iter().map(|u| u * 1.5).collect();
    let found = energy(line(uniform(7, 30)).view(), line(wide).view()).unwrap();
    close(found.distance, expected.number("energy_line"), EXACT);

    let (x, y) = (rows(9, 24, 4, 0.), rows(10, 18, 4, 0.2));
    let found = energy(x.view(), y.view()).unwrap();
    close(found.distance, expected.number("energy"), EXACT);
    close(found.normalized, expected.number("energy_normalized"), EXACT);
}

#[test]
fn the_test_of_pairs_is_near_all_ways_to_swap_them() {
    let (x, y) = (rows(29, 8, 4, 0.), rows(30, 8, 4, 0.3));
    let p = expected().number("energy_paired_p");
    assert!((0.01..0.5).contains(&p), "{p}");
    // Four standard errors of a share of 20,000.
    let found = paired_permutation_p(x.view(), y.view(), 20_000, 0).unwrap();
    close(found, p, 4. * (p * (1. - p) / 20_000.).sqrt());
    assert_eq!(paired_permutation_p(x.view(), y.slice(s![..7, ..]), 99, 0), None);
    assert_eq!(paired_permutation_p(x.view(), y.view(), 0, 0), None);
}

#[test]
fn numbers_whose_powers_are_not_finite_have_no_value() {
    let (x, y) = (rows(29, 8, 4, 0.), rows(30, 8, 4, 0.) * 1e200);
    assert_eq!(energy(x.view(), y.view()), None);
    assert_eq!(paired_permutation_p(x.view(), y.view(), 99, 0), None);
    assert_eq!(cka::debiased(x.view(), y.view()), None);
    assert_eq!(kid(x.view(), y.view()), None);
}

#[test]
fn equal_samples_are_no_distance_apart_and_never_significant() {
    let x = rows(34, 10, 3, 0.);
    let found = energy(x.view(), x.view()).unwrap();
    close(found.distance, 0., EXACT);
    close(paired_permutation_p(x.view(), x.view(), 99, 0).unwrap(), 1., EXACT);
    assert_eq!(energy(x.view(), x.slice(s![..0, ..])), None);
}
