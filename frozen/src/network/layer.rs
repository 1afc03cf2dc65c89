//! The layers: forward pass and pullback (the gradient of the output carried back to the input) of each.

use tch::Tensor;

use super::channels_last;
use super::onednn::{Activation, Geometry, Packed};
use super::pool::{Pool, adaptive_average, adaptive_average_pullback};
use super::script::Script;

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
}

impl TransposedConvolution {
    pub(super) fn new(weight: Tensor, bias: Option<Tensor>, stride: i64, padding: i64, of_code: bool) -> Self {
        TransposedConvolution { weight, bias, stride, padding, of_code, matrix: None }
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
            None => input.conv_transpose2d(
                &self.weight,
                self.bias.as_ref(),
                [self.stride; 2],
                [self.padding; 2],
                [0, 0],
                1,
                [1, 1],
            ),
        }
    }

    fn pullback(&self, gradient: &Tensor) -> Tensor {
        match &self.matrix {
            Some((matrix, _)) => {
                let flat = gradient.permute([0, 2, 3, 1]).reshape([-1, matrix.size()[1]]);
                by_blocks(&flat, |row| row.matmul(&matrix.transpose(0, 1)))
            }
            None => gradient.conv2d(&self.weight, None::<&Tensor>, [self.stride; 2], [self.padding; 2], [1, 1], 1),
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
    /// The sum of two inputs of the same shape.
    Add,
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

impl Layer {
    /// Whether the layer can write its result over its input.
    pub(super) fn can_overwrite(&self) -> bool {
        matches!(self, Layer::Relu | Layer::Relu6 | Layer::Tanh | Layer::Add)
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
        matches!(self, Layer::Relu | Layer::Relu6 | Layer::Tanh | Layer::Input)
    }

    /// Derives what passes use once the weights are final.
    pub(super) fn prepare(&mut self) {
        match self {
            Layer::Convolution(convolution) => convolution.prepare(),
            Layer::TransposedConvolution(convolution) => convolution.prepare(),
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
            Layer::Affine { scale, shift } => ((first * scale).g_add_(shift), Saved::Nothing),
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
            (Layer::Affine { scale, .. }, _) => g * scale,
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

    /// Multiply-adds of one sample's forward pass, given the output's shape.
    pub(super) fn multiply_adds(&self, output: &[i64]) -> f64 {
        let product = |sizes: &[i64]| sizes.iter().map(|&n| n as f64).product::<f64>();
        match self {
            Layer::Convolution(c) => product(&output[1..]) * product(&c.weight.size()[1..]),
            // Every input pixel meets the whole kernel; the output has stride^2 times as many pixels.
            Layer::TransposedConvolution(c) if c.of_code => product(&c.weight.size()),
            Layer::TransposedConvolution(c) => {
                product(&output[2..]) / (c.stride * c.stride) as f64 * product(&c.weight.size())
            }
            Layer::Linear { weight, .. } => product(&weight.size()),
            _ => 0.,
        }
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
                ..c
            }),
            Layer::Linear { weight, bias } => Layer::Linear { weight: f(&weight), bias: f(&bias) },
            Layer::Affine { scale, shift } => Layer::Affine { scale: f(&scale), shift: f(&shift) },
            other => other,
        }
    }
}
