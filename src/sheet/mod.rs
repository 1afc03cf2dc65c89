//! Contact sheets: labelled grids of pictures.

mod folders;
mod grid;
mod layout;
mod of_results;
mod others;
mod pages;
mod pdf;
mod table;

pub use folders::tables;
pub(crate) use grid::{BOLD, REGULAR};
pub use grid::{Cell, Sheet, Shown, fitted, label};
pub use layout::{Layout, Pictures, lay_out, lay_out_of};
pub use of_results::draw;
pub use pages::png;
pub use table::{Row, only, row_of};
