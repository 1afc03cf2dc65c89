//! Runs: what one is and what identifies it, the plan of an experiment's runs, and the work of making them into records.

mod compute;
mod cost;
pub mod estimate;
mod experiment;
mod loader;
mod plan;
mod results;
#[allow(clippy::module_inception, reason = "a run is what the room is about")]
mod run;
pub mod units;
mod worker;

pub use estimate::Estimate;
pub use experiment::{Experiment, Load};
pub use loader::{KeyNames, Loader, ModelSet};
pub use plan::{MOST_RUNS, Part, Plan, Planned, Share};
pub use results::{Aside, CSV, Count, JSON_LINES, PROVENANCE, Results};
pub use run::{Identity, Run, seeded, unit_identity};
pub use worker::{Ended, Follow, Worker};
