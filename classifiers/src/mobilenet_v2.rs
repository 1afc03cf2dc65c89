//! MobileNetV2 (Sandler, Howard, Zhu, Zhmoginov & Chen 2018, "MobileNetV2: Inverted residuals and linear bottlenecks").

use frozen::network::{Builder, Kernel, Network, Node};
use frozen::weights::{WeightError, Weights};

use crate::parts::{EPS, LOGITS, square};

/// Expansion, width, repeats and step of each stage, as in the paper's Table 2.
const STAGES: [(i64, i64, usize, i64); 7] =
    [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)];

/// The network: pictures `[N,3,S,S]`, normalised, to logits `[N,classes]`.
///
/// # Errors
/// If the weights are not those of this network: every missing, unexpected or mis-shaped tensor is listed.
pub fn network(classes: i64, weights: Weights) -> Result<Network, WeightError> {
    let repeats = STAGES.iter().map(|stage| stage.2).collect();
    let (mut net, x) = Builder::new(crate::naming::mobilenet_v2(weights, repeats), 3);
    let mut x = conv_bn_relu6(&mut net, "features.0", x, 32, square(3, 2, 1));
    let mut channels = 32;
    let mut index = 1;
    for (expand, out, repeats, stride) in STAGES {
        for repeat in 0..repeats {
            x = block(&mut net, index, x, channels, expand, out, if repeat == 0 { stride } else { 1 });
            channels = out;
            index += 1;
        }
    }
    let x = conv_bn_relu6(&mut net, &format!("features.{index}"), x, 1280, square(1, 1, 0));
    let x = net.global_average_pool("pool", x);
    let x = net.linear("classifier.1", x, classes);
    net.alias(x, LOGITS);
    net.finish()
}

/// `PATH.0`, `PATH.1` and `PATH.2`.
fn conv_bn_relu6(net: &mut Builder, path: &str, x: Node, out: i64, kernel: Kernel) -> Node {
    let x = net.convolution(&format!("{path}.0"), x, out, kernel);
    let x = net.batch_norm(&format!("{path}.1"), x, EPS);
    let x = net.relu6(&format!("{path}.2"), x);
    net.alias(x, path);
    net.alias(x, &format!("{path}.1.relu6"));
    x
}

/// Expand (1 x 1), depthwise, project (1 x 1); a residual sum where the shapes allow one.
fn block(net: &mut Builder, index: i64, input: Node, channels: i64, expand: i64, out: i64, stride: i64) -> Node {
    let path = format!("features.{index}");
    let (mut x, mut module, wide) = (input, 0, channels * expand);
    if expand != 1 {
        x = conv_bn_relu6(net, &format!("{path}.conv.{module}"), x, wide, square(1, 1, 0));
        module += 1;
    }
    x = conv_bn_relu6(net, &format!("{path}.conv.{module}"), x, wide, Kernel { groups: wide, ..square(3, stride, 1) });
    x = net.convolution(&format!("{path}.conv.{}", module + 1), x, out, square(1, 1, 0));
    x = net.batch_norm(&format!("{path}.conv.{}", module + 2), x, EPS);
    net.alias(x, &format!("{path}.conv"));
    if stride == 1 && channels == out {
        x = net.add(&path, x, input);
    } else {
        net.alias(x, &path);
    }
    x
}
