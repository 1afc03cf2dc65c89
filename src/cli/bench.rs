//! `metapicture bench`: the speed of an optimization step, against the machine's own limit.

use std::cell::{Cell, RefCell};
use std::time::Instant;

use clap::Args;
use serde_json::json;
use tch::{Device, Kind, Tensor};

use super::compute::Compute;
use super::output::print_json;
use crate::cli::error::{Error, OfRequest, Result, request};
use metapicture::engine::device;
use metapicture::engine::method::{Input, Method};
use metapicture::engine::models::condition;
use metapicture::engine::random::Seed;
use metapicture::engine::render::{Batch, EncoderNetwork, Watch, render};
use metapicture::engine::unit::Unit;

/// The speed of an optimization step, against the machine's own limit.
#[derive(Debug, Args)]
#[command(
    after_help = "Screening of codes and octaves but the last are left out. FLOPs are 2 x multiply-adds of the forward pass and of the
gradient with respect to the input, for all views, tiles, codes or candidates of a picture; the generator's stand apart.
gemm_gflops is a 2048 x 2048 matrix product in f32. Blocks of ten steps and products take turns in one process, and both
figures are medians, so that what else the machine does weighs on both.

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
    /// The method whose step is timed [default: naive; with a generator as visualize has it].
    #[arg(long, value_name = "METHOD")]
    method: Option<String>,
    /// Side of the picture in pixels [default: the classifier's input].
    #[arg(long, value_name = "PX", value_parser = clap::value_parser!(i64).range(8..=4096))]
    size: Option<i64>,
    /// Pictures in a batch [default: 1, or the facets of a method that compares several].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    batch: Option<u16>,
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

/// Steps between two readings of the clock.
const BLOCK: usize = 10;

pub(super) fn run(command: Bench, quiet: bool) -> Result<u8> {
    let models = command.compute.models(quiet)?;
    let device = device::parse(&models.device())?;
    let loaded = models.classifier(&command.classifier)?;
    let (classifier, shapes) = (&**loaded.engine(), &**loaded.shapes());
    let generator = command.generator.as_ref().map(|name| models.generator_at(name, command.size)).transpose()?;
    let generator = generator.as_ref().map(|loaded| &**loaded.engine());
    let condition = generator.map(|generator| condition(generator, None)).transpose()?.flatten();
    // A step and nothing around it: plain pixels.
    let default = generator.map_or("naive", |generator| Method::default_for(Some(generator)));
    let method = Method::find(command.method.as_deref().unwrap_or(default)).of_request()?;
    method.fit_networks(classifier, generator).of_request()?;
    if method.needs_generator() && generator.is_none() {
        return Err(request!("method '{}' searches a generator's code: name one with --generator", method.name))
            .of_request();
    }
    let method = method.bare();
    let batch_size = command.batch.map_or(method.facets as i64, i64::from);
    // As many facets of each unit as the method compares.
    let facets = method.facets as i64;
    if batch_size % facets != 0 {
        let name = &method.name;
        return Err(request!("--batch: method '{name}' optimizes {facets} facets together; give a multiple"))
            .of_request();
    }
    let units =
        (0..batch_size).map(|i| Unit::parse(&format!("class:{}", i / facets % classifier.classes), classifier, shapes));
    let runs: Vec<(Unit, Seed)> = units.map(|unit| Ok((unit?, Seed(0)))).collect::<Result<_>>()?;
    let size = command.size.unwrap_or(classifier.size);
    let evolution = method.optimizer.evolution();
    let encodes = generator.filter(|_| method.encodes());
    let encoder = encodes.map(|generator| models.encoder_of(generator)).transpose()?.flatten();
    let encoder = Some(encoder.as_ref().map_or(EncoderNetwork::Classifier(classifier), EncoderNetwork::Encoder));
    // Gives the passes of one step: those that follow a gradient look once more at the end.
    let time = |steps: usize, watch: &dyn Watch| -> Result<usize> {
        let method = Method { steps, ..method.clone() };
        let batch = Batch {
            classifier,
            shapes,
            generator,
            condition,
            encoder,
            photographs: None,
            method: &method,
            size: Some(size),
            runs: &runs,
        };
        let rendered = render(&batch, watch)?;
        match rendered.iter().find_map(|run| run.failure.as_ref()) {
            Some(failure) => Err(Error::compute(format!("a run failed: {failure}"))),
            None => Ok(rendered[0].passes.forward / (steps + usize::from(evolution.is_none()))),
        }
    };
    time(WARM_UP, &|_: usize, _: usize, _: f64| {})?;
    let clock = Clock::start(device);
    let views = time(command.steps as usize, &clock)?;
    let Clock { steps, products, memory, .. } = clock;
    let memory = memory.into_inner();
    let ms = median(steps.into_inner()) * 1e3 / batch_size as f64;
    let gemm = median(products.into_inner());
    let schedule = classifier.network.schedule(&[classifier.network.output()]);
    let entering = if method.input == Input::Full { size } else { classifier.size };
    let of_step = |(forward, backward): (f64, f64)| (forward + if evolution.is_some() { 0. } else { backward }) / 1e9;
    // What a program computes is not known.
    let known = !classifier.network.is_program()
        && generator.is_none_or(|generator| !generator.network.is_program() || !method.needs_generator());
    let gflop = of_step(classifier.network.flops(&schedule, &[views as i64, 3, entering, entering]));
    let of_generator = generator.filter(|_| method.needs_generator()).map(|generator| {
        let pictures = evolution.map_or(method.param.copies(), |evolution| evolution.population());
        of_step(generator.network.flops(&generator.schedule(), &generator.input_shape())) * pictures as f64
    });
    let gflops = (gflop + of_generator.unwrap_or(0.)) / (ms / 1e3);
    let document = json!({
        "classifier": classifier.name,
        "method": method.name,
        "generator": generator.map(|generator| &generator.name),
        "device": models.device(),
        "threads": models.threads(),
        "batch": batch_size,
        "steps": command.steps,
        "ms_per_step_and_picture": round(ms, 3),
        "gflop_per_step_and_picture": known.then(|| round(gflop, 4)),
        "generator_gflop_per_step_and_picture": of_generator.filter(|_| known).map(|gflop| round(gflop, 4)),
        "gflops": known.then(|| round(gflops, 1)),
        "gemm_gflops": round(gemm, 1),
        "fraction_of_peak": known.then(|| round(gflops / gemm, 3)),
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

/// Times blocks of steps and matrix products in turns.
struct Clock {
    since: Cell<Instant>,
    done: Cell<usize>,
    /// Seconds a step, by block.
    steps: RefCell<Vec<f64>>,
    /// GFLOP/s.
    products: RefCell<Vec<f64>>,
    /// Read before the first product, whose buffers are not the step's.
    memory: Cell<Option<u64>>,
    matrix: RefCell<Option<Tensor>>,
    device: Device,
}

impl Clock {
    fn start(device: Device) -> Clock {
        Clock {
            since: Cell::new(Instant::now()),
            done: Cell::new(0),
            steps: RefCell::default(),
            products: RefCell::default(),
            memory: Cell::new(None),
            matrix: RefCell::default(),
            device,
        }
    }

    /// Three matrix products.
    fn multiply(&self) {
        const SIDE: i64 = 2048;
        let _guard = tch::no_grad_guard();
        let mut known = self.matrix.borrow_mut();
        let matrix = known.get_or_insert_with(|| Tensor::rand([SIDE, SIDE], (Kind::Float, self.device)));
        for _ in 0..3 {
            let start = Instant::now();
            // Reading one number waits for a GPU.
            let _ = matrix.matmul(matrix).double_value(&[0, 0]);
            self.products.borrow_mut().push(2. * (SIDE as f64).powi(3) / start.elapsed().as_secs_f64() / 1e9);
        }
    }
}

impl Watch for Clock {
    fn step(&self, done: usize, _: usize, _: f64) {
        let block = done - self.done.get();
        // The last call may come with a look that is no step.
        if block > 0 && (block >= BLOCK || self.steps.borrow().is_empty()) {
            self.steps.borrow_mut().push(self.since.get().elapsed().as_secs_f64() / block as f64);
            if self.memory.get().is_none() {
                self.memory.set(peak_memory_mib());
            }
            self.multiply();
        }
        self.done.set(done);
        self.since.set(Instant::now());
    }
}

/// Of at least one value.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        count if count.is_multiple_of(2) => (values[middle - 1] + values[middle]) / 2.,
        _ => values[middle],
    }
}

/// The largest resident memory of this process so far; known on Linux.
fn peak_memory_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib / 1024)
}
