//! Runs: the models that they share ([`experiment`]), what one is ([`identity`]), all that an experiment asks for ([`plan`]), and working
//! them off into a store ([`worker`]).

pub mod compute;
pub mod cost;
pub mod experiment;
pub mod identity;
pub mod load;
pub mod loader;
pub mod plan;
pub mod results;
pub mod units;
pub mod worker;

pub use experiment::Experiment;
pub use identity::Run;
pub use plan::Plan;
pub use worker::Worker;
