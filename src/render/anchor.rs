//! Regularizers that hold pictures against the photographs that they start from, in layers of the classifier.

use std::cell::RefCell;

use classifiers::Classifier;
use frozen::network::{Point, Schedule};
use tch::Tensor;

use crate::error::{Result, request};
use crate::method::Method;
use crate::regularizer::RegularizerSpec;
use crate::unit::LayerShapes;

/// Pixels of the input between two positions of the layer that is taken unless told.
const FINE: i64 = 8;

/// What pictures are held to.
#[derive(Debug)]
pub(super) struct Anchor<'b> {
    /// The photographs `[N,3,H,W]`, one a picture.
    start: Tensor,
    /// A regularizer, its place among the method's, and its layer.
    held: Vec<(usize, &'b RegularizerSpec, Point)>,
    schedule: Schedule,
    /// The layers' activations, where nothing moves the pictures.
    known: RefCell<Option<Vec<Tensor>>>,
}

impl<'b> Anchor<'b> {
    /// Of a method that has such regularizers, for pictures that start from `start`; none of any other.
    ///
    /// # Errors
    /// A layer that the classifier does not have, pictures that start from no photograph.
    pub(super) fn of(
        method: &'b Method,
        classifier: &Classifier,
        shapes: &LayerShapes,
        start: Option<Tensor>,
    ) -> Result<Option<Anchor<'b>>> {
        let mut held = vec![];
        for (place, regularizer) in method.regularizers.iter().enumerate() {
            if !regularizer.compares_start() {
                continue;
            }
            let name = regularizer.name();
            let point = match regularizer.layer() {
                Some(layer) => {
                    let tap = classifier.network.tap(layer);
                    tap.map_err(|error| request!("regularizers.{name}: {} has {error}", classifier.name))?.point
                }
                None => shapes.deepest_of(classifier.size / FINE).ok_or_else(|| {
                    request!("regularizers.{name}: {} has no layer so fine; name one", classifier.name)
                })?,
            };
            held.push((place, regularizer, point));
        }
        if held.is_empty() {
            return Ok(None);
        }
        let start = start.ok_or_else(|| request!("regularizers.near_start: there is no photograph to start from"))?;
        let points: Vec<Point> = held.iter().map(|(.., point)| *point).collect();
        let schedule = classifier.network.schedule(&points).forward_only();
        Ok(Some(Anchor { start, held, schedule, known: RefCell::default() }))
    }

    /// The layers to schedule.
    pub(super) fn points(&self) -> impl Iterator<Item = Point> + '_ {
        self.held.iter().map(|(.., point)| *point)
    }

    /// By regularizer: its place, its penalties `[N]`, its layer, and its gradient there. `activation` gives those of the pictures; `shown` makes of the
    /// photographs what the classifier is shown, moved as the pictures are; `moves` says whether that differs from step to step.
    pub(super) fn look(
        &self,
        classifier: &Classifier,
        activation: &dyn Fn(Point) -> Tensor,
        shown: &dyn Fn(&Tensor) -> Tensor,
        moves: bool,
    ) -> Vec<(usize, Tensor, Point, Tensor)> {
        let mut known = self.known.borrow_mut();
        if known.is_none() || moves {
            let pass = classifier.network.forward(&self.schedule, &shown(&self.start));
            *known = Some(self.points().map(|point| pass.activation(point).copy()).collect());
        }
        let of_start = known.as_deref().unwrap_or_default();
        let of = |((place, regularizer, point), start): (&(usize, &RegularizerSpec, Point), &Tensor)| {
            let (penalty, gradient) = regularizer.of_start(&activation(*point), start);
            (*place, penalty, *point, gradient)
        };
        self.held.iter().zip(of_start).map(of).collect()
    }
}
