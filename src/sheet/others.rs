//! Runs of a folder that the table of its last experiment does not have: those of experiments before, known by their records alone.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::table::Row;
use crate::run::{figures, identified};
use crate::store::{Store, leaves};

/// Adds the runs of a folder that its table of results lacks. Where runs of a method differ in a setting, it becomes a column of all of
/// that method, called by the shortest tail of its path that no other such path has, as sweeps call theirs.
pub(super) fn add(store: &Store, rows: &mut Vec<Row>) {
    let known: BTreeSet<String> = rows.iter().filter_map(|row| Some(row["run_id"].as_str()?.to_owned())).collect();
    let entries = store.entries();
    let others: Vec<_> = entries.iter().filter(|entry| !known.contains(&entry.run_id.to_string())).collect();
    if others.is_empty() {
        return;
    }
    let methods: BTreeSet<&str> = others.iter().map(|entry| entry.method.as_str()).collect();
    for entry in &others {
        let mut row: Row = identified(entry).into_iter().collect();
        let witnesses: Vec<String> = entry.witnesses.iter().map(|of| of.classifier.clone()).collect();
        row.extend(figures(Some(entry), &witnesses));
        rows.push(row);
    }
    // What tells runs of one method apart is in their records.
    let mut settings: BTreeMap<String, BTreeMap<String, Value>> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| methods.contains(entry.method.as_str())) {
        if let Some(record) = store.record(&entry.run_id) {
            settings.insert(entry.run_id.to_string(), leaves(&record.method_settings));
        }
    }
    let mut differ: BTreeSet<&str> = BTreeSet::new();
    for method in methods {
        let of = entries.iter().filter(|entry| entry.method == method);
        let of: Vec<&BTreeMap<String, Value>> =
            of.filter_map(|entry| settings.get(&entry.run_id.to_string())).collect();
        let paths: BTreeSet<&str> = of.iter().flat_map(|leaves| leaves.keys().map(String::as_str)).collect();
        differ.extend(paths.into_iter().filter(|path| of.iter().any(|leaves| leaves.get(*path) != of[0].get(*path))));
    }
    let names: BTreeMap<&str, String> = differ.iter().map(|path| (*path, tail(path, &differ))).collect();
    for row in rows.iter_mut() {
        let Some(leaves) = row["run_id"].as_str().and_then(|id| settings.get(id)) else { continue };
        for (path, name) in &names {
            if let Some(value) = leaves.get(*path)
                && !row.contains_key(name)
            {
                row.insert(name.clone(), value.clone());
            }
        }
    }
}

/// The shortest tail of a path that no other one has, beginning with a word.
fn tail(path: &str, all: &BTreeSet<&str>) -> String {
    let mut starts: Vec<usize> = path.match_indices('.').map(|(place, _)| place + 1).collect();
    starts.insert(0, 0);
    let is_only = |tail: &str| {
        all.iter().filter(|other| **other == tail || other.ends_with(&format!(".{tail}"))).count() == 1
            && !tail.starts_with(|c: char| c.is_ascii_digit())
    };
    let found = starts.iter().rev().map(|&start| &path[start..]).find(|tail| is_only(tail));
    found.unwrap_or(path).to_owned()
}
