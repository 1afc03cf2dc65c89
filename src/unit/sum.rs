//! A unit: one term or a weighted sum of several, and its name.

use frozen::network::Network;
use serde_json::Value;

use super::term::{Elsewhere, Part, Reading, Term, readable};
use crate::error::{Result, request};

/// What is visualised, known to exist in a classifier: one term or a weighted sum of several.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// Its name, layers as whoever asked for it calls them and classes by their labels. A layer may have several names: what decides whether two units are the
    /// same are their [settings](Unit::settings).
    pub name: String,
    /// What is added up; at least one.
    pub terms: Vec<Term>,
    /// What drives the search in place of them, while nothing moves the unit.
    pub(crate) instead: Option<Vec<Term>>,
}

impl Unit {
    /// The sum of these terms.
    pub(super) fn of(terms: Vec<Term>) -> Unit {
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
        Unit { name, terms, instead: None }
    }

    /// The unit, driven by what still has a gradient where the unit itself has none: the activation before a ReLU, the logit of a
    /// probability. None where there is nothing of the kind.
    pub(crate) fn revived(&self, network: &Network) -> Option<Unit> {
        let instead: Vec<Term> = self
            .terms
            .iter()
            .map(|term| {
                let reading = match term.reading {
                    Reading::Probability | Reading::LogProbability => Reading::Activation,
                    reading => reading,
                };
                let network = term.elsewhere.as_ref().map_or(network, |elsewhere| &elsewhere.0.network);
                Term { reading, point: network.before_activation(term.point).unwrap_or(term.point), ..term.clone() }
            })
            .collect();
        (instead != self.terms).then(|| Unit { instead: Some(instead), ..self.clone() })
    }

    /// The term, if there is but one with weight 1.
    fn only(&self) -> Option<&Term> {
        match &self.terms[..] {
            [term] if term.weight == 1. && term.elsewhere.is_none() => Some(term),
            _ => None,
        }
    }

    /// The class, where the unit is one (its logit or its probability): then pictures have a probability of it.
    pub fn class(&self) -> Option<usize> {
        self.only().and_then(|term| term.class)
    }

    /// The class's name, where the unit is one that has a name.
    pub fn label(&self) -> Option<&str> {
        self.only().and_then(|term| term.label.as_deref())
    }

    /// Whether the unit is a class of the classifier.
    pub fn is_class(&self) -> bool {
        self.class().is_some()
    }

    /// The other classifiers that it is read in, each once.
    pub fn elsewhere(&self) -> Vec<&Elsewhere> {
        let mut found: Vec<&Elsewhere> = vec![];
        for elsewhere in self.terms.iter().filter_map(|term| term.elsewhere.as_ref()) {
            if !found.contains(&elsewhere) {
                found.push(elsewhere);
            }
        }
        found
    }

    /// The layer, where all terms lie in one.
    pub fn layer(&self) -> Option<&str> {
        let first = &self.terms[0].layer;
        self.terms.iter().all(|term| term.layer == *first && term.elsewhere.is_none()).then_some(first.as_str())
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
        for term in terms.iter_mut().filter(|term| term.is_linear()) {
            term.reading = reading;
            readable(term).map_err(|reason| request!("unit '{}': {reason}", self.name))?;
        }
        Ok(Unit::of(terms))
    }
}
