//! SNGAN with a generator conditioned on one-hot classes (Miyato et al. 2018, "Spectral Normalization for Generative
//! Adversarial Networks"; Miyato & Koyama 2018, "cGANs with Projection Discriminator"), in the module layout of
//! PyTorch-StudioGAN. The normalization is the discriminator's; this generator's weights have none.

use frozen::network::Builder;
use frozen::weights::{WeightError, Weights};
use serde::Deserialize;

use crate::parts::{self, Stored, Wide};
use crate::resnet::{ResNet, STUDIO, check_resolution};
use crate::{Built, Classes, Code, Conditioning, Output};

/// What a manifest says of the network.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Side of the picture: 64, 128, 256 or 512.
    pub resolution: i64,
    /// Dimensions of the Gaussian code.
    #[serde(default = "latent")]
    pub latent: i64,
    /// Channels before the last layer.
    #[serde(default = "width")]
    pub width: i64,
}

fn latent() -> i64 {
    128
}

fn width() -> i64 {
    64
}

impl Config {
    /// Refuses sizes that no such network has.
    ///
    /// # Errors
    /// Says which one.
    pub fn check(&self) -> Result<(), String> {
        check_resolution(self.resolution, &[64, 128, 256, 512])?;
        parts::check_range("latent", self.latent, 1, 4096, 1)?;
        // An eighth of the channels at 64 px are the queries of SAGAN's attention.
        parts::check_range("width", self.width, 8, 1024, 8)
    }
}

/// The generator: codes and mixtures of classes `[N, latent + 1000]` to `[N,3,S,S]` in [-1,1].
///
/// # Errors
/// If the weights are not those of this configuration: every missing, unexpected or mis-shaped tensor is listed.
pub fn build(config: Config, weights: Weights) -> Result<Built, WeightError> {
    of_studio(config, weights, Stored::Plain, false)
}

/// A generator of PyTorch-StudioGAN that is conditioned on one-hot classes.
pub(crate) fn of_studio(
    config: Config,
    mut weights: Weights,
    stored: Stored,
    attention: bool,
) -> Result<Built, WeightError> {
    let Config { resolution, latent, width } = config;
    let classes = Classes::Imagenet;
    weights.skip(|name| name.ends_with(".num_batches_tracked"));
    let (mut net, input) = Builder::new(weights, latent + classes.len());
    let code = Wide { node: net.channels("code", input, 0, latent), channels: latent };
    let mixture = Wide { node: net.channels("class", input, latent, classes.len()), channels: classes.len() };
    let network = ResNet { layout: &STUDIO, stored, resolution, width, attention };
    network.append(&mut net, code, &|_, _| mixture);
    Ok(Built {
        network: net.finish()?,
        code: Code::normal(latent),
        mapping: None,
        conditioning: Some(Conditioning { classes, embedding: None }),
        output: Output::Signed { channels: 3 },
        size: [resolution; 2],
    })
}
