//! What one node of an imported program computes: a function of tensors in the vocabulary that ONNX and PyTorch's ATen share.
//!
//! Two exporters, and their versions, write one and the same operation in many ways. Both readers translate into this list, which is
//! what is turned into layers, and what libtorch evaluates where there is no layer of ours.

use tch::Kind;

/// A function of each number alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Unary {
    Abs,
    Ceil,
    Cos,
    Erf,
    Exp,
    Expm1,
    Floor,
    Gelu,
    /// GELU by the tanh approximation (Hendrycks & Gimpel 2016).
    GeluTanh,
    Hardswish,
    Identity,
    Log,
    Log1p,
    Mish,
    Neg,
    Not,
    Reciprocal,
    Relu,
    Round,
    Rsqrt,
    Selu,
    Sigmoid,
    Sign,
    Silu,
    Sin,
    Softplus,
    Softsign,
    Sqrt,
    Square,
    Tanh,
    /// max(slope x, x) for slopes up to 1.
    LeakyRelu(f64),
    /// x above 0, alpha (e^x - 1) below.
    Elu(f64),
    /// max(0, min(1, alpha x + beta)).
    Hardsigmoid(f64, f64),
    /// min(max(x, low), high).
    Clamp(f64, f64),
}

/// A function of two numbers, broadcast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    /// Rounded down.
    FloorDiv,
    Pow,
    Min,
    Max,
    /// With the sign of the divisor, as in Python.
    Remainder,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    And,
    Or,
}

/// One number of many.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Reduction {
    Mean,
    Sum,
    Max,
    Min,
    Product,
    /// Sum of absolute values.
    L1,
    /// Root of the sum of squares.
    L2,
    SumSquare,
    LogSumExp,
    /// The variance with this correction of the count: 1 for the unbiased one.
    Variance(f64),
    Argmax,
}

/// How pixels between pixels are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interpolation {
    /// floor(i / scale).
    Nearest,
    /// floor((i + 1/2) / scale).
    NearestExact,
    /// Whether corners are aligned.
    Bilinear(bool),
    /// Whether corners are aligned.
    Bicubic(bool),
}

/// A function of tensors. Numbers that depend on how many samples there are, are those of one number of samples; see
/// [`Function::whole_numbers`].
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Function {
    /// x
    Unary(Unary),
    /// x, y
    Binary(Binary),
    /// x, kernel, and a bias; `padding` holds what is before, then what is behind, by axis.
    Convolution { stride: Vec<i64>, padding: Vec<i64>, dilation: Vec<i64>, groups: i64 },
    /// x, kernel `[I,O/groups,…]`, and a bias.
    Transposed { stride: Vec<i64>, padding: Vec<i64>, dilation: Vec<i64>, output_padding: Vec<i64>, groups: i64 },
    /// x, weight, bias, mean, variance, all `[C]`.
    BatchNorm { eps: f64 },
    /// x, and weight and bias `[C]`: by sample and channel.
    InstanceNorm { eps: f64 },
    /// x, and weight and bias `[C]`.
    GroupNorm { groups: i64, eps: f64 },
    /// x, and weight and bias of the shape of the last axes.
    LayerNorm { shape: Vec<i64>, eps: f64 },
    /// x, and a weight of the shape of the last axes: without mean.
    RmsNorm { shape: Vec<i64>, eps: f64 },
    /// x: PyTorch's `LocalResponseNorm`.
    LocalResponseNorm { size: i64, alpha: f64, beta: f64, k: f64 },
    /// x `[…,I]`, weight `[O,I]`, and a bias `[O]`.
    Linear,
    /// x, y
    MatMul,
    /// Any number of tensors.
    Einsum(String),
    /// x; `padding` as of a convolution.
    MaxPool { kernel: Vec<i64>, stride: Vec<i64>, padding: Vec<i64>, dilation: Vec<i64>, ceil: bool },
    /// x; whether zeros of the padding count.
    AveragePool { kernel: Vec<i64>, stride: Vec<i64>, padding: Vec<i64>, ceil: bool, count_padding: bool },
    /// x, to so many rows and columns.
    AdaptiveAverage(Vec<i64>),
    /// x, to so many rows and columns.
    AdaptiveMax(Vec<i64>),
    /// x: the same numbers in another shape, none of which is left open.
    Reshape(Vec<i64>),
    /// x: axes in another order.
    Permute(Vec<i64>),
    /// x, broadcast to this shape.
    Expand(Vec<i64>),
    /// Several, one after the other along an axis.
    Concatenate(i64),
    /// x, from `start` to `end` of an axis.
    Slice { axis: i64, start: i64, end: i64, step: i64 },
    /// x, and whole numbers of one axis: those places of `axis`.
    IndexSelect(i64),
    /// x, and whole numbers of its rank.
    Gather(i64),
    /// x, and whole numbers for each axis that is true (NumPy's advanced indexing).
    Index(Vec<bool>),
    /// x, padded: before and behind the last axis, then the one before it, and so on (PyTorch's order).
    Pad { amounts: Vec<i64>, mode: &'static str, value: f64 },
    /// x, turned around along axes.
    Roll { shifts: Vec<i64>, axes: Vec<i64> },
    /// x, backwards along axes.
    Flip(Vec<i64>),
    /// x, so many times along each axis.
    Repeat(Vec<i64>),
    /// x `[N, C r r, H, W]` to `[N, C, H r, W r]`.
    PixelShuffle(i64),
    /// The other way round.
    PixelUnshuffle(i64),
    /// x `[N,C,H,W]`, to so many rows and columns; factors where the program gives them.
    Resize { size: Vec<i64>, scales: Vec<f64>, by: Interpolation },
    /// x, along an axis.
    Softmax(i64),
    /// x, along an axis.
    LogSoftmax(i64),
    /// x; whether reduced axes stay as axes of one.
    Reduce { by: Reduction, axes: Vec<i64>, keep: bool },
    /// query, key, value, and a mask (Vaswani et al. 2017).
    Attention { scale: Option<f64>, causal: bool },
    /// condition, where true, where false.
    Where,
    /// x, of another kind of number.
    Cast(Kind),
    /// No tensor: this number everywhere.
    Full { size: Vec<i64>, value: f64, kind: Kind },
    /// No tensor: numbers in steps.
    Range { start: f64, end: f64, step: f64, kind: Kind },
    /// x: sums of all before and this one.
    CumulativeSum(i64),
    /// x: what is above (or below) a diagonal, zeros elsewhere.
    Triangle { upper: bool, diagonal: i64 },
    /// weight `[K,C]`, whole numbers.
    Embedding,
    /// x, slopes `[C]` or one.
    Prelu,
    /// x `[N,C,H,W]` to windows `[N, C k k, L]`.
    Unfold { kernel: Vec<i64>, dilation: Vec<i64>, padding: Vec<i64>, stride: Vec<i64> },
    /// a sigmoid(b) of the halves along an axis.
    Glu(i64),
}

impl Function {
    /// The whole numbers that may depend on how many samples there are.
    pub fn whole_numbers(&mut self) -> Vec<&mut i64> {
        match self {
            Function::Reshape(to) | Function::Expand(to) | Function::Repeat(to) => to.iter_mut().collect(),
            Function::Slice { start, end, .. } => vec![start, end],
            Function::Full { size, .. } | Function::Resize { size, .. } => size.iter_mut().collect(),
            Function::Roll { shifts, .. } => shifts.iter_mut().collect(),
            Function::Pad { amounts, .. } => amounts.iter_mut().collect(),
            // Each sample with a kernel of its own, as StyleGAN's are.
            Function::Convolution { groups, .. } | Function::Transposed { groups, .. } => vec![groups],
            _ => vec![],
        }
    }

    /// Whether the result is what libtorch calls a view: the first operand's memory, seen otherwise.
    pub fn is_view(&self) -> bool {
        matches!(
            self,
            Function::Reshape(_)
                | Function::Permute(_)
                | Function::Expand(_)
                | Function::Slice { .. }
                | Function::Cast(_)
                | Function::Unary(Unary::Identity)
        )
    }
}
