//! What observers could tell, and what follows from it along dials: parts of [`super::findings::Findings`].

use classifiers::Kinship;
use serde::{Deserialize, Serialize};

use super::measured::Measured;

/// Methods that differ in one number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dial {
    /// Such as `blend (face-dcgan): eps`.
    pub name: String,
    /// The setting's path.
    pub setting: String,
    /// Methods by place, and their values, ascending.
    pub methods: Vec<(usize, f64)>,
    /// Which way the pictures that are allowed become more; none where one does not contain the other.
    #[serde(default)]
    pub freer: Option<Freer>,
    /// Why nothing may be concluded from it: with more freedom its searches reached less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub void: Option<String>,
}

/// Which way a dial's pictures become freer: every picture that is allowed at one value is allowed at the next one, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Freer {
    /// With larger values.
    Up,
    /// With smaller ones, as weights of penalties are.
    Down,
}

/// Who does the two-choice task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observer {
    /// A classifier's name, or an encoder's.
    pub name: String,
    /// Its family; none where nobody says.
    pub family: Option<String>,
    /// What it has in common with the target; none of the target itself.
    pub kinship: Option<Kinship>,
    /// The layer whose activations, averaged over positions, are its features; of the target, which looks below each unit, empty.
    pub features: String,
    /// The share of labelled photographs whose class it ranks first.
    pub accuracy: Option<f64>,
    /// What its logits are divided by, so that its probabilities are as often right as they say (Guo et al. 2017); fitted on every second labelled
    /// photograph. None where there are too few.
    pub temperature: Option<f64>,
    /// Mean negative log-likelihood, in nats, of the other labelled photographs, before and after.
    pub likelihood: Option<[f64; 2]>,
}

/// What an observer could tell from a method's pictures of a unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// The method's place.
    pub method: usize,
    /// The unit's place.
    pub unit: usize,
    /// The observer's place.
    pub observer: usize,
    /// How often it tells photographs that fire the unit most from ordinary ones, 0 to 1.
    pub hard: Option<f64>,
    /// From those that fire it least.
    pub easy: Option<f64>,
    /// Spearman's correlation, over photographs, of their likeness to the pictures with the unit's activation.
    pub predicts: Option<f64>,
    /// Of a witness and a class: how often it ranks the class above those of other units, each in its own spread over photographs.
    pub transfer: Option<f64>,
}

/// Legibility against another measure along a dial, or over all methods.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tradeoff {
    /// Of the dial, or `all methods`.
    pub name: String,
    /// The dial's place; none of all methods.
    pub dial: Option<usize>,
    /// The metric's key.
    pub legibility: String,
    /// The metric's key.
    pub against: String,
    /// Whether claims rest on it.
    pub primary: bool,
    /// A point a method.
    pub points: Vec<TradeoffPoint>,
    /// Mean within-unit Spearman correlation of the two; its interval is over units, at these methods.
    pub spearman: Measured,
    /// p of the joint relabelling of methods; the largest over foreign families.
    pub p: Option<f64>,
    /// That p, adjusted over all primary dials (Holm 1979).
    pub p_holm: Option<f64>,
    /// The smallest p that so many methods can give.
    pub least_p: Option<f64>,
    /// The lowest and the highest correlation if one method is left out.
    pub without_one: Option<[f64; 2]>,
    /// Units whose correlation is undefined, and counts as 0: one of both never changes.
    pub undefined: usize,
    /// The same by each foreign family alone.
    pub families: Vec<FamilyTrend>,
    /// What it says, in words.
    pub sentence: String,
}

/// A trade-off as one foreign family sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FamilyTrend {
    /// The family.
    pub family: String,
    /// Mean within-unit Spearman correlation, -1 to 1.
    pub spearman: f64,
    /// p of the joint relabelling of methods.
    pub p: f64,
}

/// A method's place in a trade-off.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TradeoffPoint {
    /// The method's place.
    pub method: usize,
    /// Its value of the dial.
    pub value: Option<f64>,
    /// Its legibility.
    pub legibility: Measured,
    /// The lowest and the highest of the foreign families.
    pub families: Option<[f64; 2]>,
    /// The other measure.
    pub against: Measured,
}

/// What must happen to a measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expected {
    /// It must get worse.
    Falls,
    /// It must not.
    Stays,
}

/// A measure under a manipulation of exemplars.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// The measure's key.
    pub metric: String,
    /// What was done to the exemplars.
    pub manipulation: String,
    /// What must happen.
    pub expected: Expected,
    /// By how much it got better, paired by unit; negative where it got worse.
    pub change: Measured,
    /// Whether that happened; none where there is no interval, or the measure does not tell exemplars from noise.
    pub passed: Option<bool>,
}

/// A dial where its pictures fire their unit at least as much as is asked: by unit, the strongest prior that still does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Iso {
    /// The dial's place.
    pub dial: usize,
    /// What is left under small changes (F1r) at least: 1 is as much as nature does.
    pub level: f64,
    /// Units and the method, by place, that was chosen for each.
    pub units: Vec<(usize, usize)>,
    /// Units that no setting fires so much.
    pub missing: usize,
    /// What strangers can tell there.
    pub explains: Measured,
    /// What the target itself can tell there.
    pub own: Measured,
}

/// What people could tell in the two-choice task.
#[derive(Clone, Debug, PartialEq)]
pub struct People {
    /// How many of them answered.
    pub people: usize,
    /// By method.
    pub methods: Vec<OfPeople>,
    /// What must be said in words.
    pub cautions: Vec<String>,
}

/// What people could tell from a method's pictures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OfPeople {
    /// The method's place.
    pub method: usize,
    /// How many answers.
    pub answers: usize,
    /// The share of right ones; 0.5 is guessing.
    pub right: f64,
    /// Its interval at 95 %, with people drawn anew.
    pub over_people: Option<[f64; 2]>,
    /// The same with units drawn anew.
    pub over_units: Option<[f64; 2]>,
}
