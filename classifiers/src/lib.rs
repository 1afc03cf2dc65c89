//! Frozen image classifiers, one file an architecture, and the zoo of their weights.

pub mod alexnet;
pub mod caffenet;
pub mod densenet;
pub mod efficientnet_lite;
pub mod googlenet;
pub mod imagenet;
pub mod inception_v3;
pub mod mobilenet_v2;
pub mod naming;
pub mod resnet;
pub mod squeezenet;
pub mod torchscript;
pub mod torchvision;
pub mod vgg;

use frozen::load::{LoadError, unknown_architecture};
use frozen::network::Network;
use frozen::resize::Resize;
use frozen::weights::Weights;
use imagenet::NotAClass;
use tch::{Device, Kind, Tensor};
use zoo::{Checked, Manifest};

/// The manifests of the classifiers that are known here, as file name and text, for [`zoo::Zoo::new`].
pub const MANIFESTS: &[(&str, &str)] = &[
    ("alexnet.yaml", include_str!("../zoo/alexnet.yaml")),
    ("caffenet.yaml", include_str!("../zoo/caffenet.yaml")),
    ("densenet121.yaml", include_str!("../zoo/densenet121.yaml")),
    ("efficientnet-lite0.yaml", include_str!("../zoo/efficientnet-lite0.yaml")),
    ("efficientnet-lite1.yaml", include_str!("../zoo/efficientnet-lite1.yaml")),
    ("efficientnet-lite2.yaml", include_str!("../zoo/efficientnet-lite2.yaml")),
    ("googlenet.yaml", include_str!("../zoo/googlenet.yaml")),
    ("inception_v3.yaml", include_str!("../zoo/inception_v3.yaml")),
    ("mobilenet_v2.yaml", include_str!("../zoo/mobilenet_v2.yaml")),
    ("resnet18.yaml", include_str!("../zoo/resnet18.yaml")),
    ("resnet50.yaml", include_str!("../zoo/resnet50.yaml")),
    ("squeezenet1_1.yaml", include_str!("../zoo/squeezenet1_1.yaml")),
    ("vgg16.yaml", include_str!("../zoo/vgg16.yaml")),
    ("vgg16_bn.yaml", include_str!("../zoo/vgg16_bn.yaml")),
    ("vgg19.yaml", include_str!("../zoo/vgg19.yaml")),
    ("vgg19_bn.yaml", include_str!("../zoo/vgg19_bn.yaml")),
];

/// The alias that every classifier gives to its output before the softmax.
pub const LOGITS: &str = "logits";

/// A frozen classifier and how pictures enter it.
#[derive(Debug)]
pub struct Classifier {
    /// Its name in the zoo.
    pub name: String,
    /// Normalised pictures `[N,3,S,S]` to logits.
    pub network: Network,
    /// How many classes it tells apart. A thousand are those of ImageNet, in their order.
    pub classes: i64,
    /// Side S of the square input in pixels.
    pub size: i64,
    /// What is subtracted from each channel of a picture in [0,1].
    pub mean: [f64; 3],
    /// What each channel is divided by after that.
    pub std: [f64; 3],
    /// The sha256 of the weights file, in hexadecimal.
    pub weights_sha256: String,
    /// What else decides what it computes; see [`Manifest::definition`].
    pub definition: serde_json::Value,
}

impl Classifier {
    /// The classifier of a manifest, from its weights file: on the CPU, f32.
    ///
    /// # Errors
    /// An architecture that is not known here, a configuration that is not its own, or a file that does not fit it.
    pub fn load(manifest: &Manifest, weights: &Checked) -> Result<Classifier, LoadError> {
        Classifier::of(manifest, weights, &mut |tensors| tensors)
    }

    /// The same with the numbers of every kernel and matrix in another order, which `order` gives for their count: a network
    /// that knows nothing, as a control ([`Weights::permuted`]).
    ///
    /// # Errors
    /// Those of [`Classifier::load`], and a program of TorchScript, whose weights cannot be taken apart.
    pub fn load_permuted(
        manifest: &Manifest,
        weights: &Checked,
        order: &mut dyn FnMut(usize) -> Vec<i64>,
    ) -> Result<Classifier, LoadError> {
        if manifest.architecture.as_deref() == Some("torchscript") {
            let reason = "the weights of a program of TorchScript cannot be permuted".to_owned();
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
        let mut tensors =
            || -> Result<Weights, LoadError> { Ok(change(Weights::load(&weights.path, manifest.key.as_deref())?)) };
        let wrong = |reason| LoadError::Config { manifest: manifest.file.clone(), reason };
        let (network, classes, size, mean, std) = match manifest.architecture.as_deref().unwrap_or_default() {
            "efficientnet-lite" => {
                let config: efficientnet_lite::Config = manifest.config()?;
                config.check().map_err(wrong)?;
                let tensors = tensors()?;
                let (mean, std) = match naming::is_timm(&tensors) {
                    true => (torchvision::HALF, torchvision::HALF),
                    false => (efficientnet_lite::MEAN, efficientnet_lite::STD),
                };
                (efficientnet_lite::network(config, tensors)?, 1000, config.resolution, mean, std)
            }
            "caffenet" => (caffenet::network(tensors()?)?, 1000, caffenet::RESOLUTION, caffenet::MEAN, caffenet::STD),
            "torchscript" => {
                let config: torchscript::Config = manifest.config()?;
                config.check().map_err(wrong)?;
                let (network, classes) = torchscript::network(&config, &weights.path)
                    .map_err(|fault| LoadError::Script { path: weights.path.clone(), fault })?;
                (network, classes, config.resolution, config.mean, config.std)
            }
            name => {
                let Some(architecture) = torchvision::find(name) else {
                    let named = torchvision::ARCHITECTURES.iter().map(|architecture| architecture.name);
                    let known: Vec<&str> =
                        ["caffenet", "efficientnet-lite", "torchscript"].into_iter().chain(named).collect();
                    return Err(unknown_architecture(manifest, &known));
                };
                let config: torchvision::Config = match manifest.config.is_empty() {
                    true => torchvision::Config::default(),
                    false => manifest.config()?,
                };
                architecture.check(&config).map_err(wrong)?;
                let classes = config.classes.unwrap_or(1000);
                let (mean, std) = match architecture.halved {
                    true => (torchvision::HALF, torchvision::HALF),
                    false => (torchvision::MEAN, torchvision::STD),
                };
                let size = config.resolution.unwrap_or(architecture.resolution);
                let network = architecture.network(classes, tensors()?)?;
                (network, classes, size, config.mean.unwrap_or(mean), config.std.unwrap_or(std))
            }
        };
        let weights_sha256 = weights.sha256.to_string();
        Ok(Classifier {
            name: manifest.name.to_string(),
            network,
            classes,
            size,
            mean,
            std,
            weights_sha256,
            definition: manifest.definition(),
        })
    }

    /// The index of the class that `word` names: by its number, and for the classes of ImageNet by name as well
    /// ([`imagenet::class`]).
    ///
    /// # Errors
    /// If there is no such class, or if the classes have no names here.
    pub fn class(&self, word: &str) -> Result<usize, NotAClass> {
        if self.has_imagenet_classes() {
            return imagenet::class(word).map(|class| class.index);
        }
        let last = self.classes.saturating_sub(1) as usize;
        match word.parse::<usize>() {
            Ok(index) if index <= last => Ok(index),
            Ok(index) => Err(NotAClass::OutOfRange { index, last }),
            Err(_) => Err(NotAClass::Nameless { word: word.to_owned(), last }),
        }
    }

    /// The name of a class, where it has one.
    pub fn class_name(&self, index: usize) -> Option<&'static str> {
        imagenet::CLASSES.get(index).filter(|_| self.has_imagenet_classes()).map(|class| class.name)
    }

    fn has_imagenet_classes(&self) -> bool {
        self.classes == imagenet::CLASSES.len() as i64
    }

    /// The input pipeline: pictures `[N,3,H,W]` in [0,1] of the size `from` to the network's input of the size `to` (its own
    /// is [`Classifier::size`] squared).
    pub fn input_pipeline(&self, from: [i64; 2], to: [i64; 2]) -> InputPipeline {
        let (kind, device) = (self.network.kind(), self.network.device());
        let channels =
            |values: [f64; 3]| Tensor::from_slice(&values).view([1, 3, 1, 1]).to_kind(kind).to_device(device);
        InputPipeline {
            resize: Resize::new(from, to, kind, device),
            mean: channels(self.mean),
            std: channels(self.std),
        }
    }

    /// Moves the network.
    pub fn to(self, device: Device, kind: Kind) -> Classifier {
        Classifier { network: self.network.to(device, kind), ..self }
    }
}

/// What lies between a picture and a classifier: the resize, and the normalisation. Differentiable with autograd.
#[derive(Debug)]
pub struct InputPipeline {
    resize: Resize,
    mean: Tensor,
    std: Tensor,
}

impl InputPipeline {
    /// `[N,3,H,W]` in [0,1] to `[N,3,H',W']`, normalised.
    pub fn apply(&self, picture: &Tensor) -> Tensor {
        (self.resize.apply(picture) - &self.mean) / &self.std
    }
}
