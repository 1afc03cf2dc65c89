//! A page of a whole picture collection: the pictures themselves on a map, in a grid, in time, ranked; searched, filtered, picked out.
//!
//! ```text
//! what `embed` wrote, what `map` wrote, other tables ─> collection (table: columns, joined) ─┬─> page ─> atlas.html
//! the pictures ─> cells (sheets of small ones) ───────────────────────────────────────────────┤
//!                                                                                             └─> exports: what other viewers read
//! ```
//!
//! Few pictures are in the page itself, which is then one file; many are sheets beside it, which the page reads when they are seen.

mod cells;
mod collection;
mod exports;
mod page;
mod settings;
mod table;

use std::path::{Path, PathBuf};

use serde::Serialize;

pub use self::settings::{Export, SINGLE, Settings, Stage, Watch};
use crate::error::{Context, Result, bail};

/// What became of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Written {
    /// The page.
    pub page: PathBuf,
    /// Pictures on it.
    pub pictures: usize,
    /// Those that could not be read, by name, and why: grey cells.
    pub unread: Vec<(String, String)>,
    /// The longer side of a picture on the sheets, in pixels.
    pub cell: u32,
    /// The quality of the sheets as JPEG, 1 to 100.
    pub quality: u8,
    /// Bytes of the page, without what is beside it.
    pub bytes: usize,
    /// Sheets beside the page; 0 if all is in it.
    pub sheets: usize,
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Methods whose pictures are among them.
    pub methods: Vec<String>,
    /// What other viewers read, where asked for.
    pub exports: Vec<PathBuf>,
}

/// Writes `out/atlas.html`, the sheets beside it where there are many pictures, and the exports. All of it is written aside and then moved to its place, so
/// that whoever is stopped has what was there before. `watch` is told what is under way, and says whether to go on.
///
/// # Errors
/// A request: a folder that `embed` did not write, a map of other pictures, a table that no picture is in, an export that is not possible. Storage.
pub fn atlas(settings: &Settings, out: &Path, watch: Watch) -> Result<Written> {
    for export in &settings.exports {
        exports::check(*export, settings)?;
    }
    let collection = collection::read(settings, watch)?;
    std::fs::create_dir_all(out).with_context(|| format!("{}: cannot be made", out.display()))?;
    let count = collection.sources.len();
    let (page_at, sheets_at) = (out.join("atlas.html"), out.join("sheets"));
    let aside = [&page_at, &sheets_at].map(|path| path.with_extension("partial"));
    let old = sheets_at.with_extension("old");
    for folder in [&sheets_at, &aside[1], &old] {
        if !is_of_sheets(folder) {
            bail!("{}: is not of an atlas and would be replaced; choose another --out", folder.display());
        }
    }
    remove(&aside[1])?;
    remove(&old)?;
    let document = page::document(&collection, settings, out)?;
    let cells = match count <= settings.single {
        true => {
            let budget = page::budget(count).saturating_sub(document.weight());
            cells::inside(&collection.sources, budget, watch)?
        }
        false => cells::beside(&collection.sources, &collection.order(), &aside[1], watch)?,
    };
    let html = page::page(document, &cells)?;
    if !watch(Stage::Pictures(count, count)) {
        remove(&aside[1])?;
        bail!("interrupted; what was there before is still there");
    }
    std::fs::write(&aside[0], &html).with_context(|| format!("{}: cannot be written", aside[0].display()))?;
    if sheets_at.exists() {
        moved(&sheets_at, &old)?;
    }
    if aside[1].exists() {
        moved(&aside[1], &sheets_at)?;
    }
    moved(&aside[0], &page_at)?;
    remove(&old)?;
    let mut written = vec![];
    for export in &settings.exports {
        written.push(exports::write(*export, &collection, settings, out)?);
    }
    Ok(Written {
        page: page_at,
        pictures: count,
        cell: cells.side,
        quality: cells.quality,
        bytes: html.len(),
        sheets: cells.files(),
        columns: collection.columns.iter().map(|column| column.name.clone()).collect(),
        methods: collection.methods.iter().map(|method| method.name.clone()).collect(),
        exports: written,
        unread: cells.unread,
    })
}

fn moved(from: &Path, to: &Path) -> Result<()> {
    std::fs::rename(from, to).with_context(|| format!("{}: cannot be written", to.display()))
}

/// Whether a folder may be replaced: it is not there, or has nothing but sheets in it.
fn is_of_sheets(folder: &Path) -> bool {
    if !folder.exists() {
        return true;
    }
    let is_sheet = |name: &str| (name.starts_with("far-") || name.starts_with("near-")) && name.ends_with(".jpg");
    std::fs::read_dir(folder)
        .is_ok_and(|mut all| all.all(|one| one.is_ok_and(|one| one.file_name().to_str().is_some_and(is_sheet))))
}

/// Removes a folder of sheets that may be there.
fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).with_context(|| format!("{}: cannot be replaced", folder.display()))?;
    }
    Ok(())
}
