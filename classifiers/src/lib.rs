//! Frozen image classifiers, one file an architecture, and the zoo of their weights.

pub mod efficientnet_lite;
pub mod imagenet;

use frozen::load::{LoadError, unknown_architecture};
use frozen::network::Network;
use frozen::resize::Resize;
use frozen::weights::Weights;
use frozen::zoo::{Checked, Manifest};
use tch::{Device, Kind, Tensor};

/// The manifests of the classifiers that are known here, as file name and text, for [`frozen::zoo::Zoo::new`].
pub const MANIFESTS: &[(&str, &str)] = &[
    ("efficientnet-lite0.yaml", include_str!("../zoo/efficientnet-lite0.yaml")),
    ("efficientnet-lite1.yaml", include_str!("../zoo/efficientnet-lite1.yaml")),
    ("efficientnet-lite2.yaml", include_str!("../zoo/efficientnet-lite2.yaml")),
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
    /// Side S of the square input in pixels.
    pub size: i64,
    /// What is subtracted from each channel of a picture in [0,1].
    pub mean: [f64; 3],
    /// What each channel is divided by after that.
    pub std: [f64; 3],
    /// The sha256 of the weights file, in hexadecimal.
    pub weights_sha256: String,
}

impl Classifier {
    /// The classifier of a manifest, from its weights file: on the CPU, f32.
    ///
    /// # Errors
    /// An architecture that is not known here, a configuration that is not its own, or a file that does not fit it.
    pub fn load(manifest: &Manifest, weights: &Checked) -> Result<Classifier, LoadError> {
        let tensors = || Weights::load(&weights.path, manifest.key.as_deref());
        let (network, size, mean, std) = match manifest.architecture.as_deref() {
            Some("efficientnet-lite") => {
                let config: efficientnet_lite::Config = manifest.config()?;
                config.check().map_err(|reason| LoadError::Config { manifest: manifest.file.clone(), reason })?;
                let network = efficientnet_lite::network(config, tensors()?)?;
                (network, config.resolution, efficientnet_lite::MEAN, efficientnet_lite::STD)
            }
            _ => return Err(unknown_architecture(manifest, &["efficientnet-lite"])),
        };
        let weights_sha256 = weights.sha256.to_string();
        Ok(Classifier { name: manifest.name.to_string(), network, size, mean, std, weights_sha256 })
    }

    /// The input pipeline: a square picture `[N,3,H,W]` in [0,1] of any size to the network's input `[N,3,S,S]`.
    pub fn input_pipeline(&self, from: [i64; 2]) -> InputPipeline {
        let (kind, device) = (self.network.kind(), self.network.device());
        let channels =
            |values: [f64; 3]| Tensor::from_slice(&values).view([1, 3, 1, 1]).to_kind(kind).to_device(device);
        InputPipeline {
            resize: Resize::new(from, [self.size, self.size], kind, device),
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
    /// `[N,3,H,W]` in [0,1] to `[N,3,S,S]`, normalised.
    pub fn apply(&self, picture: &Tensor) -> Tensor {
        (self.resize.apply(picture) - &self.mean) / &self.std
    }
}
