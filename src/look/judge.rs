//! Judging a finished picture: what a classifier makes of it, read back from its 8 bits, without transforms and resized to the
//! classifier's own input, however the optimization showed it.

use classifiers::{Classifier, LOGITS};
use frozen::network::Point;
use frozen::resize::to_square;
use image::RgbImage;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::error::Result;
use crate::picture::from_rgb8;
use crate::render::Objective;
use crate::unit::{Reading, Unit};

/// What one classifier, a witness mostly, says of a finished picture about one class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The classifier's name.
    pub classifier: String,
    /// Softmax probability of the class, 0 to 1.
    pub probability: f64,
    /// Its logit: the classifier's output before the softmax.
    pub logit: f64,
    /// Its rank among all classes by logit, from 1.
    pub rank: usize,
}

/// A picture as the classifier's network takes it, `[1,3,S,S]`: scaled so that the shorter side fits, the central square.
pub fn input(classifier: &Classifier, picture: &RgbImage) -> Tensor {
    let network = &classifier.network;
    let picture = from_rgb8(picture).unsqueeze(0).to_device(network.device()).to_kind(network.kind());
    let square = to_square(&picture, classifier.size);
    classifier.input_pipeline([classifier.size; 2], [classifier.size; 2]).apply(&square)
}

/// The activation of one point of the network for one picture, `[C,H,W]` or `[C]`, on the CPU, f32.
pub fn activation(classifier: &Classifier, picture: &RgbImage, point: Point) -> Tensor {
    let _guard = tch::no_grad_guard();
    let schedule = classifier.network.schedule(&[point]);
    let pass = classifier.network.forward(&schedule, &input(classifier, picture));
    pass.activation(point).get(0).to_device(tch::Device::Cpu).to_kind(Kind::Float).contiguous()
}

/// The logits of one picture: a number for each class.
pub fn logits(classifier: &Classifier, picture: &RgbImage) -> Vec<f64> {
    // Every classifier has this alias; its output is the last point in any case.
    let point = classifier.network.tap(LOGITS).map_or(classifier.network.output(), |tap| tap.point);
    let logits = activation(classifier, picture, point).to_kind(Kind::Double);
    let mut values = vec![0.; logits.numel()];
    logits.copy_data(&mut values, logits.numel());
    values
}

/// Probabilities of a classifier's logits, 0 to 1: the softmax, whose sum is 1, or sigmoids where classes are questions of their own.
pub fn probabilities(classifier: &Classifier, logits: &[f64]) -> Vec<f64> {
    if classifier.independent {
        return logits.iter().map(|logit| 1. / (1. + (-logit).exp())).collect();
    }
    let highest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = logits.iter().map(|logit| (logit - highest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

/// What a classifier says of a picture about a class, by index from 0 and below the classifier's number of classes.
pub fn verdict(classifier: &Classifier, picture: &RgbImage, class: usize) -> Verdict {
    let logits = logits(classifier, picture);
    let logit = logits[class];
    Verdict {
        classifier: classifier.name.clone(),
        probability: probabilities(classifier, &logits)[class],
        logit,
        rank: 1 + logits.iter().filter(|other| **other > logit).count(),
    }
}

/// The activation of a unit for a finished picture, in the unit's own scale: a logit of a class, a mean over positions of a channel.
///
/// # Errors
/// None that a parsed unit can cause.
pub fn score(classifier: &Classifier, picture: &RgbImage, unit: &Unit) -> Result<f64> {
    let _guard = tch::no_grad_guard();
    let objective = Objective::new(&[unit], Reading::Activation)?;
    let schedule = classifier.network.schedule(&objective.points());
    let pass = classifier.network.forward(&schedule, &input(classifier, picture));
    let mut sum = objective.evaluate(|point| pass.activation(point).shallow_clone()).activations.double_value(&[0]);
    for (other, objective) in Objective::elsewhere(&[unit], Reading::Activation)? {
        let schedule = other.network.schedule(&objective.points());
        let pass = other.network.forward(&schedule, &input(&other, picture));
        sum += objective.evaluate(|point| pass.activation(point).shallow_clone()).activations.double_value(&[0]);
    }
    Ok(sum)
}
