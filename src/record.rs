//! Records: what a run leaves, and the folder that holds them.
//!
//! `DIR/runs/ID/` holds `record.json`, `image.png`, `trace.csv`, `state.safetensors` and `timing.json`. A record is written
//! beside its place and renamed into it whole; `record.json` holds no clock and no path, so that the same run gives the
//! same bytes.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tch::Tensor;

use crate::judge::Verdict;
use crate::random::Seed;
use crate::render::{Passes, Row};

/// Version of the fields of `record.json`.
pub const SCHEMA_VERSION: u32 = 2;

/// Version of everything that decides a result beyond its settings: random streams, resize, update rules. A change of
/// numbers is a change of this.
pub const NUMERIC_VERSION: u32 = 2;

/// The version of libtorch that the bindings are made for, and insist on.
pub const LIBTORCH_VERSION: &str = "2.13.0";

/// What identifies a run: a hash of all that decides its result.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RunId(String);

impl RunId {
    /// Of a JSON value whose objects have a fixed order of keys.
    pub fn of(settings: &Value) -> RunId {
        let digest = Sha256::digest(settings.to_string().as_bytes());
        RunId(digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect())
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.0)
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

/// Everything that a run leaves.
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

/// A folder of records.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// Opens the folder, making it where it is not there.
    pub fn open(root: &Path) -> Result<Store> {
        fs::create_dir_all(root.join("runs")).with_context(|| format!("{}: cannot be made", root.display()))?;
        Ok(Store { root: root.to_owned() })
    }

    /// The folder of one run.
    pub fn folder(&self, id: &RunId) -> PathBuf {
        self.root.join("runs").join(id.to_string())
    }

    /// A run's picture.
    pub fn picture(&self, id: &RunId) -> PathBuf {
        self.folder(id).join("image.png")
    }

    /// The record of a run that is done, if it is there and whole.
    pub fn done(&self, id: &RunId) -> Option<Record> {
        let text = fs::read_to_string(self.folder(id).join("record.json")).ok()?;
        let record: Record = serde_json::from_str(&text).ok()?;
        (record.run_id == *id && record.status == Status::Done && self.picture(id).exists()).then_some(record)
    }

    /// Writes `record.json` of a run that is there anew; its other files stay.
    pub fn replace_record(&self, record: &Record) -> Result<()> {
        let folder = self.folder(&record.run_id);
        let aside = folder.join(format!(".record.{}", std::process::id()));
        let written = write_whole(&aside, format!("{}\n", serde_json::to_string_pretty(record)?).as_bytes());
        let written = written.and_then(|()| Ok(fs::rename(&aside, folder.join("record.json"))?));
        written.with_context(|| format!("{}: the record cannot be written", folder.display()))
    }

    /// Puts a record in its place, replacing what is there.
    pub fn write(&self, leaves: &Leaves) -> Result<()> {
        let place = self.folder(&leaves.record.run_id);
        let aside = self.root.join("runs").join(format!(".{}.{}", leaves.record.run_id, std::process::id()));
        let result = write_files(&aside, leaves).and_then(|()| {
            if place.exists() {
                fs::remove_dir_all(&place)?;
            }
            fs::rename(&aside, &place)?;
            File::open(self.root.join("runs"))?.sync_all()?;
            Ok(())
        });
        if result.is_err() {
            let _ = fs::remove_dir_all(&aside);
        }
        result.with_context(|| format!("{}: the record cannot be written", place.display()))
    }
}

fn write_files(folder: &Path, leaves: &Leaves) -> Result<()> {
    fs::create_dir_all(folder)?;
    write_whole(&folder.join("record.json"), format!("{}\n", serde_json::to_string_pretty(leaves.record)?).as_bytes())?;
    write_whole(&folder.join("timing.json"), format!("{}\n", serde_json::to_string_pretty(leaves.timing)?).as_bytes())?;
    write_whole(&folder.join("trace.csv"), trace_csv(leaves.trace, leaves.regularizers).as_bytes())?;
    Tensor::write_safetensors(leaves.state, folder.join("state.safetensors"))?;
    File::open(folder.join("state.safetensors"))?.sync_all()?;
    if let Some(picture) = leaves.picture {
        let mut png = std::io::Cursor::new(vec![]);
        picture.write_to(&mut png, image::ImageFormat::Png)?;
        write_whole(&folder.join("image.png"), png.get_ref())?;
    }
    File::open(folder)?.sync_all()?;
    Ok(())
}

/// Writes a file and waits until it is on the disk.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(())
}

fn trace_csv(trace: &[Row], regularizers: &[&'static str]) -> String {
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
