//! Damage: what is found of killed writers and worn disks, and where it is kept. Nothing of it is ever deleted.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::disk::{self, Identity};

/// Something in a store that is not whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// What it is: a path in the store.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: String,
    /// Where it was moved to, in the store; none where it could not be moved.
    pub moved_to: Option<PathBuf>,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.reason)?;
        match &self.moved_to {
            Some(place) => write!(f, "; moved to {}", place.display()),
            None => Ok(()),
        }
    }
}

/// The folder of what is set aside.
const DAMAGED: &str = "damaged";

/// Moves a file or folder of the store at `root` to `DIR/damaged/`, provided it is still the one of this
/// identity, and notes the reason in `DIR/damaged/reasons.txt`. None where somebody else was faster.
pub(super) fn set_aside(root: &Path, path: &Path, identity: Identity, reason: String) -> Option<Damage> {
    let relative = path.strip_prefix(root).unwrap_or(path).to_owned();
    match moved(root, path, identity) {
        Ok(Some(place)) => {
            let damage = Damage { path: relative, reason, moved_to: Some(place) };
            let log = OpenOptions::new().append(true).create(true).open(root.join(DAMAGED).join("reasons.txt"));
            // The note is a convenience; the caller reports the damage in any case.
            let _ = log.and_then(|mut log| log.write_all(format!("{damage}\n").as_bytes()));
            Some(damage)
        }
        Ok(None) => None,
        Err(error) => {
            let reason = format!("{reason}; it cannot be moved: {error}");
            Some(Damage { path: relative, reason, moved_to: None })
        }
    }
}

/// Moves it; the place is relative to `root`.
fn moved(root: &Path, path: &Path, identity: Identity) -> io::Result<Option<PathBuf>> {
    if disk::identity(path).ok() != Some(identity) {
        return Ok(None);
    }
    let name = path.file_name().unwrap_or_default().display().to_string();
    let name = name.trim_start_matches('.');
    let is_folder = fs::symlink_metadata(path)?.is_dir();
    fs::create_dir_all(root.join(DAMAGED))?;
    for count in 1.. {
        // Making the folder reserves the name. A folder that is moved takes its place, a file goes into it.
        let reserved = Path::new(DAMAGED).join(format!("{name}.{count}"));
        match fs::create_dir(root.join(&reserved)) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
            made => made?,
        }
        let place = if is_folder { reserved.clone() } else { reserved.join(name) };
        return match fs::rename(path, root.join(&place)) {
            Ok(()) if disk::identity(&root.join(&place)).is_ok_and(|found| found.is_of_the_same(&identity)) => {
                Ok(Some(place))
            }
            // Another process had just put a whole one there: it goes back. Where a third one has been put there
            // meanwhile, they are as good as each other.
            Ok(()) => {
                let _ = fs::rename(root.join(&place), path);
                Ok(None)
            }
            Err(error) => {
                let _ = fs::remove_dir(root.join(&reserved));
                if error.kind() == ErrorKind::NotFound { Ok(None) } else { Err(error) }
            }
        };
    }
    Ok(None)
}
