//! The files of the index.
//!
//! `DIR/index/` holds segments. A process appends to a segment of its own, a line a record, and never to another's. A line
//! is 16 digits of the sha256 of its text, a space, and the text, an [`Entry`] in JSON; a line whose digits do not agree (the
//! torn last one of a process that was killed, say) is as good as none. A process that is done with its segment renames it to
//! `closed.…`; many closed ones are compacted into one.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::disk;
use super::entry::Entry;
use super::hash::Hash;
use super::process::{Process, is_abandoned};

/// Goes into the digits of each line. Another set of fields takes another version, and is then hashed anew.
const VERSION: &str = "metapicture index 2\n";
/// How a segment's name ends.
const SEGMENT: &str = ".jsonl";
/// How the name of a segment begins to which nobody appends any more.
const CLOSED: &str = "closed.";
/// So many segments that nobody appends to are compacted.
const MANY: usize = 8;

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
