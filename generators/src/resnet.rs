//! The residual generator of SNGAN (Miyato et al. 2018, "Spectral Normalization for Generative Adversarial Networks"), SAGAN
//! (Zhang et al. 2019) and BigGAN (Brock et al. 2019): 4 x 4 positions out of a fully connected layer, blocks that double
//! the side, in which the condition sets scale and offset of the batch norms, and self-attention at 64 px in the later two.
//! In the names of BigGAN-PyTorch, PyTorch-StudioGAN and OpenMMLab's mmgeneration.

use frozen::network::{Builder, Node};
use tch::{Kind, Tensor};

use crate::parts::{self, AttentionNames, Statistics, Stored, Wide};

/// What a program calls the modules.
pub(crate) struct Layout {
    linear: &'static str,
    /// The list of the blocks, and whether each of its entries is a list of its own.
    blocks: &'static str,
    nested: bool,
    /// The convolutions of a block: the two in a row, and the one beside them.
    convolutions: [&'static str; 3],
    /// The two conditional batch norms of a block.
    norms: [&'static str; 2],
    /// Scale and offset of a conditional batch norm, matrices `[C,d]`; or tables `[classes,C]` (`tables`).
    conditional: [&'static str; 2],
    tables: bool,
    /// Mean and variance of a conditional batch norm: whichever the file has of these.
    conditional_statistics: [&'static [&'static str]; 2],
    attention: AttentionNames,
    /// Attention is an entry of its own in the list of blocks, and not a second part of the block before.
    attention_counts: bool,
    norm: &'static str,
    /// Scale and offset of the last batch norm.
    norm_parts: [&'static str; 2],
    /// Its mean and variance.
    norm_statistics: [&'static [&'static str]; 2],
    to_rgb: &'static str,
    /// Epsilon of every batch norm.
    pub(crate) eps: f64,
}

/// PyTorch-StudioGAN's.
pub(crate) const STUDIO: Layout = Layout {
    linear: "linear0",
    blocks: "blocks",
    nested: true,
    convolutions: ["conv2d1", "conv2d2", "conv2d0"],
    norms: ["bn1", "bn2"],
    conditional: ["gain", "bias"],
    tables: false,
    conditional_statistics: [&["bn.running_mean"], &["bn.running_var"]],
    attention: AttentionNames {
        convolutions: ["conv1x1_theta", "conv1x1_phi", "conv1x1_g", "conv1x1_attn"],
        gamma: "sigma",
        gamma_shape: &[1],
    },
    attention_counts: true,
    norm: "bn4",
    norm_parts: ["weight", "bias"],
    norm_statistics: [&["running_mean"], &["running_var"]],
    to_rgb: "conv2d5",
    eps: 1e-4,
};

/// OpenMMLab's mmgeneration, in which a class is an entry of a table.
pub(crate) const OPENMMLAB: Layout = Layout {
    linear: "noise2feat",
    blocks: "conv_blocks",
    nested: false,
    convolutions: ["conv_1.conv", "conv_2.conv", "shortcut.conv"],
    norms: ["norm_1", "norm_2"],
    conditional: ["weight_embedding", "bias_embedding"],
    tables: true,
    conditional_statistics: [&["norm.running_mean"], &["norm.running_var"]],
    attention: AttentionNames {
        convolutions: ["theta.conv", "phi.conv", "g.conv", "o.conv"],
        gamma: "gamma",
        gamma_shape: &[],
    },
    attention_counts: true,
    norm: "to_rgb.bn",
    norm_parts: ["weight", "bias"],
    norm_statistics: [&["running_mean"], &["running_var"]],
    to_rgb: "to_rgb.conv",
    eps: 1e-4,
};

/// What [`BIGGAN_PYTORCH`] calls means and variances: by default, with `--cross_replica`, with `--mybn`.
const MEANS: &[&str] = &["stored_mean", "bn.running_mean", "bn.stored_mean"];
const VARIANCES: &[&str] = &["stored_var", "bn.running_var", "bn.stored_var"];

/// BigGAN-PyTorch's, by the authors of BigGAN.
pub(crate) const BIGGAN_PYTORCH: Layout = Layout {
    linear: "linear",
    blocks: "blocks",
    nested: true,
    convolutions: ["conv1", "conv2", "conv_sc"],
    norms: ["bn1", "bn2"],
    conditional: ["gain", "bias"],
    tables: false,
    conditional_statistics: [MEANS, VARIANCES],
    attention: AttentionNames { convolutions: ["theta", "phi", "g", "o"], gamma: "gamma", gamma_shape: &[] },
    attention_counts: false,
    norm: "output_layer.0",
    norm_parts: ["gain", "bias"],
    norm_statistics: [MEANS, VARIANCES],
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
    /// How it holds scales and offsets of the conditional batch norms.
    pub conditional_stored: Stored,
    /// Added to variances.
    pub eps: f64,
    /// Side of its pictures: 64, 128, 256 or 512.
    pub resolution: i64,
    /// Channels before the last layer.
    pub width: i64,
    /// Whether it has self-attention.
    pub attention: bool,
    /// Whether its last layer makes blue, green and red in that order.
    pub bgr: bool,
}

/// What a block of a [`ResNet`] is conditioned on, by its number.
pub(crate) type ConditionOf<'f> = &'f dyn Fn(&mut Builder, i64) -> Wide;

impl ResNet<'_> {
    /// The layers: `code` enters the first one. A block's output is called by the block (`blocks.0.0`), and so are the parts
    /// of it; `X.relu` is the ReLU behind a norm X. The convolution beside a block's others (`conv_sc`), which is 1 x 1, comes
    /// before the enlargement here, with which it commutes.
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
            x = self.block(net, &self.entry(entry, 0), input, to * width, condition);
            side *= 2;
            if self.attention && side == ATTENTION_AT {
                let path = match layout.attention_counts {
                    true => {
                        entry += 1;
                        self.entry(entry, 0)
                    }
                    false => self.entry(entry, 1),
                };
                let wide = Wide { node: x, channels: to * width };
                x = parts::self_attention(net, &path, wide, &layout.attention, stored);
            }
            entry += 1;
        }
        let [scale, shift] = layout
            .norm_parts
            .map(|part| net.weights().take(&format!("{}.{part}", layout.norm), &[width]).to_kind(Kind::Double));
        let [mean, var] = layout.norm_statistics.map(|names| statistic(net, layout.norm, names, width));
        let scale = scale / (var + self.eps).sqrt();
        let shift = shift - mean * &scale;
        let x = net.affine_of(layout.norm, x, scale, shift);
        let x = net.relu(&format!("{}.relu", layout.norm), x);
        let weight = parts::weight(net, layout.to_rgb, &[3, width, 3, 3], stored);
        let bias = parts::bias(net, layout.to_rgb, 3);
        let [weight, bias] = [weight, bias].map(|tensor| if self.bgr { tensor.flip([0]) } else { tensor });
        let x = net.convolution_of(layout.to_rgb, x, weight, Some(bias), parts::same(3));
        net.tanh("tanh", x);
    }

    /// The path of a part of an entry of the list of blocks.
    fn entry(&self, number: i64, part: i64) -> String {
        match self.layout.nested {
            true => format!("{}.{number}.{part}", self.layout.blocks),
            false => format!("{}.{number}", self.layout.blocks),
        }
    }

    fn block(&self, net: &mut Builder, path: &str, x: Wide, out: i64, condition: Wide) -> Node {
        let ResNet { layout, stored, .. } = *self;
        let [first, second, beside] = layout.convolutions.map(|name| format!("{path}.{name}"));
        let [before_first, before_second] = layout.norms.map(|name| format!("{path}.{name}"));
        let h = self.norm_relu(net, &before_first, x, condition);
        let h = parts::upsampled_convolution(net, &first, h, out, stored);
        let h = self.norm_relu(net, &before_second, Wide { node: h, channels: out }, condition);
        let h = parts::convolution(net, &second, h, out, 3, stored);
        let skip = parts::convolution(net, &beside, x, out, 1, stored);
        let skip = net.upsample_nearest(&format!("{path}.skip"), skip);
        net.add(path, h, skip)
    }

    fn norm_relu(&self, net: &mut Builder, path: &str, x: Wide, condition: Wide) -> Wide {
        let ResNet { layout, conditional_stored: stored, eps, .. } = *self;
        let [mean, var] = layout.conditional_statistics.map(|names| statistic(net, path, names, x.channels));
        let matrices = layout.conditional.map(|part| match layout.tables {
            true => {
                let table = [condition.channels, x.channels];
                parts::weight(net, &format!("{path}.{part}"), &table, stored).transpose(0, 1)
            }
            false => parts::weight(net, &format!("{path}.{part}"), &[x.channels, condition.channels], stored),
        });
        let node = parts::conditional_norm(net, path, x, condition, Statistics { mean, var, eps }, matrices);
        Wide { node: net.relu(&format!("{path}.relu"), node), ..x }
    }
}

/// A statistic `[C]` of a batch norm, in 64 bits: under whichever of these names the file has it.
fn statistic(net: &mut Builder, path: &str, names: &[&str], channels: i64) -> Tensor {
    let there = |name: &&&str| net.weights().shape_of(&format!("{path}.{name}")).is_some();
    let name = names.iter().find(there).unwrap_or(&names[0]);
    net.weights().take(&format!("{path}.{name}"), &[channels]).to_kind(Kind::Double)
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
