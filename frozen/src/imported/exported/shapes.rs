//! ATen operators that move numbers: views, parts, joins, paddings, enlargements, and what makes tensors.

use tch::Kind;

use super::super::error::ImportError;
use super::super::function::{Binary, Function, Interpolation};
use super::super::trace::{Tracer, Value};
use super::archive::kind_of;
use super::arguments::{Arguments, Item};
use super::operator::{NOTHING, Operator};

/// What a call makes; none if the operator is not among these.
pub(super) fn call(
    operator: &Operator,
    given: &Arguments,
    tracer: &mut Tracer,
) -> Result<Option<Vec<Item>>, ImportError> {
    let x = |tracer: &Tracer| given.value("self", tracer);
    let value = match operator.name.as_str() {
        "view" | "reshape" | "_unsafe_view" if given.has("size") || given.has("shape") => {
            let name = if given.has("size") { "size" } else { "shape" };
            reshape(tracer, &x(tracer)?, given.ints_each(name, &[], tracer)?)?
        }
        "flatten" => {
            let (x, from, to) = (x(tracer)?, given.int("start_dim", 0, tracer)?, given.int("end_dim", -1, tracer)?);
            let shapes = tracer.shapes(&x)?;
            let flat = shapes.iter().map(|shape| {
                let [from, to] = [from, to].map(|axis| from_front(axis, shape.len()));
                let inner: i64 = shape.get(from..=to)?.iter().product();
                Some([&shape[..from], &[inner], &shape[to + 1..]].concat())
            });
            let to: Option<Vec<Vec<i64>>> = flat.collect();
            reshape(tracer, &x, to.ok_or_else(|| tracer.wrong("axes out of range"))?)?
        }
        "unflatten" => {
            let (x, sizes) = (x(tracer)?, given.ints_each("sizes", &[], tracer)?);
            let axis = given.int("dim", 0, tracer)?;
            let shapes = tracer.shapes(&x)?;
            let to = shapes.iter().zip(sizes).map(|(shape, mut sizes)| {
                let axis = from_front(axis, shape.len());
                resolve(&mut sizes, *shape.get(axis).unwrap_or(&1));
                [&shape[..axis.min(shape.len())], &sizes, shape.get(axis + 1..).unwrap_or(&[])].concat()
            });
            let to = to.collect();
            reshape(tracer, &x, to)?
        }
        "as_strided" => {
            let (x, sizes) = (x(tracer)?, given.ints_each("size", &[], tracer)?);
            let steps = given.ints_each("stride", &[], tracer)?;
            // Contiguous numbers in another shape; nothing else is known here.
            let contiguous = sizes.iter().zip(&steps).all(|(size, steps)| {
                let inner = |axis: usize| size[axis + 1..].iter().product::<i64>();
                size.len() == steps.len() && (0..size.len()).all(|axis| size[axis] == 1 || steps[axis] == inner(axis))
            });
            if !contiguous || given.int("storage_offset", 0, tracer)? != 0 {
                return Ok(None);
            }
            reshape(tracer, &x, sizes)?
        }
        "permute" => {
            let (x, dims) = (x(tracer)?, given.ints("dims", &[], tracer)?);
            permute(tracer, &x, dims)?
        }
        "transpose" | "swapaxes" | "t" | "numpy_T" | "mT" => {
            let x = x(tracer)?;
            let rank = tracer.rank(&x)?;
            let (one, other) = match operator.name.as_str() {
                "transpose" => (given.int("dim0", 0, tracer)?, given.int("dim1", 1, tracer)?),
                "swapaxes" => (given.int("axis0", 0, tracer)?, given.int("axis1", 1, tracer)?),
                "t" => (0, 1),
                _ => (-2, -1),
            };
            let mut order: Vec<i64> = (0..rank as i64).collect();
            let [one, other] = [one, other].map(|axis| from_front(axis, rank));
            if rank >= 2 {
                if one >= rank || other >= rank {
                    return Err(tracer.wrong("an axis is out of range"));
                }
                order.swap(one, other);
            }
            permute(tracer, &x, order)?
        }
        "squeeze" => {
            let x = x(tracer)?;
            let axes = given.ints("dim", &[], tracer)?;
            let shapes = tracer.shapes(&x)?;
            let squeezed = |shape: &Vec<i64>| {
                let axes: Vec<usize> = axes.iter().map(|&axis| from_front(axis, shape.len())).collect();
                let keep = |axis: usize| shape[axis] != 1 || (given.has("dim") && !axes.contains(&axis));
                (0..shape.len()).filter(|&axis| keep(axis)).map(|axis| shape[axis]).collect()
            };
            let to = shapes.iter().map(squeezed).collect();
            reshape(tracer, &x, to)?
        }
        "unsqueeze" => {
            let (x, axis) = (x(tracer)?, given.int("dim", 0, tracer)?);
            let mut to = tracer.shapes(&x)?;
            for shape in &mut to {
                let at = if axis < 0 { axis + shape.len() as i64 + 1 } else { axis };
                if !(0..=shape.len() as i64).contains(&at) {
                    return Err(tracer.wrong("an axis is out of range"));
                }
                shape.insert(at as usize, 1);
            }
            reshape(tracer, &x, to)?
        }
        "expand" | "broadcast_to" => {
            let (x, mut sizes) = (x(tracer)?, given.ints_each("size", &[], tracer)?);
            for (shape, to) in tracer.shapes(&x)?.iter().zip(&mut sizes) {
                for (to, has) in to.iter_mut().rev().zip(shape.iter().rev()) {
                    *to = if *to == -1 { *has } else { *to };
                }
            }
            tracer.apply_each(sizes.into_iter().map(Function::Expand).collect(), &[x])?
        }
        "expand_as" | "view_as" | "reshape_as" => {
            let (x, sizes) = (x(tracer)?, tracer.shapes(&given.value("other", tracer)?)?);
            let expand = operator.name == "expand_as";
            let functions = sizes.into_iter().map(if expand { Function::Expand } else { Function::Reshape });
            tracer.apply_each(functions.collect(), &[x])?
        }
        "repeat" => {
            let (x, times) = (x(tracer)?, given.ints_each("repeats", &[], tracer)?);
            tracer.apply_each(times.into_iter().map(Function::Repeat).collect(), &[x])?
        }
        "cat" | "concat" | "concatenate" => {
            let (parts, axis) = (given.values("tensors", tracer)?, given.int("dim", 0, tracer)?);
            let rank = tracer.rank(parts.first().ok_or_else(|| tracer.wrong("nothing is joined"))?)?;
            tracer.apply(Function::Concatenate(from_front(axis, rank) as i64), &parts)?
        }
        "stack" => {
            let (parts, axis) = (given.values("tensors", tracer)?, given.int("dim", 0, tracer)?);
            let mut raised = vec![];
            let mut at = 0;
            for part in &parts {
                let mut to = tracer.shapes(part)?;
                for shape in &mut to {
                    at = if axis < 0 { axis + shape.len() as i64 + 1 } else { axis }.clamp(0, shape.len() as i64);
                    shape.insert(at as usize, 1);
                }
                raised.push(reshape(tracer, part, to)?);
            }
            tracer.apply(Function::Concatenate(at), &raised)?
        }
        "slice" => {
            let (x, axis) = (x(tracer)?, given.int("dim", 0, tracer)?);
            let (start, end) = (given.int_each("start", 0, tracer)?, given.int_each("end", i64::MAX, tracer)?);
            let step = given.int("step", 1, tracer)?;
            slice(tracer, &x, axis, &start, &end, step)?
        }
        "narrow" => {
            let (x, axis) = (x(tracer)?, given.int("dim", 0, tracer)?);
            let (start, length) = (given.int_each("start", 0, tracer)?, given.int_each("length", 0, tracer)?);
            let end: Vec<i64> = start.iter().zip(length).map(|(start, length)| start.saturating_add(length)).collect();
            slice(tracer, &x, axis, &start, &end, 1)?
        }
        "select" => {
            let (x, axis, index) = (x(tracer)?, given.int("dim", 0, tracer)?, given.int_each("index", 0, tracer)?);
            return Ok(Some(vec![Item::Value(select(tracer, &x, axis, &index)?)]));
        }
        "split" | "chunk" | "split_with_sizes" | "unbind" | "unsafe_split" | "unsafe_chunk" => {
            return split(operator, given, tracer).map(Some);
        }
        "index_select" => {
            let (x, axis) = (x(tracer)?, given.int("dim", 0, tracer)?);
            let index = given.value("index", tracer)?;
            tracer.apply(Function::IndexSelect(axis), &[x, index])?
        }
        "gather" => {
            let (x, axis) = (x(tracer)?, given.int("dim", 0, tracer)?);
            let index = given.value("index", tracer)?;
            tracer.apply(Function::Gather(axis), &[x, index])?
        }
        "index" => {
            let (x, indices) = (x(tracer)?, given.values("indices", tracer)?);
            let axes = indices.iter().map(|index| !matches!(index, Value::Absent)).collect();
            let operands: Vec<Value> = std::iter::once(x).chain(indices).collect();
            tracer.apply(Function::Index(axes), &operands)?
        }
        "embedding" => {
            let (weight, indices) = (given.value("weight", tracer)?, given.value("indices", tracer)?);
            tracer.apply(Function::Embedding, &[weight, indices])?
        }
        "constant_pad_nd" | "pad" | "reflection_pad2d" | "replication_pad2d" | "reflection_pad1d" => {
            let x = x(tracer)?;
            let amounts = given.ints_each(if given.has("pad") { "pad" } else { "padding" }, &[], tracer)?;
            let mode = match (operator.name.as_str(), given.text("mode", "constant").as_str()) {
                ("reflection_pad2d" | "reflection_pad1d", _) | (_, "reflect") => "reflect",
                ("replication_pad2d", _) | (_, "replicate") => "replicate",
                (_, "circular") => "circular",
                _ => "constant",
            };
            let value = given.number("value", 0., tracer)?;
            let functions = amounts.into_iter().map(|amounts| Function::Pad { amounts, mode, value });
            tracer.apply_each(functions.collect(), &[x])?
        }
        "roll" => {
            let (x, shifts, axes) =
                (x(tracer)?, given.ints_each("shifts", &[], tracer)?, given.ints("dims", &[], tracer)?);
            let functions = shifts.into_iter().map(|shifts| Function::Roll { shifts, axes: axes.clone() });
            tracer.apply_each(functions.collect(), &[x])?
        }
        "flip" => {
            let (x, axes) = (x(tracer)?, given.ints("dims", &[], tracer)?);
            tracer.apply(Function::Flip(axes), &[x])?
        }
        "pixel_shuffle" => {
            let (x, factor) = (x(tracer)?, given.int("upscale_factor", 1, tracer)?);
            tracer.apply(Function::PixelShuffle(factor), &[x])?
        }
        "pixel_unshuffle" => {
            let (x, factor) = (x(tracer)?, given.int("downscale_factor", 1, tracer)?);
            tracer.apply(Function::PixelUnshuffle(factor), &[x])?
        }
        "channel_shuffle" | "native_channel_shuffle" => {
            let (x, groups) = (x(tracer)?, given.int("groups", 1, tracer)?);
            let shapes = tracer.shapes(&x)?;
            if shapes.iter().any(|shape| shape.len() != 4 || groups < 1 || shape[1] % groups != 0) {
                return Err(tracer.wrong("channels cannot be shuffled in these groups"));
            }
            let apart = |s: &Vec<i64>| vec![s[0], groups, s[1] / groups, s[2], s[3]];
            let split = reshape(tracer, &x, shapes.iter().map(apart).collect())?;
            let turned = tracer.apply(Function::Permute(vec![0, 2, 1, 3, 4]), &[split])?;
            reshape(tracer, &turned, shapes)?
        }
        "im2col" => {
            let x = x(tracer)?;
            let list = |name: &str, otherwise: i64| given.ints_of(name, otherwise, 2, tracer);
            let (kernel, dilation) = (list("kernel_size", 1)?, list("dilation", 1)?);
            let (padding, stride) = (list("padding", 0)?, list("stride", 1)?);
            tracer.apply(Function::Unfold { kernel, dilation, padding, stride }, &[x])?
        }
        name if name.starts_with("upsample_") || name.starts_with("_upsample_") => match resize(name, given, tracer)? {
            Some(value) => value,
            None => return Ok(None),
        },
        "full" | "zeros" | "ones" | "new_zeros" | "new_ones" | "new_full" | "empty" | "full_like" | "zeros_like"
        | "ones_like" | "empty_like" | "scalar_tensor" => full(operator, given, tracer)?,
        "arange" => arange(given, tracer)?,
        "tril" | "triu" => {
            let (x, diagonal) = (x(tracer)?, given.int("diagonal", 0, tracer)?);
            tracer.apply(Function::Triangle { upper: operator.name == "triu", diagonal }, &[x])?
        }
        "contiguous"
        | "clone"
        | "detach"
        | "alias"
        | "lift_fresh_copy"
        | "dropout"
        | "alpha_dropout"
        | "feature_dropout"
        | "_assert_tensor_metadata" => {
            let name = if given.has("self") { "self" } else { "input" };
            if !given.has(name) {
                return Ok(Some(vec![]));
            }
            if operator.name.ends_with("dropout")
                && given.flag("train", false, tracer)?
                && given.number("p", 0., tracer)? > 0.
            {
                return Err(tracer.wrong(
                    "it drops out at random: the model was exported in training mode; call model.eval() first",
                ));
            }
            let x = given.value(name, tracer)?;
            tracer.apply(NOTHING, &[x])?
        }
        "sym_size" => {
            let (shapes, axis) = (tracer.shapes(&x(tracer)?)?, given.int("dim", 0, tracer)?);
            let of = |shape: &Vec<i64>| shape.get(from_front(axis, shape.len())).map(|&size| size as f64);
            let sizes: Option<Vec<f64>> = shapes.iter().map(of).collect();
            return Ok(Some(vec![Item::Number(sizes.ok_or_else(|| tracer.wrong("an axis is out of range"))?)]));
        }
        "sym_numel" => {
            let shapes = tracer.shapes(&x(tracer)?)?;
            let of = shapes.iter().map(|shape| shape.iter().product::<i64>() as f64);
            return Ok(Some(vec![Item::Number(of.collect())]));
        }
        "sym_constrain_range" | "sym_constrain_range_for_size" | "_assert_scalar" | "_assert_async" => {
            return Ok(Some(vec![]));
        }
        _ => return Ok(None),
    };
    Ok(Some(vec![Item::Value(value)]))
}

/// An axis counted from the front; out of range where there is no such axis.
pub(super) fn from_front(axis: i64, rank: usize) -> usize {
    usize::try_from(if axis < 0 { axis + rank as i64 } else { axis }).unwrap_or(usize::MAX / 2)
}

/// The size that is left open (-1).
fn resolve(sizes: &mut [i64], numbers: i64) {
    let known: i64 = sizes.iter().filter(|&&size| size != -1).product();
    if let Some(open) = sizes.iter_mut().find(|size| **size == -1) {
        *open = if known == 0 { 0 } else { numbers / known };
    }
}

fn reshape(tracer: &mut Tracer, x: &Value, mut to: Vec<Vec<i64>>) -> Result<Value, ImportError> {
    for (shape, to) in tracer.shapes(x)?.iter().zip(&mut to) {
        resolve(to, shape.iter().product());
    }
    tracer.apply_each(to.into_iter().map(Function::Reshape).collect(), std::slice::from_ref(x))
}

fn permute(tracer: &mut Tracer, x: &Value, dims: Vec<i64>) -> Result<Value, ImportError> {
    let rank = tracer.rank(x)?;
    let order: Vec<i64> = dims.iter().map(|&axis| from_front(axis, rank) as i64).collect();
    tracer.apply(Function::Permute(order), std::slice::from_ref(x))
}

fn slice(
    tracer: &mut Tracer,
    x: &Value,
    axis: i64,
    start: &[i64],
    end: &[i64],
    step: i64,
) -> Result<Value, ImportError> {
    let axis = from_front(axis, tracer.rank(x)?) as i64;
    let parts = start.iter().zip(end).map(|(&start, &end)| Function::Slice { axis, start, end, step });
    tracer.apply_each(parts.collect(), std::slice::from_ref(x))
}

fn select(tracer: &mut Tracer, x: &Value, axis: i64, index: &[i64]) -> Result<Value, ImportError> {
    let end: Vec<i64> = index.iter().map(|&index| if index == -1 { i64::MAX } else { index + 1 }).collect();
    let part = slice(tracer, x, axis, index, &end, 1)?;
    let mut to = tracer.shapes(&part)?;
    for shape in &mut to {
        let at = from_front(axis, shape.len());
        if shape.get(at) != Some(&1) {
            return Err(tracer.wrong("a place is out of range"));
        }
        shape.remove(at);
    }
    reshape(tracer, &part, to)
}

fn split(operator: &Operator, given: &Arguments, tracer: &mut Tracer) -> Result<Vec<Item>, ImportError> {
    let (x, axis) = (given.value("self", tracer)?, given.int("dim", 0, tracer)?);
    let shapes = tracer.shapes(&x)?;
    let at = from_front(axis, shapes[0].len());
    let size = *shapes[0].get(at).ok_or_else(|| tracer.wrong("an axis is out of range"))?;
    let lengths: Vec<i64> = match operator.name.as_str() {
        "unbind" => vec![1; size.clamp(0, 4096) as usize],
        "chunk" | "unsafe_chunk" => {
            let chunks = given.int("chunks", 1, tracer)?.max(1);
            pieces(size, (size + chunks - 1) / chunks)
        }
        _ => {
            let name = ["split_size", "split_sizes"].into_iter().find(|name| given.has(name)).unwrap_or("split_size");
            match given.ints(name, &[], tracer)?[..] {
                [each] if operator.name != "split_with_sizes" => pieces(size, each),
                ref lengths => lengths.to_vec(),
            }
        }
    };
    if lengths.len() > 4096 || shapes.iter().any(|shape| shape[at] != size) {
        return Err(tracer.wrong("it is split into a number of parts that depends on the samples, or is absurd"));
    }
    let (mut parts, mut start) = (vec![], 0);
    for length in lengths {
        let part = if operator.name == "unbind" {
            let index = vec![start; tracer.passes()];
            select(tracer, &x, axis, &index)?
        } else {
            let (from, to) = (vec![start; tracer.passes()], vec![start + length; tracer.passes()]);
            slice(tracer, &x, axis, &from, &to, 1)?
        };
        parts.push(Item::Value(part));
        start += length;
    }
    Ok(parts)
}

fn pieces(size: i64, each: i64) -> Vec<i64> {
    let each = each.max(1);
    let whole = (size / each).clamp(0, 4097) as usize;
    let mut lengths = vec![each; whole];
    if size % each > 0 {
        lengths.push(size % each);
    }
    lengths
}

fn resize(name: &str, given: &Arguments, tracer: &mut Tracer) -> Result<Option<Value>, ImportError> {
    let x = given.value(if given.has("self") { "self" } else { "input" }, tracer)?;
    let corners = given.flag("align_corners", false, tracer)?;
    let by = match name.trim_start_matches('_') {
        "upsample_nearest2d" => Interpolation::Nearest,
        "upsample_nearest_exact2d" => Interpolation::NearestExact,
        "upsample_bilinear2d" => Interpolation::Bilinear(corners),
        "upsample_bicubic2d" => Interpolation::Bicubic(corners),
        _ => return Ok(None),
    };
    let mut scales = given.numbers("scale_factors", tracer)?;
    for (name, at) in [("scales_h", 0), ("scales_w", 1)] {
        if given.has(name) && scales.len() == at {
            scales.push(given.number(name, 1., tracer)?);
        }
    }
    let sizes = if given.has("output_size") {
        given.ints_each("output_size", &[], tracer)?
    } else {
        let of = |shape: &Vec<i64>| -> Option<Vec<i64>> {
            let sides = shape.get(2..4)?.iter().zip(&scales).map(|(&side, scale)| (side as f64 * scale) as i64);
            Some(sides.collect())
        };
        let sizes: Option<Vec<Vec<i64>>> = tracer.shapes(&x)?.iter().map(of).collect();
        sizes.ok_or_else(|| tracer.wrong("it enlarges no picture"))?
    };
    if sizes.iter().any(|size| size.len() != 2) {
        return Err(tracer.wrong("it has no two sizes"));
    }
    let functions = sizes.into_iter().map(|size| Function::Resize { size, scales: scales.clone(), by });
    tracer.apply_each(functions.collect(), &[x]).map(Some)
}

fn full(operator: &Operator, given: &Arguments, tracer: &mut Tracer) -> Result<Value, ImportError> {
    let name = operator.name.as_str();
    let like = if given.has("self") { Some(given.value("self", tracer)?) } else { None };
    let sizes = match (&like, name.ends_with("_like")) {
        (Some(x), true) => tracer.shapes(x)?,
        _ => given.ints_each("size", &[], tracer)?,
    };
    let value = match name {
        "ones" | "new_ones" | "ones_like" => vec![1.; tracer.passes()],
        "full" | "new_full" | "full_like" => given.each_of(&["fill_value"], tracer)?,
        "scalar_tensor" => given.each_of(&["s"], tracer)?,
        _ => vec![0.; tracer.passes()],
    };
    let kind = kind(given, tracer)?.or(like.map(|x| tracer.kind(&x)).transpose()?).unwrap_or(Kind::Float);
    let functions = sizes.into_iter().zip(value).map(|(size, value)| Function::Full { size, value, kind });
    tracer.apply_each(functions.collect(), &[])
}

/// The kind of numbers that is asked for, if one is; floats are 32-bit floats here.
pub(super) fn kind(given: &Arguments, tracer: &Tracer) -> Result<Option<Kind>, ImportError> {
    if !given.has("dtype") {
        return Ok(None);
    }
    let dtype = given.int("dtype", 7, tracer)?;
    let kind = kind_of(dtype).ok_or_else(|| tracer.wrong(format!("numbers of kind {dtype} are not known here")))?;
    Ok(Some(if matches!(kind, Kind::Half | Kind::BFloat16 | Kind::Double) { Kind::Float } else { kind }))
}

fn arange(given: &Arguments, tracer: &mut Tracer) -> Result<Value, ImportError> {
    let end = given.each_of(&["end"], tracer)?;
    let start = if given.has("start") { given.each_of(&["start"], tracer)? } else { vec![0.; end.len()] };
    let step = given.number("step", 1., tracer)?;
    if step == 0. {
        return Err(tracer.wrong("its step is 0"));
    }
    let whole = [&start, &end].iter().all(|list| list.iter().all(|number| number.fract() == 0.)) && step.fract() == 0.;
    let kind = kind(given, tracer)?.unwrap_or(if whole { Kind::Int64 } else { Kind::Float });
    let ranges = start.into_iter().zip(end).map(|(start, end)| Function::Range { start, end, step, kind });
    tracer.apply_each(ranges.collect(), &[])
}

/// The remainder of sums of shapes: arithmetic of symbolic numbers.
pub(super) fn symbolic(name: &str, given: &Arguments, tracer: &Tracer) -> Result<Option<Vec<f64>>, ImportError> {
    let [a, b] = [["a", "x", "self"], ["b", "y", "other"]];
    let first = given.each_of(&a, tracer)?;
    let second = given.each_of(&b, tracer).unwrap_or_else(|_| vec![0.; first.len()]);
    let by: fn(f64, f64) -> f64 = match name {
        "add" => |a, b| a + b,
        "sub" => |a, b| a - b,
        "mul" => |a, b| a * b,
        "truediv" => |a, b| a / b,
        "floordiv" => |a, b| (a / b).floor(),
        "mod" => |a, b| a - b * (a / b).floor(),
        "pow" => f64::powf,
        "neg" => |a, _| -a,
        "eq" => |a, b| f64::from(u8::from(a == b)),
        "ne" => |a, b| f64::from(u8::from(a != b)),
        "lt" => |a, b| f64::from(u8::from(a < b)),
        "le" => |a, b| f64::from(u8::from(a <= b)),
        "gt" => |a, b| f64::from(u8::from(a > b)),
        "ge" => |a, b| f64::from(u8::from(a >= b)),
        "and_" => |a, b| f64::from(u8::from(a != 0. && b != 0.)),
        _ => return Ok(None),
    };
    Ok(Some(first.into_iter().zip(second).map(|(a, b)| by(a, b)).collect()))
}

/// Numbers that both readers write: x and a number.
pub(super) fn scaled(tracer: &mut Tracer, x: &Value, factor: f64) -> Result<Value, ImportError> {
    if factor == 1. {
        return Ok(x.clone());
    }
    let factor = tracer.known(tch::Tensor::from(factor as f32));
    tracer.apply(Function::Binary(Binary::Mul), &[x.clone(), factor])
}
