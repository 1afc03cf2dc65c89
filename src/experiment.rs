//! An experiment: what runs are asked for, with what models; and the work of making them into records.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};
use classifiers::{Classifier, imagenet};
use generators::{Classes, Generator};
use serde_json::{Value, json};
use tch::Device;

use crate::encoder::Encoder;
use crate::judge::{self, Verdict};
use crate::method::{Method, ParamSpec};
use crate::param::Condition;
use crate::picture::{read, to_rgb8};
use crate::random::Seed;
use crate::record::{
    ActivationField, LIBTORCH_VERSION, Leaves, NUMERIC_VERSION, Provenance, Record, RunId, SCHEMA_VERSION, Status,
    Store, Timing, UnitField,
};
use crate::render::{Batch, Rendered, Row, Watch, render};
use crate::unit::{LayerShapes, Unit};

/// Models and settings that all runs of an experiment share.
#[derive(Debug)]
pub struct Experiment {
    /// Whose units are visualised.
    pub classifier: Classifier,
    /// The shapes of its taps.
    pub shapes: LayerShapes,
    /// The natural image prior.
    pub generator: Option<Generator>,
    /// What a conditional generator is conditioned on.
    pub condition: Option<Condition>,
    /// What brings the generator's pictures back to codes, for methods that encode; none where that is the classifier itself.
    pub encoder: Option<Classifier>,
    /// Classifiers that judge and never take part.
    pub witnesses: Vec<Classifier>,
    /// Side of the pictures, if another one than the methods' is wanted; a generator's have its own size.
    pub size: Option<i64>,
    /// Where everything is computed.
    pub device: Device,
    /// libtorch's threads.
    pub threads: i32,
    /// Runs computed together.
    pub batch: usize,
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

/// What became of a run.
#[derive(Debug)]
pub struct Outcome {
    /// Its record.
    pub record: Record,
    /// It was there before.
    pub found: bool,
}

/// How an experiment ended.
#[derive(Debug)]
pub struct Ended {
    /// In the order of the runs; shorter than they are if the work was interrupted.
    pub outcomes: Vec<Outcome>,
    /// Runs that were not started.
    pub left: usize,
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
            if let Some(generator) = self.generator.as_ref().filter(|_| method.needs_generator()) {
                method.fit(generator).with_context(named)?;
                if method.encodes() {
                    Encoder::new(generator, self.encoder.as_ref().or(Some(&self.classifier))).with_context(named)?;
                }
            }
            for layer in method.regularizers.iter().filter_map(|regularizer| regularizer.layer()) {
                let tap = self.classifier.network.tap(layer);
                tap.map_err(|error| anyhow!("{}: {} has {error}", named(), self.classifier.name))?;
            }
            let side = method.sides(self.classifier.size, self.size).into_iter().max().unwrap_or_default();
            if !method.needs_generator() && side > LARGEST {
                bail!("{}: its last octave has {side} pixels a side; at most {LARGEST} are made", named());
            }
        }
        Ok(())
    }

    /// Groups runs into batches: those of one method share one, in their order, `self.batch` at a time. A batch is the
    /// atom of the work: it is computed whole or not at all, so that a repeated experiment computes the same bytes.
    pub fn batches(&self, runs: &[Run]) -> Vec<Vec<Run>> {
        let mut methods: Vec<&str> = vec![];
        for run in runs {
            if !methods.contains(&run.method.name.as_str()) {
                methods.push(&run.method.name);
            }
        }
        let of = |name: &str| runs.iter().filter(|run| run.method.name == name).cloned().collect::<Vec<_>>();
        methods
            .into_iter()
            .flat_map(|name| {
                let runs = of(name);
                // The facets of a run stay together.
                let facets = runs.first().map_or(1, |run| run.method.facets);
                runs.chunks((self.batch / facets).max(1) * facets).map(<[Run]>::to_vec).collect::<Vec<_>>()
            })
            .collect()
    }

    /// What decides the result of a run, and nothing else.
    fn settings(&self, run: &Run) -> Value {
        let generator = self.generator.as_ref().filter(|_| run.method.needs_generator());
        json!({
            "numeric_version": NUMERIC_VERSION,
            "classifier": self.classifier.weights_sha256,
            "classifier_definition": self.classifier.definition,
            "generator": generator.map(|generator| &generator.weights_sha256),
            "generator_definition": generator.map(|generator| &generator.definition),
            "encoder": self.encoder.as_ref().filter(|_| run.method.encodes()).map(|encoder| &encoder.weights_sha256),
            "condition": generator.and(self.condition),
            "unit": run.unit.settings(),
            "method": run.method.settings(),
            "seed": run.seed,
            "facet": run.facet,
            "size": self.size_of(run),
            "dtype": "f32",
        })
    }

    /// The id of a run.
    pub fn id(&self, run: &Run) -> RunId {
        RunId::of(&self.settings(run))
    }

    /// Side of a run's picture.
    fn size_of(&self, run: &Run) -> i64 {
        match (&run.method.param, &self.generator) {
            (ParamSpec::Latent(_) | ParamSpec::Embedding(_), Some(generator)) => generator.size[0],
            _ => run.method.sides(self.classifier.size, self.size).last().copied().unwrap_or(self.classifier.size),
        }
    }

    /// Makes every run into a record in `store`. Batches that are there whole are not computed again. A run that fails
    /// is recorded as failed and stops no other; after `stop` is set, the running batch is the last.
    pub fn run(
        &self,
        runs: &[Run],
        store: &Store,
        stop: &AtomicBool,
        watch: &dyn Fn(&[Run]) -> Box<dyn Watch>,
    ) -> Result<Ended> {
        let mut outcomes: BTreeMap<RunId, Outcome> = BTreeMap::new();
        let mut left = 0;
        for batch in self.batches(runs) {
            let ids: Vec<RunId> = batch.iter().map(|run| self.id(run)).collect();
            // The same settings may have run under another method's name.
            let named = |(id, run): (&RunId, &Run)| Some(Record { method: run.method.name.clone(), ..store.done(id)? });
            let there: Vec<Record> = ids.iter().zip(&batch).filter_map(named).collect();
            if there.len() == batch.len() {
                watch(&batch).step(1, 1, f64::NAN);
                for (record, run) in there.into_iter().zip(&batch) {
                    let record = self.with_these_witnesses(record, run, store)?;
                    outcomes.insert(record.run_id.clone(), Outcome { record, found: true });
                }
                continue;
            }
            if stop.load(Ordering::Relaxed) {
                left += batch.len();
                continue;
            }
            for record in self.compute(&batch, store, watch(&batch).as_ref())? {
                outcomes.insert(record.run_id.clone(), Outcome { record, found: false });
            }
        }
        let outcomes = runs.iter().filter_map(|run| outcomes.remove(&self.id(run))).collect();
        Ok(Ended { outcomes, left })
    }

    /// A finished run's record, its picture judged by the witnesses of this experiment.
    fn with_these_witnesses(&self, mut record: Record, run: &Run, store: &Store) -> Result<Record> {
        let asked: Vec<&str> = self.witnesses.iter().map(|witness| witness.name.as_str()).collect();
        let judged: Vec<&str> = record.witnesses.iter().map(|verdict| verdict.classifier.as_str()).collect();
        let Some(class) = run.unit.class().filter(|_| asked != judged && !asked.is_empty()) else { return Ok(record) };
        let picture = read(&store.picture(&record.run_id))?;
        record.witnesses = self.witnesses.iter().map(|witness| judge::verdict(witness, &picture, class)).collect();
        record.provenance = self.record(run, record.provenance.batch, &[], None).provenance;
        store.replace_record(&record)?;
        Ok(record)
    }

    fn compute(&self, runs: &[Run], store: &Store, watch: &dyn Watch) -> Result<Vec<Record>> {
        let method = &runs[0].method;
        let units: Vec<(Unit, Seed)> =
            runs.iter().map(|run| (run.unit.clone(), run.seed.of_facet(run.facet))).collect();
        let batch = Batch {
            classifier: &self.classifier,
            shapes: &self.shapes,
            generator: self.generator.as_ref(),
            condition: self.condition,
            encoder: self.encoder.as_ref().or(Some(&self.classifier)),
            method,
            size: self.size,
            runs: &units,
        };
        let start = Instant::now();
        let rendered = render(&batch, watch);
        let timing = Timing { batch_seconds: start.elapsed().as_secs_f64(), batch: runs.len() };
        let rendered: Vec<Result<Rendered, String>> = match rendered {
            Ok(rendered) => rendered.into_iter().map(Ok).collect(),
            Err(error) => runs.iter().map(|_| Err(format!("{error:#}"))).collect(),
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
                    let verdict = |classifier: &Classifier| -> Verdict { judge::verdict(classifier, picture, class) };
                    record.probability = Some(verdict(&self.classifier).probability);
                    record.witnesses = self.witnesses.iter().map(verdict).collect();
                }
            }
            let state = rendered.as_ref().map_or(&[][..], |rendered| &rendered.state);
            record.passes = rendered.as_ref().ok().map(|rendered| rendered.passes);
            store.write(&Leaves {
                record: &record,
                picture: picture.as_ref(),
                state,
                trace,
                regularizers: &regularizers,
                timing: &timing,
            })?;
            records.push(record);
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
            size: self.size_of(run),
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
