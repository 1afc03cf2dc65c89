//! One visualization: a unit of a classifier, a method, perhaps a prior, and the pictures that come of it.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use image::RgbImage;

use crate::error::{Context, Error, ErrorKind, Result, bail, request};
use crate::experiment_file::{Seeds, method_of_text};
use crate::method::Method;
use crate::models::{Classifier, Generator};
use crate::render::{UnkeptUntil, Watch};
use crate::run::{Encoded, Experiment, Follow, KeyNames, Plan, Results, Run, Worker, experiment};
use crate::sheet;
use crate::store::{Kept, Record, RunId, Sealed, Status, Store};
use crate::unit::{Among, Unit};

/// Runs that are computed together unless told, as the command line has it: it changes results by rounding only.
const BATCH: usize = 8;

/// Side of a picture on the sheet of a folder of records, as the command line has it.
const SHEET_SIDE: u32 = 224;

/// Files of a record that a picture is read with.
const FILES: [&str; 7] =
    ["record.json", "timing.json", "trace.csv", "state.safetensors", "image.png", "cut-out.png", "files.sha256"];

/// What a unit of a classifier looks for: a request for pictures, which [`run`](Visualization::run) makes.
///
/// ```
/// use metapicture::prelude::*;
///
/// let models = Models::open()?;
/// let lite0 = models.classifier("efficientnet-lite0")?;
/// let faces = models.generator("face-dcgan")?;
/// let picture = Visualization::of(&lite0, "banana")?.prior(&faces).method("latent")?.steps(3).run()?;
/// picture.save(std::env::temp_dir().join("banana.png"))?;
/// assert!(picture.activation().is_finite());
/// # Ok::<(), Error>(())
/// ```
pub struct Visualization<'w> {
    classifier: Classifier,
    unit: Unit,
    prior: Option<Generator>,
    class: Option<String>,
    method: Option<Method>,
    witnesses: Vec<Classifier>,
    size: Option<i64>,
    steps: Option<usize>,
    facets: Option<usize>,
    from: Option<String>,
    seeds: Range<u64>,
    batch: usize,
    watch: Arc<dyn Watch + 'w>,
    leave: Arc<AtomicBool>,
}

impl<'w> Visualization<'w> {
    /// Of a unit: a class by name (`banana`) or number (`class:954`), a channel (`_blocks.10:37`), a neuron (`_blocks.10:37@7,7`), a layer
    /// (`layer:_blocks.10`), a direction, a weighted sum (`banana + 0.5*violin`).
    ///
    /// # Errors
    /// A unit that the classifier does not have.
    pub fn of(classifier: &Classifier, unit: &str) -> Result<Visualization<'w>> {
        let others = |name: &str| classifier.models.of_units(name);
        let (engine, shapes) = (&classifier.classifier, &classifier.shapes);
        let unit = Unit::parse_among(unit, &Among { classifier: engine, shapes, kept: &[], others: Some(&others) })?;
        Ok(Visualization {
            classifier: classifier.clone(),
            unit,
            prior: None,
            class: None,
            method: None,
            witnesses: vec![],
            size: None,
            steps: None,
            facets: None,
            from: None,
            seeds: 0..1,
            batch: BATCH,
            watch: Arc::new(|_: usize, _: usize, _: f64| {}),
            leave: Arc::default(),
        })
    }

    /// In front of the classifier, for methods that search a latent code.
    #[must_use]
    pub fn prior(mut self, generator: &Generator) -> Self {
        self.prior = Some(generator.clone());
        self
    }

    /// The class of a conditional generator, by name or index; unless told, it is relaxed and optimized with the code.
    #[must_use]
    pub fn class(mut self, class: &str) -> Self {
        self.class = Some(class.to_owned());
        self
    }

    /// A preset (`metapicture methods list`) or the path of a method in YAML. Unless told: `regularized`, or with a prior what suits its codes.
    ///
    /// # Errors
    /// A name that is not known, a file that is no method.
    pub fn method(mut self, name: &str) -> Result<Self> {
        self.method = Some(Method::find(name)?);
        Ok(self)
    }

    /// A method as YAML or JSON has it: spelled out, as `metapicture methods show` prints one, or a `preset` with what is different
    /// (`{ preset: lucid-2017, steps: 64 }`).
    ///
    /// # Errors
    /// What is no method, at its key.
    pub fn method_settings(mut self, text: &str) -> Result<Self> {
        self.method = Some(method_of_text(text, Path::new("")).map_err(|error| error.within("method"))?);
        Ok(self)
    }

    /// Photographs that the pictures start from: a set of the zoo, a folder, or a file. Each seed takes another one, in the order of their names,
    /// its central square; a search of a code takes of 32 random squares the one that fires the unit most. Unless told, it starts as the
    /// method says, from noise mostly.
    #[must_use]
    pub fn from_photographs(mut self, photographs: &str) -> Self {
        self.from = Some(photographs.to_owned());
        self
    }

    /// Classifiers that judge the picture of a class and take no part in making it.
    #[must_use]
    pub fn witnesses<'c>(mut self, classifiers: impl IntoIterator<Item = &'c Classifier>) -> Self {
        self.witnesses = classifiers.into_iter().cloned().collect();
        self
    }

    /// Side of the picture in pixels, unless it is the method's: from the classifier's input up. Of generators only those whose codes have
    /// height and width have a choice, and there it is [`Models::generator_at`](crate::models::Models::generator_at) that makes it.
    #[must_use]
    pub fn size(mut self, pixels: i64) -> Self {
        self.size = Some(pixels);
        self
    }

    /// Optimization steps in each octave, instead of the method's own number.
    #[must_use]
    pub fn steps(mut self, steps: usize) -> Self {
        self.steps = Some(steps);
        self
    }

    /// How many pictures are optimized together and kept apart (Olah et al. 2017, diversity), instead of the method's own number.
    #[must_use]
    pub fn facets(mut self, facets: usize) -> Self {
        self.facets = Some(facets);
        self
    }

    /// The seed; 0 unless told. The same seed gives the same picture.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seeds = seed..seed.saturating_add(1);
        self
    }

    /// Several seeds, `0..5` say, for [`Visualization::run_all`].
    #[must_use]
    pub fn seeds(mut self, seeds: Range<u64>) -> Self {
        self.seeds = seeds;
        self
    }

    /// How many runs are computed together, of the same method; 8 unless told. Their number changes results by rounding only.
    #[must_use]
    pub fn batch(mut self, runs: usize) -> Self {
        self.batch = runs.max(1);
        self
    }

    /// Who is told how far it is: steps done, steps in all, and the mean activation at the last step that was read.
    #[must_use]
    pub fn watch(mut self, watch: impl Fn(usize, usize, f64) + 'w) -> Self {
        self.watch = Arc::new(watch);
        self
    }

    /// The same for who wants to know more of it, of the unstable [engine](crate::engine).
    #[must_use]
    pub fn followed_by(mut self, watch: impl Watch + 'w) -> Self {
        self.watch = Arc::new(watch);
        self
    }

    /// A flag that ends the run within a step, once somebody sets it: then it is an error of the kind
    /// [`Left`](crate::ErrorKind::Left), and what [`run_into`](Visualization::run_into) has finished is kept.
    #[must_use]
    pub fn until(mut self, flag: Arc<AtomicBool>) -> Self {
        self.leave = flag;
        self
    }

    /// The picture of the first seed (and facet).
    ///
    /// # Errors
    /// A method that does not fit the unit or the prior (requests), and a run that failed: its numbers were not finite, or libtorch ran out
    /// of memory.
    pub fn run(&self) -> Result<Picture> {
        let first = self.seeds.start..self.seeds.start.saturating_add(1).min(self.seeds.end);
        let pictures = self.of_seeds(first)?;
        pictures.into_iter().next().unwrap_or_else(|| Err(request!("seeds: at least one is needed")))
    }

    /// The pictures of all seeds, and of each of these all facets. A run that failed is an error of that run alone.
    ///
    /// # Errors
    /// A method that does not fit the unit or the prior; no seed.
    pub fn run_all(&self) -> Result<Vec<Result<Picture>>> {
        self.of_seeds(self.seeds.clone())
    }

    /// The same, kept in a folder of records as `metapicture visualize` keeps them: what is there is not computed again, a run that was
    /// left goes on from its checkpoint, and tables and a contact sheet lie beside the records.
    ///
    /// # Errors
    /// As [`Visualization::run_all`]; a folder that cannot be written.
    pub fn run_into(&self, folder: impl AsRef<Path>) -> Result<Vec<Result<Picture>>> {
        let (experiment, plan) = self.planned(self.seeds.clone())?;
        let experiment = Arc::new(experiment);
        let store = Store::open(folder.as_ref())?;
        let names: Vec<String> = experiment.witnesses.iter().map(|witness| witness.name.clone()).collect();
        let whole = Worker::whole(&plan, &store, &names, &self.leave);
        let worker = Worker { retry_failed: true, leave: &self.leave, ..whole };
        let ended = worker.run(&mut |_| Ok(Arc::clone(&experiment)), &Followed(&*self.watch))?;
        if ended.left > 0 && self.leave.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Left, "the batch was left at a checkpoint"));
        }
        let results = Results { plan: &plan, store: &store, axes: &[], witnesses: &names };
        results.keep_files()?;
        results.write_manifests(self.classifier.models.of_ones_own())?;
        results.write()?;
        sheet::draw(&results, SHEET_SIDE)?;
        let picture = |id: RunId| match store.record(&id) {
            Some(_) => Picture::open(store.folder(&id)),
            None => Err(Error::storage(format!("run {id}: its record is not there"))),
        };
        Ok(plan.runs().iter().map(|run| picture(run.id())).collect())
    }

    fn of_seeds(&self, seeds: Range<u64>) -> Result<Vec<Result<Picture>>> {
        let (experiment, plan) = self.planned(seeds)?;
        let mut pictures = vec![];
        for number in 0..plan.batch_count() {
            let runs: Vec<Run> = plan.batch(number).iter().map(|run| plan.run(run)).collect();
            let sealed = experiment.compute(&runs, Kept::default(), &*self.watch, &UnkeptUntil(&self.leave))?;
            pictures.extend(sealed.into_iter().map(Picture::of));
        }
        Ok(pictures)
    }

    /// What there is to be done, and by which networks.
    fn planned(&self, seeds: Range<u64>) -> Result<(Experiment, Plan)> {
        if seeds.is_empty() {
            bail!("seeds: at least one is needed");
        }
        let method = self.with_settings()?;
        let prior = self.prior.as_ref().map(|prior| (prior, self.class.as_deref()));
        let (encoded, keys) = (Encoded::by(&method, &self.classifier)?, KeyNames::SETTINGS);
        let experiment = experiment(&self.classifier, prior, encoded, &self.witnesses, self.size, keys)?;
        let units = [self.unit.clone()];
        experiment.check(&units, std::slice::from_ref(&method))?;
        let mut plan = Plan::default();
        plan.add(0, &experiment, &method, &units, &Seeds::from(seeds.start..=seeds.end - 1), vec![], self.batch)?;
        Ok((experiment, plan))
    }

    fn with_settings(&self) -> Result<Method> {
        let mut method = match &self.method {
            Some(method) => method.clone(),
            None => Method::find(Method::default_for(self.prior.as_ref().map(|prior| &*prior.generator)))?,
        };
        if method.needs_generator() && self.prior.is_none() {
            bail!("method '{}' searches a generator's code: give it a prior", method.name);
        }
        method.steps = self.steps.unwrap_or(method.steps);
        method.facets = self.facets.unwrap_or(method.facets);
        if let Some(photographs) = &self.from
            && !method.start_from(photographs)
        {
            bail!("method '{}' starts from no picture", method.name);
        }
        method.check().with_context(|| format!("method '{}'", method.name))?;
        Ok(method)
    }
}

impl fmt::Debug for Visualization<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let method = self.method.as_ref().map(|method| &method.name);
        f.debug_struct("Visualization").field("unit", &self.unit.name).field("method", &method).finish_non_exhaustive()
    }
}

/// Hands every batch to the one who follows.
struct Followed<'f>(&'f dyn Watch);

impl Follow for Followed<'_> {
    fn batch<'f>(&'f self, _: &[Run], _: &[RunId]) -> Box<dyn Watch + 'f> {
        Box::new(OfBatch(self.0))
    }

    fn found(&self, _: usize) {}
}

/// The same, of one batch.
struct OfBatch<'f>(&'f dyn Watch);

impl Watch for OfBatch<'_> {
    fn step(&self, done: usize, steps: usize, activation: f64) {
        self.0.step(done, steps, activation);
    }

    fn screened(&self, done: usize, codes: usize) {
        self.0.screened(done, codes);
    }

    fn unsaved(&self, error: &Error) {
        self.0.unsaved(error);
    }
}

/// A picture that was made for a unit, and the record of its making: what `metapicture visualize` leaves of a run.
pub struct Picture {
    /// By name, as in the folder of a record.
    files: Vec<(&'static str, Vec<u8>)>,
    record: Record,
    image: RgbImage,
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut picture = f.debug_struct("Picture");
        picture.field("run_id", &self.record.run_id).field("unit", &self.record.unit.name);
        picture.field("size", &self.image.dimensions()).finish_non_exhaustive()
    }
}

impl Picture {
    fn of(sealed: Sealed) -> Result<Picture> {
        let record = sealed.record()?;
        Picture::made(record, sealed.files().map(|(name, bytes)| (name, bytes.to_vec())).collect())
    }

    /// Of the folder of a run that was kept: `OUT/runs/ID`, or what [`Picture::save_record`] has written.
    ///
    /// # Errors
    /// A folder that holds no record, or one of a run that failed.
    pub fn open(folder: impl AsRef<Path>) -> Result<Picture> {
        let folder = folder.as_ref();
        let mut files = vec![];
        for name in FILES {
            match std::fs::read(folder.join(name)) {
                Ok(bytes) => files.push((name, bytes)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound && name != FILES[0] => {}
                Err(error) => return Err(error).with_context(|| format!("{}: cannot be read", folder.display())),
            }
        }
        let record = serde_json::from_slice(&files[0].1).with_context(|| format!("{}: no record", folder.display()))?;
        Picture::made(record, files)
    }

    fn made(record: Record, files: Vec<(&'static str, Vec<u8>)>) -> Result<Picture> {
        if record.status == Status::Failed {
            return Err(Error::compute(record.error.unwrap_or_default()));
        }
        let png = files.iter().find(|(name, _)| *name == "image.png").context("the run has no picture")?;
        let image = image::load_from_memory(&png.1)?.to_rgb8();
        Ok(Picture { files, record, image })
    }

    /// The bytes of the file of this name in the run's record, if it has one: `trace.csv`, `state.safetensors`.
    pub fn file(&self, name: &str) -> Option<&[u8]> {
        self.files.iter().find_map(|(known, bytes)| (*known == name).then_some(&bytes[..]))
    }

    /// The picture, 8 bits a channel.
    pub fn image(&self) -> &RgbImage {
        &self.image
    }

    /// The bytes of the picture as a PNG file, those of the `image.png` of a record.
    pub fn png(&self) -> &[u8] {
        self.file("image.png").unwrap_or_default()
    }

    /// The unit's activation of the saved 8-bit picture: of a class, its logit.
    pub fn activation(&self) -> f64 {
        self.record.activation.scored.unwrap_or(f64::NAN)
    }

    /// The probability that the classifier gives the class, where the unit is one.
    pub fn probability(&self) -> Option<f64> {
        self.record.probability
    }

    /// The mean probability that the witnesses give the class, where there are witnesses and the unit is a class.
    pub fn witness_probability(&self) -> Option<f64> {
        self.record.witness_probability()
    }

    /// Everything that is known of the run: settings, activations, what witnesses say, weights and versions.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Writes the picture, in the format that the file's ending names: `.png` (the same bytes as in a record), `.jpg`, `.webp`, `.tiff`.
    ///
    /// # Errors
    /// An ending that names no format; a file that cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let cannot = || format!("{}: cannot be written", path.display());
        match image::ImageFormat::from_path(path).with_context(cannot)? {
            image::ImageFormat::Png => std::fs::write(path, self.png()).with_context(cannot),
            format => self.image.save_with_format(path, format).with_context(cannot),
        }
    }

    /// Writes the whole record into a folder, which is made if need be: picture, `record.json`, `trace.csv` (what each step saw),
    /// `state.safetensors` (the code or pixels that make the picture again), `timing.json` and their hashes.
    ///
    /// # Errors
    /// A folder or a file that cannot be written.
    pub fn save_record(&self, folder: impl Into<PathBuf>) -> Result<()> {
        let folder = folder.into();
        let cannot = || format!("{}: cannot be written", folder.display());
        std::fs::create_dir_all(&folder).with_context(cannot)?;
        for (name, bytes) in &self.files {
            std::fs::write(folder.join(name), bytes).with_context(cannot)?;
        }
        Ok(())
    }
}
