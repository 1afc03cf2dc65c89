//! Runs on several of libtorch's threads, whose number is the process's.

use metapicture::method::Method;
use metapicture::render::Rendered;
use support::models::{Models, short};

#[test]
fn a_run_comes_out_the_same_alone_and_among_seven_others() {
    let models = Models::load(Some("face-dcgan"));
    let method = short("latent", 10, 8);
    let others = [
        ("wig", 1),
        ("violin", 2),
        ("banana", 3),
        ("_blocks.10:37", 4),
        ("bow tie", 5),
        ("_blocks.4:3@9,9", 6),
        ("wig", 7),
    ];
    let mut all = others.to_vec();
    all.insert(4, ("banana", 0));
    // Bit for bit on the AVX-512 processor that this was written on: the last bits must not depend on the batch, for ReLUs
    // turn them into another picture within a few steps.
    for threads in [1, 2] {
        tch::set_num_threads(threads);
        let alone = &models.render(&method, None, &[("banana", 0)])[0];
        let among = &models.render(&method, None, &all)[4];
        assert_eq!(alone.trace.len(), 11);
        let (a, b) = (alone.trace[10].activation, among.trace[10].activation);
        println!("{a} alone, {b} among others, with {threads} threads");
        assert!((a / b - 1.).abs() < 1e-3, "{a} alone, {b} among others, with {threads} threads");
        let difference = support::largest_difference(&alone.picture, &among.picture);
        assert!(difference < 1. / 255., "the pictures differ by {difference}, with {threads} threads");
    }
}

/// About two minutes on two cores: `cargo test --test alone latent -- --ignored --nocapture`.
#[test]
#[ignore = "slow"]
fn latent_reaches_the_activations_that_a_python_prototype_reached() {
    let models = Models::load(Some("face-dcgan"));
    tch::set_num_threads(2);
    let method = Method::find("latent").unwrap();
    assert!(method.steps <= 200);
    for (unit, threshold) in [("banana", 16.), ("wig", 16.), ("sunglasses", 12.), ("violin", 9.), ("bow tie", 9.)] {
        let runs: Vec<(&str, u64)> = (0..8).map(|seed| (unit, seed)).collect();
        let index = models.runs(&runs)[0].0.index().unwrap();
        // As a record scores it: of the picture in 8 bits.
        let score = |run: &Rendered| models.activation(&((&run.picture * 255.).round() / 255.), index);
        let mut scored: Vec<f64> = models.render(&method, None, &runs).iter().map(score).collect();
        scored.sort_by(f64::total_cmp);
        let median = (scored[3] + scored[4]) / 2.;
        println!("{unit}: median {median:.1} of {:.1} to {:.1}", scored[0], scored[7]);
        assert!(median > threshold, "{unit}: the median of 8 seeds is {median}");
    }
}
