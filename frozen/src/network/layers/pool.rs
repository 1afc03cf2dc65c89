//! Pooling: what a layer says of the neighbourhood of each position. All keep channels-last memory.

use tch::Tensor;

/// The geometry of a pooling window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Side.
    pub size: i64,
    /// Step in both directions.
    pub stride: i64,
    /// Rows and columns around the input: no candidates of a maximum, zeros of a mean.
    pub padding: i64,
    /// Whether a window that only begins inside of the input counts (`ceil_mode`).
    pub ceil: bool,
}

impl Pool {
    /// Windows of this side and step, without padding, all of them inside of the input.
    pub const fn new(size: i64, stride: i64) -> Pool {
        Pool { size, stride, padding: 0, ceil: false }
    }

    /// The same windows over an input that is padded on every side.
    pub const fn padded(self, padding: i64) -> Pool {
        Pool { padding, ..self }
    }

    /// The same windows, those at the lower and right edge cut off and not left out.
    pub const fn ceil(self) -> Pool {
        Pool { ceil: true, ..self }
    }

    /// The largest values, and where in its plane each of them was.
    pub(super) fn max(&self, input: &Tensor) -> (Tensor, Tensor) {
        let Pool { size, stride, padding, ceil } = *self;
        input.max_pool2d_with_indices([size; 2], [stride; 2], [padding; 2], [1, 1], ceil)
    }

    /// The gradient goes to where the maximum was.
    pub(super) fn max_pullback(&self, gradient: &Tensor, places: &Tensor, input: [i64; 2]) -> Tensor {
        let Pool { size, stride, padding, ceil } = *self;
        // Of the input the operator reads the shape alone, which its own result has.
        let into = plane(gradient, input);
        let (window, step, pad) = ([size; 2], [stride; 2], [padding; 2]);
        into.max_pool2d_with_indices_backward_grad_input(&into, gradient, window, step, pad, [1, 1], ceil, places)
    }

    /// The means, zeros of the padding included (`count_include_pad`).
    pub(super) fn average(&self, input: &Tensor) -> Tensor {
        let Pool { size, stride, padding, ceil } = *self;
        input.avg_pool2d([size; 2], [stride; 2], [padding; 2], ceil, true, None::<i64>)
    }

    /// Each mean gives its gradient back to its window in equal shares.
    pub(super) fn average_pullback(&self, gradient: &Tensor, input: [i64; 2]) -> Tensor {
        let Pool { size, stride, padding, ceil } = *self;
        if stride == 1 && size == 2 * padding + 1 {
            // Every position has as many windows as a window has positions: the pullback is the layer itself.
            return self.average(gradient);
        }
        let (window, step, pad) = ([size; 2], [stride; 2], [padding; 2]);
        plane(gradient, input).avg_pool2d_backward(gradient, window, step, pad, ceil, true, None::<i64>)
    }
}

/// Means over as many windows as the output has positions, whatever the input's size: output row i is the mean of the
/// rows from floor(i H / h) up to ceil((i + 1) H / h), which overlap where h does not divide H.
pub(super) fn adaptive_average(input: &Tensor, output: [i64; 2]) -> Tensor {
    input.internal_adaptive_avg_pool2d(output)
}

pub(super) fn adaptive_average_pullback(gradient: &Tensor, input: [i64; 2]) -> Tensor {
    plane(gradient, input).internal_adaptive_avg_pool2d_backward(gradient)
}

/// An uninitialised channels-last tensor for the gradient of a layer's input of this height and width.
fn plane(gradient: &Tensor, [height, width]: [i64; 2]) -> Tensor {
    let (samples, channels) = (gradient.size()[0], gradient.size()[1]);
    let options = (gradient.kind(), gradient.device());
    Tensor::empty([samples, height, width, channels], options).permute([0, 3, 1, 2])
}
