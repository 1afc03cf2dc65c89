//! What labels of a sample say of all pictures of a group.

use metrics::contingency::agreement;
use metrics::prevalence::{Labelled, Prevalence, stratified};
use serde::Serialize;

use super::labels::{Answer, Labels};
use super::sample::Sample;
use crate::error::{Result, bail};

/// What all annotators say together is called so.
pub const AGREED: &str = "all";

/// The intervals' level.
const LEVEL: f64 = 0.95;

/// How many pictures of a group show something.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Count {
    /// The group.
    pub group: String,
    /// The reading.
    pub reading: String,
    /// By whose labels; [`AGREED`] for what all say together.
    pub annotator: String,
    /// All pictures of the group.
    pub population: u64,
    /// Of which so many have an answer.
    pub labelled: u64,
    /// Yes.
    pub yes: u64,
    /// Unsure, or said differently by two people.
    pub unsure: u64,
    /// The share of all pictures that show it, those that are unsure counted as showing nothing, 0 to 1.
    pub share: f64,
    /// Its interval at 95 %: the lower end where nothing unsure shows it, the upper one where all of it does.
    pub interval: [f64; 2],
}

/// How far two annotators agree.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Agreed {
    /// On which reading.
    pub reading: String,
    /// Who.
    pub annotators: [String; 2],
    /// Pictures that both have answered.
    pub pictures: usize,
    /// The share of them that both answer the same.
    pub observed: f64,
    /// Cohen's kappa, -1 to 1; none where both always say the same one thing.
    pub kappa: Option<f64>,
    /// Its standard error.
    pub error: Option<f64>,
}

/// What was counted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Counted {
    /// By group, reading and annotator, what all say together last.
    pub counts: Vec<Count>,
    /// By reading and pair of annotators.
    pub agreement: Vec<Agreed>,
}

/// What labels say of all pictures.
///
/// # Errors
/// A request: no labels, two files of one annotator.
pub fn count(sample: &Sample, labels: &[Labels]) -> Result<Counted> {
    if labels.is_empty() {
        bail!("there are no labels");
    }
    for (place, one) in labels.iter().enumerate() {
        if labels[..place].iter().any(|other| other.annotator == one.annotator) {
            bail!("two files are of '{}'", one.annotator);
        }
    }
    let (mut counts, mut agreement) = (vec![], vec![]);
    for group in 0..sample.groups.len() {
        for reading in 0..sample.readings.len() {
            let each = labels.iter().map(|of| {
                let answers = move |item: usize| of.answers[reading][item];
                (of.annotator.clone(), Box::new(answers) as Box<dyn Fn(usize) -> Option<Answer>>)
            });
            let together = move |item| Labels::together(labels, reading, item);
            let all = (labels.len() > 1)
                .then(|| (AGREED.to_owned(), Box::new(together) as Box<dyn Fn(usize) -> Option<Answer>>));
            for (annotator, answer) in each.chain(all) {
                counts.extend(of_group(sample, group, reading, annotator, &*answer));
            }
        }
    }
    for (reading, named) in sample.readings.iter().enumerate() {
        for (first, second) in (0..labels.len()).flat_map(|second| (0..second).map(move |first| (first, second))) {
            agreement.extend(pair(named.name.clone(), [&labels[first], &labels[second]], reading));
        }
    }
    Ok(Counted { counts, agreement })
}

fn of_group(
    sample: &Sample,
    group: usize,
    reading: usize,
    annotator: String,
    answer: &dyn Fn(usize) -> Option<Answer>,
) -> Option<Count> {
    let strata = &sample.groups[group].strata;
    let empty = |population: u64| Labelled { population, sample: 0, found: 0 };
    let mut yes: Vec<Labelled> = strata.iter().map(|stratum| empty(stratum.population)).collect();
    let mut possible = yes.clone();
    for (number, item) in sample.items.iter().enumerate().filter(|(_, item)| item.group == group) {
        let Some(answer) = answer(number) else { continue };
        yes[item.stratum].sample += 1;
        possible[item.stratum].sample += 1;
        yes[item.stratum].found += u64::from(answer == Answer::Yes);
        possible[item.stratum].found += u64::from(answer != Answer::No);
    }
    let (low, high) = (share(&yes, sample.seed)?, share(&possible, sample.seed)?);
    let found = |of: &[Labelled]| of.iter().map(|stratum| stratum.found).sum::<u64>();
    Some(Count {
        group: sample.groups[group].name.clone(),
        reading: sample.readings[reading].name.clone(),
        annotator,
        population: strata.iter().map(|stratum| stratum.population).sum(),
        labelled: yes.iter().map(|stratum| stratum.sample).sum(),
        yes: found(&yes),
        unsure: found(&possible) - found(&yes),
        share: low.share,
        interval: [low.interval[0], high.interval[1]],
    })
}

/// The exact interval of one stratum, a posterior's of several.
fn share(strata: &[Labelled], seed: u64) -> Option<Prevalence> {
    match strata {
        [whole] => whole.exact(LEVEL),
        several => stratified(several, LEVEL, seed),
    }
}

fn pair(name: String, labels: [&Labels; 2], reading: usize) -> Option<Agreed> {
    let [first, second] = labels.map(|of| &of.answers[reading]);
    let (a, b): (Vec<Answer>, Vec<Answer>) = first.iter().zip(second).filter_map(|(a, b)| Some(((*a)?, (*b)?))).unzip();
    if a.is_empty() {
        return None;
    }
    let found = agreement(&a, &b);
    let observed = a.iter().zip(&b).filter(|(a, b)| a == b).count() as f64 / a.len() as f64;
    Some(Agreed {
        reading: name,
        annotators: labels.map(|of| of.annotator.clone()),
        pictures: a.len(),
        observed,
        kappa: found.map(|of| of.kappa),
        error: found.map(|of| of.error),
    })
}
