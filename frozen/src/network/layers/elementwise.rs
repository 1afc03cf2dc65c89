//! Functions of each number of an activation (`[N,C,H,W]` or `[N,C]`, whose shape they keep): activation functions, and the few
//! others that networks are made of.

use tch::Tensor;

use super::super::activation::Activation;
use super::super::gradient::{Gradient, Pullback};
use super::super::layer::Layer;

/// An output, and a pullback that reads it.
fn with_output<'n>(
    output: Tensor,
    pullback: impl FnOnce(Gradient, &Tensor) -> Tensor + Send + 'n,
) -> (Tensor, Pullback<'n>) {
    let kept = output.shallow_clone();
    (output, Pullback::of_one(move |gradient| pullback(gradient, &kept)))
}

/// ReLU and ReLU6 where no convolution applies them.
impl Layer for Activation {
    fn forward<'n>(&'n self, inputs: &[Tensor], in_place: bool) -> (Tensor, Pullback<'n>) {
        let output = if in_place { self.over(inputs[0].shallow_clone()) } else { self.of(&inputs[0]) };
        with_output(output, |gradient, output| self.pullback(gradient, output))
    }

    fn can_overwrite(&self) -> bool {
        true
    }

    fn pullback_reads_output(&self) -> bool {
        true
    }

    fn activation(&self) -> Option<Activation> {
        Some(*self)
    }
}

/// tanh(x); PyTorch's `Tanh`. Its derivative is 1 - y^2, y being the output.
#[derive(Debug)]
pub(crate) struct Tanh;

impl Layer for Tanh {
    fn forward<'n>(&'n self, inputs: &[Tensor], in_place: bool) -> (Tensor, Pullback<'n>) {
        let output = if in_place { inputs[0].shallow_clone().tanh_() } else { inputs[0].tanh() };
        with_output(output, |gradient, output| {
            Tensor::tanh_backward_grad_input(&gradient.target(output), &gradient.tensor, output)
        })
    }

    fn can_overwrite(&self) -> bool {
        true
    }

    fn pullback_reads_output(&self) -> bool {
        true
    }
}

/// gain max(x, slope x): the leaky ReLU (Maas et al. 2013, "Rectifier Nonlinearities Improve Neural Network Acoustic Models";
/// PyTorch's `LeakyReLU`), with StyleGAN2's gain.
#[derive(Debug)]
pub(crate) struct LeakyRelu {
    /// Between 0 and 1.
    pub slope: f64,
    /// Positive.
    pub gain: f64,
}

impl Layer for LeakyRelu {
    fn forward<'n>(&'n self, inputs: &[Tensor], in_place: bool) -> (Tensor, Pullback<'n>) {
        let LeakyRelu { slope, gain } = *self;
        let first = &inputs[0];
        // The C++ interface's leaky ReLU has no slope; its gradient, given the input as gradient, is the same.
        let into = if in_place { first.shallow_clone() } else { first.empty_like() };
        let mut output = first.leaky_relu_backward_grad_input(&into, first, slope, false);
        let output = if gain == 1. { output } else { output.g_mul_scalar_(gain) };
        with_output(output, move |gradient, output| {
            let into = gradient.target(output);
            let mut result = output.leaky_relu_backward_grad_input(&into, &gradient.tensor, slope, true);
            if gain == 1. { result } else { result.g_mul_scalar_(gain) }
        })
    }

    fn can_overwrite(&self) -> bool {
        true
    }

    fn pullback_reads_output(&self) -> bool {
        true
    }
}

/// x / (1 + exp(-x)): swish (Ramachandran et al. 2017, "Searching for Activation Functions"), PyTorch's `SiLU`.
#[derive(Debug)]
pub(crate) struct Swish;

impl Layer for Swish {
    fn forward<'n>(&'n self, inputs: &[Tensor], _in_place: bool) -> (Tensor, Pullback<'n>) {
        let input = inputs[0].shallow_clone();
        let output = input.silu();
        let pullback = Pullback::of_one(move |gradient| {
            input.silu_backward_grad_input(&gradient.target(&input), &gradient.tensor)
        });
        (output, pullback)
    }

    fn pullback_reads_input(&self) -> bool {
        true
    }
}

/// limit tanh(x / limit): close to x where that is small, and never beyond the limit. TAESD (Bohan 2023) takes its codes
/// so.
#[derive(Debug)]
pub(crate) struct SoftClamp {
    /// Positive.
    pub limit: f64,
}

impl Layer for SoftClamp {
    fn forward<'n>(&'n self, inputs: &[Tensor], in_place: bool) -> (Tensor, Pullback<'n>) {
        let limit = self.limit;
        let mut scaled = if in_place { inputs[0].shallow_clone().g_div_scalar_(limit) } else { &inputs[0] / limit };
        with_output(scaled.tanh_().g_mul_scalar_(limit), move |gradient, output| {
            Tensor::tanh_backward_grad_input(&gradient.target(output), &gradient.tensor, &(output / limit))
        })
    }

    fn can_overwrite(&self) -> bool {
        true
    }

    fn pullback_reads_output(&self) -> bool {
        true
    }
}

/// x^2
#[derive(Debug)]
pub(crate) struct Square;

impl Layer for Square {
    fn forward<'n>(&'n self, inputs: &[Tensor], _in_place: bool) -> (Tensor, Pullback<'n>) {
        let input = inputs[0].shallow_clone();
        (input.square(), Pullback::of_one(move |gradient| gradient.times(&input).g_mul_scalar_(2.)))
    }

    fn pullback_reads_input(&self) -> bool {
        true
    }
}

/// 1 / sqrt(x + eps): the factor by which StyleGAN2 demodulates (Karras et al. 2020). Its derivative is -y^3 / 2, y being the
/// output.
#[derive(Debug)]
pub(crate) struct ReciprocalRoot {
    /// Added to x.
    pub eps: f64,
}

impl Layer for ReciprocalRoot {
    fn forward<'n>(&'n self, inputs: &[Tensor], in_place: bool) -> (Tensor, Pullback<'n>) {
        let mut sum = if in_place { inputs[0].shallow_clone().g_add_scalar_(self.eps) } else { &inputs[0] + self.eps };
        with_output(sum.rsqrt_(), |gradient, output| gradient.times(&(output.pow_tensor_scalar(3).g_mul_scalar_(-0.5))))
    }

    fn can_overwrite(&self) -> bool {
        true
    }

    fn pullback_reads_output(&self) -> bool {
        true
    }
}

/// x plus a number.
#[derive(Debug)]
pub(crate) struct AddNumber {
    pub number: f64,
}

impl Layer for AddNumber {
    fn forward<'n>(&'n self, inputs: &[Tensor], in_place: bool) -> (Tensor, Pullback<'n>) {
        let output =
            if in_place { inputs[0].shallow_clone().g_add_scalar_(self.number) } else { &inputs[0] + self.number };
        (output, Pullback::identity())
    }

    fn can_overwrite(&self) -> bool {
        true
    }
}
