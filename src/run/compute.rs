//! The work of making runs into records: pictures optimized together, judged, and put into words of provenance.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use classifiers::{Classifier, imagenet};
use generators::{Classes, Generator};

use super::experiment::Experiment;
use super::identity::{Run, seeded};
use crate::device;
use crate::error::{ErrorKind, Result};
use crate::look::judge::{self, Verdict};
use crate::method::Method;
use crate::param::Condition;
use crate::picture::{read, to_rgb8};
use crate::random::Seed;
use crate::render::Keeper;
use crate::render::{Batch, Rendered, Row, Watch, resume};
use crate::store::{
    ActivationField, Kept, LIBTORCH_VERSION, Leaves, NUMERIC_VERSION, Provenance, Record, SCHEMA_VERSION, Status,
    Timing, UnitField,
};
use crate::store::{Sealed, Store};
use crate::unit::Unit;

impl Experiment {
    /// Has the picture of a finished run judged by the witnesses of this experiment, in the place of those who judged it before, and
    /// replaces its record.
    ///
    /// # Errors
    /// Storage, where the picture cannot be read or the record not be written.
    pub fn judge_again(&self, mut record: Record, run: &Run, store: &Store) -> Result<()> {
        let Some(class) = run.unit.class() else { return Ok(()) };
        let picture = read(&store.picture(&record.run_id))?;
        record.witnesses = self.witnesses.iter().map(|witness| judge::verdict(witness, &picture, class)).collect();
        // Who computed it, and on what, stays: only the witnesses are others.
        let Provenance { weights_sha256, definitions, .. } = self.record(run, 1, &[], None).provenance;
        (record.provenance.weights_sha256, record.provenance.definitions) = (weights_sha256, definitions);
        store.replace_record(&record)
    }

    /// A batch of runs of one method, ready to be rendered; a seed is that of a facet (see [`seeded`]).
    pub fn together<'a>(&'a self, method: &'a Method, runs: &'a [(Unit, Seed)]) -> Batch<'a> {
        Batch {
            classifier: &self.classifier,
            shapes: &self.shapes,
            generator: self.generator.as_deref(),
            condition: self.condition,
            encoder: Some(self.encoder_network()),
            photographs: self.photographs.as_deref(),
            method,
            size: self.size,
            runs,
        }
    }

    /// Computes runs of one method together: their records, ready to be written. One that fails is recorded as failed.
    ///
    /// # Errors
    /// Compute, where a picture cannot be judged, or where the machine failed and not the run: it had no memory left, or its device broke;
    /// [`ErrorKind::Left`] where the keeper left the batch. Whatever else goes wrong is in the records.
    pub fn compute(&self, runs: &[Run], kept: Kept, watch: &dyn Watch, keeper: &dyn Keeper) -> Result<Vec<Sealed>> {
        let method = &runs[0].method;
        let units = seeded(runs);
        let start = Instant::now();
        let rendered = resume(&self.together(method, &units), watch, keeper);
        let timing = Timing { batch_seconds: start.elapsed().as_secs_f64(), batch: runs.len() };
        let rendered: Vec<Result<Rendered, String>> = match rendered {
            Ok(rendered) => rendered.into_iter().map(Ok).collect(),
            Err(error) if error.kind() == ErrorKind::Left || is_of_the_machine(&error.to_string()) => {
                return Err(error);
            }
            // Whoever wants it left may have broken it off within a step: that is no result.
            Err(error) if keeper.leaves() => return Err(crate::Error::new(ErrorKind::Left, error.to_string())),
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
            record.revival = rendered.as_ref().ok().and_then(|rendered| rendered.revival.clone());
            record.started_from = rendered.as_ref().ok().and_then(|rendered| rendered.started_from.clone());
            record.passes = rendered.as_ref().ok().map(|rendered| rendered.passes);
            let leaves = Leaves {
                record: &record,
                picture: picture.as_ref(),
                cut_out: cut_out(state),
                state: kept.state.then_some(state),
                trace: kept.trace.then_some(trace),
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
        let encodes = |_: &&Arc<_>| run.method.encodes();
        let by_layer = self.encoding_classifier.as_ref().filter(encodes);
        let encoder = self.encoder.as_ref().filter(|_| run.method.encodes());
        let elsewhere = run.unit.elsewhere().into_iter().map(|other| &other.0);
        let models = std::iter::once(&self.classifier).chain(elsewhere).chain(by_layer).chain(&self.witnesses);
        let models = models.map(|model| (&model.name, &model.weights_sha256, &model.definition));
        let models = models.chain(encoder.map(|model| (&model.name, &model.weights_sha256, &model.definition)));
        let models =
            models.chain(generator.iter().map(|model| (&model.name, &model.weights_sha256, &model.definition)));
        let (mut weights_sha256, mut definitions) = (BTreeMap::new(), BTreeMap::new());
        for (name, sha256, definition) in models {
            let name = name_of(name, sha256, &weights_sha256);
            definitions.insert(name.clone(), serde_json::to_value(definition).unwrap_or_default());
            weights_sha256.insert(name, sha256.clone());
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
            method_settings: self.method_settings(&run.method),
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
            revival: None,
            started_from: None,
            provenance: Provenance {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                numeric_version: NUMERIC_VERSION,
                libtorch: LIBTORCH_VERSION.to_owned(),
                device: device::name(self.device),
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

/// Colours and opacity, where a state has both.
fn cut_out<'s>(state: &'s [(&'static str, tch::Tensor)]) -> Option<[&'s tch::Tensor; 2]> {
    let named = |name: &str| state.iter().find(|(known, _)| *known == name).map(|(_, tensor)| tensor);
    named("colours").zip(named("opacity")).map(|(colours, opacity)| [colours, opacity])
}

/// Whether what libtorch says is about the machine, and not about the run: the same run may come to a picture elsewhere, or later.
fn is_of_the_machine(error: &str) -> bool {
    const OF_THE_MACHINE: [&str; 7] =
        ["out of memory", "not enough memory", "alloc_cpu", "bad_alloc", "CUDA error", "CUBLAS_STATUS", "CUDNN_STATUS"];
    OF_THE_MACHINE.iter().any(|words| error.contains(words))
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

/// What a network is called among those that are known by then: by its own name, unless that is another's.
pub(super) fn name_of(name: &str, sha256: &str, known: &BTreeMap<String, String>) -> String {
    match known.get(name) {
        Some(other) if other != sha256 => format!("{name} ({})", &sha256[..8.min(sha256.len())]),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::is_of_the_machine;

    #[test]
    fn what_a_machine_cannot_do_is_told_from_what_a_run_cannot() {
        for words in [
            "CUDA out of memory. Tried to allocate 2.00 GiB",
            "[enforce fail at alloc_cpu.cpp:121] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes",
            "CUDA error: an illegal memory access was encountered",
        ] {
            assert!(is_of_the_machine(words), "{words}");
        }
        for words in ["the picture is not finite from step 3 on", "expected scalar type Float but found Double"] {
            assert!(!is_of_the_machine(words), "{words}");
        }
    }
}
