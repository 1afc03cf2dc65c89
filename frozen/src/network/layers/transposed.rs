//! The transposed convolution (Zeiler et al. 2010, "Deconvolutional Networks"), with which generators enlarge pictures (Radford
//! et al. 2016, DCGAN).

use tch::Tensor;

use super::super::gradient::Pullback;
use super::super::layer::{Filters, Layer};
use super::super::layout::{by_blocks, channels_last, product};
use super::super::onednn::{Geometry, Packed};
use crate::constant::Constant;

/// PyTorch's `ConvTranspose2d`: `[N,I,H,W]` to `[N,O,h,w]` with h = (H - 1) stride - 2 padding + k. A batch norm behind it may
/// be folded into its weights.
#[derive(Debug)]
pub(crate) struct TransposedConvolution {
    /// `[I,O,k,k]` as PyTorch stores it.
    weight: Constant,
    /// `[O]`
    bias: Option<Constant>,
    /// Pixels of the output for one of the input, in both directions.
    stride: i64,
    /// Rows and columns that are cut off on every side of the output.
    padding: i64,
    /// The input is a flat code `[N,I]`, taken as a picture of one pixel: then this is a matrix product with
    /// `[I, k*k*O]`, whose result is a channels-last picture `[N,O,k,k]`.
    of_code: bool,
    /// Of a code: the matrix, and the bias `[k*k*O]`.
    matrix: Option<(Constant, Constant)>,
    /// The kernel as oneDNN wants it for the pass and for the pullback.
    packed: [Packed; 2],
}

impl TransposedConvolution {
    /// `weight` is `[I,O,k,k]`, `bias` `[O]`.
    pub fn new(weight: Tensor, bias: Option<Tensor>, stride: i64, padding: i64, of_code: bool) -> Self {
        let (weight, bias) = (weight.into(), bias.map(Constant::from));
        TransposedConvolution { weight, bias, stride, padding, of_code, matrix: None, packed: Default::default() }
    }

    fn geometry(&self) -> Geometry {
        [self.padding, self.padding, self.stride, 1]
    }

    fn pullback(&self, gradient: &Tensor) -> Tensor {
        match &self.matrix {
            Some((matrix, _)) => {
                let flat = gradient.permute([0, 2, 3, 1]).reshape([-1, matrix.size()[1]]);
                by_blocks(&flat, |row| row.matmul(&matrix.transpose(0, 1)))
            }
            None => self.packed[1].convolve(&channels_last(gradient), &self.weight, None, self.geometry(), None),
        }
    }
}

impl Layer for TransposedConvolution {
    fn forward<'n>(&'n self, inputs: &[Tensor], _in_place: bool) -> (Tensor, Pullback<'n>) {
        let output = match &self.matrix {
            Some((matrix, bias)) => {
                let size = self.weight.size();
                let flat = by_blocks(&inputs[0], |code| bias.addmm(code, matrix));
                flat.view([-1, size[2], size[3], size[1]]).permute([0, 3, 1, 2])
            }
            None => self.packed[0].convolve_transposed(&inputs[0], &self.weight, self.bias.as_deref(), self.geometry()),
        };
        (output, Pullback::of_one(|gradient| self.pullback(&gradient.tensor)))
    }

    /// Every input pixel meets the whole kernel; the output has stride^2 times as many pixels.
    fn multiply_adds(&self, output: &[i64], _inputs: &[Vec<i64>]) -> (f64, f64) {
        let kernel = product(&self.weight.size());
        let forward =
            if self.of_code { kernel } else { product(&output[2..]) / (self.stride * self.stride) as f64 * kernel };
        (forward, forward)
    }

    fn filters(&mut self) -> Option<Filters<'_>> {
        Some(Filters { weight: &mut self.weight, bias: &mut self.bias, over: [1, -1, 1, 1] })
    }

    fn prepare(&mut self) {
        if self.of_code {
            let size = self.weight.size();
            let matrix = self.weight.permute([0, 2, 3, 1]).reshape([size[0], -1]).contiguous();
            let bias = match &self.bias {
                Some(bias) => bias.repeat([size[2] * size[3]]),
                None => matrix.new_zeros([matrix.size()[1]], (matrix.kind(), matrix.device())),
            };
            self.matrix = Some((matrix.into(), bias.into()));
        }
    }

    fn tensors(&self) -> Vec<&Constant> {
        let of_matrix = self.matrix.iter().flat_map(|(matrix, bias)| [matrix, bias]);
        std::iter::once(&self.weight).chain(&self.bias).chain(of_matrix).collect()
    }

    fn map_tensors(&mut self, f: &dyn Fn(&Tensor) -> Tensor) {
        let of_matrix = self.matrix.iter_mut().flat_map(|(matrix, bias)| [matrix, bias]);
        for tensor in std::iter::once(&mut self.weight).chain(&mut self.bias).chain(of_matrix) {
            tensor.map(f);
        }
        self.packed = Default::default();
    }
}
