//! ATen operators that compute: convolutions, norms, matrices, activation functions, poolings, sums. Those that only move numbers
//! are in [`super::shapes`].

use tch::{Kind, Tensor};

use super::super::error::ImportError;
use super::super::function::{Binary, Function, Reduction, Unary};
use super::super::trace::{Tracer, Value};
use super::arguments::{Arguments, Item};
use super::operator::{NOTHING, Operator};
use super::shapes::{self, kind, scaled};

/// What a call makes; none if the operator is not known here.
pub(super) fn call(
    operator: &Operator,
    given: &Arguments,
    tracer: &mut Tracer,
) -> Result<Option<Vec<Item>>, ImportError> {
    if let Some(name) = operator.name.strip_prefix("_operator.") {
        return Ok(shapes::symbolic(name, given, tracer)?.map(|numbers| vec![Item::Number(numbers)]));
    }
    if let Some(items) = shapes::call(operator, given, tracer)? {
        return Ok(Some(items));
    }
    let value = match unary(operator, given, tracer)? {
        Some(value) => Some(value),
        None => binary(operator, given, tracer)?,
    };
    let value = match value {
        Some(value) => Some(value),
        None => layer(operator, given, tracer)?,
    };
    match value {
        Some(value) => Ok(Some(vec![Item::Value(value)])),
        None => several(operator, given, tracer),
    }
}

fn unary(operator: &Operator, given: &Arguments, tracer: &mut Tracer) -> Result<Option<Value>, ImportError> {
    let number = |name: &str, otherwise: f64, tracer: &Tracer| given.number(name, otherwise, tracer);
    let unary = match operator.name.as_str() {
        "abs" => Unary::Abs,
        "ceil" => Unary::Ceil,
        "cos" => Unary::Cos,
        "erf" => Unary::Erf,
        "exp" => Unary::Exp,
        "expm1" => Unary::Expm1,
        "floor" => Unary::Floor,
        "gelu" if given.text("approximate", "none") == "tanh" => Unary::GeluTanh,
        "gelu" => Unary::Gelu,
        "hardswish" => Unary::Hardswish,
        "log" => Unary::Log,
        "log1p" => Unary::Log1p,
        "mish" => Unary::Mish,
        "neg" => Unary::Neg,
        "logical_not" | "bitwise_not" => Unary::Not,
        "reciprocal" => Unary::Reciprocal,
        "relu" => Unary::Relu,
        "relu6" => Unary::Clamp(0., 6.),
        "round" => Unary::Round,
        "rsqrt" => Unary::Rsqrt,
        "selu" => Unary::Selu,
        "sigmoid" => Unary::Sigmoid,
        "sign" => Unary::Sign,
        "silu" => Unary::Silu,
        "sin" => Unary::Sin,
        "sqrt" => Unary::Sqrt,
        "square" => Unary::Square,
        "tanh" => Unary::Tanh,
        "softplus" if number("beta", 1., tracer)? == 1. => Unary::Softplus,
        "leaky_relu" => Unary::LeakyRelu(number("negative_slope", 0.01, tracer)?),
        "elu" if number("scale", 1., tracer)? == 1. => Unary::Elu(number("alpha", 1., tracer)?),
        "hardsigmoid" => Unary::Hardsigmoid(1. / 6., 0.5),
        "hardtanh" => Unary::Clamp(number("min_val", -1., tracer)?, number("max_val", 1., tracer)?),
        "clamp" | "clip" if operator.overload != "Tensor" => {
            Unary::Clamp(number("min", f64::NEG_INFINITY, tracer)?, number("max", f64::INFINITY, tracer)?)
        }
        "clamp_min" => Unary::Clamp(number("min", f64::NEG_INFINITY, tracer)?, f64::INFINITY),
        "clamp_max" => Unary::Clamp(f64::NEG_INFINITY, number("max", f64::INFINITY, tracer)?),
        _ => return Ok(None),
    };
    let x = given.value("self", tracer)?;
    tracer.apply(Function::Unary(unary), &[x]).map(Some)
}

fn binary(operator: &Operator, given: &Arguments, tracer: &mut Tracer) -> Result<Option<Value>, ImportError> {
    let by = match operator.name.as_str() {
        "add" => Binary::Add,
        "sub" | "subtract" | "rsub" => Binary::Sub,
        "mul" | "multiply" => Binary::Mul,
        "div" | "divide" | "true_divide" => match given.text("rounding_mode", "").as_str() {
            "" => Binary::Div,
            "floor" => Binary::FloorDiv,
            _ => return Ok(None),
        },
        "floor_divide" => Binary::FloorDiv,
        "pow" => Binary::Pow,
        "minimum" => Binary::Min,
        "maximum" => Binary::Max,
        "remainder" => Binary::Remainder,
        "eq" => Binary::Equal,
        "ne" => Binary::NotEqual,
        "lt" => Binary::Less,
        "le" => Binary::LessEqual,
        "gt" => Binary::Greater,
        "ge" => Binary::GreaterEqual,
        "logical_and" | "bitwise_and" | "__and__" => Binary::And,
        "logical_or" | "bitwise_or" | "__or__" => Binary::Or,
        "max" | "min" if given.has("other") => match operator.name.as_str() {
            "max" => Binary::Max,
            _ => Binary::Min,
        },
        _ => return Ok(None),
    };
    let x = given.value("self", tracer)?;
    let mut y = given.value(if by == Binary::Pow { "exponent" } else { "other" }, tracer)?;
    if let (Binary::Pow, Value::Known(known)) = (by, &y)
        && known.numbers[0].numel() == 1
        && tracer.floats(&y)? == [2.]
    {
        return tracer.apply(Function::Unary(Unary::Square), &[x]).map(Some);
    }
    let alpha = given.number("alpha", 1., tracer)?;
    if operator.name == "rsub" {
        let x = scaled(tracer, &x, alpha)?;
        return tracer.apply(Function::Binary(Binary::Sub), &[y, x]).map(Some);
    }
    if matches!(by, Binary::Add | Binary::Sub) {
        y = scaled(tracer, &y, alpha)?;
    }
    tracer.apply(Function::Binary(by), &[x, y]).map(Some)
}

fn layer(operator: &Operator, given: &Arguments, tracer: &mut Tracer) -> Result<Option<Value>, ImportError> {
    let name = operator.name.as_str();
    let value = match name {
        _ if name.starts_with("conv") || name == "_convolution" => return convolution(operator, given, tracer),
        _ if name.contains("norm") => return norm(operator, given, tracer),
        _ if name.contains("pool") => return pool(operator, given, tracer),
        "linear" => {
            let (x, weight) = (given.value("input", tracer)?, given.value("weight", tracer)?);
            let bias = given.optional("bias", tracer)?;
            tracer.apply(Function::Linear, &[x, weight, bias])?
        }
        "addmm" => {
            let (bias, x, weight) =
                (given.value("self", tracer)?, given.value("mat1", tracer)?, given.value("mat2", tracer)?);
            if given.number("alpha", 1., tracer)? != 1. || given.number("beta", 1., tracer)? != 1. {
                return Ok(None);
            }
            let turned = tracer.apply(Function::Permute(vec![1, 0]), &[weight])?;
            tracer.apply(Function::Linear, &[x, turned, bias])?
        }
        "matmul" | "mm" | "bmm" => {
            let other = ["other", "mat2"].into_iter().find(|name| given.has(name)).unwrap_or("other");
            let (x, y) = (given.value("self", tracer)?, given.value(other, tracer)?);
            tracer.apply(Function::MatMul, &[x, y])?
        }
        "einsum" => {
            let tensors = given.values("tensors", tracer)?;
            tracer.apply(Function::Einsum(given.text("equation", "")), &tensors)?
        }
        "baddbmm" => {
            let (bias, x, y) =
                (given.value("self", tracer)?, given.value("batch1", tracer)?, given.value("batch2", tracer)?);
            let product = tracer.apply(Function::MatMul, &[x, y])?;
            let product = scaled(tracer, &product, given.number("alpha", 1., tracer)?)?;
            let bias = scaled(tracer, &bias, given.number("beta", 1., tracer)?)?;
            tracer.apply(Function::Binary(Binary::Add), &[bias, product])?
        }
        "softmax" | "_softmax" | "special_softmax" => {
            let (x, axis) = (given.value("self", tracer)?, given.int("dim", -1, tracer)?);
            tracer.apply(Function::Softmax(axis), &[x])?
        }
        "log_softmax" | "_log_softmax" => {
            let (x, axis) = (given.value("self", tracer)?, given.int("dim", -1, tracer)?);
            tracer.apply(Function::LogSoftmax(axis), &[x])?
        }
        "scaled_dot_product_attention" => {
            let of = |name: &str, tracer: &Tracer| given.value(name, tracer);
            let operands =
                [of("query", tracer)?, of("key", tracer)?, of("value", tracer)?, given.optional("attn_mask", tracer)?];
            let scale = if given.has("scale") { Some(given.number("scale", 1., tracer)?) } else { None };
            tracer.apply(Function::Attention { scale, causal: given.flag("is_causal", false, tracer)? }, &operands)?
        }
        "mean" | "sum" | "amax" | "amin" | "prod" | "var" | "std" | "logsumexp" | "argmax" => {
            let by = match name {
                "mean" => Reduction::Mean,
                "sum" => Reduction::Sum,
                "amax" => Reduction::Max,
                "amin" => Reduction::Min,
                "prod" => Reduction::Product,
                "logsumexp" => Reduction::LogSumExp,
                "argmax" => Reduction::Argmax,
                _ => {
                    let unbiased = f64::from(u8::from(given.flag("unbiased", true, tracer)?));
                    Reduction::Variance(given.number("correction", unbiased, tracer)?)
                }
            };
            let (x, keep) = (given.value("self", tracer)?, given.flag("keepdim", false, tracer)?);
            let mut axes = given.ints("dim", &[], tracer)?;
            if axes.is_empty() && by != Reduction::Argmax {
                axes = (0..tracer.rank(&x)? as i64).collect();
            }
            let reduced = tracer.apply(Function::Reduce { by, axes, keep }, &[x])?;
            if name == "std" { tracer.apply(Function::Unary(Unary::Sqrt), &[reduced])? } else { reduced }
        }
        "where" => {
            let of = |name: &str, tracer: &Tracer| given.value(name, tracer);
            let operands = [of("condition", tracer)?, of("self", tracer)?, of("other", tracer)?];
            tracer.apply(Function::Where, &operands)?
        }
        "masked_fill" => {
            let (x, mask, value) =
                (given.value("self", tracer)?, given.value("mask", tracer)?, given.number("value", 0., tracer)?);
            let value = tracer.known(Tensor::from(value as f32));
            tracer.apply(Function::Where, &[mask, value, x])?
        }
        "cumsum" => {
            let (x, axis) = (given.value("self", tracer)?, given.int("dim", 0, tracer)?);
            tracer.apply(Function::CumulativeSum(axis), &[x])?
        }
        "prelu" => {
            let (x, weight) = (given.value("self", tracer)?, given.value("weight", tracer)?);
            tracer.apply(Function::Prelu, &[x, weight])?
        }
        "glu" => {
            let (x, axis) = (given.value("self", tracer)?, given.int("dim", -1, tracer)?);
            tracer.apply(Function::Glu(axis), &[x])?
        }
        "to" | "_to_copy" | "type_as" | "float" => {
            let x = given.value("self", tracer)?;
            let wanted = match name {
                "type_as" => Some(tracer.kind(&given.value("other", tracer)?)?),
                _ => kind(given, tracer)?,
            };
            match wanted {
                Some(kind) if kind != tracer.kind(&x)? => tracer.apply(Function::Cast(kind), &[x])?,
                _ => tracer.apply(NOTHING, &[x])?,
            }
        }
        "addcmul" => {
            let of = |name: &str, tracer: &Tracer| given.value(name, tracer);
            let (x, y, z) = (of("self", tracer)?, of("tensor1", tracer)?, of("tensor2", tracer)?);
            let product = tracer.apply(Function::Binary(Binary::Mul), &[y, z])?;
            let product = scaled(tracer, &product, given.number("value", 1., tracer)?)?;
            tracer.apply(Function::Binary(Binary::Add), &[x, product])?
        }
        "lerp" => {
            let of = |name: &str, tracer: &Tracer| given.value(name, tracer);
            let (x, end, weight) = (of("self", tracer)?, of("end", tracer)?, of("weight", tracer)?);
            let way = tracer.apply(Function::Binary(Binary::Sub), &[end, x.clone()])?;
            let part = tracer.apply(Function::Binary(Binary::Mul), &[way, weight])?;
            tracer.apply(Function::Binary(Binary::Add), &[x, part])?
        }
        _ => return Ok(None),
    };
    Ok(Some(value))
}

fn convolution(operator: &Operator, given: &Arguments, tracer: &mut Tracer) -> Result<Option<Value>, ImportError> {
    let (x, weight) = (given.value("input", tracer)?, given.value("weight", tracer)?);
    let bias = given.optional("bias", tracer)?;
    let axes = tracer.rank(&weight)?.saturating_sub(2);
    let list = |name: &str, otherwise: i64, tracer: &Tracer| given.ints_of(name, otherwise, axes, tracer);
    let (stride, dilation) = (list("stride", 1, tracer)?, list("dilation", 1, tracer)?);
    let groups = given.int_each("groups", 1, tracer)?;
    let transposed = operator.name.starts_with("conv_transpose") || given.flag("transposed", false, tracer)?;
    let padding = match given.text("padding", "").as_str() {
        "" => {
            let padding = list("padding", 0, tracer)?;
            [padding.clone(), padding].concat()
        }
        "valid" => vec![0; 2 * axes],
        // "same", of a stride of 1: one more behind where it is odd.
        _ => {
            let kernel = tracer.shapes(&weight)?[0][2..].to_vec();
            let total = kernel.iter().zip(&dilation).map(|(size, dilation)| (size - 1) * dilation);
            let total: Vec<i64> = total.collect();
            total.iter().map(|total| total / 2).chain(total.iter().map(|total| total - total / 2)).collect()
        }
    };
    let output_padding = list("output_padding", 0, tracer)?;
    let function = |groups: i64| {
        let (stride, padding, dilation) = (stride.clone(), padding.clone(), dilation.clone());
        if transposed {
            let output_padding = output_padding.clone();
            Function::Transposed { stride, padding, dilation, output_padding, groups }
        } else {
            Function::Convolution { stride, padding, dilation, groups }
        }
    };
    tracer.apply_each(groups.into_iter().map(function).collect(), &[x, weight, bias]).map(Some)
}

fn norm(operator: &Operator, given: &Arguments, tracer: &mut Tracer) -> Result<Option<Value>, ImportError> {
    let name = operator.name.as_str();
    let eps = |tracer: &Tracer| given.number("eps", 1e-5, tracer);
    let (weight, bias) = (given.optional("weight", tracer)?, given.optional("bias", tracer)?);
    let value = match name {
        "batch_norm" | "_native_batch_norm_legit_no_training" | "native_batch_norm" | "cudnn_batch_norm" => {
            let x = given.value("input", tracer)?;
            if given.flag("training", false, tracer)? {
                return Err(tracer.wrong("a batch norm in training mode: call model.eval() before it is exported"));
            }
            let (mean, var) = (given.value("running_mean", tracer)?, given.value("running_var", tracer)?);
            let like = |value: Value, number: f64, tracer: &Tracer| match value {
                Value::Absent => {
                    let size = tracer.shapes(&mean)?.remove(0);
                    Ok(tracer.known(Tensor::full(size, number, (Kind::Float, tch::Device::Cpu))))
                }
                other => Ok::<Value, ImportError>(other),
            };
            let (weight, bias) = (like(weight, 1., tracer)?, like(bias, 0., tracer)?);
            tracer.apply(Function::BatchNorm { eps: eps(tracer)? }, &[x, weight, bias, mean, var])?
        }
        "instance_norm" => {
            let x = given.value("input", tracer)?;
            if !given.flag("use_input_stats", true, tracer)? {
                return Ok(None);
            }
            tracer.apply(Function::InstanceNorm { eps: eps(tracer)? }, &[x, weight, bias])?
        }
        "group_norm" => {
            let (x, groups) = (given.value("input", tracer)?, given.int("num_groups", 1, tracer)?);
            tracer.apply(Function::GroupNorm { groups, eps: eps(tracer)? }, &[x, weight, bias])?
        }
        "native_group_norm" => {
            let (x, groups) = (given.value("input", tracer)?, given.int("group", 1, tracer)?);
            tracer.apply(Function::GroupNorm { groups, eps: eps(tracer)? }, &[x, weight, bias])?
        }
        "layer_norm" | "native_layer_norm" => {
            let (x, shape) = (given.value("input", tracer)?, given.ints("normalized_shape", &[], tracer)?);
            tracer.apply(Function::LayerNorm { shape, eps: eps(tracer)? }, &[x, weight, bias])?
        }
        "rms_norm" => {
            let (x, shape) = (given.value("input", tracer)?, given.ints("normalized_shape", &[], tracer)?);
            let eps = given.number("eps", f64::from(f32::EPSILON), tracer)?;
            tracer.apply(Function::RmsNorm { shape, eps }, &[x, weight])?
        }
        "linalg_vector_norm" | "norm" => {
            let x = given.value("self", tracer)?;
            let order = given.number(if name == "norm" { "p" } else { "ord" }, 2., tracer)?;
            let mut axes = given.ints("dim", &[], tracer)?;
            if axes.is_empty() {
                axes = (0..tracer.rank(&x)? as i64).collect();
            }
            let by = if order == 1. { Reduction::L1 } else { Reduction::L2 };
            if order != 1. && order != 2. {
                return Ok(None);
            }
            let keep = given.flag("keepdim", false, tracer)?;
            tracer.apply(Function::Reduce { by, axes, keep }, &[x])?
        }
        _ => return Ok(None),
    };
    Ok(Some(value))
}

fn pool(operator: &Operator, given: &Arguments, tracer: &mut Tracer) -> Result<Option<Value>, ImportError> {
    let name = operator.name.as_str();
    let axes = match (name.contains("1d"), name.contains("3d")) {
        (true, _) => 1,
        (_, true) => 3,
        _ => 2,
    };
    let x = given.value("self", tracer)?;
    let list = |name: &str, otherwise: i64, tracer: &Tracer| given.ints_of(name, otherwise, axes, tracer);
    let function = match name {
        "adaptive_avg_pool1d" | "adaptive_avg_pool2d" | "_adaptive_avg_pool2d" => {
            Function::AdaptiveAverage(adaptive(given, &x, axes, tracer)?)
        }
        "max_pool1d"
        | "max_pool2d"
        | "max_pool2d_with_indices"
        | "max_pool3d"
        | "avg_pool1d"
        | "avg_pool2d"
        | "avg_pool3d" => {
            let kernel = list("kernel_size", 1, tracer)?;
            let stride = match given.ints("stride", &[], tracer)?.is_empty() {
                true => kernel.clone(),
                false => list("stride", 1, tracer)?,
            };
            let padding = list("padding", 0, tracer)?;
            let padding = [padding.clone(), padding].concat();
            let ceil = given.flag("ceil_mode", false, tracer)?;
            if name.starts_with("max") {
                Function::MaxPool { kernel, stride, padding, dilation: list("dilation", 1, tracer)?, ceil }
            } else {
                if given.has("divisor_override") {
                    return Ok(None);
                }
                let count_padding = given.flag("count_include_pad", true, tracer)?;
                Function::AveragePool { kernel, stride, padding, ceil, count_padding }
            }
        }
        "adaptive_max_pool1d" | "adaptive_max_pool2d" => Function::AdaptiveMax(adaptive(given, &x, axes, tracer)?),
        _ => return Ok(None),
    };
    tracer.apply(function, &[x]).map(Some)
}

fn adaptive(given: &Arguments, x: &Value, axes: usize, tracer: &Tracer) -> Result<Vec<i64>, ImportError> {
    let mut size = given.ints("output_size", &[], tracer)?;
    if size.len() == 1 {
        size = vec![size[0]; axes];
    }
    let shape = tracer.shapes(x)?.remove(0);
    for (size, has) in size.iter_mut().rev().zip(shape.iter().rev()) {
        // None: as it is.
        *size = if *size < 0 { *has } else { *size };
    }
    Ok(size)
}

/// Operators with several results.
fn several(operator: &Operator, given: &Arguments, tracer: &mut Tracer) -> Result<Option<Vec<Item>>, ImportError> {
    match operator.name.as_str() {
        "var_mean" => {
            let (x, keep) = (given.value("self", tracer)?, given.flag("keepdim", false, tracer)?);
            let unbiased = f64::from(u8::from(given.flag("unbiased", true, tracer)?));
            let correction = given.number("correction", unbiased, tracer)?;
            let mut axes = given.ints("dim", &[], tracer)?;
            if axes.is_empty() {
                axes = (0..tracer.rank(&x)? as i64).collect();
            }
            let by = Reduction::Variance(correction);
            let variance = tracer.apply(Function::Reduce { by, axes: axes.clone(), keep }, std::slice::from_ref(&x))?;
            let mean = tracer.apply(Function::Reduce { by: Reduction::Mean, axes, keep }, &[x])?;
            Ok(Some(vec![Item::Value(variance), Item::Value(mean)]))
        }
        "max" | "min" if given.has("dim") => {
            let (x, keep) = (given.value("self", tracer)?, given.flag("keepdim", false, tracer)?);
            let by = if operator.name == "max" { Reduction::Max } else { Reduction::Min };
            let axes = given.ints("dim", &[], tracer)?;
            let value = tracer.apply(Function::Reduce { by, axes, keep }, &[x])?;
            Ok(Some(vec![Item::Value(value), Item::Value(Value::Unknown)]))
        }
        _ => Ok(None),
    }
}
