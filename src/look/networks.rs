//! One look of every network at a picture: all that the measures read comes from one forward pass of the target and one of
//! each witness.

use std::sync::Arc;

use classifiers::{Classifier, LOGITS};
use frozen::network::Point;
use frozen::resize::to_square;
use generators::Encoder;
use image::RgbImage;
use tch::{Device, Kind, Tensor};

use super::judge;
use crate::error::{Result, request};
use crate::picture::from_rgb8;
use crate::render::Objective;
use crate::unit::{LayerShapes, Reading, Unit};

/// Pictures that pass together.
const AT_ONCE: usize = 8;

/// Height and width in pixels of what encoders look at.
const OBSERVED: i64 = 224;

/// The target, and those who judge.
#[derive(Debug)]
pub struct Networks {
    /// Whose units are compared.
    pub target: Arc<Classifier>,
    /// The shapes of its taps.
    pub shapes: Arc<LayerShapes>,
    /// They never took part.
    pub witnesses: Vec<Arc<Classifier>>,
    /// Encoders of generators, which observe without being classifiers.
    pub encoders: Vec<Arc<Encoder>>,
    /// Layers of the target in which the path is measured: name and point.
    pub layers: Vec<(String, Point)>,
    /// What the logits are mixed from, of the target and of every witness in its order, and what the codes of every encoder are: a layer's
    /// name and point.
    pub features: Vec<(String, Point)>,
}

/// What the networks make of a picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Look {
    /// The activation of the picture's own unit.
    pub activation: f64,
    /// Activations of all units that were asked for.
    pub of_units: Vec<f64>,
    /// The target's softmax probabilities of all classes.
    pub posterior: Vec<f64>,
    /// The target's last features, averaged over positions: `[C]`.
    pub features: Vec<f32>,
    /// Activations of each layer, averaged over positions: `[C]`.
    pub pooled: Vec<Vec<f32>>,
    /// Activations of the points of the target that were asked for, averaged over positions: `[C]`.
    pub asked: Vec<Vec<f32>>,
    /// The logits of every witness.
    pub logits: Vec<Vec<f32>>,
    /// The last features of every witness, then of every encoder, averaged over positions: `[C]`.
    pub encoded: Vec<Vec<f32>>,
}

/// What is asked of a look beside its own unit.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// Further units whose activations are read.
    pub units: &'a [Unit],
    /// Points of the target whose activations are read, averaged over positions.
    pub points: &'a [Point],
}

/// Rows of `[N,...]` as numbers.
fn rows(tensor: &Tensor) -> Result<Vec<Vec<f32>>> {
    let count = tensor.size()[0];
    let flat = tensor.to_device(Device::Cpu).to_kind(Kind::Float).reshape([count, -1]);
    // Channels first, whatever the network's memory order.
    Ok(Vec::<Vec<f32>>::try_from(&flat.contiguous())?)
}

/// The mean over positions, where there are any.
pub(crate) fn pooled(activation: &Tensor) -> Tensor {
    match activation.dim() {
        4 => activation.mean_dim([2i64, 3].as_slice(), false, Kind::Float),
        _ => activation.flatten(1, -1),
    }
}

/// What a classifier's logits are mixed from ([`below`](frozen::network::Network::below)), as a layer's name and point; of somebody's program that tells nothing of itself, the
/// last vector before the logits, or the last layer with positions.
///
/// # Errors
/// A request: a classifier that has no layer before its logits.
pub fn last_features(classifier: &Classifier, shapes: &LayerShapes) -> Result<(String, Point)> {
    let output = classifier.network.output();
    let behind = logits(classifier);
    if let Some(found) = classifier.network.below(behind).and_then(|point| named(classifier, point)) {
        return Ok(found);
    }
    let before: Vec<(&str, Point, &[i64])> =
        shapes.iter().filter(|(_, point, _)| *point < output && *point < behind).collect();
    let vector = before.iter().rev().find(|(.., shape)| shape.len() == 1 || shape[1..].iter().all(|side| *side == 1));
    let found = vector.or(before.last());
    let (name, point, _) = found.ok_or_else(|| request!("{} has no layer before its logits", classifier.name))?;
    Ok(((*name).to_owned(), *point))
}

/// What an encoder's codes are mixed from: a layer's name and point.
fn before_codes(encoder: &Encoder) -> Result<(String, Point)> {
    let network = &encoder.encoding.network;
    let point = network.below(network.output());
    let tap = point.and_then(|point| network.taps().iter().find(|tap| tap.point == point));
    let tap = tap.ok_or_else(|| request!("{} has no layer before its codes", encoder.name))?;
    Ok((tap.name.clone(), tap.point))
}

/// A point with its name.
pub fn named(classifier: &Classifier, point: Point) -> Option<(String, Point)> {
    classifier.network.taps().iter().find(|tap| tap.point == point).map(|tap| (tap.name.clone(), point))
}

/// Where a classifier's logits are.
pub fn logits(classifier: &Classifier) -> Point {
    classifier.network.tap(LOGITS).map_or(classifier.network.output(), |tap| tap.point)
}

/// Where the path is measured, unless somebody says: at every resolution the last of the narrowest bottlenecks (what blocks hand
/// on to each other), the last features, and the logits.
///
/// # Errors
/// As [`last_features`].
pub fn default_layers(classifier: &Classifier, shapes: &LayerShapes) -> Result<Vec<(String, Point)>> {
    let narrow: Vec<Point> = classifier.network.bottlenecks().iter().map(|tap| tap.point).collect();
    let mut chosen: Vec<(&str, Point, &[i64])> = vec![];
    for (name, point, shape) in shapes.iter().filter(|(_, point, shape)| shape.len() == 3 && narrow.contains(point)) {
        match chosen.iter_mut().find(|(.., other)| other[1..] == shape[1..]) {
            Some(of) if shape[0] <= of.2[0] => *of = (name, point, shape),
            Some(_) => {}
            None => chosen.push((name, point, shape)),
        }
    }
    let mut layers: Vec<(String, Point)> =
        chosen.into_iter().map(|(name, point, _)| (name.to_owned(), point)).collect();
    layers.push(last_features(classifier, shapes)?);
    layers.push((LOGITS.to_owned(), logits(classifier)));
    layers.dedup_by_key(|(_, point)| *point);
    Ok(layers)
}

impl Networks {
    /// Of loaded classifiers: the path is measured in these layers of the target, or in the [default ones](default_layers) where none is
    /// named.
    ///
    /// # Errors
    /// A request: a layer that the target does not have, a classifier without a layer before its logits.
    pub fn new(
        target: Arc<Classifier>,
        shapes: Arc<LayerShapes>,
        witnesses: Vec<Arc<Classifier>>,
        encoders: Vec<Arc<Encoder>>,
        layers: &[String],
    ) -> Result<Networks> {
        let named = |name: &String| match target.network.tap(name) {
            Ok(tap) => Ok((tap.name.clone(), tap.point)),
            Err(error) => Err(request!("{} has {error}", target.name)),
        };
        let layers = match layers {
            [] => default_layers(&target, &shapes)?,
            names => names.iter().map(named).collect::<Result<_>>()?,
        };
        let mut features = vec![last_features(&target, &shapes)?];
        for witness in &witnesses {
            features.push(last_features(witness, &LayerShapes::measure(witness))?);
        }
        for encoder in &encoders {
            features.push(before_codes(encoder)?);
        }
        Ok(Networks { target, shapes, witnesses, encoders, layers, features })
    }

    /// Looks at pictures; each has its unit. The results are in their order.
    ///
    /// # Errors
    /// Those of libtorch.
    pub fn look(&self, pictures: &[&RgbImage], units: &[&Unit], asked: Asked) -> Result<Vec<Look>> {
        let _guard = tch::no_grad_guard();
        let mut looks = vec![];
        for (pictures, units) in pictures.chunks(AT_ONCE).zip(units.chunks(AT_ONCE)) {
            looks.extend(self.look_together(pictures, units, asked)?);
        }
        Ok(looks)
    }

    fn look_together(&self, pictures: &[&RgbImage], units: &[&Unit], asked: Asked) -> Result<Vec<Look>> {
        let target = &self.target;
        let own = Objective::new(units, Reading::Activation)?;
        let others = asked.units.iter().map(|unit| Objective::new(&vec![unit; pictures.len()], Reading::Activation));
        let others: Vec<Objective> = others.collect::<Result<_>>()?;
        let (at_logits, features) = (logits(target), self.features[0].1);
        let mut points = own.points();
        points.extend(others.iter().flat_map(Objective::points));
        points.extend(self.layers.iter().map(|(_, point)| *point));
        points.extend(asked.points);
        points.extend([at_logits, features]);
        let schedule = target.network.schedule(&points).forward_only();
        let pass = target.network.forward(&schedule, &inputs(target, pictures));
        let read = |objective: &Objective| -> Result<Vec<f64>> {
            let values = objective.evaluate(|point| pass.activation(point).shallow_clone()).activations;
            Ok(Vec::<f64>::try_from(&values.to_device(Device::Cpu).to_kind(Kind::Double))?)
        };
        let activations = read(&own)?;
        let of_units: Vec<Vec<f64>> = others.iter().map(read).collect::<Result<_>>()?;
        let posterior = rows(&target.probabilities(pass.activation(at_logits)))?;
        let features = rows(&pooled(pass.activation(features)))?;
        let averaged = |point: Point| rows(&pooled(pass.activation(point)));
        let layers = self.layers.iter().map(|(_, point)| averaged(*point)).collect::<Result<Vec<_>>>()?;
        let at_points = asked.points.iter().map(|point| averaged(*point)).collect::<Result<Vec<_>>>()?;
        let mut looks: Vec<Look> = (0..pictures.len())
            .map(|row| Look {
                activation: activations[row],
                of_units: of_units.iter().map(|of| of[row]).collect(),
                posterior: posterior[row].iter().map(|p| f64::from(*p)).collect(),
                features: features[row].clone(),
                pooled: layers.iter().map(|layer| layer[row].clone()).collect(),
                asked: at_points.iter().map(|layer| layer[row].clone()).collect(),
                ..Look::default()
            })
            .collect();
        drop(pass);
        for (witness, (_, features)) in self.witnesses.iter().zip(&self.features[1..]) {
            let at_logits = logits(witness);
            let schedule = witness.network.schedule(&[at_logits, *features]).forward_only();
            let pass = witness.network.forward(&schedule, &inputs(witness, pictures));
            let logits = rows(pass.activation(at_logits))?;
            let encoded = rows(&pooled(pass.activation(*features)))?;
            for (look, (logits, encoded)) in looks.iter_mut().zip(logits.into_iter().zip(encoded)) {
                look.logits.push(logits);
                look.encoded.push(encoded);
            }
        }
        for (encoder, (_, features)) in self.encoders.iter().zip(&self.features[1 + self.witnesses.len()..]) {
            let network = &encoder.encoding.network;
            let schedule = network.schedule(&[*features]).forward_only();
            let pass = network.forward(&schedule, &encoder.input(&squares(encoder, pictures)));
            let encoded = rows(&pooled(pass.activation(*features)))?;
            looks.iter_mut().zip(encoded).for_each(|(look, encoded)| look.encoded.push(encoded));
        }
        Ok(looks)
    }

    /// The activation of its unit for each picture, and nothing else.
    ///
    /// # Errors
    /// Those of libtorch.
    pub fn activations(&self, pictures: &[&RgbImage], units: &[&Unit]) -> Result<Vec<f64>> {
        let _guard = tch::no_grad_guard();
        let mut values = vec![];
        for (pictures, units) in pictures.chunks(AT_ONCE).zip(units.chunks(AT_ONCE)) {
            let objective = Objective::new(units, Reading::Activation)?;
            let schedule = self.target.network.schedule(&objective.points()).forward_only();
            let pass = self.target.network.forward(&schedule, &inputs(&self.target, pictures));
            let read = objective.evaluate(|point| pass.activation(point).shallow_clone()).activations;
            values.extend(Vec::<f64>::try_from(&read.to_device(Device::Cpu).to_kind(Kind::Double))?);
        }
        Ok(values)
    }
}

/// Pictures as a network takes them, `[N,3,S,S]`.
fn inputs(classifier: &Classifier, pictures: &[&RgbImage]) -> Tensor {
    let inputs: Vec<Tensor> = pictures.iter().map(|picture| judge::input(classifier, picture)).collect();
    frozen::network::channels_last(&Tensor::cat(&inputs, 0))
}

/// Pictures in `[0,1]` as an encoder takes them, `[N,3,S,S]`: scaled and cut as for a classifier, to 224 px, or to its own size where it takes no other.
fn squares(encoder: &Encoder, pictures: &[&RgbImage]) -> Tensor {
    let network = &encoder.encoding.network;
    let side = if encoder.code_of([OBSERVED; 2]).is_some() { OBSERVED } else { encoder.encoding.size[0] };
    let square = |picture: &&RgbImage| {
        let picture = from_rgb8(picture).unsqueeze(0).to_device(network.device()).to_kind(network.kind());
        to_square(&picture, side)
    };
    frozen::network::channels_last(&Tensor::cat(&pictures.iter().map(square).collect::<Vec<_>>(), 0))
}
