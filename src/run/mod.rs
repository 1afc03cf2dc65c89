//! Runs: what an experiment asks for ([`plan`]), what one run is ([`experiment`]), and working a plan off into a store ([`sweep`]).

pub mod experiment;
pub mod loader;
pub mod plan;
pub mod results;
pub mod sweep;
pub mod units;
