//! A store as a value: the folder, what is known of its records without looking, and how records are found in it.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::claim::{Patience, Sighting};
use super::damage::{Damage, set_aside};
use super::disk::{self, Identity};
use super::entry::Entry;
use super::key::Key;
use super::process::{Process, is_abandoned};
use super::record::{Record, RunId, Status};
use super::sealed::{self, Unsound};
use super::segment::Segment;
use crate::error::Result;

/// Records that are read together.
const GROUP: usize = 512;

/// A folder of records. Clones are of the same store.
#[derive(Clone, Debug)]
pub struct Store(pub(super) Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    root: PathBuf,
    pub(super) process: Process,
    pub(super) writable: bool,
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
pub(super) struct Known {
    pub(super) entries: HashMap<RunId, Entry>,
    /// How far each segment of the index was read.
    pub(super) read: HashMap<OsString, u64>,
    /// Lines of the index that are damaged, or say nothing.
    pub(super) wasted: usize,
    segment: Option<Segment>,
    damage: Vec<Damage>,
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
        for aside in unfinished {
            if is_abandoned(&store.0.process, aside.owner.as_ref(), &aside.path, now) {
                store.recover(&aside)?;
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

    /// The folder of one run, `DIR/runs/ID`, whether it is there or not.
    pub fn folder(&self, id: &RunId) -> PathBuf {
        self.runs().join(id.to_string())
    }

    /// The file of a run's picture, `DIR/runs/ID/image.png`, whether it is there or not.
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
                let entry = sound.entry();
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

    /// What the index knows of all runs, in the order of their ids: no file is read.
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

    /// All records, in the order of their ids, read some hundred at a time by several threads. [`Store::entry`] has a record's
    /// figures at once.
    pub fn records(&self) -> impl Iterator<Item = Record> + '_ {
        let groups: Vec<Vec<RunId>> = self.ids().chunks(GROUP).map(<[RunId]>::to_vec).collect();
        let read = |group: Vec<RunId>| disk::in_parallel(&group, disk::processors(), |id| self.record(id));
        groups.into_iter().flat_map(read).flatten()
    }

    /// Takes notice of what other processes have written since.
    pub fn refresh(&self) {
        self.read_index();
    }

    /// What was found damaged since this was last asked.
    pub fn take_damage(&self) -> Vec<Damage> {
        std::mem::take(&mut self.known().damage)
    }

    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn sightings(&self) -> MutexGuard<'_, HashMap<Key, Sighting>> {
        self.0.sightings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn patience(&self) -> Patience {
        *self.0.patience.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn process(&self) -> Process {
        self.0.process.clone()
    }

    pub(super) fn unique(&self) -> String {
        self.0.process.unique()
    }

    pub(super) fn runs(&self) -> PathBuf {
        self.root().join("runs")
    }

    pub(super) fn index(&self) -> PathBuf {
        self.root().join("index")
    }

    /// A place to write a file aside that is to come into the store's folder, or into one in it. It is swept away once its writer is
    /// gone.
    pub(crate) fn aside_of(&self, file: &Path) -> PathBuf {
        let name = file.file_name().unwrap_or_default().display();
        self.index().join(format!(".{name}.{}", self.unique()))
    }

    /// A place beside a record's.
    pub(super) fn aside(&self, id: &RunId) -> PathBuf {
        self.runs().join(format!(".{id}.{}", self.unique()))
    }

    pub(super) fn note(&self, damage: Option<Damage>) {
        self.known().damage.extend(damage);
    }

    /// Writes a file and takes it away: whether one may, and what time it is for the file system.
    pub(super) fn probe(&self) -> io::Result<SystemTime> {
        let path = self.index().join(format!(".{}", self.unique()));
        let made = disk::create(&path, b"").and_then(|file| file.metadata()?.modified());
        let removed = fs::remove_file(&path);
        made.and_then(|now| removed.map(|()| now))
    }

    /// Takes entries into memory and, as far as they are new, into this process's segment of the index.
    pub(super) fn remember(&self, entries: Vec<Entry>) {
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
    pub(super) fn forget(&self, id: &RunId, unsound: Unsound) {
        let damage = match unsound {
            Unsound::Absent => None,
            Unsound::Damaged { reason, identity } => self.set_aside(&self.folder(id), identity, reason),
            Unsound::Unreadable(error) => {
                let path = Path::new("runs").join(id.to_string());
                Some(Damage { path, reason: format!("{error}"), moved_to: None })
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
}
