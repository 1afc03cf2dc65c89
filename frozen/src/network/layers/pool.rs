//! Pooling: what a layer says of the neighbourhood of each position (LeCun et al. 1989 for means, Ranzato et al. 2007 for
//! maxima). All keep channels-last memory.

use tch::Tensor;

use super::super::gradient::{Gradient, Pullback};
use super::super::layer::Layer;
use super::super::layout::{channels_last_empty, height_and_width};

/// The geometry of a pooling window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Side, in pixels.
    pub size: i64,
    /// Step in both directions, in pixels.
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

    /// As many windows over an input that is padded with so many rows and columns on every side.
    pub const fn padded(self, padding: i64) -> Pool {
        Pool { padding, ..self }
    }

    /// These windows, and those that only begin inside of the input (PyTorch's `ceil_mode`).
    pub const fn ceil(self) -> Pool {
        Pool { ceil: true, ..self }
    }

    /// Whether the input is a picture that holds a window.
    fn fits(&self, input: &Tensor) -> Result<(), String> {
        let size = input.size();
        let fits = size.len() == 4 && size[2..].iter().all(|side| side + 2 * self.padding >= self.size);
        if fits { Ok(()) } else { Err(format!("a window of {} pixels meets {size:?}", self.size)) }
    }

    fn average(&self, input: &Tensor) -> Tensor {
        let Pool { size, stride, padding, ceil } = *self;
        input.avg_pool2d([size; 2], [stride; 2], [padding; 2], ceil, true, None::<i64>)
    }
}

/// An uninitialised channels-last tensor for the gradient of a layer's input of this height and width.
fn plane(gradient: &Tensor, size: [i64; 2]) -> Tensor {
    channels_last_empty(gradient, gradient.size()[1], size)
}

/// The largest value of each window, `[N,C,H,W]` to `[N,C,h,w]`; PyTorch's `MaxPool2d`. The gradient goes to where the maximum
/// was.
#[derive(Debug)]
pub(crate) struct MaxPool(pub Pool);

impl Layer for MaxPool {
    fn fits(&self, inputs: &[Tensor]) -> Result<(), String> {
        self.0.fits(&inputs[0])
    }

    fn forward<'n>(&'n self, inputs: &[Tensor], _in_place: bool) -> (Tensor, Pullback<'n>) {
        let Pool { size, stride, padding, ceil } = self.0;
        let (window, step, pad) = ([size; 2], [stride; 2], [padding; 2]);
        let (output, places) = inputs[0].max_pool2d_with_indices(window, step, pad, [1, 1], ceil);
        let input = height_and_width(&inputs[0]);
        let pullback = Pullback::of_one(move |gradient| {
            let g = &gradient.tensor;
            // Of the input the operator reads the shape alone, which its own result has.
            let into = plane(g, input);
            into.max_pool2d_with_indices_backward_grad_input(&into, g, window, step, pad, [1, 1], ceil, &places)
        });
        (output, pullback)
    }
}

/// The mean of each window, zeros of the padding included (`count_include_pad`), `[N,C,H,W]` to `[N,C,h,w]`; PyTorch's
/// `AvgPool2d`. Each mean gives its gradient back to its window in equal shares.
#[derive(Debug)]
pub(crate) struct AveragePool(pub Pool);

impl AveragePool {
    fn pullback(&self, gradient: &Tensor, input: [i64; 2]) -> Tensor {
        let Pool { size, stride, padding, ceil } = self.0;
        if stride == 1 && size == 2 * padding + 1 {
            // Every position has as many windows as a window has positions: the pullback is the layer itself.
            return self.0.average(gradient);
        }
        let (window, step, pad) = ([size; 2], [stride; 2], [padding; 2]);
        plane(gradient, input).avg_pool2d_backward(gradient, window, step, pad, ceil, true, None::<i64>)
    }
}

impl Layer for AveragePool {
    fn fits(&self, inputs: &[Tensor]) -> Result<(), String> {
        self.0.fits(&inputs[0])
    }

    fn forward<'n>(&'n self, inputs: &[Tensor], _in_place: bool) -> (Tensor, Pullback<'n>) {
        let input = height_and_width(&inputs[0]);
        let pullback = Pullback::of_one(move |gradient| self.pullback(&gradient.tensor, input));
        (self.0.average(&inputs[0]), pullback)
    }
}

/// Means over as many windows as the output `[N,C,h,w]` has positions, whatever the size of the input `[N,C,H,W]`; PyTorch's
/// `AdaptiveAvgPool2d`. Output row i is the mean of the rows from floor(i H / h) up to ceil((i + 1) H / h), which overlap where
/// h does not divide H.
#[derive(Debug)]
pub(crate) struct AdaptiveAveragePool {
    /// Rows and columns of the output.
    pub output: [i64; 2],
}

impl Layer for AdaptiveAveragePool {
    fn forward<'n>(&'n self, inputs: &[Tensor], _in_place: bool) -> (Tensor, Pullback<'n>) {
        let input = height_and_width(&inputs[0]);
        let pullback = Pullback::of_one(move |gradient| {
            plane(&gradient.tensor, input).internal_adaptive_avg_pool2d_backward(&gradient.tensor)
        });
        (inputs[0].internal_adaptive_avg_pool2d(self.output), pullback)
    }
}

/// The mean over height and width, `[N,C,H,W]` to `[N,C]` (Lin et al. 2014, "Network in Network").
#[derive(Debug)]
pub(crate) struct GlobalAveragePool;

impl Layer for GlobalAveragePool {
    fn forward<'n>(&'n self, inputs: &[Tensor], _in_place: bool) -> (Tensor, Pullback<'n>) {
        let [height, width] = height_and_width(&inputs[0]);
        let pullback = Pullback::new(move |gradient| {
            let each = &gradient.tensor / (height * width) as f64;
            let spread = each.unsqueeze(-1).unsqueeze(-1).expand([-1, -1, height, width], false);
            vec![Gradient::shared(&spread)]
        });
        (inputs[0].mean_dim([2i64, 3].as_slice(), false, None), pullback)
    }
}
