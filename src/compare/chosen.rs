//! Which runs of folders of records are compared.

use std::collections::{BTreeMap, HashSet};

use crate::error::{Result, request};
use crate::store::{Record, RunId, leaves};

/// Which runs are compared; all where nothing is said.
#[derive(Clone, Debug, Default)]
pub struct Chosen {
    /// Values by axis, of which a run has one.
    values: BTreeMap<String, Vec<String>>,
    /// The runs of experiments.
    runs: Option<HashSet<RunId>>,
}

impl Chosen {
    /// Of conditions such as `method=naive` or `eps=0.1`; of each axis that is named a run has one of the values.
    ///
    /// # Errors
    /// A request: what is not `AXIS=VALUE`.
    pub fn of(conditions: &[String], runs: Option<HashSet<RunId>>) -> Result<Chosen> {
        let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for text in conditions {
            let (axis, value) = text.split_once('=').ok_or_else(|| request!("--where: '{text}' is not AXIS=VALUE"))?;
            values.entry(axis.trim().to_owned()).or_default().push(value.trim().to_owned());
        }
        Ok(Chosen { values, runs })
    }

    /// Whether a run is compared.
    pub fn has(&self, record: &Record) -> bool {
        let is_of_runs = self.runs.as_ref().is_none_or(|runs| runs.contains(&record.run_id));
        is_of_runs
            && self.values.iter().all(|(axis, wanted)| {
                let found = values(record, axis);
                wanted.iter().any(|value| found.iter().any(|found| is_same(found, value)))
            })
    }
}

/// The values of a run on an axis: what identifies it, or a setting of its method by its path or the last part of that.
fn values(record: &Record, axis: &str) -> Vec<String> {
    let text = |text: &Option<String>| text.iter().cloned().collect();
    match axis {
        "method" => vec![record.method.clone()],
        "unit" => [Some(record.unit.name.clone()), record.unit.label.clone()].into_iter().flatten().collect(),
        "layer" => text(&record.unit.layer),
        "classifier" => vec![record.classifier.clone()],
        "generator" => text(&record.generator),
        "condition" => text(&record.condition),
        "seed" => vec![record.seed.0.to_string()],
        "facet" => vec![record.facet.to_string()],
        "size" => vec![record.size.to_string()],
        "numeric_version" => vec![record.provenance.numeric_version.to_string()],
        "version" => vec![record.provenance.version.clone()],
        _ => {
            let end = format!(".{axis}");
            let of_axis = |path: &String| *path == axis || path.ends_with(&end);
            let settings = leaves(&record.method_settings).into_iter().filter(|(path, _)| of_axis(path));
            settings.map(|(_, value)| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).collect()
        }
    }
}

/// Whether two texts are the same value: 0.10 is 0.1.
fn is_same(a: &str, b: &str) -> bool {
    a == b || matches!((a.parse::<f64>(), b.parse::<f64>()), (Ok(a), Ok(b)) if a == b)
}
