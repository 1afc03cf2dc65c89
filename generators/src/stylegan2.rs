//! StyleGAN2 (Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN"), in the module layout of
//! rosinality/stylegan2-pytorch.
//!
//! A convolution that a style modulates is computed as: the input's channels times the style, one convolution for all samples,
//! and the output's channels times 1 / sqrt(sum over inputs of style^2 weight^2 + 1e-8), the demodulation. The noise of each
//! layer is fixed: the file's own (`noises.noise_N`), or one that is always the same, for files from before it was saved.
//!
//! A layer is called by its module, without `.conv` for a modulated convolution: `style.1`, `conv1`, `convs.0`, `to_rgb1`,
//! `to_rgbs.0`. Points of a layer X: `X.style`, `X.scaled` (its input times the style), `X.conv`, `X.blur`, `X.demodulated`,
//! `X.noise`, and X itself, its output; `w` is the code behind the mapping.

use frozen::load::LoadError;
use frozen::network::{Builder, Node};
use frozen::weights::{WeightError, WeightFile, Weights};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use serde::Deserialize;
use tch::{Kind, Tensor};

use crate::built::{Built, Mapping};
use crate::code::Code;
use crate::entry::Entry;
use crate::output::Output;
use crate::parts::same;

/// What a manifest says of the network.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Side of the picture in pixels: a power of two from 8 to 1024.
    pub resolution: i64,
    /// Which space the codes are of.
    #[serde(default)]
    pub code: Space,
    /// In `[0,1]`: how far behind the mapping a code is from the mean of all: `latent_avg`, or that of 4096 codes where the file
    /// has none.
    #[serde(default = "whole")]
    pub truncation: f64,
    /// Dimensions of the code and of a style.
    #[serde(default = "default_latent")]
    pub latent: i64,
    /// Channels from 64 px on are this many times 256, 128 and so on.
    #[serde(default = "default_multiplier")]
    pub channel_multiplier: i64,
    /// Channels up to 32 px.
    #[serde(default = "default_latent")]
    pub channels: i64,
    /// Layers of the mapping.
    #[serde(default = "default_layers")]
    pub mapping: i64,
}

fn whole() -> f64 {
    1.
}

fn default_latent() -> i64 {
    512
}

fn default_multiplier() -> i64 {
    2
}

fn default_layers() -> i64 {
    8
}

/// Where a code enters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Space {
    /// Standard normal numbers, before the mapping.
    #[default]
    #[serde(rename = "z")]
    Z,
    /// Behind the mapping, one style for all layers.
    #[serde(rename = "w")]
    W,
    /// Behind the mapping, a style for each layer, one after the other.
    #[serde(rename = "w+")]
    WPlus,
}

impl Config {
    /// Refuses sizes that no such network has.
    ///
    /// # Errors
    /// Says which one.
    pub fn check(&self) -> Result<(), String> {
        if !(8..=1024).contains(&self.resolution) || self.resolution.count_ones() != 1 {
            return Err(format!("config.resolution: {} is not a power of two from 8 to 1024", self.resolution));
        }
        if !(0. ..=1.).contains(&self.truncation) {
            return Err(format!("config.truncation: {} is not between 0 and 1", self.truncation));
        }
        for (name, value, most) in [
            ("latent", self.latent, 4096),
            ("channel_multiplier", self.channel_multiplier, 8),
            ("channels", self.channels, 4096),
            ("mapping", self.mapping, 16),
        ] {
            if !(1..=most).contains(&value) {
                return Err(format!("config.{name}: {value} is not between 1 and {most}"));
            }
        }
        Ok(())
    }

    /// Styles of a picture: one each for the two layers of a side, and for the last layer to RGB.
    pub fn styles(&self) -> i64 {
        2 * i64::from(self.resolution.max(8).ilog2()) - 2
    }

    /// Channels at a side.
    fn channels_at(&self, side: i64) -> i64 {
        match side {
            ..64 => self.channels,
            _ => 256 * 64 / side * self.channel_multiplier,
        }
    }
}

/// What weights and biases of the mapping are multiplied by.
const MAPPING_RATE: f64 = 0.01;
/// Slope of the leaky ReLUs for negative numbers.
const SLOPE: f64 = 0.2;
/// Added to mean squares and to the sums of the demodulation.
const EPS: f64 = 1e-8;

/// Codes whose mean truncation goes towards, where the file does not say.
const AVERAGED: i64 = 4096;

/// Standard normal numbers, the same ones for the same number of a series.
fn fixed_normal(shape: &[i64], series: u64) -> Tensor {
    let mut rng = ChaCha12Rng::seed_from_u64(0);
    rng.set_stream(series);
    let count = shape.iter().product::<i64>() as usize;
    let numbers: Vec<f32> = StandardNormal.sample_iter(&mut rng).take(count).collect();
    Tensor::from_slice(&numbers).view(shape)
}

/// The layers of the mapping, weight and bias, each times its learning rate.
struct MappingLayers(Vec<[Tensor; 2]>);

impl MappingLayers {
    fn append(&self, net: &mut Builder, z: Node) -> Node {
        let mut x = net.pixel_norm("style.0", z, EPS);
        for (index, [weight, bias]) in self.0.iter().enumerate() {
            let name = format!("style.{}", index + 1);
            x = net.linear_of(&format!("{name}.linear"), x, weight.shallow_clone(), Some(bias.shallow_clone()));
            x = net.leaky_relu(&name, x, SLOPE, 2f64.sqrt());
        }
        x
    }

    /// The mean of what comes out of it `[latent]`.
    fn average(&self, latent: i64) -> Result<Tensor, WeightError> {
        let (mut net, z) = Builder::new(Weights::from_tensors([]), latent);
        self.append(&mut net, z);
        let network = net.finish()?;
        let schedule = network.schedule(&[network.output()]).forward_only();
        let pass = network.forward(&schedule, &fixed_normal(&[AVERAGED, latent], 0));
        Ok(pass.activation(network.output()).mean_dim(0i64, false, None::<Kind>))
    }
}

/// What the manifest and the file of an entry make.
///
/// # Errors
/// A configuration that no such network has, or a file that does not fit it.
pub(crate) fn load(entry: &Entry) -> Result<Built, LoadError> {
    let config = entry.config(Config::check)?;
    // It lies beside the dictionary of the generator's tensors, if anywhere: some files hold dictionaries alone.
    let beside = (config.truncation < 1.).then(|| WeightFile::open(&entry.weights.path).ok()).flatten();
    let of_file = beside.filter(|file| file.entries().any(|entry| entry.name == "latent_avg"));
    let average = of_file.map(|mut file| file.tensor("latent_avg")).transpose()?;
    Ok(build(config, entry.tensors()?, average)?)
}

/// The generator: codes `[N,latent]` (`[N, styles latent]` in the space `w+`) to pictures `[N,3,S,S]`, about [-1,1]. `average`
/// is the mean of the codes behind the mapping `[latent]`, which truncation needs; without it the file's `latent_avg` is taken,
/// and without that the mean of `AVERAGED` codes.
///
/// # Errors
/// If the weights are not those of this configuration: every missing, unexpected or mis-shaped tensor is listed.
pub fn build(config: Config, mut weights: Weights, average: Option<Tensor>) -> Result<Built, WeightError> {
    let Config { resolution, code, truncation, latent, .. } = config;
    let layers = (1..=config.mapping).map(|layer| {
        let weight = weights.take(&format!("style.{layer}.weight"), &[latent, latent]);
        let bias = weights.take(&format!("style.{layer}.bias"), &[latent]);
        [weight * (MAPPING_RATE / (latent as f64).sqrt()), bias * MAPPING_RATE]
    });
    let mapping_layers = MappingLayers(layers.collect());
    let own = weights.take_optional("latent_avg", &[latent]);
    let average = match (truncation < 1., average.or(own)) {
        (true, None) => Some(mapping_layers.average(latent)?),
        (true, known) => known,
        (false, _) => None,
    };
    let map = |net: &mut Builder, z: Node| {
        let mut x = mapping_layers.append(net, z);
        if let Some(average) = &average {
            let shift = average * (1. - truncation);
            x = net.affine_of("truncated", x, shift.full_like(truncation), shift);
        }
        net.alias(x, "w");
        x
    };

    let numbers = if code == Space::WPlus { latent * config.styles() } else { latent };
    let (mut net, input) = Builder::new(weights, numbers);
    let style = if code == Space::Z { map(&mut net, input) } else { input };
    let styles: Vec<Node> = (0..config.styles())
        .map(|number| match code {
            Space::WPlus => net.channels(&format!("w.{number}"), input, number * latent, latent),
            _ => style,
        })
        .collect();
    synthesis(&mut net, &config, &styles);
    let network = net.finish()?;

    let mapping = match code {
        Space::Z => None,
        Space::W | Space::WPlus => {
            let (mut net, z) = Builder::new(Weights::from_tensors([]), latent);
            let w = map(&mut net, z);
            if code == Space::WPlus {
                net.concatenate("w+", &vec![w; styles.len()]);
            }
            Some(Mapping { network: net.finish()?, inputs: latent })
        }
    };
    let output = Output::SignedClamped;
    Ok(Built { network, code: Code::normal(numbers), mapping, conditioning: None, output, size: [resolution; 2] })
}

/// Everything behind the mapping.
fn synthesis(net: &mut Builder, config: &Config, styles: &[Node]) {
    let mut channels = config.channels_at(4);
    let start = net.weights().take("input.input", &[1, channels, 4, 4]);
    let mut x = net.constant("input", styles[0], start.squeeze_dim(0));
    let mut noises = 0;
    x = styled(
        net,
        config,
        "conv1",
        x,
        styles[0],
        Shape { of: channels, out: channels, side: 4, up: false },
        &mut noises,
    );
    let mut picture = to_rgb(net, config, "to_rgb1", x, styles[1], channels, None);
    for step in 0..styles.len() / 2 - 1 {
        let side = 8 << step;
        let out = config.channels_at(side);
        let shape = Shape { of: channels, out, side, up: true };
        x = styled(net, config, &format!("convs.{}", 2 * step), x, styles[2 * step + 1], shape, &mut noises);
        let shape = Shape { of: out, out, side, up: false };
        x = styled(net, config, &format!("convs.{}", 2 * step + 1), x, styles[2 * step + 2], shape, &mut noises);
        let path = format!("to_rgbs.{step}");
        picture = to_rgb(net, config, &path, x, styles[2 * step + 3], out, Some(picture));
        channels = out;
    }
}

/// The channels of a layer and the side of its output; `up` if that is twice the side of its input.
#[derive(Clone, Copy)]
struct Shape {
    of: i64,
    out: i64,
    side: i64,
    up: bool,
}

/// A modulated convolution with noise, bias and activation function.
fn styled(
    net: &mut Builder,
    config: &Config,
    path: &str,
    x: Node,
    style: Node,
    Shape { of, out, side, up }: Shape,
    noises: &mut u64,
) -> Node {
    let scale = 1. / ((9 * of) as f64).sqrt();
    let weight = net.weights().take(&format!("{path}.conv.weight"), &[1, out, of, 3, 3]).squeeze_dim(0) * scale;
    let (style, scaled) = modulated(net, config, path, x, style, of);
    let mut y = match up {
        true => {
            let kernel = net.weights().take(&format!("{path}.conv.blur.kernel"), &[4, 4]);
            let y = net.transposed_convolution_of(&format!("{path}.conv"), scaled, weight.transpose(0, 1), None, 2, 0);
            net.fir(&format!("{path}.blur"), y, kernel, 1, [1, 1])
        }
        false => net.convolution_of(&format!("{path}.conv"), scaled, weight.shallow_clone(), None, same(3)),
    };
    let of_squares = weight.square().sum_dim_intlist([2i64, 3].as_slice(), false, None::<Kind>);
    let mut sums = net.square(&format!("{path}.style.square"), style);
    sums = net.linear_of(&format!("{path}.style.sum"), sums, of_squares, None);
    sums = net.reciprocal_root(&format!("{path}.demodulation"), sums, EPS);
    y = net.scale_channels(&format!("{path}.demodulated"), y, sums);
    let shape = [1, 1, side, side];
    let noise = net.weights().take_optional(&format!("noises.noise_{noises}"), &shape);
    *noises += 1;
    let noise = noise.unwrap_or_else(|| fixed_normal(&shape, *noises));
    let strength = net.weights().take(&format!("{path}.noise.weight"), &[1]);
    y = net.add_map(&format!("{path}.noise"), y, (noise * strength).squeeze_dim(0));
    let bias = net.weights().take(&format!("{path}.activate.bias"), &[out]);
    y = net.affine_of(&format!("{path}.bias"), y, bias.ones_like(), bias);
    net.leaky_relu(path, y, SLOPE, 2f64.sqrt())
}

/// A modulated 1x1 convolution to RGB, added to the picture of half the side.
fn to_rgb(
    net: &mut Builder,
    config: &Config,
    path: &str,
    x: Node,
    style: Node,
    channels: i64,
    picture: Option<Node>,
) -> Node {
    let scale = 1. / (channels as f64).sqrt();
    let weight = net.weights().take(&format!("{path}.conv.weight"), &[1, 3, channels, 1, 1]).squeeze_dim(0) * scale;
    let bias = net.weights().take(&format!("{path}.bias"), &[1, 3, 1, 1]).view([3]);
    let (_, scaled) = modulated(net, config, path, x, style, channels);
    let Some(picture) = picture else {
        return net.convolution_of(path, scaled, weight, Some(bias), same(1));
    };
    let y = net.convolution_of(&format!("{path}.conv"), scaled, weight, Some(bias), same(1));
    let kernel = net.weights().take(&format!("{path}.upsample.kernel"), &[4, 4]);
    let picture = net.fir(&format!("{path}.upsample"), picture, kernel, 2, [2, 1]);
    net.add(path, y, picture)
}

/// The style of a layer `[N,channels]`, and its input times that.
fn modulated(net: &mut Builder, config: &Config, path: &str, x: Node, style: Node, channels: i64) -> (Node, Node) {
    let weight = net.weights().take(&format!("{path}.conv.modulation.weight"), &[channels, config.latent]);
    let bias = net.weights().take(&format!("{path}.conv.modulation.bias"), &[channels]);
    let weight = weight / (config.latent as f64).sqrt();
    let style = net.linear_of(&format!("{path}.style"), style, weight, Some(bias));
    (style, net.scale_channels(&format!("{path}.scaled"), x, style))
}
