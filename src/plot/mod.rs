//! Plots of a comparison: one drawing each, as SVG text, and as PNG made from it.

mod activations;
mod all;
mod chart;
mod chosen;
mod drawn;
pub mod number;
mod path;
mod people;
mod spectra;
mod strips;
mod style;
mod svg;
mod tradeoff;

pub use all::all;
pub use chosen::{ACTIVATION, probability};
pub use drawn::{Plot, write};
pub use svg::escape;
