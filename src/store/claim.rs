//! Claims: which process works on what, so that processes that share a store share the work instead of doubling it.
//!
//! A claim is a file `DIR/claims/KEY`, made so that only one process can make it. A thread of its owner touches it every few
//! seconds. Whoever else wants the key watches the file's time of change: where it stands still for a minute of the
//! watcher's own clock (those of machines differ), or where the owner is a process of this machine that has ended, the claim
//! is taken over. A claim that is taken from a process that was merely suspended does no harm: both compute the same, and
//! the record that is written first stays.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use serde_json::json;

use super::process::Process;

/// How often a claim is touched, and how long it may stand still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Time between two touches.
    pub beat: Duration,
    /// A claim that was not touched for so long is taken over; many times `beat`, and more than the time for which
    /// a network file system believes what it saw of a file.
    pub stale: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience { beat: Duration::from_secs(5), stale: Duration::from_secs(60) }
    }
}

/// What was seen of somebody else's claim, and when.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sighting {
    pub(super) content: Vec<u8>,
    pub(super) modified: Option<SystemTime>,
    pub(super) since: Instant,
}

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

/// Who made a claim; none where it was killed before it could say so.
pub(super) fn owner(content: &[u8]) -> Option<Process> {
    let content: serde_json::Value = serde_json::from_slice(content).ok()?;
    content.get("process")?.as_str()?.parse().ok()
}

/// Removes a claim that is still as it was seen. Of several processes that do this at once, one succeeds.
pub(super) fn take_away(path: &Path, seen: &Sighting, process: &Process) -> io::Result<bool> {
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
    pub(super) fn begin(mut file: File, path: &Path, process: Process, beat: Duration) -> io::Result<Claim> {
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
