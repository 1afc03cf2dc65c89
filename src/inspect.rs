//! A look into a network: the layers that a unit can name, what a generator's random codes show, and whether somebody's file does what
//! is needed of it.

use std::path::{Path, PathBuf};

use classifiers::imagenet;
use frozen::weights::WeightFile;
use generators::Encoding;
use serde::Serialize;
use tch::Tensor;
use zoo::{Kind, Manifest, Zoo};

use crate::error::Result;
use crate::fit::misfit;
use crate::models::Models;
use crate::random::{Purpose, Seed, normal, stream};
use crate::samples;

/// What a pulled network shows of itself.
#[derive(Debug)]
pub struct Inspection {
    /// The layers that a unit can name (with their other names), each with the shape of its activation for one picture.
    pub layers: Vec<(String, Vec<i64>)>,
    /// Where the picture of a generator's samples is, or why there is none; nothing for what is no generator.
    pub samples: Option<Result<PathBuf>>,
}

/// An entry of the zoo, as lists tell of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// What it is, in a line.
    pub description: String,
    /// Of a network.
    pub architecture: Option<String>,
    /// Under which terms it may be used.
    pub licence: String,
    /// Whether these exclude commercial use.
    pub non_commercial: bool,
    /// Bytes of its files; 0 where nobody says.
    pub size: u64,
    /// Whether all of them are on this machine.
    pub pulled: bool,
}

impl Entry {
    /// Of a manifest.
    pub fn of(zoo: &Zoo, manifest: &Manifest) -> Entry {
        Entry {
            name: manifest.name.to_string(),
            kind: manifest.kind,
            description: manifest.description.clone(),
            architecture: manifest.architecture.clone(),
            licence: manifest.licence.clone(),
            non_commercial: manifest.non_commercial,
            size: manifest.size(),
            pulled: zoo.cache().is_pulled(manifest),
        }
    }
}

/// A class of a classifier.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Class {
    /// Its number, from 0.
    pub class: usize,
    /// Its name, where it has one.
    pub name: Option<String>,
    /// Of ImageNet's classes: the synset of WordNet that it is, such as `n07753592`.
    pub wnid: Option<&'static str>,
    /// Of ImageNet's classes: other words for it.
    pub synonyms: Vec<&'static str>,
}

/// The classes of a classifier; those of a word only, where one is told: [`classifiers::Classifier::classes_of`].
pub fn classes(classifier: &classifiers::Classifier, word: Option<&str>) -> Vec<Class> {
    let places = match word {
        Some(word) => classifier.classes_of(word),
        None => (0..classifier.classes.max(0) as usize).collect(),
    };
    let class = |place: usize| {
        let name = classifier.class_name(place);
        let known = imagenet::CLASSES.get(place).filter(|known| name == Some(known.name));
        let others = known.iter().flat_map(|known| known.synonyms.iter().copied());
        let synonyms = others.filter(|word| name != Some(word)).collect();
        Class { class: place, name: name.map(str::to_owned), wnid: known.map(|known| known.wnid), synonyms }
    };
    places.into_iter().map(class).collect()
}

/// Looks into the network of a manifest, which is pulled if need be. The picture of a generator's samples is drawn unless the cache holds
/// it, and goes to `wanted`, too, where that is a path.
///
/// # Errors
/// A network that cannot be had or loaded; a picture that is wanted and cannot be drawn or written.
pub fn inspect(models: &Models, manifest: &Manifest, wanted: Option<&Path>) -> Result<Inspection> {
    let mut samples = None;
    let layers = layers_and(models, manifest, &mut |generator| {
        let drawn = samples::kept(models.zoo().cache(), generator, wanted);
        // Without a wish, the page is worth showing all the same: the cache may be another user's.
        samples = Some(if wanted.is_some() { Ok(drawn?) } else { drawn });
        Ok(())
    })?;
    let named = layers.into_iter().map(|Layer { name, aliases, shape }| {
        let aliases = if aliases.is_empty() { String::new() } else { format!(" = {}", aliases.join(" = ")) };
        (format!("{name}{aliases}"), shape)
    });
    Ok(Inspection { layers: named.collect(), samples })
}

/// A layer that a unit can name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The path that names it in the network's own module tree.
    pub name: String,
    /// Other names that it goes by.
    pub aliases: Vec<String>,
    /// The shape of its activation for one picture: `[C]` or `[C,H,W]`.
    pub shape: Vec<i64>,
}

/// The layers of the network of a manifest, which is pulled if need be, in the order of the forward pass; none of a set of pictures.
///
/// # Errors
/// A network that cannot be had or loaded.
pub fn layers(models: &Models, manifest: &Manifest) -> Result<Vec<Layer>> {
    layers_and(models, manifest, &mut |_| Ok(()))
}

/// The same, and something is done with the network of a generator.
fn layers_and(
    models: &Models,
    manifest: &Manifest,
    with: &mut dyn FnMut(&generators::Generator) -> Result<()>,
) -> Result<Vec<Layer>> {
    let weights = |manifest| models.zoo().cache().checked_weights(manifest, models.progress());
    let (network, input) = match manifest.kind {
        Kind::Classifier => {
            let classifier = classifiers::Classifier::load(manifest, &weights(manifest)?)?;
            (classifier.network, vec![1, 3, classifier.size, classifier.size])
        }
        Kind::Generator => {
            let generator = generators::Generator::load(manifest, &weights(manifest)?)?;
            with(&generator)?;
            let input = generator.input_shape();
            (generator.network, input)
        }
        Kind::Encoder => {
            let Encoding { network, size: [height, width], .. } =
                generators::Encoder::load(manifest, &weights(manifest)?)?.encoding;
            (network, vec![1, 3, height, width])
        }
        Kind::Images => return Ok(vec![]),
    };
    Ok(layers_of(&network, &input))
}

/// The layers of a network that is at hand, for inputs of this shape.
pub fn layers_of(network: &frozen::network::Network, input: &[i64]) -> Vec<Layer> {
    let layer = |(tap, shape): (&frozen::network::Tap, Vec<i64>)| Layer {
        name: tap.name.clone(),
        aliases: tap.aliases.clone(),
        shape,
    };
    network.shapes(input).into_iter().map(layer).collect()
}

/// One thing that was tried of somebody's network.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// What was tried: `file`, `tensors`, `fits`, `forward`, `repeats`, `gradient`, `classes`, `layers`.
    pub what: &'static str,
    /// Whether it is as it should be.
    pub well: bool,
    /// What came out, in words.
    pub said: String,
}

/// Tries all that is needed of the network of a manifest, and says everything at once.
///
/// # Errors
/// Files that cannot be had.
pub fn check(models: &Models, manifest: &Manifest) -> Result<Vec<Finding>> {
    let weights = models.zoo().cache().checked_weights(manifest, models.progress())?;
    let mut findings = vec![];
    let mut say = |what: &'static str, well: bool, said: String| findings.push(Finding { what, well, said });
    let bytes = std::fs::metadata(&weights.path).map(|metadata| metadata.len()).unwrap_or_default();
    let kind = frozen::recognize::recognize(&weights.path).unwrap_or("a file that cannot be read");
    say("file", true, format!("{}: {kind}, {bytes} bytes, sha256 {}", weights.path.display(), weights.sha256));
    let architecture = manifest.architecture.as_deref().unwrap_or_default();
    if !matches!(architecture, "onnx" | "exported" | "torchscript") {
        match tensors(&weights.path, &manifest.keys) {
            Ok(said) => say("tensors", true, said),
            Err(said) => say("tensors", false, said),
        }
    }
    let loaded = match manifest.kind {
        Kind::Classifier => classifiers::Classifier::load(manifest, &weights).map(|classifier| {
            let names: Vec<&str> = (0..3).filter_map(|class| classifier.class_name(class)).collect();
            let named =
                if names.is_empty() { "without names".to_owned() } else { format!("{}, …", names.join(", ")) };
            let by = if classifier.independent { "sigmoid" } else { "softmax" };
            let classes = format!("{} ({named}), probabilities by {by}", classifier.classes);
            let shape = vec![3, classifier.size, classifier.size];
            (classifier.network, shape, Some(classes))
        }),
        Kind::Generator => generators::Generator::load(manifest, &weights).map(|generator| {
            let input = generator.input_shape()[1..].to_vec();
            (generator.network, input, None)
        }),
        Kind::Encoder => generators::Encoder::load(manifest, &weights).map(|encoder| {
            let Encoding { network, size: [height, width], .. } = encoder.encoding;
            (network, vec![3, height, width], None)
        }),
        Kind::Images => return Ok(findings),
    };
    let (network, input, classes) = match loaded {
        Ok(loaded) => loaded,
        Err(error) => {
            say("fits", false, misfit(&error));
            return Ok(findings);
        }
    };
    let notes = network.notes().join("; ");
    say("fits", true, if notes.is_empty() { "yes".to_owned() } else { format!("yes; {notes}") });
    let count = input.iter().product::<i64>() as usize;
    let row = |sample: u64| {
        let drawn = normal(&mut stream(Seed(0), Purpose::Start, sample), count);
        let shape: Vec<i64> = std::iter::once(1).chain(input.iter().copied()).collect();
        Tensor::from_slice(&drawn).view(&shape[..])
    };
    let output = network.output();
    let schedule = network.schedule(&[output]);
    let run = |input: &Tensor| network.forward(&schedule, input).activation(output).copy();
    let (one, again, both) = (run(&row(0)), run(&row(0)), run(&Tensor::cat(&[row(0), row(1)], 0)));
    let (low, high) = (one.min().double_value(&[]), one.max().double_value(&[]));
    let finite = low.is_finite() && high.is_finite();
    say("forward", finite, format!("{:?} of a sample of noise, from {low:.3} to {high:.3}", &one.size()[1..]));
    let apart = |other: &Tensor| (&one - other).abs().max().double_value(&[]);
    let (twice, beside) = (apart(&again), apart(&both.narrow(0, 0, 1)));
    let scale = 1. + high.abs().max(low.abs());
    let same = twice <= 1e-3 * scale && beside <= 1e-3 * scale;
    say(
        "repeats",
        same,
        format!("the same input differs by {twice:.1e} from itself, and by {beside:.1e} beside another one"),
    );
    match network.no_gradient() {
        Some(reason) => say("gradient", false, format!("none: {reason}; searches without gradients work")),
        None => {
            let pass = network.forward(&schedule, &row(0));
            let gradient = pass.pullback([(output, one.ones_like())]);
            let norm = gradient.norm().double_value(&[]);
            say("gradient", norm.is_finite() && norm > 0., format!("norm {norm:.3e} at the input"));
        }
    }
    if let Some(classes) = classes {
        say("classes", true, classes);
    }
    let names: Vec<&str> = network.taps().iter().map(|tap| tap.name.as_str()).collect();
    let shown: Vec<&str> = names.iter().copied().take(6).collect();
    let more = if names.len() > shown.len() { ", …" } else { "" };
    say("layers", !names.is_empty(), format!("{}: {}{more} (`models info` lists all)", names.len(), shown.join(", ")));
    Ok(findings)
}

/// What a file of weights holds.
fn tensors(path: &Path, keys: &[String]) -> std::result::Result<String, String> {
    let keys: Vec<Option<&str>> =
        if keys.is_empty() { vec![None] } else { keys.iter().map(|key| Some(key.as_str())).collect() };
    let mut opened = Err(String::new());
    for key in keys {
        opened = WeightFile::open_at(path, key).map_err(|error| error.fault.to_string());
        if opened.is_ok() {
            break;
        }
    }
    let file = opened?;
    let all: Vec<String> = file.entries().map(|entry| format!("{} {:?}", entry.name, entry.shape)).collect();
    let more = if all.len() > 5 { ", …" } else { "" };
    Ok(format!("{}: {}{more}", all.len(), all[..all.len().min(5)].join(", ")))
}
