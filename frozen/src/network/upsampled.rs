//! A convolution of an enlarged picture, computed without the enlarged picture.

use tch::{Kind, Tensor};

use super::channels_last;

/// Every pixel four times (nearest), then a 3 x 3 convolution padded with 1: equal to a transposed convolution with a 4 x 4
/// kernel, stride 2 and padding 1, which multiplies 2.25 times less.
#[derive(Debug)]
pub struct UpsampledConvolution {
    /// `[out,in,3,3]`
    pub(super) weight: Tensor,
    /// `[out]`
    pub(super) bias: Option<Tensor>,
    /// The transposed convolution's kernel `[in,out,4,4]`.
    kernel: Option<Tensor>,
}

impl UpsampledConvolution {
    pub(super) fn new(weight: Tensor, bias: Option<Tensor>) -> Self {
        UpsampledConvolution { weight, bias, kernel: None }
    }

    /// Derives the kernel that passes use, once the weights are final.
    pub(super) fn prepare(&mut self) {
        // Along an axis, the taps of the enlarged picture that fall on one pixel add up: w2, w1 + w2, w0 + w1, w0.
        let sums: [f64; 12] = [0., 0., 1., 0., 1., 1., 1., 1., 0., 1., 0., 0.];
        let sums = Tensor::from_slice(&sums).view([4, 3]);
        let kernel = sums.matmul(&self.weight.to_kind(Kind::Double)).matmul(&sums.transpose(0, 1));
        self.kernel = Some(channels_last(&kernel.to_kind(Kind::Float).transpose(0, 1)));
    }

    fn kernel(&self) -> &Tensor {
        self.kernel.as_ref().unwrap_or(&self.weight)
    }

    pub(super) fn forward(&self, input: &Tensor) -> Tensor {
        input.conv_transpose2d(self.kernel(), self.bias.as_ref(), [2, 2], [1, 1], [0, 0], 1, [1, 1])
    }

    pub(super) fn pullback(&self, gradient: &Tensor) -> Tensor {
        channels_last(gradient).conv2d(self.kernel(), None::<&Tensor>, [2, 2], [1, 1], [1, 1], 1)
    }

    /// Multiply-adds of one sample, given the output's shape.
    pub(super) fn multiply_adds(&self, output: &[i64]) -> f64 {
        (output[2] * output[3] / 4) as f64 * self.kernel().numel() as f64
    }

    pub(super) fn tensors(&self) -> impl Iterator<Item = &Tensor> {
        [Some(&self.weight), self.bias.as_ref(), self.kernel.as_ref()].into_iter().flatten()
    }

    pub(super) fn map(self, f: &dyn Fn(&Tensor) -> Tensor) -> Self {
        UpsampledConvolution {
            weight: f(&self.weight),
            bias: self.bias.as_ref().map(f),
            kernel: self.kernel.as_ref().map(f),
        }
    }
}
