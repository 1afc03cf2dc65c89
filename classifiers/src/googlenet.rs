//! GoogLeNet (Szegedy et al. 2015, "Going deeper with convolutions") with batch norm, as torchvision has it: the third
//! branch's convolution is 3 x 3 and not 5 x 5. The auxiliary heads of the file are not used.

use frozen::network::{Builder, Kernel, Network, Node, Pool};
use frozen::weights::{WeightError, Weights};

use crate::parts::{LOGITS, square};

/// Epsilon of every batch norm.
const EPS: f64 = 1e-3;

/// The network: pictures `[N,3,S,S]` in [-1,1] to logits `[N,classes]`; S is at least 15.
///
/// # Errors
/// If the weights are not those of this network: every missing, unexpected or mis-shaped tensor is listed.
pub fn network(classes: i64, mut weights: Weights) -> Result<Network, WeightError> {
    weights.skip(|name| name.starts_with("aux1.") || name.starts_with("aux2."));
    let pool = Pool::new(3, 2).ceil();
    let (mut net, x) = Builder::new(weights, 3);
    let x = basic(&mut net, "conv1", x, 64, square(7, 2, 3));
    let x = net.max_pool("maxpool1", x, pool);
    let x = basic(&mut net, "conv2", x, 64, square(1, 1, 0));
    let x = basic(&mut net, "conv3", x, 192, square(3, 1, 1));
    let x = net.max_pool("maxpool2", x, pool);
    let x = inception(&mut net, "inception3a", x, [64, 96, 128, 16, 32, 32]);
    let x = inception(&mut net, "inception3b", x, [128, 128, 192, 32, 96, 64]);
    let x = net.max_pool("maxpool3", x, pool);
    let x = inception(&mut net, "inception4a", x, [192, 96, 208, 16, 48, 64]);
    let x = inception(&mut net, "inception4b", x, [160, 112, 224, 24, 64, 64]);
    let x = inception(&mut net, "inception4c", x, [128, 128, 256, 24, 64, 64]);
    let x = inception(&mut net, "inception4d", x, [112, 144, 288, 32, 64, 64]);
    let x = inception(&mut net, "inception4e", x, [256, 160, 320, 32, 128, 128]);
    let x = net.max_pool("maxpool4", x, Pool::new(2, 2).ceil());
    let x = inception(&mut net, "inception5a", x, [256, 160, 320, 32, 128, 128]);
    let x = inception(&mut net, "inception5b", x, [384, 192, 384, 48, 128, 128]);
    let x = net.global_average_pool("avgpool", x);
    let x = net.linear("fc", x, classes);
    net.alias(x, LOGITS);
    net.finish()
}

/// Convolution `PATH.conv`, batch norm `PATH.bn`, ReLU `PATH`.
fn basic(net: &mut Builder, path: &str, x: Node, out: i64, kernel: Kernel) -> Node {
    let x = net.convolution(&format!("{path}.conv"), x, out, kernel);
    let x = net.batch_norm(&format!("{path}.bn"), x, EPS);
    let x = net.relu(path, x);
    net.alias(x, &format!("{path}.bn.relu"));
    x
}

/// Four branches side by side; the widths are the paper's Table 1: 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool proj.
fn inception(net: &mut Builder, path: &str, x: Node, widths: [i64; 6]) -> Node {
    let [one, three_reduce, three, five_reduce, five, pooled] = widths;
    let at = |part: &str| format!("{path}.{part}");
    let branch1 = basic(net, &at("branch1"), x, one, square(1, 1, 0));
    let branch2 = basic(net, &at("branch2.0"), x, three_reduce, square(1, 1, 0));
    let branch2 = basic(net, &at("branch2.1"), branch2, three, square(3, 1, 1));
    net.alias(branch2, &at("branch2"));
    let branch3 = basic(net, &at("branch3.0"), x, five_reduce, square(1, 1, 0));
    let branch3 = basic(net, &at("branch3.1"), branch3, five, square(3, 1, 1));
    net.alias(branch3, &at("branch3"));
    let branch4 = net.max_pool(&at("branch4.0"), x, Pool::new(3, 1).padded(1).ceil());
    let branch4 = basic(net, &at("branch4.1"), branch4, pooled, square(1, 1, 0));
    net.alias(branch4, &at("branch4"));
    net.concatenate(path, &[branch1, branch2, branch3, branch4])
}
