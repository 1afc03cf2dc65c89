//! SNGAN with a generator conditioned on one-hot classes (Miyato et al. 2018, "Spectral Normalization for Generative
//! Adversarial Networks"; Miyato & Koyama 2018, "cGANs with Projection Discriminator"), in the module layouts of
//! PyTorch-StudioGAN and of OpenMMLab's mmgeneration. The normalization is the discriminator's; this generator's weights have
//! none.

use frozen::network::Builder;
use frozen::weights::{WeightError, Weights};
use serde::Deserialize;

use crate::built::Built;
use crate::code::Code;
use crate::conditioning::{Classes, Conditioning};
use crate::output::Output;
use crate::parts::{self, Stored, Wide};
use crate::resnet::{OPENMMLAB, ResNet, STUDIO, check_resolution};

/// What a manifest says of the network.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Side of the picture: 64, 128, 256 or 512.
    pub resolution: i64,
    /// Whose names the file has.
    #[serde(default)]
    pub layout: Layout,
    /// Dimensions of the Gaussian code.
    #[serde(default = "latent")]
    pub latent: i64,
    /// Channels before the last layer.
    #[serde(default = "width")]
    pub width: i64,
    /// Names of the classes that it is conditioned on; ImageNet's 1000 if none are given.
    #[serde(default)]
    pub classes: Vec<String>,
    /// Added to the variances of batch norms: 1e-4 unless the training said otherwise.
    pub eps: Option<f64>,
    /// Of a SAGAN: whether scales and offsets of the conditional batch norms are under spectral normalization as the other
    /// weights are.
    #[serde(default = "yes")]
    pub normalized_conditions: bool,
    /// Whether its last layer makes blue, green and red in that order, as those that OpenMMLab trained do.
    #[serde(default)]
    pub bgr: bool,
}

/// A program that such networks are trained with.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// PyTorch-StudioGAN.
    #[default]
    Studiogan,
    /// OpenMMLab's mmgeneration, as its published networks are: initialized as BigGAN or as in StudioGAN, so that 1 is added to
    /// a class's scale.
    Openmmlab,
}

fn yes() -> bool {
    true
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
        if let Some(eps) = self.eps.filter(|eps| !(*eps > 0. && *eps < 1.)) {
            return Err(format!("config.eps: {eps} is not between 0 and 1"));
        }
        // An eighth of the channels at 64 px are the queries of SAGAN's attention.
        parts::check_range("width", self.width, 8, 1024, 8)
    }
}

/// The generator: codes and mixtures of classes `[N, latent + classes]` to `[N,3,S,S]` in [-1,1].
///
/// # Errors
/// If the weights are not those of this configuration: every missing, unexpected or mis-shaped tensor is listed.
pub fn build(config: Config, weights: Weights) -> Result<Built, WeightError> {
    conditioned(config, weights, Stored::Plain, false)
}

/// A generator that is conditioned on one-hot classes.
pub(crate) fn conditioned(
    config: Config,
    mut weights: Weights,
    stored: Stored,
    attention: bool,
) -> Result<Built, WeightError> {
    let Config { resolution, layout, latent, width, classes, eps, normalized_conditions, bgr } = config;
    let classes = if classes.is_empty() { Classes::Imagenet } else { Classes::Named(classes) };
    let layout = match layout {
        Layout::Studiogan => &STUDIO,
        Layout::Openmmlab => &OPENMMLAB,
    };
    let conditional_stored = if normalized_conditions { stored } else { Stored::Plain };
    weights.skip(|name| name.ends_with(".num_batches_tracked"));
    let (mut net, input) = Builder::new(weights, latent + classes.len());
    let code = Wide { node: net.channels("code", input, 0, latent), channels: latent };
    let mixture = Wide { node: net.channels("class", input, latent, classes.len()), channels: classes.len() };
    let eps = eps.unwrap_or(layout.eps);
    let network = ResNet { layout, stored, conditional_stored, eps, resolution, width, attention, bgr };
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
