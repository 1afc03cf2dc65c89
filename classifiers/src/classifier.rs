//! A frozen classifier: its network, its classes, and how pictures enter it.

use std::collections::BTreeSet;

use frozen::load::LoadError;
use frozen::network::Network;
use frozen::resize::Resize;
use frozen::weights::Weights;
use tch::{Device, Kind, Tensor};
use zoo::{Checked, Manifest};

use crate::architectures;
use crate::built::{Built, Names};
use crate::class_names::{NotAClass, imagenet_having, of_imagenet, of_own, own_having};
use crate::entry::Entry;
use crate::family::family;
use crate::imagenet;
use crate::input_pipeline::InputPipeline;
use crate::wordnet::kinds_of;

/// A frozen image classifier: its network, and the resize and normalisation by which pictures enter it.
#[derive(Debug)]
pub struct Classifier {
    /// Its name in the zoo.
    pub name: String,
    /// Normalised pictures `[N,3,S,S]` to logits `[N,classes]`.
    pub network: Network,
    /// How many classes it tells apart. A thousand are those of ImageNet, in their order.
    pub classes: i64,
    /// Side S of the square input in pixels.
    pub size: i64,
    /// What is subtracted from each channel of a picture in `[0,1]`.
    pub mean: [f64; 3],
    /// What each channel is divided by after that.
    pub std: [f64; 3],
    /// What its classes are called.
    pub names: Names,
    /// Whether each class is a question of its own: probabilities are sigmoids of logits, and not a softmax of all.
    pub independent: bool,
    /// The sha256 of the weights file, in hexadecimal.
    pub weights_sha256: String,
    /// What else decides what it computes; see [`Manifest::definition`].
    pub definition: serde_json::Value,
    /// Its family, such as `EfficientNet`; none of a program whose manifest does not say it.
    pub family: Option<String>,
}

impl Classifier {
    /// The classifier of a manifest, from its weights file: on the CPU, f32.
    ///
    /// # Errors
    /// An architecture that is not known here, a configuration that is not its own, or a file that does not fit it.
    pub fn load(manifest: &Manifest, weights: &Checked) -> Result<Classifier, LoadError> {
        Classifier::of(manifest, weights, &mut |tensors| tensors)
    }

    /// [`Classifier::load`] with the numbers of every kernel and matrix in another order, which `order` gives for their count:
    /// a network that knows nothing, as a control ([`Weights::permuted`]).
    ///
    /// # Errors
    /// Those of [`Classifier::load`], and a program of somebody's, whose weights cannot be taken apart.
    pub fn load_permuted(
        manifest: &Manifest,
        weights: &Checked,
        order: &mut dyn FnMut(usize) -> Vec<i64>,
    ) -> Result<Classifier, LoadError> {
        if let Some(architecture @ ("torchscript" | "onnx" | "exported")) = manifest.architecture.as_deref() {
            let reason = format!("the weights of somebody's program ({architecture}) cannot be permuted");
            return Err(LoadError::Config { manifest: manifest.file.clone(), reason });
        }
        let mut classifier = Classifier::of(manifest, weights, &mut |tensors| tensors.permuted(order))?;
        classifier.name = format!("{} (permuted)", classifier.name);
        Ok(classifier)
    }

    fn of(
        manifest: &Manifest,
        weights: &Checked,
        change: &mut dyn FnMut(Weights) -> Weights,
    ) -> Result<Classifier, LoadError> {
        let built = architectures::load(&mut Entry { manifest, weights, change })?;
        let definition = built.network.defined(manifest.definition());
        Ok(Classifier::built(built, manifest, weights, definition))
    }

    /// Of what was built of an entry.
    pub(crate) fn built(
        built: Built,
        manifest: &Manifest,
        weights: &Checked,
        definition: serde_json::Value,
    ) -> Classifier {
        let Built { network, classes, size, mean, std, names, independent } = built;
        let known = || family(manifest.architecture.as_deref()?).map(str::to_owned);
        let family = manifest.family.clone().or_else(known);
        Classifier {
            name: manifest.name.to_string(),
            network,
            classes,
            size,
            mean,
            std,
            names,
            independent,
            weights_sha256: weights.sha256.to_string(),
            definition,
            family,
        }
    }

    /// The index of the class that `word` names: by its number, and for the classes of ImageNet by name as well
    /// ([`of_imagenet`]).
    ///
    /// # Errors
    /// If there is no such class, or if the classes have no names here.
    pub fn class(&self, word: &str) -> Result<usize, NotAClass> {
        if self.has_imagenet_classes() {
            return of_imagenet(word).map(|class| class.index);
        }
        if let (Names::Own(names), Err(_)) = (&self.names, word.parse::<usize>()) {
            return of_own(word, names);
        }
        let last = self.classes.saturating_sub(1) as usize;
        match word.parse::<usize>() {
            Ok(index) if index <= last => Ok(index),
            Ok(index) => Err(NotAClass::OutOfRange { index, last }),
            Err(_) => Err(NotAClass::Nameless { word: word.to_owned(), last }),
        }
    }

    /// The classes whose names, or synonyms, have a word as a part, and those that are kinds of what it names in WordNet; places, ascending. Nothing where
    /// classes have no names.
    pub fn classes_of(&self, word: &str) -> Vec<usize> {
        let found: BTreeSet<usize> = match &self.names {
            Names::Own(names) => own_having(word, names).into_iter().collect(),
            _ if self.has_imagenet_classes() => {
                imagenet_having(word).into_iter().chain(kinds_of(word)).map(|class| class.index).collect()
            }
            _ => BTreeSet::new(),
        };
        found.into_iter().collect()
    }

    /// The name of a class, where it has one.
    pub fn class_name(&self, index: usize) -> Option<&str> {
        match &self.names {
            Names::Own(names) => names.get(index).map(String::as_str),
            _ => imagenet::CLASSES.get(index).filter(|_| self.has_imagenet_classes()).map(|class| class.name),
        }
    }

    /// What lists its layers, for messages.
    pub fn who_lists_layers(&self) -> String {
        match self.definition["architecture"].as_str() {
            Some("live") => "`metapicture.layers(network)` lists them".to_owned(),
            _ => format!("`metapicture models info {}` lists them", self.name),
        }
    }

    /// Probabilities of logits `[…,classes]`, by the last axis: 0 to 1; their sum is 1 unless classes are [independent](
    /// Classifier::independent).
    pub fn probabilities(&self, logits: &Tensor) -> Tensor {
        if self.independent { logits.sigmoid() } else { logits.softmax(-1, None::<Kind>) }
    }

    fn has_imagenet_classes(&self) -> bool {
        self.names == Names::ImageNet && self.classes == imagenet::CLASSES.len() as i64
    }

    /// The input pipeline: pictures `[N,3,H,W]` in `[0,1]` of the size `from` to the network's input of the size `to` (its own
    /// is [`Classifier::size`] squared).
    pub fn input_pipeline(&self, from: [i64; 2], to: [i64; 2]) -> InputPipeline {
        let (kind, device) = (self.network.kind(), self.network.device());
        let channels =
            |values: [f64; 3]| Tensor::from_slice(&values).view([1, 3, 1, 1]).to_kind(kind).to_device(device);
        InputPipeline::new(Resize::new(from, to, kind, device), channels(self.mean), channels(self.std))
    }

    /// The classifier with its network on another device, or with numbers of another kind.
    pub fn to(self, device: Device, kind: Kind) -> Classifier {
        Classifier { network: self.network.to(device, kind), ..self }
    }
}
