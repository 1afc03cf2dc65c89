//! Normalizations by statistics of the activation itself.

use tch::{Kind, Tensor};

use super::layer::Gradient;

/// PyTorch's `GroupNorm` over `[N,C,...]`; `weight` and `bias` are `[C]`. With the result come mean and 1 / deviation of
/// each group, `[N,groups]`.
pub(super) fn group_norm(
    input: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    groups: i64,
    eps: f64,
) -> (Tensor, Tensor, Tensor) {
    let (samples, channels) = (input.size()[0], input.size()[1]);
    let positions = input.size()[2..].iter().product();
    input.native_group_norm(Some(weight), Some(bias), samples, channels, positions, groups, eps)
}

/// With x^ = (x - mean) / deviation and h = g * weight, over the M numbers of a group:
/// (h - mean(h) - x^ mean(h x^)) / deviation, which is a g + b x + c with numbers a of each channel, b and c of each group.
pub(super) fn group_norm_pullback(
    gradient: Gradient,
    input: &Tensor,
    weight: &Tensor,
    [mean, rate]: [&Tensor; 2],
    groups: i64,
) -> Tensor {
    let size = input.size();
    let (samples, channels) = (size[0], size[1]);
    let numbers = size[1..].iter().product::<i64>() / groups;
    let by_group = |of_channels: Tensor| {
        (of_channels * weight).view([samples, groups, -1]).sum_dim_intlist(-1i64, false, None::<Kind>)
    };
    let g = &gradient.tensor;
    let of_gradient = by_group(over_positions(g.shallow_clone()));
    let of_product = by_group(over_positions(g * input));
    let b = (&of_gradient * mean - of_product) * rate.pow_tensor_scalar(3) / numbers as f64;
    let c = -(&b * mean) - of_gradient * rate / numbers as f64;
    let each = |of_groups: Tensor| {
        let spread = of_groups.unsqueeze(-1).expand([-1, -1, channels / groups], false);
        over(&spread.reshape([samples, channels]), size.len())
    };
    let a = over(&(rate.unsqueeze(-1) * weight.view([1, groups, -1])).view([samples, channels]), size.len());
    gradient.times(&a).addcmul_(input, &each(b)).g_add_(&each(c))
}

/// x / sqrt(mean of x^2 over the channels + eps), and the factor `[N,1,...]`.
pub(super) fn pixel_norm(mut input: Tensor, eps: f64, in_place: bool) -> (Tensor, Tensor) {
    let squares = input.norm_scalaropt_dim(2, 1i64, true).square_() / input.size()[1] as f64;
    let factor = (squares + eps).rsqrt_();
    let output = if in_place { input.g_mul_(&factor) } else { &input * &factor };
    (output, factor)
}

/// factor (g - y mean(g y)): the output alone is read.
pub(super) fn pixel_norm_pullback(gradient: Gradient, output: &Tensor, factor: &Tensor) -> Tensor {
    let mean = (&gradient.tensor * output).mean_dim(1i64, true, None::<Kind>);
    let of_mean = mean * factor;
    gradient.times(factor).addcmul_(output, &-of_mean)
}

/// The geometry and the numbers of PyTorch's `LocalResponseNorm`: x / (k + alpha / size * sum of x^2)^beta, the sum over
/// `size` neighbouring channels.
#[derive(Clone, Copy, Debug)]
pub struct LocalResponse {
    /// Channels of a sum.
    pub size: i64,
    /// Times the mean of the squares (the sum is divided by `size`).
    pub alpha: f64,
    /// The power.
    pub beta: f64,
    /// What is added to it.
    pub k: f64,
}

impl LocalResponse {
    /// The means over the `size` channels around each of `[N,C,H,W]`, zeros outside. Of an even number, one more lies
    /// before the channel; with `after`, behind it.
    fn means(&self, of: &Tensor, after: bool) -> Tensor {
        let channels = of.size()[1];
        // [N,H,W,C], as which the memory lies.
        let rows = of.permute([0, 2, 3, 1]).contiguous();
        let means = rows.avg_pool2d([1, self.size], [1, 1], [0, self.size / 2], false, true, None::<i64>);
        let first = i64::from(after && self.size % 2 == 0);
        means.narrow(3, first, channels).permute([0, 3, 1, 2])
    }

    fn denominators(&self, input: &Tensor) -> Tensor {
        self.means(&input.square(), false) * self.alpha + self.k
    }

    pub(super) fn forward(&self, input: &Tensor) -> Tensor {
        self.denominators(input).pow_(-self.beta).g_mul_(input)
    }

    /// With d the sum that is raised to the power: g d^-beta - 2 alpha beta x mean(g x d^(-beta-1)), the mean over the
    /// channels whose sums hold this one.
    pub(super) fn pullback(&self, gradient: Gradient, input: &Tensor) -> Tensor {
        let denominators = self.denominators(input);
        let powers = denominators.pow_tensor_scalar(-self.beta);
        let through = (&gradient.tensor * input).g_mul_(&powers).g_div_(&denominators);
        drop(denominators);
        let through = self.means(&through, true) * (-2. * self.alpha * self.beta);
        gradient.times(&powers).addcmul_(input, &through)
    }
}

/// Sums over all but samples and channels: `[N,C,...]` to `[N,C]`.
pub(super) fn over_positions(tensor: Tensor) -> Tensor {
    match tensor.dim() {
        4 => tensor.sum_dim_intlist([2i64, 3].as_slice(), false, None::<Kind>),
        _ => tensor,
    }
}

/// `[N,C]` in as many dimensions as the tensor that it meets.
pub(super) fn over(of_channels: &Tensor, dimensions: usize) -> Tensor {
    match dimensions {
        4 => of_channels.unsqueeze(-1).unsqueeze(-1),
        _ => of_channels.shallow_clone(),
    }
}
