//! The generators of DeePSiM (Dosovitskiy & Brox 2016, "Generating Images with Perceptual Similarity Metrics based on Deep
//! Networks"), which invert layers of CaffeNet. Nguyen et al. (2016, "Synthesizing the preferred inputs for neurons in neural
//! networks via deep generator networks") searched their codes for pictures of units.
//!
//! The names are those of the PyTorch port: `defc7` … `defc5` (fully connected) or `Rconv6` … `Rconv8` (convolutions), then
//! `deconv5`, `conv5_1`, `deconv4`, `conv4_1`, `deconv3`, `conv3_1`, `deconv2`, `deconv1`, `deconv0`, all of them transposed
//! convolutions; behind each but the last a leaky ReLU, `relu_X` (`Rrelu6` behind `Rconv6`). A file may have `.1` behind the
//! names of its fully connected layers (`defc7.1.weight`), which one of the ports wraps.

use frozen::network::{Builder, Kernel, Node, Padding};
use frozen::weights::{WeightError, Weights};
use serde::Deserialize;

use crate::built::Built;
use crate::code::{Code, EncodedBy, Prior};
use crate::output::Output;

/// What a manifest says of the network.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The layer of CaffeNet whose activations are the codes.
    pub code: Layer,
}

/// A layer of CaffeNet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    /// `[256,6,6]`, maxima of what is behind a ReLU.
    Pool5,
    /// `[4096]` behind its ReLU.
    Fc6,
    /// `[4096]` behind its ReLU.
    Fc7,
    /// `[1000]`: logits, of both signs.
    Fc8,
}

impl Layer {
    /// The point of CaffeNet that has these activations.
    fn layer(self) -> &'static str {
        match self {
            Layer::Pool5 => "pool5",
            Layer::Fc6 => "relu6",
            Layer::Fc7 => "relu7",
            Layer::Fc8 => "fc8",
        }
    }

    fn shape(self) -> Vec<i64> {
        match self {
            Layer::Pool5 => vec![256, 6, 6],
            Layer::Fc6 | Layer::Fc7 => vec![4096],
            Layer::Fc8 => vec![1000],
        }
    }
}

/// What Caffe subtracts from the levels blue, green and red.
pub const MEAN: [f64; 3] = [104., 117., 123.];
/// Slope of the leaky ReLUs for negative numbers.
const SLOPE: f64 = 0.3;

/// The generator: codes `[N,d]` or `[N,256,6,6]` to pictures `[N,3,256,256]`, levels in the order blue, green, red, less
/// [`MEAN`].
///
/// # Errors
/// If the weights are not those of this configuration: every missing, unexpected or mis-shaped tensor is listed.
pub fn build(config: Config, weights: Weights) -> Result<Built, WeightError> {
    let shape = config.code.shape();
    let (mut net, mut x) = Builder::new(weights.unwrapped(), shape[0]);
    match config.code {
        Layer::Pool5 => {
            for (number, padding) in [(6, 1), (7, 1), (8, 0)] {
                let kernel = Kernel { size: 3, stride: 1, padding: Padding::Symmetric(padding), groups: 1 };
                x = net.convolution_with_bias(&format!("Rconv{number}"), x, 512, kernel);
                x = net.leaky_relu(&format!("Rrelu{number}"), x, SLOPE, 1.);
            }
        }
        Layer::Fc6 | Layer::Fc7 | Layer::Fc8 => {
            for name in ["defc7", "defc6", "defc5"] {
                x = net.linear(name, x, 4096);
                x = net.leaky_relu(&format!("relu_{name}"), x, SLOPE, 1.);
            }
            x = net.reshape("reshape", x, [256, 4, 4]);
        }
    }
    x = doubled(&mut net, "deconv5", x, 256);
    x = mixed(&mut net, "conv5_1", x, [256, 512]);
    x = doubled(&mut net, "deconv4", x, 256);
    x = mixed(&mut net, "conv4_1", x, [256, 256]);
    x = doubled(&mut net, "deconv3", x, 128);
    x = mixed(&mut net, "conv3_1", x, [128, 128]);
    x = doubled(&mut net, "deconv2", x, 64);
    x = doubled(&mut net, "deconv1", x, 32);
    net.transposed_convolution_with_bias("deconv0", x, 3, 4, 2, 1);
    let prior = if config.code == Layer::Fc8 { Prior::Normal } else { Prior::Rectified };
    Ok(Built {
        network: net.finish()?,
        code: Code {
            shape,
            prior,
            encoded_by: Some(EncodedBy::Layer { classifier: "caffenet", layer: config.code.layer() }),
        },
        mapping: None,
        conditioning: None,
        output: Output::Caffe { mean: MEAN },
        size: [256; 2],
    })
}

/// Twice the side.
fn doubled(net: &mut Builder, name: &str, x: Node, out: i64) -> Node {
    let x = net.transposed_convolution_with_bias(name, x, out, 4, 2, 1);
    net.leaky_relu(&format!("relu_{name}"), x, SLOPE, 1.)
}

/// A transposed convolution of stride 1, which is a convolution with the kernel turned by half a turn.
fn mixed(net: &mut Builder, name: &str, x: Node, [of, out]: [i64; 2]) -> Node {
    let weight = net.weights().take(&format!("{name}.weight"), &[of, out, 3, 3]);
    let bias = net.weights().take(&format!("{name}.bias"), &[out]);
    let kernel = Kernel { size: 3, stride: 1, padding: Padding::Symmetric(1), groups: 1 };
    let x = net.convolution_of(name, x, weight.transpose(0, 1).flip([2, 3]), Some(bias), kernel);
    net.leaky_relu(&format!("relu_{name}"), x, SLOPE, 1.)
}
