//! One look of every network at a picture: all that the measures read comes from one forward pass of the target and one of
//! each witness.

use std::sync::Arc;

use classifiers::{Classifier, LOGITS};
use frozen::network::Point;
use image::RgbImage;
use tch::{Device, Kind, Tensor};

use super::judge;
use crate::error::{Result, request};
use crate::render::Objective;
use crate::unit::{LayerShapes, Reading, Unit};

/// Pictures that pass together.
const AT_ONCE: usize = 8;

/// The target, and those who judge.
#[derive(Debug)]
pub struct Networks {
    /// Whose units are compared.
    pub target: Arc<Classifier>,
    /// The shapes of its taps.
    pub shapes: Arc<LayerShapes>,
    /// They never took part. The first one is the encoder of features.
    pub witnesses: Vec<Arc<Classifier>>,
    /// Layers of the target in which drift is measured: name and point.
    pub layers: Vec<(String, Point)>,
    /// The last features before the logits, of the target and of the first witness: a layer's name and point.
    pub features: Vec<(String, Point)>,
}

/// What a witness says of a picture about the class of its unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Opinion {
    /// Whether the class has the highest logit of all.
    pub agrees: bool,
    /// Softmax probability of the class, 0 to 1.
    pub probability: f64,
    /// The class's logit less the mean of all logits.
    pub centred: f64,
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
    /// All activations of each layer, channels first, flat: `C*H*W` numbers; empty where they were not asked for.
    pub layers: Vec<Vec<f32>>,
    /// Activations of each layer, averaged over positions: `[C]`.
    pub pooled: Vec<Vec<f32>>,
    /// Of the witnesses, where the unit is a class.
    pub opinions: Vec<Opinion>,
    /// The first witness's last features, averaged over positions, `[C]`; empty where there is none.
    pub encoded: Vec<f32>,
}

/// What is asked of a look beside its own unit.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// Whether all activations of each layer are kept.
    pub layers: bool,
    /// Further units whose activations are read.
    pub units: &'a [Unit],
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

/// A classifier's last activation before its logits, as a layer's name and point: the last vector, or the last layer with positions.
///
/// # Errors
/// A request: a classifier that has no layer before its logits.
pub fn last_features(classifier: &Classifier, shapes: &LayerShapes) -> Result<(String, Point)> {
    let output = classifier.network.output();
    let behind = logits(classifier);
    let before: Vec<(&str, Point, &[i64])> =
        shapes.iter().filter(|(_, point, _)| *point < output && *point < behind).collect();
    let vector = before.iter().rev().find(|(.., shape)| shape.len() == 1 || shape[1..].iter().all(|side| *side == 1));
    let found = vector.or(before.last());
    let (name, point, _) = found.ok_or_else(|| request!("{} has no layer before its logits", classifier.name))?;
    Ok(((*name).to_owned(), *point))
}

fn logits(classifier: &Classifier) -> Point {
    classifier.network.tap(LOGITS).map_or(classifier.network.output(), |tap| tap.point)
}

/// Where drift is measured, unless somebody says: at every resolution the last of the narrowest bottlenecks (what blocks hand
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
    /// Of loaded classifiers: drift is measured in these layers of the target, or in the [default ones](default_layers) where none is
    /// named.
    ///
    /// # Errors
    /// A request: a layer that the target does not have, a classifier without a layer before its logits.
    pub fn new(
        target: Arc<Classifier>,
        shapes: Arc<LayerShapes>,
        witnesses: Vec<Arc<Classifier>>,
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
        if let Some(encoder) = witnesses.first() {
            features.push(last_features(encoder, &LayerShapes::measure(encoder))?);
        }
        Ok(Networks { target, shapes, witnesses, layers, features })
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
        let at = |of: &dyn Fn(&Tensor) -> Result<Vec<Vec<f32>>>| -> Result<Vec<Vec<Vec<f32>>>> {
            self.layers.iter().map(|(_, point)| of(pass.activation(*point))).collect()
        };
        let layers = if asked.layers { at(&rows)? } else { vec![] };
        let pooled_layers = at(&|activation| rows(&pooled(activation)))?;
        let mut looks: Vec<Look> = (0..pictures.len())
            .map(|row| Look {
                activation: activations[row],
                of_units: of_units.iter().map(|of| of[row]).collect(),
                posterior: posterior[row].iter().map(|p| f64::from(*p)).collect(),
                features: features[row].clone(),
                layers: layers.iter().map(|layer| layer[row].clone()).collect(),
                pooled: pooled_layers.iter().map(|layer| layer[row].clone()).collect(),
                ..Look::default()
            })
            .collect();
        drop(pass);
        for (place, witness) in self.witnesses.iter().enumerate() {
            let at_logits = logits(witness);
            let encoded = self.features.get(1).filter(|_| place == 0).map(|(_, point)| *point);
            let points: Vec<Point> = std::iter::once(at_logits).chain(encoded).collect();
            let schedule = witness.network.schedule(&points).forward_only();
            let pass = witness.network.forward(&schedule, &inputs(witness, pictures));
            let logits = rows(pass.activation(at_logits))?;
            let encoded = encoded.map(|point| rows(&pooled(pass.activation(point)))).transpose()?;
            for (row, (look, unit)) in looks.iter_mut().zip(units).enumerate() {
                if let Some(class) = unit.class() {
                    look.opinions.push(opinion(witness, &logits[row], class));
                }
                if let Some(encoded) = &encoded {
                    look.encoded.clone_from(&encoded[row]);
                }
            }
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

fn opinion(witness: &Classifier, logits: &[f32], class: usize) -> Opinion {
    let logits: Vec<f64> = logits.iter().map(|logit| f64::from(*logit)).collect();
    let own = logits[class];
    Opinion {
        agrees: logits.iter().enumerate().all(|(other, logit)| other == class || *logit < own),
        probability: judge::probabilities(witness, &logits)[class],
        centred: own - logits.iter().sum::<f64>() / logits.len() as f64,
    }
}
