//! Progress on stderr: shown on a terminal, silent elsewhere and with `--quiet`.

use indicatif::{ProgressBar, ProgressStyle};

use super::bars::bar;
use super::logging::SAID;
use metapicture::engine::render::Watch;
use metapicture::engine::run::{Follow, Run};
use metapicture::engine::store::RunId;

/// A bar over all steps of all runs.
pub struct Steps {
    bar: ProgressBar,
    quiet: bool,
}

/// A bar that counts things of this name; how many there are it is told later, or as it goes.
pub fn counting(things: &str, quiet: bool) -> ProgressBar {
    let bar = bar(quiet);
    if let Ok(style) = ProgressStyle::with_template(&format!("{{bar:30}} {{pos}}/{{len}} {things}  {{eta}} left")) {
        bar.set_style(style);
    }
    bar
}

/// Tells a bar how many are done, and of how many.
pub fn count(bar: &ProgressBar, done: usize, of: usize) {
    bar.set_length(of as u64);
    bar.set_position(done as u64);
}

/// Resolution of the bar: parts of a run.
const PARTS: u64 = 1000;

impl Steps {
    /// For a number of runs.
    pub fn new(runs: usize, quiet: bool) -> Steps {
        let bar = bar(quiet);
        bar.set_length(runs as u64 * PARTS);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {percent:>3} %  {msg}  {eta} left") {
            bar.set_style(style);
        }
        Steps { bar, quiet }
    }

    /// So many runs are there.
    pub fn at(&self, runs: usize, what: &str) {
        self.bar.set_position(runs as u64 * PARTS);
        self.bar.set_message(what.to_owned());
    }

    /// So many of so many parts are done.
    pub fn share(&self, done: usize, of: usize, what: &str) {
        self.bar.set_position(self.bar.length().unwrap_or_default() * done as u64 / of.max(1) as u64);
        self.bar.set_message(what.to_owned());
    }

    /// A line above the bar, for those who want to see it.
    pub fn note(&self, line: &str) {
        match self.quiet {
            true => log::info!("{line}"),
            false => log::info!(target: SAID, "{line}"),
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Follow for Steps {
    fn batch(&self, runs: &[Run], _: &[RunId]) -> Box<dyn Watch> {
        let what = runs.first().map(|run| run.method.name.clone()).unwrap_or_default();
        Box::new(OfBatch { bar: self.bar.clone(), from: self.bar.position(), parts: runs.len() as u64 * PARTS, what })
    }

    fn found(&self, runs: usize) {
        self.bar.inc(runs as u64 * PARTS);
    }
}

/// The part of the bar that belongs to one batch.
struct OfBatch {
    bar: ProgressBar,
    from: u64,
    parts: u64,
    what: String,
}

impl Watch for OfBatch {
    fn step(&self, done: usize, steps: usize, activation: f64) {
        self.bar.set_position(self.from + self.parts * done as u64 / steps.max(1) as u64);
        self.bar.set_message(format!("{}  step {done}/{steps}  activation {activation:.1}", self.what));
    }

    fn screened(&self, done: usize, codes: usize) {
        self.bar.set_message(format!("{}  screening code {done}/{codes}", self.what));
    }

    fn unsaved(&self, error: &crate::cli::error::Error) {
        log::warn!("no checkpoint could be written, the work goes on: {error}");
    }
}
