//! Pictures in other sides than their own, for networks whose input is no square.

use tch::Tensor;

use super::super::gradient::Pullback;
use super::super::layer::Layer;

/// `[N,C,H,W]` to so many rows and columns, bilinearly.
#[derive(Debug)]
pub(crate) struct Squeezed {
    /// Rows and columns.
    pub size: [i64; 2],
}

impl Layer for Squeezed {
    fn forward<'n>(&'n self, inputs: &[Tensor], _in_place: bool) -> (Tensor, Pullback<'n>) {
        let from = inputs[0].size();
        let output = inputs[0].upsample_bilinear2d(self.size, false, None, None);
        let pullback = Pullback::of_one(move |gradient| {
            let gradient = gradient.tensor.contiguous();
            Tensor::upsample_bilinear2d_backward(&gradient, self.size, &from, false, None, None)
        });
        (output, pullback)
    }
}
