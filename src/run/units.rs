//! The units that the patterns of an experiment, or of a command line, stand for, in a given classifier.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use classifiers::Classifier;
use frozen::network::Tap;
use image::RgbImage;
use tch::Kind;

use crate::error::{Result, bail, request};
use crate::experiment_file::{FileError, LayerGlob, Located, UnitPattern};
use crate::look::judge;
use crate::unit::{Among, LayerShapes, Others, Unit};

use super::identity::unit_identity;

/// Reads the reference pictures; only called where a pattern needs them.
pub type Reference<'r> = dyn FnMut() -> Result<Vec<RgbImage>> + 'r;

/// The units of all patterns in their order, each once.
///
/// # Errors
/// A unit or a layer that the classifier does not have, with the place of the pattern.
pub fn resolve(
    patterns: &[Located<UnitPattern>],
    classifier: &Classifier,
    shapes: &LayerShapes,
    others: &Others,
    reference: &mut Reference,
) -> Result<Vec<Unit>, FileError> {
    let mut units = Once::default();
    for pattern in patterns {
        let found = of_pattern(&pattern.value, classifier, shapes, others, reference);
        units.add(found.map_err(|error| pattern.wrong(format!("{error}")))?);
    }
    Ok(units.in_order)
}

/// The units that words of a command line stand for, as [`resolve`]; the files that they name are relative to the working directory.
///
/// # Errors
/// A request: a word that is no unit and no pattern, a unit or a layer that the classifier does not have.
pub fn resolve_words(
    words: &[String],
    classifier: &Classifier,
    shapes: &LayerShapes,
    others: &Others,
    reference: &mut Reference,
) -> Result<Vec<Unit>> {
    let mut units = Once::default();
    for word in words {
        let pattern =
            UnitPattern::parse(word, Path::new("")).map_err(|message| request!("unit '{word}': {message}"))?;
        units.add(of_pattern(&pattern, classifier, shapes, others, reference)?);
    }
    Ok(units.in_order)
}

/// Where units of one classifier alone are wanted.
///
/// # Errors
/// Always: a request.
pub fn alone(_: &str) -> Result<(Arc<Classifier>, Arc<LayerShapes>)> {
    Err(request!("a unit of one network alone is wanted here"))
}

/// Units, each once.
#[derive(Default)]
struct Once {
    in_order: Vec<Unit>,
    known: HashSet<String>,
}

impl Once {
    fn add(&mut self, units: Vec<Unit>) {
        for unit in units {
            if self.known.insert(unit_identity(&unit)) {
                self.in_order.push(unit);
            }
        }
    }
}

fn of_pattern(
    pattern: &UnitPattern,
    classifier: &Classifier,
    shapes: &LayerShapes,
    others: &Others,
    reference: &mut Reference,
) -> Result<Vec<Unit>> {
    let among = Among { classifier, shapes, kept: &[], others: Some(others) };
    let parse = |text: &str| Unit::parse_among(text, &among);
    // In a glob, a layer that has no such part does not fit; a layer that is named must have it.
    let each = |layers: &LayerGlob, texts: &dyn Fn(&str) -> Vec<String>| {
        let mut units = vec![];
        for layer in fitting(layers, classifier)? {
            let found: Result<Vec<Unit>> = texts(&layer).iter().map(|text| parse(text)).collect();
            match found {
                Ok(found) => units.extend(found),
                Err(error) if layers.exact().is_some() => return Err(error),
                Err(_) => {}
            }
        }
        match units.is_empty() {
            true => bail!("no layer of {} that fits '{}' has it", classifier.name, layers.text()),
            false => Ok(units),
        }
    };
    match pattern {
        UnitPattern::Unit(text) => Ok(vec![parse(text)?]),
        UnitPattern::Channels { layers, first, last } => {
            each(layers, &|layer| (*first..=*last).map(|index| format!("{layer}:{index}")).collect())
        }
        UnitPattern::AllChannels(layers) => each(layers, &|layer| {
            // Of a layer that is not there one is asked for, so that its name is what is wrong.
            let channels = match layer {
                "class" => classifier.classes,
                name => {
                    let tap = classifier.network.tap(name).ok();
                    tap.and_then(|tap| shapes.channels(&tap.name)).unwrap_or(1)
                }
            };
            (0..channels).map(|index| format!("{layer}:{index}")).collect()
        }),
        UnitPattern::InLayers { layers, part } => each(layers, &|layer| vec![format!("{layer}:{part}")]),
        UnitPattern::WholeLayers(layers) => each(layers, &|layer| vec![format!("layer:{layer}")]),
        UnitPattern::Pair(units) => units.iter().map(|text| parse(text)).collect(),
        UnitPattern::Strongest { layers, count } => {
            let pictures = reference()?;
            let mut units = vec![];
            for layer in fitting(layers, classifier)? {
                for channel in strongest(&layer, *count, classifier, &pictures)? {
                    units.push(parse(&format!("{layer}:{channel}"))?);
                }
            }
            Ok(units)
        }
    }
}

/// The layers that fit a glob, by the names that units take.
fn fitting(layers: &LayerGlob, classifier: &Classifier) -> Result<Vec<String>> {
    if let Some(name) = layers.exact() {
        return Ok(vec![name.to_owned()]);
    }
    // A layer has several names where a batch norm was folded into a convolution; it fits by any of them, and is there once.
    let names = |tap: &Tap| std::iter::once(&tap.name).chain(&tap.aliases).find(|name| layers.matches(name)).cloned();
    let fitting: Vec<String> = classifier.network.taps().iter().filter_map(names).collect();
    match fitting.is_empty() {
        true => {
            bail!("{} has no layer that fits '{}' ({})", classifier.name, layers.text(), classifier.who_lists_layers())
        }
        false => Ok(fitting),
    }
}

/// The channels of a layer whose mean activation over pictures and positions is highest, the highest first.
fn strongest(layer: &str, count: usize, classifier: &Classifier, pictures: &[RgbImage]) -> Result<Vec<usize>> {
    let tap = classifier.network.tap(layer).map_err(|error| request!("{} has {error}", classifier.name))?;
    let mut sums: Vec<f64> = vec![];
    for picture in pictures {
        let activation = judge::activation(classifier, picture, tap.point).to_kind(Kind::Double);
        let channels = activation.size()[0];
        let means = Vec::<f64>::try_from(activation.reshape([channels, -1]).mean_dim(1i64, false, None::<Kind>))?;
        sums.resize(means.len(), 0.);
        sums.iter_mut().zip(means).for_each(|(sum, mean)| *sum += mean);
    }
    if count > sums.len() {
        bail!("{layer} has {} channels; {count} are asked for", sums.len());
    }
    let mut order: Vec<usize> = (0..sums.len()).collect();
    order.sort_by(|&a, &b| sums[b].total_cmp(&sums[a]));
    order.truncate(count);
    Ok(order)
}
