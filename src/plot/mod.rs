//! Plots of a comparison: one drawing each, as SVG text, and as PNG made from it.

mod activations;
mod chart;
mod drift;
pub mod number;
mod spectra;
mod strips;
mod style;
mod svg;
mod tradeoff;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Context, Error, Result};
use resvg::{tiny_skia, usvg};

pub use svg::escape;

use crate::compare::controls::slug;
use crate::compare::findings::{Direction, Findings, Origin};
use crate::sheet::{BOLD, REGULAR};

/// The key of a picture's activation among its figures.
pub const ACTIVATION: &str = "activation";
/// The key of the witnesses' mean probability.
pub const WITNESS: &str = "witness_probability";

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

/// Every plot that a comparison has the figures for: trade-offs, strips along the dials, drift by layer, spectra, activations.
/// `folder` is where `comparison.json` lies: names of pictures are relative to it; a unit with a picture that
/// cannot be read has no strip.
///
/// # Errors
/// A picture of a strip that can be read and not be made smaller.
pub fn all(comparison: &Findings, folder: &Path) -> Result<Vec<Plot>> {
    let styles = style::styles(comparison);
    let mut plots = vec![];
    for (number, tradeoff) in comparison.tradeoffs.iter().filter(|tradeoff| tradeoff.primary).enumerate() {
        plots.push(tradeoff::draw(comparison, &styles, number + 1, tradeoff)?);
    }
    for (number, dial) in comparison.dials.iter().enumerate() {
        plots.extend(strips::draw(comparison, folder, number + 1, dial)?);
    }
    plots.extend(drift::draw(comparison, &styles)?);
    plots.extend(spectra::draw(comparison, &styles)?);
    plots.extend(activations::draw(comparison, &styles)?);
    Ok(plots)
}

/// Writes `OUT/{file_stem}.svg` and `OUT/{file_stem}.png`, and returns their paths. The folder is made if it is not there.
///
/// # Errors
/// Files that cannot be written; the error names them.
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
/// Text that is no SVG.
fn png(svg: &str) -> Result<Vec<u8>> {
    let mut options = usvg::Options { font_family: "DejaVu Sans".to_owned(), ..usvg::Options::default() };
    let fonts = Arc::make_mut(&mut options.fontdb);
    fonts.load_font_data(REGULAR.to_vec());
    fonts.load_font_data(BOLD.to_vec());
    let tree = usvg::Tree::from_str(svg, &options).context("a plot is no SVG")?;
    let side = |length: f32| (length * ZOOM).ceil() as u32;
    let size = tree.size();
    let mut canvas = tiny_skia::Pixmap::new(side(size.width()), side(size.height())).context("a plot has no size")?;
    resvg::render(&tree, tiny_skia::Transform::from_scale(ZOOM, ZOOM), &mut canvas.as_mut());
    canvas.encode_png().map_err(|error| Error::compute(format!("a plot cannot be a PNG: {error}")))
}

fn direction(comparison: &Findings, key: &str) -> Direction {
    comparison.metric(key).map_or(Direction::Up, |metric| metric.direction)
}

/// At most `most` of the methods that are no controls and that `has` holds of, and how many there would be: first those on no
/// dial and the dials' ends, then what is between them.
fn among(comparison: &Findings, has: impl Fn(&usize) -> bool, most: usize) -> (Vec<usize>, usize) {
    let all: Vec<usize> =
        (0..comparison.methods.len()).filter(|m| comparison.methods[*m].kind != Origin::Control && has(m)).collect();
    let between = |place: &usize| {
        comparison.dials.iter().any(|dial| {
            let at = dial.methods.iter().position(|(method, _)| method == place);
            at.is_some_and(|at| at > 0 && at + 1 < dial.methods.len())
        })
    };
    let mut chosen: Vec<usize> = all.iter().copied().filter(|place| !between(place)).collect();
    chosen.extend(all.iter().filter(|place| between(place)));
    chosen.truncate(most);
    chosen.sort_unstable();
    (chosen, all.len())
}

/// A name as that of a file; at most 48 characters.
fn file_name(name: &str) -> String {
    let mut name = slug(name);
    name.truncate(48);
    name.trim_end_matches('-').to_owned()
}
