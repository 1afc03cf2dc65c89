//! Nearest-neighbour enlargement, and the convolution of an enlarged picture, computed without the enlarged picture (Odena et
//! al. 2016, "Deconvolution and Checkerboard Artifacts", compares the two ways of enlarging).

use tch::{Kind, Tensor};

use super::super::gradient::Pullback;
use super::super::layer::{Filters, Layer};
use super::super::layout::{channels_last, height_and_width};
use super::super::onednn::{Geometry, Packed};
use crate::constant::Constant;

/// Every pixel four times: `[N,C,H,W]` to `[N,C,2H,2W]`; PyTorch's `UpsamplingNearest2d(scale_factor=2)`.
#[derive(Debug)]
pub(crate) struct UpsampleNearest;

impl Layer for UpsampleNearest {
    fn forward<'n>(&'n self, inputs: &[Tensor], _in_place: bool) -> (Tensor, Pullback<'n>) {
        let [height, width] = height_and_width(&inputs[0]);
        let output = inputs[0].upsample_nearest2d([2 * height, 2 * width], None, None);
        // Sums of 2 x 2.
        let sums = |g: &Tensor| g.avg_pool2d([2, 2], [2, 2], [0, 0], false, false, 1);
        (output, Pullback::of_one(move |gradient| sums(&gradient.tensor)))
    }
}

/// Every pixel four times (nearest), then a 3 x 3 convolution padded with 1, `[N,I,H,W]` to `[N,O,2H,2W]`: equal to a transposed
/// convolution with a 4 x 4 kernel, stride 2 and padding 1, which multiplies 2.25 times less. A batch norm behind it may be
/// folded into its weights.
#[derive(Debug)]
pub(crate) struct UpsampledConvolution {
    /// `[O,I,3,3]`; once it is prepared, the transposed convolution's kernel `[I,O,4,4]`.
    weight: Constant,
    /// `[O]`
    bias: Option<Constant>,
    /// The kernel as oneDNN wants it for the pass and for the pullback.
    packed: [Packed; 2],
}

/// Padding of rows and columns, stride, groups.
const GEOMETRY: Geometry = [1, 1, 2, 1];

impl UpsampledConvolution {
    /// `weight` is `[O,I,3,3]`, `bias` `[O]`.
    pub fn new(weight: Tensor, bias: Option<Tensor>) -> Self {
        UpsampledConvolution { weight: weight.into(), bias: bias.map(Constant::from), packed: Default::default() }
    }

    fn pullback(&self, gradient: &Tensor) -> Tensor {
        self.packed[1].convolve(&channels_last(gradient), &self.weight, None, GEOMETRY, None)
    }
}

impl Layer for UpsampledConvolution {
    fn forward<'n>(&'n self, inputs: &[Tensor], _in_place: bool) -> (Tensor, Pullback<'n>) {
        let output = self.packed[0].convolve_transposed(&inputs[0], &self.weight, self.bias.as_deref(), GEOMETRY);
        (output, Pullback::of_one(|gradient| self.pullback(&gradient.tensor)))
    }

    fn multiply_adds(&self, output: &[i64], _inputs: &[Vec<i64>]) -> (f64, f64) {
        let forward = (output[2] * output[3] / 4) as f64 * self.weight.numel() as f64;
        (forward, forward)
    }

    fn filters(&mut self) -> Option<Filters<'_>> {
        Some(Filters { weight: &mut self.weight, bias: &mut self.bias, over: [-1, 1, 1, 1] })
    }

    fn prepare(&mut self) {
        // Along an axis, the taps of the enlarged picture that fall on one pixel add up: w2, w1 + w2, w0 + w1, w0.
        let sums: [f64; 12] = [0., 0., 1., 0., 1., 1., 1., 1., 0., 1., 0., 0.];
        let sums = Tensor::from_slice(&sums).view([4, 3]);
        let kernel = sums.matmul(&self.weight.to_kind(Kind::Double)).matmul(&sums.transpose(0, 1));
        self.weight = kernel.to_kind(Kind::Float).transpose(0, 1).into();
    }

    fn tensors(&self) -> Vec<&Constant> {
        std::iter::once(&self.weight).chain(&self.bias).collect()
    }

    fn map_tensors(&mut self, f: &dyn Fn(&Tensor) -> Tensor) {
        for tensor in std::iter::once(&mut self.weight).chain(&mut self.bias) {
            tensor.map(f);
        }
        self.packed = Default::default();
    }
}
