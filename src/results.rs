//! The tables of an experiment: a row a run, as CSV and as JSON Lines; and where its numbers come from.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use crate::plan::{Plan, Planned};
use crate::record::{LIBTORCH_VERSION, NUMERIC_VERSION, Status};
use crate::store::{Entry, Store};

/// The table of all runs, as CSV.
pub const CSV: &str = "results.csv";
/// The same as JSON Lines.
pub const JSON_LINES: &str = "results.jsonl";
/// Where the numbers come from.
pub const PROVENANCE: &str = "provenance.json";

/// A plan, and what the store knows of its runs.
#[derive(Clone, Copy, Debug)]
pub struct Results<'a> {
    /// The runs.
    pub plan: &'a Plan,
    /// Where they are.
    pub store: &'a Store,
    /// The names of the experiment's axes.
    pub axes: &'a [String],
    /// Who judged: classifiers by name.
    pub witnesses: &'a [String],
}

/// Number of runs by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Done.
    pub done: usize,
    /// Failed.
    pub failed: usize,
    /// Not there.
    pub missing: usize,
}

impl Results<'_> {
    /// A row: column and value, in the order of the columns.
    fn row(&self, run: &Planned, entry: Option<&Entry>) -> Map<String, Value> {
        let part = &self.plan.parts()[run.part as usize];
        let unit = self.plan.unit(run);
        let status = match entry.map(|entry| entry.status) {
            Some(Status::Done) => "done",
            Some(Status::Failed) => "failed",
            None => "missing",
        };
        let mut row = Map::new();
        let mut put = |name: &str, value: Value| {
            row.insert(name.to_owned(), value);
        };
        put("run_id", json!(run.id().to_string()));
        put("status", json!(status));
        put("classifier", json!(part.classifier));
        put("generator", json!(part.generator));
        put("condition", json!(entry.and_then(|entry| entry.condition.as_ref())));
        put("method", json!(part.method.name));
        put("unit", json!(unit.name));
        put("label", json!(unit.label()));
        put("seed", json!(run.seed));
        put("facet", json!(run.facet));
        put("steps", json!(part.method.all_steps()));
        put("size", json!(entry.map(|entry| entry.size)));
        for (axis, value) in self.axes.iter().zip(&part.values) {
            // An axis may have the name of a column, such as `steps`: where it does not concern the run, that says more.
            if value.is_some() || !row.contains_key(axis) {
                row.insert(axis.clone(), value.clone().unwrap_or_default());
            }
        }
        let mut put = |name: &str, value: Value| {
            row.insert(name.to_owned(), value);
        };
        put("initial", json!(entry.and_then(|entry| entry.activation.initial)));
        put("final", json!(entry.and_then(|entry| entry.activation.last)));
        put("best", json!(entry.and_then(|entry| entry.activation.best)));
        put("scored", json!(entry.and_then(|entry| entry.activation.scored)));
        put("probability", json!(entry.and_then(|entry| entry.probability)));
        put("witness_probability", json!(entry.and_then(Entry::witness_probability)));
        for name in self.witnesses {
            let verdict = entry.and_then(|entry| entry.witnesses.iter().find(|verdict| verdict.classifier == *name));
            put(&format!("{name}_probability"), json!(verdict.map(|verdict| verdict.probability)));
            put(&format!("{name}_logit"), json!(verdict.map(|verdict| verdict.logit)));
            put(&format!("{name}_rank"), json!(verdict.map(|verdict| verdict.rank)));
        }
        put("error", json!(entry.and_then(|entry| entry.error.as_ref())));
        row
    }

    /// What became of the runs.
    pub fn count(&self) -> Count {
        let mut count = Count::default();
        for run in self.plan.runs() {
            match self.store.entry(&run.id()).map(|entry| entry.status) {
                Some(Status::Done) => count.done += 1,
                Some(Status::Failed) => count.failed += 1,
                None => count.missing += 1,
            }
        }
        count
    }

    /// Writes the tables of all runs, done or not, beside the records: aside, then renamed, so that several processes may write
    /// them.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn write(&self) -> Result<()> {
        let (mut csv, mut lines) = (Aside::new(self.store, CSV)?, Aside::new(self.store, JSON_LINES)?);
        for (number, run) in self.plan.runs().iter().enumerate() {
            let row = self.row(run, self.store.entry(&run.id()).as_ref());
            if number == 0 {
                csv.line(&row.keys().map(|name| cell(&json!(name))).collect::<Vec<_>>().join(","))?;
            }
            csv.line(&row.values().map(cell).collect::<Vec<_>>().join(","))?;
            lines.line(&Value::Object(row).to_string())?;
        }
        csv.put()?;
        lines.put()
    }

    /// Writes where the numbers come from: the experiment, the program, what each network is, and with how many threads the runs
    /// were computed. `more` are fields of the caller's.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_provenance(&self, more: Value) -> Result<()> {
        let count = self.count();
        // Runs of one part have their networks in common.
        let (mut weights_sha256, mut definitions, mut threads) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        let mut seen = vec![false; self.plan.parts().len()];
        for run in self.plan.runs() {
            if seen[run.part as usize] {
                continue;
            }
            let is_done = self.store.entry(&run.id()).is_some_and(|entry| entry.status == Status::Done);
            let Some(record) = is_done.then(|| self.store.done(&run.id())).flatten() else { continue };
            seen[run.part as usize] = true;
            weights_sha256.extend(record.provenance.weights_sha256);
            definitions.extend(record.provenance.definitions);
            threads.insert(record.provenance.threads);
        }
        let mut document = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "numeric_version": NUMERIC_VERSION,
            "libtorch": LIBTORCH_VERSION,
            "host_arch": std::env::consts::ARCH,
            "runs": { "planned": self.plan.runs().len(), "done": count.done, "failed": count.failed, "missing": count.missing },
            "batches": self.plan.batch_count(),
            "weights_sha256": weights_sha256,
            "definitions": definitions,
            "threads": threads,
        });
        if let (Value::Object(document), Value::Object(more)) = (&mut document, more) {
            document.extend(more);
        }
        let mut file = Aside::new(self.store, PROVENANCE)?;
        file.line(&format!("{document:#}"))?;
        file.put()
    }
}

/// A value as a cell of a CSV table (RFC 4180): nothing for what there is not.
fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => return String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

/// A file beside the records, which is written aside and renamed into its place whole.
pub struct Aside {
    aside: std::path::PathBuf,
    place: std::path::PathBuf,
    file: std::io::BufWriter<fs::File>,
}

impl Aside {
    /// Begins a file of this name.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn new(store: &Store, name: &str) -> Result<Aside> {
        Aside::at(store.root().join(name), store.aside_of(name))
    }

    /// Begins a file of this name in a folder that is no store.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn within(folder: &Path, name: &str) -> Result<Aside> {
        Aside::at(folder.join(name), folder.join(format!(".{name}.{}", std::process::id())))
    }

    fn at(place: std::path::PathBuf, aside: std::path::PathBuf) -> Result<Aside> {
        let file = fs::File::create(&aside).with_context(|| format!("{}: cannot be written", place.display()))?;
        Ok(Aside { aside, place, file: std::io::BufWriter::new(file) })
    }

    /// Adds a line.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn line(&mut self, line: &str) -> Result<()> {
        writeln!(self.file, "{line}").with_context(|| format!("{}: cannot be written", self.place.display()))
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).with_context(|| format!("{}: cannot be written", self.place.display()))
    }

    /// Puts it in its place.
    ///
    /// # Errors
    /// If it cannot be written whole, or not be renamed.
    pub fn put(mut self) -> Result<()> {
        let whole = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        let put = whole.and_then(|()| fs::rename(&self.aside, &self.place));
        put.with_context(|| format!("{}: cannot be written", self.place.display()))
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        // It is not there any more where it was put in its place.
        let _ = fs::remove_file(&self.aside);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_with_commas_and_quotes_are_quoted() {
        assert_eq!(cell(&json!("_blocks.10:37@7,7")), "\"_blocks.10:37@7,7\"");
        assert_eq!(cell(&json!("say \"x\"")), "\"say \"\"x\"\"\"");
        assert_eq!(cell(&json!(0.5)), "0.5");
        assert_eq!(cell(&Value::Null), "");
    }
}
