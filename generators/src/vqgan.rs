//! The decoder of VQGAN (Esser, Rombach & Ommer 2021, "Taming Transformers for High-Resolution Image Synthesis"), in the module
//! layout of taming-transformers: residual blocks with group norms, attention at the smallest side, and four doublings
//! (`f16`).
//!
//! A layer is called by its module: `quantize`, `post_quant_conv`, `decoder.conv_in`, `decoder.mid.block_1.conv1`,
//! `decoder.up.4.attn.0.q`, `decoder.up.1.upsample.conv`; a block by its own path, which is its output; `X.swish` is behind a
//! norm X. Level `up.4` comes first and `up.0` last.

use frozen::network::{Builder, Node};
use frozen::weights::{WeightError, Weights};
use serde::Deserialize;
use tch::{Kind, Tensor};

use crate::built::Built;
use crate::code::{Code, Prior};
use crate::output::Output;
use crate::parts::same;

/// What a manifest says of the network.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// How many vectors the codebook has.
    pub codes: i64,
    /// Whether each position of a code is replaced by the nearest vector of the codebook (its gradient passing straight
    /// through), or decoded as it is.
    #[serde(default)]
    pub quantized: bool,
    /// Side of the picture in pixels, a multiple of 16; that of the code is a sixteenth of it.
    #[serde(default = "default_resolution")]
    pub resolution: i64,
    /// Channels at the full side, a multiple of 32; the smallest side has 4 times as many.
    #[serde(default = "default_width")]
    pub width: i64,
}

fn default_resolution() -> i64 {
    256
}

fn default_width() -> i64 {
    128
}

impl Config {
    /// Refuses sizes that no such network has.
    ///
    /// # Errors
    /// Says which one.
    pub fn check(&self) -> Result<(), String> {
        if !(1..=1 << 20).contains(&self.codes) {
            return Err(format!("config.codes: {} is not between 1 and 1048576", self.codes));
        }
        if !(16..=2048).contains(&self.resolution) || self.resolution % 16 != 0 {
            return Err(format!("config.resolution: {} is not a multiple of 16 from 16 to 2048", self.resolution));
        }
        if !(32..=1024).contains(&self.width) || self.width % 32 != 0 {
            return Err(format!("config.width: {} is not a multiple of 32 from 32 to 1024", self.width));
        }
        Ok(())
    }
}

/// Channels of the code.
const CODE: i64 = 256;
/// Channels of each level, as multiples of the width.
const MULTIPLES: [i64; 5] = [1, 1, 2, 2, 4];
/// Groups of every group norm.
const GROUPS: i64 = 32;
/// Their epsilon.
const EPS: f64 = 1e-6;

/// The decoder: codes `[N,256,S/16,S/16]` to pictures `[N,3,S,S]`, about [-1,1]. Tensors of the encoder and of the loss are
/// passed over.
///
/// # Errors
/// If the weights are not those of this configuration: every missing, unexpected or mis-shaped tensor of the decoder is listed.
pub fn build(config: Config, mut weights: Weights) -> Result<Built, WeightError> {
    let Config { codes, quantized, resolution, width } = config;
    weights.skip(|name| ["encoder.", "loss.", "quant_conv."].iter().any(|part| name.starts_with(part)));
    let codebook = weights.take("quantize.embedding.weight", &[codes, CODE]);
    // Vectors that training never chose are still where it began: uniform, within 1 / codes of 0.
    let used = codebook.abs().amax([1i64].as_slice(), false).gt(1. / codes as f64).nonzero().view([-1]);
    let used = if used.numel() > 1 { codebook.index_select(0, &used) } else { codebook.shallow_clone() };
    let prior = Prior::Codebook {
        mean: numbers(&used.mean_dim(0i64, false, None::<Kind>)),
        deviation: numbers(&used.std_dim(0i64, true, false)),
    };
    let (mut net, mut x) = Builder::new(weights, CODE);
    if quantized {
        x = net.quantize("quantize", x, codebook);
    }
    x = net.convolution_with_bias("post_quant_conv", x, CODE, same(1));
    let mut channels = width * MULTIPLES[4];
    x = net.convolution_with_bias("decoder.conv_in", x, channels, same(3));
    x = block(&mut net, "decoder.mid.block_1", x, [channels; 2]);
    x = attention(&mut net, "decoder.mid.attn_1", x, channels);
    x = block(&mut net, "decoder.mid.block_2", x, [channels; 2]);
    for level in (0..MULTIPLES.len()).rev() {
        let out = width * MULTIPLES[level];
        for number in 0..3 {
            x = block(&mut net, &format!("decoder.up.{level}.block.{number}"), x, [channels, out]);
            channels = out;
            if level == 4 {
                x = attention(&mut net, &format!("decoder.up.{level}.attn.{number}"), x, out);
            }
        }
        if level > 0 {
            x = net.upsampled_convolution(&format!("decoder.up.{level}.upsample.conv"), x, out, true);
        }
    }
    x = normalized(&mut net, "decoder.norm_out", x);
    net.convolution_with_bias("decoder.conv_out", x, 3, same(3));
    Ok(Built {
        network: net.finish()?,
        code: Code { shape: vec![CODE, resolution / 16, resolution / 16], prior, encoded_by: None },
        mapping: None,
        conditioning: None,
        output: Output::SignedClamped,
        size: [resolution; 2],
    })
}

fn numbers(of: &Tensor) -> Vec<f32> {
    let mut numbers = vec![0.; of.numel()];
    of.contiguous().copy_data(&mut numbers, of.numel());
    numbers
}

/// swish(group norm(x))
fn normalized(net: &mut Builder, name: &str, x: Node) -> Node {
    let x = net.group_norm(name, x, GROUPS, EPS);
    net.swish(&format!("{name}.swish"), x)
}

/// x + f(x), x through a 1x1 convolution where the channels differ.
fn block(net: &mut Builder, path: &str, x: Node, [of, out]: [i64; 2]) -> Node {
    let mut y = normalized(net, &format!("{path}.norm1"), x);
    y = net.convolution_with_bias(&format!("{path}.conv1"), y, out, same(3));
    y = normalized(net, &format!("{path}.norm2"), y);
    y = net.convolution_with_bias(&format!("{path}.conv2"), y, out, same(3));
    let x = match of == out {
        true => x,
        false => net.convolution_with_bias(&format!("{path}.nin_shortcut"), x, out, same(1)),
    };
    net.add(path, y, x)
}

/// x + what its positions say to each other.
fn attention(net: &mut Builder, path: &str, x: Node, channels: i64) -> Node {
    let normed = net.group_norm(&format!("{path}.norm"), x, GROUPS, EPS);
    let [query, key, value] =
        ["q", "k", "v"].map(|part| net.convolution_with_bias(&format!("{path}.{part}"), normed, channels, same(1)));
    let mut y = net.attention(&format!("{path}.attention"), query, key, value, (channels as f64).powf(-0.5));
    y = net.convolution_with_bias(&format!("{path}.proj_out"), y, channels, same(1));
    net.add(path, y, x)
}
