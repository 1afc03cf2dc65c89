//! The contact sheet of a table of results: any column by any others.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use zoo::suggest::hint;

use super::grid::{Cell, Sheet};
use crate::error::{Context, Error, Result, bail, request};
use crate::picture;
use crate::run::{JSON_LINES, Results};
use crate::store::{Aside, RunId, Store};

/// The column of the folder in which a row's records are.
const FOLDER: &str = "folder";

/// A row of a table of results: column and value.
pub type Row = Map<String, Value>;

/// Draws `sheet.png` into the folder of records, units by methods, where that is a page that one can look at; tells whether it did.
///
/// # Errors
/// A picture that cannot be read, a file that cannot be written.
pub fn draw_small(results: &Results) -> Result<bool> {
    const MOST: usize = 40;
    let plan = results.plan;
    let units: HashSet<&str> = plan.runs().iter().map(|run| &*plan.unit(run).name).collect();
    let methods: HashSet<&str> = plan.parts().iter().map(|part| &*part.method.name).collect();
    if units.len() > MOST || methods.len() > MOST || results.count().done == 0 {
        return Ok(false);
    }
    let rows: Vec<Row> = results.rows().collect();
    let rows: Vec<&Row> = rows.iter().collect();
    let sheet = lay_out(&[results.store], &rows, "unit", &["method".to_owned()], false, 160)?;
    // Several processes may do this at once.
    let mut png = std::io::Cursor::new(vec![]);
    sheet.draw()?.write_to(&mut png, image::ImageFormat::Png).context("sheet.png cannot be made")?;
    let mut file = Aside::new(results.store, "sheet.png")?;
    file.bytes(png.get_ref())?;
    file.put()?;
    Ok(true)
}

/// The rows of the tables of results in several folders, which a column `folder` tells apart. A column that only some of them have is empty
/// in the others.
///
/// # Errors
/// A table that is not there, or is none.
pub fn tables(folders: &[PathBuf]) -> Result<Vec<Row>> {
    let mut rows = vec![];
    for folder in folders {
        let named = |mut row: Row| {
            row.insert(FOLDER.to_owned(), folder.display().to_string().into());
            row
        };
        rows.extend(table(folder)?.into_iter().map(named));
    }
    let columns: BTreeSet<String> = rows.iter().flat_map(|row| row.keys().cloned()).collect();
    for row in &mut rows {
        for column in &columns {
            if !row.contains_key(column) {
                row.insert(column.clone(), Value::Null);
            }
        }
    }
    Ok(rows)
}

/// The rows of the table of results in a folder, `results.jsonl`.
fn table(folder: &Path) -> Result<Vec<Row>> {
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

/// A column that there is.
fn column<'a>(name: &str, option: &str, rows: &'a [impl std::borrow::Borrow<Row>]) -> Result<&'a str> {
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
fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What a row's value of an axis is called on a sheet: a class by its name.
fn heading(row: &Row, axis: &str) -> String {
    match axis {
        "unit" => row.get("label").and_then(Value::as_str).map_or_else(|| text(&row[axis]), str::to_owned),
        _ => text(&row[axis]),
    }
}

/// Names of rows or columns, each once, in the order in which they come.
#[derive(Default)]
struct Headings {
    in_order: Vec<String>,
    places: HashMap<String, usize>,
}

impl Headings {
    /// The place of a name.
    fn place(&mut self, name: String) -> usize {
        *self.places.entry(name).or_insert_with_key(|name| {
            self.in_order.push(name.clone());
            self.in_order.len() - 1
        })
    }
}

/// Lays out the pictures of rows of tables of results, whose records are in these stores: `by` is the column whose values are the rows of the
/// sheet, `across` those whose values are its columns; of several runs in a cell the first one is shown, or the one of highest activation (`best`). Pictures are drawn
/// `side` pixels wide.
///
/// # Errors
/// A column that there is not; more than 4,000 cells; a picture that cannot be read.
pub fn lay_out(stores: &[&Store], rows: &[&Row], by: &str, across: &[String], best: bool, side: u32) -> Result<Sheet> {
    column(by, "rows", rows)?;
    across.iter().try_for_each(|name| column(name, "cols", rows).map(|_| ()))?;
    let named = |row: &Row, axis: &str| match axis {
        "method" | "generator" | "classifier" | "unit" | FOLDER => heading(row, axis),
        _ => format!("{axis} {}", text(&row[axis])),
    };
    let column_of = |row: &Row| across.iter().map(|axis| named(row, axis)).collect::<Vec<_>>().join(", ");
    let (mut names, mut columns) = (Headings::default(), Headings::default());
    let mut by_cell: BTreeMap<(usize, usize), Vec<&Row>> = BTreeMap::new();
    for row in rows {
        by_cell.entry((names.place(named(row, by)), columns.place(column_of(row)))).or_default().push(row);
    }
    let (names, columns) = (names.in_order, columns.in_order);
    const MOST_CELLS: usize = 4000;
    if names.len() * columns.len() > MOST_CELLS {
        bail!("{} x {} cells are too many for a sheet; choose with --where", names.len(), columns.len());
    }
    let mut several = false;
    let mut cells: Vec<Vec<Option<Cell>>> = vec![vec![None; columns.len()]; names.len()];
    let scored = |row: &Row| row.get("scored").and_then(Value::as_f64).unwrap_or(f64::NEG_INFINITY);
    for ((row, column), here) in by_cell {
        let done: Vec<_> = here.iter().copied().filter(|row| row["status"] == "done").collect();
        several |= done.len() > 1;
        let chosen = match best {
            true => done.iter().copied().reduce(|a, b| if scored(b) > scored(a) { b } else { a }),
            false => done.first().copied(),
        };
        cells[row][column] = match chosen {
            Some(row) => {
                let id: RunId = text(&row["run_id"]).parse().map_err(|error: String| Error::request(error))?;
                let mut caption = vec![];
                if scored(row).is_finite() {
                    caption.push(format!("activation {:.1}", scored(row)));
                }
                caption.extend(witnesses(row));
                let folder = row.get(FOLDER).and_then(Value::as_str).map(Path::new);
                let store = stores.iter().find(|store| Some(store.root()) == folder).unwrap_or(&stores[0]);
                Some(Cell { picture: Some(picture::read(&store.picture(&id))?), caption })
            }
            None if here.iter().any(|row| row["status"] == "failed") => {
                Some(Cell { picture: None, caption: vec!["failed".to_owned()] })
            }
            None => None,
        };
    }
    let mut notes =
        vec!["activation: of the unit, measured on the saved 8-bit picture (for a class, its logit)".to_owned()];
    if rows.iter().any(|row| row.get("witness_probability").is_some_and(|value| !value.is_null())) {
        notes.push("beneath it: probability of the class in classifiers that took no part (witnesses)".to_owned());
    }
    if several {
        let which = if best { "the one of highest activation" } else { "the first" };
        notes.push(format!("where several runs belong to a cell, {which} is shown"));
    }
    let of = |column: &str| {
        let mut values: Vec<String> = rows.iter().map(|row| text(&row[column])).filter(|value| value != "-").collect();
        values.sort();
        values.dedup();
        values.join(", ")
    };
    let mut title = format!("What {} looks for", of("classifier"));
    let generators = of("generator");
    if !generators.is_empty() {
        title.push_str(&format!("; prior: {generators}"));
    }
    Ok(Sheet { title, columns, rows: names, cells, notes, side })
}

/// Witnesses that are named each; of more of them the mean is told.
const MOST_WITNESSES: usize = 3;

/// What the witnesses say of a row's picture, a line each: their mean hides that kin may believe what strangers do not.
fn witnesses(row: &Row) -> Vec<String> {
    const MEAN: &str = "witness_probability";
    let told = |name: &str, key: &str| Some(format!("{name} {:.2}", row.get(key).and_then(Value::as_f64)?));
    let named = row.keys().filter(|key| *key != MEAN).filter_map(|key| Some((key.strip_suffix("_probability")?, key)));
    let each: Vec<String> = named.filter_map(|(name, key)| told(name, key)).collect();
    if each.is_empty() || each.len() > MOST_WITNESSES { told("witnesses", MEAN).into_iter().collect() } else { each }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn kin_and_strangers_are_told_apart_beneath_a_picture() {
        let row = |value: Value| value.as_object().cloned().unwrap();
        let two = row(
            json!({ "probability": 1.0, "witness_probability": 0.5, "lite1_probability": 0.99, "squeezenet_probability": 0.01 }),
        );
        assert_eq!(witnesses(&two), ["lite1 0.99", "squeezenet 0.01"]);
        let mut many = two.clone();
        for name in ["a", "b"] {
            many.insert(format!("{name}_probability"), json!(0.5));
        }
        assert_eq!(witnesses(&many), ["witnesses 0.50"]);
        assert!(
            witnesses(&row(json!({ "probability": 1.0, "witness_probability": null, "lite1_probability": null })))
                .is_empty()
        );
    }
}
