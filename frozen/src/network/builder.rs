//! Building a network from a weights file, layer by layer, in the order of the forward pass, as a paper's table of layers reads.

use tch::{Device, Kind, Tensor};

use super::activation::Activation;
use super::graph::{Network, Point, Source, Step, Tap};
use super::layer::{Filters, Layer};
use super::layers::arithmetic::{Add, AddMap, ScaleChannels, ScaledAdd, ShiftChannels};
use super::layers::attention::Attention;
use super::layers::convolution::{Convolution, Padding};
use super::layers::elementwise::{AddNumber, LeakyRelu, ReciprocalRoot, SoftClamp, Square, Swish, Tanh};
use super::layers::fir::Fir;
use super::layers::linear::Linear;
use super::layers::norm::{Affine, GroupNorm, LocalResponseNorm, PixelNorm};
use super::layers::pool::{AdaptiveAveragePool, AveragePool, GlobalAveragePool, MaxPool, Pool};
use super::layers::quantization::Quantization;
use super::layers::shape::{Channels, Concatenation, ConstantInput, Flatten, Reshape};
use super::layers::transposed::TransposedConvolution;
use super::layers::upsampled::{UpsampleNearest, UpsampledConvolution};
use super::layout::channels_last;
use crate::weights::{WeightError, Weights};

/// A node under construction: what the next layer takes as its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    index: usize,
    /// Channels of its activation.
    channels: i64,
}

/// The geometry of a convolution.
#[derive(Clone, Copy, Debug)]
pub struct Kernel {
    /// Side, in pixels.
    pub size: i64,
    /// Step in both directions, in pixels.
    pub stride: i64,
    /// Zeros around the input.
    pub padding: Padding,
    /// Groups of channels that do not mix.
    pub groups: i64,
}

/// Builds a [`Network`]: each method takes the tensors of one layer from the weights file by the module's own path and
/// adds a tap of that name. Missing or mis-shaped tensors are noted and reported together by [`Builder::finish`].
pub struct Builder {
    weights: Weights,
    steps: Vec<Step>,
    taps: Vec<Tap>,
    /// The input is a picture for a transposed convolution too.
    spatial: bool,
}

/// A tensor that the caller prepared, as the network keeps it.
fn given(tensor: &Tensor) -> Tensor {
    tensor.detach().to_device(Device::Cpu).to_kind(Kind::Float).contiguous()
}

impl Builder {
    /// Starts with a network's input of `channels` channels (a picture of any size), or of that many numbers (a code).
    pub fn new(weights: Weights, channels: i64) -> (Builder, Node) {
        let steps = vec![Step { source: Source::Input, inputs: vec![] }];
        (Builder { weights, steps, taps: vec![], spatial: false }, Node { index: 0, channels })
    }

    /// Starts with a network's input `[N,C,H,W]` of any size. [`Builder::new`] serves for that as well, but for a network
    /// whose first layer is a transposed convolution: there it means a flat code.
    pub fn new_spatial(weights: Weights, channels: i64) -> (Builder, Node) {
        let (builder, node) = Builder::new(weights, channels);
        (Builder { spatial: true, ..builder }, node)
    }

    /// The file's tensors, for what a layer method does not cover.
    pub fn weights(&mut self) -> &mut Weights {
        &mut self.weights
    }

    /// How many channels a point has.
    pub fn channels_of(&self, x: Node) -> i64 {
        x.channels
    }

    fn push(&mut self, name: &str, layer: impl Layer + 'static, inputs: &[Node], channels: i64) -> Node {
        let (index, source) = (self.steps.len(), Source::Layer(Box::new(layer)));
        self.steps.push(Step { source, inputs: inputs.iter().map(|node| node.index).collect() });
        self.taps.push(Tap { name: name.to_owned(), aliases: vec![], point: Point(index) });
        Node { index, channels }
    }

    /// A convolution without bias: `{path}.weight` of shape `[out, in/groups, size, size]`.
    pub fn convolution(&mut self, path: &str, x: Node, out: i64, kernel: Kernel) -> Node {
        let weight = self.kernel(path, x, out, kernel);
        let Kernel { stride, padding, groups, .. } = kernel;
        self.push(path, Convolution::new(weight, None, stride, padding, groups), &[x], out)
    }

    /// A convolution with a bias: `{path}.weight` of shape `[out, in/groups, size, size]` and `{path}.bias` of shape `[out]`.
    pub fn convolution_with_bias(&mut self, path: &str, x: Node, out: i64, kernel: Kernel) -> Node {
        let weight = self.kernel(path, x, out, kernel);
        let bias = self.weights.take(&format!("{path}.bias"), &[out]);
        let Kernel { stride, padding, groups, .. } = kernel;
        self.push(path, Convolution::new(weight, Some(bias), stride, padding, groups), &[x], out)
    }

    fn kernel(&mut self, path: &str, x: Node, out: i64, Kernel { size, groups, .. }: Kernel) -> Tensor {
        self.weights.take(&format!("{path}.weight"), &[out, x.channels / groups, size, size])
    }

    /// A convolution without bias whose kernel has sides of its own, odd ones: `{path}.weight` of shape
    /// `[out, in, rows, columns]`. Its stride is 1 and its output as large as its input.
    pub fn rectangular_convolution(&mut self, path: &str, x: Node, out: i64, [rows, columns]: [i64; 2]) -> Node {
        let weight = self.weights.take(&format!("{path}.weight"), &[out, x.channels, rows, columns]);
        let padding = Padding::Sides([rows / 2, columns / 2]);
        self.push(path, Convolution::new(weight, None, 1, padding, 1), &[x], out)
    }

    /// A transposed convolution without bias: `{path}.weight` of shape `[in, out, size, size]`. The network's input may be
    /// a flat code `[N,in]`, which counts as a picture of one pixel (stride 1, no padding).
    pub fn transposed_convolution(&mut self, path: &str, x: Node, out: i64, size: i64, stride: i64, pad: i64) -> Node {
        let weight = self.weights.take(&format!("{path}.weight"), &[x.channels, out, size, size]);
        self.transposed_convolution_of(path, x, weight, None, stride, pad)
    }

    /// A transposed convolution with a bias: `{path}.weight` of shape `[in, out, size, size]` and `{path}.bias` of shape `[out]`.
    /// Of a flat code as [without](Builder::transposed_convolution).
    pub fn transposed_convolution_with_bias(
        &mut self,
        path: &str,
        x: Node,
        out: i64,
        size: i64,
        stride: i64,
        pad: i64,
    ) -> Node {
        let weight = self.weights.take(&format!("{path}.weight"), &[x.channels, out, size, size]);
        let bias = self.weights.take(&format!("{path}.bias"), &[out]);
        self.transposed_convolution_of(path, x, weight, Some(bias), stride, pad)
    }

    /// A transposed convolution with tensors that the caller prepared: `weight` `[in,out,k,k]`, `bias` `[out]`.
    pub fn transposed_convolution_of(
        &mut self,
        name: &str,
        x: Node,
        weight: Tensor,
        bias: Option<Tensor>,
        stride: i64,
        padding: i64,
    ) -> Node {
        let out = weight.size()[1];
        let of_code = x.index == 0 && !self.spatial;
        let layer = TransposedConvolution::new(given(&weight), bias.as_ref().map(given), stride, padding, of_code);
        self.push(name, layer, &[x], out)
    }

    /// A convolution with tensors that the caller prepared: `weight` `[out, in/groups, k, k]`, `bias` `[out]`.
    pub fn convolution_of(
        &mut self,
        name: &str,
        x: Node,
        weight: Tensor,
        bias: Option<Tensor>,
        kernel: Kernel,
    ) -> Node {
        let out = weight.size()[0];
        let Kernel { stride, padding, groups, .. } = kernel;
        let layer = Convolution::new(given(&weight), bias.as_ref().map(given), stride, padding, groups);
        self.push(name, layer, &[x], out)
    }

    /// Every pixel four times (nearest), and a 3 x 3 convolution of that, padded with 1: `{path}.weight` `[out,in,3,3]`
    /// and, if it has one, `{path}.bias` `[out]`. The enlarged picture is never made.
    pub fn upsampled_convolution(&mut self, path: &str, x: Node, out: i64, bias: bool) -> Node {
        let weight = self.weights.take(&format!("{path}.weight"), &[out, x.channels, 3, 3]);
        let bias = bias.then(|| self.weights.take(&format!("{path}.bias"), &[out]));
        self.upsampled_convolution_of(path, x, weight, bias)
    }

    /// A convolution of the picture enlarged twice, with tensors that the caller prepared: `weight` `[out,in,3,3]`, `bias` `[out]`.
    pub fn upsampled_convolution_of(&mut self, name: &str, x: Node, weight: Tensor, bias: Option<Tensor>) -> Node {
        let out = weight.size()[0];
        let layer = UpsampledConvolution::new(given(&weight), bias.as_ref().map(given));
        self.push(name, layer, &[x], out)
    }

    /// StyleGAN2's `upfirdn2d` without downsampling: `up` - 1 zeros (`up` is 1 or 2) behind every pixel in both directions,
    /// `pad` zeros before and behind all of them, and a convolution of every channel with `kernel` `[k,k]`. The output has
    /// `up` H + before + after - k + 1 rows.
    ///
    /// # Panics
    /// If a padding is negative, or `up` another number.
    pub fn fir(&mut self, name: &str, x: Node, kernel: Tensor, up: i64, pad: [i64; 2]) -> Node {
        assert!(pad.iter().all(|&pad| pad >= 0) && (1..=2).contains(&up), "fir: up {up}, padding {pad:?}");
        self.push(name, Fir::new(&given(&kernel), x.channels, up, pad), &[x], x.channels)
    }

    /// A fully connected layer: `{path}.weight` `[out, in]` and `{path}.bias` `[out]`.
    pub fn linear(&mut self, path: &str, x: Node, out: i64) -> Node {
        let weight = self.weights.take(&format!("{path}.weight"), &[out, x.channels]);
        let bias = self.weights.take(&format!("{path}.bias"), &[out]);
        self.linear_of(path, x, weight, Some(bias))
    }

    /// A fully connected layer without a bias: `{path}.weight` `[out, in]`.
    pub fn linear_without_bias(&mut self, path: &str, x: Node, out: i64) -> Node {
        let weight = self.weights.take(&format!("{path}.weight"), &[out, x.channels]);
        self.linear_of(path, x, weight, None)
    }

    /// A fully connected layer with tensors that the caller prepared: `weight` `[out,in]`, `bias` `[out]`.
    pub fn linear_of(&mut self, name: &str, x: Node, weight: Tensor, bias: Option<Tensor>) -> Node {
        let out = weight.size()[0];
        let bias = bias.unwrap_or_else(|| Tensor::zeros([out], (Kind::Float, Device::Cpu)));
        self.push(name, Linear::new(given(&weight), given(&bias)), &[x], out)
    }

    /// Batch normalization with the stored statistics: `{path}.{weight,bias,running_mean,running_var}`, all `[C]`.
    ///
    /// Directly behind a convolution it is folded into it: y = (w * x - mean) * s + bias with s = weight / sqrt(var + eps)
    /// is a convolution with kernel w * s. The convolution's path becomes an alias of this one. Elsewhere it is an affine.
    pub fn batch_norm(&mut self, path: &str, x: Node, eps: f64) -> Node {
        let [weight, bias, mean, var] = ["weight", "bias", "running_mean", "running_var"]
            .map(|part| self.weights.take(&format!("{path}.{part}"), &[x.channels]).to_kind(Kind::Double));
        let scale = weight / (var + eps).sqrt();
        let shift = bias - &mean * &scale;
        let last = x.index + 1 == self.steps.len();
        let filters = match &mut self.steps[x.index].source {
            Source::Layer(layer) if last => layer.filters(),
            _ => None,
        };
        let Some(Filters { weight, bias, over }) = filters else {
            return self.affine_of(path, x, scale, shift);
        };
        *weight = (weight.to_kind(Kind::Double) * scale.view(over)).to_kind(Kind::Float).into();
        let before = bias.as_ref().map_or_else(|| shift.zeros_like(), |b| b.to_kind(Kind::Double));
        *bias = Some((before * scale + shift).to_kind(Kind::Float).into());
        if let Some(tap) = self.taps.iter_mut().find(|tap| tap.point.0 == x.index) {
            let convolution = std::mem::replace(&mut tap.name, path.to_owned());
            tap.aliases.push(convolution);
        }
        x
    }

    /// x * scale + shift by channel, with tensors `[C]` that the caller prepared.
    pub fn affine_of(&mut self, name: &str, x: Node, scale: Tensor, shift: Tensor) -> Node {
        let [scale, shift] = [scale, shift].map(|tensor| given(&tensor).view([-1, 1, 1]));
        self.push(name, Affine::new(scale, shift), &[x], x.channels)
    }

    /// (x - mean) / sqrt(var + eps) by channel, with statistics `[C]` that the caller prepared.
    pub fn normalize_with(&mut self, name: &str, x: Node, mean: Tensor, var: Tensor, eps: f64) -> Node {
        let [mean, var] = [mean, var].map(|tensor| tensor.detach().to_kind(Kind::Double));
        let scale = (var + eps).rsqrt();
        let shift = -(mean * &scale);
        self.affine_of(name, x, scale, shift)
    }

    /// PyTorch's `GroupNorm`: `{path}.weight` and `{path}.bias` `[C]`.
    pub fn group_norm(&mut self, path: &str, x: Node, groups: i64, eps: f64) -> Node {
        let [weight, bias] = ["weight", "bias"].map(|part| self.weights.take(&format!("{path}.{part}"), &[x.channels]));
        self.push(path, GroupNorm::new(weight, bias, groups, eps), &[x], x.channels)
    }

    /// x / sqrt(mean of x^2 over the channels + eps), of `[N,C]` and `[N,C,H,W]` (Karras et al. 2018, "Progressive Growing
    /// of GANs").
    pub fn pixel_norm(&mut self, name: &str, x: Node, eps: f64) -> Node {
        self.push(name, PixelNorm { eps }, &[x], x.channels)
    }

    /// PyTorch's `LocalResponseNorm`: x / (k + alpha / size * sum of x^2 over `size` neighbouring channels)^beta.
    pub fn local_response_norm(&mut self, name: &str, x: Node, size: i64, alpha: f64, beta: f64, k: f64) -> Node {
        self.push(name, LocalResponseNorm { size, alpha, beta, k }, &[x], x.channels)
    }

    /// max(x, 0), as a point of its own.
    pub fn relu(&mut self, name: &str, x: Node) -> Node {
        self.push(name, Activation::Relu, &[x], x.channels)
    }

    /// min(max(x, 0), 6), as a point of its own.
    pub fn relu6(&mut self, name: &str, x: Node) -> Node {
        self.push(name, Activation::Relu6, &[x], x.channels)
    }

    /// tanh(x), as a point of its own.
    pub fn tanh(&mut self, name: &str, x: Node) -> Node {
        self.push(name, Tanh, &[x], x.channels)
    }

    /// gain max(x, slope x), with a slope from 0 to 1 and a positive gain.
    ///
    /// # Panics
    /// If they are not.
    pub fn leaky_relu(&mut self, name: &str, x: Node, slope: f64, gain: f64) -> Node {
        assert!((0. ..=1.).contains(&slope) && gain > 0., "leaky_relu: slope {slope}, gain {gain}");
        self.push(name, LeakyRelu { slope, gain }, &[x], x.channels)
    }

    /// x sigmoid(x).
    pub fn swish(&mut self, name: &str, x: Node) -> Node {
        self.push(name, Swish, &[x], x.channels)
    }

    /// limit tanh(x / limit).
    pub fn soft_clamp(&mut self, name: &str, x: Node, limit: f64) -> Node {
        self.push(name, SoftClamp { limit }, &[x], x.channels)
    }

    /// x^2.
    pub fn square(&mut self, name: &str, x: Node) -> Node {
        self.push(name, Square, &[x], x.channels)
    }

    /// 1 / sqrt(x + eps).
    pub fn reciprocal_root(&mut self, name: &str, x: Node, eps: f64) -> Node {
        self.push(name, ReciprocalRoot { eps }, &[x], x.channels)
    }

    /// x + number.
    pub fn add_number(&mut self, name: &str, x: Node, number: f64) -> Node {
        self.push(name, AddNumber { number }, &[x], x.channels)
    }

    /// `[N,C,H,W]` plus a fixed map `[1,H,W]`, the same for all samples and channels.
    pub fn add_map(&mut self, name: &str, x: Node, map: Tensor) -> Node {
        self.push(name, AddMap::new(given(&map)), &[x], x.channels)
    }

    /// x + gamma y, gamma being `[1]`.
    pub fn scaled_add(&mut self, name: &str, x: Node, y: Node, gamma: Tensor) -> Node {
        self.push(name, ScaledAdd::new(given(&gamma)), &[x, y], x.channels)
    }

    /// `[N,C,H,W]` times `[N,C]`.
    pub fn scale_channels(&mut self, name: &str, x: Node, s: Node) -> Node {
        self.push(name, ScaleChannels, &[x, s], x.channels)
    }

    /// `[N,C,H,W]` plus `[N,C]`.
    pub fn shift_channels(&mut self, name: &str, x: Node, b: Node) -> Node {
        self.push(name, ShiftChannels, &[x, b], x.channels)
    }

    /// A constant `[C,H,W]`, given to every sample of the batch of `of`, to which no gradient goes back.
    pub fn constant(&mut self, name: &str, of: Node, value: Tensor) -> Node {
        let channels = value.size()[0];
        self.push(name, ConstantInput::new(given(&value).unsqueeze(0)), &[of], channels)
    }

    /// Attention of `query` `[N,D,H,W]` over the positions of `key` `[N,D,h,w]` and `value` `[N,E,h,w]`: at each of the
    /// query's positions the mean of the value, weighted by softmax(scale q·k), which is `[N,E,H,W]`.
    pub fn attention(&mut self, name: &str, query: Node, key: Node, value: Node, scale: f64) -> Node {
        self.push(name, Attention { scale }, &[query, key, value], value.channels)
    }

    /// Each position of `[N,C,H,W]` as the nearest vector of `codebook` `[K,C]` by squared distance, the first of several.
    /// The gradient passes straight through (van den Oord et al. 2017, "Neural Discrete Representation Learning").
    pub fn quantize(&mut self, name: &str, x: Node, codebook: Tensor) -> Node {
        self.push(name, Quantization::new(given(&codebook)), &[x], x.channels)
    }

    /// The sum of a block and its residual connection.
    pub fn add(&mut self, name: &str, x: Node, y: Node) -> Node {
        self.push(name, Add, &[x, y], x.channels)
    }

    /// The mean over height and width.
    pub fn global_average_pool(&mut self, name: &str, x: Node) -> Node {
        self.push(name, GlobalAveragePool, &[x], x.channels)
    }

    /// The largest value of each window.
    pub fn max_pool(&mut self, name: &str, x: Node, pool: Pool) -> Node {
        self.push(name, MaxPool(pool), &[x], x.channels)
    }

    /// The mean of each window, zeros of the padding included.
    pub fn average_pool(&mut self, name: &str, x: Node, pool: Pool) -> Node {
        self.push(name, AveragePool(pool), &[x], x.channels)
    }

    /// Means over `output` rows and columns of windows, whatever the size of the input.
    pub fn adaptive_average_pool(&mut self, name: &str, x: Node, output: [i64; 2]) -> Node {
        self.push(name, AdaptiveAveragePool { output }, &[x], x.channels)
    }

    /// The channels of several activations of one height and width, one after the other.
    pub fn concatenate(&mut self, name: &str, parts: &[Node]) -> Node {
        let channels: Vec<i64> = parts.iter().map(|part| part.channels).collect();
        let all = channels.iter().sum();
        self.push(name, Concatenation { channels }, parts, all)
    }

    /// All numbers of a sample in a row, channel by channel, for a fully connected layer; `positions` is height x width.
    pub fn flatten(&mut self, name: &str, x: Node, positions: i64) -> Node {
        self.push(name, Flatten, &[x], x.channels * positions)
    }

    /// The numbers of a sample as `to` `[C,H,W]`, channel by channel.
    pub fn reshape(&mut self, name: &str, x: Node, to: [i64; 3]) -> Node {
        self.push(name, Reshape { to, channels_last: false }, &[x], to[0])
    }

    /// The numbers of a sample as `to` `[C,H,W]`, position by position: `[N, H W C]` seen as `[N,H,W,C]`.
    pub fn reshape_nhwc(&mut self, name: &str, x: Node, to: [i64; 3]) -> Node {
        self.push(name, Reshape { to, channels_last: true }, &[x], to[0])
    }

    /// The `count` channels of `[N,C]` or `[N,C,H,W]` from `start` on.
    pub fn channels(&mut self, name: &str, x: Node, start: i64, count: i64) -> Node {
        self.push(name, Channels { start, count, of: x.channels }, &[x], count)
    }

    /// Every pixel four times: twice the height and the width.
    pub fn upsample_nearest(&mut self, name: &str, x: Node) -> Node {
        self.push(name, UpsampleNearest, &[x], x.channels)
    }

    /// Another name of a point.
    pub fn alias(&mut self, x: Node, alias: &str) {
        if let Some(tap) = self.taps.iter_mut().find(|tap| tap.point.0 == x.index) {
            tap.aliases.push(alias.to_owned());
        }
    }

    /// The network (f32, on the CPU), or everything that is wrong with the weights file.
    pub fn finish(mut self) -> Result<Network, WeightError> {
        let notes = self.weights.finish()?;
        let _guard = tch::no_grad_guard();
        for step in &mut self.steps {
            if let Source::Layer(layer) = &mut step.source {
                layer.prepare();
                layer.map_tensors(&channels_last);
            }
        }
        Ok(Network {
            steps: self.steps,
            taps: self.taps,
            kind: Kind::Float,
            device: Device::Cpu,
            imported: false,
            beside: vec![],
            notes,
        })
    }
}
