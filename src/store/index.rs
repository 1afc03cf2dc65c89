//! The index: what is known of every run without looking into its folder, so that a store of 100,000 records is opened at
//! once.
//!
//! `DIR/index/` holds segments. A process appends to a segment of its own, a line a record, and never to another's. A line
//! is 16 digits of the sha256 of its text, a space, and the text, an [`Entry`] in JSON; a line whose digits do not agree (the
//! torn last one of a process that was killed, say) is as good as none. A process that is done with its segment renames it to
//! `closed.…`; many closed ones are compacted into one.
//!
//! The index is believed and never needed: a record that it does not vouch for is hashed.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::hash::Hash;
use super::process::Process;
use super::{ABANDONED, ATTEMPTS, Key, Store, disk, sealed};
use crate::look::judge::Verdict;
use crate::random::Seed;
use crate::store::record::{ActivationField, Record, RunId, Status};

/// Goes into the digits of each line. Another set of fields takes another version, and is then hashed anew.
const VERSION: &str = "metapicture index 1\n";
/// How a segment's name ends.
const SEGMENT: &str = ".jsonl";
/// How the name of a segment begins to which nobody appends any more.
const CLOSED: &str = "closed.";
/// So many segments that nobody appends to are compacted.
const MANY: usize = 8;

/// What the index knows of a run: the figures of its record. Its method's settings and where it was computed are in
/// `record.json` alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// What identifies the run.
    pub run_id: RunId,
    /// Whether it came to something.
    pub status: Status,
    /// sha256 of the record's `files.sha256`.
    pub seal: Hash,
    /// Why it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Whose unit.
    pub classifier: String,
    /// The prior.
    pub generator: Option<String>,
    /// What a conditional generator was conditioned on.
    pub condition: Option<String>,
    /// The method's name.
    pub method: String,
    /// The unit's canonical name.
    pub unit: String,
    /// The class's name, where the unit is one.
    pub label: Option<String>,
    /// The seed.
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
}

impl Entry {
    /// Of a record with this seal.
    pub(super) fn of(record: &Record, seal: Hash) -> Entry {
        Entry {
            run_id: record.run_id.clone(),
            status: record.status,
            seal,
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
        }
    }

    /// Whether these classifiers are its witnesses, in this order.
    pub fn is_judged_by(&self, names: &[String]) -> bool {
        self.witnesses.iter().map(|of| &of.classifier).eq(names)
    }

    /// The mean of the witnesses' probabilities.
    pub fn witness_probability(&self) -> Option<f64> {
        let count = self.witnesses.len();
        (count > 0).then(|| self.witnesses.iter().map(|verdict| verdict.probability).sum::<f64>() / count as f64)
    }
}

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

/// A line of a segment.
fn line(entry: &Entry) -> io::Result<String> {
    let text = serde_json::to_string(entry)?;
    Ok(format!("{} {text}\n", digits(&text)))
}

fn digits(text: &str) -> String {
    let mut all = Hash::of(format!("{VERSION}{text}").as_bytes()).to_string();
    all.truncate(16);
    all
}

/// What a line says, if it is whole.
fn parse(line: &[u8]) -> Option<Entry> {
    let (sum, text) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    (sum == digits(text)).then(|| serde_json::from_str(text).ok()).flatten()
}

/// What was read of a segment, or of what had been appended to it.
#[derive(Default)]
pub(super) struct Lines {
    /// Those that are whole.
    pub entries: Vec<Entry>,
    /// How many are not; a last one that is still being written is none of them.
    pub damaged: usize,
    /// Where to read on.
    pub end: u64,
}

/// Reads a segment from a place on.
pub(super) fn read(path: &Path, from: u64) -> io::Result<Lines> {
    let mut file = File::open(path)?;
    let mut bytes = vec![];
    file.seek(SeekFrom::Start(from))?;
    file.read_to_end(&mut bytes)?;
    let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1);
    let lines: Vec<&[u8]> = bytes[..whole].split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).collect();
    let found = disk::in_parallel(&lines, disk::processors(), |line| parse(line));
    let damaged = found.iter().filter(|entry| entry.is_none()).count();
    Ok(Lines { entries: found.into_iter().flatten().collect(), damaged, end: from + whole as u64 })
}

/// The segments in the folder of the index.
pub(super) fn segments(folder: &Path) -> Vec<OsString> {
    let names = fs::read_dir(folder).into_iter().flatten().flatten().map(|found| found.file_name());
    let is_segment =
        |name: &OsString| name.to_str().is_some_and(|name| name.ends_with(SEGMENT) && !name.starts_with('.'));
    names.filter(is_segment).collect()
}

/// The segment that this process appends to; made when there is something to append.
#[derive(Debug)]
pub(super) struct Segment {
    path: PathBuf,
    file: File,
}

impl Segment {
    fn create(folder: &Path, process: &Process) -> io::Result<Segment> {
        let path = folder.join(format!("{}{SEGMENT}", process.unique()));
        let file = OpenOptions::new().append(true).create_new(true).open(&path)?;
        Ok(Segment { path, file })
    }

    /// Its name.
    pub fn name(&self) -> OsString {
        self.path.file_name().unwrap_or_default().to_owned()
    }

    /// Lets others know that nothing more comes. Where this is not heard (a process that is killed), they find out.
    pub fn close(self) {
        let mut name = OsString::from(CLOSED);
        name.push(self.name());
        let _ = fs::rename(&self.path, self.path.with_file_name(name));
    }

    /// How long it is.
    pub fn end(&self) -> u64 {
        self.file.metadata().map_or(0, |found| found.len())
    }

    /// Appends entries to the segment, or to a new one where there is none yet or somebody took it away.
    ///
    /// # Errors
    /// Those of the file system. What was written by halves is a torn line; the next call begins another segment.
    pub fn append(
        segment: &mut Option<Segment>,
        folder: &Path,
        process: &Process,
        entries: &[Entry],
    ) -> io::Result<()> {
        let text = entries.iter().map(line).collect::<io::Result<String>>()?;
        if segment.as_ref().is_some_and(|segment| segment.file.metadata().map_or(true, |found| found.nlink() == 0)) {
            *segment = None;
        }
        let mut used = match segment.take() {
            Some(used) => used,
            None => Segment::create(folder, process)?,
        };
        used.file.write_all(text.as_bytes())?;
        *segment = Some(used);
        Ok(())
    }
}

/// Whether the owner of a file or folder with this name no longer writes to it: the process has ended, or, where that cannot
/// be told from this machine, nothing was written for [`ABANDONED`] by the clock of the file system.
pub(super) fn is_abandoned(process: &Process, owner: Option<&Process>, path: &Path, now: SystemTime) -> bool {
    match owner.and_then(|owner| process.sees_gone(owner)) {
        Some(gone) => gone,
        None => {
            let modified = fs::symlink_metadata(path).and_then(|found| found.modified());
            modified.is_ok_and(|modified| now.duration_since(modified).is_ok_and(|age| age > ABANDONED))
        }
    }
}

/// Which segments nobody appends to any more.
pub(super) fn at_rest(folder: &Path, process: &Process, now: SystemTime) -> BTreeSet<OsString> {
    let is_at_rest = |name: &OsString| {
        let text = name.to_string_lossy();
        let owner = text.parse::<Process>().ok();
        text.starts_with(CLOSED) || is_abandoned(process, owner.as_ref(), &folder.join(name), now)
    };
    segments(folder).into_iter().filter(is_at_rest).collect()
}

/// Whether it is time to compact.
pub(super) fn is_due(at_rest: usize, wasted: usize, entries: usize) -> bool {
    at_rest >= MANY || (at_rest > 0 && wasted > 100.max(entries / 4))
}

/// Writes one segment of all entries, and takes away those of `consumed`, all of whose entries are among them.
/// A process that is killed in between leaves both, which say the same.
pub(super) fn compact<'a>(
    folder: &Path,
    process: &Process,
    entries: impl Iterator<Item = &'a Entry>,
    consumed: &BTreeSet<OsString>,
) -> io::Result<OsString> {
    let unique = process.unique();
    let (aside, name) = (folder.join(format!(".{unique}")), format!("{CLOSED}{unique}{SEGMENT}"));
    let write = || {
        let mut text = String::new();
        for entry in entries {
            text.push_str(&line(entry)?);
        }
        disk::create(&aside, text.as_bytes())?.sync_all()?;
        fs::rename(&aside, folder.join(&name))?;
        disk::sync_folder(folder)
    };
    write().inspect_err(|_| {
        let _ = fs::remove_file(&aside);
    })?;
    for segment in consumed {
        match fs::remove_file(folder.join(segment)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(name.into())
}
