//! `comparison.json`: everything that a comparison came to, with the definitions of its figures. Tables, plots and the report are
//! made from it, and from the pictures that it names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Version of the fields.
pub const SCHEMA_VERSION: u32 = 1;

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
    /// The classifiers that judge; the first one is also the encoder of features.
    pub witnesses: Vec<Participant>,
    /// The generators of the methods that have one.
    pub generators: Vec<Participant>,
    /// The photographs that pictures are held against.
    pub reference: Reference,
    /// Where the pictures came from.
    pub sources: Vec<PictureSource>,
    /// Seeds, numbers of replicates, the baseline.
    pub settings: Settings,
    /// What must be said in words before any figure: too few units, failed searches, kinship of witnesses, unequal passes.
    pub cautions: Vec<String>,
    /// What the figures mean, in the order in which they are shown.
    pub metrics: Vec<Metric>,
    /// The units, in the order in which they are shown.
    pub units: Vec<UnitFindings>,
    /// The methods and the controls, in the order in which they are shown.
    pub methods: Vec<MethodFindings>,
    /// Methods that differ in one number, in its order.
    pub dials: Vec<Dial>,
    /// Legibility against fidelity, along each dial and over all methods.
    pub tradeoffs: Vec<Tradeoff>,
    /// Mean spectra of the photographs, by frequency: the band in which 90 % of them lie.
    pub spectrum: Band,
    /// F6: the nearest pictures that generators have.
    #[serde(default)]
    pub inversions: Vec<Inverted>,
    /// Every picture, those of the controls last.
    pub pictures: Vec<PictureFindings>,
}

/// How the names of methods on permuted weights begin.
pub const PERMUTED: &str = "permuted: ";

impl MethodFindings {
    /// Whether it is a control on a target with permuted weights.
    pub fn is_of_permuted_weights(&self) -> bool {
        self.kind == Origin::Control && self.name.starts_with(PERMUTED)
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
    /// Of a witness: what it has in common with the target, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kinship: Option<String>,
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
    /// Squares cut out of each photograph: the central one and random ones.
    pub crops: usize,
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
    /// Of crops, noise, resampling and permutations.
    pub seed: u64,
    /// Bootstrap replicates.
    pub replicates: usize,
    /// Level of intervals.
    pub level: f64,
    /// Permutations of a test.
    pub permutations: usize,
    /// The pixel-space method from which drift is measured: its place among the methods; none where there is none.
    pub baseline: Option<usize>,
    /// Layers in which drift is measured.
    pub layers: Vec<String>,
    /// The layer whose pooled activations are what a network "sees": of the target and of the first witness.
    pub features: [String; 2],
    /// The command line.
    pub command: String,
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

/// What a figure belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricGroup {
    /// Whether others can read the picture.
    Legibility,
    /// Whether the picture is about the unit.
    Fidelity,
    /// Neither; a look at the picture itself.
    Diagnostic,
}

/// A metric: what a figure of this key means, where it comes from, and which way is better.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// Its column in the tables.
    pub key: String,
    /// Its name, with its number: `L1 witness agreement`.
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

/// A figure: an estimate, with its interval where it has one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The estimate, in the metric's own range and never clipped. None where it was not computed.
    pub value: Option<f64>,
    /// Ends of its interval at the level of the settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<[f64; 2]>,
    /// Units that it rests on.
    #[serde(default)]
    pub units: usize,
    /// Pictures that it rests on.
    #[serde(default)]
    pub pictures: usize,
    /// Why there is no value, or no interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_not: Option<String>,
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
    /// Median activation over all squares of the photographs, in the unit's own scale; none without photographs.
    pub median: Option<f64>,
    /// The highest activation of the baseline's pictures of it.
    pub best_pixel: Option<f64>,
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
    /// Drift and likeness in each layer of the target.
    pub layers: Vec<LayerFindings>,
    /// Mean radial power: frequency in cycles a picture, natural logarithm of the power.
    pub spectrum: Vec<[f64; 2]>,
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
    /// F2 on all activations: 1 - Spearman's correlation to the baseline's pictures, scaled so that another seed is 0 and other units are
    /// 1 on average.
    pub drift: Measured,
    /// F2 on activations averaged over positions.
    pub drift_pooled: Measured,
    /// F3, the path through the layers: Spearman's correlation to photographs of the class, scaled so that photographs of other classes
    /// are 0 and those of the class are 1.
    pub path: Measured,
    /// F4, debiased linear CKA to the baseline's units (Kornblith et al. 2019), at most 1.
    pub cka: Measured,
    /// F5, normalised energy distance to the baseline's units (Székely & Rizzo 2013), 0 to 1.
    pub energy: Measured,
    /// p of its paired permutation test.
    pub energy_p: Option<f64>,
    /// That p, adjusted over all layers and methods (Benjamini & Hochberg 1995).
    pub energy_q: Option<f64>,
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

/// Methods that differ in one number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dial {
    /// Such as `blend (face-dcgan): eps`.
    pub name: String,
    /// The setting's path.
    pub setting: String,
    /// Methods by place, and their values, ascending.
    pub methods: Vec<(usize, f64)>,
}

/// Legibility against fidelity along a dial, or over all methods.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tradeoff {
    /// Of the dial, or `all methods`.
    pub name: String,
    /// The dial's place; none of all methods.
    pub dial: Option<usize>,
    /// The metric's key.
    pub legibility: String,
    /// The metric's key.
    pub fidelity: String,
    /// Whether claims rest on it.
    pub primary: bool,
    /// A point a method.
    pub points: Vec<TradeoffPoint>,
    /// Places of the points that no other one beats in both.
    pub front: Vec<usize>,
    /// Mean within-unit Spearman correlation of legibility and fidelity, through Fisher's z.
    pub spearman: Measured,
    /// p of the sign-flip permutation test of its z.
    pub spearman_p: Option<f64>,
    /// That p, adjusted over all primary trade-offs (Holm 1979).
    pub spearman_p_holm: Option<f64>,
    /// Units whose correlation is undefined, and counts as 0: one of both never changes.
    pub undefined: usize,
    /// beta of ln F = c_u - beta ln L.
    pub beta: Measured,
    /// Values of legibility and of fidelity that were floored for it.
    pub floored: [usize; 2],
    /// What they were floored at.
    pub floors: [f64; 2],
    /// Area dominated by the points, 0 to 1.
    pub hypervolume: Measured,
    /// 1 less the hypervolume: how much of both at once no method has, 0 to 1.
    pub severity: Measured,
    /// What it says, in words.
    pub sentence: String,
}

/// A method's place in a trade-off.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TradeoffPoint {
    /// The method's place.
    pub method: usize,
    /// Its value of the dial.
    pub value: Option<f64>,
    /// Its legibility, unclipped.
    pub legibility: Measured,
    /// Its fidelity, unclipped.
    pub fidelity: Measured,
    /// Legibility, scaled to `[0,1]` between blurred noise and photographs.
    pub lhat: f64,
    /// Fidelity, clipped to `[0,1]`.
    pub fhat: f64,
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
    /// The squared distance over the mean squared distance of photographs from their mean: the same denominator for whatever was searched. Earlier versions
    /// did not measure it.
    #[serde(default)]
    pub distance: Option<f64>,
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
    /// Figures of this picture by the metrics' keys; those that are properties of a set are not here.
    pub metrics: BTreeMap<String, f64>,
}
