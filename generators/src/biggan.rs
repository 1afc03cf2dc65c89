//! BigGAN (Brock, Donahue & Simonyan 2019, "Large Scale GAN Training for High Fidelity Natural Image Synthesis") with a
//! hierarchical code: its first part enters at 4 px, and each block is conditioned on the class's embedding and a part of its
//! own. In the module layout of BigGAN-PyTorch, or in that of PyTorch-StudioGAN.

use frozen::network::Builder;
use frozen::weights::{WeightError, Weights};
use serde::Deserialize;

use crate::built::Built;
use crate::code::{Code, Prior};
use crate::conditioning::{Classes, Conditioning};
use crate::output::Output;
use crate::parts::{self, Stored, Wide, check_truncation};
use crate::resnet::{BIGGAN_PYTORCH, ResNet, STUDIO, check_resolution, count_blocks};

/// What a manifest says of the network.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Side of the picture: 128, 256 or 512.
    pub resolution: i64,
    /// Whose names the file has.
    #[serde(default)]
    pub layout: Layout,
    /// Channels before the last layer.
    #[serde(default = "ch")]
    pub ch: i64,
    /// Dimensions of the code: a multiple of one more than there are blocks, which are 5 at 128 px, 6 at 256, 7 at 512.
    #[serde(default = "dim_z")]
    pub dim_z: i64,
    /// Dimensions of a class's embedding.
    #[serde(default = "shared_dim")]
    pub shared_dim: i64,
    /// In (0,1]: what codes are multiplied by, drawn anew beyond 2; standard normal codes if absent, as in training.
    pub truncation: Option<f64>,
}

/// A program that such networks are trained with.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// The authors' BigGAN-PyTorch.
    #[default]
    BigganPytorch,
    /// PyTorch-StudioGAN.
    Studiogan,
}

fn ch() -> i64 {
    96
}

fn dim_z() -> i64 {
    120
}

fn shared_dim() -> i64 {
    128
}

impl Config {
    /// Refuses sizes that no such network has.
    ///
    /// # Errors
    /// Says which one.
    pub fn check(&self) -> Result<(), String> {
        check_resolution(self.resolution, &[128, 256, 512])?;
        parts::check_range("ch", self.ch, 8, 1024, 8)?;
        parts::check_range("dim_z", self.dim_z, 1, 4096, count_blocks(self.resolution) + 1)?;
        parts::check_range("shared_dim", self.shared_dim, 1, 4096, 1)?;
        self.truncation.map_or(Ok(()), check_truncation)
    }
}

/// The generator: codes and embedded classes `[N, dim_z + shared_dim]` to `[N,3,S,S]` in [-1,1].
///
/// # Errors
/// If the weights are not those of this configuration: every missing, unexpected or mis-shaped tensor is listed.
pub fn build(config: Config, mut weights: Weights) -> Result<Built, WeightError> {
    let Config { resolution, layout, ch, dim_z, shared_dim, truncation } = config;
    weights
        .skip(|name| [".num_batches_tracked", ".accumulation_counter"].iter().any(|counter| name.ends_with(counter)));
    let embedding = weights.take("shared.weight", &[1000, shared_dim]);
    let (mut net, input) = Builder::new(weights, dim_z + shared_dim);
    let chunk = dim_z / (count_blocks(resolution) + 1);
    let code = Wide { node: net.channels("code.0", input, 0, chunk), channels: chunk };
    let class = net.channels("class", input, dim_z, shared_dim);
    let (layout, stored) = match layout {
        Layout::BigganPytorch => (&BIGGAN_PYTORCH, Stored::PowerStep),
        Layout::Studiogan => (&STUDIO, Stored::Vectors),
    };
    let eps = layout.eps;
    let network =
        ResNet { layout, stored, conditional_stored: stored, eps, resolution, width: ch, attention: true, bgr: false };
    network.append(&mut net, code, &|net, block| {
        let part = net.channels(&format!("code.{}", block + 1), input, (block + 1) * chunk, chunk);
        let node = net.concatenate(&format!("condition.{block}"), &[class, part]);
        Wide { node, channels: shared_dim + chunk }
    });
    Ok(Built {
        network: net.finish()?,
        code: Code {
            shape: vec![dim_z],
            prior: truncation.map_or(Prior::Normal, |truncation| Prior::Truncated { truncation }),
            encoded_by: None,
        },
        mapping: None,
        conditioning: Some(Conditioning { classes: Classes::Imagenet, embedding: Some(embedding.into()) }),
        output: Output::Signed { channels: 3 },
        size: [resolution; 2],
    })
}
