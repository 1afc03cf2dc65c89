//! The index of a store: what is known of every run without looking into its folder, so that a store of 100,000 records is opened at
//! once. It is believed and never needed: a record that it does not vouch for is hashed. Its files are [segments](super::segment).

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::time::SystemTime;

use super::disk::ATTEMPTS;
use super::entry::Entry;
use super::folder::Store;
use super::key::Key;
use super::record::RunId;
use super::sealed;
use super::segment::{at_rest, compact, is_due, read, segments};

impl Store {
    /// Reads what has been added to the index.
    pub(super) fn read_index(&self) {
        let mut known = self.known();
        let mut contested: BTreeMap<RunId, Vec<Entry>> = BTreeMap::new();
        let mut left = segments(&self.index());
        let mut relisted = 0;
        while let Some(name) = left.pop() {
            let from = known.read.get(&name).copied().unwrap_or_default();
            let lines = match read(&self.index().join(&name), from) {
                Ok(lines) => lines,
                // It was closed or compacted just now: its lines are under another name.
                Err(error) if error.kind() == ErrorKind::NotFound && relisted < ATTEMPTS => {
                    left = segments(&self.index());
                    relisted += 1;
                    continue;
                }
                // One that cannot be read vouches for nothing.
                Err(_) => continue,
            };
            known.read.insert(name, lines.end);
            known.wasted += lines.damaged;
            for entry in lines.entries {
                match known.entries.get(&entry.run_id) {
                    None => {
                        known.entries.insert(entry.run_id.clone(), entry);
                    }
                    Some(other) => {
                        if other.seal != entry.seal {
                            contested.entry(entry.run_id.clone()).or_default().push(entry);
                        }
                        known.wasted += 1;
                    }
                }
            }
        }
        // A record was replaced: segments have no order, and its folder tells which entry is the last.
        for (id, entries) in contested {
            let seal = sealed::seal_of(&self.folder(&id)).ok();
            let of_folder = |entry: &Entry| Some(entry.seal) == seal;
            if known.entries.get(&id).is_some_and(of_folder) {
                continue;
            }
            known.entries.remove(&id);
            known.entries.extend(entries.into_iter().find(of_folder).map(|entry| (id, entry)));
        }
    }

    /// Makes one segment of many, where it is time or `always`. Where it cannot be done, such as on a full disk, the index
    /// stays as it is.
    pub(super) fn compact(&self, now: SystemTime, always: bool) {
        let known = self.known();
        // What is among the entries is what was read.
        let at_rest = at_rest(&self.index(), &self.0.process, now);
        let consumed: BTreeSet<OsString> = at_rest.into_iter().filter(|name| known.read.contains_key(name)).collect();
        let due = is_due(consumed.len(), known.wasted, known.entries.len());
        drop(known);
        if consumed.is_empty() || !(due || always) {
            return;
        }
        // Processes that open a store at the same time need not all do it.
        let Ok(Some(_claim)) = self.claim(&Key::of_index()) else { return };
        let mut known = self.known();
        if let Ok(name) = compact(&self.index(), &self.0.process, known.entries.values(), &consumed) {
            let length = fs::metadata(self.index().join(&name)).map_or(0, |found| found.len());
            known.read.insert(name, length);
            known.wasted = 0;
        }
    }
}
