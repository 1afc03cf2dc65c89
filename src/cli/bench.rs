//! `metapicture bench`: the speed of an optimization step, against the machine's own limit.

use std::time::Instant;

use anyhow::anyhow;
use clap::Args;
use serde_json::json;
use tch::{Device, Kind, Tensor};

use super::{Compute, Failure, Usage, load, print_json};
use crate::experiment::device_name;
use crate::method::{Keep, Method, ParamSpec};
use crate::random::Seed;
use crate::render::{Batch, render};
use crate::unit::{LayerShapes, Unit};

/// The speed of an optimization step, against the machine's own limit.
#[derive(Debug, Args)]
#[command(
    after_help = "The step is that of the method naive, or with a generator that of latent, screening left out. FLOPs are
2 x multiply-adds of the forward pass and of the gradient with respect to the input; the generator's stand apart.
gemm_gflops is a 2048 x 2048 matrix product in f32, measured in the same process.

Example:
  metapicture bench --classifier efficientnet-lite0 --batch 8 --json"
)]
pub struct Bench {
    /// A classifier of the zoo, or the path of a manifest.
    #[arg(long, default_value = "efficientnet-lite0", value_name = "NAME")]
    classifier: String,
    /// A generator in front of it.
    #[arg(long, value_name = "NAME")]
    generator: Option<String>,
    /// Pictures in a batch.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    batch: u16,
    /// Steps that are timed.
    #[arg(long, default_value_t = 30, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    steps: u32,
    /// One JSON document on stdout.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    compute: Compute,
}

/// Steps before the clock starts.
const WARM_UP: usize = 5;

pub(super) fn run(command: Bench, quiet: bool) -> Result<u8, Failure> {
    let (device, threads) = command.compute.set_up().usage()?;
    let zoo = load::zoo()?;
    let classifier = load::classifier(&zoo, &command.classifier, device, quiet)?;
    let generator = command.generator.as_ref().map(|name| load::generator(&zoo, name, device, quiet)).transpose()?;
    let condition = generator.as_ref().map(|generator| load::condition(generator, None)).transpose()?.flatten();
    let shapes = LayerShapes::measure(&classifier);
    let mut method = Method::find(if generator.is_some() { "latent" } else { "naive" })?;
    if let ParamSpec::Latent(spec) = &mut method.param {
        spec.screen = 1;
        spec.starts = 1;
    }
    method.keep = Keep::Last;
    let units =
        (0..i64::from(command.batch)).map(|i| Unit::parse(&format!("class:{}", i % 1000), &classifier, &shapes));
    let runs: Vec<(Unit, Seed)> = units.map(|unit| Ok((unit?, Seed(0)))).collect::<anyhow::Result<_>>()?;
    let time = |steps: usize| -> anyhow::Result<f64> {
        let method = Method { steps, ..method.clone() };
        let batch = Batch {
            classifier: &classifier,
            shapes: &shapes,
            generator: generator.as_ref(),
            condition,
            method: &method,
            size: classifier.size,
            runs: &runs,
        };
        let start = Instant::now();
        let rendered = render(&batch, &|_: usize, _: usize, _: f64| {})?;
        if let Some(failure) = rendered.iter().find_map(|run| run.failure.as_ref()) {
            return Err(anyhow!("a run failed: {failure}"));
        }
        Ok(start.elapsed().as_secs_f64())
    };
    time(WARM_UP)?;
    let pictures = f64::from(command.batch);
    let ms = time(command.steps as usize)? * 1e3 / f64::from(command.steps) / pictures;
    // Before the matrix product, whose buffers are not the step's.
    let memory = peak_memory_mib();
    let schedule = classifier.network.schedule(&[classifier.network.output()]);
    let (forward, backward) = classifier.network.flops(&schedule, &[1, 3, classifier.size, classifier.size]);
    let of_generator = generator.as_ref().map(|generator| {
        let (forward, backward) = generator.network.flops(&generator.schedule(), &[1, generator.inputs()]);
        (forward + backward) / 1e9
    });
    let gflop = (forward + backward) / 1e9;
    let gflops = (gflop + of_generator.unwrap_or(0.)) / (ms / 1e3);
    let gemm = gemm_gflops(device);
    let document = json!({
        "classifier": classifier.name,
        "generator": generator.as_ref().map(|generator| &generator.name),
        "device": device_name(device),
        "threads": threads,
        "batch": command.batch,
        "steps": command.steps,
        "ms_per_step_and_picture": round(ms, 3),
        "gflop_per_step_and_picture": round(gflop, 4),
        "generator_gflop_per_step_and_picture": of_generator.map(|gflop| round(gflop, 4)),
        "gflops": round(gflops, 1),
        "gemm_gflops": round(gemm, 1),
        "fraction_of_peak": round(gflops / gemm, 3),
        "peak_rss_mib": memory,
    });
    if command.json {
        print_json(&document)?;
    } else if let Some(fields) = document.as_object() {
        for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
            println!("{name:>36}  {}", value.to_string().trim_matches('"'));
        }
    }
    Ok(0)
}

fn round(value: f64, decimals: i32) -> f64 {
    (value * 10f64.powi(decimals)).round() / 10f64.powi(decimals)
}

/// The best of several matrix products, in GFLOP/s.
fn gemm_gflops(device: Device) -> f64 {
    const SIDE: i64 = 2048;
    let _guard = tch::no_grad_guard();
    let matrix = Tensor::rand([SIDE, SIDE], (Kind::Float, device));
    let best = (0..12).map(|_| {
        let start = Instant::now();
        // Reading one number waits for a GPU.
        let _ = matrix.matmul(&matrix).double_value(&[0, 0]);
        start.elapsed().as_secs_f64()
    });
    2. * (SIDE as f64).powi(3) / best.fold(f64::INFINITY, f64::min) / 1e9
}

/// The largest resident memory of this process so far; known on Linux.
fn peak_memory_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib / 1024)
}
