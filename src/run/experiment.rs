//! An experiment: one classifier, perhaps one generator, and witnesses; what decides the results of its runs.

use std::sync::{Arc, OnceLock};

use super::run::{Identity, Run, unit_identity};
use crate::error::{Context, Result, bail, request};
use classifiers::Classifier;
use generators::Generator;
use serde_json::{Value, json};
use tch::Device;

use crate::encoder::Encoder;
use crate::method::{Method, ParamSpec};
use crate::param::Condition;
use crate::store::Hash;
use crate::store::{NUMERIC_VERSION, RunId};
use crate::unit::{LayerShapes, Unit};

/// Models and settings that all runs of an experiment share.
#[derive(Debug)]
pub struct Experiment {
    /// Whose units are visualised.
    pub classifier: Arc<Classifier>,
    /// The shapes of its taps.
    pub shapes: Arc<LayerShapes>,
    /// The natural image prior.
    pub generator: Option<Arc<Generator>>,
    /// What a conditional generator is conditioned on.
    pub condition: Option<Condition>,
    /// What brings the generator's pictures back to codes, for methods that encode; none where that is the classifier itself.
    pub encoder: Option<Arc<Classifier>>,
    /// Classifiers that judge and never take part.
    pub witnesses: Vec<Arc<Classifier>>,
    /// Side of the pictures, if another one than the methods' is wanted; a generator's have its own size.
    pub size: Option<i64>,
    /// Where everything is computed.
    pub device: Device,
    /// libtorch's threads.
    pub threads: i32,
    /// What a pass of the classifier and of the generator takes; measured when it is asked for.
    pub load: OnceLock<[Load; 2]>,
}

/// What one forward and one backward pass of a network take, for one picture.
#[derive(Clone, Copy, Debug, Default)]
pub struct Load {
    /// FLOPs of the forward pass.
    pub forward: f64,
    /// FLOPs of the pullback.
    pub backward: f64,
    /// Numbers in all of its activations.
    pub numbers: f64,
}

/// The largest side of a picture.
const LARGEST: i64 = 4096;

impl Experiment {
    /// Refuses methods that cannot visualise these units here.
    ///
    /// # Errors
    /// A unit that has no such reading, a layer that is not there, a picture that is too large.
    pub fn check(&self, units: &[Unit], methods: &[Method]) -> Result<()> {
        for method in methods {
            let named = || format!("method '{}'", method.name);
            for unit in units {
                unit.read_as(method.objective).with_context(named)?;
            }
            method.fit_networks(&self.classifier, self.generator.as_deref()).with_context(named)?;
            if let Some(generator) = self.generator.as_ref().filter(|_| method.needs_generator() && method.encodes()) {
                Encoder::new(generator, self.encoder.as_deref().or(Some(&self.classifier))).with_context(named)?;
            }
            for layer in method.regularizers.iter().filter_map(|regularizer| regularizer.layer()) {
                let tap = self.classifier.network.tap(layer);
                tap.map_err(|error| request!("{}: {} has {error}", named(), self.classifier.name))?;
            }
            let side = method.sides(self.classifier.size, self.size).into_iter().max().unwrap_or_default();
            if !method.needs_generator() && side > LARGEST {
                bail!("{}: its last octave has {side} pixels a side; at most {LARGEST} are made", named());
            }
        }
        Ok(())
    }

    /// Refuses witnesses that are the classifier itself, or know other classes.
    ///
    /// # Errors
    /// Says which one.
    pub fn check_witnesses(classifier: &Classifier, witnesses: &[Arc<Classifier>]) -> Result<()> {
        for witness in witnesses {
            if witness.weights_sha256 == classifier.weights_sha256 {
                bail!("{} is the classifier itself; a witness takes no part", witness.name);
            }
            if witness.classes != classifier.classes {
                let (they, ours) = (witness.classes, classifier.classes);
                bail!("{} knows {they} classes, {} {ours}", witness.name, classifier.name);
            }
        }
        Ok(())
    }

    /// What decides the results of all runs by a method, whatever their unit and seed.
    fn settings(&self, method: &Method) -> Value {
        let generator = self.generator.as_ref().filter(|_| method.needs_generator());
        let mut settings = json!({
            "numeric_version": NUMERIC_VERSION,
            "classifier": self.classifier.weights_sha256,
            "classifier_definition": self.classifier.definition,
            "generator": generator.map(|generator| &generator.weights_sha256),
            "generator_definition": generator.map(|generator| &generator.definition),
            "encoder": self.encoder.as_ref().filter(|_| method.encodes()).map(|encoder| &encoder.weights_sha256),
            "condition": generator.and(self.condition),
            "method": method.settings(),
            "size": self.size_of(method),
            "dtype": "f32",
        });
        // Where the picture's size does not tell it.
        if let Some(side) = self.generator_side(method) {
            settings["generator_size"] = json!(side);
        }
        settings
    }

    /// Side of a spatial generator's pictures where a method's own are larger.
    pub(super) fn generator_side(&self, method: &Method) -> Option<i64> {
        let generator = self.generator.as_ref().filter(|of| method.needs_generator() && of.code.is_spatial())?;
        Some(generator.size[0]).filter(|side| *side != self.size_of(method))
    }

    /// What the ids of all runs by a method are made of, beside their unit and seed.
    pub fn identity(&self, method: &Method) -> Identity {
        Identity(Hash::of(self.settings(method).to_string().as_bytes()).to_string())
    }

    /// The id of a run.
    pub fn id(&self, run: &Run) -> RunId {
        self.identity(&run.method).of(&unit_identity(&run.unit), run.seed, run.facet)
    }

    /// Side of a run's picture.
    pub fn size_of(&self, method: &Method) -> i64 {
        match (&method.param, &self.generator) {
            (ParamSpec::Latent(_) | ParamSpec::Embedding(_), Some(generator)) => generator.size[0],
            _ => method.sides(self.classifier.size, self.size).last().copied().unwrap_or(self.classifier.size),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Experiment;

    #[test]
    fn threads_may_share_loaded_models() {
        fn shared<T: Send + Sync>() {}
        shared::<Experiment>();
        shared::<classifiers::Classifier>();
        shared::<generators::Generator>();
    }
}
