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
    let conditions = material.methods.len() + 2;
    let apart = options.practice + options.catches;
    let mut units = material.units.clone();
    units.shuffle(&mut rng);
    if units.len() < apart + conditions {
        bail!(
            "{}: {} units have pictures of all methods, and {conditions} conditions with {apart} trials of practice and catch ask for {}: choose fewer \
             methods (--method), or less practice (--practice, --catch)",
            folder.display(),
            units.len(),
            apart + conditions
        );
    }
    let of_trials = units.split_off(apart);
    let groups = of_trials.len() / conditions;
    let of_trials = &of_trials[..groups * conditions];
    let per_method = options.per_method.min(groups);

    let mut images = Images::default();
    let mut pairs = vec![];
    let mut asked = vec![];
    for (place, unit) in of_trials.iter().enumerate() {
        // The pictures of another unit, by each of the methods in turn.
        let other = of_trials[(place + 1) % of_trials.len()];
        let method = material.methods[place % material.methods.len()];
        let files = material.methods.iter().map(|method| material.pictures(*method, *unit));
        let files = files.chain([material.exemplars(*unit), material.pictures(method, other)]);
        let panels: Vec<Vec<usize>> = files.map(|files| panel(files, &mut images)).collect();
        let of_kind = |hard: bool, rng: &mut ChaCha12Rng, images: &mut Images| -> Result<Vec<Pair>> {
            let wrong = if hard { material.middle(*unit) } else { material.low(*unit) };
            drawn(&material.top(*unit), &wrong, PAIRS, rng)
                .into_iter()
                .map(|[right, wrong]| {
                    let (right, wrong) = (images.place(right, LARGE), images.place(wrong, LARGE));
                    Ok(Pair { unit: place, right, wrong, hard })
                })
                .collect()
        };
        let kinds = [of_kind(true, &mut rng, &mut images)?, of_kind(false, &mut rng, &mut images)?];
        if kinds.iter().any(Vec::is_empty) {
            let name = &material.findings.units[*unit].name;
            bail!(
                "{}: every photograph that fires {name} most is one that its pictures were made from",
                folder.display()
            );
        }
        asked.push((panels, kinds.clone().map(|kind| kind.len())));
        pairs.extend(kinds.into_iter().flatten());
    }
    let mut practice = vec![];
    for unit in &units[..options.practice] {
        if let Some([right, wrong]) = drawn(&material.top(*unit), &material.low(*unit), 1, &mut rng).pop() {
            let pair = (images.place(right, LARGE), images.place(wrong, LARGE));
            practice.push((panel(material.exemplars(*unit), &mut images), pair));
        }
    }
    let mut catches = vec![];
    for unit in &units[options.practice..] {
        if let Some([right, wrong]) = drawn(&material.top(*unit), &material.low(*unit), 1, &mut rng).pop() {
            let mut files: Vec<PathBuf> = material.exemplars(*unit).iter().take(8).cloned().collect();
            files.push(right.to_owned());
            let pair = (images.place(right, LARGE), images.place(wrong, LARGE));
            catches.push((panel(&files, &mut images), pair));
        }
    }

    let count = images.count();
    let (numbers, images, encoded) = images.number(seed, &|done| watch(done, count))?;
    let number = |places: &[usize]| -> Vec<usize> { places.iter().map(|place| numbers[*place]).collect() };
    let in_order = |(a, b): (usize, usize)| [numbers[a].min(numbers[b]), numbers[a].max(numbers[b])];
    let numbered = |pair: &Pair| Pair { right: numbers[pair.right], wrong: numbers[pair.wrong], ..*pair };
    let mut next = pairs.iter();
    let of_units: Vec<OfUnit> = asked
        .iter()
        .map(|(panels, kinds)| OfUnit {
            panels: panels.iter().map(|panel| number(panel)).collect(),
            pairs: kinds.map(|kind| next.by_ref().take(kind).map(|pair| in_order((pair.right, pair.wrong))).collect()),
        })
        .collect();
    let fixed = |(panel, pair): &(Vec<usize>, (usize, usize)), told: bool| Asked {
        panel: number(panel),
        pair: in_order(*pair),
        right: told.then(|| numbers[pair.0]),
    };
    let mut of_units = of_units.into_iter();
    let mut document = Document {
        version: String::new(),
        title: options.title.clone(),
        consent: options.consent.clone().unwrap_or_else(|| CONSENT.to_owned()),
        per_method,
        describe_every: DESCRIBE_EVERY,
        practice: practice.iter().map(|trial| fixed(trial, true)).collect(),
        catches: catches.iter().map(|trial| fixed(trial, false)).collect(),
        groups: (0..groups).map(|_| of_units.by_ref().take(conditions).collect()).collect(),
        images: encoded,
    };
    document.version = Hash::of(&serde_json::to_vec(&document)?).to_string();
    let catch_pair = |(place, (_, (right, wrong))): (usize, &(Vec<usize>, (usize, usize)))| Pair {
        unit: place,
        right: numbers[*right],
        wrong: numbers[*wrong],
        hard: false,
    };
    let key = Key {
        schema_version: SCHEMA_VERSION,
        version: document.version.clone(),
        title: options.title.clone(),
        target: material.findings.target.name.clone(),
        comparison_sha256: material.sha256.to_string(),
        per_method,
        practice: document.practice.len(),
        catches: document.catches.len(),
        methods: methods(&material),
        baseline: material.has_baseline.then_some(0),
        units: of_trials.iter().map(|unit| material.findings.units[*unit].name.clone()).collect(),
        pairs: pairs.iter().map(numbered).collect(),
        catch_pairs: catches.iter().enumerate().map(catch_pair).collect(),
        images,
        exclusions: Exclusions::default(),
        machines: machines(&material, of_trials),
    };
    std::fs::create_dir_all(out).with_context(|| format!("{}: cannot be made", out.display()))?;
    let html = page(&document)?;
    let (page_file, key_file) = (out.join(PAGE), out.join(KEY));
    let trials = key.practice + key.catches + per_method * conditions;
    std::fs::write(&page_file, &html).with_context(|| format!("{}: cannot be written", page_file.display()))?;
    let text = serde_json::to_vec_pretty(&key)?;
    std::fs::write(&key_file, text).with_context(|| format!("{}: cannot be written", key_file.display()))?;
    Ok(Written {
        page: page_file,
        bytes: html.len(),
        key: key_file,
        conditions,
        units: of_trials.len(),
        per_method,
        trials,
    })
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
