//! MobileNetV2 (Sandler et al. 2018, "MobileNetV2: Inverted residuals and linear bottlenecks") as TensorFlow trained it: "same" padding, and
//! a class 0 of what is none of the thousand, which is left out here. The file's batch norms are folded; its convolutions are
//! `00.weight`, `00.bias` to `52.bias` in the order of the graph.
//!
//! Layers have Keras's names: `Conv1_relu`, `block_1_expand_relu`, `block_1_depthwise_relu`, `block_1_project`, `block_2_add`, `out_relu`,
//! `predictions`.

use frozen::load::LoadError;
use frozen::network::{Builder, Kernel, Network, Node, Padding};
use frozen::weights::{WeightError, Weights};

use crate::built::Built;
use crate::entry::Entry;
use crate::parts::LOGITS;

/// Side of its pictures in pixels.
pub const RESOLUTION: i64 = 224;

/// Expansion, width, repeats and step of each stage, as in the paper's Table 2.
const STAGES: [(i64, i64, usize, i64); 7] =
    [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)];

/// The network of an entry, and how pictures enter it.
///
/// # Errors
/// If the file is not that of this network.
pub(crate) fn load(entry: &mut Entry) -> Result<Built, LoadError> {
    let network = network(entry.tensors()?)?;
    Ok(Built::of(network, 1000, RESOLUTION, [0.5; 3], [0.5; 3]))
}

/// Takes the convolutions in their order.
struct Convolutions {
    net: Builder,
    next: usize,
}

impl Convolutions {
    fn next(&mut self, name: &str, x: Node, out: i64, size: i64, stride: i64, groups: i64) -> Node {
        let path = format!("{:02}", self.next);
        self.next += 1;
        let channels = self.net.channels_of(x) / groups;
        let weight = self.net.weights().take(&format!("{path}.weight"), &[out, channels, size, size]);
        let bias = self.net.weights().take(&format!("{path}.bias"), &[out]);
        let kernel = Kernel { size, stride, padding: Padding::Same, groups };
        self.net.convolution_of(name, x, weight, Some(bias), kernel)
    }

    fn rectified(&mut self, name: &str, x: Node, out: i64, size: i64, stride: i64, groups: i64) -> Node {
        let x = self.next(name, x, out, size, stride, groups);
        self.net.relu6(&format!("{name}_relu"), x)
    }
}

/// The network: pictures `[N,3,S,S]` in [-1,1] to logits `[N,1000]`.
///
/// # Errors
/// If the weights are not those of this network: every missing, unexpected or mis-shaped tensor is listed.
pub fn network(weights: Weights) -> Result<Network, WeightError> {
    let (net, x) = Builder::new(weights, 3);
    let mut convolutions = Convolutions { net, next: 0 };
    let mut x = convolutions.rectified("Conv1", x, 32, 3, 2, 1);
    let mut index = 0;
    for (expand, out, repeats, stride) in STAGES {
        for repeat in 0..repeats {
            let block = if index == 0 { "expanded_conv".to_owned() } else { format!("block_{index}") };
            let (input, channels) = (x, convolutions.net.channels_of(x));
            let (wide, stride) = (channels * expand, if repeat == 0 { stride } else { 1 });
            if expand != 1 {
                x = convolutions.rectified(&format!("{block}_expand"), x, wide, 1, 1, 1);
            }
            x = convolutions.rectified(&format!("{block}_depthwise"), x, wide, 3, stride, wide);
            x = convolutions.next(&format!("{block}_project"), x, out, 1, 1, 1);
            if stride == 1 && channels == out {
                x = convolutions.net.add(&format!("{block}_add"), x, input);
            }
            index += 1;
        }
    }
    x = convolutions.rectified("Conv_1", x, 1280, 1, 1, 1);
    let Convolutions { mut net, next } = convolutions;
    x = net.global_average_pool("global_average_pooling2d", x);
    // The class 0 is none of the thousand.
    let weight =
        net.weights().take(&format!("{next}.weight"), &[1001, 1280, 1, 1]).narrow(0, 1, 1000).view([1000, 1280]);
    let bias = net.weights().take(&format!("{next}.bias"), &[1001]).narrow(0, 1, 1000);
    x = net.linear_of("predictions", x, weight, Some(bias));
    net.alias(x, LOGITS);
    net.finish()
}
