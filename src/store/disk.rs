//! Files that are on the disk when a function returns, folders that change places, and errors that say what to do.
//!
//! What is relied upon is what network file systems keep, too: creating a file that must not be there, and renaming.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::num::NonZero;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rustix::fs::RenameFlags;

use crate::error::{Error, request};

/// How many waits for the disk are under way together. A journal writes all that wait for it in one go, so that 48 files
/// take little longer than one.
const SYNCS: usize = 24;

/// How often something is tried that other processes get in the way of.
pub(super) const ATTEMPTS: usize = 10;

/// Writes a file that was not there. It is not yet on the disk: [`sync_all`] waits for it.
pub(super) fn create(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    Ok(file)
}

/// Waits until all these files (or folders) are on the disk.
pub(super) fn sync_all(files: &[File]) -> Vec<io::Result<()>> {
    in_parallel(files, SYNCS, File::sync_all)
}

/// Waits until the names in a folder are on the disk.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// What tells a file or folder from another one that takes its place. The number of a folder
/// that was removed may soon be that of a new one, the time at which names were last added to it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity([i64; 4]);

impl Identity {
    /// Whether this is one file or folder, before and after it was moved: some file systems take that for a change of it.
    pub fn is_of_the_same(&self, other: &Identity) -> bool {
        self.0[..2] == other.0[..2]
    }
}

/// See [`Identity`].
pub(super) fn identity(path: &Path) -> io::Result<Identity> {
    let found = fs::symlink_metadata(path)?;
    Ok(Identity([found.dev() as i64, found.ino() as i64, found.mtime(), found.mtime_nsec()]))
}

/// Whether this is the place of something, such as a folder that is not empty.
pub(super) fn is_taken(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists | ErrorKind::NotADirectory)
}

/// Lets two folders change places in one step, so that nobody ever finds either place empty. Where the file system has
/// no such step (NFS), `new` takes the place of `old` in two: `old` waits at `spare`, which a process that is killed in
/// between leaves there for the next one to find.
///
/// Returns whether `old` lies at `spare` now, and not where `new` was.
pub(super) fn exchange(new: &Path, old: &Path, spare: &Path) -> io::Result<bool> {
    use rustix::io::Errno;
    let directory = rustix::fs::CWD;
    match rustix::fs::renameat_with(directory, new, directory, old, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(false),
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => exchange_by_moves(new, old, spare).map(|()| true),
        Err(error) => Err(error.into()),
    }
}

/// See [`exchange`].
pub(super) fn exchange_by_moves(new: &Path, old: &Path, spare: &Path) -> io::Result<()> {
    fs::rename(old, spare)?;
    fs::rename(new, old).inspect_err(|_| {
        // Where this fails as well, the next process that opens the store finds it.
        let _ = fs::rename(spare, old);
    })
}

/// An error of one line: what could not be done with which path, what to do about it, and what the system said.
pub(super) fn error(path: &Path, what: &str, error: io::Error) -> Error {
    let advice = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "; make space and give the same command again, what is finished is kept"
        }
        ErrorKind::PermissionDenied => "; its owner must let you, or another folder be named",
        ErrorKind::ReadOnlyFilesystem => "; name a folder that can be written to",
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => "; a file is in the way of a folder",
        _ => "",
    };
    let what = format!("{}: cannot be {what}{advice}", path.display());
    Error::from(error).within(what)
}

/// As many workers as there are processors, for work that computes.
pub(super) fn processors() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// `work` on each of `items`, by at most so many threads; the results in the order of the items.
pub(super) fn in_parallel<T: Sync, R: Send>(items: &[T], threads: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut results = vec![];
        while let Some((index, item)) =
            Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|i| Some((i, items.get(i)?)))
        {
            results.push((index, work(item)));
        }
        results
    };
    let mut results = thread::scope(|scope| {
        // This thread works, too, and alone where the system gives no others.
        let others =
            (1..threads.min(items.len())).map_while(|_| thread::Builder::new().spawn_scoped(scope, worker).ok());
        let others: Vec<_> = others.collect();
        let mut results = worker();
        for other in others {
            results.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        results
    });
    results.sort_unstable_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

/// An error where a path should be a folder and is none.
pub(super) fn no_folder(path: &Path) -> Error {
    request!("{}: there are no records; name the folder that `--out` named", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        let items: Vec<usize> = (0..1000).collect();
        for threads in [0, 1, 7] {
            assert_eq!(in_parallel(&items, threads, |item| item * 2), items.iter().map(|i| i * 2).collect::<Vec<_>>());
        }
        assert!(in_parallel(&[0; 0], 4, |item| *item).is_empty());
    }

    #[test]
    fn folders_change_places_in_one_step_and_in_two() {
        let folder = tempfile::tempdir().unwrap();
        let [new, old, spare] = ["new", "old", "spare"].map(|name| folder.path().join(name));
        for by_moves in [false, true] {
            for (path, text) in [(&new, "new"), (&old, "old")] {
                fs::create_dir(path).unwrap();
                fs::write(path.join("text"), text).unwrap();
            }
            let out = match by_moves {
                false if exchange(&new, &old, &spare).unwrap() => &spare,
                false => &new,
                true => {
                    exchange_by_moves(&new, &old, &spare).unwrap();
                    &spare
                }
            };
            assert_eq!(fs::read_to_string(old.join("text")).unwrap(), "new");
            assert_eq!(fs::read_to_string(out.join("text")).unwrap(), "old");
            fs::remove_dir_all(&old).unwrap();
            fs::remove_dir_all(out).unwrap();
        }
        // Where the second move cannot be made, the first is taken back.
        fs::create_dir(&old).unwrap();
        assert!(exchange_by_moves(&new, &old, &spare).is_err());
        assert!(old.exists() && !spare.exists());
    }
}
