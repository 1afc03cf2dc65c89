//! Claims: which process works on what, so that processes that share a store share the work instead of doubling it.
//!
//! A claim is a file `DIR/claims/KEY`, made so that only one process can make it. A thread of its owner touches it every few
//! seconds. Whoever else wants the key watches the file's time of change: where it stands still for a minute of the
//! watcher's own clock (those of machines differ), or where the owner is a process of this machine that has ended, the claim
//! is taken over. A claim that is taken from a process that was merely suspended does no harm: both compute the same, and
//! the record that is written first stays.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use crate::error::Result;
use serde_json::json;

use super::disk;
use super::folder::Store;
use super::key::Key;
use super::patience::Sighting;
use super::process::Process;

/// Time between two attempts to get what others have claimed.
const TURN: Duration = Duration::from_millis(100);

/// A piece of work that is this process's own; released when dropped.
#[derive(Debug)]
pub struct Claim {
    path: PathBuf,
    content: Vec<u8>,
    process: Process,
    /// Dropping it ends the thread.
    stop: Option<Sender<()>>,
    heart: Option<JoinHandle<()>>,
}

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

/// Who made a claim; none where it was killed before it could say so.
fn owner(content: &[u8]) -> Option<Process> {
    let content: serde_json::Value = serde_json::from_slice(content).ok()?;
    content.get("process")?.as_str()?.parse().ok()
}

/// Removes a claim that is still as it was seen. Of several processes that do this at once, one succeeds.
fn take_away(path: &Path, seen: &Sighting, process: &Process) -> io::Result<bool> {
    let name = path.file_name().unwrap_or_default().display();
    let taken = path.with_file_name(format!(".{name}.{}", process.unique()));
    match fs::rename(path, &taken) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        renamed => renamed?,
    }
    let modified = fs::metadata(&taken).and_then(|found| found.modified()).ok();
    let same = fs::read(&taken)? == seen.content && (seen.modified.is_none() || seen.modified == modified);
    if !same {
        // Somebody was faster, and this claim is fresh: it goes back, unless there is a third one already.
        let _ = fs::hard_link(&taken, path);
    }
    fs::remove_file(&taken)?;
    Ok(same)
}

impl Claim {
    fn begin(mut file: File, path: &Path, process: Process, beat: Duration) -> io::Result<Claim> {
        let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let content = json!({ "process": process.unique(), "host": process.host, "pid": process.pid, "time": time });
        let content = format!("{content}\n").into_bytes();
        file.write_all(&content).inspect_err(|_| {
            let _ = fs::remove_file(path);
        })?;
        let (stop, stopped) = mpsc::channel();
        let mut claim = Claim { path: path.to_owned(), content, process, stop: Some(stop), heart: None };
        let (path, content) = (claim.path.clone(), claim.content.clone());
        let keep = move || {
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(beat) {
                match fs::read(&path) {
                    Ok(found) if found == content => {
                        // What fails now is tried again at the next beat.
                        let _ = file.set_modified(SystemTime::now());
                    }
                    // A server that does not answer for a while has not taken the claim away.
                    Err(error) if error.kind() != ErrorKind::NotFound => {}
                    // It is somebody else's now.
                    _ => return,
                }
            }
        };
        claim.heart = Some(thread::Builder::new().name("claim".to_owned()).spawn(keep)?);
        Ok(claim)
    }

    /// Whether the claim is still this process's: it is lost to others who saw nothing of it for a minute. The work may be
    /// finished all the same; others do it, too.
    pub fn is_held(&self) -> bool {
        claim_is_there(&self.path, &self.content)
    }
}

fn claim_is_there(path: &Path, content: &[u8]) -> bool {
    fs::read(path).is_ok_and(|found| found == content)
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(heart) = self.heart.take() {
            let _ = heart.join();
        }
        let seen = Sighting { content: std::mem::take(&mut self.content), modified: None, since: Instant::now() };
        if claim_is_there(&self.path, &seen.content) {
            // One that stays behind is taken over as that of a process that has ended.
            let _ = take_away(&self.path, &seen, &self.process);
        }
    }
}
