//! Experiment files of a test: written, loaded, taken apart.

use metapicture::experiment_file::{ExperimentFile, Point};
use metapicture::method::Method;
use serde_json::Value;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A folder of files.
pub(super) fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

pub(super) fn load_with(text: &str, set: &[&str]) -> Result<ExperimentFile, String> {
    let folder = folder(&[("x.yaml", text)]);
    load_in(&folder, "x.yaml", set)
}

/// Errors without the folder's name.
pub(super) fn load_in(folder: &TempDir, file: &str, set: &[&str]) -> Result<ExperimentFile, String> {
    let set: Vec<String> = set.iter().map(|flag| (*flag).to_owned()).collect();
    let prefix = format!("{}/", folder.path().display());
    ExperimentFile::load(&folder.path().join(file), &set).map_err(|error| error.to_string().replace(&prefix, ""))
}

pub(super) fn load(text: &str) -> ExperimentFile {
    load_with(text, &[]).unwrap()
}

pub(super) fn points(file: &ExperimentFile) -> Vec<Point> {
    let points: Vec<Point> = file.points.iter().map(Result::unwrap).collect();
    assert_eq!(points.len(), file.points.len());
    points
}

pub(super) fn settings(method: &Method) -> Value {
    serde_json::to_value(method).unwrap()
}

/// The head that most tests share.
pub(super) const HEAD: &str = "name: x\nclassifier: efficientnet-lite0\ngenerator: face-dcgan\nunits: [banana]\n";

pub(super) fn with(rest: &str) -> String {
    format!("{HEAD}{rest}")
}

pub(super) fn smoke() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/smoke.yaml")
}
