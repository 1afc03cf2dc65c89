//! Experiment files: what is to be visualised, with what, by which methods and with which settings swept, written once
//! in YAML.
//!
//! ```yaml
//! name: tradeoff                     # letters, digits, '.', '_' and '-'
//! description: one line or more
//! extends: base.yaml                 # this file's keys win: maps merge, everything else is replaced
//! classifier: efficientnet-lite0     # or classifiers: [a, b]; of the zoo, or paths of manifests
//! generator: face-dcgan              # or generators: […]; { name: eye-cdcgan, class: blue }, { name: taef2, size: 112 }, or null
//! units: [banana, 'class:0..9', '_blocks.*:37', 'strongest(_blocks.10, 20)', 'layer:_blocks.8']
//! methods:
//!   - latent                                          # a preset
//!   - { preset: latent, name: latent-long, steps: 400, param: { latent: { screen: 10 } } }
//!   - { file: mine.yaml, steps: 10 }                  # a method's file, and what is different
//! seeds: 5                           # how many, from 0; or [3, 4, '10..19']
//! size: 224                          # and steps, facets: for all methods that do not say their own
//! device: cpu                        # or cuda, 'cuda:1', or a list
//! threads: 2
//! batch: 8
//! compare: { witnesses: [efficientnet-lite1], reference: photos }
//! sweep:                             # paths into this document; the product is taken
//!   methods.latent-long.optimizer.adam.lr: { logspace: [0.01, 1, 5] }
//!   size: [112, 224]
//!   zip: { methods.latent.steps: [10, 20], methods.latent.optimizer.adam.lr: [0.1, 0.05] }
//! ```
//!
//! - Files are relative to the file that names them.
//! - A method's overrides merge into it. Where it has a choice of variants (`param`, `optimizer`, `space` …),
//!   another variant replaces the one that is there; lists are replaced whole.
//! - A path names items of a list by their name or index: `methods.latent.transforms.1.jitter.pixels`,
//!   `generators.eye-cdcgan.class`. A path under `methods.X` concerns the runs of that method alone; any other path
//!   multiplies all runs.
//! - A method that searches no generator's code has one point, whatever the generators.
//!
//! Whatever is wrong is refused with its place: the file, line and column, or the `--set` that says it.

mod document;
mod method_entry;
mod node;
mod path;
mod place;
mod point;
mod reader;
mod schema;
mod seeds;
mod setting;
mod sweep;
mod typed;
mod unit_pattern;

use std::path::Path;

pub use place::{FileError, Located, Place};
pub use point::{Axis, Point, Points};
pub use schema::schema;
pub use seeds::Seeds;
pub use setting::{Comparison, GeneratorChoice};
pub use unit_pattern::{LayerGlob, UnitPattern};

use document::Document;
use node::{Field, Node, Value};
use setting::{Head, Models};
use sweep::Sweep;
use zoo::Kind;

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
        let mut document = Document::read(path)?;
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
        let Head { name, description, devices, threads, batch, compare } = head;
        let axes = points.axes();
        Ok(ExperimentFile { name, description, devices, threads, batch, compare, axes, points, resolved })
    }

    /// The whole document as YAML, with what it extends and what was set over it, its methods spelled out. In the same
    /// folder it is the same experiment.
    pub fn resolved(&self) -> &str {
        &self.resolved
    }
}

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
