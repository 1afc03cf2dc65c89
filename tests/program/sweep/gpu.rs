//! What a GPU computes: pictures of its own that are as good, the same each time. Where there is no GPU these tests say so, and
//! check nothing.

use super::bench::{Bench, assert_same, csv};
use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::Duration;
use support::records;

const METHODS: &str = "generator: ./faces.yaml
units: [banana, 'class:837']
methods:
  - { preset: naive, steps: 8 }
  - { preset: regularized, steps: 8 }
  - { preset: lucid-2017, steps: 8 }
  - { preset: maco-2023, steps: 8 }
  - { preset: deepdream-2015, steps: 4 }
  - { preset: latent, steps: 8, param: { latent: { screen: 4, starts: 1 } } }
seeds: 2
batch: 2
compare: { witnesses: [./wider.yaml] }
";

fn is_there() -> bool {
    let there = tch::Cuda::is_available();
    if !there {
        println!("skipped: there is no CUDA GPU here");
    }
    there
}

#[test]
fn a_gpu_fires_units_as_a_cpu_does() {
    if !is_there() {
        return;
    }
    let bench = Bench::new(METHODS);
    let rows = |device: &str| {
        let out = bench.out(device);
        bench.done(&out, &["--device", device]);
        csv(&out)
    };
    let (cpu, gpu) = (rows("cpu"), rows("cuda"));
    assert_eq!((cpu.len(), gpu.len()), (24, 24));
    for (of_cpu, of_gpu) in cpu.iter().zip(&gpu) {
        assert_eq!(of_cpu["run_id"], of_gpu["run_id"]);
        let differ = |column: &str| {
            let of = |row: &BTreeMap<String, String>| row[column].parse::<f64>().unwrap();
            let (a, b) = (of(of_cpu), of(of_gpu));
            println!(
                "{} {} {}: {column} {a} on the CPU, {b} on the GPU",
                of_cpu["method"], of_cpu["unit"], of_cpu["seed"]
            );
            (a - b).abs() / a.abs().max(b.abs())
        };
        assert!(differ("initial") < 1e-4, "{}", of_cpu["method"]);
        // Some steps are as long however small the gradient, and it is rounding that says where to.
        let rounded = ["maco-2023", "deepdream-2015"].contains(&&*of_cpu["method"]);
        assert!(differ("final") < if rounded { 0.5 } else { 0.02 }, "{}", of_cpu["method"]);
    }
}

#[test]
fn a_gpu_makes_the_same_pictures_each_time_and_when_it_was_killed_in_between() {
    if !is_there() {
        return;
    }
    let bench = Bench::new(METHODS);
    let expected = bench.done(&bench.out("once"), &["--device", "cuda"]);
    let again = bench.done(&bench.out("twice"), &["--device", "cuda"]);
    for row in csv(&bench.out("once")) {
        let id = &row["run_id"];
        println!(
            "{} {}: {}",
            row["method"],
            row["seed"],
            if again[id] == expected[id] { "the same" } else { "OTHERWISE" }
        );
    }
    assert_same(&again, &expected);
    assert_same(&bench.done(&bench.out("shared"), &["--device", "cuda,cuda"]), &expected);
    let out = bench.out("killed");
    let mut process = bench.start(&out, &["--device", "cuda"]);
    while records(&out).len() < 2 && process.try_wait().unwrap().is_none() {
        sleep(Duration::from_millis(20));
    }
    process.kill().unwrap();
    process.wait().unwrap();
    assert_same(&bench.done(&out, &["--device", "cuda"]), &expected);
}
