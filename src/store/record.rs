//! Records: what a run leaves. The folder that holds them is [`crate::store`].
//!
//! A record is the files `record.json`, `image.png`, `trace.csv`, `state.safetensors` and `timing.json`. `record.json` holds no
//! clock and no path, so that the same run gives the same bytes.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tch::Tensor;

use crate::look::judge::Verdict;
use crate::random::Seed;
use crate::render::{Passes, Row};

/// Version of the fields of `record.json`.
pub const SCHEMA_VERSION: u32 = 2;

/// Version of everything that decides a result beyond its settings: random streams, resize, update rules. A change of
/// numbers is a change of this.
pub const NUMERIC_VERSION: u32 = 4;

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

    /// Of a text that holds all that decides the run's result.
    pub fn of(settings: &str) -> RunId {
        let digest = Sha256::digest(settings.as_bytes());
        RunId(digest.iter().take(RunId::DIGITS / 2).map(|byte| format!("{byte:02x}")).collect())
    }

    /// The digits as a number.
    pub fn number(&self) -> u64 {
        u64::from_str_radix(&self.0, 16).unwrap_or_default()
    }

    /// The opposite of [`RunId::number`].
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

/// Whether a run came to something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It did.
    Done,
    /// It did not; `error` says why.
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
    /// Before the first step.
    pub initial: Option<f64>,
    /// After the last step.
    #[serde(rename = "final")]
    pub last: Option<f64>,
    /// The highest of all.
    pub best: Option<f64>,
    /// Of the saved 8-bit picture.
    pub scored: Option<f64>,
}

/// Where and with what a run was computed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Of this program.
    pub version: String,
    /// [`NUMERIC_VERSION`].
    pub numeric_version: u32,
    /// Of libtorch.
    pub libtorch: String,
    /// Such as `cpu` or `cuda:0`.
    pub device: String,
    /// Number type.
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
    /// What identifies the run.
    pub run_id: RunId,
    /// Whether it came to something.
    pub status: Status,
    /// Why not.
    pub error: Option<String>,
    /// Whose unit.
    pub classifier: String,
    /// The prior.
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
    /// What it cost; none where it failed before it began.
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
    /// Why the run stopped: `steps` (all were done) or `not_finite`.
    pub stop: String,
    /// Where and with what.
    pub provenance: Provenance,
}

impl Record {
    /// The mean of the witnesses' probabilities.
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

/// Everything that a run leaves; [`crate::store::Store`] takes it.
pub struct Leaves<'a> {
    /// `record.json`
    pub record: &'a Record,
    /// `image.png`
    pub picture: Option<&'a image::RgbImage>,
    /// `state.safetensors`
    pub state: &'a [(&'static str, Tensor)],
    /// `trace.csv`
    pub trace: &'a [Row],
    /// Columns of the trace's penalties.
    pub regularizers: &'a [&'static str],
    /// `timing.json`
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
