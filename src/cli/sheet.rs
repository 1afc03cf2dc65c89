//! `metapicture sheet`: a labelled contact sheet of a folder of records, by any two columns of its table of results.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use frozen::suggest::hint;
use serde_json::{Map, Value, json};

use super::{Failure, Usage, print_json};
use crate::picture;
use crate::run::results::{JSON_LINES, Results};
use crate::sheet::{Cell, Sheet};
use crate::store::record::RunId;
use crate::store::{Aside, Store};

/// A labelled contact sheet of a folder of records, by any two columns of its results.csv.
#[derive(Debug, Args)]
#[command(
    after_help = "Columns are those of results.csv: unit, method, seed, classifier, generator, facet, size and every swept value. Where
several runs fall into one cell, the first one is shown, or with --pick best the one of highest activation.

Example:
  metapicture sheet out/smoke --rows unit --cols method --where seed=0"
)]
pub struct SheetCommand {
    /// The folder.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// What the rows are.
    #[arg(long, default_value = "unit", value_name = "AXIS")]
    rows: String,
    /// What the columns are; several with commas between them for every combination.
    #[arg(long, default_value = "method", value_name = "AXIS", value_delimiter = ',')]
    cols: Vec<String>,
    /// Only runs with this value in a column; may be repeated.
    #[arg(long = "where", value_name = "AXIS=VALUE")]
    only: Vec<String>,
    /// Which of several runs a cell shows.
    #[arg(long, default_value = "first", value_name = "WHICH", value_parser = ["first", "best"])]
    pick: String,
    /// Side of a picture on the sheet in pixels.
    #[arg(long, default_value_t = 224, value_name = "PX", value_parser = clap::value_parser!(u32).range(16..=1024))]
    side: u32,
    /// Where the sheet goes [default: DIR/sheet.png].
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
    /// One JSON document on stdout.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(command: SheetCommand, quiet: bool) -> Result<u8, Failure> {
    let rows = table(&command.folder).usage()?;
    let only = command.only.iter().map(|text| condition(text, &rows)).collect::<Result<Vec<_>>>().usage()?;
    let fits = |row: &Map<String, Value>| only.iter().all(|(axis, value)| text(&row[axis]) == *value);
    let rows: Vec<&Map<String, Value>> = rows.iter().filter(|row| fits(row)).collect();
    if rows.is_empty() {
        return Err(anyhow!("--where: no run has these values")).usage();
    }
    let store = Store::read(&command.folder).usage()?;
    let sheet = lay_out(&store, &rows, &command.rows, &command.cols, command.pick == "best", command.side).usage()?;
    let out = command.out.unwrap_or_else(|| command.folder.join("sheet.png"));
    sheet.draw()?.save(&out).with_context(|| format!("{}: cannot be written", out.display()))?;
    if command.json {
        print_json(&json!({ "sheet": out, "rows": sheet.rows, "columns": sheet.columns }))?;
    } else if !quiet {
        println!("{}: {} x {} cells", out.display(), sheet.rows.len(), sheet.columns.len());
    }
    Ok(0)
}

/// Draws DIR/sheet.png, units by methods, where that is a page that one can look at; tells whether it did.
pub(super) fn draw_small(results: &Results) -> Result<bool> {
    const MOST: usize = 40;
    let plan = results.plan;
    let units: HashSet<&str> = plan.runs().iter().map(|run| &*plan.unit(run).name).collect();
    let methods: HashSet<&str> = plan.parts().iter().map(|part| &*part.method.name).collect();
    if units.len() > MOST || methods.len() > MOST || results.count().done == 0 {
        return Ok(false);
    }
    let rows: Vec<Map<String, Value>> = results.rows().collect();
    let rows: Vec<&Map<String, Value>> = rows.iter().collect();
    let sheet = lay_out(results.store, &rows, "unit", &["method".to_owned()], false, 160)?;
    // Several processes may do this at once.
    let mut png = std::io::Cursor::new(vec![]);
    sheet.draw()?.write_to(&mut png, image::ImageFormat::Png).context("sheet.png cannot be made")?;
    let mut file = Aside::new(results.store, "sheet.png")?;
    file.bytes(png.get_ref())?;
    file.put()?;
    Ok(true)
}

/// The rows of results.jsonl.
fn table(folder: &Path) -> Result<Vec<Map<String, Value>>> {
    let path = folder.join(JSON_LINES);
    let named = || format!("{}: cannot be read; `metapicture sweep` and `visualize` write it", path.display());
    let lines = std::fs::read_to_string(&path).with_context(named)?;
    let row = |(number, line): (usize, &str)| {
        serde_json::from_str(line).with_context(|| format!("{}:{}: is no row", path.display(), number + 1))
    };
    let rows: Vec<Map<String, Value>> = lines.lines().enumerate().map(row).collect::<Result<_>>()?;
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
fn column<'a>(name: &str, option: &str, rows: &'a [impl std::borrow::Borrow<Map<String, Value>>]) -> Result<&'a str> {
    let names = || rows.iter().take(1).flat_map(|row| row.borrow().keys().map(String::as_str));
    names()
        .find(|known| *known == name)
        .ok_or_else(|| anyhow!("--{option}: no column '{name}'{}", hint(name, "the columns", names())))
}

fn condition(text: &str, rows: &[Map<String, Value>]) -> Result<(String, String)> {
    let (axis, value) = text.split_once('=').ok_or_else(|| anyhow!("--where: '{text}' is not AXIS=VALUE"))?;
    Ok((column(axis, "where", rows)?.to_owned(), value.to_owned()))
}

/// As a sheet shows a value.
fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
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

fn lay_out(
    store: &Store,
    rows: &[&Map<String, Value>],
    by: &str,
    across: &[String],
    best: bool,
    side: u32,
) -> Result<Sheet> {
    column(by, "rows", rows)?;
    across.iter().try_for_each(|name| column(name, "cols", rows).map(|_| ()))?;
    let row_of = |row: &Map<String, Value>| match by {
        // A class by its name.
        "unit" => row.get("label").and_then(Value::as_str).map_or_else(|| text(&row["unit"]), str::to_owned),
        _ => text(&row[by]),
    };
    let column_of = |row: &Map<String, Value>| {
        let with_name = |name: &String| match name.as_str() {
            "method" | "generator" | "classifier" | "unit" => text(&row[name]),
            _ => format!("{name} {}", text(&row[name])),
        };
        across.iter().map(with_name).collect::<Vec<_>>().join(", ")
    };
    let (mut names, mut columns) = (Headings::default(), Headings::default());
    let mut by_cell: BTreeMap<(usize, usize), Vec<&Map<String, Value>>> = BTreeMap::new();
    for row in rows {
        by_cell.entry((names.place(row_of(row)), columns.place(column_of(row)))).or_default().push(row);
    }
    let (names, columns) = (names.in_order, columns.in_order);
    const MOST_CELLS: usize = 4000;
    if names.len() * columns.len() > MOST_CELLS {
        bail!("{} x {} cells are too many for a sheet; choose with --where", names.len(), columns.len());
    }
    let mut several = false;
    let mut cells: Vec<Vec<Option<Cell>>> = vec![vec![None; columns.len()]; names.len()];
    let scored = |row: &Map<String, Value>| row.get("scored").and_then(Value::as_f64).unwrap_or(f64::NEG_INFINITY);
    for ((row, column), here) in by_cell {
        let done: Vec<_> = here.iter().copied().filter(|row| row["status"] == "done").collect();
        several |= done.len() > 1;
        let chosen = match best {
            true => done.iter().copied().reduce(|a, b| if scored(b) > scored(a) { b } else { a }),
            false => done.first().copied(),
        };
        cells[row][column] = match chosen {
            Some(row) => {
                let id: RunId = text(&row["run_id"]).parse().map_err(|error: String| anyhow!(error))?;
                let mut caption = vec![];
                if scored(row).is_finite() {
                    caption.push(format!("activation {:.1}", scored(row)));
                }
                if let Some(probability) = row.get("witness_probability").and_then(Value::as_f64) {
                    caption.push(format!("witnesses {probability:.2}"));
                }
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
        notes.push("witnesses: mean probability of the class in classifiers that took no part".to_owned());
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
