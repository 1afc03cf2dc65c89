//! What planning a sweep takes of memory, and its steps of the time.

use metapicture::experiment_file::Seeds;
use metapicture::method::Method;
use metapicture::run::Plan;
use metapicture::run::Worker;
use metapicture::store::Store;
use metapicture::unit::Unit;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};
use support::records;
use support::swept::{Unwatched, experiment};
use tempfile::TempDir;

/// The most memory that this process has had, in MiB.
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.
}

#[test]
#[ignore = "measures; run alone"]
fn a_million_runs_are_planned_in_10_seconds_and_1_gib() {
    let experiment = experiment(vec![]);
    let of = |class: usize| Unit::parse(&format!("class:{class}"), &experiment.classifier, &experiment.shapes).unwrap();
    let units: Vec<Unit> = (0..1000).map(of).collect();
    let before = peak();
    let start = Instant::now();
    let mut plan = Plan::default();
    for steps in 1..=10 {
        let method = Method { steps, ..Method::find("naive").unwrap() };
        experiment.check(&units, std::slice::from_ref(&method)).unwrap();
        plan.add(0, &experiment, &method, &units, &Seeds::from(0..=99), vec![], 8).unwrap();
    }
    let planned = start.elapsed();
    assert_eq!((plan.runs().len(), plan.batch_count()), (1_000_000, 125_000));
    let shard = plan.shard(3, 100);
    let all = start.elapsed();
    println!(
        "planned in {:.2} s, a shard of 100 ({} batches) after {:.2} s, {:.0} MiB more than before ({before:.0})",
        planned.as_secs_f64(),
        shard.len(),
        all.as_secs_f64(),
        peak() - before
    );
    assert!(all < Duration::from_secs(10) && peak() - before < 1024.);
}

#[test]
#[ignore = "measures; run alone"]
fn what_is_not_optimization_takes_little_of_a_sweep() {
    let experiment = experiment(vec![]);
    let folder = TempDir::new().unwrap();
    let unit = Unit::parse("banana", &experiment.classifier, &experiment.shapes).unwrap();
    let mut plan = Plan::default();
    let method = Method { steps: 50, ..Method::find("naive").unwrap() };
    plan.add(0, &experiment, &method, &[unit], &Seeds::from(0..=23), vec![], 4).unwrap();
    let store = Store::open(folder.path()).unwrap();
    let stop = AtomicBool::new(false);
    let sweep = Worker::whole(&plan, &store, &[], &stop);
    let start = Instant::now();
    assert_eq!(sweep.run(&mut |_| Ok(Arc::clone(&experiment)), &Unwatched).unwrap().computed, 24);
    let all = start.elapsed().as_secs_f64();
    let seconds = |id: String| -> f64 {
        let path = folder.path().join("runs").join(id).join("timing.json");
        let timing: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        timing["batch_seconds"].as_f64().unwrap() / timing["batch"].as_f64().unwrap()
    };
    let optimizing: f64 = records(folder.path()).into_keys().map(seconds).sum();
    let share = (all - optimizing) / all;
    println!(
        "{all:.2} s, of which {optimizing:.2} s are steps; the rest is {:.2} %: judging, PNG, store",
        100. * share
    );
    assert!(share < 0.05, "{share}");
}
