//! One summand of what is maximised: a channel, a neuron, a layer, a direction or a class, and how its activation is read.

use std::sync::Arc;

use classifiers::Classifier;
use frozen::network::Point;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::target::{Likeness, Target};

/// How a number is made of an activation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// The activation, or its mean over positions; of a direction, the dot product.
    #[default]
    Activation,
    /// The mean of squares: "a quadratic loss function instead of just taking the mean" (Offert & Bell 2020).
    Quadratic,
    /// A class's probability after the softmax.
    Probability,
    /// Its logarithm: the same order of pictures, and a gradient that does not vanish where the probability is small.
    LogProbability,
    /// The cosine with a direction, mean over positions.
    Cosine,
}

impl Reading {
    /// As it is written in front of a unit.
    fn name(self) -> &'static str {
        match self {
            Reading::Activation => "activation",
            Reading::Quadratic => "quadratic",
            Reading::Probability => "probability",
            Reading::LogProbability => "log_probability",
            Reading::Cosine => "cosine",
        }
    }
}

/// A vector with a number for each channel of a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Direction {
    /// As it is written; a file is named by its stem and its content.
    pub name: String,
    /// One number a channel.
    pub values: Vec<f32>,
}

/// A place in a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Row and column.
    pub at: [i64; 2],
    /// Of so many rows and columns: those of the layer at the classifier's own input size.
    pub of: [i64; 2],
}

impl Place {
    /// The same place in a layer of other rows and columns, as pictures of another size have.
    pub fn within(self, rows_and_columns: [i64; 2]) -> [i64; 2] {
        [0, 1].map(|axis| (2 * self.at[axis] + 1) * rows_and_columns[axis] / (2 * self.of[axis]))
    }
}

/// Which part of a layer is read.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// All of it.
    Whole,
    /// One channel, or one class.
    Channel(i64),
    /// One channel at a place.
    Neuron(i64, Place),
    /// All channels, weighted.
    Direction(Direction),
    /// All of it, against what a photograph does to the layer.
    Towards(Likeness, Target),
}

/// Another classifier than the one whose units are visualised.
#[derive(Clone)]
pub struct Elsewhere(pub Arc<Classifier>);

impl PartialEq for Elsewhere {
    fn eq(&self, other: &Elsewhere) -> bool {
        self.0.weights_sha256 == other.0.weights_sha256 && self.0.definition == other.0.definition
    }
}

impl std::fmt::Debug for Elsewhere {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.name)
    }
}

/// One summand of what is maximised.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// The classifier that it is read in, unless that is the one whose units are visualised.
    pub elsewhere: Option<Elsewhere>,
    /// Its factor.
    pub weight: f64,
    /// How a number is made of it.
    pub reading: Reading,
    /// The layer's name among the classifier's taps.
    pub layer: String,
    /// What whoever asked for it calls the layer: this name, or another one of the same tap.
    pub called: String,
    /// Where that lies.
    pub point: Point,
    /// What of it is read.
    pub part: Part,
    /// The class, where the layer holds the logits.
    pub class: Option<usize>,
    /// Its name, where it has one.
    pub label: Option<Arc<str>>,
    /// Whether the class is a question of its own: its probability is the sigmoid of its logit.
    pub independent: bool,
}

impl Term {
    /// Its name without the weight: the layer as it was called, a class by its label, the classifier where it is another.
    pub(super) fn name(&self) -> String {
        match &self.elsewhere {
            Some(Elsewhere(classifier)) => format!("{} @ {}", self.name_in_classifier(), classifier.name),
            None => self.name_in_classifier(),
        }
    }

    fn name_in_classifier(&self) -> String {
        let target = match (&self.part, self.class) {
            (Part::Channel(index), Some(_)) => {
                self.label.as_ref().map_or_else(|| format!("class:{index}"), |label| format!("class:{label}"))
            }
            (Part::Whole, _) => return format!("layer:{}", self.called),
            (Part::Channel(index), None) => format!("{}:{index}", self.called),
            (Part::Neuron(index, Place { at: [row, column], .. }), _) => {
                format!("{}:{index}@{row},{column}", self.called)
            }
            (Part::Direction(direction), _) => {
                let what = if self.reading == Reading::Cosine { "cosine" } else { "direction" };
                return format!("{what}({}, {})", self.called, direction.name);
            }
            (Part::Towards(likeness, target), _) => {
                return format!("{}({}, {})", likeness.name(), self.called, target.name);
            }
        };
        match self.reading {
            Reading::Activation => target,
            reading => format!("{}({target})", reading.name()),
        }
    }

    /// What decides its value.
    pub(super) fn settings(&self) -> Value {
        let mut settings = self.settings_in_classifier();
        if let Some(Elsewhere(classifier)) = &self.elsewhere {
            settings["classifier"] = json!(classifier.weights_sha256);
            settings["classifier_definition"] = json!(classifier.definition);
        }
        settings
    }

    fn settings_in_classifier(&self) -> Value {
        let (index, position, direction) = match &self.part {
            Part::Whole => (None, None, None),
            Part::Channel(index) => (Some(*index), None, None),
            Part::Neuron(index, place) => (Some(*index), Some(place.at), None),
            Part::Direction(direction) => (None, None, Some(sha256_of(&direction.values))),
            Part::Towards(likeness, target) => {
                return json!({
                    "weight": self.weight, "likeness": likeness.name(), "layer": self.layer, "photograph": target.sha256,
                });
            }
        };
        json!({
            "weight": self.weight, "reading": self.reading, "layer": self.layer,
            "index": index, "position": position, "direction": direction,
        })
    }

    /// Whether its value is a sum of activations with fixed factors.
    pub fn is_linear(&self) -> bool {
        self.reading == Reading::Activation && !matches!(self.part, Part::Towards(..))
    }
}

pub(super) fn sha256_of(values: &[f32]) -> String {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    zoo::hash::sha256(bytes)
}

/// Whether a term has the reading that it asks for.
pub(super) fn readable(term: &Term) -> Result<(), String> {
    match (term.reading, &term.part) {
        (Reading::Probability | Reading::LogProbability, Part::Channel(_)) if term.class.is_some() => Ok(()),
        (Reading::Probability | Reading::LogProbability, _) => {
            Err(format!("only a class has a {}, and {} is none", term.reading.name(), term.layer))
        }
        (Reading::Activation, Part::Towards(..)) => Ok(()),
        (_, Part::Towards(..)) => Err("what goes towards a photograph has no other reading".to_owned()),
        (Reading::Cosine, Part::Direction(_)) => Ok(()),
        (Reading::Cosine, _) => Err("a cosine is that with a direction: cosine(LAYER, FILE)".to_owned()),
        (Reading::Quadratic, Part::Direction(_)) => Err("a direction has no quadratic reading".to_owned()),
        (Reading::Activation, Part::Whole) => Err("a whole layer is read by its squares: layer:NAME".to_owned()),
        _ => Ok(()),
    }
}
