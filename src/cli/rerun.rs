//! `metapicture rerun`: a run once more, from its record.

use std::path::PathBuf;

use clap::Args;

use super::compute::Compute;
use super::exit::FAILED;
use super::output::print_json;
use super::store::record;
use crate::cli::error::{Context, Result};
use metapicture::engine::again::{Missing, again, device_of};

/// Computes one run again from its record alone, and says whether it comes to the same bytes.
#[derive(Debug, Args)]
#[command(
    after_help = "Device and threads are those of the record unless told. Networks of your own are looked for where they were. A picture may differ by rounding
where another number of runs was computed together, or with other threads.

Exit codes: 0 the same bytes; 1 others.

Example:
  metapicture rerun out/banana/runs/0123456789abcdef"
)]
pub struct Rerun {
    /// The folder of a run, or its record.json.
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// The photographs that its search started from, or was held against, which the record knows by their sha256 alone.
    #[arg(long, value_name = "PHOTOS")]
    from: Option<String>,
    /// Its unit, where a file is part of it that the folder of records has not kept: direction(LAYER, FILE), like(LAYER, PHOTO).
    #[arg(long, value_name = "UNIT")]
    unit: Option<String>,
    /// A folder for what is computed: the files of a record.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// `cpu`, `cuda` or `cuda:N` [default: the record's].
    #[arg(long, value_name = "DEVICE")]
    device: Option<String>,
    /// Threads of libtorch on the CPU [default: the record's].
    #[arg(long, value_name = "N")]
    threads: Option<u16>,
    /// One JSON document on stdout.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(command: Rerun, quiet: bool) -> Result<u8> {
    let (store, then) = record(&command.run)?;
    let device = command.device.or_else(|| device_of(&then)).unwrap_or_else(|| "cpu".to_owned());
    let threads =
        command.threads.or_else(|| u16::try_from(then.provenance.threads).ok().filter(|threads| *threads > 0));
    let models = Compute { device, threads }.models(quiet || command.json)?;
    let missing = Missing { from: command.from, unit: command.unit };
    let bar = super::progress::Steps::new(1, quiet || command.json);
    let watch = |done: usize, steps: usize, activation: f64| {
        bar.share(done, steps, &format!("step {done}/{steps}  activation {activation:.1}"));
    };
    let found = again(&models, &store, &then, &missing, &watch);
    bar.finish();
    let found = found?;
    if let Some(out) = &command.out {
        std::fs::create_dir_all(out).with_context(|| format!("{}: cannot be made", out.display()))?;
        for (name, bytes) in found.sealed.files() {
            let file = out.join(name);
            std::fs::write(&file, bytes).with_context(|| format!("{}: cannot be written", file.display()))?;
        }
    }
    if command.json {
        print_json(&found)?;
    } else if !quiet {
        for (name, same) in &found.files {
            println!("{name}: {}", if *same { "the same bytes" } else { "other bytes" });
        }
        if let Some(levels) = found.levels.filter(|_| !found.same) {
            let [then, now] = found.activation.map(|value| value.map_or("-".to_owned(), |value| format!("{value:.4}")));
            println!("pictures differ by at most {levels} of 255 levels; activation {then} then, {now} now");
        }
        if !found.same_id {
            println!("its id is another: something that decides the result is not what it was");
        }
        if !found.same {
            found.differs.iter().for_each(|what| println!("  {what}"));
            if found.differs.is_empty() {
                println!("  nothing that is known differs; another processor may round otherwise");
            }
        }
    }
    Ok(if found.same { 0 } else { FAILED })
}
