//! `metapicture visualize`: a sweep of one experiment written as flags, and its contact sheet.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, anyhow};
use clap::Args;
use serde_json::json;

use super::progress::Steps;
use super::{Compute, FAILED, Failure, INTERRUPTED, Usage, load, print_json, table};
use crate::experiment::{Ended, Experiment, Outcome, Run};
use crate::method::Method;
use crate::picture;
use crate::random::Seed;
use crate::record::{Record, Status, Store};
use crate::sheet::{Cell, Sheet};
use crate::unit::{LayerShapes, Unit};

/// Optimize pictures for units, and lay them out on a contact sheet.
#[derive(Debug, Args)]
#[command(after_help = "Units: `banana` or `class:banana` (a class), `logits:954`, `_blocks.10:37` (a channel),
`_blocks.10:37@7,7` (a neuron), `layer:_blocks.10`, `direction(_blocks.10, FILE.npy)`, `cosine(_blocks.10, FILE.npy)`,
`probability(banana)`, `quadratic(_blocks.10:37)`, `banana + 0.5*violin`; `metapicture models info NAME` lists the layers.

Example:
  metapicture visualize --classifier efficientnet-lite0 --generator face-dcgan --unit banana 'bow tie' \\
      --method naive --method latent --witness efficientnet-lite1 --witness efficientnet-lite2 --out out/demo")]
pub struct Visualize {
    /// A classifier of the zoo, or the path of a manifest.
    #[arg(long, value_name = "NAME")]
    classifier: String,
    /// What to visualise.
    #[arg(long = "unit", required = true, num_args = 1.., value_name = "UNIT")]
    units: Vec<String>,
    /// The natural image prior, for methods that search a code: a generator of the zoo, or the path of a manifest.
    #[arg(long, value_name = "NAME")]
    generator: Option<String>,
    /// The class of a conditional generator, by name or index; unless told, it is relaxed and optimized with the code.
    #[arg(long, value_name = "K", requires = "generator")]
    class: Option<String>,
    /// Presets, or paths of methods in YAML [default: latent with a generator, else naive].
    #[arg(long = "method", num_args = 1.., value_name = "METHOD")]
    methods: Vec<String>,
    /// Classifiers that judge the pictures and take no part.
    #[arg(long = "witness", num_args = 1.., value_name = "NAME")]
    witnesses: Vec<String>,
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
    /// The folder of the records and of the contact sheet. Runs that are there are not computed again.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// One JSON document on stdout.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    compute: Compute,
}

pub(super) fn run(command: Visualize, quiet: bool, verbose: bool) -> Result<u8, Failure> {
    let (device, threads) = command.compute.set_up().usage()?;
    let methods = methods(&command).usage()?;
    if command.seed.checked_add(command.seeds).is_none() {
        return Err(anyhow!("--seed: {} is too large for {} seeds", command.seed, command.seeds)).usage();
    }
    let zoo = load::zoo()?;
    let classifier = load::classifier(&zoo, &command.classifier, device, quiet)?;
    let shapes = LayerShapes::measure(&classifier);
    let units = command
        .units
        .iter()
        .map(|unit| Unit::parse(unit, &classifier, &shapes))
        .collect::<Result<Vec<_>, _>>()
        .usage()?;
    let generator = command.generator.as_ref().map(|name| load::generator(&zoo, name, device, quiet)).transpose()?;
    let generator = match (generator, command.size) {
        (Some(generator), Some(side)) if generator.code.is_spatial() => {
            Some(generator.at(side).map_err(|reason| anyhow!("--size: {reason}")).usage()?)
        }
        (generator, _) => generator,
    };
    let condition = match &generator {
        Some(generator) => load::condition(generator, command.class.as_deref()).usage()?,
        None => None,
    };
    let witnesses = command
        .witnesses
        .iter()
        .map(|name| load::classifier(&zoo, name, device, quiet))
        .collect::<Result<Vec<_>, _>>()?;
    if let Some(witness) = witnesses.iter().find(|witness| witness.weights_sha256 == classifier.weights_sha256) {
        return Err(anyhow!("--witness: {} is the classifier itself; a witness takes no part", witness.name)).usage();
    }
    if let Some(witness) = witnesses.iter().find(|witness| witness.classes != classifier.classes) {
        let (they, ours) = (witness.classes, classifier.classes);
        return Err(anyhow!("--witness: {} knows {they} classes, {} {ours}", witness.name, classifier.name)).usage();
    }
    let encoding = generator.as_ref().and_then(|generator| generator.code.encoding);
    let encoding = encoding.filter(|of| methods.iter().any(Method::encodes) && of.classifier != classifier.name);
    let encoder = encoding.map(|of| load::classifier(&zoo, of.classifier, device, quiet)).transpose()?;
    let store = Store::open(&command.out)?;
    let experiment = Experiment {
        encoder,
        size: command.size,
        classifier,
        shapes,
        generator,
        condition,
        witnesses,
        device,
        threads,
        batch: command.batch.into(),
    };
    experiment.check(&units, &methods).usage()?;
    let runs = plan(&command, &experiment, &units, &methods);

    let stop = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if set.swap(true, Ordering::Relaxed) {
            std::process::exit(INTERRUPTED.into());
        }
        eprintln!("\ninterrupted: the running batch is finished first; once more ends at once");
    })
    .context("Ctrl-C cannot be caught")?;

    let steps = Steps::new(runs.len(), quiet || command.json);
    if verbose {
        steps.say(&format!(
            "{} runs in {} batches on {}",
            runs.len(),
            experiment.batches(&runs).len(),
            command.compute.device
        ));
    }
    let watch =
        |batch: &[Run]| steps.batch(batch.len(), batch.first().map(|run| run.method.name.clone()).unwrap_or_default());
    let ended = experiment.run(&runs, &store, &stop, &watch)?;
    steps.finish();
    leave(&command, &experiment, &store, &units, &methods, &ended, quiet)
}

/// The methods asked for, with the steps asked for.
fn methods(command: &Visualize) -> anyhow::Result<Vec<Method>> {
    let default = if command.generator.is_some() { "latent" } else { "naive" };
    let names = if command.methods.is_empty() { vec![default.to_owned()] } else { command.methods.clone() };
    let mut methods: Vec<Method> = vec![];
    for name in names {
        let mut method = Method::find(&name)?;
        if method.needs_generator() && command.generator.is_none() {
            return Err(anyhow!("method '{}' searches a generator's code: name one with --generator", method.name));
        }
        if let Some(steps) = command.steps {
            method.steps = steps as usize;
        }
        if let Some(facets) = command.facets {
            method.facets = facets.into();
            method.check().with_context(|| format!("--facets with method '{}'", method.name))?;
        }
        if methods.iter().any(|other| other.name == method.name) {
            return Err(anyhow!("--method: '{}' is named twice", method.name));
        }
        methods.push(method);
    }
    Ok(methods)
}

/// The runs: every method, unit and seed; a unit that is named twice counts once.
fn plan(command: &Visualize, experiment: &Experiment, units: &[Unit], methods: &[Method]) -> Vec<Run> {
    let mut runs: Vec<Run> = vec![];
    let mut ids = std::collections::BTreeSet::new();
    for method in methods {
        for unit in units {
            for seed in command.seed..command.seed + command.seeds {
                for facet in 0..method.facets {
                    let run = Run { unit: unit.clone(), method: method.clone(), seed: Seed(seed), facet };
                    if ids.insert(experiment.id(&run)) {
                        runs.push(run);
                    }
                }
            }
        }
    }
    runs
}

/// Writes the sheet and the table of results, prints what came of it, and tells the exit code.
fn leave(
    command: &Visualize,
    experiment: &Experiment,
    store: &Store,
    units: &[Unit],
    methods: &[Method],
    ended: &Ended,
    quiet: bool,
) -> Result<u8, Failure> {
    let records: Vec<&Record> = ended.outcomes.iter().map(|outcome| &outcome.record).collect();
    if !records.is_empty() {
        let sheet = sheet(command, experiment, store, units, methods, &records)?;
        sheet.draw()?.save(command.out.join("sheet.png")).context("sheet.png cannot be written")?;
        std::fs::write(command.out.join("results.csv"), results_csv(&records))
            .context("results.csv cannot be written")?;
    }
    if command.json {
        print_json(&json!({ "out": command.out, "left": ended.left, "records": records }))?;
    } else if !quiet {
        print_tables(&command.out, &ended.outcomes, methods);
    }
    let failed: Vec<&&Record> = records.iter().filter(|record| record.status == Status::Failed).collect();
    for record in &failed {
        let error = record.error.as_deref().unwrap_or_default();
        eprintln!("error: {} by {}, seed {}: {error}", record.unit.name, record.method, record.seed.0);
    }
    if ended.left > 0 {
        eprintln!("interrupted: {} runs are left; the same command goes on with them", ended.left);
        return Ok(INTERRUPTED);
    }
    Ok(if failed.is_empty() { 0 } else { FAILED })
}

/// `-` for what there is not.
fn number(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.decimals$}"))
}

fn print_tables(out: &Path, outcomes: &[Outcome], methods: &[Method]) {
    let rows: Vec<Vec<String>> = outcomes
        .iter()
        .map(|Outcome { record, .. }| {
            let name = record.unit.name.strip_prefix("class:").unwrap_or(&record.unit.name).to_owned();
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
        let of: Vec<&Record> =
            outcomes.iter().map(|o| &o.record).filter(|record| record.method == method.name).collect();
        let mean = |values: Vec<f64>| (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
        let activation = mean(of.iter().filter_map(|record| record.activation.scored).collect());
        let witness = mean(of.iter().filter_map(|record| record.witness_probability()).collect());
        means.push(vec![method.name.clone(), of.len().to_string(), number(activation, 1), number(witness, 3)]);
    }
    println!("{}\n", table(&["method", "runs", "mean activation", "mean witness probability"], &means));
    let found = outcomes.iter().filter(|outcome| outcome.found).count();
    if found > 0 {
        println!("{found} of {} runs were there already", outcomes.len());
    }
    println!(
        "{} and results.csv show them; the records are in {}",
        out.join("sheet.png").display(),
        out.join("runs").display()
    );
}

/// A row a run.
fn results_csv(records: &[&Record]) -> String {
    let mut text = "run_id,status,classifier,generator,method,unit,seed,facet,steps,initial,final,best,scored,probability,witness_probability\n".to_owned();
    let cell = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
    for record in records {
        let status = if record.status == Status::Done { "done" } else { "failed" };
        let activation = &record.activation;
        let fields = [
            record.run_id.to_string(),
            status.to_owned(),
            record.classifier.clone(),
            record.generator.clone().unwrap_or_default(),
            record.method.clone(),
            // The only field that may hold a comma: a neuron's position.
            format!("\"{}\"", record.unit.name.replace('"', "\"\"")),
            record.seed.0.to_string(),
            record.facet.to_string(),
            record.steps.to_string(),
            cell(activation.initial),
            cell(activation.last),
            cell(activation.best),
            cell(activation.scored),
            cell(record.probability),
            cell(record.witness_probability()),
        ];
        text.push_str(&fields.join(","));
        text.push('\n');
    }
    text
}

/// Units by methods and seeds.
fn sheet(
    command: &Visualize,
    experiment: &Experiment,
    store: &Store,
    units: &[Unit],
    methods: &[Method],
    records: &[&Record],
) -> anyhow::Result<Sheet> {
    let mut rows: Vec<&Unit> = vec![];
    for unit in units {
        if !rows.contains(&unit) {
            rows.push(unit);
        }
    }
    let seeds: Vec<u64> = (command.seed..command.seed + command.seeds).collect();
    let mut columns: Vec<(&Method, u64, usize)> = vec![];
    for method in methods {
        columns.extend(seeds.iter().flat_map(|&seed| (0..method.facets).map(move |facet| (method, seed, facet))));
    }
    let cell = |unit: &Unit, (method, seed, facet): (&Method, u64, usize)| -> anyhow::Result<Option<Cell>> {
        let found = |record: &&&Record| {
            record.unit.name == unit.name
                && record.method == method.name
                && record.seed.0 == seed
                && record.facet == facet
        };
        let Some(record) = records.iter().find(found) else { return Ok(None) };
        if record.status == Status::Failed {
            return Ok(Some(Cell { picture: None, caption: vec!["failed".to_owned()] }));
        }
        let mut caption = vec![format!("activation {}", number(record.activation.scored, 1))];
        if let Some(probability) = record.witness_probability() {
            caption.push(format!("witnesses {probability:.2}"));
        }
        Ok(Some(Cell { picture: Some(picture::read(&store.picture(&record.run_id))?), caption }))
    };
    let mut cells = vec![];
    for unit in &rows {
        cells.push(columns.iter().map(|column| cell(unit, *column)).collect::<anyhow::Result<Vec<_>>>()?);
    }
    let names: Vec<String> = rows.iter().map(|unit| unit.title().to_owned()).collect();
    let classifier = &experiment.classifier.name;
    let mut notes = vec![format!(
        "activation: of the unit in {classifier}, measured on the saved 8-bit picture (for a class, its logit)"
    )];
    if !experiment.witnesses.is_empty() {
        let names: Vec<&str> = experiment.witnesses.iter().map(|witness| witness.name.as_str()).collect();
        notes.push(format!("witnesses: mean probability of the class in {}, which took no part", names.join(" and ")));
    }
    let title = match &experiment.generator {
        Some(generator) => format!("What {classifier} looks for; prior: {}", generator.name),
        None => format!("What {classifier} looks for"),
    };
    let heading = |(method, seed, facet): &(&Method, u64, usize)| {
        let mut text = method.name.clone();
        if seeds.len() > 1 {
            text.push_str(&format!(", seed {seed}"));
        }
        if method.facets > 1 {
            text.push_str(&format!(", facet {facet}"));
        }
        text
    };
    let columns: Vec<String> = columns.iter().map(heading).collect();
    let sheet = Sheet { title, columns, rows: names, cells, notes, side: 224 };
    // Wide rather than high, as long as it fits a page.
    let across = sheet.rows.len() > sheet.columns.len() && sheet.rows.len() <= 8;
    Ok(if across { sheet.transposed() } else { sheet })
}
