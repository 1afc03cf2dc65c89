//! `metapicture compare`: what legibility costs, over any number of folders of records and tables of foreign pictures.

use std::path::PathBuf;

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::compute::Compute;
use super::output::{print_json, quoted, table};
use crate::cli::error::Result;
use metapicture::engine::compare::findings::{Findings, Measured, MethodFindings, Origin};
use metapicture::engine::compare::{FollowComparison, Options, tables};
use metapicture::engine::comparison::Comparison;

/// Who can read pictures, what they tell of their unit, and what legibility costs.
#[derive(Debug, Args)]
#[command(
    after_help = "OUT holds comparison.json (everything, with definitions), metrics.csv (a row a picture), summary.csv (a row a method), units.csv,
layers.csv, observers.csv (a row a method, unit and observer), photographs.csv and features/ (what observers see), plots (SVG and PNG) and the
pictures of the controls. `metapicture report OUT` makes a page of it.

Example:
  metapicture compare out/tradeoff --out out/tradeoff-compared
  metapicture compare out/banana --foreign lucent.csv --witness squeezenet-caffe bvlc_googlenet --out out/compared"
)]
pub struct CompareCommand {
    /// Folders of records.
    #[arg(value_name = "DIR", required_unless_present = "foreign")]
    folders: Vec<PathBuf>,
    /// A CSV of pictures that another tool made: columns path, unit, method, and perhaps seed; paths are relative to it.
    #[arg(long, value_name = "CSV", num_args = 1..)]
    foreign: Vec<PathBuf>,
    /// Where everything goes.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Manifests of networks of one's own that the records name [default: where they were when the records were made].
    #[arg(long, value_name = "FILE", num_args = 1..)]
    manifest: Vec<String>,
    /// Only runs with this value: method, unit, seed, generator, size, numeric_version, or a setting of the method such as eps; may be repeated.
    #[arg(long = "where", value_name = "AXIS=VALUE", num_args = 1..)]
    only: Vec<String>,
    /// Only runs of these experiment files: those of settings that were given up do not slip in.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    experiment: Vec<PathBuf>,
    /// The target [default: that of the records].
    #[arg(long, value_name = "NAME")]
    classifier: Option<String>,
    /// Classifiers that judge, best of other families than the target's, and encoders such as taef2-encoder, which only choose [default: the records' classifiers].
    #[arg(long, value_name = "NAME", num_args = 1..)]
    witness: Vec<String>,
    /// Photographs: a set of the zoo, or a folder, whose subfolders may be classes [default: imagenet-samples and photos].
    #[arg(long, value_name = "SET|DIR", num_args = 1..)]
    reference: Vec<String>,
    /// The pixel-space method from which strength is measured [default: naive, or the first one without a generator].
    #[arg(long, value_name = "METHOD")]
    baseline: Option<String>,
    /// Layers of the target in which the path is measured [default: the last bottleneck of each resolution, features, logits].
    #[arg(long, value_name = "LAYER", num_args = 1..)]
    layers: Vec<String>,
    /// Bootstrap replicates of an interval.
    #[arg(long, default_value_t = 10_000, value_name = "B", value_parser = clap::value_parser!(u32).range(Options::REPLICATES))]
    replicates: u32,
    /// Permutations of a test.
    #[arg(long, default_value_t = 10_000, value_name = "N", value_parser = clap::value_parser!(u32).range(Options::PERMUTATIONS))]
    permutations: u32,
    /// Pixel pictures, and photographs, whose nearest picture of each generator is searched (F6); 0 for none.
    #[arg(long, default_value_t = 5, value_name = "N")]
    inversions: usize,
    /// Steps of the codes that this search follows to the end.
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u32).range(Options::INVERSION_STEPS))]
    inversion_steps: u32,
    /// Units that are visualised on the target with permuted weights, as a control; 0 for none.
    #[arg(long, default_value_t = 4, value_name = "N")]
    permuted_units: usize,
    /// Units whose natural exemplars are manipulated, so that the measures themselves are tested; 0 for none.
    #[arg(long, default_value_t = 12, value_name = "N")]
    manipulated_units: usize,
    /// Of phases, noise, resampling and permutations.
    #[arg(long, default_value_t = 0, value_name = "SEED")]
    seed: u64,
    /// A file that was written before any result was seen; its sha256 stands in the result.
    #[arg(long, value_name = "FILE")]
    registered: Option<PathBuf>,
    /// What the comparison is called [default: what the experiments say of themselves].
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// The summary as one JSON document on stdout.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    compute: Compute,
}

pub(super) fn run(command: CompareCommand, quiet: bool) -> Result<u8> {
    let models = command.compute.models(quiet)?;
    let mut comparison = Comparison::of(&command.folders)
        .foreign(&command.foreign)
        .manifests(&command.manifest)
        .witnesses(&command.witness)
        .references(&command.reference)
        .layers(&command.layers)
        .only(&command.only)
        .experiments(&command.experiment)
        .command(&command_line())
        .options(Options {
            seed: command.seed,
            replicates: command.replicates as usize,
            permutations: command.permutations as usize,
            inversions: command.inversions,
            inversion_steps: command.inversion_steps as usize,
            permuted_units: command.permuted_units,
            manipulated_units: command.manipulated_units,
        });
    if let Some(name) = &command.classifier {
        comparison = comparison.classifier(name);
    }
    if let Some(method) = &command.baseline {
        comparison = comparison.baseline(method);
    }
    if let Some(title) = &command.title {
        comparison = comparison.title(title);
    }
    if let Some(file) = &command.registered {
        comparison = comparison.registered(file);
    }
    let bar = Bar::new(quiet);
    let findings = comparison.run_watched(&models, &command.out, &bar);
    bar.0.finish_and_clear();
    let findings = findings?;
    if command.json {
        print_json(&summary(&findings))?;
    } else if !quiet {
        print(&findings);
        println!("\n{}", command.out.join(tables::JSON).display());
    }
    Ok(0)
}

/// The arguments, without the program's path.
fn command_line() -> String {
    let words = super::call::words();
    let words = words.iter().map(|word| quoted(word));
    std::iter::once("metapicture".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}

/// The figures that fit on a terminal: those that claims rest on.
fn print(findings: &Findings) {
    let shown = ["explains", "own", "foreign_probability", "kin_probability", "activation", "ratio", "robust"];
    let keys: Vec<&str> =
        findings.metrics.iter().map(|metric| &*metric.key).filter(|key| shown.contains(key)).collect();
    let cell = |figure: Option<&Measured>| match figure.and_then(|figure| Some((figure.value?, figure.interval))) {
        Some((value, Some([low, high]))) => format!("{value:.2} [{low:.2}, {high:.2}]"),
        Some((value, None)) => format!("{value:.2}"),
        None => "-".to_owned(),
    };
    let header: Vec<&str> = ["method", "units", "pictures"].into_iter().chain(keys.iter().copied()).collect();
    let row = |method: &MethodFindings| {
        let mark = if method.kind == Origin::Control { "(control) " } else { "" };
        let mut row = vec![format!("{mark}{}", method.label), method.units.to_string(), method.pictures.to_string()];
        row.extend(keys.iter().map(|key| cell(method.metrics.get(*key))));
        row
    };
    println!("{}\n", table(&header, &findings.methods.iter().map(row).collect::<Vec<_>>()));
    for sentence in findings.sentences() {
        println!("{sentence}");
    }
    if !findings.cautions.is_empty() {
        println!();
    }
    for caution in &findings.cautions {
        println!("caution: {caution}");
    }
}

/// The comparison without its pictures.
fn summary(findings: &Findings) -> Findings {
    Findings { pictures: vec![], ..findings.clone() }
}

/// A bar for each piece of work.
struct Bar(ProgressBar);

impl Bar {
    fn new(quiet: bool) -> Bar {
        let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(1), target);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len}  {msg}  {eta} left") {
            bar.set_style(style);
        }
        Bar(bar)
    }
}

impl FollowComparison for Bar {
    fn begin(&self, what: &str, parts: usize) {
        self.0.reset();
        self.0.set_length(parts as u64);
        self.0.set_message(what.to_owned());
    }

    fn at(&self, parts: usize) -> Result<()> {
        self.0.set_position(parts as u64);
        Ok(())
    }
}
