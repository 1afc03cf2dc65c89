//! Who is asked what: units go over people by a Latin square, so that nobody sees a unit twice, and every unit is seen with every method's pictures.

use std::path::{Path, PathBuf};

use rand::seq::{IndexedRandom, SliceRandom};
use rand_chacha::ChaCha12Rng;
use serde::Serialize;

use super::images::Images;
use super::key::{Exclusions, KEY, Key, Machine, Method, Pair, Role, SCHEMA_VERSION};
use super::material::Material;
use super::page::{Asked, Document, OfUnit, page};
use crate::compare::EXEMPLARS;
use crate::error::{Context, Result, bail};
use crate::random::{Purpose, Seed, stream};
use crate::store::Hash;

/// Side of photographs, and of pictures of which four or fewer are shown, in pixels.
const LARGE: u32 = 224;

/// Side of pictures of which more are shown.
const SMALL: u32 = 144;

/// Pairs of each kind that a unit has.
const PAIRS: usize = 3;

/// Trials after each of which a picture is described in words.
const DESCRIBE_EVERY: usize = 8;

/// The control by pictures of another unit, as the key calls it.
const ANOTHER: &str = "another unit's pictures";

/// The page's name.
const PAGE: &str = "study.html";

/// How a study is made.
#[derive(Clone, Debug)]
pub struct Options {
    /// Labels or names of the methods that are judged; all where it is empty.
    pub methods: Vec<String>,
    /// Most trials of a person with each method; fewer where there are too few units.
    pub per_method: usize,
    /// Trials with feedback.
    pub practice: usize,
    /// Catch trials.
    pub catches: usize,
    /// Of units, pairs and numbers.
    pub seed: u64,
    /// What people read before they begin; paragraphs are parted by empty lines.
    pub consent: Option<String>,
    /// What the page is called.
    pub title: String,
}

impl Default for Options {
    /// All methods, 8 trials with each, 6 of practice, 5 catch trials, seed 0.
    fn default() -> Options {
        let (methods, consent, title) = (vec![], None, "What makes it fire?".to_owned());
        Options { methods, per_method: 8, practice: 6, catches: 5, seed: 0, consent, title }
    }
}

/// What became of a study.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Written {
    /// The page that people see.
    pub page: PathBuf,
    /// Its size.
    pub bytes: usize,
    /// What they must not see.
    pub key: PathBuf,
    /// Conditions: methods, natural exemplars, another unit's pictures.
    pub conditions: usize,
    /// Units of the trials.
    pub units: usize,
    /// Trials of a person with each.
    pub per_method: usize,
    /// Trials of a person, practice included.
    pub trials: usize,
}

/// Writes `study.html` and `key.json` into `out`, from the folder that `metapicture compare` left. `watch` is told how many images there are and how many
/// are read.
///
/// # Errors
/// A request: a folder without a comparison, too few photographs or units, a method that is not there. Storage: files that cannot be read or
/// written.
pub fn export(folder: &Path, out: &Path, options: &Options, watch: &dyn Fn(usize, usize)) -> Result<Written> {
    let material = Material::read(folder, &options.methods)?;
    let seed = Seed(options.seed);
    let mut rng = stream(seed, Purpose::Study, 1);
    let plan = Plan::of(&material, options, &mut rng).with_context(|| folder.display().to_string())?;
    let mut images = Images::default();
    let trials = plan.trials(&material, &mut images, &mut rng).with_context(|| folder.display().to_string())?;
    let practice: Vec<Fixed> =
        plan.practice.iter().filter_map(|unit| Fixed::of(&material, *unit, false, &mut images, &mut rng)).collect();
    let catches: Vec<Fixed> =
        plan.catches.iter().filter_map(|unit| Fixed::of(&material, *unit, true, &mut images, &mut rng)).collect();

    let count = images.count();
    let (numbers, images, encoded) = images.number(seed, &|done| watch(done, count))?;
    let conditions = plan.conditions;
    let mut units = trials.iter().map(|trial| trial.numbered(&numbers));
    let mut document = Document {
        version: String::new(),
        title: options.title.clone(),
        consent: options.consent.clone().unwrap_or_else(|| CONSENT.to_owned()),
        per_method: plan.per_method,
        describe_every: DESCRIBE_EVERY,
        practice: practice.iter().map(|trial| trial.asked(&numbers, true)).collect(),
        catches: catches.iter().map(|trial| trial.asked(&numbers, false)).collect(),
        groups: (0..trials.len() / conditions).map(|_| units.by_ref().take(conditions).collect()).collect(),
        images: encoded,
    };
    document.version = Hash::of(&serde_json::to_vec(&document)?).to_string();
    let of_numbers = |pair: &Pair| Pair { right: numbers[pair.right], wrong: numbers[pair.wrong], ..*pair };
    let caught = |(unit, fixed): (usize, &Fixed)| of_numbers(&Pair { unit, ..fixed.pair });
    let key = Key {
        schema_version: SCHEMA_VERSION,
        version: document.version.clone(),
        title: options.title.clone(),
        target: material.findings.target.name.clone(),
        comparison_sha256: material.sha256.to_string(),
        per_method: plan.per_method,
        practice: document.practice.len(),
        catches: document.catches.len(),
        methods: methods(&material),
        baseline: material.has_baseline.then_some(0),
        units: plan.units.iter().map(|unit| material.findings.units[*unit].name.clone()).collect(),
        pairs: trials.iter().flat_map(|trial| trial.pairs.iter().flatten()).map(of_numbers).collect(),
        catch_pairs: catches.iter().enumerate().map(caught).collect(),
        images,
        exclusions: Exclusions::default(),
        machines: machines(&material, &plan.units),
    };
    std::fs::create_dir_all(out).with_context(|| format!("{}: cannot be made", out.display()))?;
    let (page_file, key_file) = (out.join(PAGE), out.join(KEY));
    let html = page(&document)?;
    std::fs::write(&page_file, &html).with_context(|| format!("{}: cannot be written", page_file.display()))?;
    let text = serde_json::to_vec_pretty(&key)?;
    std::fs::write(&key_file, text).with_context(|| format!("{}: cannot be written", key_file.display()))?;
    let trials = key.practice + key.catches + plan.per_method * conditions;
    let (bytes, units, per_method) = (html.len(), plan.units.len(), plan.per_method);
    Ok(Written { page: page_file, bytes, key: key_file, conditions, units, per_method, trials })
}

/// Which units are for what: places among those of the comparison.
struct Plan {
    practice: Vec<usize>,
    catches: Vec<usize>,
    /// Of the trials, in groups of as many as there are conditions.
    units: Vec<usize>,
    conditions: usize,
    per_method: usize,
}

impl Plan {
    fn of(material: &Material, options: &Options, rng: &mut ChaCha12Rng) -> Result<Plan> {
        let conditions = material.methods.len() + 2;
        let apart = options.practice + options.catches;
        let mut units = material.units.clone();
        units.shuffle(rng);
        if units.len() < apart + conditions {
            bail!(
                "{} units have pictures of all methods, and {conditions} conditions with {apart} trials of practice and catch ask for {}: choose fewer \
                 methods (--method), or less practice (--practice, --catch)",
                units.len(),
                apart + conditions
            );
        }
        let mut of_trials = units.split_off(apart);
        let groups = of_trials.len() / conditions;
        of_trials.truncate(groups * conditions);
        let catches = units.split_off(options.practice);
        let per_method = options.per_method.min(groups);
        Ok(Plan { practice: units, catches, units: of_trials, conditions, per_method })
    }

    /// What may be asked about each unit of the trials.
    fn trials(&self, material: &Material, images: &mut Images, rng: &mut ChaCha12Rng) -> Result<Vec<Trial>> {
        let mut trials = vec![];
        for (place, &unit) in self.units.iter().enumerate() {
            // The pictures of another unit, by each of the methods in turn.
            let other = self.units[(place + 1) % self.units.len()];
            let method = material.methods[place % material.methods.len()];
            let files = material.methods.iter().map(|method| material.pictures(*method, unit));
            let files = files.chain([material.exemplars(unit), material.pictures(method, other)]);
            let panels = files.map(|files| panel(files, images)).collect();
            let top = material.top(unit);
            let pairs = [true, false].map(|hard| {
                let wrong = if hard { material.middle(unit) } else { material.low(unit) };
                let pair = |[right, wrong]: [&Path; 2]| {
                    let (right, wrong) = (images.place(right, LARGE), images.place(wrong, LARGE));
                    Pair { unit: place, right, wrong, hard }
                };
                drawn(&top, &wrong, PAIRS, rng).into_iter().map(pair).collect::<Vec<Pair>>()
            });
            if pairs.iter().any(Vec::is_empty) {
                let name = &material.findings.units[unit].name;
                bail!("every photograph that fires {name} most is one that its pictures were made from");
            }
            trials.push(Trial { panels, pairs });
        }
        Ok(trials)
    }
}

/// What may be asked about a unit: images by method, hard pairs and easy ones; all by places.
struct Trial {
    panels: Vec<Vec<usize>>,
    pairs: [Vec<Pair>; 2],
}

impl Trial {
    fn numbered(&self, numbers: &[usize]) -> OfUnit {
        let kind = |pairs: &Vec<Pair>| pairs.iter().map(|pair| in_order(pair, numbers)).collect();
        OfUnit {
            panels: self.panels.iter().map(|panel| numbered(panel, numbers)).collect(),
            pairs: self.pairs.each_ref().map(kind),
        }
    }
}

/// A trial that everybody sees: natural exemplars, and an easy pair.
struct Fixed {
    panel: Vec<usize>,
    pair: Pair,
}

impl Fixed {
    /// About a unit; where `caught`, the right photograph is among the exemplars.
    fn of(material: &Material, unit: usize, caught: bool, images: &mut Images, rng: &mut ChaCha12Rng) -> Option<Fixed> {
        let [right, wrong] = drawn(&material.top(unit), &material.low(unit), 1, rng).pop()?;
        let exemplars = material.exemplars(unit);
        let mut files: Vec<PathBuf> = exemplars.iter().take(exemplars.len() - usize::from(caught)).cloned().collect();
        files.extend(caught.then(|| right.to_owned()));
        let (right, wrong) = (images.place(right, LARGE), images.place(wrong, LARGE));
        Some(Fixed { panel: panel(&files, images), pair: Pair { unit: 0, right, wrong, hard: false } })
    }

    fn asked(&self, numbers: &[usize], told: bool) -> Asked {
        let right = told.then(|| numbers[self.pair.right]);
        Asked { panel: numbered(&self.panel, numbers), pair: in_order(&self.pair, numbers), right }
    }
}

fn numbered(places: &[usize], numbers: &[usize]) -> Vec<usize> {
    places.iter().map(|place| numbers[*place]).collect()
}

/// A pair so that its order says nothing.
fn in_order(pair: &Pair, numbers: &[usize]) -> [usize; 2] {
    let (a, b) = (numbers[pair.right], numbers[pair.wrong]);
    [a.min(b), a.max(b)]
}

/// What people read before they begin, where nobody says otherwise.
const CONSENT: &str = "You will see pictures that make a part of a machine fire, and then two photographs. Say which of the two makes that part fire more. \
There is no time limit, and you may guess.

First come some trials after which you are told whether you were right; after that nobody tells you. Now and then you are asked to describe a picture in \
your own words.

You can stop at any time. Your answers, how long each took, and the size of your window are kept in this browser until you save them as a file. Your name is \
not asked, and nothing is sent to anybody.";

/// So many pairs, each with another right one, and another wrong one.
fn drawn<'f>(right: &[&'f Path], wrong: &[&'f Path], count: usize, rng: &mut ChaCha12Rng) -> Vec<[&'f Path; 2]> {
    let of =
        |files: &[&'f Path], rng: &mut ChaCha12Rng| -> Vec<&'f Path> { files.sample(rng, count).copied().collect() };
    of(right, rng).into_iter().zip(of(wrong, rng)).map(|(right, wrong)| [right, wrong]).collect()
}

fn panel(files: &[PathBuf], images: &mut Images) -> Vec<usize> {
    let side = if files.len() > 4 { SMALL } else { LARGE };
    files.iter().map(|file| images.place(file, side)).collect()
}

fn methods(material: &Material) -> Vec<Method> {
    let judged = material.methods.iter().map(|place| (material.findings.methods[*place].label.clone(), Role::Judged));
    let all = judged.chain([(EXEMPLARS.to_owned(), Role::Ceiling), (ANOTHER.to_owned(), Role::Chance)]);
    all.map(|(label, role)| Method { label, role }).collect()
}

/// What the comparison's observers could tell from the same pictures.
fn machines(material: &Material, units: &[usize]) -> Vec<Machine> {
    let findings = &material.findings;
    let places: Vec<usize> = material.methods.iter().copied().chain([material.exemplars_place()]).collect();
    let of = |(observer, named): (usize, &crate::compare::findings::Observer)| {
        let own = findings.readings.iter().filter(|reading| reading.observer == observer);
        let right = own.filter_map(|reading| {
            let method = places.iter().position(|place| *place == reading.method)?;
            let unit = units.iter().position(|unit| *unit == reading.unit)?;
            Some((method, unit, (reading.hard? + reading.easy?) / 2.))
        });
        Machine { name: named.name.clone(), kinship: named.kinship, right: right.collect() }
    };
    findings.observers.iter().enumerate().map(of).filter(|machine| !machine.right.is_empty()).collect()
}
