//! A comparison: what legibility costs, from folders of records to figures, tables and plots.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::compare::findings::Registered;
use crate::compare::{Chosen, Findings, FollowComparison, Gathered, Job, Options, Prior, compare, tables};
use crate::error::{Context, Error, OfRequest, Result, bail};
use crate::look::Networks;
use crate::models::{Classifier, Models, condition};
use crate::plot;
use crate::random::{Purpose, Seed, order, stream};
use crate::reference::Photograph;
use crate::run::{Experiment, manifests_in};
use crate::store::Hash;
use crate::sweep::runs_of;

/// The sets of the zoo that photographs come from unless somebody says.
const REFERENCES: [&str; 2] = ["imagenet-samples", "photos"];

/// A request to compare pictures: who can read each method's, and what they tell of their unit.
///
/// ```no_run
/// use metapicture::prelude::*;
///
/// let models = Models::open()?;
/// let found = Comparison::of(["out/banana"]).witnesses(["squeezenet-caffe"]).run(&models, "out/compared")?;
/// for method in &found.methods {
///     println!("{}: {:?}", method.label, method.metrics["explains"].value);
/// }
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    folders: Vec<PathBuf>,
    foreign: Vec<PathBuf>,
    manifests: Vec<String>,
    classifier: Option<String>,
    witnesses: Vec<String>,
    references: Vec<String>,
    baseline: Option<String>,
    layers: Vec<String>,
    title: Option<String>,
    registered: Option<PathBuf>,
    only: Vec<String>,
    experiments: Vec<PathBuf>,
    command: Option<String>,
    options: Options,
}

impl Comparison {
    /// Of folders of records.
    pub fn of<P: Into<PathBuf>>(folders: impl IntoIterator<Item = P>) -> Comparison {
        Comparison { folders: folders.into_iter().map(Into::into).collect(), ..Comparison::default() }
    }

    /// Pictures that other tools made: CSV files with the columns path, unit, method, and perhaps seed; paths are relative to the file.
    #[must_use]
    pub fn foreign<P: Into<PathBuf>>(mut self, tables: impl IntoIterator<Item = P>) -> Comparison {
        self.foreign = tables.into_iter().map(Into::into).collect();
        self
    }

    /// Manifests of networks of one's own, by path: those that the records name, the zoo does not have, and that are no
    /// longer where they were.
    #[must_use]
    pub fn manifests<P: Into<String>>(mut self, paths: impl IntoIterator<Item = P>) -> Comparison {
        self.manifests = paths.into_iter().map(Into::into).collect();
        self
    }

    /// The target; unless told that of the records.
    #[must_use]
    pub fn classifier(mut self, name: &str) -> Comparison {
        self.classifier = Some(name.to_owned());
        self
    }

    /// Classifiers that judge, and encoders that do the two-choice task and nothing else; unless told those of the records.
    #[must_use]
    pub fn witnesses<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Comparison {
        self.witnesses = names.into_iter().map(Into::into).collect();
        self
    }

    /// Photographs: sets of the zoo, or folders, whose subfolders may be classes; unless told `imagenet-samples` and `photos`.
    #[must_use]
    pub fn references<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Comparison {
        self.references = names.into_iter().map(Into::into).collect();
        self
    }

    /// The pixel-space method from which strength is measured; unless told `naive`, or the first one without a generator.
    #[must_use]
    pub fn baseline(mut self, method: &str) -> Comparison {
        self.baseline = Some(method.to_owned());
        self
    }

    /// Layers of the target in which the path is measured; unless told the last bottleneck of each resolution, features and logits.
    #[must_use]
    pub fn layers<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Comparison {
        self.layers = names.into_iter().map(Into::into).collect();
        self
    }

    /// What it is called; unless told what the experiments say of themselves.
    #[must_use]
    pub fn title(mut self, title: &str) -> Comparison {
        self.title = Some(title.to_owned());
        self
    }

    /// A file that was written before any result was seen: its sha256 stands in the result.
    #[must_use]
    pub fn registered(mut self, file: impl Into<PathBuf>) -> Comparison {
        self.registered = Some(file.into());
        self
    }

    /// Only runs with these values, each `AXIS=VALUE`: of each axis that is named one of its values. Axes are what identifies a run (`method`, `unit`, `seed`,
    /// `generator`, `size`, `numeric_version`, ...) and settings of its method by their path, or the last part of it (`eps`).
    #[must_use]
    pub fn only<N: Into<String>>(mut self, conditions: impl IntoIterator<Item = N>) -> Comparison {
        self.only = conditions.into_iter().map(Into::into).collect();
        self
    }

    /// Only runs of these experiment files: those of settings that were given up do not slip in.
    #[must_use]
    pub fn experiments<P: Into<PathBuf>>(mut self, files: impl IntoIterator<Item = P>) -> Comparison {
        self.experiments = files.into_iter().map(Into::into).collect();
        self
    }

    /// The command line that asked for it, which is written down.
    #[must_use]
    pub fn command(mut self, line: &str) -> Comparison {
        self.command = Some(line.to_owned());
        self
    }

    /// How much is computed.
    #[must_use]
    pub fn options(mut self, options: Options) -> Comparison {
        self.options = options;
        self
    }

    /// Computes it, and writes `comparison.json` (everything, with definitions), tables and plots into `out`.
    ///
    /// # Errors
    /// Folders that hold no finished run, names that are not known, records of other weights than are here (requests); models that cannot be
    /// had; pictures that cannot be read; files that cannot be written.
    pub fn run(&self, models: &Models, out: impl Into<PathBuf>) -> Result<Findings> {
        self.run_watched(models, out, &Unwatched)
    }

    /// As [`Comparison::run`]; `follow` is told how far it is.
    ///
    /// # Errors
    /// Those of [`Comparison::run`].
    pub fn run_watched(
        &self,
        models: &Models,
        out: impl Into<PathBuf>,
        follow: &dyn FollowComparison,
    ) -> Result<Findings> {
        let job = self.job(models, out.into())?;
        job.check()?;
        let findings = compare(&job, follow)?;
        tables::write(&findings, &job.out)?;
        let plots = job.out.join("plots");
        for drawn in plot::all(&findings, &job.out)? {
            plot::write(&drawn, &plots)?;
        }
        Ok(findings)
    }

    /// What is compared, with what, everything loaded.
    fn job(&self, models: &Models, out: PathBuf) -> Result<Job> {
        let mut gathered = Gathered::default();
        for path in &self.manifests {
            models.add(path, None).context("--manifest").of_request()?;
        }
        let gone = self.add_noted(models);
        let missed = |name: &str, error: Error| match gone.get(name) {
            Some(path) => error.hinted(format!("its manifest was {}: say where it is now", path.display())),
            None => error,
        };
        let classifier =
            self.classifier.as_deref().map(|name| models.add(name, Some(zoo::Kind::Classifier))).transpose()?;
        let named = Some(&self.experiments).filter(|files| !files.is_empty());
        let runs = named.map(|files| runs_of(files, Path::new(""), models)).transpose().context("--experiment")?;
        let chosen = Chosen::of(&self.only, runs)?;
        for folder in &self.folders {
            gathered.add_folder(folder, classifier.as_deref(), &chosen).of_request()?;
        }
        for path in &self.foreign {
            gathered.add_table(path).of_request()?;
        }
        gathered.label();
        let name = match classifier {
            Some(name) => name,
            None => target(&gathered)?,
        };
        let classifier = |name: &String| models.classifier(name).map_err(|error| missed(name, error));
        let target = classifier(&name)?;
        let sha256 = &target.engine().weights_sha256;
        if let Some(of_records) = gathered.classifiers.get(&name).filter(|of_records| *of_records != sha256) {
            bail!(
                "the records were made with other weights of {name} ({}) than are here ({})",
                &of_records[..8.min(of_records.len())],
                &sha256[..8]
            );
        }
        let names: Vec<String> = match self.witnesses.is_empty() {
            true => gathered.witnesses.iter().filter(|witness| **witness != name).cloned().collect(),
            false => self.witnesses.clone(),
        };
        let (encoders, names): (Vec<String>, Vec<String>) = names.into_iter().partition(|name| models.is_encoder(name));
        let witnesses = names.iter().map(classifier).collect::<Result<Vec<_>>>()?;
        let encoders = encoders.iter().map(|name| Ok(Arc::new(models.encoder(name)?))).collect::<Result<_>>()?;
        let networks = self.networks(&target, &witnesses, encoders)?;
        let (photographs, reference) = self.photographs(models, &target)?;
        let priors = priors(models, &gathered, &missed)?;
        let permuted = match self.options.permuted_units {
            0 => Err("--permuted-units is 0".to_owned()),
            _ => permuted(models, &name, self.options.seed),
        };
        Ok(Job {
            title: self.title.clone().unwrap_or_else(|| self.titled(&gathered)),
            networks,
            gathered,
            photographs,
            reference,
            priors,
            permuted,
            baseline: self.baseline.clone(),
            out,
            options: self.options.clone(),
            registered: self.registered.as_deref().map(registered).transpose()?,
            command: self.command.clone().unwrap_or_else(|| "a program that uses the library".to_owned()),
        })
    }

    /// Adds networks of one's own whose manifests are where they were when the records were made, unless they were named; gives the paths of
    /// those that are not.
    fn add_noted(&self, models: &Models) -> BTreeMap<String, PathBuf> {
        let named = models.of_ones_own();
        let mut gone = BTreeMap::new();
        for (kind, manifests) in self.folders.iter().flat_map(|folder| manifests_in(folder)) {
            for (name, path) in manifests {
                let is_named = named.get(&kind).is_some_and(|named| named.contains_key(&name));
                if !is_named && models.add(&path.to_string_lossy(), None).is_err() {
                    gone.insert(name, path);
                }
            }
        }
        gone
    }

    fn networks(
        &self,
        target: &Classifier,
        witnesses: &[Classifier],
        encoders: Vec<Arc<generators::Encoder>>,
    ) -> Result<Networks> {
        let (classifier, shapes) = (target.engine(), target.shapes());
        let judges: Vec<_> = witnesses.iter().map(|witness| Arc::clone(witness.engine())).collect();
        Experiment::check_witnesses(classifier, &judges).context("--witness")?;
        let (target, shapes) = (Arc::clone(classifier), Arc::clone(shapes));
        Networks::new(target, shapes, judges, encoders, &self.layers).context("--layers")
    }

    fn photographs(&self, models: &Models, target: &Classifier) -> Result<(Vec<Photograph>, String)> {
        let defaults = || REFERENCES.iter().map(|name| (*name).to_owned()).collect();
        let names: Vec<String> = if self.references.is_empty() { defaults() } else { self.references.clone() };
        let mut photographs: Vec<Photograph> = vec![];
        for name in &names {
            let found = models.photographs(name, target.engine());
            let named = |error: Error| if Path::new(name).is_dir() { error.within("--reference") } else { error };
            for photograph in found.map_err(named)? {
                if !photographs.iter().any(|known| known.sha256 == photograph.sha256) {
                    photographs.push(photograph);
                }
            }
        }
        // A thousand classes are those of ImageNet, which labels of the zoo mean.
        if target.classes() != 1000 {
            photographs.iter_mut().for_each(|photograph| {
                photograph.class = photograph.class.filter(|class| *class < target.classes() as usize);
            });
        }
        Ok((photographs, names.join(", ")))
    }

    /// What the experiments say of themselves; else the names of the folders and tables.
    fn titled(&self, gathered: &Gathered) -> String {
        let described = gathered.sources.iter().filter_map(|source| {
            let experiment: serde_yaml::Value = serde_yaml::from_str(source.experiment.as_ref()?).ok()?;
            Some(experiment.get("description")?.as_str()?.to_owned())
        });
        let described: Vec<String> = described.collect();
        if !described.is_empty() && described.len() == self.folders.len() {
            return described.join("; ");
        }
        let name = |path: &PathBuf| Path::new(path).file_stem().map(|name| name.to_string_lossy().into_owned());
        let names: Vec<String> = self.folders.iter().chain(&self.foreign).filter_map(name).collect();
        names.join(", ")
    }
}

/// A file that was written before any result was seen, by name and sha256.
fn registered(path: &Path) -> Result<Registered> {
    let bytes = std::fs::read(path)
        .of_request()
        .with_context(|| format!("--registered: {}: cannot be read", path.display()))?;
    let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Registered { file, sha256: Hash::of(&bytes).to_string() })
}

/// The classifier that all records have.
fn target(gathered: &Gathered) -> Result<String> {
    let names: Vec<&str> = gathered.classifiers.keys().map(String::as_str).collect();
    match names[..] {
        [name] => Ok(name.to_owned()),
        [] => bail!("foreign pictures do not say whose units they show: name the target with --classifier"),
        _ => bail!("the records are of {}: choose one with --classifier", names.join(", ")),
    }
}

/// The generators of the groups, each loaded once a size.
fn priors(
    models: &Models,
    gathered: &Gathered,
    missed: &dyn Fn(&str, Error) -> Error,
) -> Result<BTreeMap<usize, Prior>> {
    let mut priors = BTreeMap::new();
    for (place, group) in gathered.groups.iter().enumerate() {
        let Some(name) = &group.generator else { continue };
        let generator = models.generator_at(name, group.generator_size.or(group.size));
        let generator = Arc::clone(generator.map_err(|error| missed(name, error))?.engine());
        let class = group.condition.as_deref().filter(|condition| *condition != "relaxed");
        let condition = condition(&generator, class)?;
        priors.insert(place, Prior { generator, condition });
    }
    Ok(priors)
}

/// The target with its weights in a random order, as a control; or why it cannot be had.
fn permuted(models: &Models, name: &str, seed: u64) -> Result<Permuted, String> {
    let mut rng = stream(Seed(seed), Purpose::PermutedWeights, 0);
    let permuted = models.permuted_classifier(name, &mut |count| order(&mut rng, count));
    let permuted = permuted.map_err(|error| error.to_string())?;
    Ok((Arc::clone(permuted.engine()), Arc::clone(permuted.shapes())))
}

type Permuted = (Arc<classifiers::Classifier>, Arc<crate::unit::LayerShapes>);

/// Follows nothing.
struct Unwatched;

impl FollowComparison for Unwatched {
    fn begin(&self, _: &str, _: usize) {}

    fn at(&self, _: usize) -> Result<()> {
        Ok(())
    }
}
