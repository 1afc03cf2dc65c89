//! The two-dimensional convolution (LeCun et al. 1989, "Backpropagation Applied to Handwritten Zip Code Recognition"), whose
//! pullback is itself a convolution with fixed weights.

use tch::Tensor;

use super::super::activation::Activation;
use super::super::gradient::{Gradient, Pullback};
use super::super::layer::{Activated, Around, Filters, Layer, Made};
use super::super::layout::{channels_last, height_and_width, product};
use super::super::loops::{Loop, Loops, Place};
use super::super::onednn::{Geometry, Packed};
use super::super::passing::Passing;
use crate::constant::Constant;

/// How a convolution pads its input with zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// This many rows and columns on every side.
    Symmetric(i64),
    /// This many rows above and below, and this many columns on the left and on the right.
    Sides([i64; 2]),
    /// TensorFlow's "SAME": the output has ceil(size / stride) rows; where the padding is odd, the bottom and the right
    /// get the extra row and column. It depends on the size of the input.
    Same,
}

/// A convolution of `[N,I,H,W]`, PyTorch's `Conv2d`, to `[N,O,h,w]` with h = floor((H + padding - rows) / stride) + 1. A batch
/// norm behind it may be folded into its weights.
#[derive(Debug)]
pub(crate) struct Convolution {
    /// `[O,I/groups,rows,columns]`
    weight: Constant,
    /// `[O]`
    bias: Option<Constant>,
    /// Step in both directions.
    stride: i64,
    padding: Padding,
    /// Groups of channels that do not mix.
    groups: i64,
    /// The kernel with a row of zeros above and a column of zeros on the left: an asymmetric "same" padding as a
    /// symmetric one, so that the input needs no padded copy.
    widened: Option<Constant>,
    /// The kernel of the gradient of a stride-1 convolution: transposed, and turned by half a turn.
    turned: Option<Constant>,
    /// The three kernels as oneDNN wants them.
    packed: [Packed; 3],
    /// The kernel as the loops of our own want it, where there is one.
    loops: Loops,
}

impl Convolution {
    /// `weight` is `[O,I/groups,rows,columns]`, `bias` `[O]`.
    pub fn new(weight: Tensor, bias: Option<Tensor>, stride: i64, padding: Padding, groups: i64) -> Self {
        let (weight, bias) = (weight.into(), bias.map(Constant::from));
        Convolution {
            weight,
            bias,
            stride,
            padding,
            groups,
            widened: None,
            turned: None,
            packed: Default::default(),
            loops: Loops::default(),
        }
    }

    /// All rows and all columns of padding for an input of this size.
    fn total(&self, input: [i64; 2]) -> [i64; 2] {
        let size = self.weight.size();
        [0, 1].map(|side| match self.padding {
            Padding::Symmetric(pad) => 2 * pad,
            Padding::Sides(sides) => 2 * sides[side],
            Padding::Same => {
                let (input, kernel) = (input[side], size[2 + side]);
                (((input + self.stride - 1) / self.stride - 1) * self.stride + kernel - input).max(0)
            }
        })
    }

    /// The padding on every side for an input of this size, and the kernel that goes with it where it is a widened one.
    fn padding(&self, input: [i64; 2]) -> ([i64; 2], Option<Tensor>) {
        let [above, left] = self.total(input);
        let kernel = match (above % 2 == 1, left % 2 == 1) {
            (false, false) => None,
            (true, true) => self.widened.as_ref().map(|widened| widened.shallow_clone()),
            odd => Some(widen(&self.weight, odd)),
        };
        ([(above + 1) / 2, (left + 1) / 2], kernel)
    }

    /// Whether a kernel is the widened one that is kept.
    fn is_cached(&self, kernel: &Tensor) -> bool {
        self.widened.as_ref().is_some_and(|widened| widened.data_ptr() == kernel.data_ptr())
    }

    /// The output, and with `marks` which gradients pass the activation function.
    fn output(&self, input: &Tensor, activation: Option<Activation>, marks: bool) -> (Tensor, Option<Passing>) {
        let place = self.place(height_and_width(input));
        match self.loops.forward(place, &self.weight, self.bias.as_deref(), input, activation, marks) {
            Some((output, bits)) => (output, bits.map(|bits| Passing::Bits(bits.into()))),
            None => {
                let output = self.output_of_libtorch(input, activation);
                let passing = activation.filter(|_| marks).map(|activation| Passing::of(activation, &output));
                (output, passing)
            }
        }
    }

    fn output_of_libtorch(&self, input: &Tensor, activation: Option<Activation>) -> Tensor {
        let (padding, widened) = self.padding(height_and_width(input));
        let [plain, of_widened, _] = &self.packed;
        let bias = self.bias.as_deref();
        let geometry = [padding[0], padding[1], self.stride, self.groups];
        match widened {
            None => convolve(plain, input, &self.weight, bias, geometry, activation),
            Some(kernel) if self.is_cached(&kernel) => convolve(of_widened, input, &kernel, bias, geometry, activation),
            // Odd in one direction only: a kernel made for this call.
            Some(kernel) => convolve(&Packed::default(), input, &kernel, bias, geometry, activation),
        }
    }

    fn place(&self, input: [i64; 2]) -> Place {
        Place { stride: self.stride, groups: self.groups, total: self.total(input) }
    }

    fn pullback_of_libtorch(&self, gradient: &Tensor, input: [i64; 2]) -> Tensor {
        // A part of a concatenation's gradient lies scattered; everything else is channels-last already.
        let gradient = &channels_last(gradient);
        let (padding, widened) = self.padding(input);
        let kernel = widened.as_ref().unwrap_or(&self.weight);
        let (rows, columns) = (kernel.size()[2], kernel.size()[3]);
        if let (Some(turned), None) = (&self.turned, &widened) {
            let padding = [rows - 1 - padding[0], columns - 1 - padding[1]];
            return convolve(&self.packed[2], gradient, turned, None, [padding[0], padding[1], 1, self.groups], None);
        }
        let rest = |size: i64, pad: i64, kernel: i64| (size + 2 * pad - kernel) % self.stride;
        let rest = [rest(input[0], padding[0], rows), rest(input[1], padding[1], columns)];
        gradient.conv_transpose2d(kernel, None::<&Tensor>, [self.stride; 2], padding, rest, self.groups, [1, 1])
    }
}

impl Layer for Convolution {
    fn fits(&self, inputs: &[Tensor]) -> Result<(), String> {
        let (size, kernel) = (inputs[0].size(), self.weight.size());
        let &[_, channels, height, width] = &size[..] else { return Err(format!("{size:?} is no picture")) };
        let ([above, left], _) = self.padding([height, width]);
        let fits =
            channels == kernel[1] * self.groups && height + 2 * above >= kernel[2] && width + 2 * left >= kernel[3];
        if fits { Ok(()) } else { Err(format!("a kernel {kernel:?} meets {size:?}")) }
    }

    fn forward<'n>(&'n self, inputs: &[Tensor], _in_place: bool) -> (Tensor, Pullback<'n>) {
        let size = height_and_width(&inputs[0]);
        let pullback = Pullback::of_one(move |gradient| self.pullback_over(gradient, size, None, None));
        (self.output(&inputs[0], None, false).0, pullback)
    }

    fn activated(&self) -> Option<&dyn Activated> {
        Some(self)
    }

    fn multiply_adds(&self, output: &[i64], _inputs: &[Vec<i64>]) -> (f64, f64) {
        let forward = product(&output[1..]) * product(&self.weight.size()[1..]);
        (forward, forward)
    }

    fn filters(&mut self) -> Option<Filters<'_>> {
        Some(Filters { weight: &mut self.weight, bias: &mut self.bias, over: [-1, 1, 1, 1] })
    }

    fn prepare(&mut self) {
        if self.padding == Padding::Same {
            self.widened = Some(widen(&self.weight, (true, true)).into());
        }
        if self.stride == 1 {
            let size = self.weight.size();
            let (out, rows, columns) = (size[0], size[2], size[3]);
            let grouped = self.weight.reshape([self.groups, out / self.groups, size[1], rows, columns]);
            let turned = grouped.transpose(1, 2).reshape([self.groups * size[1], out / self.groups, rows, columns]);
            self.turned = Some(turned.flip([2, 3]).into());
        }
    }

    fn tensors(&self) -> Vec<&Constant> {
        let optional = [&self.bias, &self.widened, &self.turned].into_iter().flatten();
        std::iter::once(&self.weight).chain(optional).collect()
    }

    fn map_tensors(&mut self, f: &dyn Fn(&Tensor) -> Tensor) {
        self.weight.map(f);
        for optional in [&mut self.bias, &mut self.widened, &mut self.turned].into_iter().flatten() {
            optional.map(f);
        }
        self.packed = Default::default();
        self.loops = Loops::default();
    }
}

impl Activated for Convolution {
    fn forward_activated<'n>(&'n self, inputs: &[Tensor], around: Around, before: Option<Passing>) -> Made<'n> {
        let size = height_and_width(&inputs[0]);
        let (output, passing) = self.output(&inputs[0], Some(around.behind), around.back);
        let (behind, passing) = if around.behind_is_done { (None, passing) } else { (passing, None) };
        let pullback = Pullback::of_one(move |gradient| self.pullback_over(gradient, size, behind, before));
        Made { output, passing, pullback }
    }

    fn goes_over_before(&self) -> bool {
        Loop::of(&self.weight.size(), self.stride, self.groups).is_some_and(Loop::goes_over_before)
    }
}

impl Convolution {
    /// The gradient of an input of this height and width, over the activation functions behind the convolution and before it.
    fn pullback_over(
        &self,
        gradient: Gradient,
        size: [i64; 2],
        behind: Option<Passing>,
        before: Option<Passing>,
    ) -> Tensor {
        let own = Loop::of(&self.weight.size(), self.stride, self.groups);
        // What the loop does not take along goes first, and last.
        let along = |passing: &Option<Passing>, goes: fn(Loop) -> bool| {
            passing.as_ref().is_none_or(|passing| passing.bits().is_some() && own.is_some_and(goes))
        };
        let [with_behind, with_before] =
            [along(&behind, Loop::goes_over_behind), along(&before, Loop::goes_over_before)];
        let gradient = match behind.as_ref().filter(|_| !with_behind) {
            Some(behind) => Gradient::owned(behind.pullback(gradient)),
            None => gradient,
        };
        let taken_behind = behind.as_ref().filter(|_| with_behind);
        let bits = [taken_behind, before.as_ref().filter(|_| with_before)];
        let bits = bits.map(|passing| passing.and_then(Passing::bits));
        let own = self.loops.pullback(self.place(size), &self.weight, &gradient.tensor, size, bits);
        if let (Some(own), true) = (&own, with_before) {
            return own.shallow_clone();
        }
        let result = own.unwrap_or_else(|| {
            let gradient = match taken_behind {
                Some(behind) => behind.pullback(gradient),
                None => gradient.tensor,
            };
            self.pullback_of_libtorch(&gradient, size)
        });
        match before {
            Some(before) => before.pullback(Gradient::owned(result)),
            None => result,
        }
    }
}

/// The kernel with a row of zeros above and (or) a column of zeros on the left.
fn widen(kernel: &Tensor, (above, left): (bool, bool)) -> Tensor {
    channels_last(&kernel.constant_pad_nd([i64::from(left), 0, i64::from(above), 0]))
}

/// A convolution that rounds a sample the same whatever its batch.
///
/// Where one sample has few positions for several threads and the sums are long, oneDNN shares out the terms of the sums,
/// which rounds them in another way than it does for two samples. Such a lone sample is computed twice.
fn convolve(
    packed: &Packed,
    input: &Tensor,
    kernel: &Tensor,
    bias: Option<&Tensor>,
    geometry: Geometry,
    activation: Option<Activation>,
) -> Tensor {
    /// What was found to be shared out: EfficientNet's last layers, of 7 x 7 positions and from 320 x 1152 weights on.
    const FEW: i64 = 64;
    const MANY: usize = 300_000;
    let [height, width] = height_and_width(input);
    let lone = input.size()[0] == 1 && height * width <= FEW && kernel.size()[2..] == [1, 1] && kernel.numel() >= MANY;
    if lone && tch::get_num_threads() > 1 {
        let twice = Tensor::cat(&[input, input], 0);
        return packed.convolve(&twice, kernel, bias, geometry, activation).narrow(0, 0, 1);
    }
    packed.convolve(input, kernel, bias, geometry, activation)
}
