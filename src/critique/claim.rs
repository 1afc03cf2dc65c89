//! A claim as a file: what is said, how its concept is understood, of which pictures, and what is expected before anybody looks.

use std::path::{Path, PathBuf};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::annotate::{Reading, Size};
use crate::error::{Context, OfRequest, Result, bail, request};

/// A claim.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// What is said, in a sentence.
    pub claim: String,
    /// The network that is said to have learnt it.
    pub classifier: String,
    /// The class, as units are written.
    pub class: String,
    /// All pictures of the class: files, folders, FILE.csv, FILE.tar, FILE.parquet, relative to the claim's file.
    pub pictures: Vec<PathBuf>,
    /// The concept, in as many ways as it can be understood.
    pub readings: Vec<Reading>,
    /// How many pictures of the class are labelled.
    pub sample: Size,
    /// A column of the pictures by whose values they are drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strata: Option<String>,
    /// Other classes that it is held against.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub compare: Vec<Other>,
    /// Folders of records with visualizations of the class.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub visualizations: Vec<PathBuf>,
    /// What would show it, too, if it did not come from the class: each must be beaten, of what methods made the pictures by the same one. One at least has to have such pictures, best of twenty other classes or more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nulls: Vec<Null>,
    /// Networks in whose numbers visualizations are held against labelled pictures, strangers to the classifier.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub encoders: Vec<Encoder>,
    /// Where clusters are looked for; the classifier's own layer before its classes unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<Encoder>,
    /// Logits below which a loss is none: a reliance that is smaller is refused.
    #[serde(default = "margin")]
    pub margin: f64,
    /// What is expected.
    pub expect: Vec<Expected>,
    /// Of samples, masks and permutations.
    #[serde(default)]
    pub seed: u64,
}

fn margin() -> f64 {
    0.5
}

/// Another class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Other {
    /// Its name.
    pub class: String,
    /// Its pictures.
    pub pictures: Vec<PathBuf>,
    /// How many are labelled; as of the class itself unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<Size>,
}

/// Pictures that did not come from the class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Null {
    /// What they are: a generator's free samples, other classes, a network that knows nothing.
    pub name: String,
    /// Folders of records or of pictures.
    pub pictures: Vec<PathBuf>,
}

/// A layer of a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Encoder {
    /// The network.
    pub classifier: String,
    /// The layer.
    pub layer: String,
}

/// What is expected of a reading.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    /// The reading's name.
    pub reading: String,
    /// What.
    pub expectation: Expectation,
}

/// One of the four statements; present has two forms.
#[derive(Clone, Debug, PartialEq)]
pub enum Expectation {
    /// So many of the pictures of the class show it: from, to, 0 to 1.
    Present([f64; 2]),
    /// More of them do than of another class.
    MoreThan(String),
    /// Visualizations by these methods show it.
    Shown(Vec<String>),
    /// Without it the network answers less; or, if it is false, it does not.
    Relied(bool),
    /// Pictures with it lie together; or, if it is false, they do not.
    Clusters(bool),
}

/// An expectation as it is written: `{reading: behind, present: [0.01, 0.05]}`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    reading: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    present: Option<[f64; 2]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    more_than: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shown: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    relied: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    clusters: Option<bool>,
}

impl<'de> Deserialize<'de> for Expected {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Expected, D::Error> {
        let of = Written::deserialize(deserializer)?;
        let mut all = [
            of.present.map(Expectation::Present),
            of.more_than.map(Expectation::MoreThan),
            of.shown.map(Expectation::Shown),
            of.relied.map(Expectation::Relied),
            of.clusters.map(Expectation::Clusters),
        ]
        .into_iter()
        .flatten();
        match (all.next(), all.next()) {
            (Some(expectation), None) => Ok(Expected { reading: of.reading, expectation }),
            _ => {
                Err(D::Error::custom("an expectation has one of 'present', 'more_than', 'shown', 'relied', 'clusters'"))
            }
        }
    }
}

impl Serialize for Expected {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let reading = self.reading.clone();
        let mut of = Written { reading, present: None, more_than: None, shown: None, relied: None, clusters: None };
        match self.expectation.clone() {
            Expectation::Present(range) => of.present = Some(range),
            Expectation::MoreThan(class) => of.more_than = Some(class),
            Expectation::Shown(methods) => of.shown = Some(methods),
            Expectation::Relied(relied) => of.relied = Some(relied),
            Expectation::Clusters(clusters) => of.clusters = Some(clusters),
        }
        of.serialize(serializer)
    }
}

impl Claim {
    /// Reads a claim.
    ///
    /// # Errors
    /// A request: a file that cannot be read or is no claim; an expectation of what is not there.
    pub fn read(path: &Path) -> Result<Claim> {
        let named = path.display().to_string();
        let text = std::fs::read_to_string(path).of_request().with_context(|| format!("{named}: cannot be read"))?;
        let claim: Claim = zoo::yaml::parse(&named, &text).map_err(|error| request!("{error}"))?;
        claim.check().with_context(|| named)?;
        Ok(claim)
    }

    fn check(&self) -> Result<()> {
        if self.expect.is_empty() {
            bail!("expect: nothing is expected, so that nothing can be found wrong");
        }
        if !(self.margin.is_finite() && self.margin > 0.) {
            bail!("margin: {} is no number of logits above 0", self.margin);
        }
        for (place, of) in self.expect.iter().enumerate() {
            let wrong = |what: String| request!("{what}").at(format!("expect[{place}]"));
            if !self.readings.iter().any(|reading| reading.name == of.reading) {
                let names = self.readings.iter().map(|reading| reading.name.as_str());
                let meant = zoo::suggest::hint(&of.reading, "readings are", names);
                return Err(wrong(format!("there is no reading '{}'{meant}", of.reading)));
            }
            match &of.expectation {
                Expectation::Present([from, to]) if !(0. <= *from && from < to && *to <= 1.) => {
                    return Err(wrong(format!("present: [{from}, {to}] is no part of 0 to 1")));
                }
                Expectation::MoreThan(class) if !self.compare.iter().any(|other| other.class == *class) => {
                    return Err(wrong(format!("more_than: '{class}' is none of the classes in 'compare'")));
                }
                Expectation::Shown(methods) if methods.is_empty() => {
                    return Err(wrong("shown: by no method".to_owned()));
                }
                Expectation::Shown(_) if self.visualizations.is_empty() || self.nulls.is_empty() => {
                    return Err(wrong(
                        "shown: takes 'visualizations', and 'nulls' that they are held against".to_owned(),
                    ));
                }
                _ => {}
            }
        }
        Ok(())
    }
}
