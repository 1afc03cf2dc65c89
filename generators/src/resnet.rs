//! The residual generator of SNGAN (Miyato et al. 2018, "Spectral Normalization for Generative Adversarial Networks"), SAGAN
//! (Zhang et al. 2019) and BigGAN (Brock et al. 2019): 4 x 4 positions out of a fully connected layer, blocks that double
//! the side, in which the condition sets scale and offset of the batch norms, and self-attention at 64 px in the later two.

use frozen::network::{Builder, Node};
use tch::Kind;

use crate::parts::{self, AttentionNames, Statistics, Stored, Wide};

/// What a program calls the modules.
pub(crate) struct Layout {
    linear: &'static str,
    /// The convolutions of a block: the two in a row, and the one beside them.
    convolutions: [&'static str; 3],
    /// Mean and variance of a conditional batch norm.
    conditional_statistics: [&'static str; 2],
    attention: AttentionNames,
    /// Attention is an entry of its own in the list of blocks, and not a second part of the block before.
    attention_counts: bool,
    norm: &'static str,
    /// Scale, offset, mean and variance of the last batch norm.
    norm_parts: [&'static str; 4],
    to_rgb: &'static str,
    /// Epsilon of every batch norm.
    eps: f64,
}

/// PyTorch-StudioGAN's.
pub(crate) const STUDIO: Layout = Layout {
    linear: "linear0",
    convolutions: ["conv2d1", "conv2d2", "conv2d0"],
    conditional_statistics: ["bn.running_mean", "bn.running_var"],
    attention: AttentionNames {
        convolutions: ["conv1x1_theta", "conv1x1_phi", "conv1x1_g", "conv1x1_attn"],
        gamma: "sigma",
        gamma_shape: &[1],
    },
    attention_counts: true,
    norm: "bn4",
    norm_parts: ["weight", "bias", "running_mean", "running_var"],
    to_rgb: "conv2d5",
    eps: 1e-4,
};

/// BigGAN-PyTorch's, by the authors of BigGAN.
pub(crate) const BIGGAN_PYTORCH: Layout = Layout {
    linear: "linear",
    convolutions: ["conv1", "conv2", "conv_sc"],
    conditional_statistics: ["stored_mean", "stored_var"],
    attention: AttentionNames { convolutions: ["theta", "phi", "g", "o"], gamma: "gamma", gamma_shape: &[] },
    attention_counts: false,
    norm: "output_layer.0",
    norm_parts: ["gain", "bias", "stored_mean", "stored_var"],
    to_rgb: "output_layer.2",
    eps: 1e-5,
};

/// Channels that enter and leave the blocks, in multiples of the width, for pictures of this side.
fn blocks(resolution: i64) -> &'static [(i64, i64)] {
    match resolution {
        64 => &[(16, 8), (8, 4), (4, 2), (2, 1)],
        128 => &[(16, 16), (16, 8), (8, 4), (4, 2), (2, 1)],
        256 => &[(16, 16), (16, 8), (8, 8), (8, 4), (4, 2), (2, 1)],
        _ => &[(16, 16), (16, 8), (8, 8), (8, 4), (4, 2), (2, 1), (1, 1)],
    }
}
/// How many blocks there are for pictures of this side.
pub(crate) fn count_blocks(resolution: i64) -> i64 {
    blocks(resolution).len() as i64
}

/// The side behind which attention comes.
const ATTENTION_AT: i64 = 64;

/// A generator of this kind.
pub(crate) struct ResNet<'l> {
    /// What its modules are called.
    pub layout: &'l Layout,
    /// How the file holds its weights.
    pub stored: Stored,
    /// Side of its pictures: 128, 256 or 512.
    pub resolution: i64,
    /// Channels before the last layer.
    pub width: i64,
    /// Whether it has self-attention.
    pub attention: bool,
}

/// What a block of a [`ResNet`] is conditioned on, by its number.
pub(crate) type ConditionOf<'f> = &'f dyn Fn(&mut Builder, i64) -> Wide;

impl ResNet<'_> {
    /// The layers: `code` enters the first one. A block's output is called by the block (`blocks.0.0`), and so are the parts
    /// of it; `X.relu` is the ReLU behind a norm X. `conv_sc` (`conv2d0`), which is 1 x 1, comes before the enlargement here,
    /// with which it commutes.
    pub(crate) fn append(&self, net: &mut Builder, code: Wide, condition_of: ConditionOf) {
        let ResNet { layout, stored, width, .. } = *self;
        let blocks = blocks(self.resolution);
        let channels = blocks[0].0 * width;
        let x = parts::linear(net, layout.linear, code, 16 * channels, stored);
        let mut x = net.reshape(&format!("{}.view", layout.linear), x, [channels, 4, 4]);
        let (mut entry, mut side) = (0, 4);
        for (number, &(from, to)) in (0..).zip(blocks) {
            let condition = condition_of(net, number);
            let input = Wide { node: x, channels: from * width };
            x = self.block(net, &format!("blocks.{entry}.0"), input, to * width, condition);
            side *= 2;
            if self.attention && side == ATTENTION_AT {
                entry += i64::from(layout.attention_counts);
                let path = format!("blocks.{entry}.{}", i64::from(!layout.attention_counts));
                x = parts::self_attention(
                    net,
                    &path,
                    Wide { node: x, channels: to * width },
                    &layout.attention,
                    stored,
                );
            }
            entry += 1;
        }
        let [scale, shift, mean, var] = layout
            .norm_parts
            .map(|part| net.weights().take(&format!("{}.{part}", layout.norm), &[width]).to_kind(Kind::Double));
        let scale = scale / (var + layout.eps).sqrt();
        let shift = shift - mean * &scale;
        let x = net.affine_of(layout.norm, x, scale, shift);
        let x = net.relu(&format!("{}.relu", layout.norm), x);
        let x = parts::convolution(net, layout.to_rgb, Wide { node: x, channels: width }, 3, 3, stored);
        net.tanh("tanh", x);
    }

    fn block(&self, net: &mut Builder, path: &str, x: Wide, out: i64, condition: Wide) -> Node {
        let ResNet { layout, stored, .. } = *self;
        let [first, second, beside] = layout.convolutions.map(|name| format!("{path}.{name}"));
        let h = self.norm_relu(net, &format!("{path}.bn1"), x, condition);
        let h = parts::upsampled_convolution(net, &first, h, out, stored);
        let h = self.norm_relu(net, &format!("{path}.bn2"), Wide { node: h, channels: out }, condition);
        let h = parts::convolution(net, &second, h, out, 3, stored);
        let skip = parts::convolution(net, &beside, x, out, 1, stored);
        let skip = net.upsample_nearest(&format!("{path}.skip"), skip);
        net.add(path, h, skip)
    }

    fn norm_relu(&self, net: &mut Builder, path: &str, x: Wide, condition: Wide) -> Wide {
        let ResNet { layout, stored, .. } = *self;
        let [mean, var] = layout
            .conditional_statistics
            .map(|part| net.weights().take(&format!("{path}.{part}"), &[x.channels]).to_kind(Kind::Double));
        let statistics = Statistics { mean, var, eps: layout.eps };
        let node = parts::conditional_norm(net, path, x, condition, statistics, ["gain", "bias"], stored);
        Wide { node: net.relu(&format!("{path}.relu"), node), ..x }
    }
}

/// Refuses a side that no such generator has.
pub(crate) fn check_resolution(resolution: i64, known: &[i64]) -> Result<(), String> {
    match known.contains(&resolution) {
        true => Ok(()),
        false => {
            let known: Vec<String> = known.iter().map(i64::to_string).collect();
            Err(format!("config.resolution: {resolution} is none of {}", known.join(", ")))
        }
    }
}
