//! A sweep on a Slurm cluster: an array job, each of whose tasks is a shard, followed until the store has every run.

use std::sync::atomic::AtomicBool;

use anyhow::{Result, bail};
use clap::Args;

use super::progress::Steps;
use super::sweep::{Planned, SweepCommand};
use crate::store::Store;

/// What a cluster is asked for.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Slurm: the partition.
    #[arg(long, value_name = "P", help_heading = "Slurm")]
    partition: Option<String>,
    /// Slurm: GPUs of a task; its device is cuda then.
    #[arg(long, value_name = "N", help_heading = "Slurm")]
    gpus: Option<u16>,
    /// Slurm: the time limit of a task, such as 2:00:00.
    #[arg(long, value_name = "TIME", help_heading = "Slurm")]
    time: Option<String>,
    /// Slurm: the most tasks, each of which does a shard.
    #[arg(long, value_name = "N", help_heading = "Slurm", value_parser = clap::value_parser!(u32).range(1..))]
    max_tasks: Option<u32>,
}

pub(super) fn follow(
    _command: &SweepCommand,
    _planned: &Planned,
    _store: &Store,
    _device: &str,
    _stop: &AtomicBool,
    _steps: &Steps,
) -> Result<()> {
    bail!("not yet")
}
