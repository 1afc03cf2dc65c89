//! What tells which gradients an activation function lets through, for the way back.

use std::sync::Arc;

use kernels::{Bits, passing};
use tch::Tensor;

use super::activation::Activation;
use super::gradient::Gradient;
use super::layout::channels_last;
use super::loops::{how, mask, numbers, numbers_mut, suits};

/// What tells which gradients an activation function lets through.
#[derive(Debug)]
pub(crate) enum Passing {
    /// The function, and its output.
    Output(Activation, Tensor),
    /// A bit for each number of the output: in f32 on the CPU, where the output then need not be kept.
    Bits(Arc<Bits>),
}

impl Passing {
    /// Of an activation function and its output `[N,C,H,W]`, which is not kept where bits do.
    pub fn of(activation: Activation, output: &Tensor) -> Passing {
        if !suits(output) || output.dim() != 4 {
            return Passing::Output(activation, output.shallow_clone());
        }
        let (output, channels) = (channels_last(output), output.size()[1] as usize);
        Passing::Bits(passing::marks(numbers(&output), channels, mask(activation), how()).into())
    }

    /// The bits, if that is what there is.
    pub fn bits(&self) -> Option<&Bits> {
        match self {
            Passing::Output(..) => None,
            Passing::Bits(bits) => Some(bits),
        }
    }

    /// The gradient of the function's input.
    pub fn pullback(&self, gradient: Gradient) -> Tensor {
        match self {
            Passing::Output(activation, output) => activation.pullback(gradient, output),
            Passing::Bits(bits) => {
                let gradient = channels_last(&gradient.tensor);
                let result = gradient.empty_like();
                passing::pass(numbers(&gradient), gradient.size()[1] as usize, bits, numbers_mut(&result), how());
                result
            }
        }
    }
}
