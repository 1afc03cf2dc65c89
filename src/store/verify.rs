//! Verification: every byte of a store is read and hashed.

use std::collections::HashSet;
use std::fs;

use serde::Serialize;

use super::damage::Damage;
use super::disk;
use super::folder::Store;
use super::key::Key;
use super::record::Status;
use super::sealed::Unsound;
use crate::error::Result;

/// What [`Store::verify`] found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Verification {
    /// Whole records of runs that are done.
    pub done: usize,
    /// Whole records of runs that failed.
    pub failed: usize,
    /// Bytes of all whole records.
    pub bytes: u64,
    /// Whole checkpoints.
    pub checkpoints: usize,
    /// What was not whole, since the store was opened.
    pub damage: Vec<Damage>,
}

impl Store {
    /// Hashes every record and every checkpoint, whatever the index says of them; sets aside what is damaged, and writes the
    /// index anew. `watch` is told how many records are hashed, and of how many, by any thread.
    ///
    /// # Errors
    /// Records that cannot be read, for reasons other than damage.
    pub fn verify(&self, watch: &(dyn Fn(usize, usize) + Sync)) -> Result<Verification> {
        let (there, _) = self.list()?;
        let ids: Vec<_> = there.into_iter().collect();
        let mut verification = Verification::default();
        let mut entries = vec![];
        for (id, found) in self.check_all(&ids, watch) {
            match found {
                Ok(sound) => {
                    match sound.record.status {
                        Status::Done => verification.done += 1,
                        Status::Failed => verification.failed += 1,
                    }
                    verification.bytes += sound.beside.bytes;
                    entries.push(sound.entry());
                }
                Err(Unsound::Unreadable(error)) => return Err(error),
                Err(unsound) => self.forget(&id, unsound),
            }
        }
        for found in fs::read_dir(self.checkpoints()).into_iter().flatten().flatten() {
            let key = found.file_name().to_str().and_then(|name| name.parse::<Key>().ok());
            if let Some(key) = key
                && self.checkpoint(&key).read()?.is_some()
            {
                verification.checkpoints += 1;
            }
        }
        let whole: HashSet<_> = entries.iter().map(|entry| entry.run_id.clone()).collect();
        self.remember(entries);
        self.known().entries.retain(|id, _| whole.contains(id));
        if self.0.writable {
            let now = self.probe().map_err(|error| disk::error(self.root(), "written to", error))?;
            self.compact(now, true);
        }
        verification.damage = self.take_damage();
        Ok(verification)
    }
}
