//! `metapicture compare`: what legibility costs, over any number of folders of records and tables of foreign pictures.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use clap::Args;
use classifiers::Classifier;
use frozen::zoo::Zoo;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tch::Device;

use super::load::{self, Photographs};
use super::setups::check_witnesses;
use super::{Compute, Failure, Usage, print_json, quoted, table};
use crate::compare::findings::{Findings, Measured, Origin as Made};
use crate::compare::gather::Gathered;
use crate::compare::{Follow, Job, Options, Prior, compare, tables};
use crate::look::networks::{Networks, default_layers, last_features};
use crate::plot;
use crate::random::{Purpose, Seed, order, stream};
use crate::reference::{self, Photograph};
use crate::unit::LayerShapes;

/// How far pictures drift from those of pixel space, and what their legibility costs.
#[derive(Debug, Args)]
#[command(
    after_help = "OUT holds comparison.json (everything, with definitions), metrics.csv (a row a picture), summary.csv (a row a method), units.csv,
layers.csv, plots (SVG and PNG) and the pictures of the controls. `metapicture report OUT` makes a page of it.

Example:
  metapicture compare out/tradeoff --out out/tradeoff-compared
  metapicture compare out/banana --foreign lucent.csv --witness efficientnet-lite1 efficientnet-lite2 --out out/compared"
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
    /// The target [default: that of the records].
    #[arg(long, value_name = "NAME")]
    classifier: Option<String>,
    /// Classifiers that judge; the first is the encoder of features, too [default: those of the records].
    #[arg(long, value_name = "NAME", num_args = 1..)]
    witness: Vec<String>,
    /// Photographs: a set of the zoo, or a folder, whose subfolders may be classes [default: imagenet-samples and photos].
    #[arg(long, value_name = "SET|DIR", num_args = 1..)]
    reference: Vec<String>,
    /// The pixel-space method from which drift is measured [default: naive, or the first one without a generator].
    #[arg(long, value_name = "METHOD")]
    baseline: Option<String>,
    /// Layers of the target in which drift is measured [default: the last bottleneck of each resolution, features, logits].
    #[arg(long, value_name = "LAYER", num_args = 1..)]
    layers: Vec<String>,
    /// Bootstrap replicates of an interval.
    #[arg(long, default_value_t = 10_000, value_name = "B", value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    replicates: u32,
    /// Permutations of a test.
    #[arg(long, default_value_t = 10_000, value_name = "N", value_parser = clap::value_parser!(u32).range(99..=1_000_000))]
    permutations: u32,
    /// Pixel pictures, and photographs, whose nearest picture of each generator is searched (F6); 0 for none.
    #[arg(long, default_value_t = 5, value_name = "N")]
    inversions: usize,
    /// Steps of the codes that this search follows to the end.
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    inversion_steps: u32,
    /// Units that are visualised on the target with permuted weights, as a control; 0 for none.
    #[arg(long, default_value_t = 4, value_name = "N")]
    permuted_units: usize,
    /// Of crops, noise, resampling and permutations.
    #[arg(long, default_value_t = 0, value_name = "SEED")]
    seed: u64,
    /// What the comparison is called [default: what the experiments say of themselves].
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// The summary as one JSON document on stdout.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    compute: Compute,
}

/// The sets of the zoo that photographs come from unless somebody says.
const REFERENCES: [&str; 2] = ["imagenet-samples", "photos"];

pub(super) fn run(command: CompareCommand, quiet: bool) -> Result<u8, Failure> {
    let (device, _) = command.compute.set_up().usage()?;
    let mut gathered = Gathered::default();
    for folder in &command.folders {
        gathered.add_folder(folder, command.classifier.as_deref()).usage()?;
    }
    for path in &command.foreign {
        gathered.add_table(path).usage()?;
    }
    gathered.label();
    let zoo = load::zoo()?;
    let name = target(&command, &gathered).usage()?;
    let classifier = load::classifier(&zoo, &name, device, quiet)?;
    if let Some(sha256) = gathered.classifiers.get(&name).filter(|sha256| **sha256 != classifier.weights_sha256) {
        return Err(anyhow!(
            "the records were made with other weights of {name} ({}) than are here ({})",
            &sha256[..8.min(sha256.len())],
            &classifier.weights_sha256[..8]
        ))
        .usage();
    }
    let names: Vec<String> = match command.witness.is_empty() {
        true => gathered.witnesses.iter().filter(|witness| **witness != name).cloned().collect(),
        false => command.witness.clone(),
    };
    let witnesses = names
        .iter()
        .map(|name| Ok(Arc::new(load::classifier(&zoo, name, device, quiet)?)))
        .collect::<Result<Vec<_>, Failure>>()?;
    check_witnesses(&classifier, &witnesses).context("--witness").usage()?;
    let shapes = LayerShapes::measure(&classifier);
    let layers = match command.layers.is_empty() {
        true => default_layers(&classifier, &shapes).usage()?,
        false => {
            let tap = |name: &String| {
                let tap = classifier
                    .network
                    .tap(name)
                    .map_err(|error| anyhow!("--layers: {} has {error}", classifier.name))?;
                Ok((tap.name.clone(), tap.point))
            };
            command.layers.iter().map(tap).collect::<anyhow::Result<_>>().usage()?
        }
    };
    let mut features = vec![last_features(&classifier, &shapes).usage()?];
    if let Some(encoder) = witnesses.first() {
        features.push(last_features(encoder, &LayerShapes::measure(encoder)).usage()?);
    }
    let (photographs, reference) = photographs(&zoo, &command.reference, &classifier, quiet)?;
    let priors = priors(&zoo, &gathered, device, quiet)?;
    let permuted = match command.permuted_units {
        0 => Err("--permuted-units is 0".to_owned()),
        _ => permuted(&zoo, &name, device, command.seed, quiet)?,
    };
    let job = Job {
        title: command.title.clone().unwrap_or_else(|| title(&command, &gathered)),
        networks: Networks { target: Arc::new(classifier), shapes: Arc::new(shapes), witnesses, layers, features },
        gathered,
        photographs,
        reference,
        priors,
        permuted,
        baseline: command.baseline.clone(),
        out: command.out.clone(),
        options: Options {
            seed: command.seed,
            replicates: command.replicates as usize,
            permutations: command.permutations as usize,
            inversions: command.inversions,
            inversion_steps: command.inversion_steps as usize,
            permuted_units: command.permuted_units,
        },
        command: command_line(),
    };
    job.check().usage()?;
    let bar = Bar::new(quiet);
    let comparison = compare(&job, &bar);
    bar.0.finish_and_clear();
    let comparison = comparison?;
    tables::write(&comparison, &command.out)?;
    let plots = command.out.join("plots");
    for drawn in plot::all(&comparison, &command.out)? {
        plot::write(&drawn, &plots)?;
    }
    if command.json {
        print_json(&summary(&comparison))?;
    } else if !quiet {
        print(&comparison);
        println!("\n{}", command.out.join(tables::JSON).display());
    }
    Ok(0)
}

/// The arguments, without the program's path.
fn command_line() -> String {
    let words = std::env::args().skip(1).map(|word| quoted(&word));
    std::iter::once("metapicture".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}

/// What the experiments say of themselves; else the names of the folders and tables.
fn title(command: &CompareCommand, gathered: &Gathered) -> String {
    let described = gathered.sources.iter().filter_map(|source| {
        let experiment: serde_yaml::Value = serde_yaml::from_str(source.experiment.as_ref()?).ok()?;
        Some(experiment.get("description")?.as_str()?.to_owned())
    });
    let described: Vec<String> = described.collect();
    if !described.is_empty() && described.len() == command.folders.len() {
        return described.join("; ");
    }
    let name = |path: &PathBuf| path.file_stem().map(|name| name.to_string_lossy().into_owned());
    let names: Vec<String> = command.folders.iter().chain(&command.foreign).filter_map(name).collect();
    names.join(", ")
}

/// The classifier that is named, or the one that all records have.
fn target(command: &CompareCommand, gathered: &Gathered) -> anyhow::Result<String> {
    if let Some(name) = &command.classifier {
        return Ok(name.clone());
    }
    let names: Vec<&str> = gathered.classifiers.keys().map(String::as_str).collect();
    match names[..] {
        [name] => Ok(name.to_owned()),
        [] => Err(anyhow!("foreign pictures do not say whose units they show: name the target with --classifier")),
        _ => Err(anyhow!("the records are of {}: choose one with --classifier", names.join(", "))),
    }
}

fn photographs(
    zoo: &Zoo,
    names: &[String],
    classifier: &Classifier,
    quiet: bool,
) -> Result<(Vec<Photograph>, String), Failure> {
    let defaults = || REFERENCES.iter().map(|name| (*name).to_owned()).collect();
    let names: Vec<String> = if names.is_empty() { defaults() } else { names.to_vec() };
    let mut photographs: Vec<Photograph> = vec![];
    for name in &names {
        let found = match load::photographs(zoo, name, quiet)? {
            Photographs::Set(files) => reference::of_set(&files),
            Photographs::Folder(folder) => reference::in_folder(&folder, classifier).context("--reference").usage()?,
        };
        for photograph in found {
            if !photographs.iter().any(|known| known.sha256 == photograph.sha256) {
                photographs.push(photograph);
            }
        }
    }
    // A thousand classes are those of ImageNet, which labels of the zoo mean.
    if classifier.classes != 1000 {
        photographs.iter_mut().for_each(|photograph| {
            photograph.class = photograph.class.filter(|class| *class < classifier.classes as usize);
        });
    }
    Ok((photographs, names.join(", ")))
}

/// The generators of the groups, each loaded once a size.
fn priors(zoo: &Zoo, gathered: &Gathered, device: Device, quiet: bool) -> Result<BTreeMap<usize, Prior>, Failure> {
    let mut loaded: Vec<(String, Option<i64>, Arc<generators::Generator>)> = vec![];
    let mut priors = BTreeMap::new();
    for (place, group) in gathered.groups.iter().enumerate() {
        let Some(name) = &group.generator else { continue };
        let side = group.generator_size.or(group.size);
        let known =
            loaded.iter().find(|(other, of, generator)| other == name && (*of == side || !generator.code.is_spatial()));
        let generator = match known {
            Some((.., generator)) => Arc::clone(generator),
            None => {
                let generator = Arc::new(load::generator(zoo, name, side, device, quiet)?);
                loaded.push((name.clone(), side, Arc::clone(&generator)));
                generator
            }
        };
        let class = group.condition.as_deref().filter(|condition| *condition != "relaxed");
        let condition = load::condition(&generator, class).usage()?;
        priors.insert(place, Prior { generator, condition });
    }
    Ok(priors)
}

type Permuted = Result<(Arc<Classifier>, Arc<LayerShapes>), String>;

/// The target with its weights in a random order.
fn permuted(zoo: &Zoo, name: &str, device: Device, seed: u64, quiet: bool) -> Result<Permuted, Failure> {
    let mut rng = stream(Seed(seed), Purpose::PermutedWeights, 0);
    match load::permuted_classifier(zoo, name, device, &mut |count| order(&mut rng, count), quiet) {
        Ok(classifier) => {
            let shapes = LayerShapes::measure(&classifier);
            Ok(Ok((Arc::new(classifier), Arc::new(shapes))))
        }
        Err(failure) => Ok(Err(format!("{:#}", failure.error))),
    }
}

/// The figures that fit on a terminal: those that claims rest on.
fn print(comparison: &Findings) {
    let shown =
        ["agreement", "witness_probability", "spectral_distance", "activation", "ratio", "likeness", "inversion_gap"];
    let keys: Vec<&str> =
        comparison.metrics.iter().map(|metric| &*metric.key).filter(|key| shown.contains(key)).collect();
    let cell = |figure: Option<&Measured>| match figure.and_then(|figure| Some((figure.value?, figure.interval))) {
        Some((value, Some([low, high]))) => format!("{value:.2} [{low:.2}, {high:.2}]"),
        Some((value, None)) => format!("{value:.2}"),
        None => "-".to_owned(),
    };
    let header: Vec<&str> = ["method", "units", "pictures"].into_iter().chain(keys.iter().copied()).collect();
    let row = |method: &crate::compare::findings::MethodFindings| {
        let mark = if method.kind == Made::Control { "(control) " } else { "" };
        let mut row = vec![format!("{mark}{}", method.label), method.units.to_string(), method.pictures.to_string()];
        row.extend(keys.iter().map(|key| cell(method.metrics.get(*key))));
        row
    };
    println!("{}\n", table(&header, &comparison.methods.iter().map(row).collect::<Vec<_>>()));
    for tradeoff in comparison.tradeoffs.iter().filter(|tradeoff| tradeoff.primary) {
        println!("{}", tradeoff.sentence);
    }
    if !comparison.cautions.is_empty() {
        println!();
    }
    for caution in &comparison.cautions {
        println!("caution: {caution}");
    }
}

/// The comparison without its pictures.
fn summary(comparison: &Findings) -> Findings {
    Findings { pictures: vec![], ..comparison.clone() }
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

impl Follow for Bar {
    fn begin(&self, what: &str, parts: usize) {
        self.0.reset();
        self.0.set_length(parts as u64);
        self.0.set_message(what.to_owned());
    }

    fn at(&self, parts: usize) {
        self.0.set_position(parts as u64);
    }
}
