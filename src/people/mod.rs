//! People do the two-choice task: from a comparison to a page that asks them, and from their answers to what they could tell (the task of Borowski et
//! al. 2021 and Zimmermann et al. 2021).
//!
//! ```text
//! comparison.json, photographs.csv ─> material ─> design ─┬─> study.html: pictures and pairs by numbers that say nothing
//!                                                         └─> key.json: what the numbers mean, and which photograph is right
//!                                        files of answers ─> answers ─> analysis (with the key) ─> people.json, people.csv
//!                     people.json ─> beside the findings of the comparison, for its report
//! ```

pub mod analysis;
pub mod answers;
mod beside;
mod design;
mod images;
pub mod key;
mod material;
mod page;

pub use analysis::{Analysis, analyse};
pub use beside::beside;
pub use design::{Options, Written, export};
pub use key::Key;
