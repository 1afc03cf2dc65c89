//! What the photographs that fire a unit most do to some layers, which pictures are held against.

use classifiers::Classifier;
use frozen::network::Point;
use tch::{Kind, Tensor};

use super::batch::Batch;
use super::elsewhere::Elsewhere;
use super::objective::Objective;
use crate::error::{Result, bail, request};
use crate::reference::StartPhotographs;
use crate::regularizer::{RegularizerSpec, distribution};
use crate::unit::{LayerShapes, Reading, Unit};

/// Photographs that pass together.
const AT_ONCE: usize = 8;

/// The profiles of a regularizer by sample.
#[derive(Debug)]
pub(super) struct Matching<'b> {
    place: usize,
    regularizer: &'b RegularizerSpec,
    points: Vec<Point>,
    /// By sample and layer, `[C,P]`.
    profiles: Vec<Vec<Tensor>>,
}

impl<'b> Matching<'b> {
    /// Of a method that matches distributions, for these units, one a sample; none of any other.
    ///
    /// # Errors
    /// A layer that the classifier does not have, or that has no positions; photographs that cannot be read.
    pub(super) fn of(batch: &Batch<'b>, units: &[&Unit]) -> Result<Option<Matching<'b>>> {
        let Batch { classifier, shapes, method, .. } = *batch;
        let found = method.regularizers.iter().enumerate().find(|(_, of)| of.photographs().is_some());
        let Some((place, regularizer)) = found else { return Ok(None) };
        let RegularizerSpec::Distribution { layers, top, .. } = regularizer else { return Ok(None) };
        let photographs = batch.photographs.ok_or_else(|| request!("regularizers.distribution: no photographs"))?;
        let points = match &layers[..] {
            [] => shapes.deepest_of_each_resolution(),
            names => named(names, classifier, shapes)?,
        };
        if points.is_empty() {
            bail!("regularizers.distribution: {} has no layer with positions", classifier.name);
        }
        let mut known: Vec<(&Unit, Vec<Tensor>)> = vec![];
        let mut profiles = vec![];
        for unit in units {
            let of_unit = match known.iter().find(|(known, _)| *known == *unit) {
                Some((_, found)) => found,
                None => {
                    let order = photographs.order(&key(classifier, unit), &|| fires(classifier, photographs, unit))?;
                    let chosen = &order[..(*top).min(order.len())];
                    known.push((unit, profiles_of(classifier, photographs, chosen, &points)?));
                    &known[known.len() - 1].1
                }
            };
            profiles.push(of_unit.iter().map(Tensor::shallow_clone).collect());
        }
        Ok(Some(Matching { place, regularizer, points, profiles }))
    }

    /// The layers to schedule.
    pub(super) fn points(&self) -> impl Iterator<Item = Point> + '_ {
        self.points.iter().copied()
    }

    /// The regularizer's place, the penalties `[N views]`, and by layer the gradients. `activation` gives `[N views,C,H,W]`.
    pub(super) fn look(
        &self,
        activation: &dyn Fn(Point) -> Tensor,
        views: usize,
    ) -> (usize, Tensor, Vec<(Point, Tensor)>) {
        let weight = self.regularizer.weight() / self.points.len() as f64;
        let (mut penalties, mut gradients) = (vec![], vec![]);
        for (layer, &point) in self.points.iter().enumerate() {
            let all = activation(point);
            let rows = (0..all.size()[0]).map(|row| {
                let profile = &self.profiles[row as usize / views][layer];
                distribution::value_and_gradient(&all.get(row), profile)
            });
            let (values, of_rows): (Vec<Tensor>, Vec<Tensor>) = rows.unzip();
            penalties.push(Tensor::stack(&values, 0) * weight);
            gradients.push((point, Tensor::stack(&of_rows, 0) * weight));
        }
        let penalties = Tensor::stack(&penalties, 0).sum_dim_intlist([0i64].as_slice(), false, None::<Kind>);
        (self.place, penalties, gradients)
    }
}

/// Layers with positions, by name.
fn named(names: &[String], classifier: &Classifier, shapes: &LayerShapes) -> Result<Vec<Point>> {
    let point = |name: &String| {
        let tap = classifier.network.tap(name);
        let tap = tap.map_err(|error| request!("regularizers.distribution: {} has {error}", classifier.name))?;
        match shapes.has_positions(&tap.name) {
            true => Ok(tap.point),
            false => Err(request!("regularizers.distribution: {name} has no positions")),
        }
    };
    names.iter().map(point).collect()
}

/// What the order of photographs depends on.
fn key(classifier: &Classifier, unit: &Unit) -> String {
    format!("{} {} {}", classifier.weights_sha256, classifier.definition, unit.settings())
}

/// The unit's activation for each photograph.
fn fires(classifier: &Classifier, photographs: &StartPhotographs, unit: &Unit) -> Result<Vec<f64>> {
    let mut found = vec![];
    let all: Vec<usize> = (0..photographs.count()).collect();
    for some in all.chunks(AT_ONCE) {
        let objective = Objective::new(&vec![unit; some.len()], Reading::Activation)?;
        let schedule = classifier.network.schedule(&objective.points()).forward_only();
        let squares = squares(classifier, photographs, some)?;
        let pass = classifier.network.forward(&schedule, &input(classifier, &squares));
        let mut activations = objective.evaluate(|point| pass.activation(point).shallow_clone()).activations;
        let units = vec![unit; some.len()];
        for other in Elsewhere::of(&units, Reading::Activation, [classifier.size; 2])?.look(&squares, false) {
            activations += other.activations;
        }
        found.extend(Vec::<f64>::try_from(&activations.to_device(tch::Device::Cpu).to_kind(Kind::Double))?);
    }
    Ok(found)
}

/// By layer what the chosen photographs do to it.
fn profiles_of(
    classifier: &Classifier,
    photographs: &StartPhotographs,
    chosen: &[usize],
    points: &[Point],
) -> Result<Vec<Tensor>> {
    let schedule = classifier.network.schedule(points).forward_only();
    let mut of_layers: Vec<Vec<Tensor>> = points.iter().map(|_| vec![]).collect();
    for some in chosen.chunks(AT_ONCE) {
        let squares = squares(classifier, photographs, some)?;
        let pass = classifier.network.forward(&schedule, &input(classifier, &squares));
        for (of, point) in of_layers.iter_mut().zip(points) {
            of.push(pass.activation(*point).copy());
        }
    }
    Ok(of_layers.iter().map(|of| distribution::profile(&Tensor::cat(of, 0))).collect())
}

/// The central squares of photographs, `[N,3,S,S]` in `[0,1]`, at the classifier's input size.
fn squares(classifier: &Classifier, photographs: &StartPhotographs, places: &[usize]) -> Result<Tensor> {
    let (network, side) = (&classifier.network, classifier.size);
    let square = |&place: &usize| photographs.number(place, side);
    let squares = Tensor::cat(&places.iter().map(square).collect::<Result<Vec<_>>>()?, 0);
    Ok(squares.to_kind(network.kind()).to_device(network.device()))
}

/// Squares as the classifier takes them.
fn input(classifier: &Classifier, squares: &Tensor) -> Tensor {
    let size = [classifier.size; 2];
    frozen::network::channels_last(&classifier.input_pipeline(size, size).apply(squares))
}
