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
mod field;
mod file;
mod keys;
mod located;
mod method_entry;
mod node;
mod path;
mod place;
mod point;
mod reader;
mod rebase;
mod schema;
mod seeds;
mod setting;
mod sweep;
mod typed;
mod unit_pattern;

pub use file::ExperimentFile;
pub use located::Located;
pub use method_entry::method_of_text;
pub use place::{FileError, Place};
pub use point::{Axis, Point, Points};
pub use schema::schema;
pub use seeds::Seeds;
pub use setting::{Comparison, GeneratorChoice};
pub use unit_pattern::{LayerGlob, UnitPattern};
