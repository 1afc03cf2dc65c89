//! StyleGAN2's `upfirdn2d` (Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN") without its
//! downsampling: zeros between the pixels, and a filter that every channel passes.

use tch::Tensor;

use super::super::gradient::Pullback;
use super::super::layer::Layer;
use super::super::layout::{channels_last, height_and_width};
use super::super::onednn::Packed;
use crate::constant::Constant;

/// A filter `[k,k]` that convolves every channel, after zeros were put behind every pixel and around the picture: `[N,C,H,W]`
/// to `[N,C,h,w]` with h = up H + before + after - k + 1.
#[derive(Debug)]
pub(crate) struct Fir {
    /// The filter, as it is given, for every channel: `[C,1,k,k]`. The pullback correlates with it.
    kernel: Constant,
    /// The filter turned by half a turn, which the forward pass correlates with.
    turned: Constant,
    /// Pixels of the output for one of the input, in both directions.
    up: i64,
    /// Zeros before and behind the picture, in both directions.
    pad: [i64; 2],
    /// The two kernels as oneDNN wants them: of the pass, and of the pullback.
    packed: [Packed; 2],
}

impl Fir {
    /// The filter `kernel` `[k,k]` for so many channels.
    pub fn new(kernel: &Tensor, channels: i64, up: i64, pad: [i64; 2]) -> Fir {
        let side = kernel.size()[0];
        let each = |kernel: &Tensor| kernel.expand([channels, 1, side, side], false).contiguous().into();
        Fir { kernel: each(kernel), turned: each(&kernel.flip([0, 1])), up, pad, packed: Default::default() }
    }

    fn output(&self, input: &Tensor) -> Tensor {
        let [before, after] = self.pad;
        if self.up == 1 {
            return correlate(&self.packed[0], input, &self.turned, self.pad, 1);
        }
        let [height, width] = height_and_width(input);
        let (samples, channels) = (input.size()[0], input.size()[1]);
        let side = |size: i64| size * self.up + before + after;
        let options = (input.kind(), input.device());
        let spread = Tensor::zeros([samples, side(height), side(width), channels], options).permute([0, 3, 1, 2]);
        let places = |tensor: Tensor, dim: i64, size: i64| tensor.slice(dim, before, before + size * self.up, self.up);
        places(places(spread.shallow_clone(), 2, height), 3, width).copy_(input);
        correlate(&self.packed[0], &spread, &self.turned, [0, 0], 1)
    }

    fn pullback(&self, gradient: &Tensor) -> Tensor {
        let side = self.kernel.size()[2];
        let pad = [side - 1 - self.pad[0], side - self.up - self.pad[1]];
        correlate(&self.packed[1], gradient, &self.kernel, pad, self.up)
    }
}

impl Layer for Fir {
    fn forward<'n>(&'n self, inputs: &[Tensor], _in_place: bool) -> (Tensor, Pullback<'n>) {
        (self.output(&inputs[0]), Pullback::of_one(|gradient| self.pullback(&gradient.tensor)))
    }

    fn multiply_adds(&self, output: &[i64], inputs: &[Vec<i64>]) -> (f64, f64) {
        let (taps, input) = (self.kernel.numel() as f64, &inputs[0]);
        ((output[2] * output[3]) as f64 * taps, (input[2] * input[3]) as f64 * taps)
    }

    fn tensors(&self) -> Vec<&Constant> {
        vec![&self.kernel, &self.turned]
    }

    fn map_tensors(&mut self, f: &dyn Fn(&Tensor) -> Tensor) {
        self.kernel.map(f);
        self.turned.map(f);
        self.packed = Default::default();
    }
}

/// Each channel correlated with its filter, with as many zeros before and behind the picture; a negative number cuts off.
fn correlate(packed: &Packed, input: &Tensor, kernel: &Tensor, [before, after]: [i64; 2], stride: i64) -> Tensor {
    let even = before.min(after).max(0);
    let rest = [before - even, after - even];
    let padded = if rest == [0, 0] {
        channels_last(input)
    } else {
        channels_last(&input.constant_pad_nd([rest[0], rest[1], rest[0], rest[1]]))
    };
    packed.convolve(&padded, kernel, None, [even, even, stride, kernel.size()[0]], None)
}
