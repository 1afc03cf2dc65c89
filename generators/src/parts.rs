//! What the generators of the BigGAN family have in common: weights under spectral normalization, batch norms whose scale
//! and offset depend on a condition, and self-attention.

use frozen::network::{Builder, Kernel, Node, Padding, Pool};
use tch::{Kind, Tensor};

/// How a file holds the weight of a layer. Spectral normalization (Miyato et al. 2018, "Spectral Normalization for
/// Generative Adversarial Networks") divides a weight `[O,…]`, seen as a matrix W of O rows, by an estimate of its largest
/// singular value; it is divided here once, while loading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    /// `weight`, without normalization.
    Plain,
    /// As `torch.nn.utils.spectral_norm` stores it: `weight_orig`, `weight_u` `[O]` and `weight_v`; the divisor is u·Wv.
    Vectors,
    /// As BigGAN-PyTorch stores it: `weight`, `u0` `[1,O]`, and `sv0` `[1]`, a note of the last divisor that nobody reads.
    /// Every evaluation makes one step of the power method from u0: v = W'u0 / |W'u0|, and the divisor is |Wv|.
    PowerStep,
}

/// The weight of `path`, normalized, in 64 bits.
pub(crate) fn weight(net: &mut Builder, path: &str, shape: &[i64], stored: Stored) -> Tensor {
    let mut take =
        |part: &str, shape: &[i64]| net.weights().take(&format!("{path}.{part}"), shape).to_kind(Kind::Double);
    let inputs = shape.iter().skip(1).product();
    match stored {
        Stored::Plain => take("weight", shape),
        Stored::Vectors => {
            let weight = take("weight_orig", shape);
            let [u, v] = [take("weight_u", &shape[..1]), take("weight_v", &[inputs])];
            let divisor = u.dot(&weight.flatten(1, -1).mv(&v));
            weight / divisor
        }
        Stored::PowerStep => {
            let weight = take("weight", shape);
            let u = take("u0", &[1, shape[0]]);
            let _ = take("sv0", &[1]);
            let matrix = weight.flatten(1, -1);
            let v = matrix.transpose(0, 1).mv(&u.view([-1]));
            let divisor = matrix.mv(&(&v / v.norm())).norm();
            weight / divisor
        }
    }
}

/// The bias of `path`.
pub(crate) fn bias(net: &mut Builder, path: &str, out: i64) -> Tensor {
    net.weights().take(&format!("{path}.bias"), &[out])
}

/// An activation and its number of channels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wide {
    /// The activation.
    pub node: Node,
    /// Its channels, or numbers.
    pub channels: i64,
}

/// A fully connected layer with bias.
pub(crate) fn linear(net: &mut Builder, path: &str, x: Wide, out: i64, stored: Stored) -> Node {
    let weight = weight(net, path, &[out, x.channels], stored);
    let bias = bias(net, path, out);
    net.linear_of(path, x.node, weight, Some(bias))
}

/// A convolution of stride 1 with bias, whose output is as large as its input; `size` is odd.
pub(crate) fn convolution(net: &mut Builder, path: &str, x: Wide, out: i64, size: i64, stored: Stored) -> Node {
    let weight = weight(net, path, &[out, x.channels, size, size], stored);
    let bias = bias(net, path, out);
    net.convolution_of(path, x.node, weight, Some(bias), same(size))
}

/// A 3 x 3 convolution with bias of the picture enlarged twice (nearest).
pub(crate) fn upsampled_convolution(net: &mut Builder, path: &str, x: Wide, out: i64, stored: Stored) -> Node {
    let weight = weight(net, path, &[out, x.channels, 3, 3], stored);
    let bias = bias(net, path, out);
    net.upsampled_convolution_of(path, x.node, weight, Some(bias))
}

/// The kernel that keeps the size.
pub(crate) fn same(size: i64) -> Kernel {
    Kernel { size, stride: 1, padding: Padding::Symmetric(size / 2), groups: 1 }
}

/// Statistics `[C]` of a batch norm, and what is added to the variance.
pub(crate) struct Statistics {
    /// Means, in 64 bits.
    pub mean: Tensor,
    /// Variances, in 64 bits.
    pub var: Tensor,
    /// Epsilon.
    pub eps: f64,
}

/// Conditional batch norm (de Vries et al. 2017, "Modulating early visual processing by language"), as BigGAN has it:
/// y = (x - mean) / sqrt(var + eps) (1 + S c) + B c, with a condition c `[N,d]` and matrices S and B `[C,d]`, in 64 bits.
///
/// That is x times one affine function of c, plus another; both are made here, so that x is passed over twice only. Points:
/// `{path}.factor` and `{path}.summand` `[N,C]`, `{path}.scaled` for the product, and `path`.
pub(crate) fn conditional_norm(
    net: &mut Builder,
    path: &str,
    x: Wide,
    condition: Wide,
    statistics: Statistics,
    [scale, offset]: [Tensor; 2],
) -> Node {
    let Statistics { mean, var, eps } = statistics;
    let unit = (var + eps).rsqrt();
    let shift = mean * &unit;
    let summand = offset - &scale * shift.unsqueeze(1);
    let factor = scale * unit.unsqueeze(1);
    let factor = net.linear_of(&format!("{path}.factor"), condition.node, factor, Some(unit));
    let summand = net.linear_of(&format!("{path}.summand"), condition.node, summand, Some(-shift));
    let scaled = net.scale_channels(&format!("{path}.scaled"), x.node, factor);
    net.shift_channels(path, scaled, summand)
}

/// What a layout calls the parts of its self-attention.
pub(crate) struct AttentionNames {
    /// The 1 x 1 convolutions that make queries, keys and values, and the one of the result.
    pub convolutions: [&'static str; 4],
    /// The factor of the result.
    pub gamma: &'static str,
    /// The shape of that factor.
    pub gamma_shape: &'static [i64],
}

/// Self-attention (Zhang et al. 2019, "Self-Attention Generative Adversarial Networks"), with keys and values at half the
/// resolution as in BigGAN: x + gamma o(softmax(theta(x)·pool(phi(x))) pool(g(x))), where theta and phi have an eighth of
/// the channels and g the half. Its output is the point `path`.
pub(crate) fn self_attention(net: &mut Builder, path: &str, x: Wide, names: &AttentionNames, stored: Stored) -> Node {
    let Wide { node, channels } = x;
    let (few, half) = (channels / 8, channels / 2);
    let [theta, phi, g, o] = names.convolutions.map(|name| format!("{path}.{name}"));
    let project = |name: &str, from: Node, inputs: i64, out: i64, net: &mut Builder| {
        let weight = weight(net, name, &[out, inputs, 1, 1], stored);
        net.convolution_of(name, from, weight, None, same(1))
    };
    let query = project(&theta, node, channels, few, net);
    let key = project(&phi, node, channels, few, net);
    let key = net.max_pool(&format!("{phi}.pool"), key, Pool::new(2, 2));
    let value = project(&g, node, channels, half, net);
    let value = net.max_pool(&format!("{g}.pool"), value, Pool::new(2, 2));
    let attended = net.attention(&format!("{path}.attention"), query, key, value, 1.);
    let result = project(&o, attended, half, channels, net);
    let gamma = net.weights().take(&format!("{path}.{}", names.gamma), names.gamma_shape);
    net.scaled_add(path, node, result, gamma.view([1]))
}

/// Refuses a number outside of its range, or that is no multiple of `step`.
pub(crate) fn check_range(name: &str, value: i64, least: i64, most: i64, step: i64) -> Result<(), String> {
    match (least..=most).contains(&value) && value % step == 0 {
        true => Ok(()),
        false if step == 1 => Err(format!("config.{name}: {value} is not between {least} and {most}")),
        false => Err(format!("config.{name}: {value} is not a multiple of {step} between {least} and {most}")),
    }
}

/// Refuses what is no truncation.
pub(crate) fn check_truncation(truncation: f64) -> Result<(), String> {
    match truncation > 0. && truncation <= 1. {
        true => Ok(()),
        false => Err(format!("config.truncation: {truncation} is not above 0 and at most 1")),
    }
}
