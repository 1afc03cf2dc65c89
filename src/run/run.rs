//! A run: one unit by one method from one seed, and what its id is made of.

use crate::method::Method;
use crate::random::Seed;
use crate::store::{Hash, RunId};
use crate::unit::Unit;

/// One run of an experiment.
#[derive(Clone, Debug)]
pub struct Run {
    /// What is visualised.
    pub unit: Unit,
    /// How; its steps are those to be done.
    pub method: Method,
    /// The seed.
    pub seed: Seed,
    /// Which of the method's facets.
    pub facet: usize,
}

/// What runs share that differ by unit and seed alone: a hash of all that decides their results.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity(pub(super) String);

impl Identity {
    /// The id of the run of a unit (by [`unit_identity`]), seed and facet.
    pub fn of(&self, unit: &str, seed: Seed, facet: usize) -> RunId {
        RunId::of(&format!("{}\n{unit}\n{}\n{facet}\n", self.0, seed.0))
    }
}

/// What a batch of these runs optimizes: the unit of each, and the seed of its facet.
pub fn seeded(runs: &[Run]) -> Vec<(Unit, Seed)> {
    runs.iter().map(|run| (run.unit.clone(), run.seed.of_facet(run.facet))).collect()
}

/// A hash of what a unit reads.
pub fn unit_identity(unit: &Unit) -> String {
    Hash::of(unit.settings().to_string().as_bytes()).to_string()
}
