//! Neighbours, graph, components, clusters and trustworthiness are umap-learn's, NumPy's and scikit-learn's (reference/make.py), and maps are as trustworthy as
//! umap-learn's.

#[path = "../../../metrics/tests/all/reference/uniform.rs"]
mod uniform;

use std::f64::consts::PI;

use maps::clusters::clusters;
use maps::graph::fuzzy;
use maps::layout::{layout, rounds};
use maps::neighbours::{Distance, nearest};
use maps::pca::components;
use maps::trustworthiness::trustworthiness;
use ndarray::{Array2, s};
use serde_json::Value;
use uniform::uniform;

fn expected() -> Value {
    serde_json::from_str(include_str!("reference/expected.json")).unwrap()
}

fn noise(seed: u64, n: usize, d: usize) -> Array2<f64> {
    Array2::from_shape_vec((n, d), uniform(seed, n * d)).unwrap() - 0.5
}

fn blobs(n: usize) -> Array2<f32> {
    let (centres, noise) = (noise(1, 6, 40) * 3., noise(2, n, 40));
    Array2::from_shape_fn((n, 40), |(row, column)| (centres[[row % 6, column]] + noise[[row, column]]) as f32)
}

fn ring(n: usize) -> Array2<f32> {
    let (turn, mut rows) = (uniform(3, n), noise(4, n, 12) * 0.3);
    for (mut row, turn) in rows.outer_iter_mut().zip(turn) {
        row[0] += (2. * PI * turn).cos();
        row[1] += (2. * PI * turn).sin();
    }
    rows.mapv(|value| value as f32)
}

fn roll(n: usize) -> Array2<f32> {
    let (turn, along, mut rows) = (uniform(5, n), uniform(6, n), noise(7, n, 8) * 0.1);
    for (place, mut row) in rows.outer_iter_mut().enumerate() {
        let angle = 1.5 * PI * (1. + 2. * turn[place]);
        row[0] += 0.2 * angle * angle.cos();
        row[1] += 4. * along[place];
        row[2] += 0.2 * angle * angle.sin();
    }
    rows.mapv(|value| value as f32)
}

fn mapped(rows: &Array2<f32>, seed: u64) -> Array2<f32> {
    let neighbours = nearest(rows.view(), 14, Distance::Euclidean, &|_| ()).unwrap();
    let start = components(rows.view(), 2, seed).unwrap().rows;
    layout(start.view(), &fuzzy(&neighbours), rounds(rows.nrows()), seed, &|_| ())
}

#[test]
fn the_fuzzy_graph_is_umap_learns() {
    let (rows, expected) = (blobs(160), expected());
    for (name, distance) in Distance::NAMES {
        let found = fuzzy(&nearest(rows.view(), 14, distance, &|_| ()).unwrap());
        let ties = expected[format!("graph_{name}")].as_array().unwrap();
        assert_eq!(found.len(), ties.len(), "{name}");
        for (tie, expected) in found.iter().zip(ties) {
            assert_eq!(tie.between.map(u64::from), [0, 1].map(|end| expected[end].as_u64().unwrap()), "{name}");
            let strength = expected[2].as_f64().unwrap();
            assert!((f64::from(tie.strength) - strength).abs() < 1e-5, "{name}: {tie:?}, and there {strength}");
        }
    }
}

#[test]
fn principal_components_are_numpys() {
    let expected = expected();
    let found = components(blobs(160).view(), 5, 3).unwrap();
    let variances = expected["variances"].as_array().unwrap();
    for (found, expected) in found.variances.iter().zip(variances) {
        assert!((found / expected.as_f64().unwrap() - 1.).abs() < 1e-5, "{found} and {expected}");
    }
    for (found, expected) in found.rows.column(0).iter().zip(expected["first"].as_array().unwrap()) {
        assert!((f64::from(found.abs()) - expected.as_f64().unwrap()).abs() < 1e-3, "{found} and {expected}");
    }
    assert!(found.shares.sum() < 1. && found.shares[0] > found.shares[4]);
    // Constant columns, and more components than there is anything along.
    let mut flat = Array2::zeros((30, 6));
    flat.column_mut(2).assign(&blobs(30).column(0));
    let flat = components(flat.view(), 3, 0).unwrap();
    assert!((flat.shares[0] - 1.).abs() < 1e-6 && flat.shares[1] < 1e-9, "{:?}", flat.shares);
    assert_eq!(components(blobs(3).view(), 4, 0), None);
}

/// Three clouds of unequal density, and every fourth row in none.
fn scattered(n: usize) -> Array2<f32> {
    let (centres, own) = (noise(1, 3, 40) * 6., noise(2, n, 40));
    Array2::from_shape_fn((n, 40), |(row, column)| match row % 4 {
        3 => 20. * own[[row, column]],
        cloud => centres[[cloud, column]] + (cloud + 1) as f64 * own[[row, column]],
    } as f32)
}

#[test]
fn clusters_are_scikit_learns_and_noise_is_in_none() {
    let found = clusters(scattered(240).view(), 8, 0).unwrap();
    let expected = expected()["clusters"].as_array().unwrap().clone();
    let theirs: Vec<Option<u64>> = expected.iter().map(|label| label.as_u64()).collect();
    let same = |a: usize, b: usize| {
        (found[a].is_some() && found[a] == found[b], theirs[a].is_some() && theirs[a] == theirs[b])
    };
    let pairs = (0..240).flat_map(|a| (0..a).map(move |b| (a, b)));
    let apart = pairs
        .filter(|(a, b)| {
            let (ours, theirs) = same(*a, *b);
            ours != theirs
        })
        .count();
    let together = found.iter().flatten().count();
    eprintln!("{apart} of 28,680 pairs are judged otherwise; {together} of 240 rows are in a cluster");
    assert!(apart < 28_680 / 100 && found.iter().flatten().max() == Some(&2), "{apart} {found:?}");
    // The largest comes first, and nothing is in one of what has no clusters.
    let sizes = [0, 1, 2].map(|cluster| found.iter().flatten().filter(|of| **of == cluster).count());
    assert!(sizes[0] >= sizes[1] && sizes[1] >= sizes[2], "{sizes:?}");
    assert_eq!(clusters(scattered(1).view(), 8, 0), None);
}

#[test]
fn trustworthiness_is_scikit_learns() {
    let rows = blobs(160);
    let found = trustworthiness(rows.view(), rows.slice(s![.., ..2]), 15, Distance::Euclidean).unwrap();
    let expected = expected()["trustworthiness_of_two_columns"].as_f64().unwrap();
    assert!((found - expected).abs() < 1e-9, "{found} and {expected}");
}

#[test]
fn maps_can_be_trusted_as_umap_learns_can() {
    for (name, rows) in [("blobs", blobs(600)), ("ring", ring(600)), ("roll", roll(600))] {
        let map = mapped(&rows, 1);
        let found = trustworthiness(rows.view(), map.view(), 15, Distance::Euclidean).unwrap();
        let theirs = expected()["trustworthiness"][name].as_f64().unwrap();
        eprintln!("{name}: {found:.4}, the best of three of umap-learn's {theirs:.4}");
        assert!(found > theirs - 0.01, "{name}: {found}, and umap-learn {theirs}");
    }
}

#[test]
fn the_same_seed_gives_the_same_map_whatever_the_number_of_threads() {
    let rows = ring(300);
    let map = mapped(&rows, 7);
    assert_eq!(map, mapped(&rows, 7));
    assert_ne!(map, mapped(&rows, 8));
    assert!(map.iter().all(|place| place.is_finite()));
}

#[test]
fn copies_and_too_few_rows_are_told() {
    let rows = ring(10);
    assert!(nearest(rows.view(), 10, Distance::Euclidean, &|_| ()).is_none());
    let mut broken = rows.clone();
    broken[[3, 3]] = f32::NAN;
    assert!(nearest(broken.view(), 3, Distance::Cosine, &|_| ()).is_none());
    // Forty times the same picture, and others.
    let mut copies = blobs(100);
    for place in 0..40 {
        let first = copies.row(0).to_owned();
        copies.row_mut(place).assign(&first);
    }
    let map = mapped(&copies, 0);
    assert!(map.iter().all(|place| place.is_finite()));
}

/// `cargo test -p maps -- --ignored --nocapture` prints how long it takes.
#[test]
#[ignore = "minutes"]
fn how_long_large_maps_take() {
    for (n, d) in [(1300, 4096), (50_000, 1024)] {
        let rows = Array2::from_shape_vec((n, d), uniform(9, n * d)).unwrap().mapv(|value| value as f32);
        let begun = std::time::Instant::now();
        let neighbours = nearest(rows.view(), 14, Distance::Euclidean, &|_| ()).unwrap();
        let near = begun.elapsed();
        let start = components(rows.view(), 2, 0).unwrap().rows;
        let components = begun.elapsed();
        let map = layout(start.view(), &fuzzy(&neighbours), rounds(n), 0, &|_| ());
        eprintln!(
            "{n} x {d}: neighbours {near:?}, with components {components:?}, with the layout {:?}",
            begun.elapsed()
        );
        assert!(map.iter().all(|place| place.is_finite()));
    }
}
