//! Files beside the records, such as tables: written aside, and put in their place whole.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::folder::Store;
use crate::error::{Context, Result};

/// A file beside the records, which is written aside and renamed into its place whole.
#[derive(Debug)]
pub struct Aside {
    aside: PathBuf,
    place: PathBuf,
    file: io::BufWriter<fs::File>,
}

impl Aside {
    /// Begins a file of the store's folder: its name, or its path in it.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn new(store: &Store, file: impl AsRef<Path>) -> Result<Aside> {
        let (place, aside) = (store.root().join(&file), store.aside_of(file.as_ref()));
        let file = fs::File::create(&aside).with_context(|| format!("{}: cannot be written", place.display()))?;
        Ok(Aside { aside, place, file: io::BufWriter::new(file) })
    }

    /// Adds a line.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn line(&mut self, line: &str) -> Result<()> {
        writeln!(self.file, "{line}").with_context(|| format!("{}: cannot be written", self.place.display()))
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).with_context(|| format!("{}: cannot be written", self.place.display()))
    }

    /// Puts it in its place.
    ///
    /// # Errors
    /// If it cannot be written whole, or not be renamed.
    pub fn put(mut self) -> Result<()> {
        let whole = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        let put = whole.and_then(|()| fs::rename(&self.aside, &self.place));
        put.with_context(|| format!("{}: cannot be written", self.place.display()))
    }
}

impl Write for Aside {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        // It is not there any more where it was put in its place.
        let _ = fs::remove_file(&self.aside);
    }
}
