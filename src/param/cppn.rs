//! A small network from coordinates to colours, whose weights are the trainable tensors: a compositional pattern-producing network (Stanley 2007) as Mordvintsev
//! et al. 2018, "Differentiable Image Parameterizations", optimize it. Its pictures are smooth, and have any resolution.

use frozen::network::channels_last;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use super::parameterization::{Param, Resampling};
use crate::error::Result;
use crate::random::{Purpose, Seed, normal, stream};

/// Settings of the param `cppn`: layers and channels of the network.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CppnSpec {
    /// Layers before the last one, which makes colours; from 1 to [`MOST_LAYERS`].
    #[serde(default = "layers")]
    pub layers: usize,
    /// Channels of each, from 1 to 256; the activation function makes two of each.
    #[serde(default = "channels")]
    pub channels: i64,
}

fn layers() -> usize {
    8
}

fn channels() -> i64 {
    24
}

/// The most layers before the last.
pub const MOST_LAYERS: usize = 12;

/// Names in a record.
const NAMES: [&str; 2 * (MOST_LAYERS + 1)] = [
    "weight_0",
    "bias_0",
    "weight_1",
    "bias_1",
    "weight_2",
    "bias_2",
    "weight_3",
    "bias_3",
    "weight_4",
    "bias_4",
    "weight_5",
    "bias_5",
    "weight_6",
    "bias_6",
    "weight_7",
    "bias_7",
    "weight_8",
    "bias_8",
    "weight_9",
    "bias_9",
    "weight_10",
    "bias_10",
    "weight_11",
    "bias_11",
    "weight_12",
    "bias_12",
];

/// Standard deviation of the biases that it starts from.
const BIAS: f64 = 0.1;

/// What makes the two parts of the activation function, `atan x` and its square, have about the deviation 1.
const SCALES: [f64; 2] = [0.67, 0.6];

/// Networks of a batch: coordinates from -√3 to √3, layers of `atan`, a sigmoid at the end.
#[derive(Debug)]
pub struct Cppn {
    size: [i64; 2],
    /// Of each layer the weights `[N,out,in]` and the biases `[N,out,1]`.
    layers: Vec<[Tensor; 2]>,
    /// x and y of every pixel, `[1,2,H W]`.
    coordinates: Tensor,
    /// Of the last pictures: the inputs of each layer, what came of it before the activation function, and the picture `[N,3,H W]`.
    made: Option<(Vec<Tensor>, Vec<Tensor>, Tensor)>,
}

impl Cppn {
    /// Weights of each seed, normal with the deviation that keeps the deviation 1; those of the last layer are 0, so that it starts from grey.
    pub fn new(spec: CppnSpec, seeds: &[Seed], size: [i64; 2], kind: Kind, device: Device) -> Cppn {
        let mut streams: Vec<_> = seeds.iter().map(|&seed| stream(seed, Purpose::Start, 0)).collect();
        let count = seeds.len() as i64;
        let mut draw = |out: i64, inputs: i64, deviation: f64| {
            let drawn = streams.iter_mut().map(|rng| Tensor::from_slice(&normal(rng, (out * inputs) as usize)));
            let drawn = Tensor::stack(&drawn.collect::<Vec<_>>(), 0).view([count, out, inputs]);
            drawn.to_kind(kind).to_device(device) * deviation
        };
        let mut layers = vec![];
        let mut inputs = 2;
        for _ in 0..spec.layers.clamp(1, MOST_LAYERS) {
            layers.push([draw(spec.channels, inputs, (1. / inputs as f64).sqrt()), draw(spec.channels, 1, BIAS)]);
            inputs = 2 * spec.channels;
        }
        let zeros = |shape: [i64; 3]| Tensor::zeros(shape, (kind, device));
        layers.push([zeros([count, 3, inputs]), zeros([count, 3, 1])]);
        Cppn::of_layers(layers, size)
    }

    /// Of these weights `[N,out,in]` and biases `[N,out,1]`.
    pub fn of_layers(layers: Vec<[Tensor; 2]>, size: [i64; 2]) -> Cppn {
        let (kind, device) = (layers[0][0].kind(), layers[0][0].device());
        let range = |count: i64| Tensor::linspace(-(3f64.sqrt()), 3f64.sqrt(), count, (Kind::Double, Device::Cpu));
        let [height, width] = size;
        let y = range(height).view([height, 1]).expand([height, width], false);
        let x = range(width).view([1, width]).expand([height, width], false);
        let coordinates = Tensor::stack(&[x, y], 0).reshape([1, 2, height * width]).to_kind(kind).to_device(device);
        Cppn { size, layers, coordinates, made: None }
    }
}

impl Param for Cppn {
    fn pictures(&mut self) -> Tensor {
        let count = self.layers[0][0].size()[0];
        let (mut inputs, mut sums) = (vec![], vec![]);
        let mut x = self.coordinates.expand([count, -1, -1], false);
        for (number, [weight, bias]) in self.layers.iter().enumerate() {
            let sum = weight.bmm(&x) + bias;
            inputs.push(x);
            x = match number + 1 == self.layers.len() {
                true => sum.sigmoid(),
                false => {
                    let angle = sum.atan();
                    Tensor::cat(&[&angle / SCALES[0], angle.square() / SCALES[1]], 1)
                }
            };
            sums.push(sum);
        }
        let [height, width] = self.size;
        let picture = channels_last(&x.view([count, 3, height, width]));
        self.made = Some((inputs, sums, x));
        picture
    }

    fn pullback(&mut self, gradient: &Tensor) -> Vec<Tensor> {
        let (inputs, sums, picture) = self.made.take().expect("pictures were made before");
        let mut at_sum = Tensor::sigmoid_backward(&gradient.contiguous().view_as(&picture), &picture);
        let mut gradients = vec![];
        for (number, [weight, _]) in self.layers.iter().enumerate().rev() {
            let of_bias = at_sum.sum_dim_intlist([2i64].as_slice(), true, None::<Kind>);
            gradients.push([at_sum.bmm(&inputs[number].transpose(1, 2)), of_bias]);
            let Some(before) = number.checked_sub(1) else { break };
            let at_inputs = weight.transpose(1, 2).bmm(&at_sum);
            let parts = at_inputs.chunk(2, 1);
            let angle = sums[before].atan();
            let at_angle = &parts[0] / SCALES[0] + &parts[1] * angle * (2. / SCALES[1]);
            at_sum = at_angle / (sums[before].square() + 1.);
        }
        gradients.into_iter().rev().flatten().collect()
    }

    fn tensors(&self) -> Vec<Tensor> {
        self.layers.iter().flatten().map(Tensor::shallow_clone).collect()
    }

    fn state(&self) -> Vec<(&'static str, Tensor)> {
        NAMES.into_iter().zip(self.tensors()).collect()
    }

    fn project(&mut self) {}

    fn size(&self) -> [i64; 2] {
        self.size
    }

    fn resize(&mut self, size: [i64; 2], _: Resampling, _: Option<[&Tensor; 2]>) -> Result<()> {
        *self = Cppn::of_layers(std::mem::take(&mut self.layers), size);
        Ok(())
    }
}
