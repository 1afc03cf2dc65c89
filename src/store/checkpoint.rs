//! Checkpoints: bytes that let a piece of work go on where it was stopped. What they mean is not the store's business.
//!
//! `DIR/checkpoints/KEY` is a line with the sha256 of what follows, and the bytes.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::PathBuf;

use super::folder::Store;
use super::hash::Hash;
use super::key::Key;
use super::{damage, disk};
use crate::error::Result;

/// How a checkpoint begins; its sha256 and the end of the line follow.
const HEAD: &str = "metapicture checkpoint 1 ";

/// The place of one checkpoint in a store.
pub struct Checkpoint<'s> {
    store: &'s Store,
    path: PathBuf,
    name: String,
}

impl Store {
    /// The place of the checkpoint of a piece of work, whether there is one or not.
    pub fn checkpoint(&self, key: &Key) -> Checkpoint<'_> {
        let name = key.to_string();
        Checkpoint { store: self, path: self.checkpoints().join(&name), name }
    }

    /// What the checkpoints that are there are called: the texts of their keys.
    pub fn checkpoint_names(&self) -> HashSet<String> {
        let found = fs::read_dir(self.checkpoints()).into_iter().flatten().flatten();
        found.filter_map(|found| found.file_name().into_string().ok()).collect()
    }

    /// The folder of all checkpoints.
    pub(super) fn checkpoints(&self) -> PathBuf {
        self.root().join("checkpoints")
    }
}

impl Checkpoint<'_> {
    /// Puts these bytes in the place of what is there; they are on the disk when this returns. Whoever is killed meanwhile leaves
    /// the old checkpoint whole.
    ///
    /// # Errors
    /// What the file system refuses; the old checkpoint stays.
    pub fn write(&self, bytes: &[u8]) -> Result<()> {
        let folder = self.store.checkpoints();
        let aside = folder.join(format!(".{}.{}", self.name, self.store.unique()));
        let write = || {
            fs::create_dir_all(&folder)?;
            let mut file = disk::create(&aside, format!("{HEAD}{}\n", Hash::of(bytes)).as_bytes())?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&aside, &self.path)?;
            disk::sync_folder(&folder)
        };
        write().map_err(|error| {
            let _ = fs::remove_file(&aside);
            disk::error(&self.path, "written", error)
        })
    }

    /// The bytes, if they are there and whole. What is damaged is set aside, and reported by [`Store::take_damage`].
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn read(&self) -> Result<Option<Vec<u8>>> {
        let cannot = |error| disk::error(&self.path, "read", error);
        let identity = match disk::identity(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            identity => identity.map_err(cannot)?,
        };
        match self.bytes() {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                self.store.note(damage::set_aside(self.store.root(), &self.path, identity, error.to_string()));
                Ok(None)
            }
            Err(error) => Err(cannot(error)),
        }
    }

    /// The bytes; what is damaged is invalid data.
    pub(super) fn bytes(&self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![];
        File::open(&self.path)?.read_to_end(&mut bytes)?;
        let damaged = || io::Error::new(ErrorKind::InvalidData, "the checkpoint is not what was written");
        let sum = bytes.strip_prefix(HEAD.as_bytes()).and_then(|rest| rest.get(..64)).ok_or_else(damaged)?;
        let sum: Hash = std::str::from_utf8(sum).ok().and_then(|sum| sum.parse().ok()).ok_or_else(damaged)?;
        let start = HEAD.len() + 64 + 1;
        let content = bytes.get(start..).filter(|content| bytes[start - 1] == b'\n' && Hash::of(content) == sum);
        content.ok_or_else(damaged)?;
        bytes.drain(..start);
        Ok(bytes)
    }

    /// Takes it away; there need be none.
    ///
    /// # Errors
    /// What the file system refuses.
    pub fn remove(&self) -> Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(disk::error(&self.path, "removed", error)),
            _ => Ok(()),
        }
    }
}
