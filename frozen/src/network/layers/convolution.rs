//! The layers: forward pass and pullback (the gradient of the output carried back to the input) of each.

use tch::Tensor;

use super::attention::{attend, attend_pullback, attention_multiply_adds, nearest};
use super::channels_last;
use super::fir::Fir;
use super::norm::{
    LocalResponse, group_norm, group_norm_pullback, over, over_positions, pixel_norm, pixel_norm_pullback,
};
use super::onednn::{Activation, Geometry, Packed};
use super::pool::{Pool, adaptive_average, adaptive_average_pullback};
use super::script::Script;
use super::upsampled::UpsampledConvolution;

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

/// A frozen two-dimensional convolution. `weight` is `[O, I/groups, rows, columns]`, `bias` `[O]`.
#[derive(Debug)]
pub struct Convolution {
    pub(super) weight: Tensor,
    pub(super) bias: Option<Tensor>,
    pub(super) stride: i64,
    pub(super) padding: Padding,
    pub(super) groups: i64,
    /// The kernel with a row of zeros above and a column of zeros on the left: an asymmetric "same" padding as a
    /// symmetric one, so that the input needs no padded copy.
    widened: Option<Tensor>,
    /// The kernel of the gradient of a stride-1 convolution: transposed, and turned by half a turn.
    turned: Option<Tensor>,
    /// The three kernels as oneDNN wants them.
    packed: [Packed; 3],
}

impl Convolution {
    pub(super) fn new(weight: Tensor, bias: Option<Tensor>, stride: i64, padding: Padding, groups: i64) -> Self {
        Convolution { weight, bias, stride, padding, groups, widened: None, turned: None, packed: Default::default() }
    }

    fn kernel_size(&self) -> (i64, i64) {
        let size = self.weight.size();
        (size[2], size[3])
    }

    /// Derives the kernels that passes use, once the weights are final.
    fn prepare(&mut self) {
        if self.padding == Padding::Same {
            self.widened = Some(widen(&self.weight, (true, true)));
        }
        if self.stride == 1 {
            let size = self.weight.size();
            let (out, rows, columns) = (size[0], size[2], size[3]);
            let grouped = self.weight.reshape([self.groups, out / self.groups, size[1], rows, columns]);
            let turned = grouped.transpose(1, 2).reshape([self.groups * size[1], out / self.groups, rows, columns]);
            self.turned = Some(turned.flip([2, 3]));
        }
    }

    /// The padding on every side for an input of this size, and the kernel that goes with it where it is a widened one.
    fn padding(&self, input: [i64; 2]) -> ([i64; 2], Option<Tensor>) {
        match self.padding {
            Padding::Symmetric(pad) => return ([pad, pad], None),
            Padding::Sides(sides) => return (sides, None),
            Padding::Same => {}
        }
        let (rows, columns) = self.kernel_size();
        let total = |size: i64, kernel: i64| {
            (((size + self.stride - 1) / self.stride - 1) * self.stride + kernel - size).max(0)
        };
        let [above, left] = [total(input[0], rows), total(input[1], columns)];
        let kernel = match (above % 2 == 1, left % 2 == 1) {
            (false, false) => None,
            (true, true) => self.widened.as_ref().map(Tensor::shallow_clone),
            odd => Some(widen(&self.weight, odd)),
        };
        ([(above + 1) / 2, (left + 1) / 2], kernel)
    }

    /// Whether a kernel is the widened one that is kept.
    fn is_cached(&self, kernel: &Tensor) -> bool {
        self.widened.as_ref().is_some_and(|widened| widened.data_ptr() == kernel.data_ptr())
    }

    pub(super) fn forward(&self, input: &Tensor, activation: Option<Activation>) -> Tensor {
        let (padding, widened) = self.padding(height_and_width(input));
        let [plain, of_widened, _] = &self.packed;
        let bias = self.bias.as_ref();
        let geometry = [padding[0], padding[1], self.stride, self.groups];
        match widened {
            None => convolve(plain, input, &self.weight, bias, geometry, activation),
            Some(kernel) if self.is_cached(&kernel) => convolve(of_widened, input, &kernel, bias, geometry, activation),
            // Odd in one direction only: a kernel made for this call.
            Some(kernel) => convolve(&Packed::default(), input, &kernel, bias, geometry, activation),
        }
    }

    fn pullback(&self, gradient: &Tensor, input: [i64; 2]) -> Tensor {
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

/// A frozen transposed convolution. `weight` is `[I, O, k, k]` as PyTorch stores it, `bias` `[O]`.
#[derive(Debug)]
pub struct TransposedConvolution {
    pub(super) weight: Tensor,
    pub(super) bias: Option<Tensor>,
    pub(super) stride: i64,
    pub(super) padding: i64,
    /// The input is a flat code `[N,I]`, taken as a picture of one pixel: then this is a matrix product with
    /// `[I, k*k*O]`, whose result is a channels-last picture `[N,O,k,k]`.
    pub(super) of_code: bool,
    matrix: Option<(Tensor, Tensor)>,
    /// The kernel as oneDNN wants it for the pass and for the pullback.
    packed: [Packed; 2],
}

impl TransposedConvolution {
    pub(super) fn new(weight: Tensor, bias: Option<Tensor>, stride: i64, padding: i64, of_code: bool) -> Self {
        TransposedConvolution { weight, bias, stride, padding, of_code, matrix: None, packed: Default::default() }
    }

    fn prepare(&mut self) {
        if self.of_code {
            let size = self.weight.size();
            let matrix = self.weight.permute([0, 2, 3, 1]).reshape([size[0], -1]).contiguous();
            let bias = match &self.bias {
                Some(bias) => bias.repeat([size[2] * size[3]]),
                None => matrix.new_zeros([matrix.size()[1]], (matrix.kind(), matrix.device())),
            };
            self.matrix = Some((matrix, bias));
        }
    }

    fn forward(&self, input: &Tensor) -> Tensor {
        match &self.matrix {
            Some((matrix, bias)) => {
                let size = self.weight.size();
                let flat = by_blocks(input, |code| bias.addmm(code, matrix));
                flat.view([-1, size[2], size[3], size[1]]).permute([0, 3, 1, 2])
            }
            None => self.packed[0].convolve_transposed(input, &self.weight, self.bias.as_ref(), self.geometry()),
        }
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

/// Rows of one matrix product.
const BLOCK: i64 = 8;

/// A matrix product of the samples `[N,…]`, computed in blocks of [`BLOCK`] rows, the last one filled up with zeros: the
/// number of rows decides in which order libtorch sums, and a sample must not depend on how many others are in its batch.
fn by_blocks(samples: &Tensor, product: impl Fn(&Tensor) -> Tensor) -> Tensor {
    let count = samples.size()[0];
    let filled = samples.constant_pad_nd([0, 0, 0, (BLOCK - count % BLOCK) % BLOCK]);
    let blocks: Vec<Tensor> = filled.split(BLOCK, 0).iter().map(product).collect();
    Tensor::cat(&blocks, 0).narrow(0, 0, count)
}

/// What a node of the graph computes.
#[derive(Debug)]
pub enum Layer {
    /// The network's input.
    Input,
    /// A convolution, with the batch norm behind it folded in.
    Convolution(Convolution),
    /// A transposed convolution, with the batch norm behind it folded in.
    TransposedConvolution(TransposedConvolution),
    /// A convolution of the picture enlarged twice, with the batch norm behind it folded in.
    UpsampledConvolution(UpsampledConvolution),
    /// A filter that every channel passes.
    Fir(Fir),
    /// `x W^T + b`; weight `[O,I]`, bias `[O]`.
    Linear {
        /// `[O,I]`
        weight: Tensor,
        /// `[O]`
        bias: Tensor,
    },
    /// A channel-wise `x * scale + shift`, both `[C,1,1]`: a batch norm that no convolution precedes.
    Affine {
        /// `[C,1,1]`
        scale: Tensor,
        /// `[C,1,1]`
        shift: Tensor,
    },
    /// max(x, 0)
    Relu,
    /// min(max(x, 0), 6)
    Relu6,
    /// tanh(x)
    Tanh,
    /// gain max(x, slope x)
    LeakyRelu {
        /// Between 0 and 1.
        slope: f64,
        /// Positive.
        gain: f64,
    },
    /// x / (1 + exp(-x))
    Swish,
    /// limit tanh(x / limit); the limit.
    SoftClamp(f64),
    /// x^2
    Square,
    /// 1 / sqrt(x + eps); eps.
    ReciprocalRoot(f64),
    /// The sum of two inputs of the same shape.
    Add,
    /// x + gamma y
    ScaledAdd {
        /// `[1]`
        gamma: Tensor,
    },
    /// x plus a number.
    AddNumber(f64),
    /// `[N,C,H,W]` plus a map `[1,H,W]`.
    AddMap(Tensor),
    /// `[N,C,...]` times `[N,C]`.
    ScaleChannels,
    /// `[N,C,...]` plus `[N,C]`.
    ShiftChannels,
    /// `[1,C,H,W]` for every sample, whatever the input is.
    Constant(Tensor),
    /// PyTorch's `GroupNorm`.
    GroupNorm {
        /// `[C]`
        weight: Tensor,
        /// `[C]`
        bias: Tensor,
        /// Of channels that share a mean and a variance.
        groups: i64,
        /// Added to the variance.
        eps: f64,
    },
    /// x / sqrt(mean of x^2 over the channels + eps); eps.
    PixelNorm(f64),
    /// PyTorch's `LocalResponseNorm`.
    LocalResponseNorm(LocalResponse),
    /// Means of a value `[N,E,h,w]`, weighted by softmax(scale q·k), of a query `[N,D,H,W]` and a key `[N,D,h,w]`.
    Attention {
        /// Of the products before the softmax.
        scale: f64,
    },
    /// Each position's nearest row of a codebook `[K,C]`; the gradient passes straight through.
    Quantize(Tensor),
    /// Every pixel four times: `[N,C,H,W]` to `[N,C,2H,2W]`.
    UpsampleNearest,
    /// The mean over height and width: `[N,C,H,W]` to `[N,C]`.
    GlobalAveragePool,
    /// The largest value of each window.
    MaxPool(Pool),
    /// The mean of each window, zeros of the padding included.
    AveragePool(Pool),
    /// Means over this many rows and columns of windows, whatever the input's size.
    AdaptiveAveragePool([i64; 2]),
    /// The channels of several inputs one after the other; their numbers.
    Concatenation(Vec<i64>),
    /// `[N,C,H,W]` to `[N, C H W]`, in the order of the shape and not of the memory.
    Flatten,
    /// `[N, C H W]` to `[N,C,H,W]`, this `[C,H,W]`.
    Reshape {
        /// `[C,H,W]`
        to: [i64; 3],
        /// The numbers of a sample are in the order rows, columns, channels, and not channels, rows, columns.
        channels_last: bool,
    },
    /// Some of the channels of `[N,C,...]`.
    Channels {
        /// The first.
        start: i64,
        /// How many.
        count: i64,
        /// C
        of: i64,
    },
    /// A program of TorchScript, whose outputs are the nodes behind it.
    Script(Script),
    /// An output of the program.
    ScriptOutput,
}

/// What the pullback of a layer reads of the forward pass.
#[derive(Debug)]
pub(super) enum Saved {
    Nothing,
    /// Height and width of the input.
    InputSize([i64; 2]),
    /// The layer's own output.
    Output(Tensor),
    /// Where the maxima were, and height and width of the input.
    Places(Tensor, [i64; 2]),
    /// The input.
    Input(Tensor),
    /// All inputs, in their order.
    Inputs(Vec<Tensor>),
    /// The input, and the mean and 1 / deviation of each group.
    Groups(Tensor, [Tensor; 2]),
    /// The layer's own output, and what the input was multiplied with.
    Scaled(Tensor, Tensor),
}

/// A gradient on its way back. Only an owned tensor, which nobody else sees, is written over.
pub(super) struct Gradient {
    pub tensor: Tensor,
    pub owned: bool,
}

impl Gradient {
    pub fn owned(tensor: Tensor) -> Self {
        Gradient { tensor, owned: true }
    }

    pub fn shared(tensor: &Tensor) -> Self {
        Gradient { tensor: tensor.shallow_clone(), owned: false }
    }

    /// The sum of two gradients that reach the same activation.
    pub fn plus(self, other: Gradient) -> Gradient {
        let (mut into, from) = if self.owned { (self, other) } else { (other, self) };
        if into.owned {
            let _ = into.tensor.g_add_(&from.tensor);
            into
        } else {
            Gradient::owned(&into.tensor + &from.tensor)
        }
    }

    /// Times `factor`, which may be smaller, over the gradient itself where nobody else sees that.
    pub fn times(mut self, factor: &Tensor) -> Tensor {
        if self.owned { self.tensor.g_mul_(factor) } else { &self.tensor * factor }
    }

    /// Where an elementwise pullback may write: over the gradient itself, or into a new tensor laid out like `output`.
    fn target(&self, output: &Tensor) -> Tensor {
        if self.owned { self.tensor.shallow_clone() } else { output.empty_like() }
    }
}

pub(super) fn height_and_width(tensor: &Tensor) -> [i64; 2] {
    match tensor.size()[..] {
        [.., height, width] => [height, width],
        _ => [1, 1],
    }
}

/// Numbers `[C,1,1]` in the shape that meets an activation of so many dimensions.
fn per_channel(numbers: &Tensor, dimensions: usize) -> Tensor {
    if dimensions == 2 { numbers.view([-1]) } else { numbers.shallow_clone() }
}

fn channels_last_zeros(size: &[i64], like: &Tensor) -> Tensor {
    let options = (like.kind(), like.device());
    match *size {
        [samples, channels, height, width] => {
            Tensor::zeros([samples, height, width, channels], options).permute([0, 3, 1, 2])
        }
        _ => Tensor::zeros(size, options),
    }
}

/// A copy in memory of its own, channels-last.
fn of_its_own(part: &Tensor) -> Tensor {
    let mut copy = channels_last_zeros(&part.size(), part);
    copy.copy_(part);
    copy
}

impl Layer {
    /// Whether the layer can write its result over its first input. None that [keeps](Layer::pullback_reads_input) it can.
    pub(super) fn can_overwrite(&self) -> bool {
        matches!(
            self,
            Layer::Relu
                | Layer::Relu6
                | Layer::Tanh
                | Layer::LeakyRelu { .. }
                | Layer::SoftClamp(_)
                | Layer::ReciprocalRoot(_)
                | Layer::Add
                | Layer::ScaledAdd { .. }
                | Layer::AddNumber(_)
                | Layer::AddMap(_)
                | Layer::ShiftChannels
                | Layer::Affine { .. }
                | Layer::PixelNorm(_)
        )
    }

    /// Whether the output may be another view of the first input's memory.
    pub(super) fn may_be_view(&self) -> bool {
        matches!(self, Layer::Flatten | Layer::Reshape { .. })
    }

    /// The activation function that this layer is, if a convolution can apply it to its own result.
    pub(super) fn activation(&self) -> Option<Activation> {
        match self {
            Layer::Relu => Some(Activation::Relu),
            Layer::Relu6 => Some(Activation::Relu6),
            _ => None,
        }
    }

    /// Whether the pullback reads the layer's output, which then must not be overwritten.
    pub(super) fn pullback_reads_output(&self) -> bool {
        matches!(
            self,
            Layer::Relu
                | Layer::Relu6
                | Layer::Tanh
                | Layer::LeakyRelu { .. }
                | Layer::SoftClamp(_)
                | Layer::ReciprocalRoot(_)
                | Layer::PixelNorm(_)
                | Layer::Input
        )
    }

    /// Whether the pullback reads an input, which then nobody may overwrite.
    pub(super) fn pullback_reads_input(&self) -> bool {
        matches!(
            self,
            Layer::Swish
                | Layer::Square
                | Layer::ScaleChannels
                | Layer::GroupNorm { .. }
                | Layer::LocalResponseNorm(_)
                | Layer::Attention { .. }
        )
    }

    /// Whether the output can be finite where the input is not.
    pub(super) fn hides_failures(&self) -> bool {
        matches!(self, Layer::Quantize(_))
    }

    /// Derives what passes use once the weights are final.
    pub(super) fn prepare(&mut self) {
        match self {
            Layer::Convolution(convolution) => convolution.prepare(),
            Layer::TransposedConvolution(convolution) => convolution.prepare(),
            Layer::UpsampledConvolution(convolution) => convolution.prepare(),
            _ => {}
        }
    }

    pub(super) fn forward(&self, inputs: &[Tensor], in_place: bool) -> (Tensor, Saved) {
        let [first, ..] = inputs else { unreachable!("the input node is never computed") };
        let mut overwritten = first.shallow_clone();
        let elementwise = |output: Tensor| (output.shallow_clone(), Saved::Output(output));
        match self {
            Layer::Input => unreachable!("the input node is never computed"),
            Layer::Convolution(convolution) => {
                (convolution.forward(first, None), Saved::InputSize(height_and_width(first)))
            }
            Layer::TransposedConvolution(convolution) => (convolution.forward(first), Saved::Nothing),
            Layer::Linear { weight, bias } => (by_blocks(first, |row| row.linear(weight, Some(bias))), Saved::Nothing),
            Layer::Affine { scale, shift } => {
                let [scale, shift] = [scale, shift].map(|tensor| per_channel(tensor, first.dim()));
                let mut scaled = if in_place { overwritten.g_mul_(&scale) } else { first * &scale };
                (scaled.g_add_(&shift), Saved::Nothing)
            }
            Layer::UpsampledConvolution(convolution) => (convolution.forward(first), Saved::Nothing),
            Layer::Fir(fir) => (fir.forward(first), Saved::Nothing),
            Layer::LeakyRelu { slope, gain } => {
                // The C++ interface's leaky ReLU has no slope; its gradient, given the input as gradient, is the same.
                let into = if in_place { overwritten } else { first.empty_like() };
                let mut output = first.leaky_relu_backward_grad_input(&into, first, *slope, false);
                elementwise(if *gain == 1. { output } else { output.g_mul_scalar_(*gain) })
            }
            Layer::Swish => (first.silu(), Saved::Input(first.shallow_clone())),
            Layer::SoftClamp(limit) => {
                let mut scaled = if in_place { overwritten.g_div_scalar_(*limit) } else { first / *limit };
                elementwise(scaled.tanh_().g_mul_scalar_(*limit))
            }
            Layer::Square => (first.square(), Saved::Input(first.shallow_clone())),
            Layer::ReciprocalRoot(eps) => {
                let mut sum = if in_place { overwritten.g_add_scalar_(*eps) } else { first + *eps };
                elementwise(sum.rsqrt_())
            }
            Layer::ScaledAdd { gamma } if in_place => (overwritten.addcmul_(&inputs[1], gamma), Saved::Nothing),
            Layer::ScaledAdd { gamma } => (first.addcmul(&inputs[1], gamma), Saved::Nothing),
            Layer::AddNumber(number) if in_place => (overwritten.g_add_scalar_(*number), Saved::Nothing),
            Layer::AddNumber(number) => (first + *number, Saved::Nothing),
            Layer::AddMap(map) if in_place => (overwritten.g_add_(map), Saved::Nothing),
            Layer::AddMap(map) => (first + map, Saved::Nothing),
            Layer::ScaleChannels => {
                let inputs = inputs.iter().map(Tensor::shallow_clone).collect::<Vec<_>>();
                (first * over(&inputs[1], first.dim()), Saved::Inputs(inputs))
            }
            Layer::ShiftChannels => {
                let shift = over(&inputs[1], first.dim());
                (if in_place { overwritten.g_add_(&shift) } else { first + shift }, Saved::Nothing)
            }
            // A copy, over which the next layer may write.
            Layer::Constant(value) => (of_its_own(&value.expand([first.size()[0], -1, -1, -1], false)), Saved::Nothing),
            Layer::GroupNorm { weight, bias, groups, eps } => {
                let (output, mean, rate) = group_norm(first, weight, bias, *groups, *eps);
                (output, Saved::Groups(first.shallow_clone(), [mean, rate]))
            }
            Layer::PixelNorm(eps) => {
                let (output, factor) = pixel_norm(overwritten, *eps, in_place);
                (output.shallow_clone(), Saved::Scaled(output, factor))
            }
            Layer::LocalResponseNorm(norm) => (norm.forward(first), Saved::Input(first.shallow_clone())),
            Layer::Attention { scale } => {
                let saved = Saved::Inputs(inputs.iter().map(Tensor::shallow_clone).collect());
                (attend(first, &inputs[1], &inputs[2], *scale), saved)
            }
            Layer::Quantize(codebook) => (nearest(first, codebook), Saved::Nothing),
            Layer::UpsampleNearest => {
                let [height, width] = height_and_width(first);
                (first.upsample_nearest2d([2 * height, 2 * width], None, None), Saved::Nothing)
            }
            Layer::Reshape { to: [channels, height, width], channels_last: true } => {
                let rows = first.reshape([-1, *height, *width, *channels]);
                (rows.permute([0, 3, 1, 2]), Saved::Nothing)
            }
            Layer::Reshape { to: [channels, height, width], channels_last: false } => {
                (channels_last(&first.reshape([-1, *channels, *height, *width])), Saved::Nothing)
            }
            // A copy: convolutions would make one anyway, and nobody writes over the rest.
            Layer::Channels { start, count, .. } => (of_its_own(&first.narrow(1, *start, *count)), Saved::Nothing),
            Layer::Relu if in_place => elementwise(overwritten.relu_()),
            Layer::Relu => elementwise(first.relu()),
            Layer::Relu6 if in_place => elementwise(overwritten.clamp_(0., 6.)),
            Layer::Relu6 => elementwise(first.clamp(0., 6.)),
            Layer::Tanh if in_place => elementwise(overwritten.tanh_()),
            Layer::Tanh => elementwise(first.tanh()),
            Layer::Add if in_place => (overwritten.g_add_(&inputs[1]), Saved::Nothing),
            Layer::Add => (first + &inputs[1], Saved::Nothing),
            Layer::MaxPool(pool) => {
                let (output, places) = pool.max(first);
                (output, Saved::Places(places, height_and_width(first)))
            }
            Layer::AveragePool(pool) => (pool.average(first), Saved::InputSize(height_and_width(first))),
            Layer::AdaptiveAveragePool(output) => {
                (adaptive_average(first, *output), Saved::InputSize(height_and_width(first)))
            }
            Layer::Concatenation(_) => (Tensor::cat(inputs, 1), Saved::Nothing),
            Layer::Flatten => (first.flatten(1, -1), Saved::InputSize(height_and_width(first))),
            Layer::Script(_) | Layer::ScriptOutput => unreachable!("the pass runs programs"),
            Layer::GlobalAveragePool => {
                (first.mean_dim([2i64, 3].as_slice(), false, None), Saved::InputSize(height_and_width(first)))
            }
        }
    }

    /// The gradients of the inputs, in their order.
    pub(super) fn pullback(&self, gradient: Gradient, saved: Saved) -> Vec<Gradient> {
        let g = &gradient.tensor;
        let result = match (self, saved) {
            (Layer::Convolution(convolution), Saved::InputSize(size)) => convolution.pullback(g, size),
            (Layer::TransposedConvolution(convolution), _) => convolution.pullback(g),
            (Layer::Linear { weight, .. }, _) => by_blocks(g, |row| row.matmul(weight)),
            (Layer::Affine { scale, .. }, _) => {
                let scale = per_channel(scale, g.dim());
                gradient.times(&scale)
            }
            (Layer::UpsampledConvolution(convolution), _) => convolution.pullback(g),
            (Layer::Fir(fir), _) => fir.pullback(g),
            (Layer::LeakyRelu { slope, gain }, Saved::Output(output)) => {
                let into = gradient.target(&output);
                let mut result = output.leaky_relu_backward_grad_input(&into, g, *slope, true);
                if *gain == 1. { result } else { result.g_mul_scalar_(*gain) }
            }
            (Layer::Swish, Saved::Input(input)) => input.silu_backward_grad_input(&gradient.target(&input), g),
            (Layer::SoftClamp(limit), Saved::Output(output)) => {
                Tensor::tanh_backward_grad_input(&gradient.target(&output), g, &(output / *limit))
            }
            (Layer::Square, Saved::Input(input)) => gradient.times(&input).g_mul_scalar_(2.),
            (Layer::ReciprocalRoot(_), Saved::Output(output)) => {
                gradient.times(&(output.pow_tensor_scalar(3).g_mul_scalar_(-0.5)))
            }
            (Layer::ScaledAdd { gamma }, _) => {
                let of_second = Gradient::owned(g * gamma);
                return vec![gradient, of_second];
            }
            // A quantization's gradient passes as if there were none.
            (Layer::AddNumber(_) | Layer::AddMap(_) | Layer::Quantize(_), _) => return vec![gradient],
            (Layer::ScaleChannels, Saved::Inputs(inputs)) => {
                let of_factors = over_positions(g * &inputs[0]);
                let of_first = gradient.times(&over(&inputs[1], inputs[0].dim()));
                return vec![Gradient::owned(of_first), Gradient::owned(of_factors)];
            }
            (Layer::ShiftChannels, _) if g.dim() == 2 => return vec![Gradient::shared(g), Gradient::shared(g)],
            (Layer::ShiftChannels, _) => {
                let of_shift = Gradient::owned(over_positions(g.shallow_clone()));
                return vec![gradient, of_shift];
            }
            (Layer::Constant(_), _) => return vec![],
            (Layer::GroupNorm { weight, groups, .. }, Saved::Groups(input, [mean, rate])) => {
                group_norm_pullback(gradient, &input, weight, [&mean, &rate], *groups)
            }
            (Layer::PixelNorm(_), Saved::Scaled(output, factor)) => pixel_norm_pullback(gradient, &output, &factor),
            (Layer::LocalResponseNorm(norm), Saved::Input(input)) => norm.pullback(gradient, &input),
            (Layer::Attention { scale }, Saved::Inputs(inputs)) => {
                let inputs = [&inputs[0], &inputs[1], &inputs[2]];
                return attend_pullback(g, inputs, *scale).into_iter().map(Gradient::owned).collect();
            }
            // Sums of 2 x 2.
            (Layer::UpsampleNearest, _) => g.avg_pool2d([2, 2], [2, 2], [0, 0], false, false, 1),
            (Layer::Reshape { channels_last: true, .. }, _) => {
                let rows = g.permute([0, 2, 3, 1]).flatten(1, -1);
                return vec![Gradient { tensor: rows, owned: gradient.owned }];
            }
            (Layer::Reshape { channels_last: false, .. }, _) => {
                return vec![Gradient { tensor: g.flatten(1, -1), owned: gradient.owned }];
            }
            (Layer::Channels { start, count, of }, _) => {
                let mut size = g.size();
                size[1] = *of;
                let spread = channels_last_zeros(&size, g);
                spread.narrow(1, *start, *count).copy_(g);
                spread
            }
            (Layer::Relu, Saved::Output(output)) => {
                output.threshold_backward_grad_input(&gradient.target(&output), g, 0.)
            }
            // The derivative at the clamped output is the derivative at the input: 1 strictly between 0 and 6.
            (Layer::Relu6, Saved::Output(output)) => {
                Tensor::hardtanh_backward_grad_input(&output, &gradient.target(&output), g, 0., 6.)
            }
            (Layer::Tanh, Saved::Output(output)) => {
                Tensor::tanh_backward_grad_input(&gradient.target(&output), g, &output)
            }
            (Layer::Add, _) => return vec![Gradient::shared(g), Gradient::shared(g)],
            (Layer::MaxPool(pool), Saved::Places(places, input)) => pool.max_pullback(g, &places, input),
            (Layer::AveragePool(pool), Saved::InputSize(input)) => pool.average_pullback(g, input),
            (Layer::AdaptiveAveragePool(_), Saved::InputSize(input)) => adaptive_average_pullback(g, input),
            (Layer::Concatenation(channels), _) => {
                let starts = channels.iter().scan(0, |end, count| {
                    *end += count;
                    Some(*end - count)
                });
                let parts = starts.zip(channels).map(|(start, count)| g.narrow(1, start, *count));
                return parts.map(|part| Gradient::shared(&part)).collect();
            }
            (Layer::Flatten, Saved::InputSize([height, width])) => {
                let channels = g.size()[1] / (height * width);
                let spread = channels_last(&g.reshape([-1, channels, height, width]));
                return vec![Gradient { tensor: spread, owned: gradient.owned }];
            }
            (Layer::GlobalAveragePool, Saved::InputSize([height, width])) => {
                let each = g / (height * width) as f64;
                let spread = each.unsqueeze(-1).unsqueeze(-1).expand([-1, -1, height, width], false);
                return vec![Gradient::shared(&spread)];
            }
            _ => unreachable!("what a layer saves is what its pullback reads"),
        };
        vec![Gradient::owned(result)]
    }

    /// Multiply-adds of one sample's forward pass and of its pullback, given the shapes of the output and of the inputs.
    pub(super) fn multiply_adds(&self, output: &[i64], inputs: &[Vec<i64>]) -> (f64, f64) {
        let product = |sizes: &[i64]| sizes.iter().map(|&n| n as f64).product::<f64>();
        let forward = match self {
            Layer::Attention { .. } => return attention_multiply_adds(inputs),
            Layer::Quantize(codebook) => return (product(&output[2..]) * product(&codebook.size()), 0.),
            Layer::Fir(fir) => return fir.multiply_adds(output, &inputs[0]),
            Layer::UpsampledConvolution(c) => c.multiply_adds(output),
            Layer::Convolution(c) => product(&output[1..]) * product(&c.weight.size()[1..]),
            // Every input pixel meets the whole kernel; the output has stride^2 times as many pixels.
            Layer::TransposedConvolution(c) if c.of_code => product(&c.weight.size()),
            Layer::TransposedConvolution(c) => {
                product(&output[2..]) / (c.stride * c.stride) as f64 * product(&c.weight.size())
            }
            Layer::Linear { weight, .. } => product(&weight.size()),
            _ => 0.,
        };
        (forward, forward)
    }

    pub(super) fn tensors(&self) -> Vec<&Tensor> {
        match self {
            Layer::Convolution(c) => [Some(&c.weight), c.bias.as_ref(), c.widened.as_ref(), c.turned.as_ref()]
                .into_iter()
                .flatten()
                .collect(),
            Layer::TransposedConvolution(c) => {
                let mut all: Vec<&Tensor> = [Some(&c.weight), c.bias.as_ref()].into_iter().flatten().collect();
                all.extend(c.matrix.iter().flat_map(|(matrix, bias)| [matrix, bias]));
                all
            }
            Layer::Linear { weight, bias } => vec![weight, bias],
            Layer::Affine { scale, shift } => vec![scale, shift],
            Layer::UpsampledConvolution(c) => c.tensors().collect(),
            Layer::Fir(fir) => fir.kernels().to_vec(),
            Layer::GroupNorm { weight, bias, .. } => vec![weight, bias],
            Layer::ScaledAdd { gamma: tensor }
            | Layer::AddMap(tensor)
            | Layer::Constant(tensor)
            | Layer::Quantize(tensor) => vec![tensor],
            Layer::Script(script) => script.parameters().iter().collect(),
            _ => vec![],
        }
    }

    pub(super) fn map_tensors(self, f: &dyn Fn(&Tensor) -> Tensor) -> Layer {
        match self {
            Layer::Convolution(c) => Layer::Convolution(Convolution {
                weight: f(&c.weight),
                bias: c.bias.as_ref().map(f),
                widened: c.widened.as_ref().map(f),
                turned: c.turned.as_ref().map(f),
                packed: Default::default(),
                ..c
            }),
            Layer::TransposedConvolution(c) => Layer::TransposedConvolution(TransposedConvolution {
                weight: f(&c.weight),
                bias: c.bias.as_ref().map(f),
                matrix: c.matrix.as_ref().map(|(matrix, bias)| (f(matrix), f(bias))),
                packed: Default::default(),
                ..c
            }),
            Layer::Linear { weight, bias } => Layer::Linear { weight: f(&weight), bias: f(&bias) },
            Layer::Affine { scale, shift } => Layer::Affine { scale: f(&scale), shift: f(&shift) },
            Layer::UpsampledConvolution(c) => Layer::UpsampledConvolution(c.map(f)),
            Layer::Fir(fir) => Layer::Fir(fir.map(f)),
            Layer::GroupNorm { weight, bias, groups, eps } => {
                Layer::GroupNorm { weight: f(&weight), bias: f(&bias), groups, eps }
            }
            Layer::ScaledAdd { gamma } => Layer::ScaledAdd { gamma: f(&gamma) },
            Layer::AddMap(map) => Layer::AddMap(f(&map)),
            Layer::Constant(value) => Layer::Constant(f(&value)),
            Layer::Quantize(codebook) => Layer::Quantize(f(&codebook)),
            other => other,
        }
    }
}
