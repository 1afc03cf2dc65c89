//! The contact sheet of a table of results: any column by any others, or whatever has more than one value.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;

use serde_json::Value;

use super::grid::{Cell, Sheet, Shown};
use super::table::{FOLDER, Row, column, heading, text};
use crate::error::{Error, Result, bail};
use crate::store::{RunId, Store};

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

/// How a sheet is laid out.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The column whose values are the rows of the sheet.
    pub rows: String,
    /// Those whose values are its columns; where none is named, whatever else has more than one value.
    pub cols: Vec<String>,
    /// A column whose values are kept together; `layer` is that of a unit.
    pub group: Option<String>,
    /// Columns whose values are written beneath each picture; where none is named, the activation, and what witnesses say.
    pub captions: Vec<String>,
    /// Of several runs in a cell, the one of highest activation is shown, and not the first.
    pub best: bool,
    /// Side of a picture in pixels.
    pub side: u32,
}

impl Default for Layout {
    /// Units by whatever has more than one value, 224 pixels.
    fn default() -> Layout {
        Layout { rows: "unit".to_owned(), cols: vec![], group: None, captions: vec![], best: false, side: 224 }
    }
}

/// Where the picture of a row is, whose run has this id.
pub type Pictures<'p> = &'p dyn Fn(&Row, &RunId) -> Result<Shown>;

/// Most columns that are laid out where nobody names any: of more, seeds and facets are left out.
const MOST_COLUMNS: usize = 16;

/// The axes of a table besides `by`: columns that say what a run is, as far as they have more than one value that the ones before
/// do not decide.
fn axes(rows: &[&Row], by: &str) -> Vec<String> {
    const FIRST: [&str; 2] = [FOLDER, "method"];
    const LAST: [&str; 6] = ["classifier", "generator", "condition", "size", "facet", "seed"];
    // What a run came to, and no axis.
    const NONE: [&str; 14] = [
        "run_id",
        "status",
        "unit",
        "label",
        "initial",
        "final",
        "best",
        "scored",
        "probability",
        "forward",
        "backward",
        "seconds",
        "picture",
        "error",
    ];
    let Some(first) = rows.first() else { return vec![] };
    let is_verdict = |name: &str| ["_probability", "_logit", "_rank"].iter().any(|end| name.ends_with(end));
    let fixed = |name: &str| FIRST.contains(&name) || LAST.contains(&name) || NONE.contains(&name) || is_verdict(name);
    let swept = first.keys().map(String::as_str).filter(|name| !fixed(name));
    let all = FIRST.into_iter().chain(swept).chain(LAST).filter(|name| *name != by && first.contains_key(*name));
    let mut axes: Vec<String> = vec![];
    // The same runs may lie in several folders; only other ones are told apart by them.
    for name in all {
        let mut of: HashMap<Vec<String>, BTreeSet<String>> = HashMap::new();
        for row in rows {
            let known = axes.iter().map(|axis| text(&row[axis])).collect();
            of.entry(known).or_default().insert(text(&row[name]));
        }
        if of.values().any(|values| values.len() > 1) {
            axes.push(name.to_owned());
        }
    }
    axes
}

/// What a value of an axis is called where it stands beside others.
fn named(row: &Row, axis: &str) -> String {
    match axis {
        "method" | "generator" | "classifier" | "unit" | "condition" | "layer" | FOLDER => heading(row, axis),
        _ => format!("{axis} {}", text(&row[axis])),
    }
}

/// The layer of a row's unit; a class has none, and an expression is its own.
fn layer(row: &Row) -> String {
    let unit = text(&row["unit"]);
    match unit.split_once(':') {
        _ if unit.contains([' ', '(']) => "sums and directions".to_owned(),
        Some(("class" | "logits", _)) => "classes".to_owned(),
        Some(("layer", _)) => "whole layers".to_owned(),
        Some((layer, _)) => layer.to_owned(),
        None => unit,
    }
}

/// Lays out the pictures of rows of tables of results, whose records are in these stores. Where nothing but the rows has more than one value, the
/// pictures are wrapped into a grid.
///
/// # Errors
/// A column that there is not; more cells than [`MOST_CELLS`].
pub fn lay_out(stores: &[&Store], rows: &[&Row], layout: &Layout) -> Result<Sheet> {
    let picture = |row: &Row, id: &RunId| {
        let folder = row.get(FOLDER).and_then(Value::as_str).map(Path::new);
        let store = stores.iter().find(|store| Some(store.root()) == folder).unwrap_or(&stores[0]);
        Ok(Shown::File(store.picture(id)))
    };
    lay_out_of(&picture, rows, layout)
}

/// The same of pictures wherever they are: `picture` gives that of a row, whose run has this id.
///
/// # Errors
/// As [`lay_out`], and those of `picture`.
pub fn lay_out_of(picture: Pictures, rows: &[&Row], layout: &Layout) -> Result<Sheet> {
    let by = layout.rows.as_str();
    column(by, "rows", rows)?;
    layout.cols.iter().try_for_each(|name| column(name, "cols", rows).map(|_| ()))?;
    layout.captions.iter().try_for_each(|name| column(name, "caption", rows).map(|_| ()))?;
    let group_of = |row: &Row| match layout.group.as_deref() {
        None => String::new(),
        Some("layer") => layer(row),
        Some(axis) => named(row, axis),
    };
    if let Some(axis) = layout.group.as_deref().filter(|axis| *axis != "layer") {
        column(axis, "group", rows)?;
    }
    let varying = axes(rows, by);
    let grouped: Vec<String> = layout.group.iter().cloned().collect();
    let mut across: Vec<String> = match layout.cols.is_empty() {
        true => varying.iter().filter(|axis| !grouped.contains(axis)).cloned().collect(),
        false => layout.cols.clone(),
    };
    let column_of =
        |row: &Row, across: &[String]| across.iter().map(|axis| named(row, axis)).collect::<Vec<_>>().join(", ");
    if layout.cols.is_empty() {
        let count = |across: &[String]| rows.iter().map(|row| column_of(row, across)).collect::<HashSet<_>>().len();
        for least in ["seed", "facet"] {
            if count(&across) > MOST_COLUMNS && across.len() > 1 {
                across.retain(|axis| axis != least);
            }
        }
    }
    let mut ordered: Vec<&Row> = rows.to_vec();
    if layout.group.is_some() {
        let mut groups = Headings::default();
        ordered.sort_by_key(|row| groups.place(group_of(row)));
    }
    let (mut names, mut columns) = (Headings::default(), Headings::default());
    let mut groups: Vec<String> = vec![];
    let mut by_cell: BTreeMap<(usize, usize), Vec<&Row>> = BTreeMap::new();
    for row in ordered {
        let place = names.place(named(row, by));
        if place == groups.len() {
            groups.push(group_of(row));
        }
        by_cell.entry((place, columns.place(column_of(row, &across)))).or_default().push(row);
    }
    let (names, columns) = (names.in_order, columns.in_order);
    if names.len() * columns.len() > MOST_CELLS {
        bail!("{} x {} cells are too many for a sheet; choose with --where", names.len(), columns.len());
    }
    let mut several = false;
    let mut cells: Vec<Vec<Option<Cell>>> = vec![vec![None; columns.len()]; names.len()];
    for ((row, column), here) in by_cell {
        let done: Vec<_> = here.iter().copied().filter(|row| row["status"] == "done").collect();
        several |= done.len() > 1;
        let chosen = match layout.best {
            true => done.iter().copied().reduce(|a, b| if scored(b) > scored(a) { b } else { a }),
            false => done.first().copied(),
        };
        let failed = here.iter().find(|row| row["status"] == "failed");
        cells[row][column] = match (chosen, failed) {
            (Some(row), _) => Some(cell(picture, row, &layout.captions)?),
            (None, Some(row)) => {
                let why = row.get("error").map(text).filter(|why| why != "-").unwrap_or_default();
                let why = if why.is_empty() { vec![] } else { vec![shortened(&why)] };
                Some(Cell { shown: Shown::Nothing("the run failed".to_owned()), caption: why })
            }
            (None, None) => None,
        };
    }
    let hidden: Vec<&String> =
        varying.iter().filter(|axis| !across.contains(axis) && !grouped.contains(axis)).collect();
    let notes = notes(rows, layout, several.then_some(&hidden));
    let title = title(rows);
    if columns.len() == 1 && names.len() > 1 {
        // A row of the grid holds many, so that each is named beneath its picture.
        let mut parts: Vec<(String, Vec<Cell>)> = vec![];
        for ((name, group), row) in names.into_iter().zip(groups).zip(cells) {
            let Some(mut cell) = row.into_iter().next().flatten() else { continue };
            cell.caption.insert(0, name);
            match parts.last_mut().filter(|(last, _)| *last == group) {
                Some((_, cells)) => cells.push(cell),
                None => parts.push((group, vec![cell])),
            }
        }
        let title = if columns[0].is_empty() { title } else { format!("{title}; {}", columns[0]) };
        return Ok(Sheet::wrapped(title, parts, notes, layout.side));
    }
    Ok(Sheet { title, columns, rows: names, cells, notes, side: layout.side })
}

/// Cells of a sheet.
const MOST_CELLS: usize = 100_000;

fn scored(row: &Row) -> f64 {
    row.get("scored").and_then(Value::as_f64).unwrap_or(f64::NEG_INFINITY)
}

/// The cell of a run that is done.
fn cell(picture: Pictures, row: &Row, captions: &[String]) -> Result<Cell> {
    let id: RunId = text(&row["run_id"]).parse().map_err(|error: String| Error::request(error))?;
    let mut caption = vec![];
    if captions.is_empty() {
        if scored(row).is_finite() {
            caption.push(format!("activation {}", told(scored(row))));
        }
        caption.extend(witnesses(row));
    }
    let number = |value: &Value| match value.as_f64().filter(|_| value.is_f64()) {
        Some(number) => format!("{number:.3}"),
        None => text(value),
    };
    caption.extend(captions.iter().map(|name| format!("{name} {}", number(&row[name]))));
    Ok(Cell { shown: picture(row, &id)?, caption })
}

/// The beginning of a text that is too long for a cell.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 40;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The values of a column, each once.
fn values(rows: &[&Row], column: &str) -> String {
    let values = rows.iter().filter_map(|row| row.get(column)).filter(|value| !value.is_null());
    BTreeSet::from_iter(values.map(text)).into_iter().collect::<Vec<_>>().join(", ")
}

fn title(rows: &[&Row]) -> String {
    let mut title = format!("What {} looks for", values(rows, "classifier"));
    let several = |column: &str| Some(values(rows, column)).filter(|values| !values.is_empty());
    // Several are rows or columns.
    if let Some(method) = several("method").filter(|methods| !methods.contains(", ")) {
        title.push_str(&format!(", by {method}"));
    }
    if let Some(generators) = several("generator") {
        title.push_str(&format!("; prior: {generators}"));
    }
    title
}

/// What the numbers are, and what is not shown.
fn notes(rows: &[&Row], layout: &Layout, hidden: Option<&Vec<&String>>) -> Vec<String> {
    let mut notes = vec![];
    if layout.captions.is_empty() {
        notes.push("activation: of the unit, measured on the saved 8-bit picture (for a class, its logit)".to_owned());
        if rows.iter().any(|row| row.get("witness_probability").is_some_and(|value| !value.is_null())) {
            notes.push("beneath it: probability of the class in classifiers that took no part (witnesses)".to_owned());
        }
    }
    if let Some(hidden) = hidden {
        let which = if layout.best { "the one of highest activation" } else { "the first" };
        let of = |axis: &&String| format!("{axis}: {}", shortened(&values(rows, axis)));
        let of: Vec<String> = hidden.iter().map(of).collect();
        let of = if of.is_empty() { String::new() } else { format!(" ({})", of.join("; ")) };
        notes.push(format!("where several runs belong to a cell{of}, {which} is shown"));
    }
    let failed = rows.iter().filter(|row| row["status"] == "failed").count();
    if failed > 0 {
        notes.push(format!("{failed} of {} runs failed", rows.len()));
    }
    notes
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

/// An activation for people: what is between -1 and 1, as cosines and shares are, to the thousandth.
fn told(activation: f64) -> String {
    if activation.abs() < 1. { format!("{activation:.3}") } else { format!("{activation:.1}") }
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
