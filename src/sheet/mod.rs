//! Contact sheets: labelled grids of pictures.

mod grid;
mod of_results;

pub(crate) use grid::{BOLD, REGULAR};
pub use grid::{Cell, Sheet, fitted};
pub use of_results::{Row, draw_small, lay_out, only, tables};
