//! The classes that a classifier sees in a picture, by its logits.

use classifiers::Classifier;
use serde::Serialize;

use super::judge;

/// A class that a picture may be of.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Seen {
    /// Its number, from 0.
    pub class: usize,
    /// Its name; empty where it has none.
    pub name: String,
    /// What the classifier gives it, 0 to 1.
    pub probability: f64,
    /// Its logit.
    pub logit: f64,
}

/// The classes of the highest of a picture's logits, the highest first; so many, or all.
pub fn top(classifier: &Classifier, logits: &[f64], count: usize) -> Vec<Seen> {
    let probabilities = judge::probabilities(classifier, logits);
    let mut order: Vec<usize> = (0..logits.len()).collect();
    order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]).then(a.cmp(&b)));
    let seen = |class: usize| {
        let name = classifier.class_name(class).unwrap_or_default().to_owned();
        Seen { class, name, probability: probabilities[class], logit: logits[class] }
    };
    order.into_iter().take(count).map(seen).collect()
}
