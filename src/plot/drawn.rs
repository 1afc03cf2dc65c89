//! A plot as a value, and as files: SVG as it was drawn, PNG made from it by resvg.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use resvg::{tiny_skia, usvg};

use crate::error::{Context, Error, Result};
use crate::sheet::{BOLD, REGULAR};

/// Pixels of a PNG for one of the drawing's.
const ZOOM: f32 = 2.;

/// A drawing.
#[derive(Clone, Debug, PartialEq)]
pub struct Plot {
    /// Name of its files without the ending: lower-case letters, digits and hyphens.
    pub file_stem: String,
    /// What it shows.
    pub title: String,
    /// What one would say who cannot show it.
    pub alt: String,
    /// The drawing: a whole SVG document.
    pub svg: String,
}

/// Writes `OUT/{file_stem}.svg` and `OUT/{file_stem}.png`, and returns their paths. The folder is made if it is not there.
///
/// # Errors
/// Storage: files that cannot be written; the error names them.
pub fn write(plot: &Plot, out: &Path) -> Result<[PathBuf; 2]> {
    std::fs::create_dir_all(out).with_context(|| format!("{}: cannot be made", out.display()))?;
    let paths = ["svg", "png"].map(|ending| out.join(format!("{}.{ending}", plot.file_stem)));
    let png = png(&plot.svg)?;
    for (path, bytes) in paths.iter().zip([plot.svg.as_bytes(), &png]) {
        std::fs::write(path, bytes).with_context(|| format!("{}: cannot be written", path.display()))?;
    }
    Ok(paths)
}

/// The drawing as PNG, two pixels for one.
///
/// # Errors
/// Compute: text that is no SVG, or a drawing without a size.
fn png(svg: &str) -> Result<Vec<u8>> {
    let mut options = usvg::Options { font_family: "DejaVu Sans".to_owned(), ..usvg::Options::default() };
    let fonts = Arc::make_mut(&mut options.fontdb);
    fonts.load_font_data(REGULAR.to_vec());
    fonts.load_font_data(BOLD.to_vec());
    let tree = usvg::Tree::from_str(svg, &options).context("a plot is no SVG")?;
    let side = |length: f32| (length * ZOOM).ceil() as u32;
    let size = tree.size();
    let canvas = tiny_skia::Pixmap::new(side(size.width()), side(size.height()));
    let mut canvas = canvas.ok_or_else(|| Error::compute("a plot has no size"))?;
    resvg::render(&tree, tiny_skia::Transform::from_scale(ZOOM, ZOOM), &mut canvas.as_mut());
    canvas.encode_png().map_err(|error| Error::compute(format!("a plot cannot be a PNG: {error}")))
}
