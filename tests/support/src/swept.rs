//! What a sweep within this process takes.

use classifiers::Classifier;
use metapicture::render::Watch;
use metapicture::run::Follow;
use metapicture::run::{Experiment, Run};
use metapicture::unit::LayerShapes;
use std::sync::{Arc, OnceLock};

/// Lite0 on the CPU, with these witnesses.
pub fn experiment(witnesses: Vec<Arc<Classifier>>) -> Arc<Experiment> {
    let classifier = Arc::new(crate::classifier("efficientnet-lite0"));
    let shapes = Arc::new(LayerShapes::measure(&classifier));
    Arc::new(Experiment {
        classifier,
        shapes,
        generator: None,
        condition: None,
        encoding_classifier: None,
        encoder: None,
        photographs: None,
        witnesses,
        size: None,
        device: tch::Device::Cpu,
        threads: 1,
        load: OnceLock::new(),
    })
}

/// Follows a sweep without a word.
pub struct Unwatched;

impl Watch for Unwatched {
    fn step(&self, _: usize, _: usize, _: f64) {}
}

impl Follow for Unwatched {
    fn batch(&self, _: &[Run]) -> Box<dyn Watch> {
        Box::new(Unwatched)
    }

    fn found(&self, _: usize) {}
}
