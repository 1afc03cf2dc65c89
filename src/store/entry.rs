//! What the index knows of a run.

use serde::{Deserialize, Serialize};

use super::hash::Hash;
use super::record::{ActivationField, Record, RunId, Status};
use crate::look::judge::Verdict;
use crate::random::Seed;
use crate::render::Passes;

/// What the index knows of a run: the figures of its record. Its method's settings and where it was computed are in
/// `record.json` alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// What identifies the run.
    pub run_id: RunId,
    /// Whether it came to a picture.
    pub status: Status,
    /// sha256 of the record's `files.sha256`.
    pub seal: Hash,
    /// Why the run failed; none where it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The classifier whose unit is visualised, by name.
    pub classifier: String,
    /// The generator whose pictures are searched, by name; none in pixel space.
    pub generator: Option<String>,
    /// What a conditional generator was conditioned on.
    pub condition: Option<String>,
    /// The method's name.
    pub method: String,
    /// The unit's canonical name.
    pub unit: String,
    /// The class's name, where the unit is one.
    pub label: Option<String>,
    /// What the run's random numbers come from.
    pub seed: Seed,
    /// Which of the pictures that were optimized together, from 0.
    pub facet: usize,
    /// Optimization steps of all octaves.
    pub steps: usize,
    /// Side of the picture in pixels.
    pub size: i64,
    /// Activations of the unit.
    pub activation: ActivationField,
    /// Probability of the class, where the unit is one, of the saved picture.
    pub probability: Option<f64>,
    /// What the witnesses say of the saved picture.
    pub witnesses: Vec<Verdict>,
    /// Forward and backward passes that it took.
    pub passes: Option<Passes>,
    /// The version of what decides a result beyond its settings.
    pub numeric_version: u32,
    /// The version of the program that computed it.
    pub version: String,
    /// Its share of the seconds that its batch took; the clock's part, which differs from one computation to the next.
    pub seconds: Option<f64>,
    /// Bytes of its files.
    pub bytes: u64,
}

/// What an entry knows besides the record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Beside {
    /// sha256 of the record's `files.sha256`.
    pub seal: Hash,
    /// Bytes of its files.
    pub bytes: u64,
    /// As [`Entry::seconds`].
    pub seconds: Option<f64>,
}

impl Entry {
    /// The figures of a record.
    pub(super) fn of(record: &Record, beside: Beside) -> Entry {
        Entry {
            run_id: record.run_id.clone(),
            status: record.status,
            seal: beside.seal,
            error: record.error.clone(),
            classifier: record.classifier.clone(),
            generator: record.generator.clone(),
            condition: record.condition.clone(),
            method: record.method.clone(),
            unit: record.unit.name.clone(),
            label: record.unit.label.clone(),
            seed: record.seed,
            facet: record.facet,
            steps: record.steps,
            size: record.size,
            activation: record.activation.clone(),
            probability: record.probability,
            witnesses: record.witnesses.clone(),
            passes: record.passes,
            numeric_version: record.provenance.numeric_version,
            version: record.provenance.version.clone(),
            seconds: beside.seconds,
            bytes: beside.bytes,
        }
    }

    /// The figures of a record that lies in no store: without a seal, seconds or bytes.
    pub fn of_record(record: &Record) -> Entry {
        Entry::of(record, Beside { seal: Hash::of(&[]), bytes: 0, seconds: None })
    }

    /// Whether these classifiers are its witnesses, in this order.
    pub fn is_judged_by(&self, names: &[String]) -> bool {
        self.witnesses.iter().map(|of| &of.classifier).eq(names)
    }

    /// The mean of the witnesses' softmax probabilities for the unit's class, 0 to 1; none without witnesses.
    pub fn witness_probability(&self) -> Option<f64> {
        let count = self.witnesses.len();
        (count > 0).then(|| self.witnesses.iter().map(|verdict| verdict.probability).sum::<f64>() / count as f64)
    }
}
