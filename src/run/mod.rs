//! Runs: the models that they share ([`Experiment`]), what one is ([`Run`]), all that an experiment asks for ([`Plan`]), and working
//! them off into a store ([`Worker`]).

mod compute;
mod cost;
pub mod estimate;
mod experiment;
mod identity;
mod load;
mod loader;
mod plan;
mod results;
pub mod units;
mod worker;

pub use estimate::Estimate;
pub use experiment::Experiment;
pub use identity::{Identity, Run, seeded, unit_identity};
pub use load::Load;
pub(crate) use loader::{Encoded, experiment};
pub use loader::{KeyNames, Loader, ModelSet};
pub use plan::{MOST_RUNS, Plan, PlanPart, PlannedRun, Share};
pub use results::{CSV, Count, JSON_LINES, PROVENANCE, Results, cell, figures, identified, manifests_in};
pub use worker::{Ended, Follow, LoadModels, NEVER, Worker};
