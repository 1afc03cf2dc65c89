//! `metapicture doctor`: what this machine computes with, and whether it computes right.

use clap::Args;
use serde_json::json;

use super::exit::FAILED;
use super::output::print_json;
use crate::cli::error::{Context, Result};
use metapicture::engine::{device, doctor};

/// What this machine computes with, how fast that is, and whether it computes right.
#[derive(Debug, Args)]
#[command(
    after_help = "A small network of numbers that need no file is computed in f32 on the device, forward and back, and held against the same in f64 on the CPU. Ends with 1 where
the two are further apart than rounding takes them. How fast whole steps are says `bench`.

Example:
  metapicture doctor
  metapicture doctor --device cuda --json"
)]
pub struct Doctor {
    /// `cpu`, `cuda` or `cuda:N`.
    #[arg(long, default_value = "cpu", value_name = "DEVICE")]
    device: String,
    /// Threads of libtorch on the CPU; all cores unless told.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(command: Doctor) -> Result<u8> {
    device::set_threads(command.threads);
    let found = doctor::checkup(&command.device).context("--device")?;
    let code = if found.right { 0 } else { FAILED };
    if command.json {
        print_json(&json!(found))?;
        return Ok(code);
    }
    let unknown = || "unknown".to_owned();
    let rows = [
        ("metapicture", found.version.to_owned()),
        ("libtorch", found.libtorch.to_owned()),
        ("processor", found.processor.unwrap_or_else(unknown)),
        ("cores", format!("{}, libtorch uses {} threads", found.cores, found.threads)),
        (
            "loops of our own",
            format!("{}, {}", found.loops, if found.loops_on_threads { "on all threads" } else { "on one thread" }),
        ),
        ("memory", found.memory_mib.map_or_else(unknown, |mib| format!("{mib} MiB free"))),
        ("GPUs", found.gpus.to_string()),
        ("device", found.device),
        ("matrix products", format!("{:.0} GFLOP/s in f32", found.gemm_gflops)),
        (
            "a network on it",
            format!(
                "{}: output off by {:.1e}, gradient by {:.1e} of the largest number",
                if found.right { "right" } else { "WRONG" },
                found.output_off,
                found.gradient_off
            ),
        ),
    ];
    for (name, value) in rows {
        println!("{name:>17}  {value}");
    }
    Ok(code)
}
