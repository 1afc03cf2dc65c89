//! Every plot of a comparison.

use std::path::Path;

use super::drawn::Plot;
use super::{activations, path, people, spectra, strips, style, tradeoff};
use crate::compare::Findings;
use crate::error::Result;

/// Every plot that a comparison has the figures for: trade-offs, what people could tell, strips along the dials, path by layer, spectra, activations.
/// `folder` is where `comparison.json` lies: names of pictures are relative to it; a unit with a picture that
/// cannot be read has no strip.
///
/// # Errors
/// A picture of a strip that can be read and not be made smaller.
pub fn all(comparison: &Findings, folder: &Path) -> Result<Vec<Plot>> {
    let styles = style::styles(comparison);
    let mut plots = vec![];
    // The methods together first: it is the one figure; then each dial by itself.
    let shown = comparison.tradeoffs.iter().filter(|of| of.against == "own");
    let (together, dials): (Vec<_>, Vec<_>) = shown.partition(|of| of.dial.is_none());
    for (number, of) in together.into_iter().chain(dials).enumerate() {
        plots.push(tradeoff::draw(comparison, &styles, number + 1, of)?);
    }
    plots.extend(people::draw(comparison, &styles)?);
    for (number, dial) in comparison.dials.iter().enumerate() {
        plots.extend(strips::draw(comparison, folder, number + 1, dial)?);
    }
    plots.extend(path::draw(comparison, &styles)?);
    plots.extend(spectra::draw(comparison, &styles)?);
    plots.extend(activations::draw(comparison, &styles)?);
    Ok(plots)
}
