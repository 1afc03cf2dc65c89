//! The architectures of torchvision (pytorch.org/vision) by the names of its functions, and how pictures enter them.
//!
//! A layer is called by torchvision's module path: `features.0`, `layer1.0.conv1`, `Mixed_5b.branch1x1`. Points that are no
//! modules: `X.relu` behind a layer X (where a module is that ReLU, both names are the same point), `X.add` for the sum of
//! block X before its ReLU, a block's own path for its output, `flatten`, `pool`.

use frozen::load::LoadError;
use frozen::network::Network;
use frozen::weights::{WeightError, Weights};
use serde::Deserialize;

use crate::built::Built;
use crate::entry::Entry;
use crate::parts::{check_moments, check_resolution};
use crate::{alexnet, densenet, googlenet, inception_v3, mobilenet_v2, resnet, squeezenet, vgg};

/// Subtracted from each channel of pictures in `[0,1]`: the means of ImageNet.
pub const MEAN: [f64; 3] = [0.485, 0.456, 0.406];
/// Divides them after that: the deviations of ImageNet.
pub const STD: [f64; 3] = [0.229, 0.224, 0.225];
/// Mean and deviation that take `[0,1]` to [-1,1].
pub const HALF: [f64; 3] = [0.5; 3];

/// What a manifest may say of the network; all of it has a default.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Side of the input in pixels: that of training if absent.
    pub resolution: Option<i64>,
    /// Number of classes, 1000 if absent.
    pub classes: Option<i64>,
    /// Subtracted from each channel of a picture in `[0,1]`.
    pub mean: Option<[f64; 3]>,
    /// What each channel is divided by after that.
    pub std: Option<[f64; 3]>,
}

/// One of torchvision's architectures.
pub struct Architecture {
    /// The name of its function there.
    pub name: &'static str,
    /// Side of the pictures that it was trained with.
    pub resolution: i64,
    /// The least side that leaves every layer a position.
    pub least: i64,
    /// Its pictures are in [-1,1] (`transform_input`) and not normalised with the moments of ImageNet.
    pub halved: bool,
    build: fn(i64, Weights) -> Result<Network, WeightError>,
}

const fn of(
    name: &'static str,
    resolution: i64,
    least: i64,
    build: fn(i64, Weights) -> Result<Network, WeightError>,
) -> Architecture {
    Architecture { name, resolution, least, halved: false, build }
}

/// All of them.
#[rustfmt::skip]
pub const ARCHITECTURES: &[Architecture] = &[
    of("alexnet", 224, 63, alexnet::network),
    of("densenet121", 224, 29, densenet::network),
    Architecture { halved: true, ..of("googlenet", 224, 15, googlenet::network) },
    Architecture { halved: true, ..of("inception_v3", 299, 75, inception_v3::network) },
    of("mobilenet_v2", 224, 1, mobilenet_v2::network),
    of("resnet18", 224, 1, |classes, weights| resnet::network(resnet::RESNET18, classes, weights)),
    of("resnet50", 224, 1, |classes, weights| resnet::network(resnet::RESNET50, classes, weights)),
    of("squeezenet1_1", 224, 17, squeezenet::network),
    of("vgg16", 224, 32, |classes, weights| vgg::network(vgg::Variant { convolutions: vgg::D, batch_norm: false }, classes, weights)),
    of("vgg16_bn", 224, 32, |classes, weights| vgg::network(vgg::Variant { convolutions: vgg::D, batch_norm: true }, classes, weights)),
    of("vgg19", 224, 32, |classes, weights| vgg::network(vgg::Variant { convolutions: vgg::E, batch_norm: false }, classes, weights)),
    of("vgg19_bn", 224, 32, |classes, weights| vgg::network(vgg::Variant { convolutions: vgg::E, batch_norm: true }, classes, weights)),
];

/// The architecture of that name.
pub fn find(name: &str) -> Option<&'static Architecture> {
    ARCHITECTURES.iter().find(|architecture| architecture.name == name)
}

impl Architecture {
    /// Refuses what no such network has.
    ///
    /// # Errors
    /// Says which key.
    pub fn check(&self, config: &Config) -> Result<(), String> {
        check_resolution(config.resolution.unwrap_or(self.resolution), self.least)?;
        let classes = config.classes.unwrap_or(1000);
        if !(1..=100_000).contains(&classes) {
            return Err(format!("config.classes: {classes} is not between 1 and 100000"));
        }
        check_moments(config.mean.unwrap_or(MEAN), config.std.unwrap_or(STD))
    }

    /// The network of an entry of this architecture, and how pictures enter it.
    ///
    /// # Errors
    /// A configuration that no such network has, or a file that does not fit it.
    pub(crate) fn load(&self, entry: &mut Entry) -> Result<Built, LoadError> {
        let config: Config = match entry.manifest.config.is_empty() {
            true => Config::default(),
            false => entry.manifest.config()?,
        };
        self.check(&config).map_err(|reason| entry.wrong(reason))?;
        let classes = config.classes.unwrap_or(1000);
        let (mean, std) = if self.halved { (HALF, HALF) } else { (MEAN, STD) };
        let network = self.network(classes, entry.tensors()?)?;
        let size = config.resolution.unwrap_or(self.resolution);
        Ok(Built::of(network, classes, size, config.mean.unwrap_or(mean), config.std.unwrap_or(std)))
    }

    /// The network: pictures `[N,3,S,S]`, normalised, to logits `[N,classes]`.
    ///
    /// # Errors
    /// If the weights are not those of this network: every missing, unexpected or mis-shaped tensor is listed.
    pub fn network(&self, classes: i64, mut weights: Weights) -> Result<Network, WeightError> {
        weights.skip(|name| name.ends_with(".num_batches_tracked"));
        (self.build)(classes, weights)
    }
}
