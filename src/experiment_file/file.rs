//! An experiment file from its path to its points: read, laid over what it extends, set, typed and checked.

use std::path::Path;

use zoo::Kind;

use super::document::Document;
use super::field::Field;
use super::located::Located;
use super::node::{Node, Value};
use super::place::FileError;
use super::point::{Axis, Points};
use super::setting::{Comparison, Head, Models};
use super::sweep::Sweep;
use crate::store::Kept;

/// An experiment file, read and checked.
#[derive(Clone, Debug)]
pub struct ExperimentFile {
    /// Its name: letters, digits, `.`, `_` and `-`.
    pub name: String,
    /// What it is about.
    pub description: Option<String>,
    /// Where its runs are computed: `cpu`, `cuda` or `cuda:N`; empty if it does not say.
    pub devices: Vec<Located<String>>,
    /// libtorch's threads.
    pub threads: Option<u16>,
    /// Runs computed together.
    pub batch: Option<u16>,
    /// What is kept of each run.
    pub kept: Kept,
    /// What its pictures are compared with.
    pub compare: Comparison,
    /// What is swept, in the order of the file.
    pub axes: Vec<Axis>,
    /// What there is to be done.
    pub points: Points,
    resolved: String,
}

impl ExperimentFile {
    /// Reads a file, what it extends, and what is set over it (`PATH=VALUE`, in this order); checks every point.
    ///
    /// # Errors
    /// Whatever is wrong, with its place.
    pub fn load(path: &Path, set: &[String]) -> Result<ExperimentFile, FileError> {
        ExperimentFile::of(Document::read(path)?, set)
    }

    /// The same of a text that is in no file: messages call it `name`, and files are relative to `folder`.
    ///
    /// # Errors
    /// As [`ExperimentFile::load`].
    pub fn of_text(text: &str, name: &str, folder: &Path, set: &[String]) -> Result<ExperimentFile, FileError> {
        ExperimentFile::of(Document::of_text(text, name, folder)?, set)
    }

    fn of(mut document: Document, set: &[String]) -> Result<ExperimentFile, FileError> {
        set.iter().try_for_each(|flag| document.set(flag))?;
        document.spell_out_methods()?;
        let resolved = resolved(&document.root)
            .map_err(|error| FileError::new(&document.root.place, "", format!("cannot be written again: {error}")))?;
        let head = Head::read(&document.root, &document.folder)?;
        let mut models = Models::new().map_err(|error| FileError::new(&document.root.place, "", error))?;
        head.compare.witnesses.iter().try_for_each(|name| models.check(name, Kind::Classifier))?;
        let swept = document.root.remove("sweep").filter(|sweep| !sweep.is_null());
        let sweep = match &swept {
            Some(sweep) => Sweep::read(&Field::new(sweep, "sweep"), &document.root)?,
            None => Sweep::default(),
        };
        let points = Points::new(document.root, document.folder, sweep, &mut models)?;
        let Head { name, description, devices, threads, batch, kept, compare } = head;
        let axes = points.axes();
        Ok(ExperimentFile { name, description, devices, threads, batch, kept, compare, axes, points, resolved })
    }

    /// The whole document as YAML, with what it extends and what was set over it, its methods spelled out. In the same
    /// folder it is the same experiment.
    pub fn resolved(&self) -> &str {
        &self.resolved
    }
}

/// The document as YAML, without what only repeats what it says for all methods.
fn resolved(root: &Node) -> Result<String, serde_yaml::Error> {
    let mut root = root.clone();
    let said = |key: &str| {
        root.get(key).is_some_and(|node| !node.is_null()) || root.get("sweep").is_some_and(|sweep| sweeps(sweep, key))
    };
    // What is said for all methods holds for those that do not say their own, and spelled out they all do.
    let for_all: Vec<&str> = ["steps", "facets"].into_iter().filter(|key| said(key)).collect();
    if let Some(Node { value: Value::List(methods), .. }) = root.get_mut("methods") {
        for method in methods {
            for key in &for_all {
                if method.get(key).is_some_and(|node| node.place.is_of_base()) {
                    method.remove(key);
                }
            }
        }
    }
    serde_yaml::to_string(&root.to_yaml())
}

/// Whether a sweep, or a group of it, has this path.
fn sweeps(sweep: &Node, path: &str) -> bool {
    match &sweep.value {
        Value::Map(entries) => {
            entries.iter().any(|entry| entry.key == path || (entry.key == "zip" && sweeps(&entry.node, path)))
        }
        Value::List(groups) => groups.iter().any(|group| sweeps(group, path)),
        _ => false,
    }
}
