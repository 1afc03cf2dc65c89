//! What people could tell. Accuracies are means over answers; each has two intervals, one with people drawn anew and one with units, since a
//! claim must hold for other people and for other units. Two methods are compared within people and within units, and the larger of the two p
//! counts. It is a simpler equivalent of a logistic mixed model with people and units as random effects and a guess rate of one half:
//! no distribution of either is assumed, and what is estimated is the difference of accuracies itself.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use classifiers::Kinship;
use metrics::bootstrap::Bootstrap;
use metrics::{multiple, permutation, rank, two_choice};
use serde::{Deserialize, Serialize};

use super::answers::{Answer, Answers, Excluded};
use super::key::{Key, Role};
use crate::error::{Context, Result, bail};
use crate::random::{Purpose, Seed, order, stream};

/// The file of what people could tell, in a study's folder.
pub const PEOPLE: &str = "people.json";

/// Splits of the people into halves, for how well their answers repeat.
const SPLITS: usize = 200;

/// Differences of accuracy below this count as none.
const SAME: f64 = 0.05;

/// Bootstrap replicates of an interval.
const REPLICATES: usize = 10_000;

const PERMUTATIONS: usize = 10_000;

/// What people could tell: `people.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    /// The page that was answered, by its version.
    pub version: String,
    /// People whose answers count.
    pub people: usize,
    /// Those whose answers do not, and by which rule.
    pub excluded: Vec<Excluded>,
    /// How well the task is done with each method's pictures.
    pub methods: Vec<OfMethod>,
    /// Each method against the baseline.
    pub contrasts: Vec<Contrast>,
    /// How well people's answers repeat: the correlation of accuracies by unit and method between halves of the people, for all of them (Spearman 1910 and
    /// Brown 1910). None where halves are too small.
    pub reliability: Option<f64>,
    /// How far machines find the same.
    pub machines: Vec<Agreement>,
    /// By method and unit.
    pub cells: Vec<Cell>,
    /// What must be said in words.
    pub cautions: Vec<String>,
}

/// A figure and its two intervals, at 95 %; none of fewer than ten people or units.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// The figure.
    pub value: f64,
    /// With people drawn anew.
    pub over_people: Option<[f64; 2]>,
    /// With units drawn anew.
    pub over_units: Option<[f64; 2]>,
}

/// A method's figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OfMethod {
    /// The method's label.
    pub label: String,
    /// What it is there for.
    pub role: Role,
    /// How many answers.
    pub answers: usize,
    /// The share of right ones; 0.5 is chance.
    pub right: Figure,
    /// The share against ordinary photographs.
    pub hard: Option<f64>,
    /// The share against those that fire the unit least.
    pub easy: Option<f64>,
    /// d' of the share of right answers (Green & Swets 1966).
    pub detectability: f64,
    /// The median time in milliseconds.
    pub ms: f64,
    /// How sure people were: the mean, 1 to 3.
    pub sure: f64,
}

/// A method against the baseline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contrast {
    /// The method's label.
    pub method: String,
    /// The baseline's.
    pub against: String,
    /// The share of right answers less the baseline's.
    pub difference: Figure,
    /// Two-sided p of a sign-flip test over people.
    pub p_people: Option<f64>,
    /// Over units.
    pub p_units: Option<f64>,
    /// The larger of the two, adjusted over all contrasts (Holm 1979).
    pub p_holm: Option<f64>,
    /// Whether both intervals at 90 % are within 0.05 of 0: then it is as good as the baseline (Schuirmann 1987).
    pub same: bool,
}

/// How far a machine finds the same as people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// The observer's name.
    pub machine: String,
    /// What it has in common with the target; none of the target itself.
    pub kinship: Option<Kinship>,
    /// Units and methods that both have answered.
    pub cells: usize,
    /// Spearman's correlation of the shares of right answers over these.
    pub correlation: Option<f64>,
    /// With units drawn anew.
    pub interval: Option<[f64; 2]>,
}

/// Answers about a unit with a method's pictures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// The method's place in the key.
    pub method: usize,
    /// The unit's place in the key.
    pub unit: usize,
    /// How many answers.
    pub answers: usize,
    /// How many right ones.
    pub right: usize,
}

/// Reads answers and writes `people.json`, `people.csv` (a row a method and unit) and `descriptions.csv` (for coders, who must not know what
/// they code) with `descriptions-key.csv` into the study's folder.
///
/// # Errors
/// A request: a folder without a key, files that are no answers to its page, nobody whose answers count. Storage: files that cannot be written.
pub fn analyse(folder: &Path, files: &[PathBuf]) -> Result<Analysis> {
    let key = Key::read(folder)?;
    let answers = Answers::read(files, &key)?;
    if answers.people.is_empty() {
        let first = answers.excluded.first().map(|one| format!(": {} ({})", one.participant, one.why));
        bail!("nobody's answers count{}", first.unwrap_or_default());
    }
    let found = of(&key, &answers, REPLICATES);
    let named = |name: &str| {
        let path = folder.join(name);
        move || format!("{}: cannot be written", path.display())
    };
    fs::write(folder.join(PEOPLE), serde_json::to_vec_pretty(&found)?).with_context(named(PEOPLE))?;
    let table = |name: &str, rows: Vec<Vec<String>>| -> Result<()> {
        let mut writer = csv::Writer::from_path(folder.join(name)).with_context(named(name))?;
        for row in rows {
            writer.write_record(row).with_context(named(name))?;
        }
        writer.flush().with_context(named(name))
    };
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let mut rows = vec![words(&["method", "unit", "answers", "right"])];
    rows.extend(found.cells.iter().map(|cell| {
        let (method, unit) = (key.methods[cell.method].label.clone(), key.units[cell.unit].clone());
        vec![method, unit, cell.answers.to_string(), cell.right.to_string()]
    }));
    table("people.csv", rows)?;
    let (mut blind, mut known) = (
        vec![words(&["row", "text", "coder_1", "coder_2"])],
        vec![words(&["row", "participant", "method", "unit", "image"])],
    );
    let mixed = order(&mut stream(Seed(0), Purpose::Study, 2), answers.descriptions.len());
    for (row, place) in mixed.into_iter().enumerate() {
        let said = &answers.descriptions[place as usize];
        blind.push(vec![row.to_string(), said.text.clone(), String::new(), String::new()]);
        let (method, unit) = (key.methods[said.method].label.clone(), key.units[said.unit].clone());
        known.push(vec![row.to_string(), said.participant.clone(), method, unit, key.images[said.image].file.clone()]);
    }
    table("descriptions.csv", blind)?;
    table("descriptions-key.csv", known)?;
    Ok(found)
}

/// Of answers that count, with so many bootstrap replicates.
pub fn of(key: &Key, answers: &Answers, replicates: usize) -> Analysis {
    let methods = (0..key.methods.len()).filter_map(|place| of_method(key, answers, place, replicates));
    let methods: Vec<OfMethod> = methods.collect();
    let cells = cells(&answers.answers);
    let contrasts = contrasts(key, answers, replicates);
    let mut cautions = vec![];
    if answers.people.len() < metrics::bootstrap::LEAST_UNITS {
        cautions.push(format!("{} people are too few for an interval over people.", answers.people.len()));
    }
    let chance = methods.iter().find(|method| method.role == Role::Chance);
    let away = |[low, high]: [f64; 2]| low > 0.5 || high < 0.5;
    if let Some(chance) =
        chance.filter(|of| of.right.over_people.is_some_and(away) && of.right.over_units.is_some_and(away))
    {
        cautions.push(format!(
            "With another unit's pictures people are right in {:.2}, and not by chance: photographs tell something without the pictures.",
            chance.right.value
        ));
    }
    Analysis {
        version: key.version.clone(),
        people: answers.people.len(),
        excluded: answers.excluded.clone(),
        methods,
        contrasts,
        reliability: reliability(&answers.answers, answers.people.len()),
        machines: key.machines.iter().map(|machine| agreement(machine, &cells, replicates)).collect(),
        cells,
        cautions,
    }
}

/// Answers of a person, or of a unit, that are drawn together: right ones and all, by method.
type Counts = BTreeMap<usize, (f64, f64)>;

/// By person, or by unit.
fn grouped(answers: &[Answer], by: impl Fn(&Answer) -> usize) -> Vec<Counts> {
    let mut groups: BTreeMap<usize, Counts> = BTreeMap::new();
    for answer in answers {
        let counts = groups.entry(by(answer)).or_default().entry(answer.method).or_default();
        *counts = (counts.0 + f64::from(answer.right), counts.1 + 1.);
    }
    groups.into_values().collect()
}

fn share(groups: &[&Counts], method: usize) -> Option<f64> {
    let of = groups.iter().filter_map(|counts| counts.get(&method));
    let (right, all) = of.fold((0., 0.), |sum, counts| (sum.0 + counts.0, sum.1 + counts.1));
    (all > 0.).then(|| right / all)
}

/// A statistic of answers, with people and with units drawn anew.
fn figure(
    answers: &[Answer],
    level: f64,
    replicates: usize,
    statistic: impl Fn(&[&Counts]) -> Option<f64> + Sync,
) -> Option<Figure> {
    let bootstrap = Bootstrap { level, replicates, seed: 0 };
    let people = grouped(answers, |answer| answer.person);
    let units = grouped(answers, |answer| answer.unit);
    let interval = |groups: &[Counts]| {
        let found = bootstrap.flat(groups, |drawn: &[&Counts]| statistic(drawn))?;
        Some([found.low, found.high])
    };
    let value = statistic(&people.iter().collect::<Vec<_>>())?;
    Some(Figure { value, over_people: interval(&people), over_units: interval(&units) })
}

fn of_method(key: &Key, answers: &Answers, place: usize, replicates: usize) -> Option<OfMethod> {
    let own: Vec<Answer> = answers.answers.iter().filter(|answer| answer.method == place).copied().collect();
    let right = figure(&own, 0.95, replicates, |groups| share(groups, place))?;
    let share_of = |hard: bool| {
        let some: Vec<f64> =
            own.iter().filter(|answer| answer.hard == hard).map(|answer| f64::from(answer.right)).collect();
        (!some.is_empty()).then(|| some.iter().sum::<f64>() / some.len() as f64)
    };
    let mut times: Vec<f64> = own.iter().map(|answer| answer.ms).collect();
    times.sort_by(f64::total_cmp);
    let method = &key.methods[place];
    Some(OfMethod {
        label: method.label.clone(),
        role: method.role,
        answers: own.len(),
        right,
        hard: share_of(true),
        easy: share_of(false),
        detectability: two_choice::detectability(right.value),
        ms: times[times.len() / 2],
        sure: own.iter().map(|answer| answer.sure).sum::<f64>() / own.len() as f64,
    })
}

/// Every method but the control by chance, against the baseline.
fn contrasts(key: &Key, answers: &Answers, replicates: usize) -> Vec<Contrast> {
    let Some(baseline) = key.baseline else { return vec![] };
    let others = (0..key.methods.len()).filter(|place| *place != baseline && key.methods[*place].role != Role::Chance);
    let all = &answers.answers;
    let difference = |groups: &[&Counts], place: usize| Some(share(groups, place)? - share(groups, baseline)?);
    let flipped = |groups: &[Counts], place: usize| {
        let differences: Vec<f64> = groups.iter().filter_map(|counts| difference(&[counts], place)).collect();
        permutation::sign_flip(&differences, PERMUTATIONS, 0).map(|found| found.p)
    };
    let (people, units) = (grouped(all, |answer| answer.person), grouped(all, |answer| answer.unit));
    let mut contrasts: Vec<Contrast> = others
        .filter_map(|place| {
            let of = |level: f64| figure(all, level, replicates, |groups| difference(groups, place));
            let (found, narrow) = (of(0.95)?, of(0.9)?);
            let within = |interval: Option<[f64; 2]>| interval.is_some_and(|[low, high]| -SAME < low && high < SAME);
            Some(Contrast {
                method: key.methods[place].label.clone(),
                against: key.methods[baseline].label.clone(),
                difference: found,
                p_people: flipped(&people, place),
                p_units: flipped(&units, place),
                p_holm: None,
                same: within(narrow.over_people) && within(narrow.over_units),
            })
        })
        .collect();
    let larger: Option<Vec<f64>> = contrasts.iter().map(|of| Some(of.p_people?.max(of.p_units?))).collect();
    if let Some(adjusted) = larger.and_then(|p| multiple::holm(&p)) {
        contrasts.iter_mut().zip(adjusted).for_each(|(of, p)| of.p_holm = Some(p));
    }
    contrasts
}

fn cells(answers: &[Answer]) -> Vec<Cell> {
    let mut cells: BTreeMap<(usize, usize), (usize, usize)> = BTreeMap::new();
    for answer in answers {
        let cell = cells.entry((answer.method, answer.unit)).or_default();
        *cell = (cell.0 + 1, cell.1 + usize::from(answer.right));
    }
    cells.into_iter().map(|((method, unit), (answers, right))| Cell { method, unit, answers, right }).collect()
}

/// Between halves of the people, the mean over splits, stepped up to all of them.
fn reliability(answers: &[Answer], people: usize) -> Option<f64> {
    if people < 4 {
        return None;
    }
    let one = |split: usize| -> Option<f64> {
        let mixed = order(&mut stream(Seed(0), Purpose::Study, 3 + split as u64), people);
        let mut first = vec![false; people];
        mixed[..people / 2].iter().for_each(|person| first[*person as usize] = true);
        let half = |which: bool| {
            let own: Vec<Answer> = answers.iter().filter(|answer| first[answer.person] == which).copied().collect();
            cells(&own)
        };
        let (a, b) = (half(true), half(false));
        let places: BTreeMap<(usize, usize), f64> =
            b.iter().map(|cell| ((cell.method, cell.unit), cell.right as f64 / cell.answers as f64)).collect();
        let pairs: Vec<(f64, f64)> = a
            .iter()
            .filter_map(|cell| Some((cell.right as f64 / cell.answers as f64, *places.get(&(cell.method, cell.unit))?)))
            .collect();
        let (x, y): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
        rank::spearman(&x, &y)
    };
    let found: Vec<f64> = (0..SPLITS).filter_map(one).collect();
    let half = (!found.is_empty()).then(|| found.iter().sum::<f64>() / found.len() as f64)?;
    Some(if half > 0. { 2. * half / (1. + half) } else { half })
}

fn agreement(machine: &super::key::Machine, cells: &[Cell], replicates: usize) -> Agreement {
    let known: BTreeMap<(usize, usize), f64> =
        machine.right.iter().map(|(method, unit, right)| ((*method, *unit), *right)).collect();
    // By unit, since units are what is drawn anew.
    let mut by_unit: BTreeMap<usize, Vec<(f64, f64)>> = BTreeMap::new();
    for cell in cells {
        if let Some(right) = known.get(&(cell.method, cell.unit)) {
            by_unit.entry(cell.unit).or_default().push((cell.right as f64 / cell.answers as f64, *right));
        }
    }
    let units: Vec<Vec<(f64, f64)>> = by_unit.into_values().collect();
    let statistic = |drawn: &[&Vec<(f64, f64)>]| {
        let (people, machine): (Vec<f64>, Vec<f64>) = drawn.iter().flat_map(|unit| unit.iter().copied()).unzip();
        rank::spearman(&people, &machine)
    };
    let correlation = statistic(&units.iter().collect::<Vec<_>>());
    let bootstrap = Bootstrap { replicates, ..Bootstrap::default() };
    let interval = bootstrap.flat(&units, statistic).map(|found| [found.low, found.high]);
    let cells = units.iter().map(Vec::len).sum();
    Agreement { machine: machine.name.clone(), kinship: machine.kinship, cells, correlation, interval }
}
