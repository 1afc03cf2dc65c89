//! A value of an experiment file that still knows where it was written.

use std::fmt;

use super::place::{FileError, Place};

/// A value, and where it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it was written.
    pub place: Place,
    /// The path of its key in the document, as `--set` takes it.
    pub path: String,
}

impl<T> Located<T> {
    /// An error about it, with its place.
    pub fn wrong(&self, message: impl fmt::Display) -> FileError {
        FileError::new(&self.place, &self.path, message)
    }
}
