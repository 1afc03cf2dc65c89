//! Models by name: pulled if need be, checked, loaded, moved to the device.

use anyhow::anyhow;
use classifiers::Classifier;
use frozen::zoo::{Cache, Checked, Kind, Manifest, Progress, Silent, Zoo, ZooError};
use generators::{Classes, Conditioning, Generator};
use tch::Device;

use super::models::{self, Bars, Models};
use super::{Compute, FAILED, Failure, USAGE, Usage};
use crate::param::Condition;
use frozen::suggest::hint;

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

/// A generator by name, or by the path of a manifest.
pub fn generator(zoo: &Zoo, name: &str, device: Device, quiet: bool) -> Result<Generator, Failure> {
    let manifest = zoo.manifest(name, Some(Kind::Generator)).map_err(failed)?;
    let weights = weights(zoo, &manifest, quiet).map_err(failed)?;
    let generator = Generator::load(&manifest, &weights).usage()?;
    Ok(generator.to(device, tch::Kind::Float))
}

/// The condition that `--class` names; a conditional generator without one is relaxed.
pub fn condition(generator: &Generator, class: Option<&str>) -> anyhow::Result<Option<Condition>> {
    let Some(Conditioning { classes, .. }) = &generator.conditioning else {
        return match class {
            None => Ok(None),
            Some(_) => Err(anyhow!("--class: {} is not conditional", generator.name)),
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
            anyhow!("--class: {} has no class '{word}'{hint}", generator.name)
        })
    };
    let index = match classes {
        Classes::Named(names) => named(names)?,
        Classes::Imagenet => classifiers::imagenet::class(word).map_err(|reason| anyhow!("--class: {reason}"))?.index,
    };
    Ok(Some(Condition::Class(index)))
}

/// `metapicture models`, with the layers of a network that is pulled.
pub fn models(command: Models, quiet: bool) -> Result<u8, Failure> {
    let zoo = zoo()?;
    let layers = |manifest: &Manifest| -> anyhow::Result<Vec<(String, Vec<i64>)>> {
        let weights = weights(&zoo, manifest, quiet)?;
        let (network, input) = match manifest.kind {
            Kind::Classifier => {
                let classifier = Classifier::load(manifest, &weights)?;
                (classifier.network, vec![1, 3, classifier.size, classifier.size])
            }
            Kind::Generator => {
                let generator = Generator::load(manifest, &weights)?;
                let input = generator.input_shape();
                (generator.network, input)
            }
            Kind::Images => return Ok(vec![]),
        };
        let named = network.shapes(&input).into_iter().map(|(tap, shape)| {
            let aliases =
                if tap.aliases.is_empty() { String::new() } else { format!(" = {}", tap.aliases.join(" = ")) };
            (format!("{}{aliases}", tap.name), shape)
        });
        Ok(named.collect())
    };
    // The threads are set up for the one forward pass that measures the shapes.
    Compute { device: "cpu".to_owned(), threads: None }.set_up()?;
    models::run(command, &zoo, &layers, quiet).map_err(|error| match error.downcast::<ZooError>() {
        Ok(error) => failed(error),
        Err(error) => error.into(),
    })
}
