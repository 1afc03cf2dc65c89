//! The store: a folder of records that loses nothing, shared by any number of processes on any number of machines.
//!
//! ```text
//! DIR/runs/ID/        a record: its files, and files.sha256, which vouches for them
//! DIR/index/          what is known of every run without looking (see `segment`)
//! DIR/claims/         who works on what
//! DIR/checkpoints/    where to go on
//! DIR/damaged/        what was found damaged, and reasons.txt
//! ```
//!
//! A record is written aside, `runs/.ID.PROCESS`, brought to the disk, and renamed into its place whole. Of two records of the
//! same run the first stays: the same id means the same result. There is no server and no lock: what is relied upon is that
//! a file that must not be there is created by one process only, and that renaming is one step, as it is on network
//! file systems. `runs/` is one flat folder: with 100,000 records a file in it is found as fast as among 256 folders.

mod aside;
mod checkpoint;
mod claim;
mod claims;
mod damage;
mod disk;
mod entry;
mod folder;
mod hash;
mod index;
mod key;
mod leaves;
mod moving;
mod process;
mod record;
mod recovery;
mod sealed;
mod segment;
mod verify;
mod writing;

pub use aside::Aside;
pub use checkpoint::Checkpoint;
pub use claim::{Claim, Patience};
pub use damage::Damage;
pub use entry::Entry;
pub use folder::Store;
pub use hash::Hash;
pub use key::Key;
pub use leaves::leaves;
pub use record::{
    ActivationField, Kept, LIBTORCH_VERSION, Leaves, NUMERIC_VERSION, Provenance, Record, RunId, SCHEMA_VERSION,
    Status, Timing, UnitField,
};
pub use sealed::Sealed;
pub use verify::Verification;
pub use writing::Writing;
