//! Building a network from a weights file, layer by layer, in the order of the forward pass.

use tch::{Device, Kind};

use super::layer::{Convolution, Layer, Padding, TransposedConvolution};
use super::pool::Pool;
use super::{Network, Point, Step, Tap, channels_last};
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
    /// Side.
    pub size: i64,
    /// Step in both directions.
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
}

impl Builder {
    /// Starts with a network's input of `channels` channels (a picture), or of that many numbers (a code).
    pub fn new(weights: Weights, channels: i64) -> (Builder, Node) {
        let steps = vec![Step { layer: Layer::Input, inputs: vec![] }];
        (Builder { weights, steps, taps: vec![] }, Node { index: 0, channels })
    }

    /// The file's tensors, for what a layer method does not cover.
    pub fn weights(&mut self) -> &mut Weights {
        &mut self.weights
    }

    fn push(&mut self, name: &str, layer: Layer, inputs: &[Node], channels: i64) -> Node {
        let index = self.steps.len();
        self.steps.push(Step { layer, inputs: inputs.iter().map(|node| node.index).collect() });
        self.taps.push(Tap { name: name.to_owned(), aliases: vec![], point: Point(index) });
        Node { index, channels }
    }

    /// A convolution without bias: `{path}.weight` of shape `[out, in/groups, size, size]`.
    pub fn convolution(&mut self, path: &str, x: Node, out: i64, kernel: Kernel) -> Node {
        let Kernel { size, stride, padding, groups } = kernel;
        let weight = self.weights.take(&format!("{path}.weight"), &[out, x.channels / groups, size, size]);
        self.push(path, Layer::Convolution(Convolution::new(weight, None, stride, padding, groups)), &[x], out)
    }

    /// The same with a bias: `{path}.bias` of shape `[out]`.
    pub fn convolution_with_bias(&mut self, path: &str, x: Node, out: i64, kernel: Kernel) -> Node {
        let x = self.convolution(path, x, out, kernel);
        let of_path = self.weights.take(&format!("{path}.bias"), &[out]);
        if let Layer::Convolution(convolution) = &mut self.steps[x.index].layer {
            convolution.bias = Some(of_path);
        }
        x
    }

    /// A convolution without bias whose kernel has sides of its own, odd ones: `{path}.weight` of shape
    /// `[out, in, rows, columns]`. Its stride is 1 and its output as large as its input.
    pub fn rectangular_convolution(&mut self, path: &str, x: Node, out: i64, [rows, columns]: [i64; 2]) -> Node {
        let weight = self.weights.take(&format!("{path}.weight"), &[out, x.channels, rows, columns]);
        let padding = Padding::Sides([rows / 2, columns / 2]);
        self.push(path, Layer::Convolution(Convolution::new(weight, None, 1, padding, 1)), &[x], out)
    }

    /// A transposed convolution without bias: `{path}.weight` of shape `[in, out, size, size]`. The network's input may be
    /// a flat code `[N,in]`, which counts as a picture of one pixel (stride 1, no padding).
    pub fn transposed_convolution(&mut self, path: &str, x: Node, out: i64, size: i64, stride: i64, pad: i64) -> Node {
        let weight = self.weights.take(&format!("{path}.weight"), &[x.channels, out, size, size]);
        let of_code = x.index == 0;
        let layer = TransposedConvolution::new(weight, None, stride, pad, of_code);
        self.push(path, Layer::TransposedConvolution(layer), &[x], out)
    }

    /// A fully connected layer: `{path}.weight` `[out, in]` and `{path}.bias` `[out]`.
    pub fn linear(&mut self, path: &str, x: Node, out: i64) -> Node {
        let weight = self.weights.take(&format!("{path}.weight"), &[out, x.channels]);
        let bias = self.weights.take(&format!("{path}.bias"), &[out]);
        self.push(path, Layer::Linear { weight, bias }, &[x], out)
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
        let folded = match &mut self.steps[x.index].layer {
            Layer::Convolution(c) if last => Some((&mut c.weight, &mut c.bias, [-1, 1, 1, 1])),
            Layer::TransposedConvolution(c) if last => Some((&mut c.weight, &mut c.bias, [1, -1, 1, 1])),
            _ => None,
        };
        let Some((kernel, old_bias, over)) = folded else {
            let layer = Layer::Affine {
                scale: scale.to_kind(Kind::Float).view([-1, 1, 1]),
                shift: shift.to_kind(Kind::Float).view([-1, 1, 1]),
            };
            return self.push(path, layer, &[x], x.channels);
        };
        *kernel = (kernel.to_kind(Kind::Double) * scale.view(over)).to_kind(Kind::Float);
        let before = old_bias.as_ref().map_or_else(|| shift.zeros_like(), |b| b.to_kind(Kind::Double));
        *old_bias = Some((before * scale + shift).to_kind(Kind::Float));
        if let Some(tap) = self.taps.iter_mut().find(|tap| tap.point.0 == x.index) {
            let convolution = std::mem::replace(&mut tap.name, path.to_owned());
            tap.aliases.push(convolution);
        }
        x
    }

    /// max(x, 0), as a point of its own.
    pub fn relu(&mut self, name: &str, x: Node) -> Node {
        self.push(name, Layer::Relu, &[x], x.channels)
    }

    /// min(max(x, 0), 6), as a point of its own.
    pub fn relu6(&mut self, name: &str, x: Node) -> Node {
        self.push(name, Layer::Relu6, &[x], x.channels)
    }

    /// tanh(x), as a point of its own.
    pub fn tanh(&mut self, name: &str, x: Node) -> Node {
        self.push(name, Layer::Tanh, &[x], x.channels)
    }

    /// The sum of a block and its residual connection.
    pub fn add(&mut self, name: &str, x: Node, y: Node) -> Node {
        self.push(name, Layer::Add, &[x, y], x.channels)
    }

    /// The mean over height and width.
    pub fn global_average_pool(&mut self, name: &str, x: Node) -> Node {
        self.push(name, Layer::GlobalAveragePool, &[x], x.channels)
    }

    /// The largest value of each window.
    pub fn max_pool(&mut self, name: &str, x: Node, pool: Pool) -> Node {
        self.push(name, Layer::MaxPool(pool), &[x], x.channels)
    }

    /// The mean of each window, zeros of the padding included.
    pub fn average_pool(&mut self, name: &str, x: Node, pool: Pool) -> Node {
        self.push(name, Layer::AveragePool(pool), &[x], x.channels)
    }

    /// Means over `output` rows and columns of windows, whatever the size of the input.
    pub fn adaptive_average_pool(&mut self, name: &str, x: Node, output: [i64; 2]) -> Node {
        self.push(name, Layer::AdaptiveAveragePool(output), &[x], x.channels)
    }

    /// The channels of several activations of one height and width, one after the other.
    pub fn concatenate(&mut self, name: &str, parts: &[Node]) -> Node {
        let channels: Vec<i64> = parts.iter().map(|part| part.channels).collect();
        let all = channels.iter().sum();
        self.push(name, Layer::Concatenation(channels), parts, all)
    }

    /// All numbers of a sample in a row, channel by channel, for a fully connected layer; `positions` is height x width.
    pub fn flatten(&mut self, name: &str, x: Node, positions: i64) -> Node {
        self.push(name, Layer::Flatten, &[x], x.channels * positions)
    }

    /// Another name of a point.
    pub fn alias(&mut self, x: Node, alias: &str) {
        if let Some(tap) = self.taps.iter_mut().find(|tap| tap.point.0 == x.index) {
            tap.aliases.push(alias.to_owned());
        }
    }

    /// The network (f32, on the CPU), or everything that is wrong with the weights file.
    pub fn finish(self) -> Result<Network, WeightError> {
        self.weights.finish()?;
        let _guard = tch::no_grad_guard();
        let steps = (self.steps.into_iter())
            .map(|mut step| {
                step.layer.prepare();
                Step { layer: step.layer.map_tensors(&channels_last), ..step }
            })
            .collect();
        Ok(Network { steps, taps: self.taps, kind: Kind::Float, device: Device::Cpu })
    }
}
