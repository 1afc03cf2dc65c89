//! A convolution of an enlarged picture, computed without the enlarged picture.

use tch::{Kind, Tensor};

use super::channels_last;
use super::onednn::{Geometry, Packed};

/// Every pixel four times (nearest), then a 3 x 3 convolution padded with 1: equal to a transposed convolution with a 4 x 4
/// kernel, stride 2 and padding 1, which multiplies 2.25 times less.
#[derive(Debug)]
pub struct UpsampledConvolution {
    /// `[out,in,3,3]`; once it is prepared, the transposed convolution's kernel `[in,out,4,4]`.
    pub(super) weight: Tensor,
    /// `[out]`
    pub(super) bias: Option<Tensor>,
    /// The kernel as oneDNN wants it for the pass and for the pullback.
    packed: [Packed; 2],
}

/// Padding of rows and columns, stride, groups.
const GEOMETRY: Geometry = [1, 1, 2, 1];

impl UpsampledConvolution {
    pub(super) fn new(weight: Tensor, bias: Option<Tensor>) -> Self {
        UpsampledConvolution { weight, bias, packed: Default::default() }
    }

    /// Derives the kernel that passes use, once the weights are final.
    pub(super) fn prepare(&mut self) {
        // Along an axis, the taps of the enlarged picture that fall on one pixel add up: w2, w1 + w2, w0 + w1, w0.
        let sums: [f64; 12] = [0., 0., 1., 0., 1., 1., 1., 1., 0., 1., 0., 0.];
        let sums = Tensor::from_slice(&sums).view([4, 3]);
        let kernel = sums.matmul(&self.weight.to_kind(Kind::Double)).matmul(&sums.transpose(0, 1));
        self.weight = kernel.to_kind(Kind::Float).transpose(0, 1);
    }

    pub(super) fn forward(&self, input: &Tensor) -> Tensor {
        self.packed[0].convolve_transposed(input, &self.weight, self.bias.as_ref(), GEOMETRY)
    }

    pub(super) fn pullback(&self, gradient: &Tensor) -> Tensor {
        self.packed[1].convolve(&channels_last(gradient), &self.weight, None, GEOMETRY, None)
    }

    /// Multiply-adds of one sample, given the output's shape.
    pub(super) fn multiply_adds(&self, output: &[i64]) -> f64 {
        (output[2] * output[3] / 4) as f64 * self.weight.numel() as f64
    }

    pub(super) fn tensors(&self) -> impl Iterator<Item = &Tensor> {
        std::iter::once(&self.weight).chain(&self.bias)
    }

    pub(super) fn map(self, f: &dyn Fn(&Tensor) -> Tensor) -> Self {
        UpsampledConvolution { weight: f(&self.weight), bias: self.bias.as_ref().map(f), packed: Default::default() }
    }
}
