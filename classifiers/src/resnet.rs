//! ResNet (He, Zhang, Ren & Sun 2016, "Deep residual learning for image recognition"). The step of a bottleneck is in its
//! 3 x 3 convolution, as in torchvision and timm ("v1.5").

use frozen::network::{Builder, Network, Node, Pool};
use frozen::weights::{WeightError, Weights};

use crate::parts::{EPS, LOGITS, square};

/// Which ResNet.
#[derive(Clone, Copy, Debug)]
pub struct Variant {
    /// Blocks of each stage.
    pub blocks: [usize; 4],
    /// Blocks of three convolutions (1 x 1, 3 x 3, 1 x 1) and of four times the width, or else of two.
    pub bottleneck: bool,
}

/// 18 layers.
pub const RESNET18: Variant = Variant { blocks: [2, 2, 2, 2], bottleneck: false };
/// 50 layers.
pub const RESNET50: Variant = Variant { blocks: [3, 4, 6, 3], bottleneck: true };

/// The network: pictures `[N,3,S,S]`, normalised, to logits `[N,classes]`.
///
/// # Errors
/// If the weights are not those of this network: every missing, unexpected or mis-shaped tensor is listed.
pub fn network(variant: Variant, classes: i64, weights: Weights) -> Result<Network, WeightError> {
    let (mut net, x) = Builder::new(weights, 3);
    let x = net.convolution("conv1", x, 64, square(7, 2, 3));
    let x = net.batch_norm("bn1", x, EPS);
    let x = net.relu("relu", x);
    net.alias(x, "bn1.relu");
    let mut x = net.max_pool("maxpool", x, Pool::new(3, 2).padded(1));
    let mut channels = 64;
    for (stage, count) in variant.blocks.into_iter().enumerate() {
        let width = 64 << stage;
        let out = if variant.bottleneck { 4 * width } else { width };
        for number in 0..count {
            let stride = if stage > 0 && number == 0 { 2 } else { 1 };
            let at = format!("layer{}.{number}", stage + 1);
            x = block(&mut net, &at, x, channels, width, out, stride, variant.bottleneck);
            channels = out;
        }
        net.alias(x, &format!("layer{}", stage + 1));
    }
    let x = net.global_average_pool("avgpool", x);
    let x = net.linear("fc", x, classes);
    net.alias(x, LOGITS);
    net.finish()
}

/// Convolutions, the sum with the block's input, and a ReLU.
#[expect(clippy::too_many_arguments, reason = "a block is its path and five numbers")]
fn block(
    net: &mut Builder,
    path: &str,
    input: Node,
    channels: i64,
    width: i64,
    out: i64,
    stride: i64,
    bottleneck: bool,
) -> Node {
    let sizes: &[(i64, i64, i64)] = match bottleneck {
        true => &[(1, width, 1), (3, width, stride), (1, out, 1)],
        false => &[(3, width, stride), (3, out, 1)],
    };
    let mut x = input;
    for (number, &(size, out, stride)) in (1..).zip(sizes) {
        x = net.convolution(&format!("{path}.conv{number}"), x, out, square(size, stride, size / 2));
        x = net.batch_norm(&format!("{path}.bn{number}"), x, EPS);
        if number < sizes.len() {
            x = net.relu(&format!("{path}.bn{number}.relu"), x);
        }
    }
    let mut shortcut = input;
    if stride != 1 || channels != out {
        shortcut = net.convolution(&format!("{path}.downsample.0"), input, out, square(1, stride, 0));
        shortcut = net.batch_norm(&format!("{path}.downsample.1"), shortcut, EPS);
        net.alias(shortcut, &format!("{path}.downsample"));
    }
    let sum = net.add(&format!("{path}.add"), x, shortcut);
    let x = net.relu(path, sum);
    net.alias(x, &format!("{path}.add.relu"));
    x
}
