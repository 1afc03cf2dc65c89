//! AlexNet (Krizhevsky 2014, "One weird trick for parallelizing convolutional neural networks"): the variant without
//! groups and without local response normalisation, as torchvision has it.

use frozen::network::{Builder, Network, Pool};
use frozen::weights::{WeightError, Weights};

use crate::parts::{LOGITS, dense, square};

/// The network: pictures `[N,3,S,S]`, normalised, to logits `[N,classes]`; S is at least 63.
///
/// # Errors
/// If the weights are not those of this network: every missing, unexpected or mis-shaped tensor is listed.
pub fn network(classes: i64, weights: Weights) -> Result<Network, WeightError> {
    let pool = Pool::new(3, 2);
    let (mut net, mut x) = Builder::new(weights, 3);
    // The module's number, its width, side, step and padding; and whether a pooling follows.
    for (index, out, size, stride, padding, pooled) in [
        (0, 64, 11, 4, 2, true),
        (3, 192, 5, 1, 2, true),
        (6, 384, 3, 1, 1, false),
        (8, 256, 3, 1, 1, false),
        (10, 256, 3, 1, 1, true),
    ] {
        let convolution = format!("features.{index}");
        x = net.convolution_with_bias(&convolution, x, out, square(size, stride, padding));
        x = net.relu(&format!("features.{}", index + 1), x);
        net.alias(x, &format!("{convolution}.relu"));
        if pooled {
            x = net.max_pool(&format!("features.{}", index + 2), x, pool);
        }
    }
    let x = net.adaptive_average_pool("avgpool", x, [6, 6]);
    let x = net.flatten("flatten", x, 36);
    let x = dense(&mut net, "classifier.1", "fc1", "classifier.2", x, 4096);
    let x = dense(&mut net, "classifier.4", "fc2", "classifier.5", x, 4096);
    let x = net.linear("classifier.6", x, classes);
    net.alias(x, LOGITS);
    net.finish()
}
