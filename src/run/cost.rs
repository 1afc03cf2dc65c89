//! What runs cost: how many are computed together, and by what a plan is shared out.

use generators::Generator;

use super::experiment::Experiment;
use super::load::Load;
use crate::method::{Input, Method};

/// Bytes of activations that the runs of a batch may keep together.
const MOST_BYTES: f64 = (2u64 << 30) as f64;

/// Runs that are computed together at most, where nobody says.
const MOST_RUNS: usize = 8;

impl Experiment {
    /// What a pass of the classifier takes, and one of the generator.
    fn load(&self) -> [Load; 2] {
        *self.load.get_or_init(|| {
            let size = self.classifier.size;
            let of_generator = |generator: &Generator| Load::of(&generator.network, &generator.input_shape());
            let of_classifier = Load::of(&self.classifier.network, &[1, 3, size, size]);
            [of_classifier, self.generator.as_deref().map(of_generator).unwrap_or_default()]
        })
    }

    /// How many runs by a method are computed together, where nobody says: as many as keep 2 GiB of activations, at most 8. It
    /// depends on no machine, so that a plan is the same everywhere.
    pub fn batch(&self, method: &Method) -> usize {
        let [classifier, generator] = self.load().map(|load| load.numbers);
        let copies = method.param.copies() as f64;
        let side = self.size_of(method) as f64 / self.classifier.size as f64;
        let area = if method.input == Input::Full { side.powi(2).max(1.) } else { 1. };
        let generator = if method.needs_generator() { generator } else { 0. };
        let bytes = 4. * copies * (classifier * method.views as f64 * area + generator);
        ((MOST_BYTES / bytes) as usize).clamp(1, MOST_RUNS)
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
}
