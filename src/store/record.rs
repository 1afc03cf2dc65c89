//! Records: what a run leaves. The folder that holds them is [`crate::store`].
//!
//! A record is the files `record.json`, `image.png`, `trace.csv`, `state.safetensors` and `timing.json`. `record.json` holds no
//! clock and no path, so that the same run gives the same bytes.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tch::Tensor;

use super::hash::Hash;
use crate::look::judge::Verdict;
use crate::random::Seed;
use crate::render::{Passes, Row};

/// Version of the fields of `record.json`.
pub const SCHEMA_VERSION: u32 = 2;

/// Version of everything that decides a result beyond its settings: random streams, resize, update rules. A change of
/// numbers is a change of this.
pub const NUMERIC_VERSION: u32 = 5;

/// The version of libtorch that the bindings are made for, and insist on.
pub const LIBTORCH_VERSION: &str = "2.13.0";

/// What identifies a run: a hash of all that decides its result.
/// 16 lower-case hexadecimal digits, so that one that was read is safe as the name of a folder.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(String);

impl RunId {
    /// Digits of an id.
    pub const DIGITS: usize = 16;

    /// The first 16 digits of the sha256 of a text that holds all that decides the run's result.
    pub fn of(settings: &str) -> RunId {
        let mut digits = Hash::of(settings.as_bytes()).to_string();
        digits.truncate(RunId::DIGITS);
        RunId(digits)
    }

    /// The digits read as a number in base 16.
    pub fn number(&self) -> u64 {
        u64::from_str_radix(&self.0, 16).unwrap_or_default()
    }

    /// The id whose digits are this number in base 16: of [`RunId::number`] it gives the id back.
    pub fn of_number(number: u64) -> RunId {
        RunId(format!("{number:016x}"))
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for RunId {
    type Err = String;

    fn from_str(text: &str) -> Result<RunId, String> {
        RunId::try_from(text.to_owned())
    }
}

impl TryFrom<String> for RunId {
    type Error = String;

    fn try_from(text: String) -> Result<RunId, String> {
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        match text.len() == RunId::DIGITS && text.bytes().all(digit) {
            true => Ok(RunId(text)),
            false => Err(format!("'{text}' is not the id of a run ({} hexadecimal digits)", RunId::DIGITS)),
        }
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> String {
        id.0
    }
}

/// Whether a run came to a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It did: the record has a picture.
    Done,
    /// It did not: not a number, or libtorch's error; the record's `error` says which.
    Failed,
}

/// The unit of a record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnitField {
    /// Canonical name.
    pub name: String,
    /// The layer's path; none where terms lie in several layers.
    pub layer: Option<String>,
    /// Channel, or class; none of a whole layer, a direction or a sum.
    pub index: Option<i64>,
    /// Row and column of a neuron.
    pub position: Option<[i64; 2]>,
    /// Name of the class.
    pub label: Option<String>,
    /// What is added up: weight, reading, layer, index, position, and the sha256 of a direction.
    pub terms: Value,
}

/// Activations of the unit in the course of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActivationField {
    /// Before the first step. All of these are in the unit's own scale: a logit of a class, an activation elsewhere.
    pub initial: Option<f64>,
    /// After the last step.
    #[serde(rename = "final")]
    pub last: Option<f64>,
    /// The highest of all steps.
    pub best: Option<f64>,
    /// Of the saved 8-bit picture.
    pub scored: Option<f64>,
}

/// Where and with what a run was computed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Version of this program.
    pub version: String,
    /// [`NUMERIC_VERSION`].
    pub numeric_version: u32,
    /// Version of libtorch.
    pub libtorch: String,
    /// Such as `cpu` or `cuda:0`.
    pub device: String,
    /// Number type of weights and activations: `f32`.
    pub dtype: String,
    /// libtorch's threads.
    pub threads: i32,
    /// Runs computed together.
    pub batch: usize,
    /// sha256 of each weights file, by the model's name.
    pub weights_sha256: BTreeMap<String, String>,
    /// Architecture and configuration of each, by the model's name.
    pub definitions: BTreeMap<String, Value>,
    /// Processor architecture.
    pub host_arch: String,
}

/// `record.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// What identifies the run, and names its folder.
    pub run_id: RunId,
    /// Whether it came to a picture.
    pub status: Status,
    /// Why the run failed; none where it is done.
    pub error: Option<String>,
    /// The classifier whose unit is visualised, by name.
    pub classifier: String,
    /// The generator whose pictures are searched, by name; none in pixel space.
    pub generator: Option<String>,
    /// What a conditional generator was conditioned on: a class, or `relaxed`.
    pub condition: Option<String>,
    /// The method's name.
    pub method: String,
    /// The method, whole, every default written out.
    pub method_settings: Value,
    /// What was visualised.
    pub unit: UnitField,
    /// The seed.
    pub seed: Seed,
    /// Which of the pictures that were optimized together, from 0.
    pub facet: usize,
    /// Optimization steps of all octaves.
    pub steps: usize,
    /// Forward and backward passes that it took; none where it failed before it began.
    pub passes: Option<Passes>,
    /// Side of the picture in pixels.
    pub size: i64,
    /// Side of the generator's picture, where that is not the picture's and the generator has no size of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator_size: Option<i64>,
    /// Activations of the unit.
    pub activation: ActivationField,
    /// Probability of the class, where the unit is one, of the saved picture.
    pub probability: Option<f64>,
    /// What the witnesses say of the saved picture, where the unit is a class.
    pub witnesses: Vec<Verdict>,
    /// What was done for a unit that nothing moved at first, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revival: Option<String>,
    /// The part of a photograph that the search started from, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_from: Option<String>,
    /// Why the run stopped: `steps` (all were done) or `error`.
    pub stop: String,
    /// Where and with what it was computed.
    pub provenance: Provenance,
}

impl Record {
    /// The mean of the witnesses' softmax probabilities for the unit's class, 0 to 1; none without witnesses.
    pub fn witness_probability(&self) -> Option<f64> {
        let count = self.witnesses.len();
        (count > 0).then(|| self.witnesses.iter().map(|verdict| verdict.probability).sum::<f64>() / count as f64)
    }
}

/// `timing.json`: the clock's part.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Timing {
    /// Seconds that the run's batch took, screening included.
    pub batch_seconds: f64,
    /// Runs in that batch.
    pub batch: usize,
}

impl Timing {
    /// A run's share of the seconds of its batch.
    pub fn seconds(&self) -> f64 {
        self.batch_seconds / self.batch.max(1) as f64
    }
}

/// What is kept of a run besides its record and its picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// `trace.csv`.
    pub trace: bool,
    /// `state.safetensors`.
    pub state: bool,
}

impl Default for Kept {
    /// All of it.
    fn default() -> Kept {
        Kept { trace: true, state: true }
    }
}

/// Everything that a run leaves; [`crate::store::Store`] takes it.
pub struct Leaves<'a> {
    /// What becomes `record.json`.
    pub record: &'a Record,
    /// Colours `[3,H,W]` and opacity `[1,H,W]` of what becomes `cut-out.png`, of a picture that has transparency.
    pub cut_out: Option<[&'a Tensor; 2]>,
    /// What becomes `image.png`; none of a run that failed.
    pub picture: Option<&'a image::RgbImage>,
    /// What becomes `state.safetensors`: the param's tensors by name, such as latent codes `[1,D]`; none where it is not kept.
    pub state: Option<&'a [(&'static str, Tensor)]>,
    /// What becomes `trace.csv`: a row every tenth step; none where it is not kept.
    pub trace: Option<&'a [Row]>,
    /// Names of the regularizers: the trace's columns of penalties.
    pub regularizers: &'a [&'static str],
    /// What becomes `timing.json`.
    pub timing: &'a Timing,
}

/// The text of `trace.csv`.
pub(crate) fn trace_csv(trace: &[Row], regularizers: &[&'static str]) -> String {
    let mut text = String::from("step,loss,activation");
    for name in regularizers.iter().copied().chain(["gradient_norm"]) {
        text.push(',');
        text.push_str(name);
    }
    for row in trace {
        text.push_str(&format!("\n{},{},{}", row.step, row.loss, row.activation));
        for penalty in &row.penalties {
            text.push_str(&format!(",{penalty}"));
        }
        text.push(',');
        text.extend(row.gradient_norm.map(|norm| norm.to_string()));
    }
    text.push('\n');
    text
}
