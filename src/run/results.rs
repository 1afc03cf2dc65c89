//! The tables of an experiment: a row a run, as CSV and as JSON Lines; and where its numbers come from.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::compute::name_of;
use crate::error::{Context, Result};
use crate::models::OwnManifests;
use serde_json::{Map, Value, json};

use super::plan::{Plan, PlannedRun};
use crate::store::{Aside, Entry, Store};
use crate::store::{LIBTORCH_VERSION, NUMERIC_VERSION, Status};
use crate::unit::keep_files;

/// The table of all runs, as CSV.
pub const CSV: &str = "results.csv";
/// The table of all runs, as JSON Lines.
pub const JSON_LINES: &str = "results.jsonl";
/// Where the numbers come from.
pub const PROVENANCE: &str = "provenance.json";

/// Where the manifests of networks are that the zoo does not have: see [`OwnManifests`].
pub const MANIFESTS: &str = "manifests.json";

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
    /// Done, and not judged by the experiment's witnesses yet.
    pub unjudged: usize,
    /// Failed.
    pub failed: usize,
    /// Not there.
    pub missing: usize,
}

impl Count {
    /// Those that the same command goes on with.
    pub fn left(&self) -> usize {
        self.missing + self.unjudged
    }
}

impl Results<'_> {
    /// A row: column and value, in the order of the columns.
    fn row(&self, run: &PlannedRun, entry: Option<&Entry>) -> Map<String, Value> {
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
        for (name, value) in figures(entry, self.witnesses) {
            row.insert(name, value);
        }
        row
    }

    /// The rows of all runs, done or not.
    pub fn rows(&self) -> impl Iterator<Item = Map<String, Value>> + '_ {
        self.plan.runs().iter().map(|run| self.row(run, self.store.entry(&run.id()).as_ref()))
    }

    /// Whether nothing is left to do for a run: it is done and, where its unit is a class, judged by the witnesses; or it has
    /// failed, unless it is to be tried again.
    pub fn is_complete(&self, run: &PlannedRun, retry_failed: bool) -> bool {
        self.store.entry(&run.id()).is_some_and(|entry| match entry.status {
            Status::Failed => !retry_failed,
            Status::Done => {
                let to_be_judged = !self.witnesses.is_empty() && self.plan.unit(run).class().is_some();
                !to_be_judged || entry.is_judged_by(self.witnesses)
            }
        })
    }

    /// What became of all runs.
    pub fn count(&self) -> Count {
        self.count_of(self.plan.runs())
    }

    /// What became of these runs of the plan.
    pub fn count_of<'r>(&self, runs: impl IntoIterator<Item = &'r PlannedRun>) -> Count {
        let mut count = Count::default();
        for run in runs {
            match self.store.entry(&run.id()).map(|entry| entry.status) {
                Some(Status::Done) => {
                    count.done += 1;
                    count.unjudged += usize::from(!self.is_complete(run, false));
                }
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
        let mut csv = csv::Writer::from_writer(Aside::new(self.store, CSV)?);
        let mut lines = Aside::new(self.store, JSON_LINES)?;
        let cannot = || format!("{}: cannot be written", self.store.root().join(CSV).display());
        for (number, row) in self.rows().enumerate() {
            if number == 0 {
                csv.write_record(row.keys()).with_context(cannot)?;
            }
            csv.write_record(row.values().map(cell)).with_context(cannot)?;
            lines.line(&Value::Object(row).to_string())?;
        }
        csv.into_inner().map_err(|error| error.into_error()).with_context(cannot)?.put()?;
        lines.put()
    }

    /// Leaves what units of the plan were given as files, so that their records can be read where those are not.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn keep_files(&self) -> Result<()> {
        keep_files(self.plan.runs().iter().map(|run| self.plan.unit(run)), self.store.root())
    }

    /// Writes where the manifests of networks of one's own are, beside those that are noted there already, so that the records can be
    /// compared without naming them again. Nothing where there are none.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_manifests(&self, manifests: OwnManifests) -> Result<()> {
        if manifests.is_empty() {
            return Ok(());
        }
        let mut all = manifests_in(self.store.root());
        for (kind, manifests) in manifests {
            all.entry(kind).or_default().extend(manifests);
        }
        let mut file = Aside::new(self.store, MANIFESTS)?;
        file.line(&serde_json::to_string_pretty(&all)?)?;
        file.put()
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
            let mut of_run = record.provenance.definitions;
            for (name, sha256) in record.provenance.weights_sha256 {
                let definition = of_run.remove(&name).unwrap_or_default();
                let name = name_of(&name, &sha256, &weights_sha256);
                definitions.insert(name.clone(), definition);
                weights_sha256.insert(name, sha256);
            }
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

/// What a run is, each with the name of its column.
pub fn identified(entry: &Entry) -> Vec<(String, Value)> {
    let status = if entry.status == Status::Done { "done" } else { "failed" };
    [
        ("run_id", json!(entry.run_id.to_string())),
        ("status", json!(status)),
        ("classifier", json!(entry.classifier)),
        ("generator", json!(entry.generator)),
        ("condition", json!(entry.condition)),
        ("method", json!(entry.method)),
        ("unit", json!(entry.unit)),
        ("label", json!(entry.label)),
        ("seed", json!(entry.seed)),
        ("facet", json!(entry.facet)),
        ("steps", json!(entry.steps)),
        ("size", json!(entry.size)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// The figures of a run, each with the name of its column; all of them nothing where there is no record.
pub fn figures(entry: Option<&Entry>, witnesses: &[String]) -> Vec<(String, Value)> {
    let mut figures = vec![];
    let mut put = |name: &str, value: Value| figures.push((name.to_owned(), value));
    put("initial", json!(entry.and_then(|entry| entry.activation.initial)));
    put("final", json!(entry.and_then(|entry| entry.activation.last)));
    put("best", json!(entry.and_then(|entry| entry.activation.best)));
    put("scored", json!(entry.and_then(|entry| entry.activation.scored)));
    put("probability", json!(entry.and_then(|entry| entry.probability)));
    put("witness_probability", json!(entry.and_then(Entry::witness_probability)));
    for name in witnesses {
        let verdict = entry.and_then(|entry| entry.witnesses.iter().find(|verdict| verdict.classifier == *name));
        put(&format!("{name}_probability"), json!(verdict.map(|verdict| verdict.probability)));
        put(&format!("{name}_logit"), json!(verdict.map(|verdict| verdict.logit)));
        put(&format!("{name}_rank"), json!(verdict.map(|verdict| verdict.rank)));
    }
    let passes = entry.and_then(|entry| entry.passes);
    put("forward", json!(passes.map(|passes| passes.forward)));
    put("backward", json!(passes.map(|passes| passes.backward)));
    put("seconds", json!(entry.and_then(|entry| entry.seconds)));
    let picture = entry.filter(|entry| entry.status == Status::Done);
    put("picture", json!(picture.map(|entry| format!("runs/{}/image.png", entry.run_id))));
    put("error", json!(entry.and_then(|entry| entry.error.as_ref())));
    figures
}

/// A value as a cell of a table: nothing for what there is not.
pub fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What [`Results::write_manifests`] has noted in a folder of records.
pub fn manifests_in(folder: &Path) -> OwnManifests {
    let noted = std::fs::read(folder.join(MANIFESTS)).ok();
    noted.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_with_commas_and_quotes_are_quoted() {
        let row = [json!("_blocks.10:37@7,7"), json!("say \"x\""), json!(0.5), Value::Null];
        let mut csv = csv::Writer::from_writer(vec![]);
        csv.write_record(row.iter().map(cell)).unwrap();
        let line = String::from_utf8(csv.into_inner().unwrap()).unwrap();
        assert_eq!(line, "\"_blocks.10:37@7,7\",\"say \"\"x\"\"\",0.5,\n");
    }
}
