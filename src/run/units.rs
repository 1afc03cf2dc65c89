//! The units that the patterns of an experiment stand for, in a given classifier.

use std::collections::HashSet;

use classifiers::Classifier;
use image::RgbImage;
use tch::Kind;

use crate::error::{Result, bail, request};
use crate::experiment_file::{FileError, LayerGlob, Located, UnitPattern};
use crate::look::judge;
use crate::unit::{LayerShapes, Unit};

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
    reference: &mut Reference,
) -> Result<Vec<Unit>, FileError> {
    let (mut units, mut known) = (vec![], HashSet::new());
    for pattern in patterns {
        for unit in of_pattern(pattern, classifier, shapes, reference)? {
            if known.insert(unit.name.clone()) {
                units.push(unit);
            }
        }
    }
    Ok(units)
}

fn of_pattern(
    pattern: &Located<UnitPattern>,
    classifier: &Classifier,
    shapes: &LayerShapes,
    reference: &mut Reference,
) -> Result<Vec<Unit>, FileError> {
    let parse = |text: &str| Unit::parse(text, classifier, shapes).map_err(|error| pattern.wrong(format!("{error}")));
    // In a glob, a layer that has no such part does not fit; a layer that is named must have it.
    let each = |layers: &LayerGlob, texts: &dyn Fn(&str) -> Vec<String>| {
        let mut units = vec![];
        for layer in fitting(layers, pattern, classifier, shapes)? {
            let found: Result<Vec<Unit>, FileError> = texts(&layer).iter().map(|text| parse(text)).collect();
            match found {
                Ok(found) => units.extend(found),
                Err(error) if layers.exact().is_some() => return Err(error),
                Err(_) => {}
            }
        }
        match units.is_empty() {
            true => Err(pattern.wrong(format!("no layer of {} that fits '{}' has it", classifier.name, layers.text()))),
            false => Ok(units),
        }
    };
    match &pattern.value {
        UnitPattern::Unit(text) => Ok(vec![parse(text)?]),
        UnitPattern::Channels { layers, first, last } => {
            each(layers, &|layer| (*first..=*last).map(|index| format!("{layer}:{index}")).collect())
        }
        UnitPattern::InLayers { layers, part } => each(layers, &|layer| vec![format!("{layer}:{part}")]),
        UnitPattern::WholeLayers(layers) => each(layers, &|layer| vec![format!("layer:{layer}")]),
        UnitPattern::Strongest { layers, count } => {
            let pictures = reference().map_err(|error| pattern.wrong(format!("{error}")))?;
            let mut units = vec![];
            for layer in fitting(layers, pattern, classifier, shapes)? {
                let strongest = strongest(&layer, *count, classifier, &pictures);
                let strongest = strongest.map_err(|error| pattern.wrong(format!("{error}")))?;
                for channel in strongest {
                    units.push(parse(&format!("{layer}:{channel}"))?);
                }
            }
            Ok(units)
        }
    }
}

/// The layers that fit a glob, by the names that units take.
fn fitting(
    layers: &LayerGlob,
    pattern: &Located<UnitPattern>,
    classifier: &Classifier,
    shapes: &LayerShapes,
) -> Result<Vec<String>, FileError> {
    if let Some(name) = layers.exact() {
        return Ok(vec![name.to_owned()]);
    }
    let fitting: Vec<String> =
        shapes.iter().map(|(name, ..)| name).filter(|name| layers.matches(name)).map(str::to_owned).collect();
    match fitting.is_empty() {
        true => Err(pattern.wrong(format!(
            "{} has no layer that fits '{}' (`metapicture models info {}` lists them)",
            classifier.name,
            layers.text(),
            classifier.name
        ))),
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
