//! BigGAN-deep (Brock, Donahue & Simonyan 2019, "Large Scale GAN Training for High Fidelity Natural Image Synthesis",
//! appendix B), in the module layout of `pytorch-pretrained-biggan`, whose files are DeepMind's weights.
//!
//! Points are called by their modules: `generator.layers.0.bn_0`, `generator.layers.0.conv_0`, `generator.layers.0` for a
//! block's output. `X.relu` is the ReLU behind a norm X.

use frozen::network::{Builder, Node};
use frozen::weights::{WeightError, Weights};
use serde::Deserialize;
use tch::{Kind, Tensor};

use crate::built::Built;
use crate::code::{Code, Prior};
use crate::conditioning::{Classes, Conditioning};
use crate::output::Output;
use crate::parts::{self, AttentionNames, Statistics, Stored, Wide, check_truncation};

/// What a manifest says of the network.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Side of the picture: 128, 256 or 512.
    pub resolution: i64,
    /// In (0,1]: what codes are multiplied by. The batch norms have statistics of their own for each.
    #[serde(default = "truncation")]
    pub truncation: f64,
    /// Channels before the last layer; every other width is a multiple of it. That of the published weights is 128.
    #[serde(default = "width")]
    pub width: i64,
}

fn truncation() -> f64 {
    0.4
}

fn width() -> i64 {
    128
}

impl Config {
    /// Refuses sizes that no such network has.
    ///
    /// # Errors
    /// Says which one.
    pub fn check(&self) -> Result<(), String> {
        if ![128, 256, 512].contains(&self.resolution) {
            return Err(format!("config.resolution: {} is none of 128, 256, 512", self.resolution));
        }
        check_truncation(self.truncation)?;
        parts::check_range("width", self.width, 8, 1024, 8)
    }
}

/// A residual block: whether it doubles the side, and the channels that enter and leave it, in multiples of the width.
type Block = (bool, i64, i64);

#[rustfmt::skip]
const BLOCKS_128: &[Block] = &[
    (false, 16, 16), (true, 16, 16), (false, 16, 16), (true, 16, 8), (false, 8, 8), (true, 8, 4), (false, 4, 4),
    (true, 4, 2), (false, 2, 2), (true, 2, 1),
];
#[rustfmt::skip]
const BLOCKS_256: &[Block] = &[
    (false, 16, 16), (true, 16, 16), (false, 16, 16), (true, 16, 8), (false, 8, 8), (true, 8, 8), (false, 8, 8),
    (true, 8, 4), (false, 4, 4), (true, 4, 2), (false, 2, 2), (true, 2, 1),
];
#[rustfmt::skip]
const BLOCKS_512: &[Block] = &[
    (false, 16, 16), (true, 16, 16), (false, 16, 16), (true, 16, 8), (false, 8, 8), (true, 8, 8), (false, 8, 8),
    (true, 8, 4), (false, 4, 4), (true, 4, 2), (false, 2, 2), (true, 2, 1), (false, 1, 1), (true, 1, 1),
];

/// How many blocks come before the attention, which has a number among them: the side is 64 there.
const BEFORE_ATTENTION: usize = 8;
/// Dimensions of the code.
const CODE: i64 = 128;
/// Dimensions of a class's embedding.
const EMBEDDING: i64 = 128;
/// Truncations that the batch norms have statistics for: 0, 0.02, …, 1.
const TRUNCATIONS: i64 = 51;
/// Epsilon of every batch norm.
const EPS: f64 = 1e-4;

const ATTENTION: AttentionNames = AttentionNames {
    convolutions: ["snconv1x1_theta", "snconv1x1_phi", "snconv1x1_g", "snconv1x1_o_conv"],
    gamma: "gamma",
    gamma_shape: &[1],
};

/// The generator: codes and embedded classes `[N, 128 + 128]` to `[N,3,S,S]` in [-1,1].
///
/// # Errors
/// If the weights are not those of this configuration: every missing, unexpected or mis-shaped tensor is listed.
pub fn build(config: Config, mut weights: Weights) -> Result<Built, WeightError> {
    let Config { resolution, truncation, width } = config;
    let blocks = match resolution {
        128 => BLOCKS_128,
        256 => BLOCKS_256,
        _ => BLOCKS_512,
    };
    let embedding = weights.take("embeddings.weight", &[EMBEDDING, 1000]).transpose(0, 1).contiguous();
    let (net, node) = Builder::new(weights, CODE + EMBEDDING);
    let mut net = Net { builder: net, condition: Wide { node, channels: CODE + EMBEDDING }, truncation };
    let channels = 16 * width;
    let x = parts::linear(&mut net.builder, "generator.gen_z", net.condition, 16 * channels, Stored::Vectors);
    let mut x = net.builder.reshape_nhwc("generator.gen_z.view", x, [channels, 4, 4]);
    for (number, &(enlarge, from, to)) in blocks.iter().enumerate() {
        let [from, to] = [from, to].map(|multiple| multiple * width);
        if number == BEFORE_ATTENTION {
            let input = Wide { node: x, channels: from };
            let path = format!("generator.layers.{number}");
            x = parts::self_attention(&mut net.builder, &path, input, &ATTENTION, Stored::Vectors);
        }
        let module = number + usize::from(number >= BEFORE_ATTENTION);
        x = net.block(&format!("generator.layers.{module}"), Wide { node: x, channels: from }, to, enlarge);
    }
    let Statistics { mean, var, eps } = net.statistics("generator.bn", width);
    let [scale, bias] = ["weight", "bias"]
        .map(|part| net.builder.weights().take(&format!("generator.bn.{part}"), &[width]).to_kind(Kind::Double));
    let scale = scale / (var + eps).sqrt();
    let shift = bias - mean * &scale;
    let x = net.builder.affine_of("generator.bn", x, scale, shift);
    let x = net.builder.relu("generator.bn.relu", x);
    // The file's last convolution keeps the width, and all but its first three channels are thrown away.
    let kernel = parts::weight(&mut net.builder, "generator.conv_to_rgb", &[width, width, 3, 3], Stored::Vectors);
    let bias = net.builder.weights().take("generator.conv_to_rgb.bias", &[width]);
    let [kernel, bias] = [kernel, bias].map(|tensor| tensor.narrow(0, 0, 3));
    let x = net.builder.convolution_of("generator.conv_to_rgb", x, kernel, Some(bias), parts::same(3));
    net.builder.tanh("generator.tanh", x);
    Ok(Built {
        network: net.builder.finish()?,
        code: Code { shape: vec![CODE], prior: Prior::Truncated { truncation }, encoded_by: None },
        mapping: None,
        conditioning: Some(Conditioning { classes: Classes::Imagenet, embedding: Some(embedding.into()) }),
        output: Output::Signed { channels: 3 },
        size: [resolution; 2],
    })
}

struct Net {
    builder: Builder,
    /// The network's input: code and embedded class.
    condition: Wide,
    truncation: f64,
}

impl Net {
    /// The statistics of the batch norm `path` for the truncation.
    fn statistics(&mut self, path: &str, channels: i64) -> Statistics {
        let [mean, var] = ["running_means", "running_vars"].map(|part| {
            let rows = self.builder.weights().take(&format!("{path}.{part}"), &[TRUNCATIONS, channels]);
            at_truncation(&rows.to_kind(Kind::Double), self.truncation)
        });
        Statistics { mean, var, eps: EPS }
    }

    /// A conditional batch norm and a ReLU.
    fn norm_relu(&mut self, path: &str, x: Wide) -> Wide {
        let statistics = self.statistics(path, x.channels);
        let shape = [x.channels, self.condition.channels];
        let matrices = ["scale", "offset"]
            .map(|part| parts::weight(&mut self.builder, &format!("{path}.{part}"), &shape, Stored::Vectors));
        let node = parts::conditional_norm(&mut self.builder, path, x, self.condition, statistics, matrices);
        Wide { node: self.builder.relu(&format!("{path}.relu"), node), ..x }
    }

    /// A bottleneck of four convolutions beside the input, whose last channels are dropped where there are fewer behind.
    fn block(&mut self, path: &str, x: Wide, out: i64, enlarge: bool) -> Node {
        let middle = x.channels / 4;
        let at = |part: &str| format!("{path}.{part}");
        let h = self.norm_relu(&at("bn_0"), x);
        let h = self.convolution(&at("conv_0"), h, middle, 1);
        let h = self.norm_relu(&at("bn_1"), h);
        let h = match enlarge {
            true => {
                let node = parts::upsampled_convolution(&mut self.builder, &at("conv_1"), h, middle, Stored::Vectors);
                Wide { node, ..h }
            }
            false => self.convolution(&at("conv_1"), h, middle, 3),
        };
        let h = self.norm_relu(&at("bn_2"), h);
        let h = self.convolution(&at("conv_2"), h, middle, 3);
        let h = self.norm_relu(&at("bn_3"), h);
        let h = self.convolution(&at("conv_3"), h, out, 1);
        let mut skip = x.node;
        if out != x.channels {
            skip = self.builder.channels(&at("skip.channels"), skip, 0, out);
        }
        if enlarge {
            skip = self.builder.upsample_nearest(&at("skip"), skip);
        }
        self.builder.add(path, h.node, skip)
    }

    fn convolution(&mut self, path: &str, x: Wide, out: i64, size: i64) -> Wide {
        let node = parts::convolution(&mut self.builder, path, x, out, size, Stored::Vectors);
        Wide { node, channels: out }
    }
}

/// The statistics among `rows` `[51,C]`, which are those of the truncations 0, 0.02, …, 1, that belong to a truncation.
///
/// Between two rows it does what `pytorch-pretrained-biggan` does, which interpolates with the weights of the two
/// exchanged: just above 0.4 the statistics are all but those of 0.42, and just below 0.42 those of 0.4. The quotient is one
/// of 64-bit floats, so that 0.14, 0.28 and 0.56, whose quotients are a hair above a whole number, have the statistics of
/// 0.16, 0.3 and 0.58, and 0.58 and 0.94, a hair below one, those of 0.56 and 0.92. All other multiples of 0.02 have their
/// own.
fn at_truncation(rows: &Tensor, truncation: f64) -> Tensor {
    let step = 1. / (TRUNCATIONS - 1) as f64;
    let place = truncation / step;
    let (row, part) = (place.trunc() as i64, place.fract());
    match part == 0. {
        true => rows.get(row),
        false => rows.get(row) * part + rows.get(row + 1) * (1. - part),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_are_those_of_the_reference_down_to_its_rounding() {
        let rows = Tensor::arange(TRUNCATIONS, (Kind::Double, tch::Device::Cpu)).view([-1, 1]);
        let at = |truncation: f64| at_truncation(&rows, truncation).double_value(&[0]);
        for number in 1..=50 {
            let expected = match number {
                7 | 14 | 28 => number + 1,
                29 | 47 => number - 1,
                _ => number,
            };
            let found = at(f64::from(number) / 50.);
            assert!((found - f64::from(expected)).abs() < 1e-9, "{number}: {found}");
        }
        // A quarter of the way from row 21 to row 22 counts for three quarters.
        assert!((at(0.425) - 21.75).abs() < 1e-9);
    }
}
