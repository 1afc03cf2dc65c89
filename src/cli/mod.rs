//! The command line: one file a subcommand.
//!
//! Exit codes: 0 done; 1 something failed (the rest is done and kept); 2 wrong usage, a wrong file or an unknown name;
//! 130 interrupted (what is finished is kept).

mod bench;
mod classify;
mod compare;
mod estimate;
mod generate;
mod load;
mod methods;
pub mod models;
mod progress;
mod report;
mod schema;
mod setups;
mod sheet;
mod slurm;
mod store;
mod sweep;
mod visualize;
mod workers;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, CommandFactory, Parser, Subcommand};
use tch::Device;

use crate::render::reason_of;

const AFTER_HELP: &str = "Example:
  metapicture visualize --classifier efficientnet-lite0 --generator face-dcgan --unit banana \\
      --method naive --method latent --witness efficientnet-lite1 --out out/banana";

/// GAN-prior feature visualization: what a unit of an image classifier looks for, and what legibility costs.
#[derive(Debug, Parser)]
#[command(name = "metapicture", version, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// No progress bars and no tables: errors and asked-for JSON only.
    #[arg(long, global = true)]
    quiet: bool,
    /// Say more about what goes on.
    #[arg(short, long, global = true)]
    verbose: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The zoo of classifiers, generators and reference pictures.
    #[command(subcommand)]
    Models(models::Models),
    /// The methods: named bundles of parameterization, optimizer and steps.
    #[command(subcommand)]
    Methods(methods::Methods),
    /// What a classifier makes of pictures.
    Classify(classify::Classify),
    /// Pictures from a generator's random or given codes.
    Generate(generate::Generate),
    /// Optimize pictures for units, and lay them out on a contact sheet.
    Visualize(visualize::Visualize),
    /// Every run that an experiment file asks for and that is not there yet.
    Sweep(Box<sweep::SweepCommand>),
    /// A labelled contact sheet of a folder of records.
    Sheet(sheet::SheetCommand),
    /// How far pictures drift from those of pixel space, and what their legibility costs.
    Compare(Box<compare::CompareCommand>),
    /// A comparison as one HTML file.
    Report(report::Report),
    /// The folders of records.
    #[command(subcommand)]
    Store(store::Stores),
    /// The speed of an optimization step, against the machine's own limit.
    Bench(bench::Bench),
    /// The JSON Schema of experiment files (draft 2020-12), for editors.
    Schema(schema::Schema),
    /// A completion script for a shell.
    #[command(
        after_help = "Example:\n  metapicture completions bash > ~/.local/share/bash-completion/completions/metapicture"
    )]
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// The manual page, in roff.
    #[command(after_help = "Example:\n  metapicture man | man -l -")]
    Man,
}

/// Where and how wide to compute.
#[derive(Clone, Debug, Args)]
struct Compute {
    /// `cpu`, `cuda` or `cuda:N`.
    #[arg(long, default_value = "cpu", value_name = "DEVICE")]
    device: String,
    /// Threads of libtorch on the CPU; all cores unless told.
    #[arg(long, value_name = "N")]
    threads: Option<u16>,
}

impl Compute {
    /// The device, once libtorch is set up for it.
    fn set_up(&self) -> Result<(Device, i32)> {
        let threads = match self.threads {
            Some(0) => bail!("--threads: at least 1"),
            Some(threads) => i32::from(threads),
            None => std::thread::available_parallelism().map_or(1, |cores| cores.get() as i32),
        };
        tch::set_num_threads(threads);
        let device = match self.device.split_once(':').unwrap_or((&self.device, "0")) {
            ("cpu", "0") => Device::Cpu,
            ("cuda", index) => {
                let index = index
                    .parse::<usize>()
                    .map_err(|_| anyhow!("--device: '{}' is not cpu, cuda or cuda:N", self.device))?;
                let there = if tch::Cuda::is_available() { tch::Cuda::device_count() } else { 0 };
                if there == 0 {
                    bail!(
                        "--device: CUDA is not available here (no GPU, or libtorch without CUDA; `make setup DEVICE=cuda` brings it)"
                    );
                }
                if index as i64 >= there {
                    bail!("--device: there is no cuda:{index}; there are cuda:0 to cuda:{}", there - 1);
                }
                Device::Cuda(index)
            }
            _ => bail!("--device: '{}' is not cpu, cuda or cuda:N", self.device),
        };
        Ok((device, threads))
    }
}

/// What Ctrl-C does to a process that computes.
const BATCH_FIRST: &str = "the running batch is finished first; once more ends at once";

/// A flag that the first Ctrl-C sets, after which what follows is said, where anything is; the second one ends the program.
fn stop_on_interrupt(what_follows: Option<&'static str>) -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&stop);
    // Others may set the flag, too, and then this is the first one all the same.
    let mut interrupted = false;
    ctrlc::set_handler(move || {
        if interrupted {
            std::process::exit(INTERRUPTED.into());
        }
        interrupted = true;
        set.store(true, Ordering::Relaxed);
        if let Some(what_follows) = what_follows {
            eprintln!("\ninterrupted: {what_follows}");
        }
    })
    .context("Ctrl-C cannot be caught")?;
    Ok(stop)
}

/// An error and the exit code that goes with it.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    error: anyhow::Error,
}

/// Something went wrong in the work itself.
const FAILED: u8 = 1;
/// The request cannot be meant.
const USAGE: u8 = 2;
/// Ctrl-C.
const INTERRUPTED: u8 = 130;

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure { code: FAILED, error: error.into() }
    }
}

/// Marks errors of the request: they end with exit code 2.
trait Usage<T> {
    fn usage(self) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> Usage<T> for Result<T, E> {
    fn usage(self) -> Result<T, Failure> {
        self.map_err(|error| Failure { code: USAGE, error: error.into() })
    }
}

/// Part of what tch panics with where libtorch throws.
const OF_LIBTORCH: &str = "Torch(";

/// Parses the arguments and runs the subcommand.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    // What libtorch throws becomes an error of one line; a panic of our own is a bug, and is shown whole.
    let show = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let text = panic.payload().downcast_ref::<String>().map_or("", String::as_str);
        // The reader of our output has gone, as `head` does: nobody is left to tell.
        if text.starts_with("failed printing to stdout") {
            std::process::exit(0);
        }
        if !text.contains(OF_LIBTORCH) {
            show(panic);
        }
    }));
    let attempt = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(cli)));
    let done = attempt.unwrap_or_else(|panic| match panic.downcast_ref::<String>() {
        Some(text) if text.contains(OF_LIBTORCH) => Err(anyhow!("libtorch failed: {}", reason_of(&*panic)).into()),
        _ => std::panic::resume_unwind(panic),
    });
    match done {
        Ok(code) => ExitCode::from(code),
        Err(Failure { code, error }) => {
            // One line: a chain of causes, outermost first.
            let text = format!("{error:#}");
            eprintln!("error: {}", text.lines().map(str::trim).collect::<Vec<_>>().join(" "));
            ExitCode::from(code)
        }
    }
}

fn run(cli: Cli) -> Result<u8, Failure> {
    let quiet = cli.quiet;
    match cli.command {
        Command::Models(command) => load::models(command, quiet),
        Command::Methods(command) => methods::run(command),
        Command::Classify(command) => classify::run(command, quiet),
        Command::Generate(command) => generate::run(command, quiet),
        Command::Visualize(command) => visualize::run(command, quiet, cli.verbose),
        Command::Sweep(command) => sweep::run(*command, quiet, cli.verbose),
        Command::Sheet(command) => sheet::run(command, quiet),
        Command::Compare(command) => compare::run(*command, quiet),
        Command::Report(command) => report::run(command, quiet),
        Command::Store(command) => store::run(command, quiet),
        Command::Bench(command) => bench::run(command, quiet),
        Command::Schema(command) => schema::run(command),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "metapicture", &mut std::io::stdout());
            Ok(0)
        }
        Command::Man => {
            clap_mangen::Man::new(Cli::command()).render(&mut std::io::stdout())?;
            Ok(0)
        }
    }
}

/// Prints one JSON document.
fn print_json(document: &impl serde::Serialize) -> Result<()> {
    println!("{}", serde_json::to_string_pretty(document)?);
    Ok(())
}

/// A word that a POSIX shell reads as it is.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./,:=+%@".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// An aligned table; columns of numbers are set flush right.
fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([header[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let numeric = |column: usize| rows.iter().all(|row| row[column].parse::<f64>().is_ok() || row[column] == "-");
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded = cells.enumerate().map(|(column, cell)| match numeric(column) {
            true => format!("{cell:>width$}", width = widths[column]),
            false => format!("{cell:<width$}", width = widths[column]),
        });
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(&mut header.iter().copied())];
    lines.extend(rows.iter().map(|row| line(&mut row.iter().map(String::as_str))));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_shell_reads_every_word_as_it_was() {
        for word in
            ["", "plain-1.5/x", "a b", "it's", "$HOME `id` $(id) \"q\" \\ * ;&|", "line\nbreak", "~", "{a,b}", "ä"]
        {
            let text = format!("printf %s. {}", quoted(word));
            let read = std::process::Command::new("sh").args(["-c", &text]).output().unwrap();
            assert_eq!(String::from_utf8(read.stdout).unwrap(), format!("{word}."));
        }
    }
}
