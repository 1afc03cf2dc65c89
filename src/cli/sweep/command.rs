//! The arguments, and those by which another process does the same.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::cli::error::{Context, Result, request};
use metapicture::engine::render::PAUSE;
use metapicture::engine::run::Share;

/// Every run that an experiment file asks for and that is not there yet, into a folder of records.
#[derive(Debug, Args)]
#[command(
    after_help = "A sweep that was interrupted, killed or has lost its machine goes on when it is run again. Several processes, on
several machines with one file system, may work on one folder: they share the work.

OUT holds runs/ (a folder a run), results.csv and results.jsonl (a row a run, every swept value a column), provenance.json and
experiment.yaml. `metapicture sheet OUT --rows unit --cols method` lays the pictures out; `metapicture store verify OUT` hashes
everything again.

Exit codes: 0 every run is there and judged by the witnesses; 1 a run failed, or some are left; 2 the file or the request is wrong;
130 interrupted.

Examples:
  metapicture sweep experiments/smoke.yaml --dry-run
  metapicture sweep experiments/smoke.yaml --set seeds=5 --set methods.latent.steps=100 --out out/longer
  metapicture sweep experiments/smoke.yaml --device cuda:0,cuda:1
  metapicture sweep experiments/smoke.yaml --engine slurm --partition gpu --gpus 1 --time 2:00:00 --max-tasks 20
  metapicture sweep experiments/smoke.yaml --engine slurm --gres gpu:a100:1 --device cuda --sbatch account=vision --sbatch mem=16G"
)]
pub struct SweepCommand {
    /// The experiment.
    #[arg(value_name = "FILE.yaml")]
    pub(super) file: PathBuf,
    /// The folder of the records [default: out/NAME, the experiment's name].
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Sets a value of the file, which is swept no longer; may be repeated.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub(super) set: Vec<String>,
    /// Does one of N parts of the plan, which cost about the same.
    #[arg(long, value_name = "I/N")]
    pub(super) shard: Option<Share>,
    /// Says what would be done, and about how long it takes, and does nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Whether a dry run measures a few steps to tell how long all will take.
    #[arg(long, value_name = "WHETHER", default_value = "on")]
    pub(super) estimate: Measuring,
    /// Where to compute, instead of what the file says: cpu, cuda, cuda:N, or several with commas between them, a process each.
    #[arg(long, value_name = "DEVICE", value_delimiter = ',')]
    pub(super) device: Vec<String>,
    /// Threads of each process [default: the file's, or all cores shared among the processes; of a task of Slurm's 1].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) threads: Option<u16>,
    /// Runs computed together, instead of what the file says. Another number is another plan.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) batch: Option<u16>,
    /// Tries runs again that failed.
    #[arg(long)]
    pub(super) retry_failed: bool,
    /// Seconds between two checkpoints of a batch under way.
    #[arg(long, value_name = "S", default_value_t = PAUSE.as_secs_f64(), hide = true)]
    pub(super) checkpoint_every: f64,
    /// Who works: this machine, or a Slurm cluster.
    #[arg(long, value_name = "ENGINE", default_value = "local")]
    pub(super) engine: Engine,
    #[command(flatten)]
    pub(super) slurm: SlurmOptions,
    /// One of several processes on this machine: where in the plan it begins.
    #[arg(long, value_name = "I/N", hide = true)]
    pub(super) worker: Option<Share>,
    /// One JSON document on stdout.
    #[arg(long)]
    pub(super) json: bool,
}

/// Whether steps are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Measuring {
    /// They are.
    On,
    /// They are not: no time is told.
    Off,
}

/// Who works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Engine {
    /// This machine.
    Local,
    /// A Slurm cluster: an array job, each of whose tasks is a shard.
    Slurm,
}

/// What a cluster is asked for.
#[derive(Debug, Args)]
pub(super) struct SlurmOptions {
    /// Slurm: the partition.
    #[arg(long, value_name = "P", help_heading = "Slurm")]
    pub(super) partition: Option<String>,
    /// Slurm: GPUs of a task; its device is cuda then.
    #[arg(long, value_name = "N", help_heading = "Slurm", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) gpus: Option<u16>,
    /// Slurm: generic resources of a task, such as gpu:a100:1, for clusters that know no --gpus.
    #[arg(long, value_name = "LIST", help_heading = "Slurm")]
    pub(super) gres: Option<String>,
    /// Slurm: another option of sbatch, such as account=vision or mem=16G; may be repeated.
    #[arg(long = "sbatch", allow_hyphen_values = true, value_name = "NAME=VALUE", help_heading = "Slurm")]
    pub(super) sbatch: Vec<String>,
    /// Slurm: the time limit of a task, such as 2:00:00.
    #[arg(long, value_name = "TIME", help_heading = "Slurm")]
    pub(super) time: Option<String>,
    /// Slurm: the most tasks, each of which does a shard.
    #[arg(
        long,
        value_name = "N",
        help_heading = "Slurm",
        default_value_t = 100,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    pub(super) max_tasks: u32,
    /// Slurm: how often a shard is submitted again whose tasks end one after the other and finish no run.
    #[arg(long, value_name = "N", help_heading = "Slurm", default_value_t = 3)]
    pub(super) max_resubmits: u32,
    /// Seconds between two looks at the queue.
    #[arg(long, value_name = "S", default_value_t = 10., hide = true)]
    pub(super) queue_every: f64,
}

/// The arguments by which another process does the same.
pub(super) fn arguments(command: &SweepCommand, out: &Path) -> Result<Vec<String>> {
    let text = |path: &Path| -> Result<String> {
        let path = std::path::absolute(path).with_context(|| path.display().to_string())?;
        path.to_str().map(str::to_owned).ok_or_else(|| request!("{}: the path is not UTF-8", path.display()))
    };
    let mut arguments = vec!["sweep".to_owned(), text(&command.file)?, "--out".to_owned(), text(out)?];
    for set in &command.set {
        arguments.extend(["--set".to_owned(), set.clone()]);
    }
    if let Some(batch) = command.batch {
        arguments.extend(["--batch".to_owned(), batch.to_string()]);
    }
    if command.retry_failed {
        arguments.push("--retry-failed".to_owned());
    }
    arguments.extend(["--checkpoint-every".to_owned(), command.checkpoint_every.to_string(), "--quiet".to_owned()]);
    Ok(arguments)
}
