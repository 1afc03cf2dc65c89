//! `metapicture sweep`: every run that an experiment file asks for and that is not there yet.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use clap::{Args, ValueEnum};
use image::RgbImage;
use serde_json::{Value, json};

use super::estimate::{self, Estimate};
use super::progress::Steps;
use super::setups::{Asked, Setup, Setups};
use super::store::warn_of_damage;
use super::workers::{self, Workers};
use super::{
    BATCH_FIRST, Compute, FAILED, Failure, INTERRUPTED, Usage, load, print_json, sheet, slurm, stop_on_interrupt, table,
};
use crate::checkpoint::PAUSE;
use crate::experiment_file::{ExperimentFile, Located, UnitPattern};
use crate::run::plan::{Plan, Share};
use crate::run::results::{Count, Results};
use crate::run::units;
use crate::run::worker::{Ended, Worker};
use crate::store::record::Status;
use crate::store::{Aside, Entry, Key, Store};
use crate::unit::Unit;

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
  metapicture sweep experiments/smoke.yaml --engine slurm --partition gpu --gpus 1 --time 2:00:00 --max-tasks 20"
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
    dry_run: bool,
    /// Where to compute, instead of what the file says: cpu, cuda, cuda:N, or several with commas between them, a process each.
    #[arg(long, value_name = "DEVICE", value_delimiter = ',')]
    device: Vec<String>,
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
    engine: Engine,
    #[command(flatten)]
    pub(super) slurm: slurm::Options,
    /// One of several processes on this machine: where in the plan it begins.
    #[arg(long, value_name = "I/N", hide = true)]
    worker: Option<Share>,
    /// One JSON document on stdout.
    #[arg(long)]
    json: bool,
}

/// Who works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Engine {
    /// This machine.
    Local,
    /// A Slurm cluster: an array job, each of whose tasks is a shard.
    Slurm,
}

/// An experiment, planned.
pub(super) struct Planned {
    pub(super) file: ExperimentFile,
    pub(super) out: PathBuf,
    pub(super) plan: Plan,
    axes: Vec<String>,
    witnesses: Vec<String>,
}

impl Planned {
    pub(super) fn results<'a>(&'a self, store: &'a Store) -> Results<'a> {
        Results { plan: &self.plan, store, axes: &self.axes, witnesses: &self.witnesses }
    }
}

pub(super) fn run(command: SweepCommand, quiet: bool, verbose: bool) -> Result<u8, Failure> {
    let file = ExperimentFile::load(&command.file, &command.set).usage()?;
    let devices: Vec<String> = match (&command.device[..], &file.devices[..]) {
        ([], []) => vec!["cpu".to_owned()],
        ([], of_file) => of_file.iter().map(|device| device.value.clone()).collect(),
        (of_flag, _) => of_flag.to_vec(),
    };
    if command.engine == Engine::Slurm {
        if command.shard.is_some() {
            return Err(anyhow!("--shard: the engine slurm divides the plan itself; see --max-tasks")).usage();
        }
        if let [device, _, ..] = &devices[..] {
            return Err(anyhow!("--device: a task of the engine slurm has one, such as {device}, or --gpus N")).usage();
        }
    }
    // What is computed elsewhere is planned here.
    let threads = command.threads.or(file.threads);
    let local = command.engine == Engine::Local;
    let device = if local && (command.dry_run || devices.len() == 1) { &*devices[0] } else { "cpu" }.to_owned();
    if local {
        let check = |device: &String| Compute { device: device.clone(), threads }.set_up().map(|_| ());
        devices.iter().try_for_each(check).usage()?;
    }
    let compute = Compute { device, threads }.set_up().usage()?;
    let devices = if local { devices } else { slurm::devices(&command.slurm, &devices[0]) };
    let zoo = load::zoo()?;
    let witnesses = file.compare.witnesses.iter().map(|name| name.value.clone()).collect();
    let mut setups = Setups::new(&zoo, compute, (Asked::BY_KEYS, witnesses), quiet);
    let planned = plan(file, &command, &mut setups)?;
    let hidden = quiet || command.json;
    if command.dry_run {
        let estimate =
            estimate::estimate(&planned.plan, &planned.out, command.shard, command.retry_failed, &mut setups, hidden)?;
        let job = if local { None } else { Some(slurm::preview(&command, &planned, &devices)?) };
        let processes = if local { devices.len() } else { 1 };
        return dry_run(&planned, &estimate, processes, job.as_ref(), command.json);
    }
    let store = Store::open(&planned.out)?;
    warn_of_damage(&store);
    let stop = stop_on_interrupt(match command.engine {
        // The process that started this one says it.
        Engine::Local if command.worker.is_some() => None,
        Engine::Local => Some(BATCH_FIRST),
        Engine::Slurm => Some("the tasks are not followed any more"),
    })?;
    if command.worker.is_some() {
        workers::stop_with_parent(&stop)?;
    }
    let runs = planned.plan.runs().len();
    let steps = Steps::new(runs, hidden);
    if verbose {
        steps.say(&format!("{runs} runs in {} batches on {}", planned.plan.batch_count(), devices.join(", ")));
    }
    let mut left = 0;
    match command.engine {
        Engine::Slurm => {
            describe(&planned, &store, &devices)?;
            slurm::follow(&command, &planned, &store, &devices, &stop, &steps)?;
        }
        Engine::Local if devices.len() > 1 => {
            Workers::start(&command, &planned.out, &devices, threads)?.follow(&planned.plan, &store, &stop, &steps)?;
        }
        Engine::Local => left = work(&command, &planned, &store, &mut setups, &stop, &steps)?.left,
    }
    steps.finish();
    store.refresh();
    warn_of_damage(&store);
    if command.worker.is_some() {
        return Ok(if stop.load(Ordering::Relaxed) { INTERRUPTED } else { 0 });
    }
    leave(&command, &planned, &store, &devices, stop.load(Ordering::Relaxed), left, quiet)
}

/// Works off this process's share of the plan.
fn work(
    command: &SweepCommand,
    planned: &Planned,
    store: &Store,
    setups: &mut Setups,
    stop: &AtomicBool,
    steps: &Steps,
) -> Result<Ended, Failure> {
    let sweep = Worker {
        share: command.shard.unwrap_or(Share::WHOLE),
        begin: command.worker.unwrap_or(Share::WHOLE),
        retry_failed: command.retry_failed,
        pause: Duration::try_from_secs_f64(command.checkpoint_every).unwrap_or(PAUSE).min(Duration::from_secs(60)),
        ..Worker::whole(&planned.plan, store, &planned.witnesses, stop)
    };
    let mut failure = None;
    let ended = sweep.run(
        &mut |number| {
            setups.experiment(number).map_err(|error| {
                let text = format!("{:#}", error.error);
                failure = Some(error);
                crate::error::Error::request(text)
            })
        },
        steps,
    );
    match (ended, failure) {
        (Err(_), Some(failure)) => Err(failure),
        (ended, _) => Ok(ended?),
    }
}

/// Every run of the file, the units resolved.
fn plan(file: ExperimentFile, command: &SweepCommand, setups: &mut Setups) -> Result<Planned, Failure> {
    let mut plan = Plan::default();
    let mut witnesses = vec![];
    // By the place of the patterns in memory, which are kept, so that no others come to lie there.
    type Place = (String, *const Located<UnitPattern>);
    type Resolved = (Arc<[Located<UnitPattern>]>, Arc<[Unit]>);
    let mut units: HashMap<Place, Resolved> = HashMap::new();
    let mut pictures: Vec<RgbImage> = vec![];
    for point in file.points.iter() {
        let point = point.usage()?;
        let generator = point.generator.as_ref();
        let setup = Setup {
            classifier: point.classifier.value.clone(),
            generator: generator.map(|of| of.name.value.clone()),
            class: generator.and_then(|of| of.class.as_ref()).map(|class| class.value.clone()),
            generator_size: generator.and_then(|of| of.size),
            size: point.size,
            encodes: point.method.encodes(),
        };
        let number = setups.number(setup);
        let experiment = setups.experiment(number)?;
        witnesses = experiment.witnesses.iter().map(|witness| witness.name.clone()).collect();
        let key = (point.classifier.value.clone(), point.units.as_ptr());
        let units = match units.get(&key) {
            Some((_, units)) => Arc::clone(units),
            None => {
                // Before anything is resolved: that they cannot be had is another failure than a wrong unit.
                let looks = point.units.iter().any(|unit| matches!(unit.value, UnitPattern::Strongest { .. }));
                if looks && pictures.is_empty() {
                    let name = file.compare.reference.as_ref().map_or("photos", |name| name.value.as_str());
                    pictures = setups.reference(name)?;
                }
                let mut reference = || Ok(pictures.clone());
                let resolved = units::resolve(&point.units, &experiment.classifier, &experiment.shapes, &mut reference);
                let resolved: Arc<[Unit]> = resolved.usage()?.into();
                units.insert(key, (Arc::clone(&point.units), Arc::clone(&resolved)));
                resolved
            }
        };
        experiment.check(&units, std::slice::from_ref(&point.method)).usage()?;
        let batch = command.batch.or(file.batch).map_or_else(|| experiment.batch(&point.method), usize::from);
        plan.add(number, &experiment, &point.method, &units, &point.seeds, point.values, batch).usage()?;
    }
    let out = command.out.clone().unwrap_or_else(|| Path::new("out").join(&file.name));
    let axes = file.axes.iter().map(|axis| axis.name.clone()).collect();
    Ok(Planned { file, out, plan, axes, witnesses })
}

/// Writes what the experiment is, beside its records.
fn describe(planned: &Planned, store: &Store, devices: &[String]) -> Result<()> {
    let mut file = Aside::new(store, "experiment.yaml")?;
    file.line(planned.file.resolved().trim_end())?;
    file.put()?;
    let axes: Vec<Value> = (planned.file.axes.iter())
        .map(|axis| json!({ "name": axis.name, "path": axis.path, "values": axis.values }))
        .collect();
    let more = json!({
        "experiment": planned.file.name,
        "description": planned.file.description,
        "devices": devices,
        "axes": axes,
        "witnesses": planned.witnesses,
    });
    Ok(planned.results(store).write_provenance(more)?)
}

/// Writes the tables, prints what came of it, and tells the exit code.
fn leave(
    command: &SweepCommand,
    planned: &Planned,
    store: &Store,
    devices: &[String],
    stopped: bool,
    left: usize,
    quiet: bool,
) -> Result<u8, Failure> {
    let results = planned.results(store);
    // Of several processes one at a time, each with what all before it have done: the last tables that are put there are the
    // latest.
    let turn = store.claim_in_turn(&Key::of_tables())?;
    store.refresh();
    describe(planned, store, devices)?;
    results.write()?;
    let drawn = sheet::draw_small(&results)?;
    drop(turn);
    let count = results.count();
    if command.json {
        print_json(&json!({
            "out": planned.out,
            "planned": planned.plan.runs().len(),
            "done": count.done,
            "failed": count.failed,
            "missing": count.missing,
        }))?;
    } else if !quiet {
        print_table(planned, store);
        let Count { done, failed, missing, .. } = count;
        println!("{done} runs are done, {failed} failed, {missing} are missing");
        let sheet = if drawn { "sheet.png, " } else { "" };
        println!("{sheet}results.csv and the records are in {}", planned.out.display());
    }
    if count.failed > 0 {
        let first = planned.plan.runs().iter().filter_map(|run| store.entry(&run.id()));
        let first = first.filter(|entry| entry.status == Status::Failed).take(3);
        for entry in first {
            let error = entry.error.as_deref().unwrap_or_default();
            eprintln!("error: {} by {}, seed {}: {error}", entry.unit, entry.method, entry.seed.0);
        }
        eprintln!("{} runs failed; --retry-failed tries them again", count.failed);
    }
    // What other shards have not done yet is not this one's to tell.
    let share = command.shard.unwrap_or(Share::WHOLE);
    let batches = planned.plan.shard(share.index, share.of).into_iter().flat_map(|number| planned.plan.batch(number));
    let mine = results.count_of(batches);
    // Among what this process has left there may be failed runs that were to be tried again.
    let left = if stopped { left.max(mine.left()) } else { mine.left() };
    if left > 0 {
        let why = if stopped { "interrupted" } else { "error" };
        let unjudged = match mine.unjudged {
            0 => String::new(),
            count => format!(", {count} of them to be judged by the witnesses"),
        };
        eprintln!("{why}: {left} runs are left{unjudged}; the same command goes on with them");
    }
    Ok(match (left, mine.failed) {
        (0, 0) => 0,
        (1.., _) if stopped => INTERRUPTED,
        _ => FAILED,
    })
}

/// Means by method and swept values.
fn print_table(planned: &Planned, store: &Store) {
    let mut header = vec!["method".to_owned(), "generator".to_owned()];
    header.extend(planned.axes.iter().cloned());
    header.extend(["runs", "mean activation", "mean witness probability"].map(str::to_owned));
    let mut by_part: Vec<Vec<Entry>> = planned.plan.parts().iter().map(|_| vec![]).collect();
    for run in planned.plan.runs() {
        by_part[run.part as usize].extend(store.entry(&run.id()).filter(|entry| entry.status == Status::Done));
    }
    let mean = |values: Vec<f64>, decimals: usize| match values.len() {
        0 => "-".to_owned(),
        count => format!("{:.decimals$}", values.iter().sum::<f64>() / count as f64),
    };
    let mut rows = vec![];
    for (part, entries) in planned.plan.parts().iter().zip(&by_part) {
        let mut row = vec![part.method.name.clone(), part.generator.clone().unwrap_or_else(|| "-".to_owned())];
        row.extend(part.values.iter().map(|value| value.as_ref().map_or_else(|| "-".to_owned(), Value::to_string)));
        row.push(entries.len().to_string());
        row.push(mean(entries.iter().filter_map(|entry| entry.activation.scored).collect(), 1));
        row.push(mean(entries.iter().filter_map(Entry::witness_probability).collect(), 3));
        rows.push(row);
    }
    rows.truncate(MOST_ROWS);
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    println!("{}", table(&header, &rows));
    say_more(planned);
}

/// Rows of a printed table: a part of the plan each.
const MOST_ROWS: usize = 60;

/// Ends a table of the plan's parts.
fn say_more(planned: &Planned) {
    let more = planned.plan.parts().len().saturating_sub(MOST_ROWS);
    if more > 0 {
        println!("and {more} rows more");
    }
    println!();
}

/// Prints what would be done.
fn dry_run(
    planned: &Planned,
    estimate: &Estimate,
    devices: usize,
    job: Option<&slurm::Preview>,
    json: bool,
) -> Result<u8, Failure> {
    let seconds = estimate.seconds / devices as f64;
    if json {
        print_json(&json!({
            "out": planned.out,
            "runs": estimate.runs,
            "there": estimate.there,
            "batches": estimate.batches,
            "seconds": seconds.round(),
            "bytes": estimate.bytes.round(),
            "tasks": job.map(|job| job.tasks),
            "sbatch": job.map(|job| &job.script),
        }))?;
        return Ok(0);
    }
    let mut counts = vec![0usize; planned.plan.parts().len()];
    planned.plan.runs().iter().for_each(|run| counts[run.part as usize] += 1);
    let mut rows: Vec<Vec<String>> = vec![];
    for (part, runs) in planned.plan.parts().iter().zip(counts).take(MOST_ROWS) {
        let values: Vec<String> = (planned.axes.iter().zip(&part.values))
            .filter_map(|(axis, value)| Some(format!("{axis}={}", value.as_ref()?)))
            .collect();
        let generator = part.generator.clone().unwrap_or_else(|| "-".to_owned());
        let method = part.method.name.clone();
        rows.push(vec![
            part.classifier.clone(),
            generator,
            method,
            values.join(" "),
            runs.to_string(),
            part.batch.to_string(),
        ]);
    }
    println!("{}", table(&["classifier", "generator", "method", "swept", "runs", "a batch"], &rows));
    say_more(planned);
    let left = estimate.runs - estimate.there;
    println!(
        "{} runs in {} batches, of which {} runs are there and {left} are not",
        estimate.runs, estimate.batches, estimate.there
    );
    println!(
        "about {} by steps measured now{}, and {} on the disk, in {}",
        estimate::duration(seconds),
        if devices > 1 { format!(", on {devices} devices") } else { String::new() },
        indicatif::HumanBytes(estimate.bytes as u64),
        planned.out.display()
    );
    if let Some(slurm::Preview { tasks, script }) = job {
        let of_task = estimate::duration(seconds / *tasks as f64);
        println!(
            "\nan array job of {tasks} tasks, about {of_task} each on a machine like this one; nothing is submitted\n\n{script}"
        );
    }
    Ok(0)
}

/// The arguments by which another process does the same.
pub(super) fn arguments(command: &SweepCommand, out: &Path) -> Result<Vec<String>> {
    let text = |path: &Path| -> Result<String> {
        let path = std::path::absolute(path).with_context(|| path.display().to_string())?;
        path.to_str().map(str::to_owned).ok_or_else(|| anyhow!("{}: the path is not UTF-8", path.display()))
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
