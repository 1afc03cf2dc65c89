//! Models by name: pulled if need be, checked, loaded, moved to the device.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use classifiers::Classifier;
use generators::{Classes, Conditioning, Generator};
use tch::Device;
use zoo::{Cache, Checked, Kind, Manifest, Progress, Silent, Zoo, ZooError};

use super::models::{self, Bars, Look, Models};
use super::{Compute, FAILED, Failure, USAGE, Usage};
use crate::param::Condition;
use crate::samples;
use zoo::suggest::hint;

/// An unknown name or a wrong manifest is wrong usage; what the network or the disk does is not.
fn failed(error: ZooError) -> Failure {
    Failure { code: if error.is_usage() { USAGE } else { FAILED }, error: error.into() }
}

/// Everything that is built in, over the user's cache.
pub fn zoo() -> Result<Zoo, Failure> {
    let manifests = classifiers::MANIFESTS.iter().chain(generators::MANIFESTS).chain(crate::reference::MANIFESTS);
    Zoo::new(manifests.copied(), Cache::for_user().map_err(failed)?).map_err(failed)
}

fn weights(zoo: &Zoo, manifest: &Manifest, quiet: bool) -> Result<Checked, ZooError> {
    let progress: &dyn Progress = if quiet { &Silent } else { &Bars::new() };
    zoo.cache().checked_weights(manifest, progress)
}

/// A classifier by name, or by the path of a manifest.
pub fn classifier(zoo: &Zoo, name: &str, device: Device, quiet: bool) -> Result<Classifier, Failure> {
    let manifest = zoo.manifest(name, Some(Kind::Classifier)).map_err(failed)?;
    let weights = weights(zoo, &manifest, quiet).map_err(failed)?;
    let classifier = Classifier::load(&manifest, &weights).usage()?;
    Ok(classifier.to(device, tch::Kind::Float))
}

/// The same with its weights in another order, which `order` gives for their count.
pub fn permuted_classifier(
    zoo: &Zoo,
    name: &str,
    device: Device,
    order: &mut dyn FnMut(usize) -> Vec<i64>,
    quiet: bool,
) -> Result<Classifier, Failure> {
    let manifest = zoo.manifest(name, Some(Kind::Classifier)).map_err(failed)?;
    let weights = weights(zoo, &manifest, quiet).map_err(failed)?;
    let classifier = Classifier::load_permuted(&manifest, &weights, order).usage()?;
    Ok(classifier.to(device, tch::Kind::Float))
}

/// Where photographs are.
pub enum Photographs {
    /// The checked files of a set.
    Set(Vec<Checked>),
    /// A folder.
    Folder(PathBuf),
}

/// Photographs by the name of a set of the zoo, which is pulled if need be; or else by the path of a folder.
pub fn photographs(zoo: &Zoo, name: &str, quiet: bool) -> Result<Photographs, Failure> {
    let folder = Path::new(name);
    if folder.is_dir() && !zoo.names(Some(Kind::Images)).contains(&name) {
        return Ok(Photographs::Folder(folder.to_owned()));
    }
    let manifest = zoo.manifest(name, Some(Kind::Images)).map_err(failed)?;
    let progress: &dyn Progress = if quiet { &Silent } else { &Bars::new() };
    zoo.cache().checked(&manifest, progress).map(Photographs::Set).map_err(failed)
}

/// A generator by name, or by the path of a manifest; where its code is spatial, of pictures of this side.
pub fn generator(zoo: &Zoo, name: &str, side: Option<i64>, device: Device, quiet: bool) -> Result<Generator, Failure> {
    let manifest = zoo.manifest(name, Some(Kind::Generator)).map_err(failed)?;
    let weights = weights(zoo, &manifest, quiet).map_err(failed)?;
    let generator = Generator::load(&manifest, &weights).usage()?.to(device, tch::Kind::Float);
    match side {
        Some(side) if generator.code.is_spatial() => {
            generator.at(side).map_err(|reason| anyhow!("size: {reason}")).usage()
        }
        _ => Ok(generator),
    }
}

/// The condition of this class; a conditional generator without one is relaxed.
///
/// # Errors
/// Says what is wrong with the class; where it was written is the caller's to say.
pub fn condition(generator: &Generator, class: Option<&str>) -> anyhow::Result<Option<Condition>> {
    let Some(Conditioning { classes, .. }) = &generator.conditioning else {
        return match class {
            None => Ok(None),
            Some(_) => Err(anyhow!("{} is not conditional", generator.name)),
        };
    };
    let Some(word) = class else { return Ok(Some(Condition::Relaxed)) };
    let named = |names: &[String]| {
        let index = match word.parse::<usize>() {
            Ok(index) => (index < names.len()).then_some(index),
            Err(_) => names.iter().position(|class| class.eq_ignore_ascii_case(word)),
        };
        index.ok_or_else(|| {
            let hint = hint(word, "its classes", names.iter().map(String::as_str));
            anyhow!("{} has no class '{word}'{hint}", generator.name)
        })
    };
    let index = match classes {
        Classes::Named(names) => named(names)?,
        Classes::Imagenet => classifiers::imagenet::class(word).map_err(|reason| anyhow!("{reason}"))?.index,
    };
    Ok(Some(Condition::Class(index)))
}

/// `metapicture models`, with the layers and samples of a network that is pulled.
pub fn models(command: Models, quiet: bool) -> Result<u8, Failure> {
    let zoo = zoo()?;
    let open = |manifest: &Manifest, wanted: Option<&Path>| -> anyhow::Result<Look> {
        let weights = weights(&zoo, manifest, quiet)?;
        let (network, input, samples) = match manifest.kind {
            Kind::Classifier => {
                let classifier = Classifier::load(manifest, &weights)?;
                (classifier.network, vec![1, 3, classifier.size, classifier.size], None)
            }
            Kind::Generator => {
                let generator = Generator::load(manifest, &weights)?;
                let drawn = samples::kept(zoo.cache(), &generator, wanted).map_err(anyhow::Error::from);
                // Without a wish, the page is worth showing all the same: the cache may be another user's.
                let samples = if wanted.is_some() { Ok(drawn?) } else { drawn };
                let input = generator.input_shape();
                (generator.network, input, Some(samples))
            }
            Kind::Images => return Ok(Look { layers: vec![], samples: None }),
        };
        let named = network.shapes(&input).into_iter().map(|(tap, shape)| {
            let aliases =
                if tap.aliases.is_empty() { String::new() } else { format!(" = {}", tap.aliases.join(" = ")) };
            (format!("{}{aliases}", tap.name), shape)
        });
        Ok(Look { layers: named.collect(), samples })
    };
    // The threads are set up for the passes that measure the shapes and draw the samples.
    Compute { device: "cpu".to_owned(), threads: None }.set_up()?;
    models::run(command, &zoo, &open, quiet).map_err(|error| match error.downcast::<ZooError>() {
        Ok(error) => failed(error),
        Err(error) => error.into(),
    })
}
