//! The loops of the crate `kernels`, over tensors.

use std::sync::OnceLock;

use kernels::{Bits, Mask, Processor, convolution, depthwise, few_channels, processor};
use tch::{Device, Kind, Tensor};

use super::activation::Activation;
use super::layout::{channels_last, channels_last_empty, height_and_width};

/// What a loop must know of a convolution besides its weights `[O,I/groups,rows,columns]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub stride: i64,
    pub groups: i64,
    /// Rows above and below, and columns on both sides.
    pub total: [i64; 2],
}

impl Place {
    /// Rows above and columns on the left: the smaller half.
    fn before(&self) -> [usize; 2] {
        self.total.map(|total| total as usize / 2)
    }
}

/// Which loop brings gradients back over a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loop {
    /// Of a convolution that does not mix channels.
    Depthwise,
    /// Of a convolution from up to four channels, as a network's first one is.
    FewChannels,
    /// A convolution with turned kernels, of stride 1.
    Turned,
}

impl Loop {
    /// For weights of this shape.
    pub fn of(weight: &[i64], stride: i64, groups: i64) -> Option<Loop> {
        let &[out, of_group, rows, columns] = weight else { return None };
        if groups == out && of_group == 1 && rows == columns && matches!(rows, 3 | 5 | 7) && matches!(stride, 1 | 2) {
            return Some(Loop::Depthwise);
        }
        if groups == 1 && of_group <= 4 && rows == columns && (2..=11).contains(&rows) {
            return Some(Loop::FewChannels);
        }
        (groups == 1 && stride == 1 && out >= ENOUGH).then_some(Loop::Turned)
    }

    /// Whether it goes over the activation function behind the convolution, too.
    pub fn goes_over_behind(self) -> bool {
        self != Loop::Turned
    }

    /// Whether it goes over the activation function before the convolution, too.
    pub fn goes_over_before(self) -> bool {
        self != Loop::FewChannels
    }
}

/// Channels at one place of the kernel that are worth a loop over them.
const ENOUGH: i64 = 8;

/// The kernel of a convolution as its loops read it, each laid out when it is first used.
#[derive(Debug, Default)]
pub(crate) struct Loops {
    mixing: OnceLock<convolution::Weights>,
    turned: OnceLock<convolution::Weights>,
    /// `[rows,columns,C]`
    depthwise: OnceLock<Vec<f32>>,
    few: OnceLock<few_channels::Kernels>,
}

impl Loops {
    /// The convolution of `input` and the activation function behind it, and with `marks` what passes that. None where no loop
    /// suits: on another device, of another kind than f32, on a processor without wide registers, in groups, of few channels.
    pub fn forward(
        &self,
        place: Place,
        weight: &Tensor,
        bias: Option<&Tensor>,
        input: &Tensor,
        activation: Option<Activation>,
        marks: bool,
    ) -> Option<(Tensor, Option<Bits>)> {
        let sizes @ [outputs, of_group, rows, columns] = usizes::<4>(weight)?;
        let depthwise = Loop::of(&weight.size(), place.stride, place.groups) == Some(Loop::Depthwise);
        let mixing = place.groups == 1 && of_group >= ENOUGH as usize;
        if !suits(input) || !(depthwise || mixing) {
            return None;
        }
        let input = channels_last(input);
        let [pictures, channels, height, width] = usizes::<4>(&input)?;
        let (stride, padding) = (place.stride as usize, place.before());
        let [down, across] = place.total.map(|total| total as usize);
        let output = [(height + down).checked_sub(rows)?, (width + across).checked_sub(columns)?];
        let (sides, output) = ([height, width], output.map(|rest| rest / stride + 1));
        let result = channels_last_empty(&input, outputs as i64, output.map(|side| side as i64));
        let mut bits = (marks && activation.is_some()).then(|| Bits::none(pictures * output[0] * output[1], outputs));
        let bias = bias.map(|bias| bias.contiguous());
        let (bias, activation) = (bias.as_ref().map(numbers), activation.map(mask));
        if depthwise {
            let shape = depthwise::Shape { pictures, channels, input: sides, output, kernel: rows, stride, padding };
            if !shape.is_known() {
                return None;
            }
            let (kernel, finish) = (self.depthwise(weight), depthwise::Finish { bias, activation });
            depthwise::convolve(&shape, kernel, numbers(&input), finish, bits.as_mut(), numbers_mut(&result), how());
        } else {
            let shape = convolution::Shape { pictures, input: sides, output, stride, padding };
            let weights = self.mixing.get_or_init(|| convolution::Weights::new(numbers(&weight.contiguous()), sizes));
            let finish = convolution::Finish { bias, activation, ..convolution::Finish::default() };
            convolution::convolve(&shape, weights, numbers(&input), finish, bits.as_mut(), numbers_mut(&result), how());
        }
        Some((result, bits))
    }

    /// The gradient of an input of this height and width, of what passes behind the convolution, and only what passes before it.
    /// None where no loop suits.
    pub fn pullback(
        &self,
        place: Place,
        weight: &Tensor,
        gradient: &Tensor,
        input: [i64; 2],
        [behind, before]: [Option<&Bits>; 2],
    ) -> Option<Tensor> {
        let own = Loop::of(&weight.size(), place.stride, place.groups)?;
        if !suits(gradient) {
            return None;
        }
        let gradient = channels_last(gradient);
        let [pictures, channels, ..] = usizes::<4>(&gradient)?;
        let [_, of_group, kernel, columns] = usizes::<4>(weight)?;
        let output = height_and_width(&gradient).map(|side| side as usize);
        let (sides, padding, stride) = (input.map(|side| side as usize), place.before(), place.stride as usize);
        let into_channels = if own == Loop::Depthwise { channels } else { of_group };
        let result = channels_last_empty(&gradient, into_channels as i64, input);
        match own {
            Loop::Depthwise => {
                let shape = depthwise::Shape { pictures, channels, input: sides, output, kernel, stride, padding };
                if !shape.is_known() {
                    return None;
                }
                let (kernel, into) = (self.depthwise(weight), numbers_mut(&result));
                depthwise::pullback(&shape, kernel, numbers(&gradient), behind, before, into, how());
            }
            Loop::FewChannels => {
                let (few, input) = (of_group, sides);
                let shape = few_channels::Shape { pictures, few, channels, input, output, kernel, stride, padding };
                if !shape.is_known() || before.is_some() {
                    return None;
                }
                let sizes = [channels, of_group, kernel];
                let kernels = self.few.get_or_init(|| few_channels::Kernels::new(numbers(&weight.contiguous()), sizes));
                few_channels::pullback(&shape, kernels, numbers(&gradient), behind, numbers_mut(&result), how());
            }
            Loop::Turned => {
                if behind.is_some() {
                    return None;
                }
                let padding = [(kernel - 1).checked_sub(padding[0])?, (columns - 1).checked_sub(padding[1])?];
                let shape = convolution::Shape { pictures, input: output, output: sides, stride: 1, padding };
                let turned = self.turned.get_or_init(|| {
                    let turned = weight.transpose(0, 1).flip([2, 3]).contiguous();
                    convolution::Weights::new(numbers(&turned), [of_group, channels, kernel, columns])
                });
                let finish = convolution::Finish { passing: before, ..convolution::Finish::default() };
                convolution::convolve(&shape, turned, numbers(&gradient), finish, None, numbers_mut(&result), how());
            }
        }
        Some(result)
    }

    fn depthwise(&self, weight: &Tensor) -> &[f32] {
        self.depthwise.get_or_init(|| {
            let last = weight.contiguous().view([weight.size()[0], -1]).transpose(0, 1).contiguous();
            numbers(&last).to_vec()
        })
    }
}

/// Whether the loops read such tensors, f32 on the CPU, and are worth it: on a processor with wide registers.
pub(crate) fn suits(tensor: &Tensor) -> bool {
    tensor.device() == Device::Cpu && tensor.kind() == Kind::Float && processor() != Processor::Plain
}

/// By what, and on how many threads.
pub(crate) fn how() -> (Processor, usize) {
    (processor(), tch::get_num_threads().max(1) as usize)
}

/// The activation function as the loops know it.
pub(crate) fn mask(activation: Activation) -> Mask {
    match activation {
        Activation::Relu => Mask::Relu,
        Activation::Relu6 => Mask::Relu6,
    }
}

fn usizes<const COUNT: usize>(tensor: &Tensor) -> Option<[usize; COUNT]> {
    let sizes: Vec<usize> = tensor.size().into_iter().map(|size| size as usize).collect();
    sizes.try_into().ok()
}

/// The numbers of a tensor of f32 on the CPU, in the order of its memory.
///
/// # Panics
/// If it is another one, or has gaps.
pub(crate) fn numbers(tensor: &Tensor) -> &[f32] {
    check(tensor);
    // Safe: as many numbers as the tensor has lie there without gaps, as long as it lives, and nobody writes to them meanwhile.
    unsafe { std::slice::from_raw_parts(tensor.data_ptr().cast(), tensor.numel()) }
}

/// The numbers of a tensor that was just made and that nobody else holds.
#[allow(
    clippy::mut_from_ref,
    reason = "a tensor is a counted pointer; whoever made it is the only one who has this one"
)]
pub(crate) fn numbers_mut(tensor: &Tensor) -> &mut [f32] {
    check(tensor);
    // Safe as above.
    unsafe { std::slice::from_raw_parts_mut(tensor.data_ptr().cast(), tensor.numel()) }
}

fn check(tensor: &Tensor) {
    assert!(tensor.device() == Device::Cpu && tensor.kind() == Kind::Float, "no f32 on the CPU");
    let dense = match tensor.dim() {
        4 => tensor.is_contiguous() || tensor.permute([0, 2, 3, 1]).is_contiguous(),
        _ => tensor.is_contiguous(),
    };
    assert!(dense, "a tensor with gaps");
}
