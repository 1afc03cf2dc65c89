//! `metapicture sheet`: a labelled contact sheet of folders of records, by any two columns of their tables of results.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::output::print_json;
use crate::cli::error::{Context, OfRequest, Result};
use metapicture::engine::sheet;
use metapicture::engine::store::Store;

/// A labelled contact sheet of folders of records, by any two columns of their results.csv.
#[derive(Debug, Args)]
#[command(
    after_help = "Columns are those of results.csv: unit, method, seed, classifier, generator, facet, size and every swept value; and folder, where there
are several. Where several runs fall into one cell, the first one is shown, or with --pick best the one of highest activation.

Example:
  metapicture sheet out/smoke --rows unit --cols method --where seed=0"
)]
pub struct SheetCommand {
    /// The folders.
    #[arg(required = true, value_name = "DIR")]
    folders: Vec<PathBuf>,
    /// What the rows are.
    #[arg(long, default_value = "unit", value_name = "AXIS")]
    rows: String,
    /// What the columns are; several with commas between them for every combination.
    #[arg(long, default_value = "method", value_name = "AXIS", value_delimiter = ',')]
    cols: Vec<String>,
    /// Only runs with this value in a column; may be repeated, for several values of a column, too.
    #[arg(long = "where", value_name = "AXIS=VALUE")]
    only: Vec<String>,
    /// Which of several runs a cell shows.
    #[arg(long, default_value = "first", value_name = "WHICH", value_parser = ["first", "best"])]
    pick: String,
    /// Side of a picture on the sheet in pixels.
    #[arg(long, default_value_t = 224, value_name = "PX", value_parser = clap::value_parser!(u32).range(16..=1024))]
    side: u32,
    /// Where the sheet goes [default: sheet.png in the first DIR].
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
    /// One JSON document on stdout.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(command: SheetCommand, quiet: bool) -> Result<u8> {
    let rows = sheet::tables(&command.folders).of_request()?;
    let rows = sheet::only(&rows, &command.only).of_request()?;
    let stores = command.folders.iter().map(|folder| Store::read(folder).of_request()).collect::<Result<Vec<_>>>()?;
    let stores: Vec<&Store> = stores.iter().collect();
    let best = command.pick == "best";
    let sheet = sheet::lay_out(&stores, &rows, &command.rows, &command.cols, best, command.side).of_request()?;
    let out = command.out.unwrap_or_else(|| command.folders[0].join("sheet.png"));
    sheet.draw()?.save(&out).with_context(|| format!("{}: cannot be written", out.display()))?;
    if command.json {
        print_json(&json!({ "sheet": out, "rows": sheet.rows, "columns": sheet.columns }))?;
    } else if !quiet {
        println!("{}: {} x {} cells", out.display(), sheet.rows.len(), sheet.columns.len());
    }
    Ok(0)
}
