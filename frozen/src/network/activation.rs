//! The activation functions that a convolution can apply to its own result: ReLU (Nair & Hinton 2010, "Rectified Linear Units
//! Improve Restricted Boltzmann Machines") and ReLU6 (Krizhevsky 2010, "Convolutional Deep Belief Networks on CIFAR-10").

use tch::Tensor;

use super::gradient::Gradient;

/// An activation function of each number, which keeps the shape. As a layer of its own it is in `layers/elementwise.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activation {
    /// max(x, 0); PyTorch's `ReLU`.
    Relu,
    /// min(max(x, 0), 6); PyTorch's `ReLU6`.
    Relu6,
}

impl Activation {
    /// The function of `x`, written over it.
    pub fn over(self, mut x: Tensor) -> Tensor {
        match self {
            Activation::Relu => x.relu_(),
            Activation::Relu6 => x.clamp_(0., 6.),
        }
    }

    /// The function of `x`, as a new tensor.
    pub fn of(self, x: &Tensor) -> Tensor {
        match self {
            Activation::Relu => x.relu(),
            Activation::Relu6 => x.clamp(0., 6.),
        }
    }

    /// The gradient of the input, of which the function's own `output` tells enough.
    pub fn pullback(self, gradient: Gradient, output: &Tensor) -> Tensor {
        let (into, g) = (gradient.target(output), &gradient.tensor);
        match self {
            Activation::Relu => output.threshold_backward_grad_input(&into, g, 0.),
            // The derivative at the clamped output is the derivative at the input: 1 strictly between 0 and 6.
            Activation::Relu6 => Tensor::hardtanh_backward_grad_input(output, &into, g, 0., 6.),
        }
    }
}
