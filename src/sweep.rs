//! An experiment file, opened: planned for its models, and worked off into a folder of records.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use image::RgbImage;
use serde_json::{Value, json};

use crate::error::{Error, OfRequest, Result};
use crate::experiment_file::{ExperimentFile, Located, UnitPattern};
use crate::models::Models;
use crate::run::{
    Count, Ended, Follow, KeyNames, Loader, ModelSet, NEVER, Plan, PlannedRun, Results, Share, Worker, units,
};
use crate::sheet;
use crate::store::{Aside, Key, Record, RunId, Status, Store};
use crate::unit::Unit;

/// The photographs that `strongest(layer, N)` looks at unless the file names others.
pub const REFERENCE: &str = "photos";

/// Side of a picture on the sheet of a sweep, in pixels.
const SHEET_SIDE: u32 = 160;

/// An experiment in YAML: every run that it asks for, and the folder of records that they go to.
///
/// What is there is not computed again, so that a sweep that was interrupted goes on when it is run again.
///
/// ```no_run
/// use metapicture::prelude::*;
///
/// let done = Sweep::open("experiments/smoke.yaml", "out/smoke")?.run(&Models::open()?)?;
/// for picture in done.records().filter_map(Result::ok) {
///     println!("{} by {}: {:?}", picture.unit.name, picture.method, picture.activation.scored);
/// }
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
pub struct Sweep {
    file: ExperimentFile,
    out: PathBuf,
    batch: Option<usize>,
}

/// How a process works off a plan.
#[derive(Clone, Copy, Debug)]
pub struct WorkOptions<'l> {
    /// The part of the plan that is done; the whole unless told.
    pub share: Share,
    /// With which batch of its part a process begins: those on one store that begin at different ones rarely meet.
    pub begin: Share,
    /// Whether runs that failed are tried again.
    pub retry_failed: bool,
    /// Time between two checkpoints of a batch.
    pub pause: Duration,
    /// Set when the batch under way is to be left at a checkpoint, at once.
    pub leave: &'l AtomicBool,
}

impl Default for WorkOptions<'_> {
    fn default() -> Self {
        let share = Share::WHOLE;
        WorkOptions { share, begin: share, retry_failed: false, pause: crate::render::PAUSE, leave: &NEVER }
    }
}

impl Sweep {
    /// Reads and checks an experiment file; records go to `out`.
    ///
    /// # Errors
    /// Whatever is wrong with the file, with line, column and key.
    pub fn open(file: impl AsRef<Path>, out: impl Into<PathBuf>) -> Result<Sweep> {
        Ok(Sweep::of(ExperimentFile::load(file.as_ref(), &[])?, Some(out.into())))
    }

    /// Of a file that is read; without a folder, `out/NAME`.
    pub fn of(file: ExperimentFile, out: Option<PathBuf>) -> Sweep {
        let out = out.unwrap_or_else(|| Path::new("out").join(&file.name));
        Sweep { file, out, batch: None }
    }

    /// Runs computed together, instead of what the file says. Another number is another plan.
    #[must_use]
    pub fn batch(mut self, runs: usize) -> Sweep {
        self.batch = Some(runs);
        self
    }

    /// The experiment, as it was read.
    pub fn file(&self) -> &ExperimentFile {
        &self.file
    }

    /// Computes every run that is not there yet, and writes the tables.
    ///
    /// # Errors
    /// Models that cannot be had, units that a classifier does not have, methods that do not fit, a folder that cannot be written. A run
    /// that fails is recorded as failed, and ends nothing.
    pub fn run(self, models: &Models) -> Result<Swept> {
        let mut planned = self.plan(models)?;
        let store = Store::open(planned.out())?;
        planned.work(&store, WorkOptions::default(), &AtomicBool::new(false), &Unwatched)?;
        let devices = [models.device()];
        planned.write(&store, &devices)?;
        Ok(Swept { planned, store })
    }

    /// Every run, the units resolved, the methods checked against the models.
    ///
    /// # Errors
    /// As [`Sweep::run`].
    pub fn plan(self, models: &Models) -> Result<PlannedSweep> {
        let Sweep { file, out, batch } = self;
        let named = file.compare.witnesses.iter().map(|name| name.value.clone()).collect();
        let mut loader = Loader::new(models, KeyNames::FILE, named);
        let mut plan = Plan::default();
        let mut witnesses = vec![];
        // By the place of the patterns in memory, which are kept, so that no others come to lie there.
        type Place = (String, *const Located<UnitPattern>);
        type Resolved = (Arc<[Located<UnitPattern>]>, Arc<[Unit]>);
        let mut resolved: HashMap<Place, Resolved> = HashMap::new();
        let mut pictures: Vec<RgbImage> = vec![];
        for point in file.points.iter() {
            let point = point?;
            let generator = point.generator.as_ref();
            let number = loader.number(ModelSet {
                classifier: point.classifier.value.clone(),
                generator: generator.map(|of| of.name.value.clone()),
                class: generator.and_then(|of| of.class.as_ref()).map(|class| class.value.clone()),
                generator_size: generator.and_then(|of| of.size),
                size: point.size,
                encodes: point.method.encodes(),
                photographs: point.method.photographs().map(str::to_owned),
            });
            let experiment = loader.experiment(number)?;
            witnesses = experiment.witnesses.iter().map(|witness| witness.name.clone()).collect();
            let key = (point.classifier.value.clone(), point.units.as_ptr());
            let units = match resolved.get(&key) {
                Some((_, units)) => Arc::clone(units),
                None => {
                    // Before anything is resolved: that they cannot be had is another failure than a wrong unit.
                    let looks = point.units.iter().any(|unit| matches!(unit.value, UnitPattern::Strongest { .. }));
                    if looks && pictures.is_empty() {
                        let name = file.compare.reference.as_ref().map_or(REFERENCE, |name| name.value.as_str());
                        pictures = models.pictures(name)?;
                    }
                    let mut reference = || Ok(pictures.clone());
                    let (classifier, shapes) = (&experiment.classifier, &experiment.shapes);
                    let units: Arc<[Unit]> = units::resolve(
                        &point.units,
                        classifier,
                        shapes,
                        &|name| models.of_units(name),
                        &mut reference,
                    )?
                    .into();
                    resolved.insert(key, (Arc::clone(&point.units), Arc::clone(&units)));
                    units
                }
            };
            experiment.check(&units, std::slice::from_ref(&point.method))?;
            let together = batch.or(file.batch.map(usize::from)).unwrap_or_else(|| experiment.batch(&point.method));
            plan.add(number, &experiment, &point.method, &units, &point.seeds, point.values, together)?;
        }
        let axes = file.axes.iter().map(|axis| axis.name.clone()).collect();
        Ok(PlannedSweep { file, out, plan, axes, witnesses, loader })
    }
}

/// The runs of experiment files, as they would be in the folder `out`.
///
/// # Errors
/// As [`Sweep::open`] and [`Sweep::plan`].
pub fn runs_of(files: &[PathBuf], out: &Path, models: &Models) -> Result<HashSet<RunId>> {
    let mut runs = HashSet::new();
    for file in files {
        let planned = Sweep::open(file, out).of_request()?.plan(models).of_request()?;
        runs.extend(planned.plan().runs().iter().map(PlannedRun::id));
    }
    Ok(runs)
}

/// A sweep whose runs are known, with the models that they take.
#[derive(Debug)]
pub struct PlannedSweep {
    file: ExperimentFile,
    out: PathBuf,
    plan: Plan,
    axes: Vec<String>,
    witnesses: Vec<String>,
    loader: Loader,
}

impl PlannedSweep {
    /// The experiment, as it was read.
    pub fn file(&self) -> &ExperimentFile {
        &self.file
    }

    /// The folder of records.
    pub fn out(&self) -> &Path {
        &self.out
    }

    /// The runs and their batches.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The names of the swept paths.
    pub fn axes(&self) -> &[String] {
        &self.axes
    }

    /// The plan, and what loads its models.
    pub fn parts(&mut self) -> (&Plan, &mut Loader) {
        (&self.plan, &mut self.loader)
    }

    /// The plan's table, with what the store knows of its runs.
    pub fn results<'a>(&'a self, store: &'a Store) -> Results<'a> {
        Results { plan: &self.plan, store, axes: &self.axes, witnesses: &self.witnesses }
    }

    /// Works off this process's share of the plan. Once `stop` is set no further batch is begun.
    ///
    /// # Errors
    /// Models that cannot be loaded, a store that cannot be written. What is finished is kept.
    pub fn work(
        &mut self,
        store: &Store,
        options: WorkOptions<'_>,
        stop: &AtomicBool,
        follow: &dyn Follow,
    ) -> Result<Ended> {
        let WorkOptions { share, begin, retry_failed, pause, leave } = options;
        let whole = Worker::whole(&self.plan, store, &self.witnesses, stop);
        let worker = Worker { share, begin, retry_failed, pause, kept: self.file.kept, leave, ..whole };
        let loader = &mut self.loader;
        worker.run(&mut |number| loader.experiment(number), follow)
    }

    /// Writes what the experiment is beside its records: `experiment.yaml`; where its numbers come from, `provenance.json`; where networks of one's own are,
    /// `manifests.json`.
    ///
    /// # Errors
    /// Files that cannot be written.
    pub fn describe(&self, store: &Store, devices: &[String]) -> Result<()> {
        let mut file = Aside::new(store, "experiment.yaml")?;
        file.line(self.file.resolved().trim_end())?;
        file.put()?;
        let axes: Vec<Value> = (self.file.axes.iter())
            .map(|axis| json!({ "name": axis.name, "path": axis.path, "values": axis.values }))
            .collect();
        let more = json!({
            "experiment": self.file.name,
            "description": self.file.description,
            "devices": devices,
            "axes": axes,
            "witnesses": self.witnesses,
        });
        self.results(store).keep_files()?;
        self.results(store).write_manifests(self.loader.models().of_ones_own())?;
        self.results(store).write_provenance(more)
    }

    /// Writes the tables, what the experiment is, and a contact sheet unless there is too much for one. Tells of how many pages it is.
    ///
    /// # Errors
    /// Files that cannot be written.
    pub fn write(&self, store: &Store, devices: &[String]) -> Result<usize> {
        let results = self.results(store);
        // Of several processes one at a time, each with what all before it have done: the last tables that are put there are the
        // latest.
        let turn = store.claim_in_turn(&Key::of_tables())?;
        store.refresh();
        self.describe(store, devices)?;
        results.write()?;
        let drawn = sheet::draw(&results, SHEET_SIDE)?;
        drop(turn);
        Ok(drawn)
    }
}

/// A sweep that was worked off, by whomever.
#[derive(Debug)]
pub struct Swept {
    planned: PlannedSweep,
    store: Store,
}

impl Swept {
    /// How many runs are done, failed, and missing.
    pub fn count(&self) -> Count {
        self.planned.results(&self.store).count()
    }

    /// The records of all runs that are there, in the order of the plan. A run that failed is an error.
    pub fn records(&self) -> impl Iterator<Item = Result<Record>> + '_ {
        self.planned.plan.runs().iter().filter_map(|run| self.store.record(&run.id())).map(|record| {
            match record.status {
                Status::Done => Ok(record),
                Status::Failed => Err(Error::compute(record.error.unwrap_or_default())),
            }
        })
    }

    /// The picture of a run, a PNG file.
    pub fn picture(&self, record: &Record) -> PathBuf {
        self.store.picture(&record.run_id)
    }
}

/// Follows nothing.
struct Unwatched;

impl Follow for Unwatched {
    fn batch(&self, _: &[crate::run::Run], _: &[crate::store::RunId]) -> Box<dyn crate::render::Watch> {
        Box::new(|_: usize, _: usize, _: f64| {})
    }

    fn found(&self, _: usize) {}
}
