//! What people answered: files that the page gave them, held against the key; and whose answers are left out, by the rules that the key fixes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::key::{Key, Pair};
use crate::error::{Context, OfRequest, Result, bail, request};

/// An answer that counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answer {
    /// The person's place among those who are kept.
    pub person: usize,
    /// The method's place.
    pub method: usize,
    /// The unit's place.
    pub unit: usize,
    /// Whether the other photograph was an ordinary one.
    pub hard: bool,
    /// Whether it was right.
    pub right: bool,
    /// From the first sight of the photographs to the key, in milliseconds.
    pub ms: f64,
    /// 1 (guessed) to 3 (sure).
    pub sure: f64,
}

/// A picture in somebody's words.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// Whose.
    pub participant: String,
    /// The method's place.
    pub method: usize,
    /// The unit's place.
    pub unit: usize,
    /// The image's place.
    pub image: usize,
    /// The words.
    pub text: String,
}

/// Somebody whose answers are left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Excluded {
    /// The code.
    pub participant: String,
    /// By which rule.
    pub why: String,
}

/// All answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answers {
    /// Codes of those who are kept.
    pub people: Vec<String>,
    /// Those who are not.
    pub excluded: Vec<Excluded>,
    /// Answers of those who are kept.
    pub answers: Vec<Answer>,
    /// Descriptions by those who are kept.
    pub descriptions: Vec<Description>,
}

/// A row of a file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Row {
    participant: String,
    version: String,
    trial: usize,
    part: String,
    unit: String,
    method: String,
    left: String,
    right: String,
    answer: String,
    ms: Option<f64>,
    sure: Option<f64>,
    text: String,
}

impl Answers {
    /// Of files, each of which may hold several people's rows. Of two files with one person's code the longer one counts, if it begins with the other.
    ///
    /// # Errors
    /// A request: a file that cannot be read, lacks a column, answers another page, or names what is not in the key.
    pub fn read(files: &[PathBuf], key: &Key) -> Result<Answers> {
        let mut sittings: BTreeMap<String, (PathBuf, Vec<Row>)> = BTreeMap::new();
        for file in files {
            for (code, rows) in rows(file, key)? {
                match sittings.get_mut(&code) {
                    Some((_, known)) if known.starts_with(&rows) => {}
                    Some((path, known)) if rows.starts_with(known) => (*path, *known) = (file.clone(), rows),
                    Some((other, _)) => {
                        bail!(
                            "{} and {}: have other answers of one participant, {code}",
                            other.display(),
                            file.display()
                        )
                    }
                    None => {
                        sittings.insert(code, (file.clone(), rows));
                    }
                }
            }
        }
        let mut all = Answers::default();
        for (code, (file, rows)) in sittings {
            all.add(code, &rows, key).with_context(|| format!("{}", file.display()))?;
        }
        Ok(all)
    }

    fn add(&mut self, code: String, rows: &[Row], key: &Key) -> Result<()> {
        let person = self.people.len();
        let (mut answers, mut descriptions, mut missed, mut caught, mut left) = (vec![], vec![], 0, 0, 0);
        let mut times = vec![];
        for row in rows {
            if row.part == "description" {
                descriptions.push(Description {
                    participant: code.clone(),
                    method: place(&row.method, 'm', key.methods.len())?,
                    unit: place(&row.unit, 'u', key.units.len())?,
                    image: place(&row.left, 'i', key.images.len())?,
                    text: row.text.clone(),
                });
                continue;
            }
            let (pairs, letter, count) = match row.part.as_str() {
                "main" => (&key.pairs, 'u', key.units.len()),
                "catch" => (&key.catch_pairs, 'c', key.catches),
                "practice" => continue,
                other => bail!("trial {}: '{other}' is no part of a sitting", row.trial),
            };
            let unit = place(&row.unit, letter, count)?;
            let images = key.images.len();
            let shown = [place(&row.left, 'i', images)?, place(&row.right, 'i', images)?];
            let is_shown = |pair: &&Pair| {
                pair.unit == unit && (shown == [pair.right, pair.wrong] || shown == [pair.wrong, pair.right])
            };
            let pair = pairs.iter().find(is_shown).ok_or_else(|| {
                request!("trial {}: {} and {} are no pair of {}", row.trial, row.left, row.right, row.unit)
            })?;
            let chosen = match row.answer.as_str() {
                "left" => shown[0],
                "right" => shown[1],
                other => bail!("trial {}: answer '{other}' is neither left nor right", row.trial),
            };
            left += usize::from(row.answer == "left");
            let right = chosen == pair.right;
            let ms = row.ms.ok_or_else(|| request!("trial {}: has no time", row.trial))?;
            times.push(ms);
            if row.part == "catch" {
                caught += 1;
                missed += usize::from(!right);
                continue;
            }
            let method = place(&row.method, 'm', key.methods.len())?;
            let sure = row.sure.ok_or_else(|| request!("trial {}: does not say how sure", row.trial))?;
            answers.push(Answer { person, method, unit, hard: pair.hard, right, ms, sure });
        }
        let rules = &key.exclusions;
        times.sort_by(f64::total_cmp);
        let median = times.get(times.len() / 2).copied().unwrap_or(0.);
        let share = left as f64 / times.len().max(1) as f64;
        let planned = key.per_method * key.methods.len();
        let why = if answers.len() != planned || caught != key.catches {
            Some(format!("unfinished: {} of {} trials", answers.len() + caught, planned + key.catches))
        } else if missed > rules.catches_missed {
            Some(format!("missed {missed} of {caught} catch trials"))
        } else if median < rules.median_ms {
            Some(format!("median time {median:.0} ms"))
        } else if share.max(1. - share) > rules.one_side {
            Some(format!("{:.0} % of the answers on one side", 100. * share.max(1. - share)))
        } else {
            None
        };
        match why {
            Some(why) => self.excluded.push(Excluded { participant: code, why }),
            None => {
                self.people.push(code);
                self.answers.extend(answers);
                self.descriptions.extend(descriptions.into_iter().filter(|said: &Description| !said.text.is_empty()));
            }
        }
        Ok(())
    }
}

/// A file's rows by participant, in the order of their trials.
fn rows(file: &Path, key: &Key) -> Result<BTreeMap<String, Vec<Row>>> {
    let named = file.display();
    let mut reader = csv::Reader::from_path(file).of_request().with_context(|| format!("{named}: cannot be read"))?;
    let mut by_code: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for (number, row) in reader.deserialize().enumerate() {
        let row: Row =
            row.of_request().with_context(|| format!("{named}: row {} is none of a study's answers", number + 2))?;
        if row.version != key.version {
            bail!("{named}: row {}: answers another page than the key is of", number + 2);
        }
        by_code.entry(row.participant.clone()).or_default().push(row);
    }
    if by_code.is_empty() {
        bail!("{named}: has no answers");
    }
    for (code, rows) in &mut by_code {
        rows.sort_by_key(|row| (row.trial, row.part != "description"));
        let trials = rows.iter().filter(|row| row.part != "description").map(|row| row.trial);
        if trials.clone().zip(trials.skip(1)).any(|(one, next)| one == next) {
            bail!("{named}: has a trial of participant {code} twice");
        }
    }
    Ok(by_code)
}

/// A place by its letter and number, such as `u3`.
fn place(text: &str, letter: char, count: usize) -> Result<usize> {
    let number = text.strip_prefix(letter).and_then(|number| number.parse().ok());
    number.filter(|place| *place < count).ok_or_else(|| request!("'{text}' is not in the key"))
}
