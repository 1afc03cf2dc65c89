//! Shares of finite populations, Fisher's test and kappa are SciPy's, scikit-learn's and statsmodels' (reference/make_critique.py), and intervals hold the
//! truth as often as they say.

use crate::reference::close;
use metrics::contingency::{Table, agreement};
use metrics::permutation::exceeds;
use metrics::prevalence::{Labelled, chain_rule, labels_for, stratified};
use metrics::separation::{likeness, probe, purity};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::Value;

fn expected() -> Value {
    serde_json::from_str(include_str!("reference/critique.json")).unwrap()
}

fn counts(of: &Value) -> Vec<u64> {
    of["of"].as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).collect()
}

fn labelled(population: u64, sample: u64, found: u64) -> Labelled {
    Labelled { population, sample, found }
}

#[test]
fn exact_intervals_of_a_share_are_scipys_hypergeometric() {
    for case in expected()["prevalence"].as_array().unwrap() {
        let of = counts(case);
        let found = labelled(of[0], of[1], of[2]).exact(0.95).unwrap();
        for (end, expected) in found.interval.iter().zip(case["interval"].as_array().unwrap()) {
            close(*end, expected.as_f64().unwrap(), 1e-12);
        }
    }
    for wrong in [labelled(10, 0, 0), labelled(10, 11, 3), labelled(10, 3, 4)] {
        assert_eq!(wrong.exact(0.95), None);
    }
}

#[test]
fn how_many_labels_a_precision_takes_is_said_beforehand() {
    assert_eq!(labels_for(1300, 0.03, 0.02, 0.95), Some(231));
    assert_eq!(labels_for(1300, 0.03, 0.01, 0.95), Some(602));
    assert_eq!(labels_for(40, 0.5, 0.001, 0.95), Some(40));
    assert_eq!(labels_for(40, 0., 0.1, 0.95), None);
}

/// Draws without replacement: how many of a sample have it.
fn drawn(random: &mut ChaCha8Rng, population: u64, having: u64, sample: u64) -> u64 {
    let (mut left, mut found) = (having, 0);
    for taken in 0..sample {
        if random.random::<f64>() < left as f64 / (population - taken) as f64 {
            (left, found) = (left - 1, found + 1);
        }
    }
    found
}

#[test]
fn three_in_a_hundred_are_within_the_interval_as_often_as_it_says() {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let held = (0..1000).filter(|_| {
        let found = drawn(&mut random, 1300, 39, 230);
        let [low, high] = labelled(1300, 230, found).exact(0.95).unwrap().interval;
        (low..=high).contains(&0.03)
    });
    let held = held.count();
    assert!(held >= 940, "{held} of 1000");
}

#[test]
fn strata_and_the_chain_rule_hold_the_truth_as_often_as_they_say() {
    let mut random = ChaCha8Rng::seed_from_u64(6);
    // Of 120 pictures that a machine calls so, 60 are; of the 1180 others, 12.
    let truth = 72. / 1300.;
    let (mut by_strata, mut by_chain, mut widths) = (0, 0, [0., 0.]);
    const TIMES: usize = 300;
    for time in 0..TIMES {
        let yes = labelled(120, 60, drawn(&mut random, 120, 60, 60));
        let no = labelled(1180, 100, drawn(&mut random, 1180, 12, 100));
        let [low, high] = stratified(&[yes, no], 0.95, time as u64).unwrap().interval;
        by_strata += usize::from((low..=high).contains(&truth));
        widths[0] += high - low;
        let said = labelled(1300, 400, drawn(&mut random, 1300, 120, 400));
        let [low, high] = chain_rule(said, yes, no, 0.95, time as u64).unwrap().interval;
        by_chain += usize::from((low..=high).contains(&truth));
        // As many labels without a machine.
        let [low, high] = labelled(1300, 160, drawn(&mut random, 1300, 72, 160)).exact(0.95).unwrap().interval;
        widths[1] += high - low;
    }
    assert!(by_strata as f64 >= 0.92 * TIMES as f64, "strata: {by_strata} of {TIMES}");
    assert!(by_chain as f64 >= 0.92 * TIMES as f64, "chain rule: {by_chain} of {TIMES}");
    assert!(widths[0] < 0.8 * widths[1], "{widths:?}: a machine saves no labour");
    assert_eq!(stratified(&[], 0.95, 0), None);
}

#[test]
fn fishers_test_is_scipys() {
    for case in expected()["fisher"].as_array().unwrap() {
        let of = counts(case);
        let found = Table { both: of[0], first: of[1], second: of[2], neither: of[3] }.fisher().unwrap();
        close(found.two_sided, case["two_sided"].as_f64().unwrap(), 1e-10);
        close(found.more, case["more"].as_f64().unwrap(), 1e-10);
        if let Some(ratio) = case["odds_ratio"].as_f64() {
            close(found.odds_ratio.unwrap(), ratio, 1e-10);
        } else {
            assert!(found.odds_ratio.is_none_or(f64::is_infinite), "{found:?}");
        }
    }
    assert_eq!(Table { both: 0, first: 0, second: 0, neither: 0 }.fisher(), None);
}

#[test]
fn kappa_and_its_error_are_scikit_learns_and_statsmodels() {
    let expected = expected();
    let labels = |key: &str| -> Vec<u64> {
        expected[key].as_array().unwrap().iter().map(|label| label.as_u64().unwrap()).collect()
    };
    let (first, second) = (labels("first"), labels("second"));
    let found = agreement(&first, &second).unwrap();
    close(found.kappa, expected["kappa"].as_f64().unwrap(), 1e-10);
    close(found.error, expected["kappa_error"].as_f64().unwrap(), 1e-10);
    assert_eq!(agreement(&[1, 1], &[1, 1]), None);
    assert_eq!(agreement(&[1], &[1, 2]), None);
    assert_eq!(agreement(&["x", "y"], &["x", "y"]).unwrap().kappa, 1.);
}

/// Rows `[N,12]` of Gaussian numbers; of the first `with` the first number is `apart` higher.
fn rows(n: usize, with: usize, apart: f64, seed: u64) -> (ndarray::Array2<f64>, Vec<bool>) {
    use rand_distr::{Distribution, StandardNormal};
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut rows = ndarray::Array2::from_shape_simple_fn((n, 12), || StandardNormal.sample(&mut random));
    rows.slice_mut(ndarray::s![..with, 0]).mapv_inplace(|value: f64| value + apart);
    (rows, (0..n).map(|place| place < with).collect())
}

#[test]
fn what_lies_together_is_found_and_what_is_noise_is_not() {
    let (apart, has) = rows(120, 30, 4., 0);
    let near = purity(apart.view(), &has, 10, 199, 1).unwrap();
    let told = probe(apart.view(), &has, 99, 1).unwrap();
    assert!(near.value > 0.6 && (near.chance - 0.244).abs() < 0.03 && near.p == 1. / 200., "{near:?}");
    assert!(told.value > 0.95 && (told.chance - 0.5).abs() < 0.03 && told.p == 1. / 100., "{told:?}");
    // In noise a p value below one in twenty comes once in twenty times.
    let mut rejected = [0, 0];
    for seed in 0..200 {
        let (noise, has) = rows(60, 15, 0., 100 + seed);
        rejected[0] += usize::from(purity(noise.view(), &has, 5, 99, seed).unwrap().p <= 0.05);
        rejected[1] += usize::from(probe(noise.view(), &has, 39, seed).unwrap().p <= 0.05);
    }
    eprintln!("of 200 sets of noise rejected at 0.05: by neighbours {}, by a probe {}", rejected[0], rejected[1]);
    assert!(rejected.iter().all(|count| (2..=20).contains(count)), "{rejected:?}");
    assert_eq!(purity(apart.view(), &has[..5], 10, 9, 0), None);
    assert_eq!(probe(apart.view(), &[true; 120], 9, 0), None);
}

#[test]
fn likeness_is_0_as_unseen_rows_without_and_1_as_those_with() {
    let (apart, has) = rows(120, 30, 4., 0);
    let (others, which) = rows(400, 200, 4., 7);
    let like = likeness(apart.view(), &has, others.view(), 1).unwrap();
    let mean = |side: bool| {
        let of: Vec<f64> = like.iter().zip(&which).filter(|(_, has)| **has == side).map(|(like, _)| *like).collect();
        of.iter().sum::<f64>() / of.len() as f64
    };
    assert!((mean(false) - 0.).abs() < 0.1 && (mean(true) - 1.).abs() < 0.1, "{} {}", mean(false), mean(true));
    // Rows that differ in everything but the property are as like as those that do not.
    let (mut far, _) = rows(400, 0, 0., 9);
    far.slice_mut(ndarray::s![.., 1..]).mapv_inplace(|value| value * 3.);
    let like = likeness(apart.view(), &has, far.view(), 1).unwrap();
    assert!(like.iter().sum::<f64>().abs() / 400. < 0.25, "{like:?}");
    assert_eq!(likeness(apart.view(), &has, others.slice(ndarray::s![.., ..3]), 1), None);
}

/// The probe whose permutations share one inverse is the one that is fitted anew for each part.
#[test]
fn a_probe_by_one_inverse_says_what_probes_fitted_anew_say() {
    use nalgebra::{DMatrix, DVector};
    use rand::seq::SliceRandom;
    use rand_chacha::rand_core::SeedableRng;
    let (rows, has) = rows(60, 20, 1., 3);
    let mut unit = rows.clone();
    unit.outer_iter_mut().for_each(|mut row| row /= row.dot(&row).sqrt());
    unit -= &unit.mean_axis(ndarray::Axis(0)).unwrap();
    let ridge = 0.1 * unit.iter().map(|value| value * value).sum::<f64>() / 60.;
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(5 ^ 0x5eed);
    let mut part = [0; 60];
    for side in [true, false] {
        let mut places: Vec<usize> = (0..60).filter(|place| has[*place] == side).collect();
        places.shuffle(&mut random);
        places.iter().enumerate().for_each(|(number, place)| part[*place] = number % 5);
    }
    let mut area = 0.;
    for fold in 0..5 {
        let (own, other): (Vec<usize>, Vec<usize>) = (0..60).partition(|place| part[*place] != fold);
        let share = own.iter().filter(|place| has[**place]).count() as f64 / own.len() as f64;
        let product = |a: usize, b: usize| unit.row(a).dot(&unit.row(b));
        let gram =
            DMatrix::from_fn(own.len(), own.len(), |a, b| product(own[a], own[b]) + if a == b { ridge } else { 0. });
        let target = DVector::from_fn(own.len(), |row, _| f64::from(u8::from(has[own[row]])) - share);
        let weights = gram.cholesky().unwrap().solve(&target);
        let score = |place: &usize| (0..own.len()).map(|row| weights[row] * product(own[row], *place)).sum::<f64>();
        let scores =
            |side: bool| -> Vec<f64> { other.iter().filter(|place| has[**place] == side).map(score).collect() };
        area += metrics::two_choice::accuracy(&scores(true), &scores(false)).unwrap() / 5.;
    }
    close(probe(rows.view(), &has, 1, 5).unwrap().value, area, 1e-12);
}

#[test]
fn more_than_others_is_told_as_scipy_tells_it() {
    for case in expected()["exceeds"].as_array().unwrap() {
        let [a, b] = ["a", "b"]
            .map(|side| case[side].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect::<Vec<f64>>());
        let found = exceeds(&a, &b, 20_000, 3).unwrap();
        close(found, case["p"].as_f64().unwrap(), 0.01);
    }
    assert_eq!(exceeds(&[], &[1.], 9, 0), None);
    assert_eq!(exceeds(&[1., 2.], &[f64::NAN], 9, 0), None);
}
