//! The contact sheet of a folder of records, beside them.

use super::layout::{Layout, lay_out};
use super::pages::{name_of_page, png, remove_further};
use super::table::Row;
use crate::error::Result;
use crate::run::Results;
use crate::store::Aside;

/// Pictures that a sheet beside the records has at most: drawing more takes longer than one likes to wait after a sweep.
const MOST_DRAWN: usize = 2000;

/// Draws `sheet.png` into the folder of records, and further pages beside it; tells how many pages, 0 where there is nothing to show, or too much.
///
/// # Errors
/// A picture that cannot be read, a file that cannot be written.
pub fn draw(results: &Results, side: u32) -> Result<usize> {
    let count = results.count();
    if count.done + count.failed == 0 || results.plan.runs().len() > MOST_DRAWN {
        return Ok(0);
    }
    let rows: Vec<Row> = results.rows().filter(|row| row["status"] != "missing").collect();
    let rows: Vec<&Row> = rows.iter().collect();
    let sheet = lay_out(&[results.store], &rows, &Layout { side, ..Layout::default() })?;
    let pages = sheet.on_screen()?;
    let first = results.store.root().join("sheet.png");
    for (number, page) in pages.iter().enumerate() {
        // Several processes may do this at once.
        let mut file = Aside::new(results.store, name_of_page(&first, number))?;
        file.bytes(&png(page)?)?;
        file.put()?;
    }
    remove_further(&first, pages.len());
    Ok(pages.len())
}
