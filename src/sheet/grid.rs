//! Contact sheets: a labelled grid of pictures, one page.

use std::path::PathBuf;

use crate::error::{Context, Result};
use ab_glyph::{Font, FontRef, PxScale, ScaleFont, point};
use image::{Rgb, RgbImage};
use tch::{Device, Kind};

use crate::picture::{self, from_rgb8, to_rgb8};
use frozen::resize::Resize;

const INK: Rgb<u8> = Rgb([28, 28, 30]);
const PALE: Rgb<u8> = Rgb([110, 110, 115]);
const PAPER: Rgb<u8> = Rgb([255, 255, 255]);
const EMPTY: Rgb<u8> = Rgb([236, 236, 238]);

/// The built-in fonts.
pub(crate) const REGULAR: &[u8] = include_bytes!("DejaVuSans.ttf");
pub(crate) const BOLD: &[u8] = include_bytes!("DejaVuSans-Bold.ttf");

/// Pixels between cells and around the grid.
const GAP: u32 = 18;
/// Height of a line of a caption.
const LINE: u32 = 19;
const TEXT: f32 = 15.;
const HEADING: f32 = 19.;
const TITLE: f32 = 24.;

/// What a cell shows.
#[derive(Clone, Debug, PartialEq)]
pub enum Shown {
    /// A picture.
    Picture(RgbImage),
    /// The picture of a file, which is read when the sheet is drawn: a sheet may have more of them than memory holds.
    File(PathBuf),
    /// No picture, and why: a word or two.
    Nothing(String),
}

/// One picture of a sheet and what is written beneath it.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// The picture.
    pub shown: Shown,
    /// Lines of text; the first is set in bold.
    pub caption: Vec<String>,
}

impl Cell {
    /// Of a picture.
    pub fn of(picture: RgbImage, caption: Vec<String>) -> Cell {
        Cell { shown: Shown::Picture(picture), caption }
    }
}

/// A sheet: `cells[row][column]`.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// Above everything.
    pub title: String,
    /// What each column is; empty where the captions say it.
    pub columns: Vec<String>,
    /// What each row is; empty where the captions say it.
    pub rows: Vec<String>,
    /// By row and column; a cell may be missing.
    pub cells: Vec<Vec<Option<Cell>>>,
    /// Beneath everything: what the numbers are.
    pub notes: Vec<String>,
    /// Side of a picture on the sheet in pixels.
    pub side: u32,
}

impl Sheet {
    /// With rows and columns exchanged.
    pub fn transposed(self) -> Sheet {
        let column = |c: usize| self.cells.iter().map(|row| row.get(c).cloned().flatten()).collect();
        let cells = (0..self.columns.len()).map(column).collect();
        Sheet { cells, columns: self.rows, rows: self.columns, ..self }
    }

    /// Its measures in pixels.
    pub(super) fn measures(&self) -> Result<Measures> {
        let (regular, bold) = fonts()?;
        let cells = || self.cells.iter().flatten().flatten();
        let lines = cells().map(|cell| cell.caption.len()).max().unwrap_or(0) as u32;
        let caption_width = (cells().flat_map(|cell| cell.caption.iter().enumerate()))
            .map(|(i, line)| width(if i == 0 { &bold } else { &regular }, TEXT, line));
        let heading_width = self.columns.iter().map(|text| width(&bold, HEADING, text));
        let column = caption_width.chain(heading_width).fold(self.side, u32::max);
        let named = self.rows.iter().map(|text| width(&bold, HEADING, text)).max().unwrap_or(0);
        let margin = if named > 0 { named + GAP } else { 0 };
        let has_headings = self.columns.iter().any(|text| !text.is_empty());
        let top = GAP + 2 * LINE + if has_headings { LINE + GAP / 2 } else { 0 };
        let grid = margin + self.columns.len() as u32 * (column + GAP);
        let words = self.notes.iter().map(|note| width(&regular, TEXT, note));
        let wide = words.chain([width(&bold, TITLE, &self.title)]).fold(grid, u32::max) + 2 * GAP;
        let (row, bottom) = (self.side + lines * LINE + GAP, self.notes.len() as u32 * LINE + GAP);
        Ok(Measures { column, row, margin, top, bottom, wide })
    }

    /// Draws it.
    ///
    /// # Errors
    /// A picture that cannot be read.
    pub fn draw(&self) -> Result<RgbImage> {
        let (regular, bold) = fonts()?;
        let Measures { column, row, margin, top, bottom, wide } = self.measures()?;
        let high = top + self.rows.len() as u32 * row + bottom;
        let mut sheet = RgbImage::from_pixel(wide, high, PAPER);

        write(&mut sheet, &bold, TITLE, INK, (GAP, GAP), &self.title);
        for (i, text) in self.columns.iter().enumerate() {
            let x = GAP + margin + i as u32 * (column + GAP);
            write(&mut sheet, &bold, HEADING, INK, (x, GAP + 2 * LINE), text);
        }
        for (r, (name, cells)) in self.rows.iter().zip(&self.cells).enumerate() {
            let y = top + r as u32 * row;
            write(&mut sheet, &bold, HEADING, INK, (GAP, y + self.side / 2 - LINE / 2), name);
            for (c, cell) in cells.iter().enumerate() {
                let x = GAP + margin + c as u32 * (column + GAP);
                let Some(cell) = cell else { continue };
                let picture = match &cell.shown {
                    Shown::Picture(picture) => fitted(picture, self.side)?,
                    Shown::File(file) => fitted(&picture::read(file)?, self.side)?,
                    Shown::Nothing(why) => said(why, self.side, &regular),
                };
                image::imageops::replace(&mut sheet, &picture, i64::from(x), i64::from(y));
                for (i, line) in cell.caption.iter().enumerate() {
                    let (font, ink) = if i == 0 { (&bold, INK) } else { (&regular, PALE) };
                    write(&mut sheet, font, TEXT, ink, (x, y + self.side + 3 + i as u32 * LINE), line);
                }
            }
        }
        for (i, note) in self.notes.iter().enumerate() {
            let y = top + self.rows.len() as u32 * row + i as u32 * LINE;
            write(&mut sheet, &regular, TEXT, PALE, (GAP, y), note);
        }
        Ok(sheet)
    }
}

/// The measures of a sheet in pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measures {
    /// Width of a column.
    pub(super) column: u32,
    /// Height of a row.
    pub(super) row: u32,
    /// What stands to the left of the pictures.
    pub(super) margin: u32,
    /// What stands above them.
    pub(super) top: u32,
    /// What stands beneath them.
    pub(super) bottom: u32,
    /// Width of the whole.
    pub(super) wide: u32,
}

fn fonts() -> Result<(FontRef<'static>, FontRef<'static>)> {
    let regular = FontRef::try_from_slice(REGULAR).context("the font is built in")?;
    Ok((regular, FontRef::try_from_slice(BOLD).context("the font is built in")?))
}

/// A square that says why there is no picture.
fn said(why: &str, side: u32, font: &FontRef) -> RgbImage {
    let mut square = RgbImage::from_pixel(side, side, EMPTY);
    let left = side.saturating_sub(width(font, TEXT, why)) / 2;
    write(&mut square, font, TEXT, PALE, (left, (side / 2).saturating_sub(LINE / 2)), why);
    square
}

/// A picture whose longer side is `side`, by the project's one resize.
///
/// # Errors
/// If libtorch fails.
pub fn fitted(picture: &RgbImage, side: u32) -> Result<RgbImage> {
    let (width, height) = picture.dimensions();
    let fit = |length: u32| (i64::from(side) * i64::from(length) / i64::from(width.max(height))).max(1);
    let from = [i64::from(height), i64::from(width)];
    let resize = Resize::new(from, [fit(height), fit(width)], Kind::Float, Device::Cpu);
    to_rgb8(&resize.apply(&from_rgb8(picture).unsqueeze(0)).squeeze_dim(0))
}

/// Writes one line of text into a picture, its top left corner at `at`, and gives the height of a line.
///
/// # Errors
/// None: the font is built in.
pub fn label(picture: &mut RgbImage, ink: [u8; 3], at: (u32, u32), text: &str) -> Result<u32> {
    write(picture, &fonts()?.1, HEADING, Rgb(ink), at, text);
    Ok(2 * LINE)
}

fn width(font: &FontRef, size: f32, text: &str) -> u32 {
    let font = font.as_scaled(PxScale::from(size));
    text.chars().map(|c| font.h_advance(font.glyph_id(c))).sum::<f32>().ceil() as u32
}

/// Writes one line with its top left corner at `(x, y)`; what does not fit is cut off.
fn write(sheet: &mut RgbImage, font: &FontRef, size: f32, ink: Rgb<u8>, (x, y): (u32, u32), text: &str) {
    let scaled = font.as_scaled(PxScale::from(size));
    let baseline = y as f32 + scaled.ascent();
    let mut pen = x as f32;
    for c in text.chars() {
        let id = scaled.glyph_id(c);
        let glyph = id.with_scale_and_position(PxScale::from(size), point(pen, baseline));
        pen += scaled.h_advance(id);
        let Some(outline) = font.outline_glyph(glyph) else { continue };
        let bounds = outline.px_bounds();
        outline.draw(|dx, dy, cover| {
            let (px, py) = (bounds.min.x as i64 + i64::from(dx), bounds.min.y as i64 + i64::from(dy));
            let inside = (0..i64::from(sheet.width())).contains(&px) && (0..i64::from(sheet.height())).contains(&py);
            if inside {
                let under = sheet.get_pixel_mut(px as u32, py as u32);
                for (under, ink) in under.0.iter_mut().zip(ink.0) {
                    *under = (f32::from(*under) * (1. - cover) + f32::from(ink) * cover).round() as u8;
                }
            }
        });
    }
}
