//! The objective: the scalar function of activations that is maximised for each sample of a batch, and its gradient with
//! respect to the activations.
//!
//! | reading | value | gradient |
//! |---|---|---|
//! | activation (channel, neuron, logit, direction) | sum of mask x activation | the mask |
//! | quadratic (channel, neuron, whole layer) | mean of squares a^2 | 2 a / count |
//! | probability | p = softmax(logits)[c] | p (1[c] - softmax) |
//! | log_probability | ln p | 1[c] - softmax |
//! | (of independent classes) | p = sigmoid(logit) | p (1 - p) 1[c], and (1 - p) 1[c] |
//! | towards a photograph | see `likeness.rs` | |
//! | cosine | mean over positions of a·v / (\|a\| \|v\|) | (v/\|v\| - cos a/\|a\|) / \|a\| / positions |

use std::cell::RefCell;
use std::sync::Arc;

use crate::error::Result;
use classifiers::Classifier;
use frozen::network::{Point, channels_last};
use tch::{Kind, Tensor};

use super::likeness;
use crate::unit::{Elsewhere, Part, Reading, Term, Unit};

/// What one forward pass came to.
#[derive(Debug)]
pub struct Evaluated {
    /// The units' activations `[N]`.
    pub activations: Tensor,
    /// What is maximised `[N]`: the activations, unless the method reads them in another way.
    pub objectives: Tensor,
    /// The gradient of the sum of the objectives with respect to each tap.
    pub gradients: Vec<(Point, Tensor)>,
}

/// The objective of a batch, sample i being driven by unit i.
#[derive(Debug)]
pub struct Objective {
    /// What is recorded, and what is maximised if that is not the same.
    read: Terms,
    driven: Option<Terms>,
}

impl Objective {
    /// For samples whose units are `units`, in their order; plain activations are read as `reading`.
    ///
    /// # Errors
    /// If a unit has no such reading.
    pub fn new(units: &[&Unit], reading: Reading) -> Result<Objective> {
        let driven = driving(units, reading)?;
        let driven = driven.map(|driving| Terms::new(&driving.iter().collect::<Vec<_>>(), None));
        Ok(Objective { read: Terms::new(units, None), driven })
    }

    /// The parts of the same units that other classifiers compute, by classifier.
    ///
    /// # Errors
    /// As [`Objective::new`].
    pub fn elsewhere(units: &[&Unit], reading: Reading) -> Result<Vec<(Arc<Classifier>, Objective)>> {
        let mut found: Vec<&Elsewhere> = vec![];
        for other in units.iter().flat_map(|unit| unit.elsewhere()) {
            if !found.contains(&other) {
                found.push(other);
            }
        }
        let of = |elsewhere: &Elsewhere| {
            let driven = driving(units, reading)?
                .map(|driving| Terms::new(&driving.iter().collect::<Vec<_>>(), Some(elsewhere)));
            Ok((Arc::clone(&elsewhere.0), Objective { read: Terms::new(units, Some(elsewhere)), driven }))
        };
        found.into_iter().map(of).collect()
    }

    /// The taps to schedule.
    pub fn points(&self) -> Vec<Point> {
        // What drives may lie elsewhere than what is read.
        let driven = self.driven.iter().flat_map(|terms| &terms.points);
        let mut points: Vec<Point> = self.read.points.iter().chain(driven).map(|of| of.point).collect();
        points.sort_unstable();
        points.dedup();
        points
    }

    /// The values for the activations that `tap` gives. The gradients are not to be written over.
    pub fn evaluate(&self, tap: impl Fn(Point) -> Tensor) -> Evaluated {
        let (activations, gradients) = self.read.evaluate(&tap);
        match &self.driven {
            None => Evaluated { objectives: activations.shallow_clone(), activations, gradients },
            Some(driven) => {
                let (objectives, gradients) = driven.evaluate(&tap);
                Evaluated { activations, objectives, gradients }
            }
        }
    }
}

/// What drives the units where that is not what is read of them.
fn driving(units: &[&Unit], reading: Reading) -> Result<Option<Vec<Unit>>> {
    if reading == Reading::Activation && units.iter().all(|unit| unit.instead.is_none()) {
        return Ok(None);
    }
    let driving = units.iter().map(|unit| match &unit.instead {
        Some(terms) => Ok(Unit { terms: terms.clone(), ..(*unit).clone() }),
        None => unit.read_as(reading),
    });
    driving.collect::<Result<Vec<_>>>().map(Some)
}

/// The terms of all samples, by the tap that they read.
#[derive(Debug)]
struct Terms {
    samples: i64,
    points: Vec<AtPoint>,
}

/// The terms that read one tap.
#[derive(Debug)]
struct AtPoint {
    point: Point,
    /// Linear ones and the rest, with their sample.
    linear: Vec<(i64, Term)>,
    others: Vec<Other>,
    /// The linear terms' gradient for activations of this shape, made when it is first met.
    mask: RefCell<Option<Tensor>>,
}

/// A term that is not linear, and its sample.
#[derive(Debug)]
struct Other {
    sample: i64,
    term: Term,
    /// A photograph's activations, like those that were met first.
    target: RefCell<Option<Tensor>>,
}

impl Other {
    /// Value and gradient for one sample's activation.
    fn evaluate(&self, activation: &Tensor) -> (Tensor, Tensor) {
        let Part::Towards(likeness, target) = &self.term.part else { return evaluate(&self.term, activation) };
        let mut known = self.target.borrow_mut();
        let target = match &*known {
            Some(known) if known.size() == activation.size() => known.shallow_clone(),
            _ => known.insert(target.like(activation)).shallow_clone(),
        };
        likeness::evaluate(*likeness, activation, &target)
    }
}

impl Terms {
    /// Those that are read in this other classifier, or in the one whose units are visualised.
    fn new(units: &[&Unit], elsewhere: Option<&Elsewhere>) -> Terms {
        let mut points: Vec<AtPoint> = vec![];
        for (sample, unit) in (0..).zip(units) {
            for term in unit.terms.iter().filter(|term| term.elsewhere.as_ref() == elsewhere) {
                let place = points.iter().position(|of| of.point == term.point).unwrap_or_else(|| {
                    points.push(AtPoint {
                        point: term.point,
                        linear: vec![],
                        others: vec![],
                        mask: RefCell::default(),
                    });
                    points.len() - 1
                });
                let term = term.clone();
                match term.is_linear() {
                    true => points[place].linear.push((sample, term)),
                    false => points[place].others.push(Other { sample, term, target: RefCell::default() }),
                }
            }
        }
        Terms { samples: units.len() as i64, points }
    }

    fn evaluate(&self, tap: &impl Fn(Point) -> Tensor) -> (Tensor, Vec<(Point, Tensor)>) {
        let mut values: Option<Tensor> = None;
        let mut gradients = vec![];
        for of in &self.points {
            let activation = tap(of.point);
            let mut value = activation.new_zeros([self.samples], (activation.kind(), activation.device()));
            let mut gradient = None;
            if !of.linear.is_empty() {
                let mask = of.mask(&activation);
                value = (&activation * &mask).flatten(1, -1).sum_dim_intlist(1i64, false, None::<Kind>);
                gradient = Some(mask);
            }
            if !of.others.is_empty() {
                let total = gradient.map_or_else(|| activation.zeros_like(), |mask| mask.copy());
                for other in &of.others {
                    let (sample, weight) = (other.sample, other.term.weight);
                    let (v, g) = other.evaluate(&activation.get(sample));
                    let _ = value.get(sample).g_add_(&(v * weight));
                    let _ = total.get(sample).g_add_(&(g * weight));
                }
                gradient = Some(total);
            }
            values = Some(values.map_or_else(|| value.shallow_clone(), |sum| sum + &value));
            gradients.extend(gradient.map(|gradient| (of.point, gradient)));
        }
        (values.expect("a unit has a term"), gradients)
    }
}

impl AtPoint {
    /// The gradient of the linear terms, like `activation`.
    fn mask(&self, activation: &Tensor) -> Tensor {
        let mut known = self.mask.borrow_mut();
        let fits = known.as_ref().is_some_and(|mask| mask.size() == activation.size());
        if !fits {
            let mask = channels_last(&activation.zeros_like());
            for (sample, term) in &self.linear {
                let row = mask.get(*sample);
                let positions = row.size()[1..].iter().product::<i64>() as f64;
                let _ = match &term.part {
                    Part::Channel(index) => row.get(*index).g_add_scalar_(term.weight / positions),
                    Part::Neuron(index, place) => {
                        let [y, x] = place.within([row.size()[1], row.size()[2]]);
                        row.get(*index).get(y).get(x).g_add_scalar_(term.weight)
                    }
                    Part::Direction(direction) => {
                        let vector = along(&direction.values, &row);
                        row.shallow_clone().g_add_(&(vector * (term.weight / positions)))
                    }
                    Part::Whole | Part::Towards(..) => unreachable!("not a sum with fixed factors"),
                };
            }
            *known = Some(mask);
        }
        known.as_ref().map(Tensor::shallow_clone).expect("made above")
    }
}

/// A vector over the channels of `row` (`[C]` or `[C,H,W]`), ready to be broadcast.
fn along(values: &[f32], row: &Tensor) -> Tensor {
    let mut shape = vec![1; row.dim()];
    shape[0] = values.len() as i64;
    Tensor::from_slice(values).view(shape.as_slice()).to_kind(row.kind()).to_device(row.device())
}

/// Value and gradient of a term that is not linear, for one sample's activation `[C]` or `[C,H,W]`.
fn evaluate(term: &Term, activation: &Tensor) -> (Tensor, Tensor) {
    let squares = |part: &Tensor| (part.square().mean(None::<Kind>), part * (2. / part.numel() as f64));
    let within = |index: i64| activation.get(index);
    match (term.reading, &term.part) {
        (Reading::Probability | Reading::LogProbability, Part::Channel(class)) => {
            let one = activation.zeros_like();
            let _ = one.get(*class).fill_(1.);
            if term.independent {
                // A question of its own: p = sigmoid(a), whose derivative is p (1 - p).
                let p = activation.get(*class).sigmoid();
                let towards = one * (1f64 - &p);
                return match term.reading {
                    Reading::Probability => (p.shallow_clone(), towards * p),
                    _ => (activation.get(*class).log_sigmoid(), towards),
                };
            }
            let probabilities = activation.softmax(0, None::<Kind>);
            let towards = one - &probabilities;
            match term.reading {
                Reading::Probability => {
                    let p = probabilities.get(*class);
                    (p.shallow_clone(), towards * p)
                }
                _ => (activation.log_softmax(0, None::<Kind>).get(*class), towards),
            }
        }
        (Reading::Cosine, Part::Direction(direction)) => {
            let vector = along(&direction.values, activation);
            let unit = &vector / vector.norm();
            let norm = activation.square().sum_dim_intlist(0i64, true, None::<Kind>).sqrt().clamp_min(1e-12);
            let cosine = (activation * &unit).sum_dim_intlist(0i64, true, None::<Kind>) / &norm;
            let gradient = (unit - activation * (&cosine / &norm)) / norm / cosine.numel() as f64;
            (cosine.mean(None::<Kind>), gradient)
        }
        (_, Part::Whole) => squares(activation),
        (_, Part::Channel(index)) => {
            let (value, inner) = squares(&within(*index));
            let gradient = activation.zeros_like();
            gradient.get(*index).copy_(&inner);
            (value, gradient)
        }
        (_, Part::Neuron(index, place)) => {
            let [y, x] = place.within([activation.size()[1], activation.size()[2]]);
            let neuron = within(*index).get(y).get(x);
            let gradient = activation.zeros_like();
            gradient.get(*index).get(y).get(x).copy_(&(&neuron * 2.));
            (neuron.square(), gradient)
        }
        (_, Part::Direction(_) | Part::Towards(..)) => unreachable!("a direction is read as a dot product or a cosine"),
    }
}
