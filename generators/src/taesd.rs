//! TAESD (Bohan 2023, github.com/madebyollin/taesd), the small decoders and encoders that were distilled from those of latent diffusion
//! models: Stable Diffusion 1 and 2 (`taesd`), XL (`taesdxl`), 3 (`taesd3`), FLUX.1 (`taef1`) and FLUX.2 (`taef2`).
//!
//! One sequence of modules, whose numbers are the layers' names: a soft clamp of the latent to [-3,3], residual blocks of
//! three 3x3 convolutions of 64 channels, and three doublings of the side. The FLUX.2 variant begins its first three blocks
//! with a branch whose group norm sees the whole picture (`pool`). An encoder is the way back: three halvings of the side between
//! such blocks, of which FLUX.2's last three have that branch.
//!
//! Points that are no modules of theirs: `N.pool.add` and `N.add`, the sums in block N; the block's own number is its output.

use frozen::network::{Builder, Kernel, Node};
use frozen::weights::{WeightError, Weights};
use serde::Deserialize;

use crate::built::{Built, Encoding};
use crate::code::{Code, Prior};
use crate::output::Output;
use crate::parts::same;

/// What a manifest says of the network.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Channels of the latent: 4, 16 or 32.
    pub channels: i64,
    /// Whether the three blocks next to the latent have the branch with the group norm.
    #[serde(default)]
    pub pooled: bool,
    /// Side of the picture in pixels, a multiple of 8; that of the latent is an eighth of it.
    #[serde(default = "default_resolution")]
    pub resolution: i64,
}

fn default_resolution() -> i64 {
    256
}

impl Config {
    /// Refuses sizes that no such network has.
    ///
    /// # Errors
    /// Says which one.
    pub fn check(&self) -> Result<(), String> {
        if ![4, 16, 32].contains(&self.channels) {
            return Err(format!("config.channels: {} is not 4, 16 or 32", self.channels));
        }
        if !(8..=2048).contains(&self.resolution) || self.resolution % 8 != 0 {
            return Err(format!("config.resolution: {} is not a multiple of 8 from 8 to 2048", self.resolution));
        }
        Ok(())
    }
}

/// Channels between the first and the last convolution.
const WIDTH: i64 = 64;
/// Where the clamp of the latent levels off.
const LIMIT: f64 = 3.;
/// Epsilon of the group norms.
const EPS: f64 = 1e-5;

/// The decoder: latents `[N,C,S/8,S/8]`, about [-3,3], to pictures `[N,3,S,S]`, about `[0,1]`.
///
/// # Errors
/// If the weights are not those of this configuration: every missing, unexpected or mis-shaped tensor is listed.
pub fn build(config: Config, weights: Weights) -> Result<Built, WeightError> {
    let Config { channels, pooled, resolution } = config;
    let (mut net, mut x) = Builder::new(weights, channels);
    x = net.soft_clamp("0", x, LIMIT);
    x = net.convolution_with_bias("1", x, WIDTH, same(3));
    x = net.relu("2", x);
    for number in 3..18 {
        x = match number {
            // Enlarged by the module before it, which has no point: the enlarged picture is never made.
            7 | 12 | 17 => net.upsampled_convolution(&number.to_string(), x, WIDTH, false),
            6 | 11 | 16 => x,
            _ => block(&mut net, number, x, pooled && number < 6),
        };
    }
    x = block(&mut net, 18, x, false);
    net.convolution_with_bias("19", x, 3, same(3));
    Ok(Built {
        network: net.finish()?,
        code: Code { shape: vec![channels, resolution / 8, resolution / 8], prior: Prior::Normal, encoded_by: None },
        mapping: None,
        conditioning: None,
        output: Output::UnitClamped,
        size: [resolution; 2],
    })
}

/// The encoder: pictures `[N,3,S,S]` in `[0,1]` to latents `[N,C,S/8,S/8]`, about [-3,3].
///
/// # Errors
/// If the weights are not those of this configuration: every missing, unexpected or mis-shaped tensor is listed.
pub fn build_encoder(config: Config, weights: Weights) -> Result<Encoding, WeightError> {
    let Config { channels, pooled, resolution } = config;
    let (mut net, mut x) = Builder::new(weights, 3);
    x = net.convolution_with_bias("0", x, WIDTH, same(3));
    for number in 1..14 {
        x = match number {
            2 | 6 | 10 => net.convolution(&number.to_string(), x, WIDTH, Kernel { stride: 2, ..same(3) }),
            _ => block(&mut net, number, x, pooled && number > 10),
        };
    }
    net.convolution_with_bias("14", x, channels, same(3));
    let code = vec![channels, resolution / 8, resolution / 8];
    Ok(Encoding { network: net.finish()?, range: [1., 0.], size: [resolution; 2], code })
}

/// x + p(x) if pooled, then relu(x + f(x)).
fn block(net: &mut Builder, number: i64, mut x: Node, pooled: bool) -> Node {
    if pooled {
        let mut y = net.convolution(&format!("{number}.pool.0"), x, 4 * WIDTH, same(1));
        y = net.group_norm(&format!("{number}.pool.1"), y, 4, EPS);
        y = net.relu(&format!("{number}.pool.2"), y);
        y = net.convolution(&format!("{number}.pool.3"), y, WIDTH, same(1));
        x = net.add(&format!("{number}.pool.add"), y, x);
    }
    let mut y = x;
    for index in [0, 2, 4] {
        y = net.convolution_with_bias(&format!("{number}.conv.{index}"), y, WIDTH, same(3));
        if index < 4 {
            y = net.relu(&format!("{number}.conv.{}", index + 1), y);
        }
    }
    y = net.add(&format!("{number}.add"), y, x);
    y = net.relu(&number.to_string(), y);
    net.alias(y, &format!("{number}.fuse"));
    y
}
