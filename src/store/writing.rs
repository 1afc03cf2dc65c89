//! Writing: how a record comes into its place whole, and makes way for another one.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use super::damage::set_aside;
use super::disk::{self, ATTEMPTS};
use super::entry::{Beside, Entry};
use super::folder::Store;
use super::hash::Hash;
use super::record::{Record, RunId, Status};
use super::sealed::{self, LISTING, RECORD, Sealed, Unsound, discard};
use crate::error::{Context, Error, Result};

/// Records that are written together, each of some open files.
const TOGETHER: usize = 16;

/// Records that are being written by a thread; see [`Store::begin`].
#[must_use = "whether the records are written is known when `finish` returns"]
pub struct Writing {
    thread: Option<JoinHandle<Result<()>>>,
    /// Where there was no thread to be had.
    result: Option<Result<()>>,
}

impl Writing {
    /// Waits until all are in their places and on the disk.
    ///
    /// # Errors
    /// Those of [`Store::write_all`].
    pub fn finish(mut self) -> Result<()> {
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            None => self.result.take().unwrap_or(Ok(())),
        }
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        // Whoever leaves for another error still waits for what is finished.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl Store {
    /// Puts records in their places; they are whole and on the disk when this returns. Many together take little longer than
    /// one. Where a record of the same run is there, the first stays if it is whole and done; a failed one makes way.
    ///
    /// # Errors
    /// What the file system refuses, a full disk above all: the records that could be written are, and nothing is left
    /// of the others.
    pub fn write_all(&self, records: &[Sealed]) -> Result<()> {
        records.chunks(TOGETHER).map(|some| self.write_some(some)).fold(Ok(()), Result::and)
    }

    /// As [`Store::write_all`], by a thread: waiting for the disk costs the caller no time. The records are in their places once
    /// [`Writing::finish`] has returned.
    pub fn begin(&self, records: Vec<Sealed>) -> Writing {
        let (store, records) = (self.clone(), Arc::new(records));
        let shared = Arc::clone(&records);
        let writer = thread::Builder::new().name("store".to_owned()).spawn(move || store.write_all(&shared));
        match writer {
            Ok(thread) => Writing { thread: Some(thread), result: None },
            Err(_) => Writing { thread: None, result: Some(self.write_all(&records)) },
        }
    }

    fn write_some(&self, records: &[Sealed]) -> Result<()> {
        let mut result = Ok(());
        let mut failed = |record: &Sealed, error: io::Error| {
            let error = disk::error(&self.folder(&record.entry.run_id), "written", error);
            if result.is_ok() {
                result = Err(error);
            }
        };
        // All files are written, then all are waited for, then all folders: the disk works once, not once a file.
        let (mut files, mut written) = (vec![], vec![]);
        for record in records {
            let aside = self.aside(&record.entry.run_id);
            let opened = write_aside(&aside, record);
            let count = opened.as_ref().map_or(0, Vec::len);
            written.push((record, aside, count, opened.map(|opened| files.extend(opened))));
        }
        let mut synced = disk::sync_all(&files).into_iter();
        drop(files);
        let mut whole = vec![];
        for (record, aside, count, result) in written {
            let synced: io::Result<()> = synced.by_ref().take(count).collect::<Vec<_>>().into_iter().collect();
            let result = match result.and(synced).and_then(|()| File::open(&aside)) {
                // Another process took it for abandoned.
                Err(error) if error.kind() == ErrorKind::NotFound => self.write_alone(record),
                Err(error) => {
                    discard(&aside);
                    Err(error)
                }
                Ok(folder) => Ok((aside, folder)),
            };
            match result {
                Ok((aside, folder)) => whole.push((record, aside, folder)),
                Err(error) => failed(record, error),
            }
        }
        let folders: Vec<&File> = whole.iter().map(|(_, _, folder)| folder).collect();
        let synced = disk::in_parallel(&folders, TOGETHER, |folder| folder.sync_all());
        let mut entries = vec![];
        let mut errors = vec![];
        for ((record, aside, _), synced) in whole.iter().zip(synced) {
            let placed = synced.map_err(|error| disk::error(aside, "written", error));
            match placed.and_then(|()| self.place(aside, &record.entry, Some(record))) {
                Ok(entry) => entries.push(entry),
                Err(error) => {
                    discard(aside);
                    errors.push(error);
                }
            }
        }
        let durable = disk::sync_folder(&self.runs()).map_err(|error| disk::error(&self.runs(), "written", error));
        self.remember(entries);
        errors.into_iter().fold(result, |result, error| result.and(Err(error))).and(durable)
    }

    /// Writes one record aside, to the disk.
    fn write_alone(&self, record: &Sealed) -> io::Result<(PathBuf, File)> {
        let aside = self.aside(&record.entry.run_id);
        let write = || {
            disk::sync_all(&write_aside(&aside, record)?).into_iter().collect::<io::Result<()>>()?;
            let folder = File::open(&aside)?;
            folder.sync_all()?;
            Ok(folder)
        };
        write().map(|folder| (aside.clone(), folder)).inspect_err(|_: &io::Error| discard(&aside))
    }

    /// Renames a whole record at `aside` into its place. What is there and whole stays, unless it failed; what is damaged is
    /// set aside. Returns the entry of the record that is there now. `again` is the record's bytes, where this process has
    /// them, for the case that another one takes `aside` away.
    pub(super) fn place(&self, aside: &Path, entry: &Entry, again: Option<&Sealed>) -> Result<Entry> {
        let (id, mut aside) = (&entry.run_id, aside.to_owned());
        let place = self.folder(id);
        let cannot = |error| disk::error(&place, "written", error);
        for _ in 0..ATTEMPTS {
            match fs::rename(&aside, &place) {
                Ok(()) => return Ok(entry.clone()),
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    let Some(record) = again else { return Err(cannot(error)) };
                    aside = self.write_alone(record).map_err(cannot)?.0;
                    continue;
                }
                Err(error) if disk::is_taken(&error) => {}
                Err(error) => return Err(cannot(error)),
            }
            match sealed::check(&place, id) {
                Ok(there) if there.record.status == Status::Done => {
                    discard(&aside);
                    return Ok(there.entry());
                }
                Ok(_) => {
                    let Some(out) = self.swap(&aside, &place, id)? else { continue };
                    // Failed records make way; a done one that was put there at this moment goes back.
                    let is_done = |sound: &sealed::Sound| sound.record.status == Status::Done;
                    match sealed::check(&out, id).ok().filter(|out| entry.status == Status::Failed && is_done(out)) {
                        Some(done) => {
                            let failed = self.swap(&out, &place, id)?;
                            failed.iter().for_each(|failed| discard(failed));
                            return Ok(done.entry());
                        }
                        None => discard(&out),
                    }
                    return Ok(entry.clone());
                }
                Err(Unsound::Absent) => {}
                Err(Unsound::Unreadable(error)) => return Err(error),
                Err(Unsound::Damaged { reason, identity }) => {
                    // A file in the place of the folder cannot change places with it everywhere.
                    if !place.is_dir() {
                        self.note(set_aside(self.root(), &place, identity, reason));
                        continue;
                    }
                    let Some(out) = self.swap(&aside, &place, id)? else { continue };
                    match sealed::check(&out, id) {
                        Ok(_) => discard(&out),
                        Err(_) => {
                            self.note(set_aside(self.root(), &out, disk::identity(&out).map_err(cannot)?, reason))
                        }
                    }
                    return Ok(entry.clone());
                }
            }
        }
        Err(Error::storage(format!(
            "{}: cannot be written: other processes change it again and again",
            place.display()
        )))
    }

    /// Exchanges the folder at `aside` with that at `place`, and returns where the latter lies now; none where there is
    /// nothing to exchange with.
    fn swap(&self, aside: &Path, place: &Path, id: &RunId) -> Result<Option<PathBuf>> {
        let spare = self.aside(id);
        match disk::exchange(aside, place, &spare) {
            Ok(moved) => Ok(Some(if moved { spare } else { aside.to_owned() })),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(disk::error(place, "written", error)),
        }
    }

    /// Writes `record.json` of a run that is there anew; its other files stay. There is no moment at which the run is not
    /// there whole.
    ///
    /// # Errors
    /// A run that is not there, or damaged; what the file system refuses: the old record stays.
    pub fn replace_record(&self, record: &Record) -> Result<()> {
        let (id, place) = (&record.run_id, self.folder(&record.run_id));
        let bytes =
            sealed::record_json(record).with_context(|| format!("{}: the record cannot be made", place.display()))?;
        for _ in 0..ATTEMPTS {
            let before = disk::identity(&place).map_err(|error| disk::error(&place, "replaced", error))?;
            let aside = self.aside(id);
            let written = write_replacement(&aside, &place, &bytes).inspect_err(|_| discard(&aside));
            if disk::identity(&place).is_ok_and(|now| now != before) {
                // Another process has replaced it meanwhile, and files of both may have been taken.
                discard(&aside);
                continue;
            }
            let seal = written?;
            match self.swap(&aside, &place, id) {
                Ok(Some(out)) => discard(&out),
                Ok(None) => {
                    discard(&aside);
                    continue;
                }
                Err(error) => {
                    discard(&aside);
                    return Err(error);
                }
            }
            disk::sync_folder(&self.runs()).map_err(|error| disk::error(&place, "written", error))?;
            // What is there now: another process may have replaced it once more.
            match sealed::check(&place, id) {
                Ok(sound) => self.remember(vec![sound.entry()]),
                Err(_) => self.remember(vec![Entry::of(record, Beside { seal, bytes: 0, seconds: None })]),
            }
            return Ok(());
        }
        Err(Error::storage(format!(
            "{}: cannot be replaced: other processes change it again and again",
            place.display()
        )))
    }
}

/// Writes the files of a record into a new folder.
fn write_aside(aside: &Path, record: &Sealed) -> io::Result<Vec<File>> {
    fs::create_dir(aside)?;
    record.files.iter().map(|(name, bytes)| disk::create(&aside.join(name), bytes)).collect()
}

/// Makes a record of another `record.json` and the other files of the record at `place`; returns its seal.
fn write_replacement(aside: &Path, place: &Path, record: &[u8]) -> Result<Hash> {
    let listed = fs::read(place.join(LISTING)).map_err(|error| disk::error(place, "replaced", error))?;
    let listed =
        sealed::parse_listing(&listed).map_err(|reason| Error::storage(format!("{}: {reason}", place.display())))?;
    let write = || {
        fs::create_dir(aside)?;
        let mut files = vec![];
        for (name, _) in listed.iter().filter(|(name, _)| name != RECORD) {
            // The same file under a second name, where the file system has such.
            if fs::hard_link(place.join(name), aside.join(name)).is_err() {
                files.push(disk::create(&aside.join(name), &fs::read(place.join(name))?)?);
            }
        }
        let hash = |(name, hash): &(String, Hash)| if name == RECORD { Hash::of(record) } else { *hash };
        let listing = sealed::listing(listed.iter().map(|file| (file.0.as_str(), hash(file))));
        files.push(disk::create(&aside.join(RECORD), record)?);
        files.push(disk::create(&aside.join(LISTING), &listing)?);
        files.push(File::open(aside)?);
        disk::sync_all(&files).into_iter().collect::<io::Result<()>>()?;
        Ok(Hash::of(&listing))
    };
    write().map_err(|error| disk::error(place, "replaced", error))
}
