//! The comparison: how far pictures that a prior constrains drift from those of pixel space, and what legibility costs
//! (the question of Offert & Bell 2020).
//!
//! ```text
//! folders of records, tables ─> gather ─> looks (one forward pass of every network a picture) ─> figures of pictures
//!                  photographs ─> looks ─┘                              controls ─┘                    │
//!                                comparison.json, tables <─ trade-offs <─ figures of methods <─────────┘
//! ```

pub mod about;
pub mod altered;
pub mod analysis;
pub mod cautions;
pub mod comparison;
pub mod controls;
pub mod definitions;
pub mod gather;
pub mod inversion;

pub mod measure;
pub mod methods;
pub mod nature;
pub mod nearest;
pub mod portrait;
pub mod statistics;
pub mod tables;
pub mod tradeoff;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Context, Result, bail, request};
use classifiers::Classifier;
use frozen::suggest::hint;
use generators::Generator;
use metrics::bootstrap::Bootstrap;

use self::analysis::Evidence;
pub use self::comparison::Comparison;
use self::comparison::{Dial, Kind, Picture, SCHEMA_VERSION, Settings};
use self::controls::{Control, slug};
use self::gather::{Gathered, Group};
use self::measure::{Measures, Scene, Subject};
use self::methods::Parts;
use self::nature::Nature;
use crate::look::networks::Networks;
use crate::param::Condition;
use crate::random::Seed;
use crate::reference::Photograph;
use crate::unit::{LayerShapes, Unit};

/// A method's generator, loaded, at the size of its pictures.
#[derive(Clone, Debug)]
pub struct Prior {
    /// The generator.
    pub generator: Arc<Generator>,
    /// What it is conditioned on.
    pub condition: Option<Condition>,
}

/// How much is computed.
#[derive(Clone, Debug)]
pub struct Options {
    /// Of crops, noise, resampling and permutations.
    pub seed: u64,
    /// Bootstrap replicates.
    pub replicates: usize,
    /// Permutations of a test.
    pub permutations: usize,
    /// Pixel pictures, and photographs, whose nearest pictures of each generator are searched (F6).
    pub inversions: usize,
    /// Steps of that search from each start.
    pub inversion_steps: usize,
    /// Units of the control by permuted weights.
    pub permuted_units: usize,
}

/// What is compared, with what.
pub struct Job {
    /// What it is called.
    pub title: String,
    /// Records and foreign pictures, labelled.
    pub gathered: Gathered,
    /// Who looks.
    pub networks: Networks,
    /// The photographs.
    pub photographs: Vec<Photograph>,
    /// What they are called.
    pub reference: String,
    /// The generators of the groups that have one, by their places.
    pub priors: BTreeMap<usize, Prior>,
    /// The target with permuted weights, and the shapes of its taps; or why there is none.
    pub permuted: std::result::Result<(Arc<Classifier>, Arc<LayerShapes>), String>,
    /// The baseline's name or label.
    pub baseline: Option<String>,
    /// Where everything goes.
    pub out: PathBuf,
    /// How much.
    pub options: Options,
    /// The command line.
    pub command: String,
}

impl Job {
    /// Refuses a baseline that is not there, and units that the target has not.
    ///
    /// # Errors
    /// One of these.
    pub fn check(&self) -> Result<()> {
        baseline(&self.gathered, self.baseline.as_deref())?;
        self.units().map(|_| ())
    }

    /// The units of the pictures, and their places by the names that pictures have: two ways of writing a unit are one.
    fn units(&self) -> Result<(Vec<Unit>, BTreeMap<&str, usize>)> {
        let names: BTreeSet<&str> = self.gathered.items.iter().map(|item| &*item.unit).collect();
        let (mut units, mut places): (Vec<Unit>, _) = (vec![], BTreeMap::new());
        for name in names {
            let unit = Unit::parse(name, &self.networks.target, &self.networks.shapes)?;
            let place = units.iter().position(|known| known.name == unit.name).unwrap_or_else(|| {
                units.push(unit);
                units.len() - 1
            });
            places.insert(name, place);
        }
        Ok((units, places))
    }

    /// Classes of photographs that are no units, as many as it takes to have enough labelled photographs.
    fn more_classes(&self, units: &[Unit]) -> Vec<usize> {
        let is_unit = |class: &usize| units.iter().any(|unit| unit.class() == Some(*class));
        let classes = self.photographs.iter().filter_map(|photograph| photograph.class);
        let (shown, more): (Vec<usize>, Vec<usize>) = classes.partition(is_unit);
        BTreeSet::from_iter(more).into_iter().take(LABELLED.saturating_sub(shown.len())).collect()
    }

    /// Classes whose photographs' activations are compared with each other; none where too few units have two (F3).
    fn classes_with_path(&self, units: &[Unit]) -> Vec<usize> {
        let classes: Vec<usize> = units.iter().filter_map(Unit::class).collect();
        let twice = |class: &&usize| self.photographs.iter().filter(|of| of.class == Some(**class)).count() >= 2;
        if classes.iter().filter(twice).count() >= analysis::FOR_PATH { classes } else { vec![] }
    }
}

/// Who follows a comparison.
pub trait Follow {
    /// A piece of work of so many parts begins.
    fn begin(&self, what: &str, parts: usize);

    /// So many of its parts are done.
    fn at(&self, parts: usize);
}

/// Labelled photographs of classes that are no units, so that there are at least so many.
const LABELLED: usize = 20;

/// Computes a comparison, and leaves its controls' pictures in its folder.
///
/// # Errors
/// Pictures that cannot be read, a baseline that is not there, libtorch's errors.
pub fn compare(job: &Job, follow: &dyn Follow) -> Result<Comparison> {
    let Job { gathered, networks, options, .. } = job;
    let target = &networks.target;
    let seed = Seed(options.seed);
    let bootstrap = Bootstrap { replicates: options.replicates, seed: options.seed, ..Bootstrap::default() };
    fs::create_dir_all(&job.out).with_context(|| format!("{}: cannot be made", job.out.display()))?;

    let (mut units, places) = job.units()?;
    let compared = units.len();
    for class in job.more_classes(&units) {
        units.push(Unit::parse(&format!("class:{class}"), target, &networks.shapes)?);
    }
    follow.begin("photographs", job.photographs.len());
    let keep = job.classes_with_path(&units);
    let nature = Nature::look(networks, &job.photographs, &units, &keep, seed, &|done| follow.at(done))?;
    let baseline = baseline(gathered, job.baseline.as_deref())?;
    let maker = controls::Maker { job, units: &units, compared, places: &places, baseline, seed };
    let controls = maker.controls(follow)?;
    let (ids, subjects) = subjects(job, &controls, &places);
    let scene = Scene { networks, units: &units, nature: &nature, baseline, seed };
    follow.begin("pictures", subjects.len());
    let measures = scene.measure(subjects, &|done| follow.at(done))?;
    let inversions = nearest::nearest(job, &nature, &units, &measures, baseline, follow)?;

    let layers: Vec<String> = networks.layers.iter().map(|(name, _)| name.clone()).collect();
    let evidence = Evidence::new(&units, &nature, &measures, baseline, (bootstrap, options.permutations), &layers);
    let mut metrics = definitions::metrics();
    for metric in &mut metrics {
        evidence.explain(metric);
        if metric.key.starts_with("inversion") && metric.not_computed.is_none() && inversions.is_empty() {
            metric.not_computed =
                Some("no method has a generator that gives a gradient, or --inversions is 0".to_owned());
        }
    }
    let pictures = pictures(&job.out, &measures, ids, &evidence);
    let parts = Parts {
        job,
        controls: &controls,
        evidence: &evidence,
        metrics: &metrics,
        pictures: &pictures,
        inversions: &inversions,
        baseline,
    };
    let methods = parts.methods(follow);
    let dials: Vec<Dial> = gathered
        .knobs()
        .into_iter()
        .map(|knob| Dial { name: knob.name, setting: knob.setting, methods: knob.groups })
        .collect();
    follow.begin("trade-offs", 1);
    let tradeoffs = tradeoff::tradeoffs(&methods, &dials, &pictures, bootstrap, options.permutations);
    let unit_rows = (units.iter().enumerate())
        .map(|(place, unit)| comparison::Unit {
            name: unit.name.clone(),
            class: unit.class(),
            label: unit.label().map(str::to_owned),
            median: nature.median(place),
            best_pixel: evidence.best[place],
            photographs: unit.class().map_or(0, |class| nature.of_class(class).count()),
        })
        .collect();
    let mut comparison = Comparison {
        schema_version: SCHEMA_VERSION,
        title: job.title.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        target: about::model(target, None),
        witnesses: (networks.witnesses.iter())
            .map(|witness| about::model(witness, Some(about::kinship(target, witness))))
            .collect(),
        generators: about::generators(job),
        reference: about::reference(job),
        sources: gathered.sources.clone(),
        settings: Settings {
            seed: options.seed,
            replicates: options.replicates,
            level: bootstrap.level,
            permutations: options.permutations,
            baseline,
            layers: layers.clone(),
            features: [0, 1]
                .map(|which| networks.features.get(which).map(|(name, _)| name.clone()).unwrap_or_default()),
            command: job.command.clone(),
        },
        cautions: vec![],
        metrics,
        units: unit_rows,
        methods,
        dials,
        tradeoffs,
        spectrum: about::band(&nature),
        inversions,
        pictures,
    };
    comparison.cautions = cautions::cautions(job, &comparison, &measures, &evidence, compared);
    Ok(comparison)
}

/// The pixel-space method from which drift is measured: the one that is named, else `naive`, else the only one there is.
fn baseline(gathered: &Gathered, name: Option<&str>) -> Result<Option<usize>> {
    let free = |group: &Group| group.generator.is_none();
    if let Some(name) = name {
        let found = gathered.groups.iter().position(|group| group.label == name);
        let found = found.or_else(|| gathered.groups.iter().position(|group| group.name == name));
        let labels = gathered.groups.iter().map(|group| group.label.as_str());
        let found =
            found.ok_or_else(|| request!("--baseline: no method '{name}'{}", hint(name, "the methods", labels)))?;
        if !free(&gathered.groups[found]) {
            bail!("--baseline: '{name}' has a generator; the baseline is a method of pixel space");
        }
        return Ok(Some(found));
    }
    let naive = gathered.groups.iter().position(|group| group.name == "naive" && free(group));
    Ok(naive.or_else(|| gathered.groups.iter().position(|group| free(group) && group.kind == Kind::Run)))
}

/// What is measured, and the ids of its rows: the pictures, then those of the controls.
fn subjects(job: &Job, controls: &[Control], places: &BTreeMap<&str, usize>) -> (Vec<String>, Vec<Subject>) {
    let mut rows = vec![];
    for item in &job.gathered.items {
        let subject = Subject {
            method: item.group,
            unit: places[&*item.unit],
            key: (item.seed, item.facet),
            path: item.path.clone(),
            own: job.priors.get(&item.group).map(|prior| shorter_side(&prior.generator)),
            photograph: None,
        };
        rows.push((item.id.clone(), subject));
    }
    for (number, control) in controls.iter().enumerate() {
        for shown in &control.pictures {
            let subject = Subject {
                method: job.gathered.groups.len() + number,
                unit: shown.unit,
                key: (shown.number, 0),
                path: shown.path.clone(),
                own: shown.own,
                photograph: shown.photograph,
            };
            rows.push((format!("{}-{}-{}", slug(&control.name), shown.unit, shown.number), subject));
        }
    }
    rows.into_iter().unzip()
}

/// The rows of the pictures. Files below the comparison's folder are named from there.
fn pictures(out: &Path, measures: &Measures, ids: Vec<String>, evidence: &Evidence) -> Vec<Picture> {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let out = absolute(out);
    let row = |(id, sighting): (String, &measure::Sighting)| {
        let subject = &sighting.subject;
        let file = absolute(&subject.path);
        Picture {
            id,
            method: subject.method,
            unit: subject.unit,
            seed: subject.key.0,
            facet: subject.key.1,
            file: file.strip_prefix(&out).map_or(file.clone(), Path::to_owned),
            metrics: evidence.figures(sighting),
        }
    };
    ids.into_iter().zip(&measures.pictures).map(row).collect()
}

/// The shorter side of a generator's pictures, above whose Nyquist frequency they have nothing.
fn shorter_side(generator: &Generator) -> i64 {
    generator.size[0].min(generator.size[1])
}
