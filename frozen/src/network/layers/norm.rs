//! Normalizations: by stored statistics (a batch norm that no convolution precedes), and by those of the activation itself.

use kernels::response_norm;
use tch::{Kind, Tensor};

use super::super::gradient::{Gradient, Pullback};
use super::super::layer::Layer;
use super::super::layout::{channels_last, over_positions, per_channel, per_sample_and_channel};
use super::super::loops::{how, numbers, numbers_mut, suits};
use crate::constant::Constant;

/// x * scale + shift by channel, of `[N,C,H,W]` or `[N,C]`: a batch norm at inference (Ioffe & Szegedy 2015, PyTorch's
/// `BatchNorm2d` in evaluation mode) that no convolution precedes.
#[derive(Debug)]
pub(crate) struct Affine {
    /// `[C,1,1]`
    scale: Constant,
    /// `[C,1,1]`
    shift: Constant,
}

impl Affine {
    /// Both are `[C,1,1]`.
    pub fn new(scale: Tensor, shift: Tensor) -> Affine {
        Affine { scale: scale.into(), shift: shift.into() }
    }
}

impl Layer for Affine {
    fn forward<'n>(&'n self, inputs: &[Tensor], in_place: bool) -> (Tensor, Pullback<'n>) {
        let first = &inputs[0];
        let [scale, shift] = [&self.scale, &self.shift].map(|tensor| per_channel(tensor, first.dim()));
        let mut scaled = if in_place { first.shallow_clone().g_mul_(&scale) } else { first * &scale };
        let pullback = Pullback::of_one(|gradient| {
            let scale = per_channel(&self.scale, gradient.tensor.dim());
            gradient.times(&scale)
        });
        (scaled.g_add_(&shift), pullback)
    }

    fn can_overwrite(&self) -> bool {
        true
    }

    fn tensors(&self) -> Vec<&Constant> {
        vec![&self.scale, &self.shift]
    }

    fn map_tensors(&mut self, f: &dyn Fn(&Tensor) -> Tensor) {
        self.scale.map(f);
        self.shift.map(f);
    }
}

/// (x - mean) / sqrt(variance + eps) * weight + bias, mean and variance over the positions and the channels of each group, of
/// `[N,C,H,W]` or `[N,C]` (Wu & He 2018, "Group Normalization"); PyTorch's `GroupNorm`.
#[derive(Debug)]
pub(crate) struct GroupNorm {
    /// `[C]`
    weight: Constant,
    /// `[C]`
    bias: Constant,
    /// Of channels that share a mean and a variance.
    groups: i64,
    /// Added to the variance.
    eps: f64,
}

impl GroupNorm {
    /// `weight` and `bias` are `[C]`, and C is a multiple of `groups`.
    pub fn new(weight: Tensor, bias: Tensor, groups: i64, eps: f64) -> GroupNorm {
        GroupNorm { weight: weight.into(), bias: bias.into(), groups, eps }
    }

    /// With x^ = (x - mean) / deviation and h = g * weight, over the M numbers of a group:
    /// (h - mean(h) - x^ mean(h x^)) / deviation, which is a g + b x + c with numbers a of each channel, b and c of each
    /// group. `mean` and `rate` (1 / deviation) are `[N,groups]`.
    fn pullback(&self, gradient: Gradient, input: &Tensor, mean: &Tensor, rate: &Tensor) -> Tensor {
        let GroupNorm { weight, groups, .. } = self;
        let (weight, groups, size): (&Tensor, i64, _) = (weight, *groups, input.size());
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
            per_sample_and_channel(&spread.reshape([samples, channels]), size.len())
        };
        let a = (rate.unsqueeze(-1) * weight.view([1, groups, -1])).view([samples, channels]);
        let a = per_sample_and_channel(&a, size.len());
        gradient.times(&a).addcmul_(input, &each(b)).g_add_(&each(c))
    }
}

impl Layer for GroupNorm {
    fn forward<'n>(&'n self, inputs: &[Tensor], _in_place: bool) -> (Tensor, Pullback<'n>) {
        // On a GPU libtorch's operator knows no channels-last memory.
        let input = if inputs[0].device().is_cuda() { inputs[0].contiguous() } else { inputs[0].shallow_clone() };
        let (samples, channels) = (input.size()[0], input.size()[1]);
        let positions = input.size()[2..].iter().product();
        let (weight, bias) = (Some(&*self.weight), Some(&*self.bias));
        let (output, mean, rate) =
            input.native_group_norm(weight, bias, samples, channels, positions, self.groups, self.eps);
        (output, Pullback::of_one(move |gradient| self.pullback(gradient, &input, &mean, &rate)))
    }

    fn pullback_reads_input(&self) -> bool {
        true
    }

    fn tensors(&self) -> Vec<&Constant> {
        vec![&self.weight, &self.bias]
    }

    fn map_tensors(&mut self, f: &dyn Fn(&Tensor) -> Tensor) {
        self.weight.map(f);
        self.bias.map(f);
    }
}

/// x / sqrt(mean of x^2 over the channels + eps), of `[N,C,H,W]` or `[N,C]` (Karras et al. 2018, "Progressive Growing of GANs").
#[derive(Debug)]
pub(crate) struct PixelNorm {
    /// Added to the mean.
    pub eps: f64,
}

impl Layer for PixelNorm {
    fn forward<'n>(&'n self, inputs: &[Tensor], in_place: bool) -> (Tensor, Pullback<'n>) {
        let mut input = inputs[0].shallow_clone();
        let squares = input.norm_scalaropt_dim(2, 1i64, true).square_() / input.size()[1] as f64;
        // [N,1,...]
        let factor = (squares + self.eps).rsqrt_();
        let output = if in_place { input.g_mul_(&factor) } else { &input * &factor };
        let kept = output.shallow_clone();
        // factor (g - y mean(g y)): the output y alone is read.
        let pullback = Pullback::of_one(move |gradient| {
            let mean = (&gradient.tensor * &kept).mean_dim(1i64, true, None::<Kind>);
            let of_mean = mean * &factor;
            gradient.times(&factor).addcmul_(&kept, &-of_mean)
        });
        (output, pullback)
    }

    fn can_overwrite(&self) -> bool {
        true
    }

    fn pullback_reads_output(&self) -> bool {
        true
    }
}

/// x / (k + alpha / size * sum of x^2)^beta of `[N,C,H,W]`, the sum over `size` neighbouring channels (Krizhevsky et al. 2012,
/// "ImageNet Classification with Deep Convolutional Neural Networks"); PyTorch's `LocalResponseNorm`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LocalResponseNorm {
    /// Channels of a sum.
    pub size: i64,
    /// Times the mean of the squares (the sum is divided by `size`).
    pub alpha: f64,
    /// The power.
    pub beta: f64,
    /// What is added to it.
    pub k: f64,
}

impl LocalResponseNorm {
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

    /// The same for the loops, and the input as they read it: in f32 on the CPU.
    fn loops(&self, input: &Tensor) -> Option<(response_norm::Norm, Tensor)> {
        let (size, alpha, beta, k) = (self.size as usize, self.alpha as f32, self.beta as f32, self.k as f32);
        let suits = suits(input) && input.dim() == 4;
        suits.then(|| (response_norm::Norm { size, alpha, beta, k }, channels_last(input)))
    }

    fn denominators(&self, input: &Tensor) -> Tensor {
        self.means(&input.square(), false) * self.alpha + self.k
    }

    /// With d the sum that is raised to the power: g d^-beta - 2 alpha beta x mean(g x d^(-beta-1)), the mean over the
    /// channels whose sums hold this one.
    fn pullback(&self, gradient: Gradient, input: &Tensor) -> Tensor {
        if let Some((norm, input)) = self.loops(input) {
            let (gradient, result) = (channels_last(&gradient.tensor), input.empty_like());
            let (gradient, channels) = (numbers(&gradient), input.size()[1] as usize);
            response_norm::pullback(norm, gradient, numbers(&input), channels, numbers_mut(&result), how());
            return result;
        }
        let denominators = self.denominators(input);
        let powers = denominators.pow_tensor_scalar(-self.beta);
        let through = (&gradient.tensor * input).g_mul_(&powers).g_div_(&denominators);
        drop(denominators);
        let through = self.means(&through, true) * (-2. * self.alpha * self.beta);
        gradient.times(&powers).addcmul_(input, &through)
    }
}

impl Layer for LocalResponseNorm {
    fn forward<'n>(&'n self, inputs: &[Tensor], _in_place: bool) -> (Tensor, Pullback<'n>) {
        let input = inputs[0].shallow_clone();
        let output = match self.loops(&input) {
            Some((norm, input)) => {
                let result = input.empty_like();
                let channels = input.size()[1] as usize;
                response_norm::normalize(norm, numbers(&input), channels, numbers_mut(&result), how());
                result
            }
            None => self.denominators(&input).pow_(-self.beta).g_mul_(&input),
        };
        (output, Pullback::of_one(move |gradient| self.pullback(gradient, &input)))
    }

    fn pullback_reads_input(&self) -> bool {
        true
    }
}
