//! What leaves folders of records: a table, and pictures.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Map, Value};

use super::parquet::parquet;
use super::table::{Table, table};
use crate::error::{Context, Result, bail};
use crate::store::Store;

/// Pictures of a WebDataset's shard.
const SHARD: usize = 1000;

/// Where pictures go.
#[derive(Clone, Debug, PartialEq)]
pub enum Pictures {
    /// A folder: `RUN.png`.
    Folder(PathBuf),
    /// Shards of a WebDataset in a folder, `runs-000000.tar` and so on: for each run `RUN.png`, and its row as `RUN.json`.
    WebDataset(PathBuf),
}

/// What left.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Exported {
    /// Rows of the table.
    pub rows: usize,
    /// Pictures.
    pub pictures: usize,
}

/// Writes one table of all runs of folders of records, as its name says: CSV (`.csv`), JSON Lines (`.jsonl`) or Parquet (`.parquet`); and their
/// pictures, where wanted. `watch` is told how many pictures are done.
///
/// # Errors
/// A request: a name that says none of these. Storage: what cannot be read or written.
pub fn export(
    stores: &[Store],
    out: &Path,
    settings: bool,
    pictures: Option<&Pictures>,
    watch: &dyn Fn(usize),
) -> Result<Exported> {
    let end = out.extension().map(|end| end.to_string_lossy().to_lowercase());
    let write: &dyn Fn(&Table) -> Result<Vec<u8>> = match end.as_deref() {
        Some("csv") => &Table::csv,
        Some("jsonl" | "ndjson") => &|table| Ok(table.json_lines()),
        Some("parquet") => &parquet,
        _ => bail!("{}: a table's name ends with .csv, .jsonl or .parquet", out.display()),
    };
    let table = table(stores, settings)?;
    fs::write(out, write(&table)?).with_context(|| format!("{}: cannot be written", out.display()))?;
    let pictures = pictures.map(|to| self::pictures(&table, to, watch)).transpose()?.unwrap_or(0);
    Ok(Exported { rows: table.rows.len(), pictures })
}

fn pictures(table: &Table, to: &Pictures, watch: &dyn Fn(usize)) -> Result<usize> {
    let (Pictures::Folder(folder) | Pictures::WebDataset(folder)) = to;
    fs::create_dir_all(folder).with_context(|| format!("{}: cannot be made", folder.display()))?;
    let place = |name: &str| table.columns.iter().position(|column| column == name);
    let (Some(store), Some(run), Some(picture)) = (place("folder"), place("run_id"), place("picture")) else {
        return Ok(0);
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let done: Vec<&Vec<Value>> = table.rows.iter().filter(|row| !row[picture].is_null()).collect();
    let mut count = 0;
    for (number, shard) in done.chunks(SHARD).enumerate() {
        let path = folder.join(format!("runs-{number:06}.tar"));
        let named = || format!("{}: cannot be written", path.display());
        let mut tar = match to {
            Pictures::Folder(_) => None,
            Pictures::WebDataset(_) => Some(tar::Builder::new(fs::File::create(&path).with_context(named)?)),
        };
        for row in shard {
            let (from, id) = (Path::new(&text(&row[store])).join(text(&row[picture])), text(&row[run]));
            let bytes = fs::read(&from).with_context(|| format!("{}: cannot be read", from.display()))?;
            match &mut tar {
                None => {
                    let file = folder.join(format!("{id}.png"));
                    fs::write(&file, &bytes).with_context(|| format!("{}: cannot be written", file.display()))?;
                }
                Some(tar) => {
                    let row: Map<String, Value> = table.columns.iter().cloned().zip(row.iter().cloned()).collect();
                    let row = Value::Object(row).to_string();
                    for (end, bytes) in [("png", &bytes[..]), ("json", row.as_bytes())] {
                        let mut header = tar::Header::new_ustar();
                        header.set_size(bytes.len() as u64);
                        header.set_mode(0o644);
                        tar.append_data(&mut header, format!("{id}.{end}"), bytes).with_context(named)?;
                    }
                }
            }
            count += 1;
            watch(count);
        }
        if let Some(tar) = tar {
            tar.into_inner().with_context(named)?.sync_all().with_context(named)?;
        }
    }
    Ok(count)
}
