//! StyleGAN2's `upfirdn2d` without its downsampling: zeros between the pixels, and a filter that every channel passes.

use tch::Tensor;

use super::channels_last;
use super::layer::height_and_width;
use super::onednn::Packed;

/// A filter `[k,k]` that convolves every channel, after zeros were put behind every pixel and around the picture.
#[derive(Debug)]
pub struct Fir {
    /// The filter, as it is given, for every channel: `[C,1,k,k]`. The pullback correlates with it.
    kernel: Tensor,
    /// The filter turned by half a turn, which the forward pass correlates with.
    turned: Tensor,
    /// Pixels of the output for one of the input, in both directions.
    up: i64,
    /// Zeros before and behind the picture, in both directions.
    pad: [i64; 2],
    packed: [Packed; 2],
}

impl Fir {
    pub(super) fn new(kernel: &Tensor, channels: i64, up: i64, pad: [i64; 2]) -> Fir {
        let side = kernel.size()[0];
        let each = |kernel: &Tensor| kernel.expand([channels, 1, side, side], false).contiguous();
        Fir { kernel: each(kernel), turned: each(&kernel.flip([0, 1])), up, pad, packed: Default::default() }
    }

    pub(super) fn forward(&self, input: &Tensor) -> Tensor {
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

    pub(super) fn pullback(&self, gradient: &Tensor) -> Tensor {
        let side = self.kernel.size()[2];
        let pad = [side - 1 - self.pad[0], side - self.up - self.pad[1]];
        correlate(&self.packed[1], gradient, &self.kernel, pad, self.up)
    }

    /// Multiply-adds of one sample's forward pass and of its pullback, given the shapes of output and input.
    pub(super) fn multiply_adds(&self, output: &[i64], input: &[i64]) -> (f64, f64) {
        let taps = self.kernel.numel() as f64;
        ((output[2] * output[3]) as f64 * taps, (input[2] * input[3]) as f64 * taps)
    }

    pub(super) fn kernels(&self) -> [&Tensor; 2] {
        [&self.kernel, &self.turned]
    }

    pub(super) fn map(self, f: &dyn Fn(&Tensor) -> Tensor) -> Fir {
        Fir { kernel: f(&self.kernel), turned: f(&self.turned), packed: Default::default(), ..self }
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
