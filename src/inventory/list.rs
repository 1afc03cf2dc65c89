//! What is in a folder of records.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::Serialize;
use serde_json::Value;

use crate::store::{Entry, NUMERIC_VERSION, RunId, Status, Store};

/// What is in a folder of records.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Inventory {
    /// The experiment that was written beside the records last: its name, and what it says of itself.
    pub experiment: Option<String>,
    /// Its description.
    pub description: Option<String>,
    /// Runs that are done.
    pub done: usize,
    /// Runs that failed.
    pub failed: usize,
    /// Bytes of all records.
    pub bytes: u64,
    /// Seconds that they took.
    pub seconds: f64,
    /// Runs of another numeric version than this program's: the same settings would give other pictures today.
    pub older: usize,
    /// Runs that no named experiment has; none where none was named.
    pub not_wanted: Option<usize>,
    /// The runs by what they are.
    pub parts: Vec<Part>,
}

/// Runs of one classifier, generator, method and numeric version.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Part {
    /// The classifier.
    pub classifier: String,
    /// The generator, or nothing.
    pub generator: Option<String>,
    /// The method.
    pub method: String,
    /// The version of what decides a result beyond its settings.
    pub numeric_version: u32,
    /// How many units.
    pub units: usize,
    /// How many seeds.
    pub seeds: usize,
    /// Runs that are done.
    pub done: usize,
    /// Runs that failed.
    pub failed: usize,
    /// Bytes of their records.
    pub bytes: u64,
    /// Seconds that they took.
    pub seconds: f64,
    /// How many of them are in a named experiment; none where none was named.
    pub wanted: Option<usize>,
}

/// What is in a folder of records, without reading any. `wanted` are the runs of experiments, where some are named.
pub fn list(store: &Store, wanted: Option<&HashSet<RunId>>) -> Inventory {
    type Of = (String, Option<String>, String, u32);
    let mut parts: BTreeMap<Of, Vec<Entry>> = BTreeMap::new();
    for entry in store.entries() {
        let of = (entry.classifier.clone(), entry.generator.clone(), entry.method.clone(), entry.numeric_version);
        parts.entry(of).or_default().push(entry);
    }
    let part = |((classifier, generator, method, numeric_version), entries): (Of, Vec<Entry>)| {
        let failed = entries.iter().filter(|entry| entry.status == Status::Failed).count();
        let units: BTreeSet<&str> = entries.iter().map(|entry| entry.unit.as_str()).collect();
        let seeds: BTreeSet<u64> = entries.iter().map(|entry| entry.seed.0).collect();
        let is_wanted = |wanted: &HashSet<RunId>| entries.iter().filter(|entry| wanted.contains(&entry.run_id)).count();
        Part {
            units: units.len(),
            seeds: seeds.len(),
            done: entries.len() - failed,
            failed,
            bytes: entries.iter().map(|entry| entry.bytes).sum(),
            seconds: entries.iter().filter_map(|entry| entry.seconds).sum(),
            wanted: wanted.map(is_wanted),
            classifier,
            generator,
            method,
            numeric_version,
        }
    };
    let parts: Vec<Part> = parts.into_iter().map(part).collect();
    let written = std::fs::read_to_string(store.root().join("experiment.yaml")).ok();
    let written: Option<Value> = written.and_then(|text| serde_yaml::from_str(&text).ok());
    let text = |key: &str| written.as_ref().and_then(|of| Some(of.get(key)?.as_str()?.to_owned()));
    let older = parts.iter().filter(|part| part.numeric_version != NUMERIC_VERSION);
    let runs = |part: &Part| part.done + part.failed;
    Inventory {
        experiment: text("name"),
        description: text("description"),
        done: parts.iter().map(|part| part.done).sum(),
        failed: parts.iter().map(|part| part.failed).sum(),
        bytes: parts.iter().map(|part| part.bytes).sum(),
        seconds: parts.iter().map(|part| part.seconds).sum(),
        older: older.map(runs).sum(),
        not_wanted: wanted.map(|_| parts.iter().map(|part| runs(part) - part.wanted.unwrap_or(0)).sum()),
        parts,
    }
}
