//! What is compared: the pictures of folders of records and of foreign tables, grouped into methods.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use zoo::suggest::hint;

use super::chosen::Chosen;
use super::findings::{Origin, PictureSource};
use crate::error::{Context, OfRequest, Result, bail, request};
use crate::store::Store;
use crate::store::{Record, Status};

/// A method whose pictures are compared.
#[derive(Clone, Debug, PartialEq)]
pub struct GatheredMethod {
    /// What it is called, unlike any other: `blend eps=0.01`. Empty before [`Gathered::label`].
    pub label: String,
    /// The method's name.
    pub name: String,
    /// Who made its pictures.
    pub kind: Origin,
    /// The generator that is its prior, by name; none in pixel space.
    pub generator: Option<String>,
    /// What a conditional generator was conditioned on.
    pub condition: Option<String>,
    /// All settings of the method; null of foreign ones.
    pub settings: Value,
    /// Side of its pictures in pixels; none of foreign ones.
    pub size: Option<i64>,
    /// Side of its generator's pictures, where that is another.
    pub generator_size: Option<i64>,
    /// The version of what decides a result beyond its settings, of those who made its pictures; none of foreign ones.
    pub numeric_version: Option<u32>,
}

/// A picture that is compared.
#[derive(Clone, Debug, PartialEq)]
pub struct GatheredPicture {
    /// The run's id, or the row of the foreign table.
    pub id: String,
    /// The place of its method among the groups.
    pub group: usize,
    /// The unit's name, as the record or the table has it.
    pub unit: String,
    /// The seed.
    pub seed: u64,
    /// Which of the pictures that were optimized together, from 0.
    pub facet: usize,
    /// The picture's file.
    pub path: PathBuf,
    /// Forward and backward passes that it took; none of foreign ones.
    pub passes: Option<[usize; 2]>,
    /// The photograph that its search started from, in words.
    pub started: Option<String>,
    /// Its trace; none of foreign ones.
    pub trace: Option<PathBuf>,
}

/// All that is compared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gathered {
    /// The methods: pictures are of one where their settings and prior are the same.
    pub groups: Vec<GatheredMethod>,
    /// The pictures.
    pub items: Vec<GatheredPicture>,
    /// Where the pictures came from.
    pub sources: Vec<PictureSource>,
    /// The classifiers of the records and the sha256 of their weights.
    pub classifiers: BTreeMap<String, String>,
    /// Classifiers that judged the records.
    pub witnesses: BTreeSet<String>,
    /// Ids of the runs that were taken: of one that two folders have, the first counts.
    pub(super) taken: HashSet<String>,
}

impl Gathered {
    /// Adds the finished runs of a folder of records that are chosen, and of this classifier, or of any where none is named.
    ///
    /// # Errors
    /// A request: a folder that is none or holds no such finished run, or weights of another file than in runs before.
    pub fn add_folder(&mut self, folder: &Path, classifier: Option<&str>, chosen: &Chosen) -> Result<()> {
        let store = Store::read(folder)?;
        let (mut taken, mut failed, mut others, mut twice, mut not_chosen) = (0, 0, 0, 0, 0);
        let mut records: Vec<Record> = store.records().collect();
        // Stores list their runs in no order that means anything.
        records.sort_by(|a, b| {
            (&a.method, &a.unit.name, a.seed, a.facet, &a.run_id).cmp(&(
                &b.method,
                &b.unit.name,
                b.seed,
                b.facet,
                &b.run_id,
            ))
        });
        for record in records {
            if record.status != Status::Done {
                failed += 1;
                continue;
            }
            if classifier.is_some_and(|wanted| wanted != record.classifier) {
                others += 1;
                continue;
            }
            if !chosen.has(&record) {
                not_chosen += 1;
                continue;
            }
            let id = record.run_id.to_string();
            if !self.taken.insert(id.clone()) {
                twice += 1;
                continue;
            }
            taken += 1;
            let sha256 = record.provenance.weights_sha256.get(&record.classifier).cloned().unwrap_or_default();
            if let Some(before) = self.classifiers.insert(record.classifier.clone(), sha256.clone())
                && before != sha256
            {
                bail!("{}: run {id} has other weights of {} than runs before it", folder.display(), record.classifier);
            }
            self.witnesses.extend(record.witnesses.iter().map(|verdict| verdict.classifier.clone()));
            let group = self.group(GatheredMethod {
                label: String::new(),
                name: record.method.clone(),
                kind: Origin::Run,
                generator: record.generator.clone(),
                condition: record.condition.clone(),
                settings: record.method_settings.clone(),
                size: Some(record.size),
                generator_size: record.generator_size,
                numeric_version: Some(record.provenance.numeric_version),
            });
            self.items.push(GatheredPicture {
                path: store.picture(&record.run_id),
                id,
                group,
                // Names of classes are not unique everywhere; numbers are.
                unit: match (record.unit.label, record.unit.index) {
                    (Some(_), Some(class)) => format!("class:{class}"),
                    _ => record.unit.name,
                },
                seed: record.seed.0,
                facet: record.facet,
                passes: record.passes.map(|passes| [passes.forward, passes.backward]),
                started: record.started_from.clone(),
                trace: Some(store.picture(&record.run_id).with_file_name("trace.csv")),
            });
        }
        if taken == 0 && twice == 0 {
            let of = classifier.map(|name| format!(" of {name}")).unwrap_or_default();
            let chosen = if not_chosen > 0 { " that was chosen" } else { "" };
            bail!("{}: there is no finished run{of}{chosen} in it", folder.display());
        }
        let mut skipped = vec![];
        let mut skip = |count: usize, why: &str| {
            if count > 0 {
                skipped.push(format!("{count} {why}"));
            }
        };
        skip(failed, "runs that failed");
        skip(others, "runs of other classifiers");
        skip(not_chosen, "runs that were not chosen");
        skip(twice, "runs that another folder has, too");
        skip(store.take_damage().len(), "damaged records");
        self.sources.push(PictureSource {
            path: folder.to_owned(),
            pictures: taken,
            skipped,
            experiment: fs::read_to_string(folder.join("experiment.yaml")).ok(),
            provenance: fs::read(folder.join("provenance.json"))
                .ok()
                .and_then(|bytes| serde_json::from_slice(&bytes).ok()),
        });
        Ok(())
    }

    /// Adds the pictures of a table: columns `path`, `unit`, `method`, and perhaps `seed`; paths are relative to the table.
    ///
    /// # Errors
    /// A request: a table that cannot be read, lacks a column, or names a file that is not there or no picture.
    pub fn add_table(&mut self, table: &Path) -> Result<()> {
        let file = table.display();
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .from_path(table)
            .of_request()
            .with_context(|| format!("{file}: cannot be read"))?;
        let header = reader.headers().of_request().with_context(|| format!("{file}: has no header"))?.clone();
        let column = |name: &str| header.iter().position(|column| column.eq_ignore_ascii_case(name));
        let needed = |name: &str| {
            let found = header.iter().filter(|column| !column.is_empty());
            column(name).ok_or_else(|| request!("{file}: has no column '{name}'{}", hint(name, "its columns", found)))
        };
        let (path, unit, method, seed) = (needed("path")?, needed("unit")?, needed("method")?, column("seed"));
        let mut taken = 0;
        let mut of_unit: BTreeMap<(String, String), u64> = BTreeMap::new();
        for (number, row) in reader.records().enumerate() {
            let line = number + 2;
            let row = row.of_request().with_context(|| format!("{file}: row {line} cannot be read"))?;
            let cell = |column: usize| row.get(column).unwrap_or_default();
            for (name, column) in [("path", path), ("unit", unit), ("method", method)] {
                if cell(column).is_empty() {
                    bail!("{file}: row {line} has no {name}");
                }
            }
            let picture = table.parent().unwrap_or(Path::new("")).join(cell(path));
            if !picture.is_file() {
                bail!("{file}: row {line}: {} is not there", picture.display());
            }
            crate::picture::read(&picture).of_request().with_context(|| format!("{file}: row {line}"))?;
            let next = of_unit.entry((cell(method).to_owned(), cell(unit).to_owned())).or_default();
            let seed = match seed.map(cell).filter(|text| !text.is_empty()) {
                Some(text) => {
                    text.parse().map_err(|_| request!("{file}: row {line}: seed '{text}' is no whole number"))?
                }
                None => *next,
            };
            *next += 1;
            let group = self.group(GatheredMethod {
                label: String::new(),
                name: cell(method).to_owned(),
                kind: Origin::Foreign,
                generator: None,
                condition: None,
                settings: Value::Null,
                size: None,
                generator_size: None,
                numeric_version: None,
            });
            taken += 1;
            self.items.push(GatheredPicture {
                id: format!("{}:{line}", table.file_name().unwrap_or_default().to_string_lossy()),
                group,
                unit: cell(unit).to_owned(),
                seed,
                facet: 0,
                path: picture,
                passes: None,
                started: None,
                trace: None,
            });
        }
        if taken == 0 {
            bail!("{file}: has no rows");
        }
        let source = PictureSource {
            path: table.to_owned(),
            pictures: taken,
            skipped: vec![],
            experiment: None,
            provenance: None,
        };
        self.sources.push(source);
        Ok(())
    }

    fn group(&mut self, group: GatheredMethod) -> usize {
        match self.groups.iter().position(|known| *known == group) {
            Some(place) => place,
            None => {
                self.groups.push(group);
                self.groups.len() - 1
            }
        }
    }
}
