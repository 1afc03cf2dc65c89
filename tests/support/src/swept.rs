//! What a sweep within this process takes.

use classifiers::Classifier;
use generators::Generator;
use metapicture::render::Watch;
use metapicture::run::Follow;
use metapicture::run::{Experiment, Run};
use metapicture::unit::LayerShapes;
use std::sync::{Arc, OnceLock};

/// Lite0 on the CPU, with these witnesses.
pub fn experiment(witnesses: Vec<Arc<Classifier>>) -> Arc<Experiment> {
    Arc::new(Experiment { witnesses, ..of(crate::classifier("efficientnet-lite0"), None) })
}

/// A classifier on the CPU, perhaps with a prior, and nothing else.
pub fn of(classifier: Classifier, generator: Option<Generator>) -> Experiment {
    let classifier = Arc::new(classifier);
    let shapes = Arc::new(LayerShapes::measure(&classifier));
    Experiment {
        classifier,
        shapes,
        generator: generator.map(Arc::new),
        condition: None,
        encoding_classifier: None,
        encoder: None,
        photographs: None,
        witnesses: vec![],
        size: None,
        device: tch::Device::Cpu,
        threads: 1,
        load: OnceLock::new(),
    }
}

/// Follows a sweep without a word.
pub struct Unwatched;

impl Watch for Unwatched {
    fn step(&self, _: usize, _: usize, _: f64) {}
}

impl Follow for Unwatched {
    fn batch(&self, _: &[Run], _: &[metapicture::store::RunId]) -> Box<dyn Watch> {
        Box::new(Unwatched)
    }

    fn found(&self, _: usize) {}
}
