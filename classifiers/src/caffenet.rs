//! CaffeNet (Jia et al. 2014, "Caffe: Convolutional Architecture for Fast Feature Embedding"; `bvlc_reference_caffenet`): the
//! network of Krizhevsky, Sutskever & Hinton 2012 with the poolings before the local response normalizations.
//!
//! Layers have Caffe's names: `conv1`, `relu1`, `pool1`, `norm1`, … `pool5`, `fc6`, `relu6`, `fc7`, `relu7`, `fc8`; the file's
//! tensors are `X.weight` and `X.bias`, or `X.1.weight` and `X.1.bias` where a port wraps its fully connected layers. Its kernels
//! see blue, green, red in levels from 0 to 255 less a mean; the order is turned in `conv1`'s kernel here, and [`MEAN`] and [`STD`]
//! do the rest.

use frozen::load::LoadError;
use frozen::network::{Builder, Kernel, Network, Padding, Pool};
use frozen::weights::{WeightError, Weights};

use crate::built::Built;
use crate::entry::Entry;
use crate::parts::{LOGITS, dense};

/// Side of its pictures: that which `fc6` fits.
pub const RESOLUTION: i64 = 227;
/// Subtracted from each channel of pictures in `[0,1]`: levels 123, 117, 104.
pub const MEAN: [f64; 3] = [123. / 255., 117. / 255., 104. / 255.];
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

/// The network: pictures `[N,3,227,227]`, normalised, to logits `[N,1000]`.
///
/// # Errors
/// If the weights are not those of this network: every missing, unexpected or mis-shaped tensor is listed.
pub fn network(weights: Weights) -> Result<Network, WeightError> {
    let mut weights = weights.unwrapped();
    let pool = Pool::new(3, 2).ceil();
    let weight = weights.take("conv1.weight", &[96, 3, 11, 11]).flip([1]);
    let bias = weights.take("conv1.bias", &[96]);
    let (mut net, mut x) = Builder::new(weights, 3);
    let kernel = |size, stride, padding, groups| Kernel { size, stride, padding: Padding::Symmetric(padding), groups };
    x = net.convolution_of("conv1", x, weight, Some(bias), kernel(11, 4, 0, 1));
    x = net.relu("relu1", x);
    x = net.max_pool("pool1", x, pool);
    x = net.local_response_norm("norm1", x, 5, 1e-4, 0.75, 1.);
    x = net.convolution_with_bias("conv2", x, 256, kernel(5, 1, 2, 2));
    x = net.relu("relu2", x);
    x = net.max_pool("pool2", x, pool);
    x = net.local_response_norm("norm2", x, 5, 1e-4, 0.75, 1.);
    for (number, out, groups) in [(3, 384, 1), (4, 384, 2), (5, 256, 2)] {
        x = net.convolution_with_bias(&format!("conv{number}"), x, out, kernel(3, 1, 1, groups));
        x = net.relu(&format!("relu{number}"), x);
    }
    x = net.max_pool("pool5", x, pool);
    x = net.flatten("flatten", x, 36);
    x = dense(&mut net, "fc6", "fc1", "relu6", x, 4096);
    x = dense(&mut net, "fc7", "fc2", "relu7", x, 4096);
    x = net.linear("fc8", x, 1000);
    net.alias(x, LOGITS);
    net.finish()
}
