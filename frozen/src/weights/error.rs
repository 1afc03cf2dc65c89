//! What can be wrong with a weights file.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// A fault of a weights file; shown as `path/to/file.pth: reason`.
#[derive(Debug, Error)]
#[error("{}{fault}", .path.as_ref().map(|path| format!("{}: ", path.display())).unwrap_or_default())]
pub struct WeightError {
    /// The file; none where the tensors came from memory.
    pub path: Option<PathBuf>,
    /// What is wrong with it.
    pub fault: Fault,
}

impl WeightError {
    pub(super) fn new(path: &Path, fault: impl Into<Fault>) -> WeightError {
        WeightError { path: Some(path.to_path_buf()), fault: fault.into() }
    }
}

/// What is wrong with a weights file.
#[derive(Debug, Error)]
pub enum Fault {
    /// The operating system could not read it.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It is something else: a web page, a tar file, an arbitrary pickle.
    #[error("is not a weights file that can be read: {0}")]
    Foreign(String),
    /// It is cut short, or contradicts itself.
    #[error("is damaged: {0}")]
    Damaged(String),
    /// It is sound, but uses something that this reader leaves out.
    #[error("{0}")]
    Unsupported(String),
    /// Its pickle calls a function other than those that rebuild tensors; the name is as the file spells it.
    #[error("refuses to call '{0}' (a weights file may only rebuild tensors)")]
    Refused(String),
    /// It has no tensors where they were looked for.
    #[error("{0}")]
    Absent(String),
    /// Its tensors are not those that the network takes.
    #[error(fmt = shown_misfit)]
    Misfit(Box<Misfit>),
}

/// As the misfit shows itself, at length where that is asked for.
#[allow(clippy::borrowed_box)]
fn shown_misfit(misfit: &Box<Misfit>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    fmt::Display::fmt(&**misfit, f)
}

impl Fault {
    pub(super) fn damaged(reason: impl Into<String>) -> Fault {
        Fault::Damaged(reason.into())
    }

    pub(super) fn unsupported(reason: impl Into<String>) -> Fault {
        Fault::Unsupported(reason.into())
    }
}

impl From<crate::wire::WireError> for Fault {
    fn from(error: crate::wire::WireError) -> Fault {
        Fault::damaged(error.to_string())
    }
}

impl From<tch::TchError> for Fault {
    fn from(error: tch::TchError) -> Fault {
        // libtorch appends a C++ stack trace to its message.
        let message = error.to_string();
        Fault::Unsupported(format!("libtorch: {}", message.lines().next().unwrap_or_default()))
    }
}

/// Everything in which a file's tensors differ from those that a network takes.
#[derive(Debug, Default)]
pub struct Misfit {
    /// Name and wanted shape of the tensors that the file does not have.
    pub missing: Vec<(String, Vec<i64>)>,
    /// Name and shape of the tensors that the network did not take.
    pub unexpected: Vec<(String, Vec<i64>)>,
    /// Tensors of another shape than the network's.
    pub misshapen: Vec<Misshapen>,
    /// Name of, and reason for, the tensors whose values could not be turned into 32-bit floats.
    pub unconvertible: Vec<(String, String)>,
    /// What in the manifest would make it fit, if that is clear.
    pub hint: Option<String>,
}

/// A tensor whose shape in the file is not the network's.
#[derive(Debug)]
pub struct Misshapen {
    /// Its name.
    pub name: String,
    /// Its shape in the file.
    pub found: Vec<i64>,
    /// The shape that the network wants.
    pub wanted: Vec<i64>,
}

impl Misfit {
    /// Whether there is no difference at all.
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty()
            && self.unexpected.is_empty()
            && self.misshapen.is_empty()
            && self.unconvertible.is_empty()
    }
}

/// How many tensors of each sort an error message names; `{:#}` names all.
const NAMED_TENSORS: usize = 5;

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = |(name, shape): &(String, Vec<i64>)| format!("{} {shape:?}", shown(name));
        write!(f, "does not fit the network")?;
        if let Some(hint) = &self.hint {
            write!(f, "; {hint}")?;
        }
        list(f, "missing", &self.missing, named)?;
        list(f, "unexpected", &self.unexpected, named)?;
        list(f, "of another shape", &self.misshapen, |tensor| {
            format!("{} {:?}, the network takes {:?}", shown(&tensor.name), tensor.found, tensor.wanted)
        })?;
        list(f, "not numbers", &self.unconvertible, |(name, reason)| format!("{}: {reason}", shown(name)))
    }
}

fn list<T>(f: &mut fmt::Formatter<'_>, what: &str, tensors: &[T], line: impl Fn(&T) -> String) -> fmt::Result {
    if tensors.is_empty() {
        return Ok(());
    }
    write!(f, "\n  {what} ({}):", tensors.len())?;
    let most = if f.alternate() { usize::MAX } else { NAMED_TENSORS };
    for tensor in tensors.iter().take(most) {
        write!(f, "\n    {}", line(tensor))?;
    }
    match tensors.len().saturating_sub(most) {
        0 => Ok(()),
        more => write!(f, "\n    and {more} more"),
    }
}

/// A name out of a file as a message may show it: no control characters, no megabytes.
pub(crate) fn shown(name: &str) -> String {
    const LONGEST: usize = 200;
    let mut shown: String = name.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if name.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}
