//! An experiment of one classifier and one generator: what a run of it is, what identifies it, and the work of making runs into
//! records.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::OnceLock;
use std::time::Instant;

use crate::error::{Context, Result, bail, request};
use classifiers::{Classifier, imagenet};
use frozen::network::Network;
use generators::{Classes, Generator};
use serde_json::{Value, json};
use tch::Device;

use crate::checkpoint::Keeper;
use crate::encoder::Encoder;
use crate::look::judge::{self, Verdict};
use crate::method::{Input, Method, ParamSpec};
use crate::param::Condition;
use crate::picture::{read, to_rgb8};
use crate::random::Seed;
use crate::render::{Batch, Rendered, Row, Watch, resume};
use crate::store::record::{
    ActivationField, LIBTORCH_VERSION, Leaves, NUMERIC_VERSION, Provenance, Record, RunId, SCHEMA_VERSION, Status,
    Timing, UnitField,
};
use crate::store::{Hash, Sealed, Store};
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
    fn generator_side(&self, method: &Method) -> Option<i64> {
        let generator = self.generator.as_ref().filter(|of| method.needs_generator() && of.code.is_spatial())?;
        Some(generator.size[0]).filter(|side| *side != self.size_of(method))
    }

    /// What the ids of all runs by a method are made of, beside their unit and seed.
    pub fn identity(&self, method: &Method) -> Identity {
        Identity(Hash::of(self.settings(method).to_string().as_bytes()).to_string())
    }

    fn load(&self) -> [Load; 2] {
        *self.load.get_or_init(|| {
            let of = |network: &Network, input: &[i64]| {
                let (forward, backward) = network.flops(&network.schedule(&[network.output()]), input);
                let numbers = network.shapes(input).iter().map(|(_, shape)| shape.iter().product::<i64>()).sum::<i64>();
                Load { forward, backward, numbers: numbers as f64 }
            };
            let size = self.classifier.size;
            let of_generator = |generator: &Arc<Generator>| of(&generator.network, &generator.input_shape());
            let of_classifier = of(&self.classifier.network, &[1, 3, size, size]);
            [of_classifier, self.generator.as_ref().map(of_generator).unwrap_or_default()]
        })
    }

    /// How many runs by a method are computed together, where nobody says: as many as keep 2 GiB of activations, at most 8. It
    /// depends on no machine, so that a plan is the same everywhere.
    pub fn batch(&self, method: &Method) -> usize {
        const MOST: f64 = (2u64 << 30) as f64;
        let [classifier, generator] = self.load().map(|load| load.numbers);
        let copies = method.param.copies() as f64;
        let side = self.size_of(method) as f64 / self.classifier.size as f64;
        let area = if method.input == Input::Full { side.powi(2).max(1.) } else { 1. };
        let generator = if method.needs_generator() { generator } else { 0. };
        let bytes = 4. * copies * (classifier * method.views as f64 * area + generator);
        ((MOST / bytes) as usize).clamp(1, 8)
    }

    /// About what a run by a method costs, in FLOPs: what a plan is divided by.
    pub fn cost(&self, method: &Method) -> f64 {
        let [classifier, generator] = self.load().map(|load| (load.forward, load.backward));
        let generator = if method.needs_generator() { generator } else { (0., 0.) };
        let copies = method.param.copies() as f64;
        let octave = |side: i64| {
            let area = match method.input {
                Input::Full | Input::Tiles => (side as f64 / self.classifier.size as f64).powi(2).max(1.),
                Input::Fit | Input::Middle => 1.,
            };
            let looks = copies * method.views as f64 * area;
            match method.optimizer.evolution() {
                Some(evolution) => {
                    (classifier.0 * looks + generator.0) * (method.steps * evolution.population()) as f64
                }
                None => {
                    let of_step = (classifier.0 + classifier.1) * looks + (generator.0 + generator.1) * copies;
                    of_step * method.steps as f64
                }
            }
        };
        let start = method.param.latent().map_or(0., |spec| {
            let trials = (spec.starts.saturating_sub(1) * spec.trial) as f64;
            (classifier.0 + generator.0) * (spec.screen as f64 + trials) + (classifier.1 + generator.1) * trials
        });
        start + method.sides(self.classifier.size, self.size).into_iter().map(octave).sum::<f64>()
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

    /// A finished run's record, its picture judged by the witnesses of this experiment.
    ///
    /// # Errors
    /// If the picture cannot be read, or the record not be written.
    pub fn judge_again(&self, mut record: Record, run: &Run, store: &Store) -> Result<()> {
        let Some(class) = run.unit.class() else { return Ok(()) };
        let picture = read(&store.picture(&record.run_id))?;
        record.witnesses = self.witnesses.iter().map(|witness| judge::verdict(witness, &picture, class)).collect();
        // Who computed it, and on what, stays: only the witnesses are others.
        let Provenance { weights_sha256, definitions, .. } = self.record(run, 1, &[], None).provenance;
        (record.provenance.weights_sha256, record.provenance.definitions) = (weights_sha256, definitions);
        store.replace_record(&record)
    }

    /// A batch of runs of one method; a seed is that of a facet (see [`seeded`]).
    pub fn together<'a>(&'a self, method: &'a Method, runs: &'a [(Unit, Seed)]) -> Batch<'a> {
        Batch {
            classifier: &self.classifier,
            shapes: &self.shapes,
            generator: self.generator.as_deref(),
            condition: self.condition,
            encoder: self.encoder.as_deref().or(Some(&self.classifier)),
            method,
            size: self.size,
            runs,
        }
    }

    /// Computes runs of one method together: their records, ready to be written. One that fails is recorded as failed.
    ///
    /// # Errors
    /// If a picture cannot be judged.
    pub fn compute(&self, runs: &[Run], watch: &dyn Watch, keeper: &dyn Keeper) -> Result<Vec<Sealed>> {
        let method = &runs[0].method;
        let units = seeded(runs);
        let start = Instant::now();
        let rendered = resume(&self.together(method, &units), watch, keeper);
        let timing = Timing { batch_seconds: start.elapsed().as_secs_f64(), batch: runs.len() };
        let rendered: Vec<Result<Rendered, String>> = match rendered {
            Ok(rendered) => rendered.into_iter().map(Ok).collect(),
            Err(error) => runs.iter().map(|_| Err(format!("{error}"))).collect(),
        };
        let regularizers: Vec<&'static str> = method.regularizers.iter().map(|spec| spec.name()).collect();
        let mut records = vec![];
        for (run, rendered) in runs.iter().zip(rendered) {
            let error = match &rendered {
                Ok(rendered) => rendered.failure.clone(),
                Err(error) => Some(error.clone()),
            };
            let picture = match (&rendered, &error) {
                (Ok(rendered), None) => Some(to_rgb8(&rendered.picture)?),
                _ => None,
            };
            let trace: &[Row] = rendered.as_ref().map_or(&[], |rendered| &rendered.trace);
            let mut record = self.record(run, runs.len(), trace, error);
            if let Some(picture) = &picture {
                record.activation.scored = Some(judge::score(&self.classifier, picture, &run.unit)?);
                if let Some(class) = run.unit.class() {
                    let verdict =
                        |classifier: &Arc<Classifier>| -> Verdict { judge::verdict(classifier, picture, class) };
                    record.probability = Some(verdict(&self.classifier).probability);
                    record.witnesses = self.witnesses.iter().map(verdict).collect();
                }
            }
            let state = rendered.as_ref().map_or(&[][..], |rendered| &rendered.state);
            record.passes = rendered.as_ref().ok().map(|rendered| rendered.passes);
            let leaves = Leaves {
                record: &record,
                picture: picture.as_ref(),
                state,
                trace,
                regularizers: &regularizers,
                timing: &timing,
            };
            records.push(leaves.seal()?);
        }
        Ok(records)
    }

    fn record(&self, run: &Run, batch: usize, trace: &[Row], error: Option<String>) -> Record {
        let generator = self.generator.as_ref().filter(|_| run.method.needs_generator());
        let finite = |value: Option<f64>| value.filter(|value| value.is_finite());
        let encoder = self.encoder.as_ref().filter(|_| run.method.encodes());
        let models = std::iter::once(&self.classifier).chain(encoder).chain(&self.witnesses);
        let models = models.map(|model| (&model.name, &model.weights_sha256, &model.definition));
        let models =
            models.chain(generator.iter().map(|model| (&model.name, &model.weights_sha256, &model.definition)));
        let (mut weights_sha256, mut definitions) = (BTreeMap::new(), BTreeMap::new());
        for (name, sha256, definition) in models {
            weights_sha256.insert(name.clone(), sha256.clone());
            definitions.insert(name.clone(), serde_json::to_value(definition).unwrap_or_default());
        }
        Record {
            schema_version: SCHEMA_VERSION,
            run_id: self.id(run),
            status: if error.is_none() { Status::Done } else { Status::Failed },
            stop: if error.is_none() { "steps" } else { "error" }.to_owned(),
            error,
            classifier: self.classifier.name.clone(),
            generator: generator.map(|generator| generator.name.clone()),
            condition: generator.and(self.condition).map(|condition| match condition {
                Condition::Relaxed => "relaxed".to_owned(),
                Condition::Class(class) => generator.map(|generator| class_name(generator, class)).unwrap_or_default(),
            }),
            method: run.method.name.clone(),
            method_settings: run.method.settings(),
            unit: UnitField {
                name: run.unit.name.clone(),
                layer: run.unit.layer().map(str::to_owned),
                index: run.unit.index(),
                position: run.unit.position(),
                label: run.unit.label().map(str::to_owned),
                terms: run.unit.settings(),
            },
            seed: run.seed,
            facet: run.facet,
            steps: run.method.all_steps(),
            passes: None,
            size: self.size_of(&run.method),
            generator_size: self.generator_side(&run.method),
            activation: ActivationField {
                initial: finite(trace.first().map(|row| row.activation)),
                last: finite(trace.last().map(|row| row.activation)),
                best: trace.iter().map(|row| row.activation).filter(|a| a.is_finite()).reduce(f64::max),
                scored: None,
            },
            probability: None,
            witnesses: vec![],
            provenance: Provenance {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                numeric_version: NUMERIC_VERSION,
                libtorch: LIBTORCH_VERSION.to_owned(),
                device: device_name(self.device),
                dtype: "f32".to_owned(),
                threads: self.threads,
                batch,
                weights_sha256,
                definitions,
                host_arch: std::env::consts::ARCH.to_owned(),
            },
        }
    }
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

/// What a batch of these runs optimizes: the unit of each, and the seed of its facet.
pub fn seeded(runs: &[Run]) -> Vec<(Unit, Seed)> {
    runs.iter().map(|run| (run.unit.clone(), run.seed.of_facet(run.facet))).collect()
}

/// A hash of what a unit reads.
pub fn unit_identity(unit: &Unit) -> String {
    Hash::of(unit.settings().to_string().as_bytes()).to_string()
}

/// As `--device` takes it.
pub fn device_name(device: Device) -> String {
    match device {
        Device::Cuda(index) => format!("cuda:{index}"),
        _ => "cpu".to_owned(),
    }
}

/// What a class of a generator is called.
fn class_name(generator: &Generator, class: usize) -> String {
    let name = match generator.conditioning.as_ref().map(|conditioning| &conditioning.classes) {
        Some(Classes::Named(names)) => names.get(class).cloned(),
        Some(Classes::Imagenet) => imagenet::CLASSES.get(class).map(|class| class.name.to_owned()),
        None => None,
    };
    name.unwrap_or_default()
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
