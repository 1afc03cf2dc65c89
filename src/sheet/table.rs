//! Tables of results: rows of one or several folders of records, chosen by the values of their columns.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};
use zoo::suggest::hint;

use crate::error::{Context, Result, bail, request};
use crate::run::{JSON_LINES, figures, identified};
use crate::store::{Entry, Record};

/// The column of the folder in which a row's records are.
pub(super) const FOLDER: &str = "folder";

/// A row of a table of results: column and value.
pub type Row = Map<String, Value>;

/// The rows of the table of results in a folder, `results.jsonl`.
pub(super) fn table(folder: &Path) -> Result<Vec<Row>> {
    let path = folder.join(JSON_LINES);
    let named = || format!("{}: cannot be read; `metapicture sweep` and `visualize` write it", path.display());
    let lines = std::fs::read_to_string(&path).with_context(named)?;
    let row = |(number, line): (usize, &str)| {
        serde_json::from_str(line).with_context(|| format!("{}:{}: is no row", path.display(), number + 1))
    };
    let rows: Vec<Row> = lines.lines().enumerate().map(row).collect::<Result<_>>()?;
    if rows.is_empty() {
        bail!("{}: has no rows", path.display());
    }
    for column in ["run_id", "status", "unit", "method"] {
        if rows.iter().any(|row| !row.contains_key(column)) {
            bail!("{}: has no column '{column}'", path.display());
        }
    }
    Ok(rows)
}

/// The row of a record that lies in no folder.
pub fn row_of(record: &Record) -> Row {
    let entry = Entry::of_record(record);
    let witnesses: Vec<String> = entry.witnesses.iter().map(|of| of.classifier.clone()).collect();
    identified(&entry).into_iter().chain(figures(Some(&entry), &witnesses)).collect()
}

/// A column that there is.
pub(super) fn column<'a>(name: &str, option: &str, rows: &'a [impl std::borrow::Borrow<Row>]) -> Result<&'a str> {
    let names = || rows.iter().take(1).flat_map(|row| row.borrow().keys().map(String::as_str));
    names()
        .find(|known| *known == name)
        .ok_or_else(|| request!("--{option}: no column '{name}'{}", hint(name, "the columns", names())))
}

/// The rows that have these values, each written `AXIS=VALUE`: of each axis that is named, one of its values. A class goes by its name, too.
///
/// # Errors
/// A condition that is not written so, a column that there is not, no such row.
pub fn only<'r>(rows: &'r [Row], conditions: &[String]) -> Result<Vec<&'r Row>> {
    let condition = |text: &String| {
        let (axis, value) = text.split_once('=').ok_or_else(|| request!("--where: '{text}' is not AXIS=VALUE"))?;
        Ok((column(axis, "where", rows)?, value.to_owned()))
    };
    let conditions = conditions.iter().map(condition).collect::<Result<Vec<_>>>()?;
    let mut values: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    conditions.into_iter().for_each(|(axis, value)| values.entry(axis).or_default().push(value));
    let fits = |row: &&Row| {
        let is = |axis: &str, value: &String| text(&row[axis]) == *value || heading(row, axis) == *value;
        values.iter().all(|(axis, values)| values.iter().any(|value| is(axis, value)))
    };
    let rows: Vec<&Row> = rows.iter().filter(fits).collect();
    if rows.is_empty() {
        bail!("--where: no run has these values");
    }
    Ok(rows)
}

/// As a sheet shows a value.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What a row's value of an axis is called on a sheet: a class by its name.
pub(super) fn heading(row: &Row, axis: &str) -> String {
    match axis {
        "unit" => row.get("label").and_then(Value::as_str).map_or_else(|| text(&row[axis]), str::to_owned),
        _ => text(&row[axis]),
    }
}
