//! A [`Function`] by libtorch's own operators: for numbers that are known when a program is read, and for those nodes that have no
//! layer of ours.

use tch::{Device, Kind, TchError, Tensor};

use super::function::{Binary, Function, Interpolation, Reduction, Unary};

impl Function {
    /// The result for these operands. Where autograd records, it can be carried back.
    ///
    /// A program that was exported for one number of samples is evaluated for another one as long as samples are the first axis:
    /// a shape's first size, and a part of a concatenation that lacks samples, are multiplied.
    ///
    /// # Errors
    /// What libtorch says of operands that do not fit.
    pub fn evaluate(&self, operands: &[Tensor], device: Device) -> Result<Tensor, TchError> {
        let missing = || TchError::Torch(format!("{self:?} has {} operands", operands.len()));
        let operand = |index: usize| operands.get(index).ok_or_else(missing);
        let optional = |index: usize| operands.get(index);
        let x = || operand(0);
        match self {
            Function::Unary(unary) => unary_of(*unary, x()?),
            Function::Binary(binary) => binary_of(*binary, x()?, operand(1)?),
            Function::Convolution { stride, padding, dilation, groups } => {
                let (x, even) = evenly_padded(x()?, padding, 0.)?;
                x.f_convolution(operand(1)?, optional(2), stride, even, dilation, false, zeros(stride), *groups)
            }
            Function::Transposed { stride, padding, dilation, output_padding, groups } => {
                let even = &padding[..padding.len() / 2];
                x()?.f_convolution(operand(1)?, optional(2), stride, even, dilation, true, output_padding, *groups)
            }
            Function::BatchNorm { eps } => {
                let [w, b, mean, var] = [operand(1)?, operand(2)?, operand(3)?, operand(4)?].map(Some);
                x()?.f_batch_norm(w, b, mean, var, false, 0., *eps, false)
            }
            Function::InstanceNorm { eps } => {
                let none = None::<&Tensor>;
                x()?.f_instance_norm(optional(1), optional(2), none, none, true, 0., *eps, false)
            }
            Function::GroupNorm { groups, eps } => x()?.f_group_norm(*groups, optional(1), optional(2), *eps, false),
            Function::LayerNorm { shape, eps } => x()?.f_layer_norm(shape, optional(1), optional(2), *eps, false),
            Function::RmsNorm { shape, eps } => x()?.f_rms_norm(shape, optional(1), *eps),
            Function::LocalResponseNorm { size, alpha, beta, k } => local_response_norm(x()?, *size, *alpha, *beta, *k),
            Function::Linear => x()?.f_linear(operand(1)?, optional(2)),
            Function::MatMul => x()?.f_matmul(operand(1)?),
            Function::Einsum(equation) => Tensor::f_einsum(equation, operands, None::<&[i64]>),
            Function::MaxPool { kernel, stride, padding, dilation, ceil } => {
                let (x, even) = evenly_padded(x()?, padding, f64::NEG_INFINITY)?;
                if kernel.len() == 3 {
                    return x.f_max_pool3d(kernel, stride, even, dilation, *ceil);
                }
                with_rows(&x, kernel.len(), |x| {
                    let [kernel, stride, even, dilation] =
                        [(kernel, 1), (stride, 1), (&even, 0), (dilation, 1)].map(|(list, filler)| pair(list, filler));
                    x.f_max_pool2d(kernel, stride, even, dilation, *ceil)
                })
            }
            Function::AveragePool { kernel, stride, padding, ceil, count_padding } => {
                let (x, even) = evenly_padded(x()?, padding, 0.)?;
                if kernel.len() == 3 {
                    return x.f_avg_pool3d(kernel, stride, even, *ceil, *count_padding, None);
                }
                with_rows(&x, kernel.len(), |x| {
                    let [kernel, stride, even] =
                        [(kernel, 1), (stride, 1), (&even, 0)].map(|(list, filler)| pair(list, filler));
                    x.f_avg_pool2d(kernel, stride, even, *ceil, *count_padding, None)
                })
            }
            Function::AdaptiveAverage(size) => with_rows(x()?, size.len(), |x| x.f_adaptive_avg_pool2d(pair(size, 1))),
            Function::AdaptiveMax(size) => {
                with_rows(x()?, size.len(), |x| Ok(x.f_adaptive_max_pool2d(pair(size, 1))?.0))
            }
            Function::Reshape(to) => x()?.f_reshape(for_as_many(to, x()?.numel() as i64)),
            Function::Permute(order) => x()?.f_permute(order),
            Function::Expand(to) => {
                let (x, mut to) = (x()?, to.clone());
                if let (true, [first, ..], Some(samples)) = (x.dim() == to.len(), &mut to[..], x.size().first())
                    && *samples != 1
                {
                    *first = *samples;
                }
                x.f_expand(to, false)
            }
            Function::Concatenate(axis) => concatenate(operands, *axis),
            Function::Slice { axis, start, end, step } => x()?.f_slice(*axis, *start, *end, *step),
            Function::IndexSelect(axis) => x()?.f_index_select(*axis, operand(1)?),
            Function::Gather(axis) => x()?.f_gather(*axis, operand(1)?, false),
            Function::Index(axes) => {
                let mut given = operands.iter().skip(1);
                let indices: Vec<Option<&Tensor>> =
                    axes.iter().map(|&indexed| if indexed { given.next() } else { None }).collect();
                x()?.f_index(&indices)
            }
            Function::Pad { amounts, mode, value } => {
                x()?.f_pad(amounts, mode, (*mode == "constant").then_some(*value))
            }
            Function::Roll { shifts, axes } => x()?.f_roll(shifts, axes),
            Function::Flip(axes) => x()?.f_flip(axes),
            Function::Repeat(times) => x()?.f_repeat(times),
            Function::PixelShuffle(factor) => x()?.f_pixel_shuffle(*factor),
            Function::PixelUnshuffle(factor) => x()?.f_pixel_unshuffle(*factor),
            Function::Resize { size, scales, by } => resize(x()?, size, scales, *by),
            Function::Softmax(axis) => x()?.f_softmax(*axis, None::<Kind>),
            Function::LogSoftmax(axis) => x()?.f_log_softmax(*axis, None::<Kind>),
            Function::Reduce { by, axes, keep } => reduce(x()?, *by, axes, *keep),
            Function::Attention { scale, causal } => Tensor::f_scaled_dot_product_attention(
                x()?,
                operand(1)?,
                operand(2)?,
                optional(3),
                0.,
                *causal,
                *scale,
                false,
            ),
            Function::Where => operand(1)?.f_where_self(&x()?.f_to_kind(Kind::Bool)?, operand(2)?),
            Function::Cast(kind) => x()?.f_to_kind(*kind),
            Function::Full { size, value, kind } => {
                Tensor::f_full(size, *value, (Kind::Double, device))?.f_to_kind(*kind)
            }
            Function::Range { start, end, step, kind } => {
                Tensor::f_arange_start_step(*start, *end, *step, (Kind::Double, device))?.f_to_kind(*kind)
            }
            Function::CumulativeSum(axis) => x()?.f_cumsum(*axis, None::<Kind>),
            Function::Triangle { upper: true, diagonal } => x()?.f_triu(*diagonal),
            Function::Triangle { upper: false, diagonal } => x()?.f_tril(*diagonal),
            Function::Embedding => Tensor::f_embedding(x()?, operand(1)?, -1, false, false),
            Function::Prelu => x()?.f_prelu(operand(1)?),
            Function::Unfold { kernel, dilation, padding, stride } => x()?.f_im2col(kernel, dilation, padding, stride),
            Function::Glu(axis) => x()?.f_glu(*axis),
        }
    }
}

fn unary_of(unary: Unary, x: &Tensor) -> Result<Tensor, TchError> {
    match unary {
        Unary::Abs => x.f_abs(),
        Unary::Ceil => x.f_ceil(),
        Unary::Cos => x.f_cos(),
        Unary::Erf => x.f_erf(),
        Unary::Exp => x.f_exp(),
        Unary::Expm1 => x.f_expm1(),
        Unary::Floor => x.f_floor(),
        Unary::Gelu => x.f_gelu("none"),
        Unary::GeluTanh => x.f_gelu("tanh"),
        Unary::Hardswish => x.f_hardswish(),
        Unary::Identity => Ok(x.shallow_clone()),
        Unary::Log => x.f_log(),
        Unary::Log1p => x.f_log1p(),
        Unary::Mish => x.f_mish(),
        Unary::Neg => x.f_neg(),
        Unary::Not => x.f_logical_not(),
        Unary::Reciprocal => x.f_reciprocal(),
        Unary::Relu => x.f_relu(),
        Unary::Round => x.f_round(),
        Unary::Rsqrt => x.f_rsqrt(),
        Unary::Selu => x.f_selu(),
        Unary::Sigmoid => x.f_sigmoid(),
        Unary::Sign => x.f_sign(),
        Unary::Silu => x.f_silu(),
        Unary::Sin => x.f_sin(),
        Unary::Softplus => x.f_softplus(),
        Unary::Softsign => x.f_div(&(x.f_abs()? + 1.)),
        Unary::Sqrt => x.f_sqrt(),
        Unary::Square => x.f_square(),
        Unary::Tanh => x.f_tanh(),
        Unary::LeakyRelu(slope) => x.f_clamp_min(0.)?.f_add(&(x.f_clamp_max(0.)? * slope)),
        Unary::Elu(alpha) => x.f_clamp_min(0.)?.f_add(&(x.f_clamp_max(0.)?.f_expm1()? * alpha)),
        Unary::Hardsigmoid(alpha, beta) => (x * alpha + beta).f_clamp(0., 1.),
        Unary::Clamp(low, high) if low == f64::NEG_INFINITY => x.f_clamp_max(high),
        Unary::Clamp(low, high) if high == f64::INFINITY => x.f_clamp_min(low),
        Unary::Clamp(low, high) => x.f_clamp(low, high),
    }
}

fn binary_of(binary: Binary, x: &Tensor, y: &Tensor) -> Result<Tensor, TchError> {
    match binary {
        Binary::Add => x.f_add(y),
        Binary::Sub => x.f_sub(y),
        Binary::Mul => x.f_mul(y),
        Binary::Div => x.f_div(y),
        Binary::FloorDiv => x.f_floor_divide(y),
        Binary::Pow => x.f_pow(y),
        Binary::Min => x.f_minimum(y),
        Binary::Max => x.f_maximum(y),
        Binary::Remainder => x.f_remainder_tensor(y),
        Binary::Equal => x.f_eq_tensor(y),
        Binary::NotEqual => x.f_ne_tensor(y),
        Binary::Less => x.f_lt_tensor(y),
        Binary::LessEqual => x.f_le_tensor(y),
        Binary::Greater => x.f_gt_tensor(y),
        Binary::GreaterEqual => x.f_ge_tensor(y),
        Binary::And => x.f_logical_and(y),
        Binary::Or => x.f_logical_or(y),
    }
}

fn reduce(x: &Tensor, by: Reduction, axes: &[i64], keep: bool) -> Result<Tensor, TchError> {
    let none = None::<Kind>;
    match by {
        Reduction::Mean => x.f_mean_dim(axes, keep, none),
        Reduction::Sum => x.f_sum_dim_intlist(axes, keep, none),
        Reduction::Max => x.f_amax(axes, keep),
        Reduction::Min => x.f_amin(axes, keep),
        Reduction::Product => {
            let mut axes: Vec<i64> = axes.iter().map(|&axis| from_front(axis, x.dim())).collect();
            axes.sort_unstable();
            axes.iter().rev().try_fold(x.shallow_clone(), |x, &axis| x.f_prod_dim_int(axis, keep, none))
        }
        Reduction::L1 => x.f_abs()?.f_sum_dim_intlist(axes, keep, none),
        Reduction::L2 => x.f_norm_scalaropt_dim(2, axes, keep),
        Reduction::SumSquare => x.f_square()?.f_sum_dim_intlist(axes, keep, none),
        Reduction::LogSumExp => x.f_logsumexp(axes, keep),
        Reduction::Variance(correction) => x.f_var_correction(axes, correction, keep),
        Reduction::Argmax => x.f_argmax(axes.first().copied(), keep),
    }
}

fn from_front(axis: i64, rank: usize) -> i64 {
    if axis < 0 { axis + rank as i64 } else { axis }
}

fn zeros(like: &[i64]) -> Vec<i64> {
    vec![0; like.len()]
}

/// x, padded where its padding differs before and behind, and the padding that is left to do.
fn evenly_padded(x: &Tensor, padding: &[i64], value: f64) -> Result<(Tensor, Vec<i64>), TchError> {
    let (before, behind) = padding.split_at(padding.len() / 2);
    if before == behind {
        return Ok((x.shallow_clone(), before.to_vec()));
    }
    let amounts: Vec<i64> = before.iter().zip(behind).rev().flat_map(|(&before, &behind)| [before, behind]).collect();
    Ok((x.f_pad(amounts, "constant", value)?, zeros(before)))
}

/// A pooling of pictures, of signals `[N,C,L]` as well.
fn with_rows(x: &Tensor, axes: usize, pool: impl Fn(&Tensor) -> Result<Tensor, TchError>) -> Result<Tensor, TchError> {
    if axes == 1 { pool(&x.f_unsqueeze(-2)?)?.f_squeeze_dim(-2) } else { pool(x) }
}

fn pair(list: &[i64], filler: i64) -> Vec<i64> {
    if list.len() == 1 { vec![filler, list[0]] } else { list.to_vec() }
}

/// The shape `to` with so many first entries that there are `numbers`.
fn for_as_many(to: &[i64], numbers: i64) -> Vec<i64> {
    let mut to = to.to_vec();
    let has: i64 = to.iter().product();
    if has != numbers
        && has > 0
        && let Some(first) = to.first_mut()
        && (*first * numbers) % has == 0
    {
        *first = *first * numbers / has;
    }
    to
}

fn concatenate(operands: &[Tensor], axis: i64) -> Result<Tensor, TchError> {
    let samples = |x: &Tensor| x.size().first().copied().unwrap_or(0);
    let most = operands.iter().map(samples).max().unwrap_or(0);
    let rank = operands.first().map_or(0, Tensor::dim);
    if from_front(axis, rank) == 0 {
        return Tensor::f_cat(operands, axis);
    }
    let all: Result<Vec<Tensor>, TchError> = operands
        .iter()
        .map(|x| match samples(x) {
            few if few != most && few > 0 && most % few == 0 => {
                let mut times = vec![1; x.dim()];
                times[0] = most / few;
                x.f_repeat(times)
            }
            _ => Ok(x.shallow_clone()),
        })
        .collect();
    Tensor::f_cat(&all?, axis)
}

fn resize(x: &Tensor, size: &[i64], scales: &[f64], by: Interpolation) -> Result<Tensor, TchError> {
    let [rows, columns] = [0, 1].map(|axis| scales.get(axis).copied());
    match by {
        Interpolation::Nearest => x.f_upsample_nearest2d(size, rows, columns),
        Interpolation::NearestExact => x.f_internal_upsample_nearest_exact2d(size, rows, columns),
        Interpolation::Bilinear(corners) => x.f_upsample_bilinear2d(size, corners, rows, columns),
        Interpolation::Bicubic(corners) => x.f_upsample_bicubic2d(size, corners, rows, columns),
    }
}

/// By channels, as libtorch composes it: an average of squares over a window of channels.
fn local_response_norm(x: &Tensor, size: i64, alpha: f64, beta: f64, k: f64) -> Result<Tensor, TchError> {
    let squares = x.f_square()?.f_unsqueeze(1)?;
    let flat = squares.f_flatten(3, -1)?;
    let padded = flat.f_pad([0, 0, size / 2, (size - 1) / 2], "constant", 0.)?;
    let mean = padded.f_avg_pool2d([size, 1], [1, 1], [0, 0], false, true, None)?;
    let mean = mean.f_squeeze_dim(1)?.f_view_as(x)?;
    x.f_div(&(mean * alpha + k).f_pow_tensor_scalar(beta)?)
}
