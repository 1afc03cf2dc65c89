//! What people said: files that the page gave them, held against the sample.

use std::path::Path;

use serde::{Deserialize, Serialize};
use zoo::hash::sha256;

use super::sample::Sample;
use crate::error::{Context, OfRequest, Result, bail, request};

/// An answer to a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The picture shows it.
    Yes,
    /// It does not.
    No,
    /// Nobody can tell; or, of what several people say together, they differ.
    Unsure,
}

/// All that one person said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Labels {
    /// The code.
    pub annotator: String,
    /// sha256 of the file.
    pub sha256: String,
    /// By reading and item; none where there is no answer.
    pub answers: Vec<Vec<Option<Answer>>>,
    /// Words, by item; empty where there are none.
    pub texts: Vec<String>,
}

impl Labels {
    /// Reads a file that a page of this sample gave.
    ///
    /// # Errors
    /// A request: a file that cannot be read, is no such table, is of another page, has a number that no picture has, or an answer that is none.
    pub fn read(sample: &Sample, path: &Path) -> Result<Labels> {
        let named = || path.display().to_string();
        let bytes = std::fs::read(path).of_request().with_context(|| format!("{}: cannot be read", path.display()))?;
        let mut table = csv::Reader::from_reader(bytes.as_slice());
        let headers = table.headers().of_request().with_context(named)?.clone();
        let column = |name: &str| {
            let place = headers.iter().position(|header| header == name);
            place
                .ok_or_else(|| request!("has no column '{name}': these are not labels of this page"))
                .with_context(named)
        };
        let (annotator, version, picture) = (column("annotator")?, column("version")?, column("picture")?);
        let readings: Vec<usize> =
            sample.readings.iter().map(|reading| column(&reading.name)).collect::<Result<_>>()?;
        let text = headers.iter().position(|header| header == "text");
        let count = sample.items.len();
        let mut labels = Labels {
            annotator: String::new(),
            sha256: sha256(&bytes),
            answers: vec![vec![None; count]; readings.len()],
            texts: vec![String::new(); count],
        };
        for (number, row) in table.records().enumerate() {
            let line = || format!("{}: row {}", path.display(), number + 2);
            let row = row.of_request().with_context(line)?;
            if row[version] != sample.version {
                return Err(request!("is of another page or another sample")).with_context(line);
            }
            if labels.annotator.is_empty() {
                labels.annotator = row[annotator].to_owned();
            }
            if row[annotator] != labels.annotator || labels.annotator.is_empty() {
                return Err(request!("is of '{}', and rows before of '{}'", &row[annotator], labels.annotator))
                    .with_context(line);
            }
            let item = row[picture].parse::<usize>().ok().filter(|item| *item < count);
            let item = item
                .ok_or_else(|| request!("picture '{}' is none of 0 to {}", &row[picture], count - 1))
                .with_context(line)?;
            for (answers, column) in labels.answers.iter_mut().zip(&readings) {
                answers[item] = match &row[*column] {
                    "" => None,
                    "yes" => Some(Answer::Yes),
                    "no" => Some(Answer::No),
                    "unsure" => Some(Answer::Unsure),
                    other => {
                        return Err(request!("'{other}' is none of 'yes', 'no', 'unsure'")).with_context(line);
                    }
                };
            }
            if let Some(text) = text {
                labels.texts[item] = row[text].to_owned();
            }
        }
        if labels.annotator.is_empty() {
            bail!("{}: has no labels", path.display());
        }
        Ok(labels)
    }

    /// What several people say together: yes or no where all who answered say so, unsure where they differ or are; none where nobody answered.
    pub fn together(all: &[Labels], reading: usize, item: usize) -> Option<Answer> {
        let answers: Vec<Answer> = all.iter().filter_map(|of| of.answers[reading][item]).collect();
        let first = *answers.first()?;
        Some(if answers.iter().all(|answer| *answer == first) { first } else { Answer::Unsure })
    }
}

/// A region of a picture that somebody drew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Region {
    /// The picture's number.
    pub picture: usize,
    /// The reading that it is of, by name.
    pub reading: String,
    /// Its corners, as shares of the picture's width and height.
    pub corners: Vec<[f64; 2]>,
}

/// Reads the regions that a page of this sample gave.
///
/// # Errors
/// A request: a file that cannot be read, is none of regions or of another page, a number that no picture has.
pub fn regions(sample: &Sample, path: &Path) -> Result<Vec<Region>> {
    #[derive(Deserialize)]
    struct File {
        version: String,
        annotations: Vec<Region>,
    }
    let named = path.display();
    let text = std::fs::read(path).of_request().with_context(|| format!("{named}: cannot be read"))?;
    let file: File =
        serde_json::from_slice(&text).of_request().with_context(|| format!("{named}: is no file of regions"))?;
    if file.version != sample.version {
        bail!("{named}: is of another page or another sample");
    }
    if let Some(lost) = file.annotations.iter().find(|region| region.picture >= sample.items.len()) {
        bail!("{named}: picture {} is none of 0 to {}", lost.picture, sample.items.len() - 1);
    }
    Ok(file.annotations)
}
