//! People say which pictures show something: a page with a random sample, what their labels say of all pictures, and how far two people agree.
//!
//! ```text
//! pictures ─> sample ─> page (annotate.html) and sample.json ─> people ─> labels ─> count: shares of all pictures, with exact intervals
//! ```

mod count;
mod labels;
mod page;
mod sample;

pub use self::count::{AGREED, Agreed, Count, Counted, count};
pub use self::labels::{Answer, Labels, Region, regions};
pub use self::page::{Words, write};
pub use self::sample::{Group, Item, Population, Reading, Sample, Size, Stratum};
