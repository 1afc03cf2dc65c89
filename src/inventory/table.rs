//! One table over folders of records: a row a run, read from their indices.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::error::{Context, Result};
use crate::run::{cell, figures, identified};
use crate::store::Store;

/// A table: names of columns, and rows of as many values.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Values by row and column; null where there is none.
    pub rows: Vec<Vec<Value>>,
}

/// The runs of folders of records, in the order of the folders and of the runs' ids. A run that several folders have is there once. With
/// `settings` every record is read for the settings of its method, a column of JSON.
///
/// # Errors
/// Storage: a record that cannot be read.
pub fn table(stores: &[Store], settings: bool) -> Result<Table> {
    let mut known = BTreeSet::new();
    let mut entries = vec![];
    for store in stores {
        for entry in store.entries() {
            if known.insert(entry.run_id.clone()) {
                entries.push((store, entry));
            }
        }
    }
    let witnesses: BTreeSet<&str> =
        entries.iter().flat_map(|(_, entry)| entry.witnesses.iter().map(|of| of.classifier.as_str())).collect();
    let witnesses: Vec<String> = witnesses.into_iter().map(str::to_owned).collect();
    let (mut columns, mut rows) = (vec![], vec![]);
    for (store, entry) in &entries {
        let named = |(name, value): (&str, Value)| (name.to_owned(), value);
        let mut row = vec![named(("folder", json!(store.root().display().to_string())))];
        row.extend(identified(entry));
        let of_versions = [
            ("numeric_version", json!(entry.numeric_version)),
            ("version", json!(entry.version)),
            ("bytes", json!(entry.bytes)),
        ];
        row.extend(of_versions.map(named));
        row.extend(figures(Some(entry), &witnesses));
        if settings {
            let record = store.record(&entry.run_id);
            let record =
                record.with_context(|| format!("{}: run {} cannot be read", store.root().display(), entry.run_id))?;
            row.push(("settings".to_owned(), json!(record.method_settings.to_string())));
        }
        if columns.is_empty() {
            columns = row.iter().map(|(name, _)| name.clone()).collect();
        }
        rows.push(row.into_iter().map(|(_, value)| value).collect());
    }
    Ok(Table { columns, rows })
}

impl Table {
    /// As CSV, RFC 4180.
    ///
    /// # Errors
    /// None that such a table can have.
    pub fn csv(&self) -> Result<Vec<u8>> {
        let mut writer = csv::Writer::from_writer(vec![]);
        writer.write_record(&self.columns).context("a table cannot be written")?;
        for row in &self.rows {
            writer.write_record(row.iter().map(cell)).context("a table cannot be written")?;
        }
        writer.into_inner().map_err(|error| error.into_error()).context("a table cannot be written")
    }

    /// As JSON Lines: a document a row.
    pub fn json_lines(&self) -> Vec<u8> {
        let mut text = String::new();
        for row in &self.rows {
            let row: Map<String, Value> = self.columns.iter().cloned().zip(row.iter().cloned()).collect();
            text.push_str(&Value::Object(row).to_string());
            text.push('\n');
        }
        text.into_bytes()
    }
}
