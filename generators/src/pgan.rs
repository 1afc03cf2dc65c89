//! PGAN (Karras, Aila, Laine & Lehtinen 2018, "Progressive Growing of GANs for Improved Quality, Stability, and Variation"),
//! in the module layout of facebookresearch/pytorch_GAN_zoo.
//!
//! Its equalized learning rate multiplies what a layer gives, bias included, by sqrt(2 / inputs): that is folded into the
//! weights here. What enters, a class behind the code included, is divided by the root of its mean square; so is every position
//! behind each leaky ReLU.
//!
//! A layer is called by its module without `.module`: `formatLayer`, `groupScale0.0`, `scaleLayers.0.1`, `toRGBLayers.6`;
//! `X.relu` is its leaky ReLU and `X.norm` what is behind that. Of the layers to RGB the last alone is used.

use frozen::network::{Builder, Node};
use frozen::weights::{WeightError, Weights};
use serde::Deserialize;
use tch::Tensor;

use crate::built::Built;
use crate::code::Code;
use crate::conditioning::{Classes, Conditioning};
use crate::output::Output;
use crate::parts::same;

/// What a manifest says of the network.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Dimensions of the Gaussian code.
    pub latent: i64,
    /// Channels of each scale, from 4 px on; every other one doubles the side.
    pub depths: Vec<i64>,
    /// How many classes it is conditioned on, one-hot behind the code; 0 for an unconditional one. Their names, if it has any, lie
    /// in a part of the file that is not read: here they are numbers.
    #[serde(default)]
    pub classes: i64,
}

impl Config {
    /// Refuses sizes that no such network has.
    ///
    /// # Errors
    /// Says which one.
    pub fn check(&self) -> Result<(), String> {
        if !(1..=65536).contains(&self.latent) {
            return Err(format!("config.latent: {} is not between 1 and 65536", self.latent));
        }
        if !(0..=65536).contains(&self.classes) {
            return Err(format!("config.classes: {} is not between 0 and 65536", self.classes));
        }
        if !(1..=9).contains(&self.depths.len()) {
            return Err(format!("config.depths: {} scales are not between 1 and 9", self.depths.len()));
        }
        match self.depths.iter().find(|depth| !(1..=4096).contains(*depth)) {
            Some(depth) => Err(format!("config.depths: {depth} is not between 1 and 4096")),
            None => Ok(()),
        }
    }
}

/// Slope of the leaky ReLUs for negative numbers.
const SLOPE: f64 = 0.2;
/// Added to the mean squares.
const EPS: f64 = 1e-8;

/// The generator: codes, and mixtures of classes behind them, `[N, latent + classes]` to pictures `[N,3,S,S]`, about [-1,1], with
/// S = 4 px doubled at each scale but the first.
///
/// # Errors
/// If the weights are not those of this configuration: every missing, unexpected or mis-shaped tensor is listed.
pub fn build(config: Config, mut weights: Weights) -> Result<Built, WeightError> {
    let Config { latent, depths, classes } = config;
    let entering = latent + classes;
    let scales = depths.len() - 1;
    // Those of the smaller pictures, which training began with.
    for (scale, depth) in depths.iter().enumerate().take(scales) {
        let _ = weights.take(&format!("toRGBLayers.{scale}.module.weight"), &[3, *depth, 1, 1]);
        let _ = weights.take(&format!("toRGBLayers.{scale}.module.bias"), &[3]);
    }
    let (mut net, mut x) = Builder::new(weights, entering);
    x = net.pixel_norm("norm", x, EPS);
    let (weight, bias) = equalized(&mut net, "formatLayer", &[16 * depths[0], entering]);
    x = net.linear_of("formatLayer", x, weight, Some(bias));
    x = net.leaky_relu("formatLayer.relu", x, SLOPE, 1.);
    x = net.reshape("formatLayer.reshape", x, [depths[0], 4, 4]);
    x = net.pixel_norm("formatLayer.norm", x, EPS);
    let (weight, bias) = equalized(&mut net, "groupScale0.0", &[depths[0], depths[0], 3, 3]);
    x = net.convolution_of("groupScale0.0", x, weight, Some(bias), same(3));
    x = activated(&mut net, "groupScale0.0", x);
    for scale in 0..scales {
        let (of, out) = (depths[scale], depths[scale + 1]);
        let name = format!("scaleLayers.{scale}.0");
        let (weight, bias) = equalized(&mut net, &name, &[out, of, 3, 3]);
        x = net.upsampled_convolution_of(&name, x, weight, Some(bias));
        x = activated(&mut net, &name, x);
        let name = format!("scaleLayers.{scale}.1");
        let (weight, bias) = equalized(&mut net, &name, &[out, out, 3, 3]);
        x = net.convolution_of(&name, x, weight, Some(bias), same(3));
        x = activated(&mut net, &name, x);
    }
    let name = format!("toRGBLayers.{scales}");
    let (weight, bias) = equalized(&mut net, &name, &[3, depths[scales], 1, 1]);
    net.convolution_of(&name, x, weight, Some(bias), same(1));
    Ok(Built {
        network: net.finish()?,
        code: Code::normal(latent),
        mapping: None,
        conditioning: (classes > 0).then(|| Conditioning {
            classes: Classes::Named((0..classes).map(|class| class.to_string()).collect()),
            embedding: None,
        }),
        output: Output::SignedClamped,
        size: [4 << scales; 2],
    })
}

/// Weight and bias times sqrt(2 / inputs).
fn equalized(net: &mut Builder, name: &str, shape: &[i64]) -> (Tensor, Tensor) {
    let scale = (2. / shape[1..].iter().product::<i64>() as f64).sqrt();
    let weight = net.weights().take(&format!("{name}.module.weight"), shape);
    let bias = net.weights().take(&format!("{name}.module.bias"), &shape[..1]);
    (weight * scale, bias * scale)
}

fn activated(net: &mut Builder, name: &str, x: Node) -> Node {
    let x = net.leaky_relu(&format!("{name}.relu"), x, SLOPE, 1.);
    net.pixel_norm(&format!("{name}.norm"), x, EPS)
}
