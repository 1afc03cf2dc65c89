//! The entries by name: those that are built in, and manifests of the user's own by their path.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;

use crate::cache::Cache;
use crate::error::ZooError;
use crate::fields::Kind;
use crate::manifest::Manifest;
use crate::name::is_path;
use crate::suggest::hint;

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
        let manifest = match is_path(name_or_path) {
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
        ZooError::Unknown { what, name: name.to_owned(), hint: hint(name, &they, self.names(kind)) }
    }
}
