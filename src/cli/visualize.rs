//! `metapicture visualize`: a sweep of one experiment written as flags, and its contact sheet.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::compute::Compute;
use super::exit::{FAILED, INTERRUPTED, TERMINATED};
use super::film::Showing;
use super::interrupt::{BATCH_FIRST, is_terminated, leave_on_termination, stop_on_interrupt};
use super::logging::SAID;
use super::output::{print_json, table};
use super::progress::Steps;
use super::store::warn_of_damage;
use crate::cli::error::{Context, OfRequest, Result, request};
use metapicture::engine::experiment_file::Seeds;
use metapicture::engine::method::Method;
use metapicture::engine::run::{Ended, KeyNames, Loader, ModelSet, Plan, Results, Worker, units};
use metapicture::engine::sheet;
use metapicture::engine::store::{Entry, Record, Status, Store};
use metapicture::engine::sweep::REFERENCE;

/// Side of a picture on the sheet, in pixels.
const SHEET_SIDE: u32 = 224;

/// Optimize pictures for units, and lay them out on a contact sheet.
#[derive(Debug, Args)]
#[command(after_help = "Units: `banana` or `class:banana` (a class), `logits:954`, `_blocks.10:37` (a channel),
`_blocks.10:37@7,7` (a neuron), `layer:_blocks.10`, `direction(_blocks.10, FILE.npy)`, `cosine(_blocks.10, FILE.npy)`,
`probability(banana)`, `quadratic(_blocks.10:37)`, `banana + 0.5*violin`, `banana - banana @ OTHER` (another network);
towards a photograph: `inversion(LAYER, PHOTO)`, `like(…)`, `caricature(…)`, `guide(…)`, `style(…)`; a dictionary's `direction(LAYER, FILE:k)`,
a class's `component(banana, 0, FOLDER)`; `pair(UNIT)` for what fires it most and least; many at once: `_blocks.10:0..63`, `_blocks.10:*`,
`class:0..99`, `layer:_blocks.*`, `strongest(_blocks.10, 20)`; `metapicture models info NAME` lists the layers.

Example:
  metapicture visualize --classifier efficientnet-lite0 --generator face-dcgan --unit banana 'bow tie' \\
      --method naive --method latent --witness efficientnet-lite1 --witness efficientnet-lite2 --out out/demo")]
pub struct Visualize {
    /// A classifier of the zoo, or the path of a manifest.
    #[arg(long, value_name = "NAME")]
    classifier: String,
    /// What to visualise.
    #[arg(long = "unit", required = true, num_args = 1.., value_name = "UNIT")]
    pub(super) units: Vec<String>,
    /// The natural image prior, for methods that search a code: a generator of the zoo, or the path of a manifest.
    #[arg(long, value_name = "NAME")]
    generator: Option<String>,
    /// The class of a conditional generator, by name or index; unless told, it is relaxed and optimized with the code.
    #[arg(long, value_name = "K", requires = "generator")]
    class: Option<String>,
    /// Presets, or paths of methods in YAML [default: regularized; with a generator latent, or as its codes ask latent-natural, latent-spatial or dgn-am].
    #[arg(long = "method", num_args = 1.., value_name = "METHOD")]
    methods: Vec<String>,
    /// Classifiers that judge the pictures and take no part.
    #[arg(long = "witness", num_args = 1.., value_name = "NAME")]
    witnesses: Vec<String>,
    /// Photographs that the pictures start from, instead of noise: a set of the zoo (`photos`), a folder, or a file, such as a run's image.png.
    /// Each seed takes another one, in the order of their names; its central square. Searches of codes start from the one of 32 random
    /// squares that fires the unit most.
    #[arg(long, value_name = "PHOTOS")]
    from: Option<String>,
    /// Photographs over which the channels of `strongest(LAYER, N)` are found [default: photos], and against which methods such as vital-2025 hold
    /// pictures: a set of the zoo, or a folder.
    #[arg(long, value_name = "SET|DIR")]
    reference: Option<String>,
    /// Optimization steps in each octave, instead of the methods' own number.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    steps: Option<u32>,
    /// The first seed.
    #[arg(long, default_value_t = 0, value_name = "S")]
    seed: u64,
    /// How many seeds.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// How many pictures of each unit and seed are optimized together, instead of the methods' own number.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    facets: Option<u16>,
    /// Side of the pictures of the last octave in pixels [default: the method's, from the classifier's input up].
    #[arg(long, value_name = "PX", value_parser = clap::value_parser!(i64).range(8..=4096))]
    size: Option<i64>,
    /// Runs computed together. Their number changes results by rounding only.
    #[arg(long, default_value_t = 8, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    batch: u16,
    /// The folder of the records and of the contact sheet. Batches that are there whole are not computed again.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Shows the pictures in the terminal while they are made: as kitty, iTerm2 or sixel do where the terminal can, else in half blocks.
    #[arg(long, conflicts_with = "json")]
    preview: bool,
    /// Leaves a film of every run that is computed, in which every K-th step is a picture: an animated WebP in OUT/films.
    #[arg(long, value_name = "K", num_args = 0..=1, default_missing_value = "8", value_parser = clap::value_parser!(u16).range(1..))]
    film: Option<u16>,
    /// One JSON document on stdout.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    compute: Compute,
}

pub(super) fn run(command: Visualize, quiet: bool) -> Result<u8> {
    if command.preview && !std::io::stderr().is_terminal() {
        return Err(request!("--preview shows pictures in a terminal, and stderr is none")).of_request();
    }
    let models = command.compute.models(quiet)?;
    let mut methods = methods(&command, &command.methods).of_request()?;
    let Some(last) = command.seed.checked_add(command.seeds - 1) else {
        return Err(request!("--seed: {} is too large for {} seeds", command.seed, command.seeds)).of_request();
    };
    let mut starts: Vec<&str> = methods.iter().filter_map(Method::photographs).collect();
    starts.dedup();
    if let [first, other, ..] = starts[..] {
        return Err(request!(
            "--method: one starts from {first}, another from {other}; an experiment file has room for both"
        ))
        .of_request();
    }
    let mut loader = Loader::new(&models, KeyNames::FLAGS, command.witnesses.clone());
    let number = loader.number(ModelSet {
        classifier: command.classifier.clone(),
        generator: command.generator.clone(),
        class: command.class.clone(),
        generator_size: None,
        size: command.size,
        encodes: command.from.is_some() || methods.iter().any(Method::encodes),
        photographs: command.from.clone().or_else(|| methods.iter().find_map(Method::photographs).map(str::to_owned)),
    });
    let experiment = loader.experiment(number)?;
    if methods.is_empty() {
        let default = Method::default_for(experiment.generator.as_deref()).to_owned();
        methods = self::methods(&command, &[default]).of_request()?;
    }
    let mut reference = || models.pictures(command.reference.as_deref().unwrap_or(REFERENCE));
    let (classifier, shapes) = (&experiment.classifier, &experiment.shapes);
    let units = units::resolve_words(&command.units, classifier, shapes, &|name| models.of_units(name), &mut reference)
        .of_request()?;
    experiment.check(&units, &methods).of_request()?;
    let witnesses: Vec<String> = experiment.witnesses.iter().map(|witness| witness.name.clone()).collect();
    let seeds = Seeds::from(command.seed..=last);
    let mut plan = Plan::default();
    for method in &methods {
        plan.add(number, &experiment, method, &units, &seeds, vec![], command.batch.into()).of_request()?;
    }
    let store = Store::open(&command.out)?;
    warn_of_damage(&store);
    let stop = stop_on_interrupt(Some(BATCH_FIRST))?;
    let leaving = leave_on_termination(&stop)?;
    let steps = Steps::new(plan.runs().len(), quiet || command.json);
    log::info!("{} runs in {} batches on {}", plan.runs().len(), plan.batch_count(), command.compute.device);
    // What is asked for by hand is tried again where it failed.
    let worker = Worker { retry_failed: true, leave: leaving, ..Worker::whole(&plan, &store, &witnesses, &stop) };
    let showing = Showing::new(&steps, &store, command.film.map(usize::from), command.preview);
    let ended = worker.run(&mut |_| Ok(Arc::clone(&experiment)), &showing)?;
    steps.finish();
    let films = showing.finish()?;
    warn_of_damage(&store);
    let results = Results { plan: &plan, store: &store, axes: &[], witnesses: &witnesses };
    results.keep_files()?;
    results.write_manifests(models.of_ones_own())?;
    leave(&command, &results, &methods, ended, films, quiet)
}

/// The methods of these names, with the steps asked for.
fn methods(command: &Visualize, names: &[String]) -> Result<Vec<Method>> {
    let mut methods: Vec<Method> = vec![];
    for name in names {
        let mut method = Method::find(name)?;
        if method.needs_generator() && command.generator.is_none() {
            return Err(request!("method '{}' searches a generator's code: name one with --generator", method.name));
        }
        if let Some(steps) = command.steps {
            method.steps = steps as usize;
        }
        if let Some(photographs) = &command.reference {
            method.hold_against(photographs);
        }
        if let Some(photographs) = &command.from {
            if !method.start_from(photographs) {
                let name = &method.name;
                return Err(request!("--from: method '{name}' starts from no picture"));
            }
            method.check().with_context(|| format!("--from with method '{}'", method.name))?;
        }
        if let Some(facets) = command.facets {
            method.facets = facets.into();
            method.check().with_context(|| format!("--facets with method '{}'", method.name))?;
        }
        if methods.iter().any(|other| other.name == method.name) {
            return Err(request!("--method: '{}' is named twice", method.name));
        }
        methods.push(method);
    }
    Ok(methods)
}

/// Writes the sheet and the tables of results, prints what came of it, and tells the exit code.
fn leave(
    command: &Visualize,
    results: &Results,
    methods: &[Method],
    ended: Ended,
    films: usize,
    quiet: bool,
) -> Result<u8> {
    let entries: Vec<Entry> = results.plan.runs().iter().filter_map(|run| results.store.entry(&run.id())).collect();
    if !entries.is_empty() {
        sheet::draw(results, SHEET_SIDE)?;
        results.write()?;
    }
    if command.json {
        let records: Vec<Record> =
            results.plan.runs().iter().filter_map(|run| results.store.record(&run.id())).collect();
        print_json(&json!({ "out": command.out, "left": ended.left, "records": records }))?;
    } else if !quiet {
        print_tables(&command.out, &entries, ended, methods);
        if command.film.is_some() {
            println!("{films} films of how they were made are in {}", command.out.join("films").display());
        }
    }
    let failed: Vec<&Entry> = entries.iter().filter(|entry| entry.status == Status::Failed).collect();
    for entry in &failed {
        let error = entry.error.as_deref().unwrap_or_default();
        log::error!("{} by {}, seed {}: {error}", entry.unit, entry.method, entry.seed.0);
    }
    if ended.left > 0 {
        let (why, code) = if is_terminated() { ("terminated", TERMINATED) } else { ("interrupted", INTERRUPTED) };
        log::info!(target: SAID, "{why}: {} runs are left; the same command goes on with them", ended.left);
        return Ok(code);
    }
    Ok(if failed.is_empty() { 0 } else { FAILED })
}

/// `-` for what there is not.
fn number(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.decimals$}"))
}

fn print_tables(out: &Path, entries: &[Entry], ended: Ended, methods: &[Method]) {
    let rows: Vec<Vec<String>> = entries
        .iter()
        .map(|record| {
            let name = record.unit.strip_prefix("class:").unwrap_or(&record.unit).to_owned();
            vec![
                record.method.clone(),
                name,
                record.seed.0.to_string(),
                number(record.activation.initial, 1),
                number(record.activation.scored, 1),
                number(record.probability, 3),
                number(record.witness_probability(), 3),
            ]
        })
        .collect();
    let header = ["method", "unit", "seed", "start", "activation", "probability", "witnesses"];
    println!("{}\n", table(&header, &rows));
    let mut means = vec![];
    for method in methods {
        let of: Vec<&Entry> = entries.iter().filter(|entry| entry.method == method.name).collect();
        let mean = |values: Vec<f64>| (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
        let activation = mean(of.iter().filter_map(|record| record.activation.scored).collect());
        let witness = mean(of.iter().filter_map(|record| record.witness_probability()).collect());
        means.push(vec![method.name.clone(), of.len().to_string(), number(activation, 1), number(witness, 3)]);
    }
    println!("{}\n", table(&["method", "runs", "mean activation", "mean witness probability"], &means));
    if ended.found > 0 {
        println!("{} of {} runs were there already", ended.found, entries.len());
    }
    println!(
        "{} and results.csv show them; the records are in {}",
        out.join("sheet.png").display(),
        out.join("runs").display()
    );
}
