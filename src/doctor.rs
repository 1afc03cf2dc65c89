//! What this machine has to compute with, and whether what it computes is right.

use std::time::Instant;

use frozen::network::{Builder, Kernel, Network, Padding};
use frozen::weights::Weights;
use serde::Serialize;
use tch::{Device, Kind, Tensor};

use crate::device;
use crate::error::{Error, Result};
use crate::store::LIBTORCH_VERSION;

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub struct Checkup {
    /// Of this program.
    pub version: &'static str,
    /// What it computes with.
    pub libtorch: &'static str,
    /// What the system calls the processor; known on Linux.
    pub processor: Option<String>,
    /// Cores that this process may use.
    pub cores: usize,
    /// Threads that libtorch uses on the CPU.
    pub threads: i32,
    /// The instructions that the loops of our own are computed with: `AVX-512`, `AVX2` or `plain`.
    pub loops: &'static str,
    /// Whether those loops share the threads of libtorch's OpenMP; else they use one.
    pub loops_on_threads: bool,
    /// Memory that is free or can be freed, in MiB; known on Linux.
    pub memory_mib: Option<u64>,
    /// GPUs that libtorch sees.
    pub gpus: i64,
    /// The device that the rest is about.
    pub device: String,
    /// Its speed at products of matrices of 2,048 rows and columns in f32, in GFLOP/s: the median of seven.
    pub gemm_gflops: f64,
    /// How far a small network's output and its gradient are from the same in f64 on the CPU, over the largest number.
    pub output_off: f64,
    /// The same of the gradient of its input.
    pub gradient_off: f64,
    /// Whether both are as near as f32 comes: within [`NEAR`].
    pub right: bool,
}

/// How far f32 may be from f64, over the largest number.
pub const NEAR: f64 = 1e-5;

/// Looks at this machine, and computes on a device.
///
/// # Errors
/// If there is no such device.
pub fn checkup(device: &str) -> Result<Checkup> {
    let on = device::parse(device)?;
    let (output_off, gradient_off) = parity(on)?;
    Ok(Checkup {
        version: env!("CARGO_PKG_VERSION"),
        libtorch: LIBTORCH_VERSION,
        processor: of_proc("/proc/cpuinfo", "model name"),
        cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        threads: tch::get_num_threads(),
        loops: kernels::processor().name(),
        loops_on_threads: kernels::can_share(),
        memory_mib: of_proc("/proc/meminfo", "MemAvailable")
            .and_then(|text| text.split(' ').next()?.parse::<u64>().ok())
            .map(|kib| kib / 1024),
        gpus: if tch::Cuda::is_available() { tch::Cuda::device_count() } else { 0 },
        device: device::name(on),
        gemm_gflops: product(on),
        output_off,
        gradient_off,
        right: output_off <= NEAR && gradient_off <= NEAR,
    })
}

/// The value of the first line `name : value` of a file of the kernel's.
fn of_proc(file: &str, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':'))?;
    Some(value.trim().to_owned())
}

fn product(device: Device) -> f64 {
    const SIDE: i64 = 2048;
    let _guard = tch::no_grad_guard();
    let matrix = Tensor::rand([SIDE, SIDE], (Kind::Float, device));
    let mut seconds: Vec<f64> = (0..8)
        .map(|_| {
            let start = Instant::now();
            // Reading one number waits for a GPU.
            let _ = matrix.matmul(&matrix).double_value(&[0, 0]);
            start.elapsed().as_secs_f64()
        })
        .skip(1)
        .collect();
    seconds.sort_by(f64::total_cmp);
    2. * (SIDE as f64).powi(3) / seconds[seconds.len() / 2] / 1e9
}

/// How far output and gradient are off, in f32 on a device, of a network with a layer of each kind that has a loop of its own.
fn parity(device: Device) -> Result<(f64, f64)> {
    let run = |network: Network, kind: Kind| {
        let network = network.to(if kind == Kind::Double { Device::Cpu } else { device }, kind);
        let input = numbers(&[4, 3, 32, 32]).to_kind(kind).to_device(network.device());
        let schedule = network.schedule(&[network.output()]);
        let pass = network.forward(&schedule, &input);
        let output = pass.activation(network.output()).copy();
        let gradient = pass.pullback([(network.output(), output.copy())]);
        [output, gradient].map(|tensor| tensor.to_kind(Kind::Double).to_device(Device::Cpu))
    };
    let [output, gradient] = run(network()?, Kind::Float);
    let [wanted, wanted_gradient] = run(network()?, Kind::Double);
    let off = |found: &Tensor, wanted: &Tensor| {
        let largest = wanted.abs().max().double_value(&[]);
        (found - wanted).abs().max().double_value(&[]) / largest
    };
    Ok((off(&output, &wanted), off(&gradient, &wanted_gradient)))
}

/// Numbers between -1 and 1 that are the same everywhere.
fn numbers(shape: &[i64]) -> Tensor {
    let count: i64 = shape.iter().product();
    (Tensor::arange(count, (Kind::Double, Device::Cpu)) * 0.7).sin().view(shape)
}

fn network() -> Result<Network> {
    let kernel = |size: i64, stride: i64, groups: i64| Kernel { size, stride, padding: Padding::Same, groups };
    let shapes: [(&str, [i64; 4]); 4] =
        [("stem", [24, 3, 3, 3]), ("deep", [24, 1, 5, 5]), ("narrow", [16, 24, 1, 1]), ("wide", [40, 16, 3, 3])];
    let weights = shapes.map(|(name, shape)| {
        let inputs = (shape[1] * shape[2] * shape[3]) as f64;
        (format!("{name}.weight"), (numbers(&shape) * (3. / inputs.sqrt())).to_kind(Kind::Float))
    });
    let (mut net, x) = Builder::new(Weights::from_tensors(weights), 3);
    let x = net.convolution("stem", x, 24, kernel(3, 2, 1));
    let x = net.relu6("stem.relu6", x);
    let x = net.convolution("deep", x, 24, kernel(5, 1, 24));
    let x = net.relu6("deep.relu6", x);
    let x = net.convolution("narrow", x, 16, kernel(1, 1, 1));
    let x = net.local_response_norm("norm", x, 5, 1e-2, 0.75, 1.);
    let x = net.convolution("wide", x, 40, kernel(3, 1, 1));
    net.relu("wide.relu", x);
    net.finish().map_err(|error| Error::compute(error.to_string()))
}
