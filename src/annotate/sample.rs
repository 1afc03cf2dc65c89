//! Which pictures are labelled: drawn at random without replacement from each group, or from each stratum of it, before anybody looks.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use metrics::prevalence::labels_for;
use serde::{Deserialize, Serialize};
use zoo::hash::sha256;

use crate::embed::Source;
use crate::error::{Context, Result, bail, request};
use crate::fixed::Fixed;
use crate::random::{Purpose, Seed, order, stream};

/// The file's name.
const FILE: &str = "sample.json";

/// One way to say what a picture must show so that the answer is yes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reading {
    /// A short name, of letters, digits, `-` and `_`; a column of the labels.
    pub name: String,
    /// The question that people answer.
    pub says: String,
}

/// How many pictures of a group are labelled.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Size {
    /// So many, or all where there are fewer.
    Pictures(u64),
    /// As many as an interval of an expected share takes to reach so far to either side, at 95 %.
    Precision {
        /// Half the interval's width, 0 to 1.
        precision: f64,
        /// The share that is expected, 0 to 1.
        expect: f64,
    },
}

impl Size {
    /// How many of so many.
    ///
    /// # Errors
    /// A request: numbers that are not between 0 and 1, no picture.
    pub fn of(self, population: u64) -> Result<u64> {
        match self {
            Size::Pictures(0) => Err(request!("a sample has at least one picture")),
            Size::Pictures(pictures) => Ok(pictures.min(population)),
            Size::Precision { precision, expect } => labels_for(population, expect, precision, 0.95).ok_or_else(|| {
                request!("precision {precision} of an expected share of {expect}: both are between 0 and 1")
            }),
        }
    }
}

/// Pictures of which some are to be labelled.
#[derive(Clone, Debug)]
pub struct Population<'a> {
    /// What they have in common: a class.
    pub name: String,
    /// All of them.
    pub pictures: &'a [Source],
    /// How many are labelled.
    pub size: Size,
    /// A column by whose values they are drawn, each for itself.
    pub strata: Option<String>,
}

/// A part of a group that is drawn for itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stratum {
    /// The value of the column; empty where there is none.
    pub name: String,
    /// All its pictures.
    pub population: u64,
}

/// Pictures that have something in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// What that is.
    pub name: String,
    /// Its parts.
    pub strata: Vec<Stratum>,
}

/// A picture that is labelled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// sha256 of its file.
    pub sha256: String,
    /// Its file as it was named.
    pub name: String,
    /// The place of its group.
    pub group: usize,
    /// The place of its stratum there.
    pub stratum: usize,
}

/// What is asked of which pictures. People see a picture's place in `items` and nothing else of this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Version of the fields.
    pub schema_version: u32,
    /// sha256 of all else; labels name it, so that those of another page are refused.
    pub version: String,
    /// What was drawn by.
    pub seed: u64,
    /// What is asked of each picture.
    pub readings: Vec<Reading>,
    /// Whether people say in their own words what they see, before they answer.
    pub text: bool,
    /// What pictures have in common.
    pub groups: Vec<Group>,
    /// The pictures, in the order of their numbers.
    pub items: Vec<Item>,
}

impl Sample {
    /// Draws a sample. Numbers are given by chance, so that a number says nothing of a picture's group.
    ///
    /// # Errors
    /// A request: readings without a name or with the same one, groups without pictures, a column that is not there, pictures that cannot be read.
    pub fn draw(populations: &[Population], readings: &[Reading], text: bool, seed: u64) -> Result<Sample> {
        named(readings)?;
        let (mut groups, mut items) = (vec![], vec![]);
        for (number, population) in populations.iter().enumerate() {
            let named = || population.name.clone();
            let mut strata: BTreeMap<&str, Vec<&Source>> = BTreeMap::new();
            for picture in population.pictures {
                strata.entry(stratum(picture, population.strata.as_deref())?).or_default().push(picture);
            }
            let all = population.pictures.len() as u64;
            let wanted = population.size.of(all).with_context(named)?;
            let mut group = Group { name: population.name.clone(), strata: vec![] };
            for (place, (name, pictures)) in strata.into_iter().enumerate() {
                // In proportion, and two of each at least: a stratum of which nothing is known says nothing.
                let part = (wanted as f64 * pictures.len() as f64 / all as f64).round() as usize;
                let part = part.max(2).min(pictures.len());
                let drawn =
                    order(&mut stream(Seed(seed), Purpose::Labelled, (number << 20 | place) as u64), pictures.len());
                for picture in drawn.into_iter().take(part) {
                    let source = pictures[picture as usize];
                    let sha256 = sha256(source.bytes()?);
                    items.push(Item { sha256, name: source.name.clone(), group: number, stratum: place });
                }
                group.strata.push(Stratum { name: name.to_owned(), population: pictures.len() as u64 });
            }
            groups.push(group);
        }
        if items.is_empty() {
            bail!("there are no pictures to label");
        }
        let places = order(&mut stream(Seed(seed), Purpose::Labelled, u64::MAX), items.len());
        let items = places.into_iter().map(|place| items[place as usize].clone()).collect();
        let (version, schema_version) = (String::new(), Sample::SCHEMA_VERSION);
        Sample { schema_version, version, seed, readings: readings.to_vec(), text, groups, items }.fixed()
    }

    /// Writes `sample.json`.
    ///
    /// # Errors
    /// Storage: a file that cannot be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        Fixed::write(self, &folder.join(FILE))
    }

    /// Reads `sample.json`.
    ///
    /// # Errors
    /// A request: a file that is not there, is none, or was changed, so that labels cannot be told to be of its page.
    pub fn read(folder: &Path) -> Result<Sample> {
        <Sample as Fixed>::read(&folder.join(FILE), "sample of pictures; `metapicture annotate` writes it")
    }
}

impl Fixed for Sample {
    const SCHEMA_VERSION: u32 = 1;

    fn schema_version(&self) -> u32 {
        self.schema_version
    }

    fn hash(&mut self) -> &mut String {
        &mut self.version
    }
}

fn stratum<'a>(picture: &'a Source, column: Option<&str>) -> Result<&'a str> {
    let Some(column) = column else { return Ok("") };
    picture.columns.get(column).map(String::as_str).ok_or_else(|| {
        let known: Vec<&str> = picture.columns.keys().map(String::as_str).collect();
        request!("{}: has no column '{column}', but '{}'", picture.name, known.join("', '"))
    })
}

/// Holds readings' names to what they must be.
fn named(readings: &[Reading]) -> Result<()> {
    const TAKEN: [&str; 5] = ["annotator", "version", "picture", "text", "ms"];
    let mut names = BTreeSet::new();
    for Reading { name, says } in readings {
        let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
        if !plain || TAKEN.contains(&name.as_str()) {
            bail!("'{name}' is no name of a reading: letters, digits, - and _, and none of '{}'", TAKEN.join("', '"));
        }
        if says.trim().is_empty() {
            bail!("reading '{name}' does not say when the answer is yes");
        }
        if !names.insert(name) {
            bail!("two readings are called '{name}'");
        }
    }
    if readings.is_empty() {
        bail!("there is no reading: nothing is asked");
    }
    Ok(())
}
