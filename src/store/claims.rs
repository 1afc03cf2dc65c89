//! The claims of a store: who gets a piece of work, and whose claim is taken over.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::claim::{Claim, Sighting, owner, take_away};
use super::disk;
use super::folder::Store;
use super::key::Key;
use crate::error::Result;

/// Time between two attempts to get what others have claimed.
const TURN: Duration = Duration::from_millis(100);

impl Store {
    /// Claims a piece of work; none while another process, or another claim of this one, has it. A finished piece may be
    /// claimed again: look for its records once more *after* it is claimed.
    ///
    /// # Errors
    /// A claim that cannot be written, such as on a full disk.
    pub fn claim(&self, key: &Key) -> Result<Option<Claim>> {
        let path = self.claims().join(key.to_string());
        self.try_claim(key, &path).map_err(|error| disk::error(&path, "written", error))
    }

    /// As [`Store::claim`], waiting while somebody else has it.
    ///
    /// # Errors
    /// Those of [`Store::claim`].
    pub fn claim_in_turn(&self, key: &Key) -> Result<Claim> {
        loop {
            if let Some(claim) = self.claim(key)? {
                return Ok(claim);
            }
            thread::sleep(TURN);
        }
    }

    /// The folder of all claims.
    pub(super) fn claims(&self) -> PathBuf {
        self.root().join("claims")
    }

    fn try_claim(&self, key: &Key, path: &Path) -> io::Result<Option<Claim>> {
        fs::create_dir_all(self.claims())?;
        loop {
            match OpenOptions::new().write(true).create_new(true).open(path) {
                Ok(file) => {
                    self.sightings().remove(key);
                    return Claim::begin(file, path, self.process(), self.patience().beat).map(Some);
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
            // Opening asks the server of a network file system anew, where a mere look at the time would not.
            let seen = File::open(path).and_then(|file| {
                let modified = file.metadata()?.modified().ok();
                Ok(Sighting { content: fs::read(path)?, modified, since: Instant::now() })
            });
            let seen = match seen {
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                seen => seen?,
            };
            if !self.is_stale(key, &seen) || !take_away(path, &seen, &self.process())? {
                return Ok(None);
            }
        }
    }

    /// Whether this is a claim that nobody keeps; remembers it otherwise.
    fn is_stale(&self, key: &Key, seen: &Sighting) -> bool {
        if owner(&seen.content).is_some_and(|owner| self.process().sees_gone(&owner) == Some(true)) {
            return true;
        }
        let mut sightings = self.sightings();
        match sightings.get(key) {
            Some(first) if first.content == seen.content && first.modified == seen.modified => {
                seen.since.duration_since(first.since) >= self.patience().stale
            }
            _ => {
                sightings.insert(key.clone(), seen.clone());
                false
            }
        }
    }

    /// Takes away the claims of processes of this machine that have ended.
    pub(super) fn sweep_claims(&self) {
        for path in fs::read_dir(self.claims()).into_iter().flatten().flatten().map(|found| found.path()) {
            let Ok(content) = fs::read(&path) else { continue };
            if owner(&content).is_some_and(|owner| self.process().sees_gone(&owner) == Some(true)) {
                let seen = Sighting { content, modified: None, since: Instant::now() };
                // Whoever wants the key meets the same claim and says what stands in the way.
                let _ = take_away(&path, &seen, &self.process());
            }
        }
    }
}
