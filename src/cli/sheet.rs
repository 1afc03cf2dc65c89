//! `metapicture sheet`: a labelled contact sheet of folders of records, by any two columns of their tables of results.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::output::print_json;
use crate::cli::error::{OfRequest, Result};
use metapicture::engine::sheet::{self, Layout};
use metapicture::engine::store::Store;

/// The word for whatever has more than one value.
const AUTO: &str = "auto";

/// A labelled contact sheet of folders of records, by any columns of their results.csv.
#[derive(Debug, Args)]
#[command(
    after_help = "Columns are those of results.csv: unit, method, seed, classifier, generator, facet, size and every swept value; and folder, where there
are several. Unless --cols says otherwise, the columns of the sheet are whatever has more than one value besides its rows; where nothing has, the pictures
are wrapped into a grid. Where several runs fall into one cell, the first one is shown, or with --pick best the one of highest activation. A sheet that is
too high goes on as sheet-2.png; --out sheet.pdf is one document for print.

Examples:
  metapicture sheet out/smoke --where seed=0
  metapicture sheet out/channels --group layer --caption scored --out channels.pdf"
)]
pub struct SheetCommand {
    /// The folders.
    #[arg(required = true, value_name = "DIR")]
    folders: Vec<PathBuf>,
    /// What the rows are.
    #[arg(long, default_value = "unit", value_name = "AXIS")]
    rows: String,
    /// What the columns are; several with commas between them for every combination; auto is whatever has more than one value besides the rows.
    #[arg(long, default_value = AUTO, value_name = "AXIS", value_delimiter = ',')]
    cols: Vec<String>,
    /// A column whose values are kept together; `layer` is that of a unit.
    #[arg(long, value_name = "AXIS")]
    group: Option<String>,
    /// What is written beneath a picture: columns, with commas between them [default: scored, and what witnesses say].
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    caption: Vec<String>,
    /// Only runs with this value in a column; may be repeated, for several values of a column, too.
    #[arg(long = "where", value_name = "AXIS=VALUE")]
    only: Vec<String>,
    /// Which of several runs a cell shows.
    #[arg(long, default_value = "first", value_name = "WHICH", value_parser = ["first", "best"])]
    pick: String,
    /// Side of a picture on the sheet in pixels.
    #[arg(long, default_value_t = 224, value_name = "PX", value_parser = clap::value_parser!(u32).range(16..=1024))]
    side: u32,
    /// Where the sheet goes, a PNG or a PDF [default: sheet.png in the first DIR].
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
    let layout = Layout {
        rows: command.rows,
        cols: command.cols.into_iter().filter(|axis| axis != AUTO).collect(),
        group: command.group,
        captions: command.caption,
        best: command.pick == "best",
        side: command.side,
    };
    let sheet = sheet::lay_out(&stores, &rows, &layout).of_request()?;
    let out = command.out.unwrap_or_else(|| command.folders[0].join("sheet.png"));
    let files = sheet.save(&out)?;
    if command.json {
        print_json(&json!({ "sheet": out, "files": files, "rows": sheet.rows, "columns": sheet.columns }))?;
    } else if !quiet {
        let pages = if files.len() > 1 { format!(" on {} pages", files.len()) } else { String::new() };
        println!("{}: {} x {} cells{pages}", out.display(), sheet.rows.len(), sheet.columns.len());
    }
    Ok(0)
}
