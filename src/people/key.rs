//! `key.json`: what the numbers in a study's page mean, which photographs are right, and by what rules answers are read. Whoever answers must not
//! see it.

use std::path::Path;

use classifiers::Kinship;
use serde::{Deserialize, Serialize};

use crate::error::{Context, OfRequest, Result, bail};

/// The file's name.
pub const KEY: &str = "key.json";

/// Version of the fields.
pub const SCHEMA_VERSION: u32 = 1;

/// All of it. Numbers in the page are places in these lists: `u3` is the fourth unit, `m0` the first method, `i17` the eighteenth image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Key {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// sha256 of all that the page shows. Answers name it, so that those to another page are refused.
    pub version: String,
    /// What the study is called.
    pub title: String,
    /// The classifier whose units are asked about.
    pub target: String,
    /// sha256 of the `comparison.json` that pictures came from.
    pub comparison_sha256: String,
    /// Trials of a person with each method.
    pub per_method: usize,
    /// Trials with feedback, before the others.
    pub practice: usize,
    /// Trials that show whether somebody looks: one of the two photographs is among the pictures.
    pub catches: usize,
    /// What pictures are shown, the baseline first if there is one.
    pub methods: Vec<Method>,
    /// The place of the method that others are held against; none where there is no baseline among them.
    pub baseline: Option<usize>,
    /// Names of the units of the trials.
    pub units: Vec<String>,
    /// Every pair of photographs that anybody may be shown in a trial.
    pub pairs: Vec<Pair>,
    /// Of the catch trials, in their order.
    pub catch_pairs: Vec<Pair>,
    /// The images.
    pub images: Vec<Image>,
    /// Fixed beforehand: whose answers are left out.
    pub exclusions: Exclusions,
    /// What machines could tell, in the same task.
    pub machines: Vec<Machine>,
}

/// What pictures are shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Method {
    /// Its label in the comparison, or that of a control.
    pub label: String,
    /// What it is there for.
    pub role: Role,
}

/// What a method is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// To be judged.
    Judged,
    /// Natural exemplars: how well the task can be done.
    Ceiling,
    /// Pictures of another unit: how well it is done by chance.
    Chance,
}

/// Two photographs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// The unit's place; of catch trials, their own.
    pub unit: usize,
    /// The image that is right: it fires the unit more.
    pub right: usize,
    /// The other image.
    pub wrong: usize,
    /// Whether the other one is ordinary, and not one of those that fire the unit least.
    pub hard: bool,
}

/// An image of the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Image {
    /// The file that it was made from.
    pub file: String,
    /// sha256 of the JPEG in the page.
    pub sha256: String,
}

/// Whose answers are left out. Fixed in the key, hence before anybody has answered.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exclusions {
    /// More missed catch trials than this.
    pub catches_missed: usize,
    /// A median time below this, in milliseconds.
    pub median_ms: f64,
    /// More of the answers than this share on one side.
    pub one_side: f64,
}

impl Default for Exclusions {
    /// More than one missed catch trial; faster than 800 ms; more than 90 % on one side.
    fn default() -> Exclusions {
        Exclusions { catches_missed: 1, median_ms: 800., one_side: 0.9 }
    }
}

/// What a machine could tell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// The observer's name.
    pub name: String,
    /// What it has in common with the target; none of the target itself.
    pub kinship: Option<Kinship>,
    /// Method, unit, and how often it was right: the mean of hard and easy pairs, 0 to 1.
    pub right: Vec<(usize, usize, f64)>,
}

impl Key {
    /// That of a study's folder.
    ///
    /// # Errors
    /// A request: a file that cannot be read, is no key, or is one of another version.
    pub fn read(folder: &Path) -> Result<Key> {
        let path = folder.join(KEY);
        let named = path.display();
        let text = std::fs::read_to_string(&path)
            .of_request()
            .with_context(|| format!("{named}: cannot be read; `metapicture study` writes it"))?;
        let key: Key =
            serde_json::from_str(&text).of_request().with_context(|| format!("{named}: is no key of a study"))?;
        if key.schema_version != SCHEMA_VERSION {
            bail!("{named}: has version {}, and this program reads {SCHEMA_VERSION}", key.schema_version);
        }
        let images = key.images.len();
        let is_lost = |pair: &&Pair| pair.right >= images || pair.wrong >= images;
        if let Some(pair) = key.pairs.iter().chain(&key.catch_pairs).find(is_lost) {
            bail!("{named}: a pair has image {}, and there are {images}, from 0 on", pair.right.max(pair.wrong));
        }
        if key.pairs.iter().any(|pair| pair.unit >= key.units.len()) {
            bail!("{named}: a pair is of a unit that is not there");
        }
        Ok(key)
    }
}
