//! Recovery: what is found when a store is opened, and what becomes of what killed writers left.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use super::damage::set_aside;
use super::disk;
use super::folder::Store;
use super::process::{Process, is_abandoned};
use super::record::RunId;
use super::sealed::{self, Unsound};
use crate::error::Result;

/// A record that is being written, or was when its writer was killed.
pub(super) struct Unfinished {
    pub path: PathBuf,
    pub id: RunId,
    pub owner: Option<Process>,
}

impl Store {
    /// Finds out what there is: believes the index where the run's folder is there, and hashes the others. Returns what lies
    /// aside.
    pub(super) fn look(&self, watch: &(dyn Fn(usize, usize) + Sync)) -> Result<Vec<Unfinished>> {
        // In this order: what the index has is there when it is looked for.
        self.read_index();
        let (there, unfinished) = self.list()?;
        let mut known = self.known();
        let count = known.entries.len();
        known.entries.retain(|id, _| there.contains(id));
        known.wasted += count - known.entries.len();
        let unknown: Vec<RunId> = there.into_iter().filter(|id| !known.entries.contains_key(id)).collect();
        drop(known);
        let mut entries = vec![];
        for (id, found) in self.check_all(&unknown, watch) {
            match found {
                Ok(sound) => entries.push(sound.entry()),
                Err(Unsound::Unreadable(error)) if self.0.writable => return Err(error),
                Err(unsound) => self.forget(&id, unsound),
            }
        }
        self.remember(entries);
        Ok(unfinished)
    }

    /// Hashes these records.
    pub(super) fn check_all(
        &self,
        ids: &[RunId],
        watch: &(dyn Fn(usize, usize) + Sync),
    ) -> Vec<(RunId, Result<sealed::Sound, Unsound>)> {
        let count = AtomicUsize::new(0);
        // Some more than processors: while one waits for the disk another hashes.
        disk::in_parallel(ids, disk::processors() * 2, |id| {
            let found = sealed::check(&self.folder(id), id);
            watch(1 + count.fetch_add(1, Ordering::Relaxed), ids.len());
            (id.clone(), found)
        })
    }

    /// The runs that have a folder, and what lies aside.
    pub(super) fn list(&self) -> Result<(BTreeSet<RunId>, Vec<Unfinished>)> {
        let (mut there, mut unfinished) = (BTreeSet::new(), vec![]);
        let cannot = |error| disk::error(&self.runs(), "read", error);
        for found in fs::read_dir(self.runs()).map_err(cannot)? {
            let found = found.map_err(cannot)?;
            let name = found.file_name();
            // Other names are not ours.
            let Some(name) = name.to_str() else { continue };
            if let Ok(id) = name.parse() {
                there.insert(id);
            } else if let Some((id, owner)) = name.strip_prefix('.').and_then(|name| name.split_once('.'))
                && let Ok(id) = id.parse()
            {
                unfinished.push(Unfinished { path: found.path(), id, owner: owner.parse().ok() });
            }
        }
        Ok((there, unfinished))
    }

    /// Finishes what a writer that is gone left aside: a whole record goes to its place, another one to the damaged.
    pub(super) fn recover(&self, aside: &Unfinished) -> Result<()> {
        let Unfinished { path: aside, id, .. } = aside;
        match sealed::check(aside, id) {
            Ok(sound) => {
                let entry = sound.entry();
                match self.place(aside, &entry, None) {
                    Ok(entry) => self.remember(vec![entry]),
                    // Another process was faster.
                    Err(_) if !aside.exists() => {}
                    Err(error) => return Err(error),
                }
            }
            Err(Unsound::Absent) => {}
            Err(Unsound::Damaged { reason, identity }) => {
                let reason = format!("left unfinished by a process that was killed ({reason})");
                self.note(set_aside(self.root(), aside, identity, reason));
            }
            Err(Unsound::Unreadable(error)) => return Err(error),
        }
        Ok(())
    }

    /// Takes away the unfinished files of processes that are gone: of checkpoints, claims and the index, none of them a result.
    pub(super) fn sweep_asides(&self, now: SystemTime) {
        for folder in [self.checkpoints(), self.claims(), self.index()] {
            for found in fs::read_dir(folder).into_iter().flatten().flatten() {
                let name = found.file_name();
                let Some(name) = name.to_str().and_then(|name| name.strip_prefix('.')) else { continue };
                // KEY.PROCESS.N; keys may have dots themselves.
                let parts: Vec<&str> = name.split('.').collect();
                let owner = parts.len().checked_sub(5).and_then(|start| parts[start..].join(".").parse().ok());
                if owner.is_some() && is_abandoned(&self.0.process, owner.as_ref(), &found.path(), now) {
                    let _ = fs::remove_file(found.path());
                }
            }
        }
    }
}
