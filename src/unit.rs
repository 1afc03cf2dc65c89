//! Units: what is visualised.
//!
//! | written | is |
//! |---|---|
//! | `class:banana`, `class:954`, `banana` | the logit of a class |
//! | `logits:954`, `_fc:954` | the same, by index |
//! | `_blocks.10:37` | a channel of a layer: the mean over its positions |
//! | `_blocks.10:37@7,7` | one neuron of a channel: row 7, column 7 |

use anyhow::{Context, Result, anyhow, bail};
use classifiers::{Classifier, LOGITS, imagenet};
use frozen::network::Point;
use tch::{Kind, Tensor};

/// A unit of a classifier, known to exist there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Unit {
    /// Its one canonical name: however it was asked for, the same unit has the same name.
    pub name: String,
    /// The layer's name among the classifier's taps.
    pub layer: String,
    /// Channel, or class.
    pub index: i64,
    /// Row and column, for a neuron of a layer with positions.
    pub position: Option<[i64; 2]>,
    /// The class's name, where the unit is one.
    pub label: Option<String>,
    /// Where its activation is read.
    pub point: Point,
}

impl Unit {
    /// The unit that `text` names in this classifier. `shapes` are those of its taps
    /// ([`Network::shapes`](frozen::network::Network::shapes)).
    ///
    /// # Errors
    /// An unknown class or layer (with the nearest name), or an index out of range.
    pub fn parse(text: &str, classifier: &Classifier, shapes: &LayerShapes) -> Result<Unit> {
        let (layer, rest) = text.split_once(':').unwrap_or(("class", text));
        if layer == "class" {
            let class =
                imagenet::class(rest).map_err(|error| anyhow!("unit '{text}': {error} (of {})", classifier.name))?;
            return Unit::class(class.index, classifier);
        }
        let tap = classifier.network.tap(layer).map_err(|error| {
            anyhow!(
                "unit '{text}': {} has {error} (`metapicture models info {}` lists them)",
                classifier.name,
                classifier.name
            )
        })?;
        let (index, position) = match rest.split_once('@') {
            Some((index, position)) => (index, Some(position)),
            None => (rest, None),
        };
        let number = |word: &str, what: &str| {
            word.trim()
                .parse::<i64>()
                .with_context(|| format!("unit '{text}': '{word}' is not {what} (a number from 0)"))
        };
        let index = number(index, "a channel")?;
        let shape = shapes.of(&tap.name);
        if !(0..shape[0]).contains(&index) {
            bail!("unit '{text}': channel {index} is out of range: {} has channels 0 to {}", tap.name, shape[0] - 1);
        }
        if tap.point == classifier.network.output() && position.is_none() {
            return Unit::class(index as usize, classifier);
        }
        let position = match (position, shape) {
            (None, _) => None,
            (Some(_), [_]) => bail!("unit '{text}': {} has no positions, so there is nothing at '@'", tap.name),
            (Some(position), shape) => {
                let (row, column) = position
                    .split_once(',')
                    .ok_or_else(|| anyhow!("unit '{text}': a neuron is written LAYER:CHANNEL@ROW,COLUMN"))?;
                let at = [number(row, "a row")?, number(column, "a column")?];
                for (axis, what) in ["row", "column"].iter().enumerate() {
                    if !(0..shape[axis + 1]).contains(&at[axis]) {
                        let last = shape[axis + 1] - 1;
                        bail!(
                            "unit '{text}': {what} {} is out of range: {} has {what}s 0 to {last}",
                            at[axis],
                            tap.name
                        );
                    }
                }
                Some(at)
            }
        };
        let name = match position {
            Some([row, column]) => format!("{}:{index}@{row},{column}", tap.name),
            None => format!("{}:{index}", tap.name),
        };
        Ok(Unit { name, layer: tap.name.clone(), index, position, label: None, point: tap.point })
    }

    fn class(index: usize, classifier: &Classifier) -> Result<Unit> {
        let tap = classifier.network.tap(LOGITS)?;
        let label = imagenet::CLASSES.get(index).map(|class| class.name.to_owned());
        let name = label.as_ref().map_or_else(|| format!("class:{index}"), |label| format!("class:{label}"));
        Ok(Unit { name, layer: tap.name.clone(), index: index as i64, position: None, label, point: tap.point })
    }

    /// Whether the unit is a class of the classifier: then pictures have a probability of it.
    pub fn is_class(&self) -> bool {
        self.label.is_some()
    }

    /// A short name for people: the class, or the unit's name.
    pub fn title(&self) -> &str {
        self.label.as_deref().unwrap_or(&self.name)
    }
}

/// The shapes of a classifier's taps, without the batch dimension.
#[derive(Debug)]
pub struct LayerShapes(Vec<(String, Vec<i64>)>);

impl LayerShapes {
    /// Measured by one forward pass.
    pub fn measure(classifier: &Classifier) -> LayerShapes {
        let shapes = classifier.network.shapes(&[1, 3, classifier.size, classifier.size]);
        LayerShapes(shapes.into_iter().map(|(tap, shape)| (tap.name.clone(), shape)).collect())
    }

    /// The shape of a tap: `[C]` or `[C,H,W]`.
    fn of(&self, name: &str) -> &[i64] {
        self.0.iter().find(|(tap, _)| tap == name).map_or(&[], |(_, shape)| shape)
    }

    /// The shape of the tap at which a unit is read.
    pub fn at(&self, unit: &Unit) -> &[i64] {
        self.of(&unit.layer)
    }
}

/// Reads the activations of the units of a batch, sample i being driven by unit i, as linear functions of the taps: the
/// activation is the sum of mask x tap, and the mask is its gradient.
#[derive(Debug)]
pub struct Readout {
    /// One mask `[N,C]` or `[N,C,H,W]` a tap; rows of samples whose unit lies elsewhere are zero.
    masks: Vec<(Point, Tensor)>,
}

impl Readout {
    /// For samples whose units are `units`, in their order.
    pub fn new(units: &[&Unit], classifier: &Classifier, shapes: &LayerShapes) -> Readout {
        let mut points: Vec<Point> = units.iter().map(|unit| unit.point).collect();
        points.sort();
        points.dedup();
        let options = (classifier.network.kind(), classifier.network.device());
        let masks = points.into_iter().map(|point| {
            let at: Vec<(i64, &Unit)> =
                (0..).zip(units.iter().copied()).filter(|(_, unit)| unit.point == point).collect();
            let shape: Vec<i64> =
                std::iter::once(units.len() as i64).chain(shapes.at(at[0].1).iter().copied()).collect();
            let mask = frozen::network::channels_last(&Tensor::zeros(&shape, options));
            for (row, unit) in at {
                let channel = mask.select(0, row).select(0, unit.index);
                let (mut cell, weight) = match (unit.position, &shape[2..]) {
                    (Some([row, column]), _) => (channel.select(0, row).select(0, column), 1.),
                    (None, [height, width]) => (channel, 1. / (height * width) as f64),
                    (None, _) => (channel, 1.),
                };
                let _ = cell.fill_(weight);
            }
            (point, mask)
        });
        Readout { masks: masks.collect() }
    }

    /// The taps to schedule.
    pub fn points(&self) -> Vec<Point> {
        self.masks.iter().map(|(point, _)| *point).collect()
    }

    /// The activations `[N]`.
    pub fn activations(&self, tap: impl Fn(Point) -> Tensor) -> Tensor {
        let parts = self
            .masks
            .iter()
            .map(|(point, mask)| (tap(*point) * mask).flatten(1, -1).sum_dim_intlist(1i64, false, None::<Kind>));
        parts.reduce(|sum, part| sum + part).expect("a batch has at least one unit")
    }

    /// The gradients of the sum of the activations with respect to the taps.
    pub fn gradients(&self) -> impl Iterator<Item = (Point, Tensor)> + '_ {
        self.masks.iter().map(|(point, mask)| (*point, mask.shallow_clone()))
    }
}
