//! Units: what is visualised.
//!
//! | written | is |
//! |---|---|
//! | `class:banana`, `class:954`, `banana` | the logit of a class |
//! | `logits:954`, `_fc:954` | the same, by index |
//! | `_blocks.10:37` | a channel of a layer: the mean over its positions |
//! | `_blocks.10:37@7,7` | one neuron of a channel: row 7, column 7 |
//! | `layer:_blocks.10` | a whole layer: the mean of its squares (DeepDream, Mordvintsev et al. 2015) |
//! | `direction(_blocks.10, FILE)` | the dot product with a vector of a number a channel, mean over positions (Olah et al. 2017) |
//! | `cosine(_blocks.10, FILE)` | its cosine with that vector, mean over positions |
//! | `probability(banana)`, `log_probability(banana)` | after the softmax |
//! | `quadratic(_blocks.10:37)` | the mean of squares instead of the mean |
//! | `banana + 0.5*violin - _blocks.10:37` | weighted sums of all of these |
//!
//! FILE is a `.npy` or `.safetensors` file with one vector, or `random:SEED` for a random one of norm 1.

use std::path::Path;

use crate::error::{Context, Result, bail, request};
use classifiers::{Classifier, LOGITS};
use frozen::network::Point;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tch::{Kind, Tensor};

use crate::picture::read_npy;
use crate::random::{Purpose, Seed, normal, stream};

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
}

/// One summand of what is maximised.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// Its factor.
    pub weight: f64,
    /// How a number is made of it.
    pub reading: Reading,
    /// The layer's name among the classifier's taps.
    pub layer: String,
    /// Where that lies.
    pub point: Point,
    /// What of it is read.
    pub part: Part,
    /// The class, where the layer holds the logits.
    pub class: Option<usize>,
    /// Its name, where it has one.
    pub label: Option<&'static str>,
}

impl Term {
    /// Its canonical name without the weight.
    fn name(&self) -> String {
        let target = match (&self.part, self.class) {
            (Part::Channel(index), Some(_)) => {
                self.label.map_or_else(|| format!("class:{index}"), |label| format!("class:{label}"))
            }
            (Part::Whole, _) => return format!("layer:{}", self.layer),
            (Part::Channel(index), None) => format!("{}:{index}", self.layer),
            (Part::Neuron(index, Place { at: [row, column], .. }), _) => {
                format!("{}:{index}@{row},{column}", self.layer)
            }
            (Part::Direction(direction), _) => {
                let what = if self.reading == Reading::Cosine { "cosine" } else { "direction" };
                return format!("{what}({}, {})", self.layer, direction.name);
            }
        };
        match self.reading {
            Reading::Activation => target,
            reading => format!("{}({target})", reading.name()),
        }
    }

    /// What decides its value.
    fn settings(&self) -> Value {
        let (index, position, direction) = match &self.part {
            Part::Whole => (None, None, None),
            Part::Channel(index) => (Some(*index), None, None),
            Part::Neuron(index, place) => (Some(*index), Some(place.at), None),
            Part::Direction(direction) => (None, None, Some(sha256_of(&direction.values))),
        };
        json!({
            "weight": self.weight, "reading": self.reading, "layer": self.layer,
            "index": index, "position": position, "direction": direction,
        })
    }
}

fn sha256_of(values: &[f32]) -> String {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    zoo::hash::sha256(bytes)
}

/// What is visualised, known to exist in a classifier: one term or a weighted sum of several.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// Its one canonical name: however it was asked for, the same unit has the same name.
    pub name: String,
    /// What is added up; at least one.
    pub terms: Vec<Term>,
}

/// Where a word of a unit was found, for errors.
struct Reader<'a> {
    text: &'a str,
    classifier: &'a Classifier,
    shapes: &'a LayerShapes,
}

impl Unit {
    /// The unit that `text` names in this classifier. `shapes` are those of its taps.
    ///
    /// # Errors
    /// An unknown class or layer (with the nearest name), an index out of range, or a file that holds no such vector.
    pub fn parse(text: &str, classifier: &Classifier, shapes: &LayerShapes) -> Result<Unit> {
        let reader = Reader { text, classifier, shapes };
        let terms =
            summands(text).into_iter().map(|(weight, word)| reader.term(weight, word)).collect::<Result<_>>()?;
        Ok(Unit::of(terms))
    }

    /// The sum of these terms.
    fn of(terms: Vec<Term>) -> Unit {
        let mut name = String::new();
        for (place, term) in terms.iter().enumerate() {
            let sign = match (place, term.weight < 0.) {
                (0, false) => "",
                (0, true) => "-",
                (_, false) => " + ",
                (_, true) => " - ",
            };
            let factor = if term.weight.abs() == 1. { String::new() } else { format!("{}*", term.weight.abs()) };
            name.push_str(&format!("{sign}{factor}{}", term.name()));
        }
        Unit { name, terms }
    }

    /// The term, if there is but one with weight 1.
    fn only(&self) -> Option<&Term> {
        match &self.terms[..] {
            [term] if term.weight == 1. => Some(term),
            _ => None,
        }
    }

    /// The class, where the unit is one (its logit or its probability): then pictures have a probability of it.
    pub fn class(&self) -> Option<usize> {
        self.only().and_then(|term| term.class)
    }

    /// The class's name, where the unit is one that has a name.
    pub fn label(&self) -> Option<&'static str> {
        self.only().and_then(|term| term.label)
    }

    /// Whether the unit is a class of the classifier.
    pub fn is_class(&self) -> bool {
        self.class().is_some()
    }

    /// The layer, where all terms lie in one.
    pub fn layer(&self) -> Option<&str> {
        let first = &self.terms[0].layer;
        self.terms.iter().all(|term| term.layer == *first).then_some(first.as_str())
    }

    /// Channel or class, where the unit is one.
    pub fn index(&self) -> Option<i64> {
        match self.only()?.part {
            Part::Channel(index) | Part::Neuron(index, _) => Some(index),
            _ => None,
        }
    }

    /// Row and column, where the unit is one neuron of a layer with positions.
    pub fn position(&self) -> Option<[i64; 2]> {
        match self.only()?.part {
            Part::Neuron(_, place) => Some(place.at),
            _ => None,
        }
    }

    /// A short name for people: the class, or the unit's name.
    pub fn title(&self) -> &str {
        match self.only().map(|term| term.reading) {
            Some(Reading::Activation) => self.label().unwrap_or(&self.name),
            _ => &self.name,
        }
    }

    /// Everything that decides its activation.
    pub fn settings(&self) -> Value {
        Value::Array(self.terms.iter().map(Term::settings).collect())
    }

    /// The unit with its plain activations read in another way, as a method may ask for.
    ///
    /// # Errors
    /// If a term has no such reading.
    pub fn read_as(&self, reading: Reading) -> Result<Unit> {
        let mut terms = self.terms.clone();
        for term in terms.iter_mut().filter(|term| term.reading == Reading::Activation) {
            term.reading = reading;
            readable(term).map_err(|reason| request!("unit '{}': {reason}", self.name))?;
        }
        Ok(Unit::of(terms))
    }
}

/// Whether a term has the reading that it asks for.
fn readable(term: &Term) -> Result<(), String> {
    match (term.reading, &term.part) {
        (Reading::Probability | Reading::LogProbability, Part::Channel(_)) if term.class.is_some() => Ok(()),
        (Reading::Probability | Reading::LogProbability, _) => {
            Err(format!("only a class has a {}, and {} is none", term.reading.name(), term.layer))
        }
        (Reading::Cosine, Part::Direction(_)) => Ok(()),
        (Reading::Cosine, _) => Err("a cosine is that with a direction: cosine(LAYER, FILE)".to_owned()),
        (Reading::Quadratic, Part::Direction(_)) => Err("a direction has no quadratic reading".to_owned()),
        (Reading::Activation, Part::Whole) => Err("a whole layer is read by its squares: layer:NAME".to_owned()),
        _ => Ok(()),
    }
}

/// The summands of a unit with their weights: split at ` + ` and ` - ` outside of parentheses.
fn summands(text: &str) -> Vec<(f64, &str)> {
    let bytes = text.as_bytes();
    let (mut depth, mut from, mut sign) = (0, 0, 1.);
    let mut found = vec![];
    for at in 0..bytes.len() {
        match bytes[at] {
            b'(' => depth += 1,
            b')' => depth -= 1,
            operator @ (b'+' | b'-')
                if depth == 0 && at > 0 && bytes[at - 1] == b' ' && bytes.get(at + 1) == Some(&b' ') =>
            {
                found.push((sign, &text[from..at]));
                (from, sign) = (at + 1, if operator == b'-' { -1. } else { 1. });
            }
            _ => {}
        }
    }
    found.push((sign, &text[from..]));
    let factor = |(sign, word): (f64, &'_ str)| -> (f64, usize, usize) {
        let trimmed = word.trim();
        let start = word.len() - word.trim_start().len();
        if let Some((number, rest)) = trimmed.split_once('*')
            && let Ok(number) = number.trim().parse::<f64>()
        {
            return (sign * number, start + trimmed.len() - rest.len(), start + trimmed.len());
        }
        if let Some(rest) = trimmed.strip_prefix('-')
            && !rest.is_empty()
        {
            return (-sign, start + 1, start + trimmed.len());
        }
        (sign, start, start + trimmed.len())
    };
    found
        .into_iter()
        .map(|(sign, word)| {
            let (weight, from, to) = factor((sign, word));
            (weight, word[from..to].trim())
        })
        .collect()
}

impl Reader<'_> {
    /// An error about the unit.
    fn wrong(&self, reason: impl std::fmt::Display) -> crate::error::Error {
        request!("unit '{}': {reason}", self.text)
    }

    fn term(&self, weight: f64, word: &str) -> Result<Term> {
        if !weight.is_finite() {
            return Err(self.wrong("a weight is a finite number"));
        }
        let term = match word.strip_suffix(')').and_then(|word| word.split_once('(')) {
            Some((function, inside)) => self.function(function.trim(), inside)?,
            None => self.target(word)?,
        };
        let term = Term { weight, ..term };
        readable(&term).map_err(|reason| self.wrong(reason))?;
        Ok(term)
    }

    fn function(&self, function: &str, inside: &str) -> Result<Term> {
        let reading = match function {
            "quadratic" => Reading::Quadratic,
            "probability" => Reading::Probability,
            "log_probability" => Reading::LogProbability,
            "activation" => Reading::Activation,
            "direction" | "cosine" => {
                let (layer, vector) = inside
                    .split_once(',')
                    .ok_or_else(|| self.wrong(format!("{function} is written {function}(LAYER, FILE)")))?;
                let (layer, point) = self.layer(layer.trim())?;
                let channels = self.shapes.of(&layer)[0];
                let direction = direction(vector.trim(), channels).map_err(|error| self.wrong(format!("{error}")))?;
                let reading = if function == "cosine" { Reading::Cosine } else { Reading::Activation };
                let part = Part::Direction(direction);
                return Ok(Term { weight: 1., reading, layer, point, part, class: None, label: None });
            }
            _ => {
                let known = ["quadratic", "probability", "log_probability", "direction", "cosine"];
                return Err(
                    self.wrong(format!("no reading '{function}'{}", zoo::suggest::hint(function, "readings", known)))
                );
            }
        };
        Ok(Term { reading, ..self.target(inside.trim())? })
    }

    fn layer(&self, name: &str) -> Result<(String, Point)> {
        let classifier = self.classifier;
        let tap = classifier.network.tap(name).map_err(|error| {
            self.wrong(format!(
                "{} has {error} (`metapicture models info {}` lists them)",
                classifier.name, classifier.name
            ))
        })?;
        Ok((tap.name.clone(), tap.point))
    }

    fn target(&self, word: &str) -> Result<Term> {
        let (layer, rest) = word.split_once(':').unwrap_or(("class", word));
        if layer == "class" {
            let (layer, point) = self.layer(LOGITS)?;
            let class = self.classifier.class(rest);
            let index = class.map_err(|error| self.wrong(format!("{error} (of {})", self.classifier.name)))?;
            let part = Part::Channel(index as i64);
            return Ok(Term {
                weight: 1.,
                reading: Reading::Activation,
                layer,
                point,
                part,
                class: Some(index),
                label: self.classifier.class_name(index),
            });
        }
        if layer == "layer" {
            let (layer, point) = self.layer(rest)?;
            return Ok(Term {
                weight: 1.,
                reading: Reading::Quadratic,
                layer,
                point,
                part: Part::Whole,
                class: None,
                label: None,
            });
        }
        let (layer, point) = self.layer(layer)?;
        let (index, position) = match rest.split_once('@') {
            Some((index, position)) => (index, Some(position)),
            None => (rest, None),
        };
        let number = |word: &str, what: &str| {
            let number = word.trim().parse::<i64>();
            number.map_err(|_| self.wrong(format!("'{word}' is not {what} (a number from 0)")))
        };
        let index = number(index, "a channel")?;
        let shape = self.shapes.of(&layer);
        if !(0..shape[0]).contains(&index) {
            return Err(
                self.wrong(format!("channel {index} is out of range: {layer} has channels 0 to {}", shape[0] - 1))
            );
        }
        let class = (point == self.classifier.network.tap(LOGITS)?.point).then_some(index as usize);
        let part = match (position, shape) {
            (None, _) => Part::Channel(index),
            (Some(_), [_]) => return Err(self.wrong(format!("{layer} has no positions, so there is nothing at '@'"))),
            (Some(position), shape) => {
                let (row, column) = position
                    .split_once(',')
                    .ok_or_else(|| self.wrong("a neuron is written LAYER:CHANNEL@ROW,COLUMN"))?;
                let at = [number(row, "a row")?, number(column, "a column")?];
                for (axis, what) in ["row", "column"].iter().enumerate() {
                    if !(0..shape[axis + 1]).contains(&at[axis]) {
                        let last = shape[axis + 1] - 1;
                        let at = at[axis];
                        return Err(self.wrong(format!("{what} {at} is out of range: {layer} has {what}s 0 to {last}")));
                    }
                }
                Part::Neuron(index, Place { at, of: [shape[1], shape[2]] })
            }
        };
        let label = class.and_then(|class| self.classifier.class_name(class));
        Ok(Term { weight: 1., reading: Reading::Activation, layer, point, part, class, label })
    }
}

/// The vector that a word names, for a layer of so many channels.
fn direction(word: &str, channels: i64) -> Result<Direction> {
    if let Some(seed) = word.strip_prefix("random:") {
        let seed: u64 = seed.trim().parse().map_err(|_| request!("'{seed}' is not a seed (random:NUMBER)"))?;
        let drawn = normal(&mut stream(Seed(seed), Purpose::Direction, 0), channels as usize);
        let norm = drawn.iter().map(|x| x * x).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
        return Ok(Direction { name: format!("random:{seed}"), values: drawn.iter().map(|x| x / norm).collect() });
    }
    let path = Path::new(word);
    let cannot = || format!("{word}: cannot be read");
    let tensor = match path.extension().and_then(|extension| extension.to_str()) {
        Some("npy") => read_npy(path)?,
        Some("safetensors") => match &Tensor::read_safetensors(path).with_context(cannot)?[..] {
            [(_, tensor)] => tensor.shallow_clone(),
            several => bail!("{word}: holds {} tensors, and a direction is one", several.len()),
        },
        _ => bail!("'{word}' is neither random:SEED nor a .npy or .safetensors file"),
    };
    let values = tensor.to_kind(Kind::Float).flatten(0, -1);
    if values.numel() as i64 != channels {
        bail!("{word}: has shape {:?}, and the layer has {channels} channels", tensor.size());
    }
    let values: Vec<f32> = Vec::try_from(&values)?;
    if values.iter().any(|value| !value.is_finite()) || values.iter().all(|value| *value == 0.) {
        bail!("{word}: a direction is finite and not zero");
    }
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(Direction { name: format!("{stem}#{}", &sha256_of(&values)[..8]), values })
}

/// The shapes of a classifier's taps, without the batch dimension, at its nominal input size.
#[derive(Debug)]
pub struct LayerShapes(Vec<(String, Point, Vec<i64>)>);

impl LayerShapes {
    /// Measured by one forward pass.
    pub fn measure(classifier: &Classifier) -> LayerShapes {
        let shapes = classifier.network.shapes(&[1, 3, classifier.size, classifier.size]);
        LayerShapes(shapes.into_iter().map(|(tap, shape)| (tap.name.clone(), tap.point, shape)).collect())
    }

    /// The shape of a tap: `[C]` or `[C,H,W]`.
    fn of(&self, name: &str) -> &[i64] {
        self.0.iter().find(|(tap, ..)| tap == name).map_or(&[], |(.., shape)| shape)
    }

    /// Names and shapes of all taps, from the input up.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Point, &[i64])> {
        self.0.iter().map(|(name, point, shape)| (name.as_str(), *point, shape.as_slice()))
    }

    /// The deepest tap with positions that is not deeper than a point, and its name.
    pub fn deepest_with_positions(&self, not_below: Point) -> Option<(&str, Point)> {
        let with = self.0.iter().filter(|(_, point, shape)| shape.len() == 3 && *point <= not_below);
        with.max_by_key(|(_, point, _)| *point).map(|(name, point, _)| (name.as_str(), *point))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_split_at_signs_between_spaces_outside_of_parentheses() {
        assert_eq!(summands("bow tie"), [(1., "bow tie")]);
        assert_eq!(summands("black-and-tan coonhound"), [(1., "black-and-tan coonhound")]);
        assert_eq!(
            summands("banana + 0.5*class:violin - 2 * direction(a, b - c)"),
            [(1., "banana"), (0.5, "class:violin"), (-2., "direction(a, b - c)")]
        );
        assert_eq!(summands("-banana - -0.5*wig"), [(-1., "banana"), (0.5, "wig")]);
    }
}
