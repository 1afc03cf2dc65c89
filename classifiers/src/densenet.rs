//! DenseNet-121 (Huang, Liu, van der Maaten & Weinberger 2017, "Densely connected convolutional networks"). Batch norms
//! stand before their convolutions.

use frozen::network::{Builder, Network, Node, Pool};
use frozen::weights::{WeightError, Weights};

use crate::parts::{EPS, LOGITS, square};

/// Channels that each dense layer adds.
const GROWTH: i64 = 32;
/// Dense layers of each block.
const LAYERS: [usize; 4] = [6, 12, 24, 16];

/// The network: pictures `[N,3,S,S]`, normalised, to logits `[N,classes]`; S is at least 29.
///
/// # Errors
/// If the weights are not those of this network: every missing, unexpected or mis-shaped tensor is listed.
pub fn network(classes: i64, weights: Weights) -> Result<Network, WeightError> {
    let (mut net, x) = Builder::new(crate::naming::densenet(weights), 3);
    let x = net.convolution("features.conv0", x, 64, square(7, 2, 3));
    let x = net.batch_norm("features.norm0", x, EPS);
    let x = net.relu("features.relu0", x);
    net.alias(x, "features.norm0.relu");
    let mut x = net.max_pool("features.pool0", x, Pool::new(3, 2).padded(1));
    let mut channels = 64;
    for (number, layers) in (1..).zip(LAYERS) {
        let block = format!("features.denseblock{number}");
        for layer in 1..=layers {
            x = dense_layer(&mut net, &format!("{block}.denselayer{layer}"), x);
            channels += GROWTH;
        }
        net.alias(x, &block);
        if number < LAYERS.len() {
            channels /= 2;
            x = transition(&mut net, &format!("features.transition{number}"), x, channels);
        }
    }
    let x = norm_relu(&mut net, "features.norm5", "features.norm5.relu", x);
    let x = net.global_average_pool("avgpool", x);
    let x = net.linear("classifier", x, classes);
    net.alias(x, LOGITS);
    net.finish()
}

/// Batch norm and ReLU.
fn norm_relu(net: &mut Builder, norm: &str, relu: &str, x: Node) -> Node {
    let x = net.batch_norm(norm, x, EPS);
    let x = net.relu(relu, x);
    if relu != format!("{norm}.relu") {
        net.alias(x, &format!("{norm}.relu"));
    }
    x
}

/// All channels so far, and behind them those that this layer makes of them; the point is called `PATH.concat`.
fn dense_layer(net: &mut Builder, path: &str, input: Node) -> Node {
    let at = |part: &str| format!("{path}.{part}");
    let x = norm_relu(net, &at("norm1"), &at("relu1"), input);
    let x = net.convolution(&at("conv1"), x, 4 * GROWTH, square(1, 1, 0));
    let x = norm_relu(net, &at("norm2"), &at("relu2"), x);
    let x = net.convolution(&at("conv2"), x, GROWTH, square(3, 1, 1));
    net.alias(x, path);
    net.concatenate(&at("concat"), &[input, x])
}

/// Half of the channels at half of the size.
fn transition(net: &mut Builder, path: &str, x: Node, out: i64) -> Node {
    let at = |part: &str| format!("{path}.{part}");
    let x = norm_relu(net, &at("norm"), &at("relu"), x);
    let x = net.convolution(&at("conv"), x, out, square(1, 1, 0));
    let x = net.average_pool(&at("pool"), x, Pool::new(2, 2));
    net.alias(x, path);
    x
}
