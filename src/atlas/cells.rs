//! Pictures made small, side by side on sheets that a browser decodes at once: in the page, or beside it where there are many.

use std::num::NonZero;
use std::path::Path;
use std::sync::mpsc::sync_channel;

use image::RgbImage;

use super::settings::{Stage, Watch};
use crate::embed::Source;
use crate::error::{Context, Result, bail};
use crate::picture::{decode, jpeg};
use crate::sheet::fitted;

/// The side of a sheet in pixels.
const SHEET: u32 = 2048;

/// Sides of cells and qualities for a page that holds its pictures, the best first. Sides are whole blocks of JPEG's, so that no cell bleeds into the next.
const CHOICE: [(u32, u8); 18] = [
    (224, 84),
    (192, 82),
    (160, 84),
    (160, 74),
    (144, 80),
    (128, 84),
    (128, 72),
    (112, 80),
    (112, 70),
    (96, 80),
    (96, 70),
    (80, 76),
    (80, 66),
    (64, 76),
    (64, 62),
    (48, 74),
    (48, 60),
    (48, 40),
];

/// The side of the smallest of them.
const SMALLEST: u32 = 48;

/// Bytes of pixels that pictures may take while it is found out which cells fit.
const HELD: usize = 250 << 20;

/// The side of a cell of a whole collection seen from afar, where pictures lie beside the page.
pub(super) const FAR: u32 = 32;

/// The quality of sheets beside the page.
const BESIDE: u8 = 80;

/// Sheets of pictures.
#[derive(Debug)]
pub(super) struct Cells {
    /// The side of a cell, which is the longer side of a picture in it.
    pub(super) side: u32,
    pub(super) quality: u8,
    /// Width and height of each picture; 0, 0 of one that could not be read.
    pub(super) sizes: Vec<[u8; 2]>,
    /// The number of the cell that each picture is in, counted over all sheets.
    pub(super) cells: Vec<u32>,
    pub(super) sheets: Sheets,
    pub(super) unread: Vec<(String, String)>,
}

/// Where the sheets are.
#[derive(Debug)]
pub(super) enum Sheets {
    /// In the page, each a JPEG.
    Inside(Vec<Vec<u8>>),
    /// In a folder beside it: so many from afar, so many from near.
    Beside { far: usize, near: usize },
}

impl Cells {
    /// Sheets beside the page.
    pub(super) fn files(&self) -> usize {
        match &self.sheets {
            Sheets::Inside(_) => 0,
            Sheets::Beside { far, near } => far + near,
        }
    }
}

/// Cells of a sheet.
fn on_sheet(side: u32) -> usize {
    (SHEET / side).pow(2) as usize
}

/// Makes pictures small, in the order given, on all cores, few of them in memory at once.
fn each_small(
    sources: &[Source],
    order: &[u32],
    side: u32,
    watch: Watch,
    take: &mut dyn FnMut(usize, Result<RgbImage>) -> Result<()>,
) -> Result<()> {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(order.len().max(1));
    let small = |row: usize| -> Result<RgbImage> { fitted(&decode(&sources[row].bytes()?, &sources[row].name)?, side) };
    std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..threads)
            .map(|first| {
                let (send, receive) = sync_channel(4);
                scope.spawn(move || {
                    for row in order.iter().skip(first).step_by(threads) {
                        // Nobody listens any more: it was stopped.
                        if send.send(small(*row as usize)).is_err() {
                            break;
                        }
                    }
                });
                receive
            })
            .collect();
        for (number, row) in order.iter().enumerate() {
            let made = lanes[number % threads].recv().ok().context("a thread that makes pictures small has ended")?;
            take(*row as usize, made)?;
            if !watch(Stage::Pictures(number, order.len())) {
                bail!("interrupted; what was there before is still there");
            }
        }
        Ok(())
    })
}

/// Lays a picture into a cell. Its last row and column go on to the end of their block of 16 pixels, so that its edge costs nothing and stays sharp.
fn lay(sheet: &mut RgbImage, cell: usize, side: u32, picture: &RgbImage) {
    let across = (SHEET / side) as usize;
    let (left, top) = ((cell % across) as u32 * side, (cell / across) as u32 * side);
    let (width, height) = picture.dimensions();
    let end = |length: u32| length.next_multiple_of(16).min(side);
    let (row, wide) = (width as usize * 3, end(width) as usize * 3);
    let across = sheet.width() as usize * 3;
    let pixels: &mut [u8] = sheet;
    for y in 0..end(height) {
        let from = &picture.as_raw()[y.min(height - 1) as usize * row..][..row];
        let to = &mut pixels[(top + y) as usize * across + left as usize * 3..][..wide];
        to[..row].copy_from_slice(from);
        to[row..].chunks_exact_mut(3).for_each(|pixel| pixel.copy_from_slice(&from[row - 3..]));
    }
}

/// A sheet for so many cells, grey, no higher than they need.
fn blank(cells: usize, side: u32) -> RgbImage {
    let across = SHEET / side;
    let rows = (cells as u32).div_ceil(across);
    RgbImage::from_pixel(across * side, rows * side, image::Rgb([128; 3]))
}

/// All pictures on sheets of the largest cells whose sheets, in base 64, take no more than `budget` bytes: which is found out by making them.
///
/// # Errors
/// Interrupted; libtorch.
pub(super) fn inside(sources: &[Source], budget: usize, watch: Watch) -> Result<Cells> {
    let order: Vec<u32> = (0..sources.len() as u32).collect();
    let holds = |side: u32| sources.len() * (side * side * 3) as usize <= HELD;
    let choice: Vec<(u32, u8)> = CHOICE.into_iter().filter(|(side, _)| holds(*side) || *side <= SMALLEST).collect();
    let largest = choice[0].0;
    let (mut pictures, mut unread) = (vec![], vec![]);
    each_small(sources, &order, largest, watch, &mut |row, made| {
        pictures.push(made.map_err(|error| unread.push((sources[row].name.clone(), error.to_string()))).ok());
        Ok(())
    })?;
    // Each takes fewer bytes than the one before, so that the middle of what is left says in which half the best is.
    let (mut from, mut to) = (0, choice.len() - 1);
    while from < to {
        let middle = (from + to) / 2;
        match sheets(&pictures, choice[middle], budget)? {
            Some(_) => to = middle,
            None => from = middle + 1,
        }
    }
    let (side, quality) = choice[from];
    let (sheets, sizes) = sheets(&pictures, choice[from], usize::MAX)?.context("sheets of any size fit")?;
    Ok(Cells { side, quality, sizes, cells: order, sheets: Sheets::Inside(sheets), unread })
}

/// Sheets as JPEG, and the size of each picture on them.
type Made = (Vec<Vec<u8>>, Vec<[u8; 2]>);

/// Sheets of such cells; none if they take more than `budget` bytes in base 64.
fn sheets(pictures: &[Option<RgbImage>], (side, quality): (u32, u8), budget: usize) -> Result<Option<Made>> {
    let (mut sheets, mut sizes, mut bytes) = (vec![], vec![], 0);
    for part in pictures.chunks(on_sheet(side)) {
        let mut sheet = blank(part.len(), side);
        for (cell, picture) in part.iter().enumerate() {
            let Some(picture) = picture else {
                sizes.push([0; 2]);
                continue;
            };
            let small = fitted(picture, side)?;
            lay(&mut sheet, cell, side, &small);
            sizes.push([small.width() as u8, small.height() as u8]);
        }
        let made = jpeg(&sheet, quality)?;
        bytes += made.len().div_ceil(3) * 4;
        sheets.push(made);
        if bytes > budget {
            return Ok(None);
        }
    }
    Ok(Some((sheets, sizes)))
}

/// Sheets that are filled one after the other and written when they are full.
struct Filling<'f> {
    folder: &'f Path,
    name: &'static str,
    side: u32,
    cells: usize,
    sheet: Option<RgbImage>,
}

impl Filling<'_> {
    /// The next cell, of `left` that are still to come, this one counted; empty where there is no picture.
    fn next(&mut self, picture: Option<&RgbImage>, left: usize) -> Result<()> {
        let on_sheet = on_sheet(self.side);
        let sheet = self.sheet.get_or_insert_with(|| blank(left.min(on_sheet), self.side));
        if let Some(picture) = picture {
            lay(sheet, self.cells % on_sheet, self.side, picture);
        }
        self.cells += 1;
        if (self.cells.is_multiple_of(on_sheet) || left == 1)
            && let Some(sheet) = self.sheet.take()
        {
            let path = self.folder.join(format!("{}-{:03}.jpg", self.name, (self.cells - 1) / on_sheet));
            std::fs::write(&path, jpeg(&sheet, BESIDE)?)
                .with_context(|| format!("{}: cannot be written", path.display()))?;
        }
        Ok(())
    }

    fn written(&self) -> usize {
        self.cells.div_ceil(on_sheet(self.side))
    }
}

/// The side of a cell from near: the more pictures, the smaller.
fn near(count: usize) -> u32 {
    match count {
        ..=20_000 => 128,
        20_001..=60_000 => 96,
        _ => 64,
    }
}

/// All pictures on sheets of 2048 x 2048 pixels in a folder: `far-000.jpg`, ..., with cells of 32 pixels, and `near-000.jpg`, ..., in the order given. Two
/// sheets and a few pictures are in memory.
///
/// # Errors
/// Storage; interrupted, then the folder is removed; libtorch.
pub(super) fn beside(sources: &[Source], order: &[u32], folder: &Path, watch: Watch) -> Result<Cells> {
    std::fs::create_dir_all(folder).with_context(|| format!("{}: cannot be made", folder.display()))?;
    let (count, side) = (sources.len(), near(sources.len()));
    let (mut sizes, mut cells, mut unread) = (vec![[0; 2]; count], vec![0; count], vec![]);
    let filling = |name, side| Filling { folder, name, side, cells: 0, sheet: None };
    let (mut afar, mut close) = (filling("far", FAR), filling("near", side));
    let made = each_small(sources, order, side, watch, &mut |row, made| {
        let (cell, left) = (close.cells, count - close.cells);
        cells[row] = cell as u32;
        match made {
            Ok(picture) => {
                sizes[row] = [picture.width() as u8, picture.height() as u8];
                close.next(Some(&picture), left)?;
                afar.next(Some(&fitted(&picture, FAR)?), left)
            }
            Err(error) => {
                unread.push((sources[row].name.clone(), error.to_string()));
                close.next(None, left)?;
                afar.next(None, left)
            }
        }
    });
    if let Err(error) = made {
        // What remains would only be in the way.
        let _ = std::fs::remove_dir_all(folder);
        return Err(error);
    }
    let sheets = Sheets::Beside { far: afar.written(), near: close.written() };
    Ok(Cells { side, quality: BESIDE, sizes, cells, sheets, unread })
}
