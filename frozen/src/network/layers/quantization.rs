//! Vector quantization: a picture in the vectors of a codebook (van den Oord et al. 2017, "Neural Discrete Representation
//! Learning").

use tch::{Kind, Tensor};

use super::super::gradient::Pullback;
use super::super::layer::Layer;
use super::super::layout::{channels_last_empty, height_and_width, product};
use super::positions::{block, rows};
use crate::constant::Constant;

/// Each position of `[N,C,H,W]` as the nearest row of a codebook `[K,C]` by squared distance, the first of several. The gradient
/// passes straight through, as if the layer were not there.
#[derive(Debug)]
pub(crate) struct Quantization {
    /// `[K,C]`
    codebook: Constant,
}

impl Quantization {
    /// `codebook` is `[K,C]`.
    pub fn new(codebook: Tensor) -> Quantization {
        Quantization { codebook: codebook.into() }
    }
}

impl Layer for Quantization {
    fn forward<'n>(&'n self, inputs: &[Tensor], _in_place: bool) -> (Tensor, Pullback<'n>) {
        let (input, codebook): (_, &Tensor) = (&inputs[0], &self.codebook);
        let output = channels_last_empty(input, codebook.size()[1], height_and_width(input));
        // |x - e|^2 = |x|^2 + 2 (|e|^2 / 2 - x·e), of which the first term is the same for all.
        let halves = codebook.square().sum_dim_intlist(1i64, false, None::<Kind>) / 2;
        let parts = block(codebook.size()[0]);
        for sample in 0..input.size()[0] {
            let positions = rows(&input.get(sample));
            let mut into = rows(&output.get(sample)).split(parts, 0);
            for (part, into) in positions.split(parts, 0).iter().zip(&mut into) {
                let which = (&halves - part.matmul(&codebook.transpose(0, 1))).argmin(1, false);
                into.copy_(&codebook.index_select(0, &which));
            }
        }
        (output, Pullback::identity())
    }

    fn hides_failures(&self) -> bool {
        true
    }

    fn multiply_adds(&self, output: &[i64], _inputs: &[Vec<i64>]) -> (f64, f64) {
        (product(&output[2..]) * product(&self.codebook.size()), 0.)
    }

    fn tensors(&self) -> Vec<&Constant> {
        vec![&self.codebook]
    }

    fn map_tensors(&mut self, f: &dyn Fn(&Tensor) -> Tensor) {
        self.codebook.map(f);
    }
}
