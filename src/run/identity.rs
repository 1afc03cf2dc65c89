//! One run: what is visualised, how, from which seed, and the hash of all that which is its id.

use serde_json::{Value, json};

use super::experiment::Experiment;
use crate::method::Method;
use crate::random::Seed;
use crate::store::Hash;
use crate::store::{NUMERIC_VERSION, RunId};
use crate::unit::Unit;

/// One run of an experiment.
#[derive(Clone, Debug)]
pub struct Run {
    /// What is visualised.
    pub unit: Unit,
    /// How; its steps are those of each octave.
    pub method: Method,
    /// What all of its random numbers come from.
    pub seed: Seed,
    /// Which of the method's facets, from 0.
    pub facet: usize,
}

/// What runs share that differ by unit and seed alone: a hash of all that decides their results.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity(String);

impl Identity {
    /// The id of the run of a unit (by [`unit_identity`]), seed and facet.
    pub fn of(&self, unit: &str, seed: Seed, facet: usize) -> RunId {
        RunId::of(&format!("{}\n{unit}\n{}\n{facet}\n", self.0, seed.0))
    }
}

impl Experiment {
    /// What decides the results of all runs by a method, whatever their unit and seed.
    fn settings(&self, method: &Method) -> Value {
        let generator = self.generator.as_ref().filter(|_| method.needs_generator());
        let mut settings = json!({
            "numeric_version": NUMERIC_VERSION,
            "classifier": self.classifier.weights_sha256,
            "classifier_definition": self.classifier.definition,
            "generator": generator.map(|generator| &generator.weights_sha256),
            "generator_definition": generator.map(|generator| &generator.definition),
            "encoder": self.encoding_classifier.as_ref().filter(|_| method.encodes()).map(|encoder| &encoder.weights_sha256),
            "condition": generator.and(self.condition),
            "method": self.method_settings(method),
            "size": self.size_of(method),
            "dtype": "f32",
        });
        if let Some(encoder) = self.encoder.as_ref().filter(|_| method.encodes()) {
            settings["encoder"] = json!(encoder.weights_sha256);
            settings["encoder_definition"] = encoder.definition.clone();
        }
        let statistics = generator.and_then(|generator| generator.statistics.as_ref());
        if let Some(statistics) = statistics.filter(|_| method.reads_statistics()) {
            settings["code_statistics"] = json!(statistics.sha256);
        }
        // Where the picture's size does not tell it.
        if let Some(side) = self.generator_side(method) {
            settings["generator_size"] = json!(side);
        }
        settings
    }

    /// The settings of a method, in which photographs are known by their content, wherever they lie.
    pub(super) fn method_settings(&self, method: &Method) -> Value {
        method.settings_from(self.photographs.as_ref().map(|photographs| &*photographs.sha256))
    }

    /// What the ids of all runs by a method are made of, beside their unit, seed and facet: a sha256 of all that decides their results.
    pub fn identity(&self, method: &Method) -> Identity {
        Identity(Hash::of(self.settings(method).to_string().as_bytes()).to_string())
    }

    /// The id of a run.
    pub fn id(&self, run: &Run) -> RunId {
        self.identity(&run.method).of(&unit_identity(&run.unit), run.seed, run.facet)
    }
}

/// A hash of what a unit reads.
pub fn unit_identity(unit: &Unit) -> String {
    Hash::of(unit.settings().to_string().as_bytes()).to_string()
}

/// What a batch of these runs optimizes: the unit of each, and the seed of its facet.
pub fn seeded(runs: &[Run]) -> Vec<(Unit, Seed)> {
    runs.iter().map(|run| (run.unit.clone(), run.seed.of_facet(run.facet))).collect()
}
