//! EfficientNet-Lite (Tan & Le 2019, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks"; the Lite
//! variants of the TensorFlow TPU repository, 2020: no squeeze-and-excitation, ReLU6, stem and head not scaled).
//!
//! Module paths are those of the PyTorch port whose files are in circulation (`_conv_stem`, `_blocks.0._depthwise_conv`), for
//! timm's files as well (see [`naming`]).
//!
//! | stage | block | output | stride | kernel | repeats |
//! |---|---|---|---|---|---|
//! | stem | convolution | 32 | 2 | 3 | 1 |
//! | 1 | MBConv1 | 16 | 1 | 3 | 1 |
//! | 2 | MBConv6 | 24 | 2 | 3 | 2 |
//! | 3 | MBConv6 | 40 | 2 | 5 | 2 |
//! | 4 | MBConv6 | 80 | 2 | 3 | 3 |
//! | 5 | MBConv6 | 112 | 1 | 5 | 3 |
//! | 6 | MBConv6 | 192 | 2 | 5 | 4 |
//! | 7 | MBConv6 | 320 | 1 | 3 | 1 |
//! | head | convolution, pooling, fully connected | 1280, 1000 | 1 | 1 | 1 |

use frozen::load::LoadError;
use frozen::network::{Builder, Kernel, Network, Node, Padding};
use frozen::weights::{WeightError, Weights};
use serde::Deserialize;

use crate::built::Built;
use crate::entry::Entry;
use crate::naming;
use crate::parts::LOGITS;

/// What a manifest says of the network.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Factor on every width but the stem's and the head's.
    pub width: f64,
    /// Factor on the repeats of every stage but the first and the last.
    pub depth: f64,
    /// Side of the input in pixels.
    pub resolution: i64,
}

impl Config {
    /// Refuses sizes that no such network has.
    ///
    /// # Errors
    /// Says which one.
    pub fn check(&self) -> Result<(), String> {
        for (name, value) in [("width", self.width), ("depth", self.depth)] {
            if !(0.1..=10.).contains(&value) {
                return Err(format!("config.{name}: {value} is not between 0.1 and 10"));
            }
        }
        if !(32..=2048).contains(&self.resolution) {
            return Err(format!("config.resolution: {} is not between 32 and 2048", self.resolution));
        }
        Ok(())
    }
}

struct Stage {
    expand: i64,
    out: i64,
    stride: i64,
    kernel: i64,
    repeats: i64,
}

#[rustfmt::skip]
const STAGES: [Stage; 7] = [
    Stage { expand: 1, out:  16, stride: 1, kernel: 3, repeats: 1 },
    Stage { expand: 6, out:  24, stride: 2, kernel: 3, repeats: 2 },
    Stage { expand: 6, out:  40, stride: 2, kernel: 5, repeats: 2 },
    Stage { expand: 6, out:  80, stride: 2, kernel: 3, repeats: 3 },
    Stage { expand: 6, out: 112, stride: 1, kernel: 5, repeats: 3 },
    Stage { expand: 6, out: 192, stride: 2, kernel: 5, repeats: 4 },
    Stage { expand: 6, out: 320, stride: 1, kernel: 3, repeats: 1 },
];

/// Subtracted from pictures in `[0,1]`: 127 of 255.
pub const MEAN: [f64; 3] = [127. / 255.; 3];
/// Divides them after that: 128 of 255.
pub const STD: [f64; 3] = [128. / 255.; 3];

/// Mean and deviation of timm's files: they take [0,1] to [-1,1].
const HALF: [f64; 3] = [0.5; 3];

/// Epsilon of every batch norm.
const EPS: f64 = 1e-3;

/// The network of an entry, and how pictures enter it.
///
/// # Errors
/// A configuration that no such network has, or a file that does not fit it.
pub(crate) fn load(entry: &mut Entry) -> Result<Built, LoadError> {
    let config: Config = entry.manifest.config()?;
    config.check().map_err(|reason| entry.wrong(reason))?;
    let tensors = entry.tensors()?;
    let (mean, std) = if naming::is_timm(&tensors) { (HALF, HALF) } else { (MEAN, STD) };
    Ok(Built::of(network(config, tensors)?, 1000, config.resolution, mean, std))
}

/// The network: pictures `[N,3,S,S]`, normalised, to logits `[N,1000]`.
///
/// # Errors
/// If the weights are not those of this configuration: every missing, unexpected or mis-shaped tensor is listed.
pub fn network(config: Config, mut weights: Weights) -> Result<Network, WeightError> {
    weights.skip(|name| name.ends_with(".num_batches_tracked"));
    let repeats: Vec<i64> = (STAGES.iter().enumerate()).map(|(number, stage)| repeats(config, number, stage)).collect();
    let weights = naming::efficientnet_lite(weights, repeats.iter().map(|&count| count as usize).collect());
    let (mut net, x) = Builder::new(weights, 3);
    let x = net.convolution("_conv_stem", x, 32, kernel(3, 2, 1));
    let x = net.batch_norm("_bn0", x, EPS);
    let mut x = net.relu6("_bn0.relu6", x);
    let mut channels = 32;
    let mut index = 0;
    for (stage, repeats) in STAGES.iter().zip(repeats) {
        let out = round_to_8(stage.out as f64 * config.width);
        for repeat in 0..repeats {
            let stride = if repeat == 0 { stage.stride } else { 1 };
            x = block(&mut net, index, x, channels, &Stage { out, stride, ..*stage });
            channels = out;
            index += 1;
        }
    }
    let x = net.convolution("_conv_head", x, 1280, kernel(1, 1, 1));
    let x = net.batch_norm("_bn1", x, EPS);
    let x = net.relu6("_bn1.relu6", x);
    let x = net.global_average_pool("pool", x);
    let x = net.linear("_fc", x, 1000);
    net.alias(x, LOGITS);
    net.finish()
}

/// The blocks of a stage.
fn repeats(config: Config, number: usize, stage: &Stage) -> i64 {
    let first_or_last = number == 0 || number + 1 == STAGES.len();
    if first_or_last { stage.repeats } else { (stage.repeats as f64 * config.depth).ceil() as i64 }
}

/// MBConv: expand (1x1), depthwise, project (1x1); a residual sum where the shapes allow one.
fn block(net: &mut Builder, index: i64, input: Node, channels: i64, stage: &Stage) -> Node {
    let at = |part: &str| format!("_blocks.{index}.{part}");
    let mut x = input;
    let wide = channels * stage.expand;
    if stage.expand != 1 {
        x = net.convolution(&at("_expand_conv"), x, wide, kernel(1, 1, 1));
        x = net.batch_norm(&at("_bn0"), x, EPS);
        x = net.relu6(&at("_bn0.relu6"), x);
    }
    x = net.convolution(&at("_depthwise_conv"), x, wide, kernel(stage.kernel, stage.stride, wide));
    x = net.batch_norm(&at("_bn1"), x, EPS);
    x = net.relu6(&at("_bn1.relu6"), x);
    x = net.convolution(&at("_project_conv"), x, stage.out, kernel(1, 1, 1));
    x = net.batch_norm(&at("_bn2"), x, EPS);
    let block = format!("_blocks.{index}");
    if stage.stride == 1 && channels == stage.out {
        x = net.add(&block, x, input);
    } else {
        net.alias(x, &block);
    }
    x
}

/// All padding is TensorFlow's "same".
fn kernel(size: i64, stride: i64, groups: i64) -> Kernel {
    Kernel { size, stride, padding: Padding::Same, groups }
}

/// A scaled width as the reference rounds it: to the nearest multiple of 8, never down by more than a tenth.
fn round_to_8(width: f64) -> i64 {
    let rounded = (((width + 4.) / 8.).floor() * 8.).max(8.);
    (if rounded < 0.9 * width { rounded + 8. } else { rounded }) as i64
}
