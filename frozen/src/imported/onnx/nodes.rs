//! ONNX operators of each number, of two tensors, and sums, by their names; layers and shapes are in the files beside.

use tch::{Kind, Tensor};

use super::super::error::ImportError;
use super::super::function::{Binary, Function, Reduction, Unary};
use super::super::trace::{Tracer, Value};
use super::arguments::Call;
use super::tensor::kind_of;
use super::{layers, shapes};

/// What a node makes; none if its operator is not known here.
pub(super) fn call(call: &Call, tracer: &mut Tracer) -> Result<Option<Vec<Value>>, ImportError> {
    if let Some(value) = of_one(call, tracer)? {
        return Ok(Some(vec![value]));
    }
    if let Some(value) = of_two(call, tracer)? {
        return Ok(Some(vec![value]));
    }
    if let Some(value) = reduce(call, tracer)? {
        return Ok(Some(vec![value]));
    }
    if let Some(value) = layers::call(call, tracer)? {
        return Ok(Some(vec![value]));
    }
    shapes::call(call, tracer)
}

fn of_one(call: &Call, tracer: &mut Tracer) -> Result<Option<Value>, ImportError> {
    let unary = match call.node.operator.as_str() {
        "Abs" => Unary::Abs,
        "Ceil" => Unary::Ceil,
        "Cos" => Unary::Cos,
        "Erf" => Unary::Erf,
        "Exp" => Unary::Exp,
        "Floor" => Unary::Floor,
        "Gelu" if call.text("approximate", "none") == "tanh" => Unary::GeluTanh,
        "Gelu" => Unary::Gelu,
        "FastGelu" if !call.has(1) => Unary::GeluTanh,
        "HardSwish" => Unary::Hardswish,
        "Log" => Unary::Log,
        "Mish" => Unary::Mish,
        "Neg" => Unary::Neg,
        "Not" => Unary::Not,
        "Reciprocal" => Unary::Reciprocal,
        "Relu" => Unary::Relu,
        "Round" => Unary::Round,
        "Selu" if !call.node.attributes.contains_key("alpha") => Unary::Selu,
        "Sigmoid" => Unary::Sigmoid,
        "Sign" => Unary::Sign,
        "Sin" => Unary::Sin,
        "Softplus" => Unary::Softplus,
        "Softsign" => Unary::Softsign,
        "Sqrt" => Unary::Sqrt,
        "Tanh" => Unary::Tanh,
        "Swish" if call.float("alpha", 1.) == 1. => Unary::Silu,
        "LeakyRelu" => Unary::LeakyRelu(call.float("alpha", 0.01)),
        "Elu" => Unary::Elu(call.float("alpha", 1.)),
        "HardSigmoid" => {
            let (alpha, beta) = (call.float("alpha", 0.2), call.float("beta", 0.5));
            // PyTorch's factor, as a 32-bit float has it.
            Unary::Hardsigmoid(if (alpha - 1. / 6.).abs() < 1e-6 { 1. / 6. } else { alpha }, beta)
        }
        "Identity" | "Dropout" => Unary::Identity,
        "Clip" => {
            let bound = |name: &str, index: usize, otherwise: f64, tracer: &Tracer| {
                if call.has(index) {
                    let numbers = tracer.floats(&call.inputs[index])?;
                    return Ok::<f64, ImportError>(numbers.first().copied().unwrap_or(otherwise));
                }
                Ok(call.float(name, otherwise))
            };
            let (low, high) = (bound("min", 1, f64::NEG_INFINITY, tracer)?, bound("max", 2, f64::INFINITY, tracer)?);
            // The largest 32-bit float is what "no bound" was before version 11.
            let open = |bound: f64| if bound.abs() > 3.4e38 { bound.signum() * f64::INFINITY } else { bound };
            Unary::Clamp(open(low), open(high))
        }
        "Cast" => {
            let to = call.int("to", 1);
            let kind = kind_of(to).ok_or_else(|| tracer.wrong(format!("numbers of kind {to} are not known here")))?;
            let kind = if matches!(kind, Kind::Half | Kind::BFloat16 | Kind::Double) { Kind::Float } else { kind };
            let x = call.input(0, tracer)?;
            if matches!(x, Value::Data(_)) && tracer.kind(&x)? == kind {
                return tracer.apply(Function::Unary(Unary::Identity), &[x]).map(Some);
            }
            return tracer.apply(Function::Cast(kind), &[x]).map(Some);
        }
        "CastLike" => {
            let kind = tracer.kind(&call.input(1, tracer)?)?;
            let x = call.input(0, tracer)?;
            return tracer.apply(Function::Cast(kind), &[x]).map(Some);
        }
        _ => return Ok(None),
    };
    let x = call.input(0, tracer)?;
    tracer.apply(Function::Unary(unary), &[x]).map(Some)
}

fn of_two(call: &Call, tracer: &mut Tracer) -> Result<Option<Value>, ImportError> {
    let by = match call.node.operator.as_str() {
        "Add" | "Sum" => Binary::Add,
        "Sub" => Binary::Sub,
        "Mul" => Binary::Mul,
        "Div" => Binary::Div,
        "Pow" => Binary::Pow,
        "Min" => Binary::Min,
        "Max" => Binary::Max,
        "Mod" => Binary::Remainder,
        "Equal" => Binary::Equal,
        "Less" => Binary::Less,
        "LessOrEqual" => Binary::LessEqual,
        "Greater" => Binary::Greater,
        "GreaterOrEqual" => Binary::GreaterEqual,
        "And" => Binary::And,
        "Or" => Binary::Or,
        _ => return Ok(None),
    };
    let mut value = call.input(0, tracer)?;
    for index in 1..call.inputs.len() {
        let other = call.input(index, tracer)?;
        let ints = |value: &Value, tracer: &Tracer| -> Result<bool, ImportError> {
            Ok(matches!(value, Value::Known(_)) && matches!(tracer.kind(value)?, Kind::Int64 | Kind::Int))
        };
        // Whole numbers are divided as whole numbers.
        let by = match by {
            Binary::Div if ints(&value, tracer)? && ints(&other, tracer)? => Binary::FloorDiv,
            by => by,
        };
        if let (Binary::Pow, Value::Known(known)) = (by, &other)
            && known.numbers[0].numel() == 1
            && tracer.floats(&other)? == [2.]
        {
            value = tracer.apply(Function::Unary(Unary::Square), &[value])?;
            continue;
        }
        value = tracer.apply(Function::Binary(by), &[value, other])?;
    }
    Ok(Some(value))
}

fn reduce(call: &Call, tracer: &mut Tracer) -> Result<Option<Value>, ImportError> {
    let by = match call.node.operator.as_str() {
        "ReduceMean" => Reduction::Mean,
        "ReduceSum" => Reduction::Sum,
        "ReduceMax" => Reduction::Max,
        "ReduceMin" => Reduction::Min,
        "ReduceProd" => Reduction::Product,
        "ReduceL1" => Reduction::L1,
        "ReduceL2" => Reduction::L2,
        "ReduceSumSquare" => Reduction::SumSquare,
        "ReduceLogSumExp" => Reduction::LogSumExp,
        "ArgMax" => {
            let (x, axis) = (call.input(0, tracer)?, call.int("axis", 0));
            let keep = call.int("keepdims", 1) != 0;
            return tracer.apply(Function::Reduce { by: Reduction::Argmax, axes: vec![axis], keep }, &[x]).map(Some);
        }
        _ => return Ok(None),
    };
    let (x, keep) = (call.input(0, tracer)?, call.int("keepdims", 1) != 0);
    let axes = match call.axes("axes", 1, tracer)?.filter(|axes| !axes.is_empty()) {
        Some(axes) => axes,
        None if call.int("noop_with_empty_axes", 0) != 0 => {
            return tracer.apply(Function::Unary(Unary::Identity), &[x]).map(Some);
        }
        None => (0..tracer.rank(&x)? as i64).collect(),
    };
    tracer.apply(Function::Reduce { by, axes, keep }, &[x]).map(Some)
}

/// A `Constant` whose value is no tensor.
pub(super) fn constant(call: &Call, tracer: &Tracer) -> Result<Option<Value>, ImportError> {
    let tensor = if let Some(attribute) = call.raw("value_int") {
        Tensor::from(attribute.int.unwrap_or(0))
    } else if let Some(attribute) = call.raw("value_ints") {
        Tensor::from_slice(&attribute.ints)
    } else if let Some(attribute) = call.raw("value_float") {
        Tensor::from(attribute.float.unwrap_or(0.))
    } else if let Some(attribute) = call.raw("value_floats") {
        Tensor::from_slice(&attribute.floats)
    } else {
        return Ok(None);
    };
    Ok(Some(tracer.known(tensor)))
}

/// One number in a shape that is an input.
pub(super) fn constant_of_shape(call: &Call, value: Option<Tensor>, tracer: &mut Tracer) -> Result<Value, ImportError> {
    let sizes = tracer.ints(&call.input(0, tracer)?)?;
    let value = value.unwrap_or_else(|| Tensor::from(0f32));
    if value.numel() != 1 {
        return Err(tracer.wrong("its value is more than one number"));
    }
    let (kind, number) = (value.kind(), value.to_kind(Kind::Double).view(-1i64).double_value(&[0]));
    let functions = sizes.into_iter().map(|size| Function::Full { size, value: number, kind });
    tracer.apply_each(functions.collect(), &[])
}
