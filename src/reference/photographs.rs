//! Photographs as files: sets of the zoo, or the user's own folder, whose subfolders may be classes.

use std::path::{Path, PathBuf};

use crate::error::{Context, Result, request};
use classifiers::Classifier;
use zoo::Checked;
use zoo::hash::sha256;

/// Endings of picture files.
const ENDINGS: [&str; 9] = ["png", "jpg", "jpeg", "webp", "bmp", "tif", "tiff", "gif", "ppm"];

/// A photograph, not read yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Photograph {
    /// The file.
    pub path: PathBuf,
    /// sha256 of the file.
    pub sha256: String,
    /// What it shows, where somebody has said so: a class of the classifier.
    pub class: Option<usize>,
}

/// The photographs of a set of the zoo.
pub fn of_set(files: &[Checked]) -> Vec<Photograph> {
    let of = |file: &Checked| Photograph {
        path: file.path.clone(),
        sha256: file.sha256.to_string(),
        class: file.label.map(|label| label as usize),
    };
    files.iter().map(of).collect()
}

/// All pictures in a folder and the folders in it, in the order of their paths. A folder that has the name or the number of a
/// class labels the pictures in it (underscores stand for spaces).
///
/// # Errors
/// A folder or a file that cannot be read, or no picture at all.
pub fn in_folder(folder: &Path, classifier: &Classifier) -> Result<Vec<Photograph>> {
    let class_of = |path: &Path| {
        let name = path.parent().filter(|parent| *parent != folder)?.file_name()?.to_str()?.replace('_', " ");
        classifier.class(&name).ok()
    };
    let paths = below(folder)?;
    if paths.is_empty() {
        return Err(request!("{}: there are no pictures in it", folder.display()));
    }
    let photograph = |path: PathBuf| {
        let bytes = std::fs::read(&path).with_context(|| format!("{}: cannot be read", path.display()))?;
        let sha256 = sha256(&bytes);
        Ok(Photograph { class: class_of(&path), sha256, path })
    };
    paths.into_iter().map(photograph).collect()
}

/// The picture files in a folder and the folders in it, in the order of their paths.
///
/// # Errors
/// A folder that cannot be read.
pub fn below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = vec![];
    let entries = std::fs::read_dir(folder).with_context(|| format!("{}: cannot be read", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        let ending = path.extension().and_then(|of| of.to_str()).map(str::to_ascii_lowercase);
        if path.is_dir() {
            found.extend(below(&path)?);
        } else if ending.is_some_and(|of| ENDINGS.contains(&&*of)) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
