//! All runs of folders of records, in rows.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::Value;

use super::others;
use super::table::{FOLDER, Row, table};
use crate::error::Result;
use crate::store::Store;

/// The rows of the tables of results in several folders, which a column `folder` tells apart, and after those of a folder's last experiment
/// the runs that it has besides. A column that only some of them have is empty in the others.
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
        let mut of_folder = table(folder)?;
        others::add(&Store::read(folder)?, &mut of_folder);
        rows.extend(of_folder.into_iter().map(named));
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
