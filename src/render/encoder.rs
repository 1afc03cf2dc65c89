//! The encoder of a generator: the layer of a classifier whose activations are the generator's codes, so that a picture can be
//! brought back to a code.

use crate::error::{Result, bail, request};
use classifiers::{Classifier, InputPipeline};
use frozen::network::{Point, Schedule};
use generators::Generator;
use tch::Tensor;

use super::tiles::middle;

/// From the pictures of a generator to its codes.
#[derive(Debug)]
pub struct Encoder<'e> {
    classifier: &'e Classifier,
    point: Point,
    schedule: Schedule,
    pipeline: InputPipeline,
    shape: Vec<i64>,
}

impl<'e> Encoder<'e> {
    /// The encoder of a generator's pictures; `classifier` is the one that [`generators::Encoding`] names.
    ///
    /// # Errors
    /// If the generator has no encoder, or the classifier is another one or lacks the layer.
    pub fn new(generator: &Generator, classifier: Option<&'e Classifier>) -> Result<Encoder<'e>> {
        let Some(encoding) = generator.code.encoding else {
            bail!("{} has no encoder: its codes are not the activations of a classifier that is known", generator.name)
        };
        let classifier = classifier.filter(|classifier| classifier.name == encoding.classifier);
        let classifier =
            classifier.ok_or_else(|| request!("{} is encoded by {}", generator.name, encoding.classifier))?;
        let tap =
            classifier.network.tap(encoding.layer).map_err(|error| request!("{} has {error}", classifier.name))?;
        let shape = generator.code.shape.clone();
        let shown = middle(generator.size, classifier.size).map_or(generator.size, |_| [classifier.size; 2]);
        Ok(Encoder {
            classifier,
            point: tap.point,
            schedule: classifier.network.schedule(&[tap.point]).forward_only(),
            pipeline: classifier.input_pipeline(shown, [classifier.size; 2]),
            shape,
        })
    }

    /// The codes `[N,…]` of pictures `[N,3,H,W]`: of their middle, where they are larger than the classifier's input, and else
    /// of the whole, enlarged.
    pub fn encode(&self, pictures: &Tensor) -> Tensor {
        let side = self.classifier.size;
        let pictures = match middle([pictures.size()[2], pictures.size()[3]], side) {
            Some([y, x]) => pictures.narrow(2, y, side).narrow(3, x, side),
            None => pictures.shallow_clone(),
        };
        let pass = self.classifier.network.forward(&self.schedule, &self.pipeline.apply(&pictures));
        let shape: Vec<i64> = std::iter::once(pictures.size()[0]).chain(self.shape.iter().copied()).collect();
        pass.activation(self.point).reshape(shape.as_slice())
    }
}
