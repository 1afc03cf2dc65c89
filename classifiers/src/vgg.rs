//! VGG (Simonyan & Zisserman 2015, "Very deep convolutional networks for large-scale image recognition"), configurations D
//! (16 layers) and E (19), with and without batch norm.

use frozen::network::{Builder, Network, Pool};
use frozen::weights::{WeightError, Weights};

use crate::parts::{EPS, LOGITS, dense, square};

/// Which of the four.
#[derive(Clone, Copy, Debug)]
pub struct Variant {
    /// Convolutions before each of the five poolings.
    pub convolutions: [usize; 5],
    /// A batch norm behind every convolution.
    pub batch_norm: bool,
}

/// Convolutions of configuration D.
pub const D: [usize; 5] = [2, 2, 3, 3, 3];
/// Convolutions of configuration E.
pub const E: [usize; 5] = [2, 2, 4, 4, 4];

/// The network: pictures `[N,3,S,S]`, normalised, to logits `[N,classes]`; S is at least 32.
///
/// # Errors
/// If the weights are not those of this network: every missing, unexpected or mis-shaped tensor is listed.
pub fn network(variant: Variant, classes: i64, weights: Weights) -> Result<Network, WeightError> {
    let (mut net, mut x) = Builder::new(crate::naming::vgg(weights), 3);
    let mut index = 0;
    for (count, out) in variant.convolutions.into_iter().zip([64, 128, 256, 512, 512]) {
        for _ in 0..count {
            let mut before = format!("features.{index}");
            x = net.convolution_with_bias(&before, x, out, square(3, 1, 1));
            if variant.batch_norm {
                index += 1;
                before = format!("features.{index}");
                x = net.batch_norm(&before, x, EPS);
            }
            x = net.relu(&format!("features.{}", index + 1), x);
            net.alias(x, &format!("{before}.relu"));
            index += 2;
        }
        x = net.max_pool(&format!("features.{index}"), x, Pool::new(2, 2));
        index += 1;
    }
    let x = net.adaptive_average_pool("avgpool", x, [7, 7]);
    let x = net.flatten("flatten", x, 49);
    let x = dense(&mut net, "classifier.0", "fc1", "classifier.1", x, 4096);
    let x = dense(&mut net, "classifier.3", "fc2", "classifier.4", x, 4096);
    let x = net.linear("classifier.6", x, classes);
    net.alias(x, LOGITS);
    net.finish()
}
