//! The comparison: how far pictures that a prior constrains drift from those of pixel space, and what legibility costs
//! (the question of Offert & Bell 2020).
//!
//! ```text
//! folders of records, tables ─> gather ─> looks (one forward pass of every network a picture) ─> figures of pictures
//!                  photographs ─> looks ─┘                              controls ─┘                    │
//!                                comparison.json, tables <─ trade-offs <─ figures of methods <─────────┘
//! ```

pub mod analysis;
pub mod comparison;
pub mod controls;
pub mod definitions;
pub mod gather;
pub mod inversion;
pub mod look;
pub mod measure;
pub mod nature;
pub mod portrait;
pub mod statistics;
pub mod tables;
pub mod tradeoff;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context, Result, anyhow, bail};
use classifiers::Classifier;
use frozen::suggest::hint;
use generators::Generator;
use image::RgbImage;
use metrics::bootstrap::Bootstrap;
use metrics::multiple::holm;
use serde_json::Value;

use self::analysis::Evidence;
pub use self::comparison::Comparison;
use self::comparison::{
    Band, Dial, Inverted, Kind, Method, Model, Picture, Reference, SCHEMA_VERSION, Settings, Test, Tradeoff,
};
use self::gather::{Gathered, Group};
use self::inversion::Inversion;
use self::look::Networks;
use self::measure::{Measures, Scene, Subject};
use self::nature::{MORE_SQUARES, Nature};
use self::statistics::{Valued, absent, mean_of};
use self::tradeoff::{Axes, SEEDS, Setting, UNITS};
use crate::method::Method as Recipe;
use crate::optimizer::{OptimizerSpec, Ramp, StepSize};
use crate::param::{Condition, LatentSpec};
use crate::picture::{self, to_rgb8};
use crate::random::{Purpose, Seed, stream};
use crate::reference::Photograph;
use crate::render::{Batch, render};
use crate::unit::{LayerShapes, Unit};

/// A method's generator, loaded, at the size of its pictures.
#[derive(Clone, Debug)]
pub struct Prior {
    /// The generator.
    pub generator: Rc<Generator>,
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
    pub permuted: std::result::Result<(Rc<Classifier>, Rc<LayerShapes>), String>,
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
        let mut names: Vec<&str> = self.gathered.items.iter().map(|item| &*item.unit).collect();
        names.sort_unstable();
        names.dedup();
        names
            .into_iter()
            .try_for_each(|name| Unit::parse(name, &self.networks.target, &self.networks.shapes).map(|_| ()))
    }
}

/// Who follows a comparison.
pub trait Follow {
    /// A piece of work of so many parts begins.
    fn begin(&self, what: &str, parts: usize);

    /// So many of its parts are done.
    fn at(&self, parts: usize);
}

/// A row of pictures that the comparison itself makes or takes.
struct Control {
    name: String,
    label: String,
    meaning: String,
    generator: Option<String>,
    settings: Value,
    /// Unit, number, file, side of the generator's picture.
    pictures: Vec<(usize, u64, PathBuf, Option<i64>)>,
    passes: Option<[f64; 2]>,
}

/// Photographs of a unit's class, or pieces of noise, in a control.
const OF_UNIT: usize = 3;

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

    let mut names: Vec<&str> = gathered.items.iter().map(|item| &*item.unit).collect();
    names.sort_unstable();
    names.dedup();
    let parsed: Vec<Unit> =
        names.iter().map(|name| Unit::parse(name, target, &networks.shapes)).collect::<Result<_>>()?;
    // Two ways of writing a unit are one.
    let mut units: Vec<Unit> = vec![];
    let mut places = BTreeMap::new();
    for (name, unit) in names.iter().zip(parsed) {
        let place = units.iter().position(|known| known.name == unit.name).unwrap_or_else(|| {
            units.push(unit);
            units.len() - 1
        });
        places.insert(*name, place);
    }
    let compared = units.len();
    // Photographs of other classes serve where there are few of the units' own.
    let of_units = |class: usize| units.iter().position(|unit| unit.class() == Some(class));
    let mut shown = 0;
    let mut more: BTreeSet<usize> = BTreeSet::new();
    for class in job.photographs.iter().filter_map(|photograph| photograph.class) {
        match of_units(class) {
            Some(_) => shown += 1,
            None => drop(more.insert(class)),
        }
    }
    for class in more.into_iter().take(LABELLED.saturating_sub(shown)) {
        units.push(Unit::parse(&format!("class:{class}"), target, &networks.shapes)?);
    }

    let pairs: Vec<usize> = units.iter().filter_map(Unit::class).collect();
    let twice = pairs
        .iter()
        .filter(|class| job.photographs.iter().filter(|photograph| photograph.class == Some(**class)).count() >= 2);
    let keep: Vec<usize> = if twice.count() >= analysis::FOR_PATH { pairs } else { vec![] };
    follow.begin("photographs", job.photographs.len());
    let nature = Nature::look(networks, &job.photographs, &units, &keep, seed, &|done| follow.at(done))?;

    let baseline = baseline(gathered, job.baseline.as_deref())?;
    follow.begin("controls", 4);
    let controls = controls(job, &units[..], compared, &places, baseline, seed, follow)?;
    let groups = gathered.groups.len();
    let mut subjects = vec![];
    let mut rows = vec![];
    for item in &gathered.items {
        let own = own_side(job, item.group);
        subjects.push(Subject {
            method: item.group,
            unit: places[&*item.unit],
            key: (item.seed, item.facet),
            path: item.path.clone(),
            own,
        });
        rows.push((item.id.clone(), item.path.clone()));
    }
    for (number, control) in controls.iter().enumerate() {
        for (unit, seed, path, own) in &control.pictures {
            subjects.push(Subject {
                method: groups + number,
                unit: *unit,
                key: (*seed, 0),
                path: path.clone(),
                own: *own,
            });
            rows.push((format!("{}-{unit}-{seed}", slug(&control.name)), path.clone()));
        }
    }
    let scene = Scene { networks, units: &units, nature: &nature, baseline, seed };
    follow.begin("pictures", subjects.len());
    let measures = scene.measure(subjects, &|done| follow.at(done))?;
    let inversions = invert(job, &nature, &units, &measures, baseline, follow)?;

    let layers: Vec<String> = networks.layers.iter().map(|(name, _)| name.clone()).collect();
    let evidence = Evidence::new(&units, &nature, &measures, baseline, (bootstrap, options.permutations), &layers);
    let mut metrics = definitions::metrics();
    for metric in &mut metrics {
        evidence.explain(metric);
        if metric.key.starts_with("inversion") && metric.not_computed.is_none() && inversions.is_empty() {
            metric.not_computed = Some("no method has a generator, or --inversions is 0".to_owned());
        }
    }
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let out = absolute(&job.out);
    let pictures: Vec<Picture> = measures
        .pictures
        .iter()
        .zip(rows)
        .map(|(sighting, (id, path))| {
            let file = absolute(&path);
            Picture {
                id,
                method: sighting.subject.method,
                unit: sighting.subject.unit,
                seed: sighting.subject.key.0,
                facet: sighting.subject.key.1,
                file: file.strip_prefix(&out).map_or(file.clone(), Path::to_owned),
                metrics: evidence.figures(sighting),
            }
        })
        .collect();
    let methods = methods(job, &controls, &evidence, &mut metrics, &pictures, &inversions, baseline, follow);
    let dials: Vec<Dial> = gathered
        .knobs()
        .into_iter()
        .map(|knob| Dial { name: knob.name, setting: knob.setting, methods: knob.groups })
        .collect();
    follow.begin("trade-offs", 1);
    let tradeoffs = tradeoffs(&methods, &dials, &pictures, bootstrap, options.permutations);
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
        target: model(target, None),
        witnesses: networks.witnesses.iter().map(|witness| model(witness, Some(kinship(target, witness)))).collect(),
        generators: generators(job),
        reference: reference(job),
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
        spectrum: band(&nature),
        inversions,
        pictures,
    };
    comparison.cautions = cautions(job, &comparison, &measures, &evidence, compared);
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
            found.ok_or_else(|| anyhow!("--baseline: no method '{name}'{}", hint(name, "the methods", labels)))?;
        if !free(&gathered.groups[found]) {
            bail!("--baseline: '{name}' has a generator; the baseline is a method of pixel space");
        }
        return Ok(Some(found));
    }
    let naive = gathered.groups.iter().position(|group| group.name == "naive" && free(group));
    Ok(naive.or_else(|| gathered.groups.iter().position(|group| free(group) && group.kind == Kind::Run)))
}

/// The side of the pictures of a group's generator.
fn own_side(job: &Job, group: usize) -> Option<i64> {
    job.priors.get(&group).map(|prior| prior.generator.size[0].min(prior.generator.size[1]))
}

/// A name as that of a folder.
fn slug(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let text: String = name.chars().map(plain).collect();
    text.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

/// The controls: their pictures are made, and written.
fn controls(
    job: &Job,
    units: &[Unit],
    compared: usize,
    places: &BTreeMap<&str, usize>,
    baseline: Option<usize>,
    seed: Seed,
    follow: &dyn Follow,
) -> Result<Vec<Control>> {
    let target = &job.networks.target;
    let side = target.size as u32;
    let folder = job.out.join("controls");
    let save = |picture: &RgbImage, control: &str, unit: usize, number: usize| -> Result<PathBuf> {
        let folder = folder.join(slug(control));
        fs::create_dir_all(&folder).with_context(|| format!("{}: cannot be made", folder.display()))?;
        let path = folder.join(format!("{unit:04}-{number}.png"));
        picture.save(&path).with_context(|| format!("{}: cannot be written", path.display()))?;
        Ok(path)
    };
    let control = |name: &str, meaning: &str| Control {
        name: name.to_owned(),
        label: name.to_owned(),
        meaning: meaning.to_owned(),
        generator: None,
        settings: Value::Null,
        pictures: vec![],
        passes: None,
    };
    let mut photographs = control("photographs", "Labelled photographs of the very class: what is legible.");
    let mut scrambled = control(
        "phase-scrambled photographs",
        "The same photographs with random phases: all of their spectrum, nothing of what they show.",
    );
    let mut of_unit: BTreeMap<usize, usize> = BTreeMap::new();
    for (number, photograph) in job.photographs.iter().enumerate() {
        let unit = photograph.class.and_then(|class| units.iter().position(|unit| unit.class() == Some(class)));
        let Some(unit) = unit else { continue };
        let count = of_unit.entry(unit).or_default();
        if *count == OF_UNIT {
            continue;
        }
        let square = controls::squares(&picture::read(&photograph.path)?, 0, side, seed, 0).swap_remove(0);
        let mut rng = stream(seed, Purpose::Control, number as u64);
        let path = save(&square, &photographs.name, unit, *count)?;
        photographs.pictures.push((unit, *count as u64, path, None));
        let path = save(&controls::phase_scrambled(&square, &mut rng)?, &scrambled.name, unit, *count)?;
        scrambled.pictures.push((unit, *count as u64, path, None));
        *count += 1;
    }
    follow.at(1);
    let mut noise = control("blurred noise", "Grey noise, blurred: it shows nothing.");
    for unit in 0..compared {
        for number in 0..OF_UNIT {
            let mut rng = stream(seed, Purpose::Control, (1 << 40) + (unit * OF_UNIT + number) as u64);
            let path = save(&controls::blurred_noise(i64::from(side), &mut rng)?, &noise.name, unit, number)?;
            noise.pictures.push((unit, number as u64, path, None));
        }
    }
    follow.at(2);
    let mut all = vec![photographs, scrambled, noise];
    if let Some(baseline) = baseline {
        // Each unit is given the pictures of the next one.
        let mut other = control(
            "another unit's pictures",
            "The baseline's pictures of another unit, judged as if they were this one's: what is about nothing in particular.",
        );
        let of_baseline: BTreeSet<usize> =
            job.gathered.items.iter().filter(|item| item.group == baseline).map(|item| places[&*item.unit]).collect();
        let of_baseline: Vec<usize> = of_baseline.into_iter().collect();
        for item in job.gathered.items.iter().filter(|item| item.group == baseline && of_baseline.len() > 1) {
            let own = of_baseline.iter().position(|unit| *unit == places[&*item.unit]).unwrap_or_default();
            let unit = of_baseline[(own + 1) % of_baseline.len()];
            other.pictures.push((unit, item.seed, item.path.clone(), None));
        }
        all.push(other);
    }
    if !job.gathered.groups.iter().any(|group| group.name == "naive") {
        all.extend(naive(job, units, compared, &save)?);
    }
    all.extend(permuted(job, units, &save, follow)?);
    all.retain(|control| !control.pictures.is_empty());
    follow.at(4);
    Ok(all)
}

/// The writer of a control's picture: control, unit, number.
type Save<'a> = dyn Fn(&RgbImage, &str, usize, usize) -> Result<PathBuf> + 'a;

/// Naive pixel pictures of some units, where the records have none.
fn naive(job: &Job, units: &[Unit], compared: usize, save: &Save) -> Result<Option<Control>> {
    let method = Recipe::find("naive")?;
    let runs: Vec<(Unit, Seed)> =
        units[..compared].iter().take(job.options.permuted_units).map(|unit| (unit.clone(), Seed(0))).collect();
    if runs.is_empty() {
        return Ok(None);
    }
    let batch = Batch {
        classifier: &job.networks.target,
        shapes: &job.networks.shapes,
        generator: None,
        condition: None,
        encoder: None,
        method: &method,
        size: None,
        runs: &runs,
    };
    let name = "naive pixels";
    let mut control = Control {
        name: name.to_owned(),
        label: name.to_owned(),
        meaning:
            "Pixels driven up the unit's gradient with nothing to keep them natural: what fires most and shows least."
                .to_owned(),
        generator: None,
        settings: method.settings(),
        pictures: vec![],
        passes: None,
    };
    for (unit, rendered) in render(&batch, &|_: usize, _: usize, _: f64| {})?.into_iter().enumerate() {
        if rendered.failure.is_none() {
            control.passes = Some([rendered.passes.forward as f64, rendered.passes.backward as f64]);
            control.pictures.push((unit, 0, save(&to_rgb8(&rendered.picture)?, name, unit, 0)?, None));
        }
    }
    Ok(Some(control))
}

/// A recipe from a record's settings.
fn recipe(group: &Group) -> Option<Recipe> {
    let mut settings = group.settings.clone();
    let map = settings.as_object_mut()?;
    for (key, value) in [("name", &*group.name), ("summary", ""), ("source", "")] {
        map.insert(key.to_owned(), Value::from(value));
    }
    serde_json::from_value(settings).ok()
}

/// The same methods on the target with permuted weights, a network that knows nothing: some units, one seed, one setting of each
/// dial.
fn permuted(job: &Job, units: &[Unit], save: &Save, follow: &dyn Follow) -> Result<Vec<Control>> {
    let mut controls = vec![];
    let Ok((classifier, shapes)) = &job.permuted else { return Ok(controls) };
    let mut known: Vec<(&str, Option<&String>)> = vec![];
    let first = job.gathered.groups.iter().enumerate().filter(|(_, group)| {
        let kin = (group.name.as_str(), group.generator.as_ref());
        let new = group.kind == Kind::Run && !known.contains(&kin);
        known.push(kin);
        new
    });
    let first: Vec<(usize, &Group)> = first.collect();
    follow.begin("permuted weights", first.len());
    for (number, (place, group)) in first.iter().enumerate() {
        let Some(method) = recipe(group) else { continue };
        let prior = job.priors.get(place);
        if method.encodes() || method.needs_generator() != prior.is_some() {
            continue;
        }
        let mut of_group: Vec<&str> =
            job.gathered.items.iter().filter(|item| item.group == *place).map(|item| &*item.unit).collect();
        of_group.dedup();
        let runs: Vec<(Unit, Seed)> = units
            .iter()
            .filter(|unit| of_group.iter().any(|name| **name == *unit.name || class_name(unit) == **name))
            .take(job.options.permuted_units)
            // The same architecture has the same points.
            .map(|unit| (unit.clone(), Seed(0)))
            .collect();
        if runs.is_empty() {
            continue;
        }
        let batch = Batch {
            classifier,
            shapes,
            generator: prior.map(|prior| &*prior.generator),
            condition: prior.and_then(|prior| prior.condition),
            encoder: None,
            method: &method,
            size: group.size.filter(|_| prior.is_none() || matches!(method.param, crate::method::ParamSpec::Blend(_))),
            runs: &runs,
        };
        let prior_name = group.generator.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
        let name = format!("permuted: {}{prior_name}", group.name);
        let mut control = Control {
            label: name.clone(),
            meaning: format!(
                "`{}` on the target with permuted weights, a network that knows nothing; {} units, one seed.",
                group.label,
                runs.len()
            ),
            name,
            generator: group.generator.clone(),
            settings: group.settings.clone(),
            pictures: vec![],
            passes: None,
        };
        for ((unit, _), rendered) in runs.iter().zip(render(&batch, &|_: usize, _: usize, _: f64| {})?) {
            if rendered.failure.is_none() {
                let place = units.iter().position(|other| other.name == unit.name).unwrap_or_default();
                let path = save(&to_rgb8(&rendered.picture)?, &control.name, place, 0)?;
                control.passes = Some([rendered.passes.forward as f64, rendered.passes.backward as f64]);
                control.pictures.push((place, 0, path, prior.map(|prior| prior.generator.size[0])));
            }
        }
        controls.push(control);
        follow.at(number + 1);
    }
    Ok(controls)
}

fn class_name(unit: &Unit) -> String {
    unit.class().map(|class| format!("class:{class}")).unwrap_or_default()
}

/// The nearest pictures of each generator to some of the baseline's pictures, to photographs, and to its own random ones.
fn invert(
    job: &Job,
    nature: &Nature,
    units: &[Unit],
    measures: &Measures,
    baseline: Option<usize>,
    follow: &dyn Follow,
) -> Result<Vec<Inverted>> {
    let count = job.options.inversions;
    let mut found = vec![];
    if count == 0 || baseline.is_none() {
        return Ok(found);
    }
    // The best of the baseline's pictures of each of the first units.
    let mut best: BTreeMap<usize, &measure::Sighting> = BTreeMap::new();
    for picture in measures.pictures.iter().filter(|of| Some(of.subject.method) == baseline) {
        let place = best.entry(picture.subject.unit).or_insert(picture);
        if picture.look.activation > place.look.activation {
            *place = picture;
        }
    }
    let mut known: Vec<(&String, [i64; 2])> = vec![];
    for (group, prior) in &job.priors {
        let Some(name) = &job.gathered.groups[*group].generator else { continue };
        if known.contains(&(name, prior.generator.size)) {
            continue;
        }
        known.push((name, prior.generator.size));
        let Some(method) = recipe(&job.gathered.groups[*group]) else { continue };
        let Some(spec) = method.param.latent() else { continue };
        let spec = LatentSpec { unclamped: false, ..spec.clone() };
        // The method's step, which becomes small so that the search comes to rest.
        let lr = match method.optimizer {
            OptimizerSpec::Adam { lr, .. } => lr.at(0, 1),
            _ => 0.1,
        };
        let optimizer = OptimizerSpec::Adam {
            lr: StepSize::Linear(Ramp { from: lr, to: lr / 20. }),
            beta1: 0.9,
            beta2: 0.999,
            weight_decay: 0.,
        };
        let (target, features) = (&job.networks.target, job.networks.features[0].1);
        let seed = Seed(job.options.seed);
        let inversion = Inversion {
            target,
            features,
            generator: &prior.generator,
            spec: spec.clone(),
            condition: prior.condition,
            optimizer,
            steps: job.options.inversion_steps,
            seed,
            mean: &nature.mean_features,
        };
        // The generator's own pictures: other codes than those that the search begins with.
        let own = inversion.own_pictures(4, 1 << 20)?;
        let any = vec![&units[0]; own.len()];
        let own_looks = job.networks.look(&own.iter().collect::<Vec<_>>(), &any, look::Asked::default())?;
        let mut wanted: Vec<(&str, Option<usize>, Option<f64>)> = vec![];
        let mut of: Vec<(RgbImage, Vec<f32>)> = vec![];
        for (unit, picture) in best.iter().take(count) {
            wanted.push(("baseline", Some(*unit), Some(picture.look.activation)));
            of.push((picture::read(&picture.subject.path)?, picture.look.features.clone()));
        }
        for (photograph, seen) in job.photographs.iter().zip(&nature.photographs).take(count) {
            let square = controls::squares(&picture::read(&photograph.path)?, 0, target.size as u32, seed, 0);
            wanted.push(("photographs", None, None));
            of.extend(square.into_iter().map(|square| (square, seen.look.features.clone())));
        }
        for (picture, look) in own.into_iter().zip(own_looks) {
            wanted.push(("own samples", None, None));
            of.push((picture, look.features));
        }
        follow.begin(&format!("nearest pictures of {name}"), wanted.len() * inversion.cost());
        let nearest = inversion.nearest(&of, &|done, _| follow.at(done))?;
        let folder = job.out.join("controls").join(format!("nearest-{}", slug(name)));
        fs::create_dir_all(&folder).with_context(|| format!("{}: cannot be made", folder.display()))?;
        for (number, ((of, unit, activation), nearest)) in wanted.iter().zip(nearest).enumerate() {
            let picture = to_rgb8(&nearest.picture)?;
            let path = folder.join(format!("{number:04}.png"));
            picture.save(&path).with_context(|| format!("{}: cannot be written", path.display()))?;
            let reached = match (unit, activation) {
                (Some(unit), Some(activation)) => {
                    let reached = job.networks.activations(&[&picture], &[&units[*unit]])?;
                    Some(reached[0] / activation)
                }
                _ => None,
            };
            found.push(Inverted {
                generator: name.clone(),
                of: (*of).to_owned(),
                unit: *unit,
                gap: nearest.gap,
                activation: reached,
                file: path.strip_prefix(&job.out).map_or(path.clone(), Path::to_owned),
            });
        }
    }
    Ok(found)
}

/// The methods and controls with all their figures.
#[expect(clippy::too_many_arguments, reason = "the parts of a comparison that methods are made of")]
fn methods(
    job: &Job,
    controls: &[Control],
    evidence: &Evidence,
    metrics: &mut [comparison::Metric],
    pictures: &[Picture],
    inversions: &[Inverted],
    baseline: Option<usize>,
    follow: &dyn Follow,
) -> Vec<Method> {
    let groups = job.gathered.groups.len();
    let count = groups + controls.len();
    follow.begin("figures of methods", count);
    let sets = evidence.of_all(count, metrics);
    let values = |method: usize, key: &str| -> Vec<Valued> {
        let of = pictures.iter().filter(|picture| picture.method == method);
        of.filter_map(|picture| Some((picture.unit, *picture.metrics.get(key)?))).collect()
    };
    let mut methods = vec![];
    for (place, (set, layers)) in sets.into_iter().enumerate() {
        let own: Vec<&Picture> = pictures.iter().filter(|picture| picture.method == place).collect();
        let mut of_unit: BTreeMap<usize, usize> = BTreeMap::new();
        own.iter().for_each(|picture| *of_unit.entry(picture.unit).or_default() += 1);
        let group = job.gathered.groups.get(place);
        let control = place.checked_sub(groups).map(|number| &controls[number]);
        let generator = group.map_or_else(|| control.and_then(|of| of.generator.clone()), |of| of.generator.clone());
        let mut figures = set;
        for metric in metrics.iter().filter(|metric| !SETS.contains(&metric.key.as_str())) {
            let figure = match &metric.not_computed {
                Some(why) => absent(why),
                None => mean_of(&values(place, &metric.key), evidence.bootstrap, missing(&metric.key)),
            };
            figures.insert(metric.key.clone(), figure);
        }
        for (key, of) in [("cka", 0), ("energy", 1)] {
            let values: Vec<f64> =
                layers.iter().filter_map(|layer| if of == 0 { layer.cka.value } else { layer.energy.value }).collect();
            let first = if of == 0 { &layers[0].cka } else { &layers[0].energy };
            let mean = (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
            let figure = match mean {
                Some(mean) => {
                    statistics::bare(Some(mean), first.units, first.pictures, "no interval: a figure of the whole set")
                }
                None => absent(first.why_not.as_deref().unwrap_or("there is no baseline")),
            };
            figures.insert(key.to_owned(), figure);
        }
        for key in ["inversion_gap", "inversion_activation"] {
            let of = match (control.map(|control| control.name.as_str()), &generator) {
                // The control of the gap: any photograph.
                (Some("photographs"), _) => "photographs",
                _ => "baseline",
            };
            let own = inversions.iter().filter(|inverted| {
                inverted.of == of && (of == "photographs" || Some(&inverted.generator) == generator.as_ref())
            });
            let of_unit = own.enumerate().filter_map(|(number, inverted)| {
                let value = if key == "inversion_gap" { Some(inverted.gap) } else { inverted.activation };
                Some((inverted.unit.unwrap_or(number), value?))
            });
            let why = metrics.iter().find(|metric| metric.key == key).and_then(|metric| metric.not_computed.clone());
            let figure = mean_of(&of_unit.collect::<Vec<_>>(), evidence.bootstrap, "it has no generator");
            figures.insert(key.to_owned(), why.map_or(figure, |why| absent(&why)));
        }
        let passes = match (group, control) {
            (Some(_), _) => {
                let of = |which: usize| {
                    let items = job.gathered.items.iter().filter(|item| item.group == place);
                    let mut all: Vec<usize> = items.filter_map(|item| Some(item.passes?[which])).collect();
                    all.sort_unstable();
                    all.get(all.len() / 2).map(|passes| *passes as f64)
                };
                of(0).zip(of(1)).map(|(forward, backward)| [forward, backward])
            }
            (None, control) => control.and_then(|control| control.passes),
        };
        methods.push(Method {
            label: group.map_or_else(|| controls[place - groups].label.clone(), |group| group.label.clone()),
            name: group.map_or_else(|| controls[place - groups].name.clone(), |group| group.name.clone()),
            kind: group.map_or(Kind::Control, |group| group.kind),
            meaning: control.map(|control| control.meaning.clone()),
            generator,
            settings: group.map_or_else(|| controls[place - groups].settings.clone(), |group| group.settings.clone()),
            units: of_unit.len(),
            pictures: own.len(),
            seeds: of_unit.values().copied().min().unwrap_or_default(),
            passes,
            metrics: figures,
            layers,
            spectrum: evidence.mean_spectrum(place),
            tests: vec![],
            cautions: vec![],
        });
        follow.at(place + 1);
    }
    if let Some(baseline) = baseline {
        for (place, method) in methods.iter_mut().enumerate() {
            if method.kind != Kind::Control && place != baseline {
                let test = |key: &str| evidence.test(key, &values(place, key), &values(baseline, key));
                method.tests = TESTED.iter().filter_map(|key| test(key)).collect();
            }
        }
        let all: Vec<&mut Test> =
            methods.iter_mut().flat_map(|method| method.tests.iter_mut()).filter(|test| test.p.is_some()).collect();
        let adjusted = holm(&all.iter().filter_map(|test| test.p).collect::<Vec<_>>()).unwrap_or_default();
        all.into_iter().zip(adjusted).for_each(|(test, p)| test.p_holm = Some(p));
    }
    for method in &mut methods {
        let of_method = |key: &str| method.metrics.get(key).and_then(|figure| figure.value);
        if method.kind != Kind::Control && of_method("ratio").is_some_and(|ratio| ratio > 1.) {
            method.cautions.push(
                "Its pictures fire the units more than the best of the baseline's on average (F1 above 1): the pixel search \
                 failed, and fidelity to it means little."
                    .to_owned(),
            );
        }
    }
    methods
}

/// Figures that pictures do not have.
const SETS: [&str; 8] =
    ["kid", "density", "coverage", "niqe", "cka", "energy", "inversion_gap", "inversion_activation"];

/// What is tested against the baseline, settled before any result.
const TESTED: [&str; 2] = ["agreement", "ratio"];

/// Why no picture of a method has a figure.
fn missing(key: &str) -> &'static str {
    match key {
        "agreement" | "witness_probability" | "witness_logit" | "probability" => "none of its units is a class",
        "explanation" => "no photograph of its units' classes",
        "slope" | "slope_distance" | "spectral_distance" | "high_frequency" => {
            "its pictures are not square, or too small for the band"
        }
        "jpeg_kept" | "noise_kept" | "crop_kept" => "none of its pictures fires its unit above the photographs' median",
        "ratio" => "the baseline has no picture of these units",
        "likeness" | "likeness_pooled" | "divergence" => {
            "the baseline has fewer than two pictures of these units, or its drift has no scale"
        }
        _ => "not defined for its pictures",
    }
}

/// A method's place, and its value of a dial.
type Turned = (usize, Option<f64>);

/// Every dial, and all methods: by two readings of legibility and two of fidelity.
fn tradeoffs(
    methods: &[Method],
    dials: &[Dial],
    pictures: &[Picture],
    bootstrap: Bootstrap,
    permutations: usize,
) -> Vec<Tradeoff> {
    let all: Vec<Turned> = (0..methods.len())
        .filter(|&method| methods[method].kind != Kind::Control)
        .map(|method| (method, None))
        .collect();
    let mut about: Vec<(String, Option<usize>, Vec<Turned>)> = vec![];
    for (place, dial) in dials.iter().enumerate() {
        let settings = dial.methods.iter().map(|(method, value)| (*method, Some(*value))).collect();
        about.push((dial.name.clone(), Some(place), settings));
    }
    about.push(("all methods".to_owned(), None, all));
    let of_control = |name: &str, key: &str| {
        let method = methods.iter().find(|method| method.kind == Kind::Control && method.name == name)?;
        method.metrics.get(key)?.value
    };
    let mut found = vec![];
    for (name, dial, settings) in &about {
        for (legibility, fidelity) in [
            ("witness_probability", "ratio"),
            ("agreement", "ratio"),
            ("witness_probability", "likeness"),
            ("agreement", "likeness"),
        ] {
            let axes = Axes {
                name,
                dial: *dial,
                legibility,
                fidelity,
                primary: (legibility, fidelity) == ("witness_probability", "ratio"),
                scale: [
                    of_control("blurred noise", legibility).unwrap_or(0.),
                    of_control("photographs", legibility).unwrap_or(1.),
                ],
            };
            let setting = |(method, value): &Turned| {
                let own = pictures.iter().filter(|picture| picture.method == *method && picture.facet == 0);
                let by_seed: BTreeMap<(usize, u64), &Picture> =
                    own.map(|picture| ((picture.unit, picture.seed), picture)).collect();
                // Seeds are paired in their order, since another tool may count from another number.
                let mut counts: BTreeMap<usize, u64> = BTreeMap::new();
                let pictures = by_seed.into_iter().filter_map(|((unit, _), picture)| {
                    let number = counts.entry(unit).or_default();
                    *number += 1;
                    let values = [*picture.metrics.get(legibility)?, *picture.metrics.get(fidelity)?];
                    Some(((unit, *number), values))
                });
                Setting { method: *method, value: *value, pictures: pictures.collect() }
            };
            let settings: Vec<Setting> =
                settings.iter().map(setting).filter(|setting| !setting.pictures.is_empty()).collect();
            found.extend(tradeoff::tradeoff(&axes, &settings, bootstrap, permutations));
        }
    }
    let primary = |tradeoff: &&mut Tradeoff| tradeoff.primary && tradeoff.spearman_p.is_some();
    let p: Vec<f64> = found.iter_mut().filter(primary).filter_map(|tradeoff| tradeoff.spearman_p).collect();
    let adjusted = holm(&p).unwrap_or_default();
    found.iter_mut().filter(primary).zip(adjusted).for_each(|(tradeoff, p)| tradeoff.spearman_p_holm = Some(p));
    found
}

fn model(classifier: &Classifier, kinship: Option<String>) -> Model {
    Model {
        name: classifier.name.clone(),
        weights_sha256: classifier.weights_sha256.clone(),
        definition: serde_json::to_value(&classifier.definition).unwrap_or_default(),
        kinship,
    }
}

fn generators(job: &Job) -> Vec<Model> {
    let mut models: Vec<Model> = vec![];
    for prior in job.priors.values() {
        let generator = &prior.generator;
        if !models.iter().any(|model| model.name == generator.name) {
            models.push(Model {
                name: generator.name.clone(),
                weights_sha256: generator.weights_sha256.clone(),
                definition: serde_json::to_value(&generator.definition).unwrap_or_default(),
                kinship: None,
            });
        }
    }
    models
}

/// What a witness has in common with the target.
fn kinship(target: &Classifier, witness: &Classifier) -> String {
    let architecture = |classifier: &Classifier| {
        classifier.definition.get("architecture").and_then(|value| value.as_str()).unwrap_or("unknown").to_owned()
    };
    let family = match architecture(target) == architecture(witness) {
        true => format!("the same family as the target ({})", architecture(target)),
        false => format!("another family ({}) than the target ({})", architecture(witness), architecture(target)),
    };
    let data = match target.classes == witness.classes {
        true => format!("the same {} classes, and most likely the same training photographs", target.classes),
        false => "other classes".to_owned(),
    };
    format!("{family}; {data}")
}

fn reference(job: &Job) -> Reference {
    use sha2::{Digest, Sha256};
    let classes: BTreeSet<usize> = job.photographs.iter().filter_map(|photograph| photograph.class).collect();
    let digests: String = job.photographs.iter().map(|photograph| photograph.sha256.as_str()).collect();
    Reference {
        source: job.reference.clone(),
        photographs: job.photographs.len(),
        labelled: job.photographs.iter().filter(|photograph| photograph.class.is_some()).count(),
        classes: classes.len(),
        crops: 1 + MORE_SQUARES,
        sha256: Sha256::digest(digests.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

/// The spectra of the photographs: geometric mean, and the band in which 90 % of them lie.
fn band(nature: &Nature) -> Band {
    let spectra: Vec<&[f64]> = nature
        .photographs
        .iter()
        .filter_map(|seen| seen.portrait.spectrum.as_ref())
        .map(|spectrum| &spectrum.power[..])
        .filter(|power| power.iter().all(|power| *power > 0.))
        .collect();
    let mut band = Band::default();
    for frequency in 0..spectra.iter().map(|power| power.len()).min().unwrap_or_default() {
        let mut logs: Vec<f64> = spectra.iter().map(|power| power[frequency].ln()).collect();
        logs.sort_by(f64::total_cmp);
        let at = |share: f64| logs[(share * (logs.len() - 1) as f64).round() as usize];
        band.frequency.push((frequency + 1) as f64);
        band.mean.push(logs.iter().sum::<f64>() / logs.len() as f64);
        band.low.push(at(0.05));
        band.high.push(at(0.95));
    }
    band
}

/// What must be said in words before any figure.
fn cautions(
    job: &Job,
    comparison: &Comparison,
    measures: &Measures,
    evidence: &Evidence,
    compared: usize,
) -> Vec<String> {
    let mut cautions = vec![];
    let own: Vec<&Method> = comparison.methods.iter().filter(|method| method.kind != Kind::Control).collect();
    let (units, seeds) = (
        own.iter().map(|method| method.units).min().unwrap_or_default(),
        own.iter().map(|method| method.seeds).min().unwrap_or_default(),
    );
    if units < UNITS || seeds < SEEDS {
        cautions.push(format!(
            "Too little for a claim: some method has {units} units, or {seeds} pictures of a unit; a claim asks for {UNITS} units \
             and {SEEDS} seeds of each."
        ));
    }
    if let Some(baseline) = comparison.settings.baseline {
        let label = &comparison.methods[baseline].label;
        let failed: Vec<&str> = own
            .iter()
            .filter(|method| method.metrics.get("ratio").and_then(|ratio| ratio.value).is_some_and(|ratio| ratio > 1.))
            .map(|method| method.label.as_str())
            .collect();
        if !failed.is_empty() {
            cautions.push(format!(
                "The pixel search ({label}) failed against {}: they fire the units more than its best picture (F1 above 1).",
                failed.join(", ")
            ));
        }
        let passes = |method: &Method| method.passes.map(|passes| passes[0] + passes[1]);
        if let Some(of_baseline) = passes(&comparison.methods[baseline]) {
            let unequal: Vec<String> = own
                .iter()
                .filter_map(|method| Some((method, passes(method)?)))
                .filter(|(_, passes)| (passes / of_baseline - 1.).abs() > 0.06)
                .map(|(method, passes)| format!("{} ({passes:.0})", method.label))
                .collect();
            if !unequal.is_empty() {
                cautions.push(format!(
                    "Unequal effort: {label} took {of_baseline:.0} forward and backward passes a picture, and {} did not. F1 \
                     compares equal effort only.",
                    unequal.join(", ")
                ));
            }
        }
        let lost: Vec<&str> = comparison
            .settings
            .layers
            .iter()
            .zip(&evidence.denominators[0])
            .filter(|(_, scale)| scale.is_none())
            .map(|(name, _)| name.as_str())
            .collect();
        if !lost.is_empty() {
            cautions.push(format!(
                "Drift has no scale in {}: there the baseline's pictures of a unit do not resemble each other more than those of other \
                 units (their interval includes 0), or there is one seed of each. These layers are left out of F2.",
                lost.join(", ")
            ));
        }
        cautions.push(
            "F2 measures likeness to pixel-space results: noise scores well by construction. Read it beside F1 and F6."
                .to_owned(),
        );
    } else {
        cautions.push(
            "There is no pixel-space method, and hence no baseline: fidelity and drift are not computed. Add naive runs, or name one with \
             --baseline."
                .to_owned(),
        );
    }
    match comparison.witnesses.len() {
        0 => cautions.push("There is no witness: legibility by transfer (L1) is not computed.".to_owned()),
        _ => {
            let kin: Vec<String> = comparison
                .witnesses
                .iter()
                .filter_map(|witness| Some(format!("{}: {}", witness.name, witness.kinship.as_ref()?)))
                .collect();
            cautions.push(format!(
                "Witnesses share with the target what they share in family and data, adversarial features included. {}.",
                kin.join(". ")
            ));
        }
    }
    let missing: Vec<&str> = comparison
        .metrics
        .iter()
        .filter(|metric| metric.not_computed.is_some())
        .map(|metric| metric.name.as_str())
        .collect();
    if !missing.is_empty() {
        cautions.push(format!("Not computed, for reasons given beside their definitions: {}.", missing.join(", ")));
    }
    if let Err(why) = &job.permuted {
        cautions.push(format!("The control by permuted weights is missing: {why}."));
    }
    for ((name, _), [ranked, of]) in job.networks.layers.iter().zip(&measures.ranked).filter(|(_, [a, b])| a < b) {
        cautions.push(format!(
            "Of {name}, {ranked} of {of} activations were ranked, drawn at random, so that they fit into memory."
        ));
    }
    let others = comparison.units.len() - compared;
    if others > 0 {
        cautions.push(format!(
            "The control `photographs` has {others} classes that are no units here, so that it rests on more than the units' own photographs."
        ));
    }
    cautions
}
