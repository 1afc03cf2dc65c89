//! What the files of several architectures have in common: kernels, layers of a kind, and checks of what manifests say.

use frozen::network::{Builder, Kernel, Node, Padding};

/// The name that every classifier gives to its output before the softmax, beside the layer's own.
pub const LOGITS: &str = "logits";

/// Epsilon of the batch norms where the architecture does not say otherwise.
pub(crate) const EPS: f64 = 1e-5;

/// Refuses a side below `least`, or one that no machine has the memory for.
pub(crate) fn check_resolution(resolution: i64, least: i64) -> Result<(), String> {
    match (least..=2048).contains(&resolution) {
        true => Ok(()),
        false => Err(format!("config.resolution: {resolution} is not between {least} and 2048")),
    }
}

/// Refuses what does not normalise a picture.
pub(crate) fn check_moments(mean: [f64; 3], std: [f64; 3]) -> Result<(), String> {
    if mean.iter().any(|mean| !mean.is_finite()) {
        return Err(format!("config.mean: {mean:?} are not three numbers"));
    }
    if std.iter().any(|std| !(std.is_finite() && *std > 0.)) {
        return Err(format!("config.std: {std:?} are not three numbers above 0"));
    }
    Ok(())
}

/// A square kernel with the same padding on every side.
pub(crate) fn square(size: i64, stride: i64, padding: i64) -> Kernel {
    Kernel { size, stride, padding: Padding::Symmetric(padding), groups: 1 }
}

/// A fully connected layer, also called `alias`, and the ReLU behind it.
pub(crate) fn dense(net: &mut Builder, path: &str, alias: &str, relu: &str, x: Node, out: i64) -> Node {
    let x = net.linear(path, x, out);
    net.alias(x, alias);
    let x = net.relu(relu, x);
    net.alias(x, &format!("{path}.relu"));
    net.alias(x, &format!("{alias}.relu"));
    x
}
