//! The memory of the program itself, with the largest generator that is searched at home, on weights from a formula.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use classifiers::torchvision;
use frozen::weights::{Fault, Weights};
use generators::biggan_deep;
use serde_json::Value;
use support::formula::{formula, taken, weights_of};
use tch::Tensor;

/// The most that BigGAN-deep-256 in front of InceptionV3 may take for one picture at a time.
const MOST_MIB: u64 = 3 * 1024;

/// A weights file and its manifest in the folder.
fn write(folder: &Path, name: &str, rest: &str, tensors: Vec<(String, Tensor)>) {
    Tensor::write_safetensors(&tensors, folder.join(format!("{name}.safetensors"))).unwrap();
    let manifest = format!(
        "name: {name}\n{rest}licence: none\nweights: {{source: {{path: '{}'}}}}\n",
        folder.join(format!("{name}.safetensors")).display()
    );
    std::fs::write(folder.join(format!("{name}.yaml")), manifest).unwrap();
}

fn program(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_metapicture"));
    command.current_dir(folder).args(arguments).args([
        "--classifier",
        "./inception.yaml",
        "--generator",
        "./biggan.yaml",
    ]);
    command
}

/// Runs to a good end; the largest resident memory in MiB, as Linux tells it of a process that still runs.
fn peak(mut command: Command) -> u64 {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let status = std::fs::read_to_string(&status).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        peak = peak.max(kib.unwrap_or(0) / 1024);
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(child.wait().unwrap().success());
    peak
}

/// `cargo test --test alone memory -- --ignored --nocapture`
#[test]
#[ignore = "takes a minute or more, and half a gigabyte of disk"]
fn one_picture_of_biggan_deep_256_by_inception_v3_fits_into_3_gib() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let of_generator = taken(&|weights| {
        biggan_deep::build(biggan_deep::Config { resolution: 256, truncation: 0.4, width: 128 }, weights)
    });
    let rest = "kind: generator\narchitecture: biggan-deep\nconfig: {resolution: 256}\n";
    write(folder, "biggan", rest, weights_of(&of_generator).into_iter().collect());
    let inception = torchvision::find("inception_v3").unwrap();
    let Fault::Misfit(misfit) = inception.network(1000, Weights::from_tensors([])).unwrap_err().fault else { panic!() };
    let tensors = misfit.missing.iter().map(|(name, shape)| (name.clone(), formula(name, shape))).collect();
    write(folder, "inception", "kind: classifier\narchitecture: inception_v3\n", tensors);

    let output = program(folder, &["bench", "--batch", "1", "--steps", "10", "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let bench: Value = serde_json::from_slice(&output.stdout).unwrap();
    let of_steps = bench["peak_rss_mib"].as_u64().unwrap();
    println!(
        "steps: {of_steps} MiB, {} ms a step on {} threads, {} of the speed of a matrix product",
        bench["ms_per_step_and_picture"], bench["threads"], bench["fraction_of_peak"]
    );

    // A run as `latent` makes it, of fewer codes: as many are screened as ever are at once, and four starts are tried.
    let start = Instant::now();
    let method = "name: short\nparam: {latent: {space: shell, screen: 16, starts: 4, trial: 1}}\n\
                  optimizer: {adam: {lr: 0.1}}\nsteps: 2\nkeep: best\n";
    std::fs::write(folder.join("short.yaml"), method).unwrap();
    let arguments =
        ["visualize", "--unit", "class:954", "--method", "./short.yaml", "--batch", "1", "--quiet", "--out", "out"];
    let of_run = peak(program(folder, &arguments));
    println!("a run, screening included: {of_run} MiB, {:.0?} with 2 steps", start.elapsed());
    assert!(of_steps > 500 && of_steps <= MOST_MIB, "the steps take {of_steps} MiB");
    assert!(of_run > 500 && of_run <= MOST_MIB, "a run takes {of_run} MiB");
}
