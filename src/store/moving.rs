//! Records that leave a store for good, and records that come from another one.

use std::fs;

use super::disk;
use super::folder::Store;
use super::record::RunId;
use super::sealed::{self, LISTING, Unsound, discard};
use crate::error::Result;

impl Store {
    /// Takes records away, for good, and writes the index anew; `watch` is told how many are gone. One that is not there counts as gone.
    ///
    /// # Errors
    /// A record that cannot be moved or removed; those before it are gone.
    pub fn remove(&self, ids: &[RunId], watch: &dyn Fn(usize)) -> Result<()> {
        for (number, id) in ids.iter().enumerate() {
            let (place, aside) = (self.folder(id), self.aside(id));
            match fs::rename(&place, &aside) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(disk::error(&place, "removed", error)),
                // The listing goes first: without it nobody takes the rest for a record that was being written.
                Ok(()) => {
                    let _ = fs::remove_file(aside.join(LISTING));
                    fs::remove_dir_all(&aside).map_err(|error| disk::error(&aside, "removed", error))?;
                }
            }
            self.known().entries.remove(id);
            watch(number + 1);
        }
        let now = self.probe().map_err(|error| disk::error(self.root(), "written to", error))?;
        self.compact(now, true);
        Ok(())
    }

    /// Copies a record of another store, hashed on its way; tells whether it came in. One that is damaged there stays there, and that store tells of it.
    ///
    /// # Errors
    /// What cannot be read or written.
    pub fn take(&self, from: &Store, id: &RunId) -> Result<bool> {
        let (source, aside) = (from.folder(id), self.aside(id));
        let copy = || -> std::io::Result<()> {
            fs::create_dir(&aside)?;
            let mut files = vec![];
            for found in fs::read_dir(&source)? {
                let found = found?;
                // Anything else than files is none of a record's.
                if found.file_type()?.is_file() {
                    files.push(disk::create(&aside.join(found.file_name()), &fs::read(found.path())?)?);
                }
            }
            files.push(fs::File::open(&aside)?);
            disk::sync_all(&files).into_iter().collect()
        };
        copy().map_err(|error| disk::error(&source, "copied", error)).inspect_err(|_| discard(&aside))?;
        match sealed::check(&aside, id) {
            Ok(sound) => {
                let entry = self.place(&aside, &sound.entry(), None).inspect_err(|_| discard(&aside))?;
                self.remember(vec![entry]);
                Ok(true)
            }
            Err(Unsound::Unreadable(error)) => {
                discard(&aside);
                Err(error)
            }
            Err(Unsound::Absent | Unsound::Damaged { .. }) => {
                discard(&aside);
                if let Err(unsound) = sealed::check(&source, id) {
                    from.forget(id, unsound);
                }
                Ok(false)
            }
        }
    }
}
