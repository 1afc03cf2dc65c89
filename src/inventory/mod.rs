//! Folders of records after weeks of work: what is in them, what of it is wanted no more, and how it leaves them or comes in.

mod export;
mod import;
mod list;
mod parquet;
mod prune;
mod table;

pub use export::{Exported, Pictures, export};
pub use import::{Imported, import};
pub use list::{Inventory, Part, list};
pub use prune::{Pruned, Unwanted, prune, unwanted};
pub use table::{Table, table};
