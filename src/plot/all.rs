//! Every plot of a comparison.

use std::path::Path;

use super::drawn::Plot;
use super::{activations, drift, spectra, strips, style, tradeoff};
use crate::compare::Findings;
use crate::error::Result;

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
