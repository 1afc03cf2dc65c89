//! MobileNetV1 (Howard et al. 2017, "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications"), as Keras has it:
//! a stem and thirteen blocks of a depthwise and a pointwise convolution, each with batch norm and ReLU6; TensorFlow's "same" padding.
//!
//! Layers have Keras's names: `conv1`, `conv1_bn`, `conv1_relu`, `conv_dw_1`, … `conv_pw_13_relu`, `global_average_pooling2d`, `conv_preds`.
//! The file's tensors are called `X.kernel` and `X.depthwise_kernel`, `X.gamma`, `X.beta`, `X.moving_mean` and `X.moving_variance`; kernels
//! are `[O,I,h,w]`.

use frozen::load::LoadError;
use frozen::network::{Builder, Kernel, Network, Node, Padding};
use frozen::weights::{WeightError, Weights};
use serde::Deserialize;

use crate::built::Built;
use crate::entry::Entry;
use crate::parts::LOGITS;

/// What a manifest says of the network.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Factor on every width (`alpha`).
    pub width: f64,
    /// Side of the input in pixels.
    pub resolution: i64,
    /// Number of classes.
    pub classes: i64,
}

impl Default for Config {
    fn default() -> Config {
        Config { width: 1., resolution: 224, classes: 1000 }
    }
}

impl Config {
    /// Refuses sizes that no such network has.
    ///
    /// # Errors
    /// Says which one.
    pub fn check(&self) -> Result<(), String> {
        if !(0.1..=4.).contains(&self.width) {
            return Err(format!("config.width: {} is not between 0.1 and 4", self.width));
        }
        for (name, value, least, most) in
            [("resolution", self.resolution, 32, 2048), ("classes", self.classes, 1, 100_000)]
        {
            if !(least..=most).contains(&value) {
                return Err(format!("config.{name}: {value} is not between {least} and {most}"));
            }
        }
        Ok(())
    }
}

/// Channels and stride of each block.
const BLOCKS: [(i64, i64); 13] = [
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (1024, 2),
    (1024, 1),
];

/// Mean and deviation that take `[0,1]` to `[-1,1]`.
const HALF: [f64; 3] = [0.5; 3];

/// Epsilon of every batch norm.
const EPS: f64 = 1e-3;

/// The network of an entry, and how pictures enter it.
///
/// # Errors
/// A configuration that no such network has, or a file that does not fit it.
pub(crate) fn load(entry: &mut Entry) -> Result<Built, LoadError> {
    let config: Config = match entry.manifest.config.is_empty() {
        true => Config::default(),
        false => entry.manifest.config()?,
    };
    config.check().map_err(|reason| entry.wrong(reason))?;
    let network = network(config, entry.tensors()?)?;
    Ok(Built::of(network, config.classes, config.resolution, HALF, HALF))
}

/// The network: pictures `[N,3,S,S]` in `[-1,1]` to logits `[N,classes]`.
///
/// # Errors
/// If the weights are not those of this configuration: every missing, unexpected or mis-shaped tensor is listed.
pub fn network(config: Config, weights: Weights) -> Result<Network, WeightError> {
    let width = |channels: i64| (channels as f64 * config.width) as i64;
    let mut weights = weights.named(of_keras);
    let last = width(1024);
    weights.reshape("conv_preds.kernel", &[config.classes, last, 1, 1], &[config.classes, last]);
    let (mut net, mut x) = Builder::new(weights, 3);
    x = convolution(&mut net, "conv1", x, width(32), 3, 2, 1);
    let mut channels = width(32);
    for (number, (out, stride)) in (1..).zip(BLOCKS) {
        x = convolution(&mut net, &format!("conv_dw_{number}"), x, channels, 3, stride, channels);
        channels = width(out);
        x = convolution(&mut net, &format!("conv_pw_{number}"), x, channels, 1, 1, 1);
    }
    x = net.global_average_pool("global_average_pooling2d", x);
    x = net.linear("conv_preds", x, config.classes);
    net.alias(x, LOGITS);
    net.finish()
}

fn convolution(net: &mut Builder, name: &str, x: Node, out: i64, size: i64, stride: i64, groups: i64) -> Node {
    let x = net.convolution(name, x, out, Kernel { size, stride, padding: Padding::Same, groups });
    let x = net.batch_norm(&format!("{name}_bn"), x, EPS);
    net.relu6(&format!("{name}_relu"), x)
}

/// What Keras calls a tensor.
fn of_keras(name: &str) -> String {
    let (layer, tensor) = name.rsplit_once('.').unwrap_or((name, ""));
    let tensor = match tensor {
        "weight" if layer.ends_with("_bn") => "gamma",
        "weight" if layer.starts_with("conv_dw") => "depthwise_kernel",
        "weight" => "kernel",
        "bias" if layer.ends_with("_bn") => "beta",
        "running_mean" => "moving_mean",
        "running_var" => "moving_variance",
        other => other,
    };
    format!("{layer}.{tensor}")
}
