//! The store: a folder of records that loses nothing, shared by any number of processes on any number of machines.
//!
//! ```text
//! DIR/runs/ID/        a record: its files, and files.sha256, which vouches for them
//! DIR/index/          what is known of every run without looking (see `index`)
//! DIR/claims/         who works on what
//! DIR/checkpoints/    where to go on
//! DIR/damaged/        what was found damaged, and reasons.txt
//! ```
//!
//! A record is written aside, `runs/.ID.PROCESS`, brought to the disk, and renamed into its place whole. Of two records of the
//! same run the first stays: the same id means the same result. There is no server and no lock: what is relied upon is that
//! a file that must not be there is created by one process only, and that renaming is one step, as it is on network
//! file systems. `runs/` is one flat folder: with 100,000 records a file in it is found as fast as among 256 folders.

mod checkpoint;
mod claim;
mod damage;
mod disk;
mod hash;
mod index;
mod key;
mod process;
mod sealed;
mod verify;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, anyhow};

pub use checkpoint::Checkpoint;
pub use claim::{Claim, Patience};
pub use damage::Damage;
pub use hash::Hash;
pub use index::Entry;
pub use key::Key;
pub use sealed::Sealed;
pub use verify::Verification;

use crate::record::{Leaves, Record, RunId, Status};
use claim::Sighting;
use damage::set_aside;
use disk::Identity;
use index::Segment;
use process::Process;
use sealed::{LISTING, RECORD, Unsound, discard};

/// What another machine's process left unfinished counts as given up after this time: writing a record takes a second.
const ABANDONED: Duration = Duration::from_secs(3600);

/// How often something is tried that other processes get in the way of.
const ATTEMPTS: usize = 10;

/// Records that are written together, each of some open files.
const TOGETHER: usize = 16;

/// A folder of records. Clones are of the same store.
#[derive(Clone, Debug)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    process: Process,
    writable: bool,
    patience: Mutex<Patience>,
    known: Mutex<Known>,
    sightings: Mutex<HashMap<Key, Sighting>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        let known = self.known.get_mut().unwrap_or_else(PoisonError::into_inner);
        known.segment.take().into_iter().for_each(Segment::close);
    }
}

/// What is known of the store without looking.
#[derive(Debug, Default)]
struct Known {
    entries: HashMap<RunId, Entry>,
    /// How far each segment of the index was read.
    read: HashMap<OsString, u64>,
    /// Lines of the index that are damaged, or say nothing.
    wasted: usize,
    segment: Option<Segment>,
    damage: Vec<Damage>,
}

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
    /// Opens the folder, making it where it is not there. What killed writers left is finished or set aside, and records that
    /// the index does not vouch for are hashed; [`Store::take_damage`] tells what was found damaged.
    ///
    /// # Errors
    /// A folder that cannot be made, read, or written to; records of another version of this program.
    pub fn open(root: &Path) -> Result<Store> {
        Store::open_watched(root, &|_, _| {})
    }

    /// As [`Store::open`]; `watch` is told how many records are hashed, and of how many, by any thread.
    ///
    /// # Errors
    /// Those of [`Store::open`].
    pub fn open_watched(root: &Path, watch: &(dyn Fn(usize, usize) + Sync)) -> Result<Store> {
        let store = Store::at(root, true);
        for folder in [store.runs(), store.index()] {
            fs::create_dir_all(&folder).map_err(|error| disk::error(root, "made", error))?;
        }
        let now = store.probe().map_err(|error| disk::error(root, "written to", error))?;
        let unfinished = store.look(watch)?;
        for (path, id, owner) in unfinished {
            if index::is_abandoned(&store.0.process, owner.as_ref(), &path, now) {
                store.recover(&path, &id)?;
            }
        }
        store.sweep_claims();
        store.sweep_asides(now);
        store.compact(now, false);
        Ok(store)
    }

    /// Opens a folder that somebody else writes to, or that must not be changed. What is damaged is reported and not moved.
    ///
    /// # Errors
    /// A folder that is not there, cannot be read, or holds records of another version of this program.
    pub fn read(root: &Path) -> Result<Store> {
        let store = Store::at(root, false);
        if !store.runs().is_dir() {
            return Err(disk::no_folder(root));
        }
        store.look(&|_, _| {})?;
        Ok(store)
    }

    fn at(root: &Path, writable: bool) -> Store {
        Store(Arc::new(Inner {
            root: root.to_owned(),
            process: Process::this(),
            writable,
            patience: Mutex::default(),
            known: Mutex::default(),
            sightings: Mutex::default(),
        }))
    }

    /// Other times for claims than [`Patience::default`].
    pub fn set_patience(&self, patience: Patience) {
        *self.0.patience.lock().unwrap_or_else(PoisonError::into_inner) = patience;
    }

    /// The folder of the store.
    pub fn root(&self) -> &Path {
        &self.0.root
    }

    /// The folder of one run.
    pub fn folder(&self, id: &RunId) -> PathBuf {
        self.runs().join(id.to_string())
    }

    /// A run's picture.
    pub fn picture(&self, id: &RunId) -> PathBuf {
        self.folder(id).join(sealed::PICTURE)
    }

    /// The record of a run that is done, if it is there and whole.
    pub fn done(&self, id: &RunId) -> Option<Record> {
        self.record(id).filter(|record| record.status == Status::Done)
    }

    /// The record of a run, done or failed, if it is there and whole. Looks into the run's folder: what other processes have
    /// written meanwhile is found. A damaged one is set aside.
    pub fn record(&self, id: &RunId) -> Option<Record> {
        let folder = self.folder(id);
        let seal = self.known().entries.get(id).map(|entry| entry.seal);
        let quick = seal.map(|seal| sealed::read_record(&folder, id, seal));
        if let Some(Ok(record)) = quick {
            return Some(record);
        }
        // It is absent, new, replaced by another process, or damaged.
        match sealed::check(&folder, id) {
            Ok(sound) => {
                let entry = Entry::of(&sound.record, sound.seal);
                self.remember(vec![entry]);
                Some(sound.record)
            }
            Err(unsound) => {
                self.forget(id, unsound);
                None
            }
        }
    }

    /// What the index knows of a run, as of when the store was opened, [refreshed](Store::refresh) or written to: no file is
    /// read.
    pub fn entry(&self, id: &RunId) -> Option<Entry> {
        self.known().entries.get(id).cloned()
    }

    /// What the index knows of all runs, in the order of their ids.
    pub fn entries(&self) -> Vec<Entry> {
        let mut entries: Vec<Entry> = self.known().entries.values().cloned().collect();
        entries.sort_unstable_by(|a, b| a.run_id.cmp(&b.run_id));
        entries
    }

    /// The ids of all runs, in their order.
    pub fn ids(&self) -> Vec<RunId> {
        let mut ids: Vec<RunId> = self.known().entries.keys().cloned().collect();
        ids.sort_unstable();
        ids
    }

    /// All records, read one by one in the order of their ids. [`Store::entries`] has their figures at once.
    pub fn records(&self) -> impl Iterator<Item = Record> + '_ {
        self.ids().into_iter().filter_map(|id| self.record(&id))
    }

    /// Takes notice of what other processes have written since.
    pub fn refresh(&self) {
        self.read_index();
    }

    /// What was found damaged since this was last asked.
    pub fn take_damage(&self) -> Vec<Damage> {
        std::mem::take(&mut self.known().damage)
    }

    /// Puts a record in its place; see [`Store::write_all`].
    ///
    /// # Errors
    /// Those of [`Store::write_all`] and [`Leaves::seal`].
    pub fn write(&self, leaves: &Leaves) -> Result<()> {
        self.write_all(&[leaves.seal()?])
    }

    /// Puts records in their places; they are whole and on the disk when this returns. Many together take little longer than
    /// one. Where a record of the same run is there, the first stays if it is whole and done; a failed one makes way.
    ///
    /// # Errors
    /// What the file system refuses, a full disk above all: the records that could be written are, and nothing is left
    /// of the others.
    pub fn write_all(&self, records: &[Sealed]) -> Result<()> {
        records.chunks(TOGETHER).map(|some| self.write_some(some)).fold(Ok(()), Result::and)
    }

    /// As [`Store::write_all`], by a thread: waiting for the disk costs the caller no time.
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
        let mut written: Vec<(&Sealed, PathBuf, usize)> = vec![];
        let mut files = vec![];
        for record in records {
            let aside = self.aside(&record.entry.run_id);
            match write_aside(&aside, record) {
                Ok(opened) => {
                    files.extend(opened);
                    written.push((record, aside, files.len()));
                }
                Err(error) => {
                    discard(&aside);
                    failed(record, error);
                }
            }
        }
        let mut synced = disk::sync_all(&files).into_iter();
        drop(files);
        let mut start = 0;
        let mut placed = vec![];
        for (record, aside, end) in written {
            let of_record: io::Result<()> = synced.by_ref().take(end - start).collect::<Vec<_>>().into_iter().collect();
            start = end;
            match of_record.and_then(|()| File::open(&aside)) {
                Ok(folder) => placed.push((record, aside, folder)),
                // Another process took it for abandoned: it is written anew below.
                Err(error) if error.kind() == ErrorKind::NotFound => match self.write_alone(record) {
                    Ok((aside, folder)) => placed.push((record, aside, folder)),
                    Err(error) => failed(record, error),
                },
                Err(error) => {
                    discard(&aside);
                    failed(record, error);
                }
            }
        }
        let folders: Vec<&File> = placed.iter().map(|(_, _, folder)| folder).collect();
        let synced = disk::in_parallel(&folders, TOGETHER, |folder| folder.sync_all());
        let mut entries = vec![];
        let mut errors = vec![];
        for ((record, aside, _), synced) in placed.iter().zip(synced) {
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
    fn place(&self, aside: &Path, entry: &Entry, again: Option<&Sealed>) -> Result<Entry> {
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
                    return Ok(Entry::of(&there.record, there.seal));
                }
                Ok(_) => {
                    let Some(out) = self.swap(&aside, &place, id)? else { continue };
                    // Failed records make way; a done one that was put there at this moment goes back.
                    let is_done = |sound: &sealed::Sound| sound.record.status == Status::Done;
                    match sealed::check(&out, id).ok().filter(|out| entry.status == Status::Failed && is_done(out)) {
                        Some(done) => {
                            let failed = self.swap(&out, &place, id)?;
                            failed.iter().for_each(|failed| discard(failed));
                            return Ok(Entry::of(&done.record, done.seal));
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
        Err(anyhow!("{}: cannot be written: other processes change it again and again", place.display()))
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
            self.remember(vec![Entry::of(record, seal)]);
            return Ok(());
        }
        Err(anyhow!("{}: cannot be replaced: other processes change it again and again", place.display()))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sightings(&self) -> MutexGuard<'_, HashMap<Key, Sighting>> {
        self.0.sightings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn patience(&self) -> Patience {
        *self.0.patience.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn process(&self) -> Process {
        self.0.process.clone()
    }

    fn unique(&self) -> String {
        self.0.process.unique()
    }

    fn runs(&self) -> PathBuf {
        self.root().join("runs")
    }

    fn index(&self) -> PathBuf {
        self.root().join("index")
    }

    /// A place beside a record's.
    fn aside(&self, id: &RunId) -> PathBuf {
        self.runs().join(format!(".{id}.{}", self.unique()))
    }

    fn note(&self, damage: Option<Damage>) {
        self.known().damage.extend(damage);
    }

    /// Writes a file and takes it away: whether one may, and what time it is for the file system.
    fn probe(&self) -> io::Result<SystemTime> {
        let path = self.index().join(format!(".{}", self.unique()));
        let made = disk::create(&path, b"").and_then(|file| file.metadata()?.modified());
        let removed = fs::remove_file(&path);
        made.and_then(|now| removed.map(|()| now))
    }

    /// Takes entries into memory and, as far as they are new, into this process's segment of the index.
    fn remember(&self, entries: Vec<Entry>) {
        let mut known = self.known();
        let is_new = |entry: &Entry| known.entries.get(&entry.run_id).is_none_or(|known| known.seal != entry.seal);
        let new: Vec<Entry> = entries.into_iter().filter(is_new).collect();
        if new.is_empty() {
            return;
        }
        if self.0.writable {
            // An index that cannot be written costs time and no record: the next process hashes what it does not vouch for.
            let _ = Segment::append(&mut known.segment, &self.index(), &self.0.process, &new);
            if let Some(segment) = &known.segment {
                // What this process has written itself need not be read.
                let (name, end) = (segment.name(), segment.end());
                known.read.insert(name, end);
            }
        }
        known.entries.extend(new.into_iter().map(|entry| (entry.run_id.clone(), entry)));
    }

    /// What is not there or not whole is not known.
    fn forget(&self, id: &RunId, unsound: Unsound) {
        let damage = match unsound {
            Unsound::Absent => None,
            Unsound::Damaged { reason, identity } => self.set_aside(&self.folder(id), identity, reason),
            Unsound::Unreadable(error) => {
                let path = Path::new("runs").join(id.to_string());
                Some(Damage { path, reason: format!("{error:#}"), moved_to: None })
            }
        };
        let mut known = self.known();
        known.damage.extend(damage);
        known.entries.remove(id);
    }

    fn set_aside(&self, path: &Path, identity: Identity, reason: String) -> Option<Damage> {
        match self.0.writable {
            true => set_aside(self.root(), path, identity, reason),
            false => {
                let path = path.strip_prefix(self.root()).unwrap_or(path).to_owned();
                Some(Damage { path, reason, moved_to: None })
            }
        }
    }

    /// Finds out what there is: believes the index where the run's folder is there, and hashes the others. Returns what lies
    /// aside.
    fn look(&self, watch: &(dyn Fn(usize, usize) + Sync)) -> Result<Vec<(PathBuf, RunId, Option<Process>)>> {
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
                Ok(sound) => entries.push(Entry::of(&sound.record, sound.seal)),
                Err(Unsound::Unreadable(error)) if self.0.writable => return Err(error),
                Err(unsound) => self.forget(&id, unsound),
            }
        }
        self.remember(entries);
        Ok(unfinished)
    }

    /// Hashes these records.
    fn check_all(
        &self,
        ids: &[RunId],
        watch: &(dyn Fn(usize, usize) + Sync),
    ) -> Vec<(RunId, Result<sealed::Sound, Unsound>)> {
        let count = std::sync::atomic::AtomicUsize::new(0);
        // Some more than processors: while one waits for the disk another hashes.
        disk::in_parallel(ids, disk::processors() * 2, |id| {
            let found = sealed::check(&self.folder(id), id);
            watch(1 + count.fetch_add(1, std::sync::atomic::Ordering::Relaxed), ids.len());
            (id.clone(), found)
        })
    }

    /// The runs that have a folder, and what lies aside.
    fn list(&self) -> Result<(BTreeSet<RunId>, Vec<(PathBuf, RunId, Option<Process>)>)> {
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
                unfinished.push((found.path(), id, owner.parse().ok()));
            }
        }
        Ok((there, unfinished))
    }

    /// Reads what has been added to the index.
    fn read_index(&self) {
        let mut known = self.known();
        let mut contested: BTreeMap<RunId, Vec<Entry>> = BTreeMap::new();
        let mut segments = index::segments(&self.index());
        let mut relisted = 0;
        while let Some(name) = segments.pop() {
            let from = known.read.get(&name).copied().unwrap_or_default();
            let lines = match index::read(&self.index().join(&name), from) {
                Ok(lines) => lines,
                // It was closed or compacted just now: its lines are under another name.
                Err(error) if error.kind() == ErrorKind::NotFound && relisted < ATTEMPTS => {
                    segments = index::segments(&self.index());
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

    /// Finishes what a writer that is gone left aside: a whole record goes to its place, another one to the damaged.
    fn recover(&self, aside: &Path, id: &RunId) -> Result<()> {
        match sealed::check(aside, id) {
            Ok(sound) => {
                let entry = Entry::of(&sound.record, sound.seal);
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
    fn sweep_asides(&self, now: SystemTime) {
        for folder in [self.checkpoints(), self.claims(), self.index()] {
            for found in fs::read_dir(folder).into_iter().flatten().flatten() {
                let name = found.file_name();
                let Some(name) = name.to_str().and_then(|name| name.strip_prefix('.')) else { continue };
                // KEY.PROCESS.N; keys may have dots themselves.
                let parts: Vec<&str> = name.split('.').collect();
                let owner = parts.len().checked_sub(5).and_then(|start| parts[start..].join(".").parse().ok());
                if owner.is_some() && index::is_abandoned(&self.0.process, owner.as_ref(), &found.path(), now) {
                    let _ = fs::remove_file(found.path());
                }
            }
        }
    }

    /// Makes one segment of many, where it is time or `always`. Where it cannot be done, such as on a full disk, the index
    /// stays as it is.
    fn compact(&self, now: SystemTime, always: bool) {
        let known = self.known();
        // What is among the entries is what was read.
        let at_rest = index::at_rest(&self.index(), &self.0.process, now);
        let consumed: BTreeSet<OsString> = at_rest.into_iter().filter(|name| known.read.contains_key(name)).collect();
        let due = index::is_due(consumed.len(), known.wasted, known.entries.len());
        drop(known);
        if !due && !(always && !consumed.is_empty()) {
            return;
        }
        // Processes that open a store at the same time need not all do it.
        let Ok(key) = "index".parse::<Key>() else { return };
        let Ok(Some(_claim)) = self.claim(&key) else { return };
        let mut known = self.known();
        if let Ok(name) = index::compact(&self.index(), &self.0.process, known.entries.values(), &consumed) {
            let length = fs::metadata(self.index().join(&name)).map_or(0, |found| found.len());
            known.read.insert(name, length);
            known.wasted = 0;
        }
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
    let listed = sealed::parse_listing(&listed).map_err(|reason| anyhow!("{}: {reason}", place.display()))?;
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
