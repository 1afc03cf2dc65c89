//! Manifests, and what a cache holds.

use std::fs;
use std::path::{Path, PathBuf};

use zoo::hash::sha256;
use zoo::{Cache, Manifest};

use crate::server::body;

/// A classifier's manifest, as it is built in.
pub const LITE0: &str = include_str!("../../../classifiers/zoo/efficientnet-lite0.yaml");
/// A set of pictures.
pub const PHOTOS: &str = include_str!("../../../src/reference/zoo/photos.yaml");
/// A generator.
pub const FACE: &str = include_str!("../../../generators/zoo/face-dcgan.yaml");

/// The text of a generator's manifest whose weights are `bytes`, from `source`.
pub fn manifest_text(bytes: &[u8], source: &str) -> String {
    format!(
        "name: mine\nkind: generator\narchitecture: dcgan\nlicence: MIT\nweights:\n  file: weights.pth\n  sha256: {}\n  \
         size: {}\n  source: {{{source}}}\n",
        sha256(bytes),
        bytes.len()
    )
}

pub fn from_url(url: &str) -> Manifest {
    Manifest::parse("mine.yaml", &manifest_text(&body(), &format!("url: '{url}'")), None).unwrap()
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// The files of a cache that are not locks.
pub fn kept(cache: &Cache) -> Vec<PathBuf> {
    let locks = cache.root().join("zoo/locks");
    files_below(cache.root()).into_iter().filter(|path| !path.starts_with(&locks)).collect()
}

pub fn parse_error(text: &str) -> String {
    Manifest::parse("mine.yaml", text, Some(Path::new("."))).unwrap_err().to_string()
}
