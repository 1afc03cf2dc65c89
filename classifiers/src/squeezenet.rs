//! SqueezeNet 1.1 (Iandola et al. 2016, "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters"). A ReLU stands
//! before the last pooling, so that no logit is below zero.

use frozen::network::{Builder, Network, Node, Pool};
use frozen::weights::{WeightError, Weights};

use crate::parts::{LOGITS, square};

/// The network: pictures `[N,3,S,S]`, normalised, to logits `[N,classes]`; S is at least 17.
///
/// # Errors
/// If the weights are not those of this network: every missing, unexpected or mis-shaped tensor is listed.
pub fn network(classes: i64, weights: Weights) -> Result<Network, WeightError> {
    let pool = Pool::new(3, 2).ceil();
    let (mut net, x) = Builder::new(weights, 3);
    let x = net.convolution_with_bias("features.0", x, 64, square(3, 2, 0));
    let x = net.relu("features.1", x);
    net.alias(x, "features.0.relu");
    let x = net.max_pool("features.2", x, pool);
    let x = fire(&mut net, 3, x, 16, 64);
    let x = fire(&mut net, 4, x, 16, 64);
    let x = net.max_pool("features.5", x, pool);
    let x = fire(&mut net, 6, x, 32, 128);
    let x = fire(&mut net, 7, x, 32, 128);
    let x = net.max_pool("features.8", x, pool);
    let x = fire(&mut net, 9, x, 48, 192);
    let x = fire(&mut net, 10, x, 48, 192);
    let x = fire(&mut net, 11, x, 64, 256);
    let x = fire(&mut net, 12, x, 64, 256);
    let x = net.convolution_with_bias("classifier.1", x, classes, square(1, 1, 0));
    let x = net.relu("classifier.2", x);
    net.alias(x, "classifier.1.relu");
    let x = net.global_average_pool("classifier.3", x);
    net.alias(x, "classifier");
    net.alias(x, LOGITS);
    net.finish()
}

/// A narrow 1 x 1 convolution, and a 1 x 1 and a 3 x 3 convolution of it side by side.
fn fire(net: &mut Builder, index: i64, x: Node, narrow: i64, wide: i64) -> Node {
    let path = format!("features.{index}");
    let mut part = |name: &str, x: Node, out: i64, size: i64| {
        let x = net.convolution_with_bias(&format!("{path}.{name}"), x, out, square(size, 1, size / 2));
        let x = net.relu(&format!("{path}.{name}_activation"), x);
        net.alias(x, &format!("{path}.{name}.relu"));
        x
    };
    let x = part("squeeze", x, narrow, 1);
    let [one, three] = [part("expand1x1", x, wide, 1), part("expand3x3", x, wide, 3)];
    net.concatenate(&path, &[one, three])
}
