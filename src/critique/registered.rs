//! What is fixed before anybody looks: the claim, all pictures by their content, which of them are labelled, and what is expected, under one hash.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use zoo::hash::sha256;

use super::claim::Claim;
use crate::annotate::{self, Population, Sample, Size, Words};
use crate::embed::{Source, sources};
use crate::error::{Context, OfRequest, Result, bail, request};
use crate::fixed::Fixed;

/// The file's name.
const FILE: &str = "registered.json";

/// Pictures of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pictures {
    /// What they are.
    pub name: String,
    /// How many.
    pub pictures: usize,
    /// sha256 of the sorted sha256s of their files.
    pub sha256: String,
}

/// What was registered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Registered {
    /// Version of the fields.
    pub schema_version: u32,
    /// sha256 of all below.
    pub sha256: String,
    /// The claim.
    pub claim: Claim,
    /// All pictures.
    pub pictures: Vec<Pictures>,
    /// Those that are labelled: the class first, then those it is held against.
    pub sample: Sample,
    /// Those that readers see without knowing their source; none where there are no visualizations.
    pub read: Option<Sample>,
    /// What was registered before under this folder's name, by its hash.
    pub amended: Vec<String>,
    /// The program's version.
    pub program: String,
}

impl Fixed for Registered {
    const SCHEMA_VERSION: u32 = 1;

    fn schema_version(&self) -> u32 {
        self.schema_version
    }

    fn hash(&mut self) -> &mut String {
        &mut self.sha256
    }
}

/// The pictures themselves.
#[derive(Debug)]
pub struct Material {
    /// Of the class.
    pub class: Vec<Source>,
    /// Of classes that it is held against.
    pub others: Vec<Source>,
    /// Visualizations of the class.
    pub visualizations: Vec<Source>,
    /// What they are held against, by name.
    pub nulls: Vec<(String, Vec<Source>)>,
    /// The labelled ones, by number.
    sampled: Vec<Source>,
}

impl Material {
    /// The picture of a number of the sample.
    pub fn sampled(&self, number: usize) -> &Source {
        &self.sampled[number]
    }
}

/// A name as part of a file's name.
pub(super) fn place(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' }).collect()
}

/// What a null is called among what readers see.
pub(super) fn null_group(name: &str) -> String {
    format!("null: {name}")
}

/// Registers a claim in `out`, with the pages on which people label, or takes up what was registered there. With `amend` a claim that is another one by now is registered anew,
/// and what was before is told.
///
/// # Errors
/// A request: a claim or pictures that cannot be read, or are not those that were registered; storage.
pub fn register(file: &Path, out: &Path, amend: bool, watch: &dyn Fn(usize, usize)) -> Result<(Registered, Material)> {
    let claim = Claim::read(file)?;
    let folder = file.parent().unwrap_or(Path::new(""));
    let found = |key: &str, words: &[PathBuf]| -> Result<Vec<Source>> {
        let words: Vec<PathBuf> = words.iter().map(|word| folder.join(word)).collect();
        sources(&words).map_err(|error| error.at(key.to_owned())).with_context(|| file.display().to_string())
    };
    let class = found("pictures", &claim.pictures)?;
    let mut others: Vec<(String, Vec<Source>, Size)> = vec![];
    for (number, other) in claim.compare.iter().enumerate() {
        let pictures = found(&format!("compare[{number}].pictures"), &other.pictures)?;
        others.push((other.class.clone(), pictures, other.sample.unwrap_or(claim.sample)));
    }
    // Of a folder of records, visualizations are what was made for the class, and what was made for others is none of it.
    let is_own = |source: &Source| source.columns.get("unit").is_none_or(|unit| *unit == claim.class);
    let mut visualizations = vec![];
    if !claim.visualizations.is_empty() {
        visualizations = found("visualizations", &claim.visualizations)?;
        visualizations.retain(|source| source.made_by().is_some() && is_own(source));
        if visualizations.is_empty() {
            bail!("{}: visualizations: none is of '{}'", file.display(), claim.class);
        }
    }
    let mut nulls = vec![];
    for (number, null) in claim.nulls.iter().enumerate() {
        let mut pictures = found(&format!("nulls[{number}].pictures"), &null.pictures)?;
        pictures.retain(|source| source.made_by().is_none() || !is_own(source));
        if pictures.is_empty() {
            bail!("{}: nulls[{number}]: has no pictures but those of '{}'", file.display(), claim.class);
        }
        nulls.push((null.name.clone(), pictures));
    }
    let mut fixed = vec![];
    let all = 1 + others.len() + usize::from(!visualizations.is_empty()) + nulls.len();
    let kinds = std::iter::once((claim.class.clone(), &class))
        .chain(others.iter().map(|(name, pictures, _)| (name.clone(), pictures)))
        .chain((!visualizations.is_empty()).then(|| ("visualizations".to_owned(), &visualizations)))
        .chain(nulls.iter().map(|(name, pictures)| (null_group(name), pictures)));
    for (name, pictures) in kinds {
        let mut hashes = vec![];
        for picture in pictures {
            hashes.push(sha256(picture.bytes().of_request()?));
        }
        hashes.sort_unstable();
        fixed.push(Pictures { name, pictures: pictures.len(), sha256: sha256(hashes.concat()) });
        watch(fixed.len(), all);
    }
    let path = out.join(FILE);
    let before = path.exists().then(|| Registered::read(&path, "registered claim")).transpose()?;
    let mut amended = vec![];
    if let Some(before) = before {
        let changed = changes(&before, &claim, &fixed);
        if changed.is_empty() {
            let all: Vec<Source> =
                class.iter().cloned().chain(others.iter().flat_map(|(_, of, _)| of.clone())).collect();
            let sampled = sampled(&before.sample, &all)?;
            let others = others.into_iter().flat_map(|(_, of, _)| of).collect();
            return Ok((before, Material { class, others, visualizations, nulls, sampled }));
        }
        if !amend {
            return Err(request!(
                "{}: is not what was registered in {}: {}",
                file.display(),
                out.display(),
                changed.join(", ")
            )
            .hinted("`--amend` registers it anew, and the sheet will say so"));
        }
        amended = before.amended.clone();
        amended.push(before.sha256.clone());
        let aside = out.join(format!("registered-{}.json", amended.len()));
        std::fs::rename(&path, &aside).with_context(|| format!("{}: cannot be moved", path.display()))?;
    }
    let mut populations = vec![Population {
        name: claim.class.clone(),
        pictures: &class,
        size: claim.sample,
        strata: claim.strata.clone(),
    }];
    for (name, pictures, size) in &others {
        populations.push(Population { name: name.clone(), pictures, size: *size, strata: None });
    }
    let sample =
        Sample::draw(&populations, &claim.readings, false, claim.seed).with_context(|| file.display().to_string())?;
    let all: Vec<Source> = class.iter().cloned().chain(others.iter().flat_map(|(_, of, _)| of.clone())).collect();
    let labelled = sampled(&sample, &all)?;
    let blind = blind(&claim, &visualizations, &nulls)?;
    std::fs::create_dir_all(out).with_context(|| format!("{}: cannot be made", out.display()))?;
    let words = Words { title: "What do the pictures show?".to_owned(), words: WORDS.to_owned() };
    annotate::write(&sample, &all, &words, &out.join("annotate.html"), &|_| ())?;
    if let Some(blind) = &blind {
        let all: Vec<Source> = visualizations.iter().chain(nulls.iter().flat_map(|(_, of)| of)).cloned().collect();
        let words = Words { title: "What do you see?".to_owned(), words: BLIND.to_owned() };
        annotate::write(blind, &all, &words, &out.join("read.html"), &|_| ())?;
    }
    let program = env!("CARGO_PKG_VERSION").to_owned();
    let (schema_version, sha256) = (Registered::SCHEMA_VERSION, String::new());
    let registered =
        Registered { schema_version, sha256, claim, pictures: fixed, sample, read: blind, amended, program }.fixed()?;
    Fixed::write(&registered, &path)?;
    let others = others.into_iter().flat_map(|(_, of, _)| of).collect();
    Ok((registered, Material { class, others, visualizations, nulls, sampled: labelled }))
}

/// What the page of pictures says first.
const WORDS: &str = "You will see one picture after the other, and the same questions about each. Answer for what the picture shows, not for what you expect of it; where nobody could tell, say that you are unsure.\n\nWhere something is seen, its region may be drawn: it is then taken away from the picture, to see what the network loses.";

/// What the page of visualizations says first.
const BLIND: &str = "You will see pictures that computers made, one after the other. First say in your own words what you see; only then answer the questions. If you see nothing, say so.";

/// What readers see: all visualizations, and all that they are held against.
fn blind(claim: &Claim, visualizations: &[Source], nulls: &[(String, Vec<Source>)]) -> Result<Option<Sample>> {
    let mut by_method: BTreeMap<&str, Vec<Source>> = BTreeMap::new();
    for picture in visualizations {
        by_method.entry(picture.made_by().unwrap_or_default()).or_default().push(picture.clone());
    }
    if by_method.is_empty() {
        return Ok(None);
    }
    let whole = |name: String, pictures| Population { name, pictures, size: Size::Pictures(u64::MAX), strata: None };
    let mut populations: Vec<Population> = by_method.iter().map(|(name, of)| whole((*name).to_owned(), of)).collect();
    populations.extend(nulls.iter().map(|(name, of)| whole(null_group(name), of)));
    Sample::draw(&populations, &claim.readings, true, claim.seed).map(Some)
}

/// The pictures of a sample, by number.
fn sampled(sample: &Sample, all: &[Source]) -> Result<Vec<Source>> {
    let by_name: HashMap<&str, &Source> = all.iter().map(|source| (source.name.as_str(), source)).collect();
    let mut found = vec![];
    for item in &sample.items {
        // Pictures may have moved since: then they are known by what they show.
        let source = by_name
            .get(item.name.as_str())
            .copied()
            .or_else(|| all.iter().find(|source| source.bytes().is_ok_and(|bytes| sha256(bytes) == item.sha256)));
        found.push(source.ok_or_else(|| request!("{}: is not there any more", item.name))?.clone());
    }
    Ok(found)
}

/// What differs from what was registered, by key.
fn changes(before: &Registered, claim: &Claim, fixed: &[Pictures]) -> Vec<String> {
    let [then, now] = [&before.claim, claim].map(|of| serde_json::to_value(of).unwrap_or_default());
    let keys = then.as_object().into_iter().chain(now.as_object()).flat_map(|of| of.keys());
    let mut changed: Vec<String> = vec![];
    for key in keys {
        if then.get(key) != now.get(key) && !changed.contains(key) {
            changed.push(key.clone());
        }
    }
    for of in fixed {
        match before.pictures.iter().find(|then| then.name == of.name) {
            Some(then) if then == of => {}
            _ => changed.push(format!("the pictures of '{}'", of.name)),
        }
    }
    changed
}
