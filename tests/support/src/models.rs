//! A classifier with a generator, and short methods.

use classifiers::Classifier;
use generators::Generator;
use metapicture::method::{Method, ParamSpec};
use metapicture::param::Condition;
use metapicture::random::Seed;
use metapicture::render::{Batch, Rendered, render};
use metapicture::unit::{LayerShapes, Unit};
use tch::Tensor;

use crate::{classifier, generator, narrow};

/// A classifier, perhaps a generator, and the shapes that go with them.
pub struct Models {
    pub classifier: Classifier,
    pub shapes: LayerShapes,
    pub generator: Option<Generator>,
}

impl Models {
    /// Lite0.
    pub fn load(generator_name: Option<&str>) -> Models {
        Models::of(classifier("efficientnet-lite0"), generator_name)
    }

    /// A narrow one with its layers.
    pub fn narrow(generator_name: Option<&str>) -> Models {
        Models::of(narrow::lite(), generator_name)
    }

    fn of(classifier: Classifier, generator_name: Option<&str>) -> Models {
        let shapes = LayerShapes::measure(&classifier);
        Models { classifier, shapes, generator: generator_name.map(generator) }
    }

    pub fn runs(&self, runs: &[(&str, u64)]) -> Vec<(Unit, Seed)> {
        runs.iter()
            .map(|(unit, seed)| (Unit::parse(unit, &self.classifier, &self.shapes).unwrap(), Seed(*seed)))
            .collect()
    }

    /// One batch of these units and seeds.
    pub fn render(&self, method: &Method, condition: Option<Condition>, runs: &[(&str, u64)]) -> Vec<Rendered> {
        self.batch(method, condition, None, runs)
    }

    /// The same with pictures of this side.
    pub fn render_at(&self, method: &Method, size: Option<i64>, runs: &[(&str, u64)]) -> Vec<Rendered> {
        self.batch(method, None, size, runs)
    }

    fn batch(
        &self,
        method: &Method,
        condition: Option<Condition>,
        size: Option<i64>,
        runs: &[(&str, u64)],
    ) -> Vec<Rendered> {
        let batch = Batch {
            classifier: &self.classifier,
            shapes: &self.shapes,
            generator: self.generator.as_ref(),
            condition,
            encoder: None,
            photographs: None,
            method,
            size,
            runs: &self.runs(runs),
        };
        let rendered = render(&batch, &|_: usize, _: usize, _: f64| {}).unwrap();
        assert!(rendered.iter().all(|run| run.failure.is_none()), "{:?}", rendered[0].failure);
        rendered
    }

    /// The activation of a class for a float picture.
    pub fn activation(&self, picture: &Tensor, class: i64) -> f64 {
        let (network, size) = (&self.classifier.network, picture.size());
        let input =
            self.classifier.input_pipeline([size[1], size[2]], [self.classifier.size; 2]).apply(&picture.unsqueeze(0));
        let schedule = network.schedule(&[network.output()]);
        network.forward(&schedule, &input).activation(network.output()).double_value(&[0, class])
    }
}

/// A preset with fewer steps, fewer codes to start from, and two starts at most.
pub fn short(name: &str, steps: usize, screened: usize) -> Method {
    let mut method = Method { steps, ..Method::find(name).unwrap() };
    if let ParamSpec::Latent(spec) = &mut method.param {
        (spec.screen, spec.starts, spec.trial) = (screened, spec.starts.min(2), spec.trial.min(5));
    }
    method
}
