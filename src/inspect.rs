//! A look into a network: the layers that a unit can name, and what a generator's random codes show.

use std::path::{Path, PathBuf};

use zoo::{Kind, Manifest};

use crate::error::Result;
use crate::models::Models;
use crate::samples;

/// What a pulled network shows of itself.
#[derive(Debug)]
pub struct Inspection {
    /// The layers that a unit can name (with their other names), each with the shape of its activation for one picture.
    pub layers: Vec<(String, Vec<i64>)>,
    /// Where the picture of a generator's samples is, or why there is none; nothing for what is no generator.
    pub samples: Option<Result<PathBuf>>,
}

/// Looks into the network of a manifest, which is pulled if need be. The picture of a generator's samples is drawn unless the cache holds
/// it, and goes to `wanted`, too, where that is a path.
///
/// # Errors
/// A network that cannot be had or loaded; a picture that is wanted and cannot be drawn or written.
pub fn inspect(models: &Models, manifest: &Manifest, wanted: Option<&Path>) -> Result<Inspection> {
    let weights = |manifest| models.zoo().cache().checked_weights(manifest, models.progress());
    let (network, input, samples) = match manifest.kind {
        Kind::Classifier => {
            let classifier = classifiers::Classifier::load(manifest, &weights(manifest)?)?;
            (classifier.network, vec![1, 3, classifier.size, classifier.size], None)
        }
        Kind::Generator => {
            let generator = generators::Generator::load(manifest, &weights(manifest)?)?;
            let drawn = samples::kept(models.zoo().cache(), &generator, wanted);
            // Without a wish, the page is worth showing all the same: the cache may be another user's.
            let samples = if wanted.is_some() { Ok(drawn?) } else { drawn };
            let input = generator.input_shape();
            (generator.network, input, Some(samples))
        }
        Kind::Images => return Ok(Inspection { layers: vec![], samples: None }),
    };
    let named = network.shapes(&input).into_iter().map(|(tap, shape)| {
        let aliases = if tap.aliases.is_empty() { String::new() } else { format!(" = {}", tap.aliases.join(" = ")) };
        (format!("{}{aliases}", tap.name), shape)
    });
    Ok(Inspection { layers: named.collect(), samples })
}
