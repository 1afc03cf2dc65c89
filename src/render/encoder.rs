//! The encoder of a generator, by which its pictures are brought back to codes: a network that was made for that, or the layer of a
//! classifier whose activations the codes are.

use crate::error::{Result, bail, request};
use classifiers::{Classifier, InputPipeline};
use frozen::network::{Point, Schedule};
use frozen::resize::Resize;
use generators::{EncodedBy, Generator};
use tch::Tensor;

use super::tiles::middle;

/// The network that brings pictures back to codes.
#[derive(Clone, Copy, Debug)]
pub enum EncoderNetwork<'a> {
    /// A classifier, by one of its layers.
    Classifier(&'a Classifier),
    /// One that was made for that.
    Encoder(&'a generators::Encoder),
}

/// From the pictures of a generator to its codes.
#[derive(Debug)]
pub struct Encoder<'e> {
    way: Way<'e>,
    /// Of a code.
    shape: Vec<i64>,
    /// Height and width of the generator's pictures.
    size: [i64; 2],
}

#[derive(Debug)]
enum Way<'e> {
    Layer { classifier: &'e Classifier, point: Point, schedule: Schedule, pipeline: InputPipeline },
    Encoder(&'e generators::Encoder),
}

impl<'e> Encoder<'e> {
    /// The encoder of a generator's pictures; `network` is the one that [`EncodedBy`] names.
    ///
    /// # Errors
    /// If the generator has no encoder, or the network is another one, lacks the layer, or makes codes of another shape.
    pub fn new(generator: &Generator, network: Option<EncoderNetwork<'e>>) -> Result<Encoder<'e>> {
        let shape = generator.code.shape.clone();
        let way = match (&generator.code.encoded_by, network) {
            (None, _) => {
                bail!("{} has no encoder that is known, by which its pictures come back to codes", generator.name)
            }
            (Some(EncodedBy::Layer { classifier: name, layer }), Some(EncoderNetwork::Classifier(classifier)))
                if classifier.name == *name =>
            {
                let tap = classifier.network.tap(layer);
                let point = tap.map_err(|error| request!("{} has {error}", classifier.name))?.point;
                let shown = middle(generator.size, classifier.size).map_or(generator.size, |_| [classifier.size; 2]);
                let schedule = classifier.network.schedule(&[point]).forward_only();
                let pipeline = classifier.input_pipeline(shown, [classifier.size; 2]);
                Way::Layer { classifier, point, schedule, pipeline }
            }
            (Some(EncodedBy::Encoder(_)), Some(EncoderNetwork::Encoder(encoder))) => {
                let made = encoder.code_of(generator.size);
                if made.as_ref() != Some(&shape) {
                    let made = made.map_or_else(|| "none".to_owned(), |made| format!("{made:?}"));
                    bail!(
                        "{} makes codes {made} of pictures of {:?} px; those of {} are {shape:?}",
                        encoder.name,
                        generator.size,
                        generator.name
                    );
                }
                Way::Encoder(encoder)
            }
            (Some(EncodedBy::Layer { classifier: by, .. }), _) => bail!("{} is encoded by {by}", generator.name),
            (Some(EncodedBy::Encoder(by)), _) => bail!("{} is encoded by {by}", generator.name),
        };
        Ok(Encoder { way, shape, size: generator.size })
    }

    /// The codes `[N,…]` of pictures `[N,3,H,W]`. An encoder sees them at the generator's own size. A classifier sees their middle, where
    /// they are larger than its input, and else the whole, enlarged.
    pub fn encode(&self, pictures: &Tensor) -> Tensor {
        let (classifier, point, schedule, pipeline) = match &self.way {
            Way::Encoder(encoder) => {
                let from = [pictures.size()[2], pictures.size()[3]];
                let fitted = Resize::new(from, self.size, pictures.kind(), pictures.device()).apply(pictures);
                return encoder.codes(&fitted);
            }
            Way::Layer { classifier, point, schedule, pipeline } => (classifier, point, schedule, pipeline),
        };
        let side = classifier.size;
        let pictures = match middle([pictures.size()[2], pictures.size()[3]], side) {
            Some([y, x]) => pictures.narrow(2, y, side).narrow(3, x, side),
            None => pictures.shallow_clone(),
        };
        let pass = classifier.network.forward(schedule, &pipeline.apply(&pictures));
        let shape: Vec<i64> = std::iter::once(pictures.size()[0]).chain(self.shape.iter().copied()).collect();
        pass.activation(*point).reshape(shape.as_slice())
    }
}
