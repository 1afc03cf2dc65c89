//! DCGAN (Radford, Metz & Chintala 2015, "Unsupervised Representation Learning with Deep Convolutional Generative
//! Adversarial Networks"), in the module layout of PyTorch's example: one `main` sequence of 4x4 transposed
//! convolutions, each with batch norm and ReLU, doubling the side from 4 px, and a tanh.
//!
//! Conditional variants join a one-hot class to the code (Mirza & Osindero 2014).

use frozen::network::Builder;
use frozen::weights::{WeightError, Weights};
use serde::Deserialize;

use crate::built::Built;
use crate::code::Code;
use crate::conditioning::{Classes, Conditioning};
use crate::output::Output;

/// What a manifest says of the network.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Dimensions of the Gaussian code.
    pub latent: i64,
    /// Channels before the last layer (`ngf`); every earlier layer doubles them.
    pub width: i64,
    /// Channels of the picture.
    pub channels: i64,
    /// Side of the picture in pixels: a power of two, at least 8.
    pub resolution: i64,
    /// Names of the classes that the generator is conditioned on; none for an unconditional one.
    #[serde(default)]
    pub classes: Vec<String>,
    /// A dropout (idle here) stands behind the first layer and shifts the numbers of the later modules by one.
    #[serde(default)]
    pub dropout_after_first: bool,
}

impl Config {
    /// Refuses sizes that no such network has.
    ///
    /// # Errors
    /// Says which one.
    pub fn check(&self) -> Result<(), String> {
        let sizes = [("latent", self.latent, 65536), ("width", self.width, 4096), ("channels", self.channels, 3)];
        for (name, value, most) in sizes {
            if !(1..=most).contains(&value) {
                return Err(format!("config.{name}: {value} is not between 1 and {most}"));
            }
        }
        if self.channels == 2 {
            return Err("config.channels: pictures have 1 or 3".to_owned());
        }
        if !(8..=1024).contains(&self.resolution) || self.resolution.count_ones() != 1 {
            return Err(format!("config.resolution: {} is not a power of two from 8 to 1024", self.resolution));
        }
        Ok(())
    }
}

/// Epsilon of every batch norm.
const EPS: f64 = 1e-5;

/// The generator: codes `[N, latent + classes]` to `[N, channels, S, S]` in [-1,1].
///
/// # Errors
/// If the weights are not those of this configuration: every missing, unexpected or mis-shaped tensor is listed.
pub fn build(config: Config, mut weights: Weights) -> Result<Built, WeightError> {
    weights.skip(|name| name.ends_with(".num_batches_tracked"));
    let (mut net, mut x) = Builder::new(weights, config.latent + config.classes.len() as i64);
    // 4 px after the first layer, doubled by every other one.
    let doublings = i64::from(config.resolution.max(8).ilog2()) - 2;
    let mut module = 0;
    for layer in 0..doublings {
        let out = config.width << (doublings - 1 - layer);
        let (stride, padding) = if layer == 0 { (1, 0) } else { (2, 1) };
        x = net.transposed_convolution(&format!("main.{module}"), x, out, 4, stride, padding);
        x = net.batch_norm(&format!("main.{}", module + 1), x, EPS);
        x = net.relu(&format!("main.{}", module + 2), x);
        module += if layer == 0 && config.dropout_after_first { 4 } else { 3 };
    }
    x = net.transposed_convolution(&format!("main.{module}"), x, config.channels, 4, 2, 1);
    net.tanh(&format!("main.{}", module + 1), x);
    let Config { latent, channels, resolution, classes, .. } = config;
    let conditioning =
        (!classes.is_empty()).then(|| Conditioning { classes: Classes::Named(classes), embedding: None });
    Ok(Built {
        network: net.finish()?,
        code: Code::normal(latent),
        mapping: None,
        conditioning,
        output: Output::Signed { channels },
        size: [resolution; 2],
    })
}
