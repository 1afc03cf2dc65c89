//! GoogLeNet (Szegedy et al. 2015, "Going deeper with convolutions") as Caffe trained it (`bvlc_googlenet`): without batch norm, with local
//! response normalizations; the network of DeepDream (Mordvintsev, Olah & Tyka 2015).
//!
//! Layers have the names of Caffe's blobs: `conv1/7x7_s2`, `pool1/norm1`, `inception_4c/3x3`, `inception_4c/output`, `loss3/classifier`, … As
//! there, a convolution's name means what is behind its ReLU; what is before is `NAME.pre`. Lucid's names (`conv2d0`, `mixed4c`) are
//! aliases. The file's tensors are `X.weight` and `X.bias`; its kernels see blue, green, red in levels from 0 to 255 less a mean: the order
//! is turned in the first kernel here, and [`MEAN`] and [`STD`] do the rest.

use frozen::load::LoadError;
use frozen::network::{Builder, Kernel, Network, Node, Pool};
use frozen::weights::{WeightError, Weights};

use crate::built::Built;
use crate::entry::Entry;
use crate::parts::{LOGITS, square};

/// Side of its pictures in pixels.
pub const RESOLUTION: i64 = 224;
/// Subtracted from each channel of pictures in `[0,1]`: levels 123, 117, 104.
pub const MEAN: [f64; 3] = [123. / 255., 117. / 255., 104. / 255.];
/// Divides them after that: one level.
pub const STD: [f64; 3] = [1. / 255.; 3];

/// Name, Lucid's name, and widths of each module: 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool proj (Table 1 of the paper).
const MODULES: [(&str, &str, [i64; 6]); 9] = [
    ("inception_3a", "mixed3a", [64, 96, 128, 16, 32, 32]),
    ("inception_3b", "mixed3b", [128, 128, 192, 32, 96, 64]),
    ("inception_4a", "mixed4a", [192, 96, 208, 16, 48, 64]),
    ("inception_4b", "mixed4b", [160, 112, 224, 24, 64, 64]),
    ("inception_4c", "mixed4c", [128, 128, 256, 24, 64, 64]),
    ("inception_4d", "mixed4d", [112, 144, 288, 32, 64, 64]),
    ("inception_4e", "mixed4e", [256, 160, 320, 32, 128, 128]),
    ("inception_5a", "mixed5a", [256, 160, 320, 32, 128, 128]),
    ("inception_5b", "mixed5b", [384, 192, 384, 48, 128, 128]),
];

/// The network of an entry, and how pictures enter it.
///
/// # Errors
/// If the file is not that of this network.
pub(crate) fn load(entry: &mut Entry) -> Result<Built, LoadError> {
    let network = network(entry.tensors()?)?;
    Ok(Built::of(network, 1000, RESOLUTION, MEAN, STD))
}

/// The network: pictures `[N,3,224,224]`, normalised, to logits `[N,1000]`.
///
/// # Errors
/// If the weights are not those of this network: every missing, unexpected or mis-shaped tensor is listed.
pub fn network(mut weights: Weights) -> Result<Network, WeightError> {
    weights.skip(|name| name.starts_with("loss1/") || name.starts_with("loss2/"));
    weights.reshape("loss3/classifier.weight", &[1000, 1024, 1, 1], &[1000, 1024]);
    let pool = Pool::new(3, 2).ceil();
    let (mut net, mut x) = Builder::new(weights, 3);
    let weight = net.weights().take("conv1/7x7_s2.weight", &[64, 3, 7, 7]).flip([1]);
    let bias = net.weights().take("conv1/7x7_s2.bias", &[64]);
    x = net.convolution_of("conv1/7x7_s2.pre", x, weight, Some(bias), square(7, 2, 3));
    x = rectified(&mut net, "conv1/7x7_s2", "conv1/relu_7x7", x);
    net.alias(x, "conv2d0");
    x = net.max_pool("pool1/3x3_s2", x, pool);
    x = net.local_response_norm("pool1/norm1", x, 5, 1e-4, 0.75, 1.);
    x = convolution(&mut net, "conv2/3x3_reduce", x, 64, square(1, 1, 0));
    net.alias(x, "conv2d1");
    x = convolution(&mut net, "conv2/3x3", x, 192, square(3, 1, 1));
    net.alias(x, "conv2d2");
    x = net.local_response_norm("conv2/norm2", x, 5, 1e-4, 0.75, 1.);
    x = net.max_pool("pool2/3x3_s2", x, pool);
    for (module, lucid, widths) in MODULES {
        x = inception(&mut net, module, lucid, x, widths);
        x = match module {
            "inception_3b" => net.max_pool("pool3/3x3_s2", x, pool),
            "inception_4e" => net.max_pool("pool4/3x3_s2", x, pool),
            _ => x,
        };
    }
    x = net.global_average_pool("pool5/7x7_s1", x);
    x = net.linear("loss3/classifier", x, 1000);
    net.alias(x, LOGITS);
    net.finish()
}

/// The ReLU behind a convolution, which Caffe writes over it.
fn rectified(net: &mut Builder, path: &str, relu: &str, x: Node) -> Node {
    let x = net.relu(path, x);
    net.alias(x, relu);
    x
}

/// `PATH.pre`, and its ReLU `PATH`.
fn convolution(net: &mut Builder, path: &str, x: Node, out: i64, kernel: Kernel) -> Node {
    let channels = net.channels_of(x);
    let weight = net.weights().take(&format!("{path}.weight"), &[out, channels, kernel.size, kernel.size]);
    let bias = net.weights().take(&format!("{path}.bias"), &[out]);
    let x = net.convolution_of(&format!("{path}.pre"), x, weight, Some(bias), kernel);
    let relu =
        path.rsplit_once('/').map_or_else(|| format!("relu_{path}"), |(module, part)| format!("{module}/relu_{part}"));
    rectified(net, path, &relu, x)
}

/// Four branches side by side.
fn inception(net: &mut Builder, module: &str, lucid: &str, x: Node, widths: [i64; 6]) -> Node {
    let [one, three_reduce, three, five_reduce, five, pooled] = widths;
    let at = |part: &str| format!("{module}/{part}");
    let branch1 = convolution(net, &at("1x1"), x, one, square(1, 1, 0));
    let branch2 = convolution(net, &at("3x3_reduce"), x, three_reduce, square(1, 1, 0));
    let branch2 = convolution(net, &at("3x3"), branch2, three, square(3, 1, 1));
    let branch3 = convolution(net, &at("5x5_reduce"), x, five_reduce, square(1, 1, 0));
    let branch3 = convolution(net, &at("5x5"), branch3, five, square(5, 1, 2));
    let branch4 = net.max_pool(&at("pool"), x, Pool::new(3, 1).padded(1));
    let branch4 = convolution(net, &at("pool_proj"), branch4, pooled, square(1, 1, 0));
    let output = net.concatenate(&at("output"), &[branch1, branch2, branch3, branch4]);
    net.alias(output, module);
    net.alias(output, lucid);
    output
}
