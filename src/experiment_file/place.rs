//! Where something was written, so that whatever is wrong with it can be told with its place.

use std::fmt;
use std::sync::Arc;

use crate::error::Error;

/// What a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// An experiment file.
    Experiment,
    /// The file of a method that an experiment file names.
    MethodFile,
    /// A preset.
    Preset,
    /// The value of a `--set`.
    Flag,
}

/// A text that was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) origin: Origin,
    /// The file as it was named, `preset NAME`, or the flag.
    pub(super) name: String,
}

impl Source {
    pub(super) fn new(origin: Origin, name: impl Into<String>) -> Arc<Source> {
        Arc::new(Source { origin, name: one_line(&name.into()) })
    }

    /// The text as a whole.
    pub(super) fn whole(self: &Arc<Source>) -> Place {
        self.at(0, 0)
    }

    /// A place in it; line and column from 1.
    pub(super) fn at(self: &Arc<Source>, line: usize, column: usize) -> Place {
        Place { source: Arc::clone(self), line: line as u32, column: column as u32 }
    }
}

/// Where something was written. Displays as `file:line:column` (both from 1), or as the flag that says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    source: Arc<Source>,
    /// 0 for a text as a whole.
    line: u32,
    column: u32,
}

impl Place {
    pub(super) fn origin(&self) -> Origin {
        self.source.origin
    }

    /// Whether it is in what a method of the experiment builds upon, and not in the experiment itself.
    pub(super) fn is_of_base(&self) -> bool {
        matches!(self.origin(), Origin::Preset | Origin::MethodFile)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.origin(), self.line) {
            (Origin::Flag, _) | (_, 0) => f.write_str(&self.source.name),
            (_, line) => write!(f, "{}:{line}:{}", self.source.name, self.column),
        }
    }
}

/// What is wrong with an experiment file, and where. Displays as one line: `tradeoff.yaml:7:3: methods.latent: unknown
/// key 'stpes'; did you mean 'steps'?`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileError {
    /// Where it is written.
    pub place: Place,
    /// The path of the key in the document, as `--set` takes it; empty for the document itself.
    pub path: String,
    /// What is wrong there.
    pub message: String,
}

impl FileError {
    pub(super) fn new(place: &Place, path: &str, message: impl fmt::Display) -> FileError {
        FileError { place: place.clone(), path: path.to_owned(), message: message.to_string() }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", one_line(&self.path))?;
        }
        f.write_str(&one_line(&self.message))
    }
}

impl std::error::Error for FileError {}

impl From<FileError> for Error {
    fn from(error: FileError) -> Error {
        let found = Error::request(one_line(&error.message)).within(&error.place);
        match error.path.is_empty() {
            true => found,
            false => found.at(one_line(&error.path)),
        }
    }
}

/// `text` without line breaks and control characters, and not longer than a few lines.
fn one_line(text: &str) -> String {
    const LONGEST: usize = 400;
    let mut line = String::new();
    for (count, character) in text.chars().enumerate() {
        if count == LONGEST {
            line.push('…');
            break;
        }
        match character {
            control if control.is_control() => line.extend(control.escape_default()),
            other => line.push(other),
        }
    }
    line
}

/// Appends a key to a path.
pub(super) fn joined(path: &str, key: impl fmt::Display) -> String {
    if path.is_empty() { key.to_string() } else { format!("{path}.{key}") }
}
