//! A sheet goes on over pages, and many pictures of one kind are wrapped into a grid.

use std::path::{Path, PathBuf};

use image::ImageFormat;

use super::grid::{Cell, Sheet};
use super::pdf;
use crate::error::{Context, Result};

/// Height of a page on a screen, in pixels; a row more than this is on the next one.
const HIGH: u32 = 12_000;

/// Height of a printed page over its width: that of paper (ISO 216).
const OF_PAPER: f64 = std::f64::consts::SQRT_2;

/// A printed page is no narrower than this, in pixels, so that words stay readable on paper.
const NARROW: u32 = 1000;

/// Most columns of a grid.
const ACROSS: usize = 12;

impl Sheet {
    /// Pictures that differ in one thing alone, wrapped into a grid as wide as it is high: the name of each is beneath it. Those of a group
    /// begin a row of their own, which has the group's name.
    pub fn wrapped(title: String, groups: Vec<(String, Vec<Cell>)>, notes: Vec<String>, side: u32) -> Sheet {
        let most = groups.iter().map(|(_, cells)| cells.len()).max().unwrap_or(0);
        let across = ((most as f64).sqrt().ceil() as usize).clamp(1, ACROSS).min(most.max(1));
        let (mut rows, mut cells) = (vec![], vec![]);
        for (name, group) in groups {
            let mut group = group.into_iter().map(Some);
            for number in 0.. {
                let mut row: Vec<Option<Cell>> = group.by_ref().take(across).collect();
                if row.is_empty() {
                    break;
                }
                row.resize(across, None);
                rows.push(if number == 0 { name.clone() } else { String::new() });
                cells.push(row);
            }
        }
        Sheet { title, columns: vec![String::new(); across], rows, cells, notes, side }
    }

    /// The sheet in pages of at most so many rows, each with the title and the notes.
    fn pages(&self, rows: usize) -> Vec<Sheet> {
        let count = self.rows.len().div_ceil(rows.max(1)).max(1);
        let page = |number: usize| {
            let part = number * rows..((number + 1) * rows).min(self.rows.len());
            let title =
                if count > 1 { format!("{} ({} of {count})", self.title, number + 1) } else { self.title.clone() };
            let mut names = self.rows[part.clone()].to_vec();
            // A group that goes on over a page is named again.
            if let Some(first) = names.first_mut().filter(|name| name.is_empty()) {
                let before = self.rows[..part.start].iter().rev().find(|name| !name.is_empty());
                *first = before.cloned().unwrap_or_default();
            }
            Sheet { title, rows: names, cells: self.cells[part].to_vec(), ..self.without_cells() }
        };
        (0..count).map(page).collect()
    }

    fn without_cells(&self) -> Sheet {
        let (columns, notes) = (self.columns.clone(), self.notes.clone());
        Sheet { title: String::new(), columns, rows: vec![], cells: vec![], notes, side: self.side }
    }

    /// Its pages for a screen.
    ///
    /// # Errors
    /// If the built-in font cannot be read.
    pub fn on_screen(&self) -> Result<Vec<Sheet>> {
        let measures = self.measures()?;
        let rows = HIGH.saturating_sub(measures.top + measures.bottom) / measures.row;
        Ok(self.pages(rows.max(1) as usize))
    }

    /// Its pages for paper.
    fn on_paper(&self) -> Result<Vec<Sheet>> {
        let measures = self.measures()?;
        let high = (f64::from(measures.wide.max(NARROW)) * OF_PAPER) as u32;
        let rows = high.saturating_sub(measures.top + measures.bottom) / measures.row;
        Ok(self.pages(rows.max(1) as usize))
    }

    /// Writes it: a PDF of several pages where the file's name ends so, else PNG files, those after the first as `NAME-2.png`; further pages of an earlier
    /// sheet are removed. Gives the files.
    ///
    /// # Errors
    /// A picture that cannot be read; files that cannot be written.
    pub fn save(&self, out: &Path) -> Result<Vec<PathBuf>> {
        let named = || format!("{}: cannot be written", out.display());
        if out.extension().is_some_and(|end| end.eq_ignore_ascii_case("pdf")) {
            std::fs::write(out, pdf::pdf(&self.on_paper()?)?).with_context(named)?;
            return Ok(vec![out.to_owned()]);
        }
        let mut files = vec![];
        for (number, page) in self.on_screen()?.iter().enumerate() {
            let file = out.with_file_name(name_of_page(out, number));
            page.draw()?.save(&file).with_context(named)?;
            files.push(file);
        }
        remove_further(out, files.len());
        Ok(files)
    }
}

/// A page as PNG.
///
/// # Errors
/// A picture that cannot be read.
pub fn png(page: &Sheet) -> Result<Vec<u8>> {
    let mut png = std::io::Cursor::new(vec![]);
    page.draw()?.write_to(&mut png, ImageFormat::Png).context("a sheet cannot be drawn")?;
    Ok(png.into_inner())
}

/// What the file of a page is called, from 0: `sheet.png`, `sheet-2.png`, ...
pub(super) fn name_of_page(first: &Path, number: usize) -> String {
    let part = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let (stem, end) = (part(first.file_stem()), part(first.extension()));
    match number {
        0 => part(first.file_name()),
        number => format!("{stem}-{}.{end}", number + 1),
    }
}

/// Removes what an earlier sheet of more pages left: names that pages would have next, without a gap.
pub(super) fn remove_further(first: &Path, pages: usize) {
    for number in pages.max(1).. {
        if std::fs::remove_file(first.with_file_name(name_of_page(first, number))).is_err() {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use image::RgbImage;

    use super::*;

    fn cells(count: usize) -> Vec<Cell> {
        let cell = |number: usize| Cell::of(RgbImage::new(8, 8), vec![number.to_string()]);
        (0..count).map(cell).collect()
    }

    #[test]
    fn a_thousand_units_go_on_over_pages_and_each_is_there_once() {
        let groups = vec![("a".to_owned(), cells(500)), ("b".to_owned(), cells(500))];
        let sheet = Sheet::wrapped("title".to_owned(), groups, vec!["a note".to_owned()], 224);
        assert_eq!(sheet.columns.len(), 12);
        let pages = sheet.on_screen().unwrap();
        assert!(pages.len() > 1, "{} pages", pages.len());
        assert!(pages[0].title.ends_with(&format!("(1 of {})", pages.len())));
        let shown = pages.iter().flat_map(|page| page.cells.iter().flatten().flatten()).count();
        assert_eq!(shown, 1000);
        assert!(pages.iter().all(|page| !page.rows[0].is_empty()), "a group is named on every page");
        let measures = sheet.measures().unwrap();
        let high = measures.top + measures.bottom + measures.row * pages[0].rows.len() as u32;
        assert!((HIGH - measures.row..=HIGH).contains(&high), "{high}");
    }

    #[test]
    fn a_sheet_of_fewer_pages_leaves_none_of_the_old_ones() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("sheet.png");
        for old in ["sheet-2.png", "sheet-3.png", "sheet-5.png"] {
            std::fs::write(folder.path().join(old), "old").unwrap();
        }
        let sheet = Sheet::wrapped("title".to_owned(), vec![(String::new(), cells(5))], vec![], 32);
        assert_eq!(sheet.save(&out).unwrap(), [out]);
        let left = |name: &str| folder.path().join(name).exists();
        assert!(
            !left("sheet-2.png") && !left("sheet-3.png") && left("sheet-5.png"),
            "that one is no page of this sheet"
        );
    }

    #[test]
    fn a_pdf_has_a_page_for_every_page() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("sheet.pdf");
        let sheet = Sheet::wrapped("title".to_owned(), vec![(String::new(), cells(200))], vec![], 96);
        let pages = sheet.on_paper().unwrap().len();
        sheet.save(&out).unwrap();
        let bytes = std::fs::read(&out).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.starts_with("%PDF-1.7") && pages > 1);
        assert_eq!(text.matches("/Type /Page\n").count(), pages);
    }
}
