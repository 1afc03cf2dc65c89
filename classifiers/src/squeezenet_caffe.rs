//! SqueezeNet 1.1 (Iandola et al. 2016, "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters") with the authors' own weights, which
//! Caffe trained: layers and tensors have Caffe's names with dots (`fire2.squeeze1x1`, `conv10`), as their port to Keras keeps them. A
//! ReLU stands before the last pooling, so that no logit is below zero.
//!
//! Kernels `X.kernel` see blue, green, red in levels from 0 to 255 less a mean: the order is turned in the first kernel here.

use frozen::load::LoadError;
use frozen::network::{Builder, Kernel, Network, Node, Pool};
use frozen::weights::{WeightError, Weights};

use crate::built::Built;
use crate::entry::Entry;
use crate::parts::{LOGITS, square};

/// Side of its pictures in pixels.
pub const RESOLUTION: i64 = 227;
/// Subtracted from each channel of pictures in `[0,1]`: levels 123.68, 116.779, 103.939.
pub const MEAN: [f64; 3] = [123.68 / 255., 116.779 / 255., 103.939 / 255.];
/// Divides them after that: one level.
pub const STD: [f64; 3] = [1. / 255.; 3];

/// The network of an entry, and how pictures enter it.
///
/// # Errors
/// If the file is not that of this network.
pub(crate) fn load(entry: &mut Entry) -> Result<Built, LoadError> {
    let network = network(entry.tensors()?)?;
    Ok(Built::of(network, 1000, RESOLUTION, MEAN, STD))
}

/// The network: pictures `[N,3,S,S]`, normalised, to logits `[N,1000]`; S is at least 17.
///
/// # Errors
/// If the weights are not those of this network: every missing, unexpected or mis-shaped tensor is listed.
pub fn network(weights: Weights) -> Result<Network, WeightError> {
    let pool = Pool::new(3, 2).ceil();
    let (mut net, mut x) = Builder::new(weights, 3);
    let weight = net.weights().take("conv1.kernel", &[64, 3, 3, 3]).flip([1]);
    x = rectified(&mut net, "conv1", x, weight, square(3, 2, 0));
    x = net.max_pool("pool1", x, pool);
    for (number, narrow, wide) in
        [(2, 16, 64), (3, 16, 64), (4, 32, 128), (5, 32, 128), (6, 48, 192), (7, 48, 192), (8, 64, 256), (9, 64, 256)]
    {
        x = fire(&mut net, number, x, narrow, wide);
        if number == 3 || number == 5 {
            x = net.max_pool(&format!("pool{number}"), x, pool);
        }
    }
    x = convolution(&mut net, "conv10", x, 1000, square(1, 1, 0));
    x = net.global_average_pool("pool10", x);
    net.alias(x, LOGITS);
    net.finish()
}

/// A convolution with its bias `PATH.bias`, `PATH.pre`, and its ReLU `PATH`.
fn rectified(net: &mut Builder, path: &str, x: Node, weight: tch::Tensor, kernel: Kernel) -> Node {
    let bias = net.weights().take(&format!("{path}.bias"), &[weight.size()[0]]);
    let x = net.convolution_of(&format!("{path}.pre"), x, weight, Some(bias), kernel);
    net.relu(path, x)
}

fn convolution(net: &mut Builder, path: &str, x: Node, out: i64, kernel: Kernel) -> Node {
    let channels = net.channels_of(x);
    let weight = net.weights().take(&format!("{path}.kernel"), &[out, channels, kernel.size, kernel.size]);
    rectified(net, path, x, weight, kernel)
}

/// A narrow 1 x 1 convolution, and a 1 x 1 and a 3 x 3 convolution of it side by side.
fn fire(net: &mut Builder, number: i64, x: Node, narrow: i64, wide: i64) -> Node {
    let at = |part: &str| format!("fire{number}.{part}");
    let x = convolution(net, &at("squeeze1x1"), x, narrow, square(1, 1, 0));
    let one = convolution(net, &at("expand1x1"), x, wide, square(1, 1, 0));
    let three = convolution(net, &at("expand3x3"), x, wide, square(3, 1, 1));
    let output = net.concatenate(&at("concat"), &[one, three]);
    net.alias(output, &format!("fire{number}"));
    output
}
