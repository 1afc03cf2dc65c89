//! `comparison.json`: everything that a comparison came to, with the definitions of its figures. Tables, plots and the report are
//! made from it, and from the pictures that it names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use classifiers::Kinship;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use super::measured::Measured;
pub use super::observations::{
    Dial, Expected, FamilyTrend, Freer, Iso, Observer, OfPeople, People, Reading, Tradeoff, TradeoffPoint, Trial,
};

/// Version of the fields.
pub const SCHEMA_VERSION: u32 = 2;

/// All that a comparison came to: `comparison.json`. A *place* is a number, from 0, in one of its lists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Findings {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// What the comparison is called: a headline.
    pub title: String,
    /// The version of this program that made it.
    pub version: String,
    /// The classifier whose units are compared.
    pub target: Participant,
    /// The classifiers that judge.
    pub witnesses: Vec<Participant>,
    /// Encoders that observe.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub encoders: Vec<Participant>,
    /// The generators of the methods that have one.
    pub generators: Vec<Participant>,
    /// The photographs that pictures are held against.
    pub reference: Reference,
    /// Where the pictures came from.
    pub sources: Vec<PictureSource>,
    /// Seeds, numbers of replicates, the baseline.
    pub settings: Settings,
    /// What must be said in words before any figure: too few units, searches that did not arrive, kinship of witnesses, unequal passes.
    pub cautions: Vec<String>,
    /// What the figures mean, in the order in which they are shown.
    pub metrics: Vec<Metric>,
    /// The units, in the order in which they are shown.
    pub units: Vec<UnitFindings>,
    /// The methods and the controls, in the order in which they are shown.
    pub methods: Vec<MethodFindings>,
    /// Methods that differ in one number, in its order.
    pub dials: Vec<Dial>,
    /// Who does the two-choice task: the target itself, and every witness.
    pub observers: Vec<Observer>,
    /// What each observer could tell from each method's pictures of each unit.
    pub readings: Vec<Reading>,
    /// Legibility against representational capacity, and against strength, along each dial and over all methods.
    pub tradeoffs: Vec<Tradeoff>,
    /// What can be told where a dial's pictures fire their unit at least so much.
    #[serde(default)]
    pub iso: Vec<Iso>,
    /// Whether the measures notice what they must.
    #[serde(default)]
    pub trials: Vec<Trial>,
    /// Mean spectra of the photographs, by frequency: the band in which 90 % of them lie.
    pub spectrum: Band,
    /// F6: the nearest pictures that generators have.
    #[serde(default)]
    pub inversions: Vec<Inverted>,
    /// Every picture, those of the controls last.
    pub pictures: Vec<PictureFindings>,
    /// What people could tell, where a study asked them (`people::beside`); no part of `comparison.json`.
    #[serde(skip)]
    pub people: Option<People>,
}

/// The control by natural exemplars, by name.
pub const EXEMPLARS: &str = "natural exemplars";

/// How the names of methods on permuted weights begin.
pub const PERMUTED: &str = "permuted: ";

impl MethodFindings {
    /// Whether it is a control on a target with permuted weights.
    pub fn is_of_permuted_weights(&self) -> bool {
        self.kind == Origin::Control && self.name.starts_with(PERMUTED)
    }

    /// Whether it is made of exemplars by which measures are tested.
    pub fn is_manipulated(&self) -> bool {
        self.kind == Origin::Control && self.name.starts_with(super::manipulations::MANIPULATED)
    }

    /// The name in a legend: controls say what they are, and those of permuted weights are one.
    pub fn key(&self) -> String {
        match self.kind {
            Origin::Control if self.is_of_permuted_weights() => "permuted weights (controls)".to_owned(),
            Origin::Control => format!("{} (control)", self.label),
            _ => self.label.clone(),
        }
    }
}

impl Findings {
    /// What a figure means, by its key; none where it has no definition here.
    pub fn metric(&self, key: &str) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.key == key)
    }

    /// Forgets the pictures of those controls that are photographs or made of them. Figures of methods stay.
    pub fn leave_out_photographs(&mut self) {
        let of_photographs = |method: &MethodFindings| {
            let named = [EXEMPLARS, "photographs", "phase-scrambled photographs"].contains(&&*method.name);
            method.kind == Origin::Control && (named || method.is_manipulated())
        };
        self.pictures.retain(|picture| !self.methods.get(picture.method).is_some_and(of_photographs));
    }

    /// What the primary trade-offs say.
    pub fn sentences(&self) -> impl Iterator<Item = &str> {
        let primary = self.tradeoffs.iter().filter(|tradeoff| tradeoff.primary && !tradeoff.sentence.is_empty());
        primary.map(|tradeoff| tradeoff.sentence.as_str())
    }

    /// A metric's name; its key in words where it has no definition here.
    pub fn metric_name(&self, key: &str) -> String {
        self.metric(key).map_or_else(|| key.replace('_', " "), |metric| metric.name.clone())
    }

    /// The units that a method has pictures of; there are others where photographs of further classes serve a control.
    pub fn compared_units(&self) -> usize {
        let is_compared = |picture: &&PictureFindings| {
            self.methods.get(picture.method).is_some_and(|method| method.kind != Origin::Control)
        };
        self.pictures.iter().filter(is_compared).map(|picture| picture.unit).collect::<BTreeSet<_>>().len()
    }
}

/// A network that took part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Participant {
    /// Its name in the zoo.
    pub name: String,
    /// sha256 of its weights file.
    pub weights_sha256: String,
    /// Architecture and configuration.
    pub definition: Value,
    /// Of a classifier: its family, such as `EfficientNet`; none where nobody says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// Of a witness: what it has in common with the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kinship: Option<Kinship>,
}

/// The photographs with which pictures are compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    /// Sets of the zoo, or the folder.
    pub source: String,
    /// How many photographs.
    pub photographs: usize,
    /// How many of them have a class.
    pub labelled: usize,
    /// How many classes these have.
    pub classes: usize,
    /// sha256 of the files' digests in their order.
    pub sha256: String,
}

/// A folder of records, or a table of foreign pictures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PictureSource {
    /// As it was given.
    pub path: PathBuf,
    /// Pictures that were taken.
    pub pictures: usize,
    /// What was left out, and why.
    pub skipped: Vec<String>,
    /// `experiment.yaml`, whole, where there is one.
    pub experiment: Option<String>,
    /// `provenance.json`, where there is one.
    pub provenance: Option<Value>,
}

/// What the figures were computed with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Of phases, noise, resampling and permutations.
    pub seed: u64,
    /// Bootstrap replicates.
    pub replicates: usize,
    /// Level of intervals.
    pub level: f64,
    /// Permutations of a test.
    pub permutations: usize,
    /// The pixel-space method from which strength is measured: its place among the methods; none where there is none.
    pub baseline: Option<usize>,
    /// Layers in which the path is measured.
    pub layers: Vec<String>,
    /// The witness whose features KID, density and coverage are measured in; none where there is no witness.
    pub encoder: Option<String>,
    /// How the photographs are divided for the two-choice task; none where there are too few.
    pub pools: Option<Pools>,
    /// What was fixed before anybody looked: a file, by which the result is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered: Option<Registered>,
    /// The command line.
    pub command: String,
}

/// A file that was written before any result was seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Registered {
    /// Its name, without folders.
    pub file: String,
    /// sha256 of its bytes.
    pub sha256: String,
}

/// Which way a figure is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// More is better.
    Up,
    /// Less is better.
    Down,
    /// Neither: a diagnosis.
    None,
}

/// How photographs are divided for the two-choice task, by a unit's activation: how many are in each pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pools {
    /// The highest: what an explanation must point to.
    pub top: usize,
    /// Those behind them: the explanation by natural exemplars.
    pub exemplars: usize,
    /// Those about the median: the hard alternative.
    pub middle: usize,
    /// The lowest: the easy alternative.
    pub low: usize,
}

/// What a figure belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricGroup {
    /// Whether others can read the picture.
    Legibility,
    /// Whether the picture tells what drives the unit.
    Capacity,
    /// How much it fires the unit, and whether that lasts.
    Strength,
    /// Neither; a look at the picture itself.
    Diagnostic,
}

/// A metric: what a figure of this key means, where it comes from, and which way is better.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// Its column in the tables.
    pub key: String,
    /// Its name, with its number: `F1 strength`.
    pub name: String,
    /// What it belongs to.
    pub group: MetricGroup,
    /// What it says, in one sentence.
    pub meaning: String,
    /// Which way is better.
    pub direction: Direction,
    /// Such as `0 to 1`.
    pub range: String,
    /// Paper, year.
    pub source: String,
    /// Whether claims rest on it.
    pub primary: bool,
    /// Why nothing of it was computed, where nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_computed: Option<String>,
}

/// A unit of the target whose pictures are compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnitFindings {
    /// Canonical name.
    pub name: String,
    /// The class's number, where the unit is a class.
    pub class: Option<usize>,
    /// The class's name, where the unit is one.
    pub label: Option<String>,
    /// Median activation over the photographs, in the unit's own scale; none without photographs.
    pub median: Option<f64>,
    /// The mean activation of the baseline's pictures of it.
    pub baseline: Option<f64>,
    /// The 0.99 quantile of its activations over the photographs: as much as nature fires it.
    pub natural: Option<f64>,
    /// The layer of the target whose activations are the own observer's features; none where there is no layer below the unit.
    pub below: Option<String>,
    /// Labelled photographs of its class.
    pub photographs: usize,
}

/// Who made the pictures of a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// This program: records.
    Run,
    /// Another tool.
    Foreign,
    /// The comparison itself, so that figures have something to be held against.
    Control,
}

/// What was found of a method, or of a control.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MethodFindings {
    /// Unlike any other's: `blend eps=0.01`.
    pub label: String,
    /// The method's name.
    pub name: String,
    /// Who made its pictures.
    pub kind: Origin,
    /// What a control controls, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meaning: Option<String>,
    /// The generator that is its prior, by name; none in pixel space.
    pub generator: Option<String>,
    /// All settings of the method; null of foreign ones.
    pub settings: Value,
    /// How many units it has pictures of.
    pub units: usize,
    /// How many pictures it has.
    pub pictures: usize,
    /// The fewest pictures of one unit.
    pub seeds: usize,
    /// Median forward and backward passes of a picture.
    pub passes: Option<[f64; 2]>,
    /// Figures by the metrics' keys.
    pub metrics: BTreeMap<String, Measured>,
    /// How natural its way through the layers of the target is.
    pub layers: Vec<LayerFindings>,
    /// Mean radial power: frequency in cycles a picture, natural logarithm of the power.
    pub spectrum: Vec<[f64; 2]>,
    /// By how much of its activation its runs still rose in the second half of their steps, the median over runs: 0 where they had arrived. None of pictures
    /// without a trace.
    #[serde(default)]
    pub late_gain: Option<f64>,
    /// Its tests against the baseline.
    pub tests: Vec<Test>,
    /// What must be said of it in words.
    pub cautions: Vec<String>,
}

/// A method's figures in one layer of the target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerFindings {
    /// The layer's name.
    pub layer: String,
    /// The path through the layers: Spearman's correlation to the photographs that fire the unit most, scaled so that ordinary photographs are 0 and these
    /// among each other are 1.
    pub path: Measured,
}

/// A method against the baseline in one figure, paired by unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Test {
    /// The metric's key.
    pub metric: String,
    /// The method's less the baseline's.
    pub difference: Measured,
    /// p of the sign-flip permutation test over units, two-sided.
    pub p: Option<f64>,
    /// That p, adjusted over all methods and tested figures (Holm 1979).
    pub p_holm: Option<f64>,
    /// Matched-pairs rank-biserial correlation, -1 to 1.
    pub effect: Option<f64>,
}

/// The spectra of the photographs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Band {
    /// Frequencies in cycles a picture.
    pub frequency: Vec<f64>,
    /// Natural logarithm of the mean power.
    pub mean: Vec<f64>,
    /// 5th percentile.
    pub low: Vec<f64>,
    /// 95th percentile.
    pub high: Vec<f64>,
}

/// The nearest picture that a generator was found to have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inverted {
    /// The generator's name.
    pub generator: String,
    /// What was searched: a picture of the `baseline`, one of the `photographs`, or one of the generator's `own samples`.
    pub of: String,
    /// The unit's place, of the baseline's pictures.
    pub unit: Option<usize>,
    /// The inversion gap: squared distance in the target's features over that of the mean photograph; 0 is in the generator's range.
    pub gap: f64,
    /// The squared distance over the mean squared distance of photographs from their mean: the same denominator for whatever was searched.
    pub distance: f64,
    /// The unit's activation for the nearest picture over that for the picture that was searched.
    pub activation: Option<f64>,
    /// The nearest picture, relative to the folder of `comparison.json`.
    pub file: PathBuf,
}

/// A picture, and the figures that are its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PictureFindings {
    /// The run's id, the row of the foreign table, or the control's number.
    pub id: String,
    /// The method's place.
    pub method: usize,
    /// The unit's place.
    pub unit: usize,
    /// The seed, or a control's number.
    pub seed: u64,
    /// Which of the pictures that were optimized together.
    pub facet: usize,
    /// Where it is: relative to the folder of `comparison.json`, or absolute.
    pub file: PathBuf,
    /// The photographs that it shows or was made from: rows of `photographs.csv`, from 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<usize>,
    /// Figures of this picture by the metrics' keys; those that are properties of a set are not here.
    pub metrics: BTreeMap<String, f64>,
}
