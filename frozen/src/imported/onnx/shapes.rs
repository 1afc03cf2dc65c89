//! ONNX operators that move numbers: shapes, parts, joins, paddings.

use tch::{Kind, Tensor};

use super::super::error::ImportError;
use super::super::function::Function;
use super::super::trace::{Tracer, Value};
use super::arguments::Call;

/// What a node makes; none if its operator is not among these.
pub(super) fn call(call: &Call, tracer: &mut Tracer) -> Result<Option<Vec<Value>>, ImportError> {
    let value = match call.node.operator.as_str() {
        "Shape" => {
            let shapes = tracer.shapes(&call.input(0, tracer)?)?;
            let part = |shape: &Vec<i64>| {
                let rank = shape.len() as i64;
                let bound = |at: i64| if at < 0 { at + rank } else { at }.clamp(0, rank) as usize;
                let (start, end) = (bound(call.int("start", 0)), bound(call.int("end", rank)));
                shape[start..end.max(start)].to_vec()
            };
            let parts: Vec<Vec<i64>> = shapes.iter().map(part).collect();
            tracer.known_ints(&parts)
        }
        "Size" => {
            let shapes = tracer.shapes(&call.input(0, tracer)?)?;
            tracer.known_each(shapes.iter().map(|shape| Tensor::from(shape.iter().product::<i64>())).collect())
        }
        "Reshape" => {
            let x = call.input(0, tracer)?;
            let mut to = call.listed("shape", 1, tracer)?.ok_or_else(|| tracer.wrong("it has no shape"))?;
            for (shape, to) in tracer.shapes(&x)?.iter().zip(&mut to) {
                if call.int("allowzero", 0) == 0 {
                    for (size, has) in to.iter_mut().zip(shape) {
                        *size = if *size == 0 { *has } else { *size };
                    }
                }
                let numbers: i64 = shape.iter().product();
                let known: i64 = to.iter().filter(|&&size| size != -1).product();
                if let Some(open) = to.iter_mut().find(|size| **size == -1) {
                    *open = if known == 0 { 0 } else { numbers / known };
                }
            }
            tracer.apply_each(to.into_iter().map(Function::Reshape).collect(), &[x])?
        }
        "Flatten" => {
            let (x, axis) = (call.input(0, tracer)?, call.int("axis", 1));
            let to = tracer.shapes(&x)?.into_iter().map(|shape| {
                let at = if axis < 0 { axis + shape.len() as i64 } else { axis }.clamp(0, shape.len() as i64);
                let (before, behind) = shape.split_at(at as usize);
                Function::Reshape(vec![before.iter().product(), behind.iter().product()])
            });
            tracer.apply_each(to.collect(), &[x])?
        }
        "Transpose" => {
            let x = call.input(0, tracer)?;
            let rank = tracer.rank(&x)? as i64;
            let order = call.ints("perm").unwrap_or_else(|| (0..rank).rev().collect());
            tracer.apply(Function::Permute(order), &[x])?
        }
        "Squeeze" | "Unsqueeze" => {
            let (x, axes) = (call.input(0, tracer)?, call.axes("axes", 1, tracer)?);
            let mut to = tracer.shapes(&x)?;
            for shape in &mut to {
                *shape = if call.node.operator == "Squeeze" { squeezed(shape, &axes) } else { raised(shape, &axes) }
                    .ok_or_else(|| tracer.wrong("an axis is out of range"))?;
            }
            tracer.apply_each(to.into_iter().map(Function::Reshape).collect(), &[x])?
        }
        "Expand" => {
            let x = call.input(0, tracer)?;
            let mut to = tracer.ints(&call.input(1, tracer)?)?;
            for (shape, to) in tracer.shapes(&x)?.iter().zip(&mut to) {
                while to.len() < shape.len() {
                    to.insert(0, 1);
                }
                for (to, has) in to.iter_mut().rev().zip(shape.iter().rev()) {
                    *to = if *to == 1 { *has } else { *to };
                }
            }
            tracer.apply_each(to.into_iter().map(Function::Expand).collect(), &[x])?
        }
        "Tile" => {
            let (x, times) = (call.input(0, tracer)?, tracer.ints(&call.input(1, tracer)?)?);
            tracer.apply_each(times.into_iter().map(Function::Repeat).collect(), &[x])?
        }
        "Concat" => {
            let axis = call.int("axis", 0);
            let inputs: Vec<Value> =
                (0..call.inputs.len()).map(|index| call.input(index, tracer)).collect::<Result<_, _>>()?;
            let rank = tracer.rank(inputs.first().ok_or_else(|| tracer.wrong("nothing is joined"))?)? as i64;
            tracer.apply(Function::Concatenate(if axis < 0 { axis + rank } else { axis }), &inputs)?
        }
        "Slice" => slice(call, tracer)?,
        "Split" => return split(call, tracer).map(Some),
        "Gather" => gather(call, tracer)?,
        "GatherElements" => {
            let (x, index) = (call.input(0, tracer)?, call.input(1, tracer)?);
            tracer.apply(Function::Gather(call.int("axis", 0)), &[x, index])?
        }
        "ScatterND" if (0..3).all(|index| matches!(call.inputs.get(index), Some(Value::Known(_)))) => {
            scatter(call, tracer)?
        }
        "Pad" => pad(call, tracer)?,
        "Where" => {
            let operands: Vec<Value> = (0..3).map(|index| call.input(index, tracer)).collect::<Result<_, _>>()?;
            tracer.apply(Function::Where, &operands)?
        }
        "Range" => {
            let of = |index: usize, tracer: &Tracer| -> Result<Vec<f64>, ImportError> {
                let tensors = tracer.tensors(&call.input(index, tracer)?)?;
                Ok(tensors.iter().map(|tensor| tensor.to_kind(Kind::Double).reshape([-1]).double_value(&[0])).collect())
            };
            if (0..3).any(
                |index| !matches!(call.inputs.get(index), Some(Value::Known(known)) if known.numbers[0].numel() == 1),
            ) {
                return Err(tracer.wrong("its ends are not known"));
            }
            let (start, end, step) = (of(0, tracer)?, of(1, tracer)?, of(2, tracer)?);
            if step.contains(&0.) {
                return Err(tracer.wrong("its step is 0"));
            }
            let kind = tracer.kind(&call.inputs[0])?;
            let ranges = (0..start.len()).map(|pass| Function::Range {
                start: start[pass],
                end: end[pass],
                step: step[pass],
                kind,
            });
            tracer.apply_each(ranges.collect(), &[])?
        }
        "CumSum" => {
            if call.int("exclusive", 0) != 0 || call.int("reverse", 0) != 0 {
                return Ok(None);
            }
            let (x, axis) = (call.input(0, tracer)?, tracer.ints(&call.input(1, tracer)?)?);
            let axis = *axis[0].first().ok_or_else(|| tracer.wrong("it has no axis"))?;
            tracer.apply(Function::CumulativeSum(axis), &[x])?
        }
        "Trilu" => {
            let diagonal = if call.has(1) { tracer.ints(&call.inputs[1])?[0].first().copied().unwrap_or(0) } else { 0 };
            let x = call.input(0, tracer)?;
            tracer.apply(Function::Triangle { upper: call.int("upper", 1) != 0, diagonal }, &[x])?
        }
        _ => return Ok(None),
    };
    Ok(Some(vec![value]))
}

fn squeezed(shape: &[i64], axes: &Option<Vec<i64>>) -> Option<Vec<i64>> {
    let rank = shape.len() as i64;
    let Some(axes) = axes else { return Some(shape.iter().copied().filter(|&size| size != 1).collect()) };
    let axes: Vec<i64> = axes.iter().map(|&axis| if axis < 0 { axis + rank } else { axis }).collect();
    axes.iter()
        .all(|axis| (0..rank).contains(axis) && shape[*axis as usize] == 1)
        .then(|| (0..rank).filter(|axis| !axes.contains(axis)).map(|axis| shape[axis as usize]).collect())
}

fn raised(shape: &[i64], axes: &Option<Vec<i64>>) -> Option<Vec<i64>> {
    let axes = axes.as_ref()?;
    let rank = (shape.len() + axes.len()) as i64;
    let axes: Vec<i64> = axes.iter().map(|&axis| if axis < 0 { axis + rank } else { axis }).collect();
    let mut rest = shape.iter();
    (0..rank).map(|axis| if axes.contains(&axis) { Some(1) } else { rest.next().copied() }).collect()
}

fn slice(call: &Call, tracer: &mut Tracer) -> Result<Value, ImportError> {
    let mut x = call.input(0, tracer)?;
    let (starts, ends) = (call.listed("starts", 1, tracer)?, call.listed("ends", 2, tracer)?);
    let (Some(starts), Some(ends)) = (starts, ends) else { return Err(tracer.wrong("it has no ends")) };
    let axes = call.axes("axes", 3, tracer)?.unwrap_or_else(|| (0..starts[0].len() as i64).collect());
    let steps = call.axes("steps", 4, tracer)?.unwrap_or_else(|| vec![1; axes.len()]);
    let rank = tracer.rank(&x)? as i64;
    for (at, &axis) in axes.iter().enumerate() {
        let axis = if axis < 0 { axis + rank } else { axis };
        let step = steps.get(at).copied().unwrap_or(1);
        let ends_of = |lists: &[Vec<i64>]| lists.iter().map(|list| list.get(at).copied()).collect::<Option<Vec<i64>>>();
        let (Some(starts), Some(ends)) = (ends_of(&starts), ends_of(&ends)) else {
            return Err(tracer.wrong("it has fewer ends than axes"));
        };
        if step == -1
            && starts.iter().all(|&start| start == -1 || start > 1 << 30)
            && ends.iter().all(|&end| end < -(1 << 30))
        {
            x = tracer.apply(Function::Flip(vec![axis]), &[x])?;
            continue;
        }
        if step < 1 {
            return Err(tracer.wrong("a part of it is taken backwards"));
        }
        let parts = starts.iter().zip(&ends).map(|(&start, &end)| Function::Slice { axis, start, end, step });
        x = tracer.apply_each(parts.collect(), &[x])?;
    }
    Ok(x)
}

fn split(call: &Call, tracer: &mut Tracer) -> Result<Vec<Value>, ImportError> {
    let (x, axis) = (call.input(0, tracer)?, call.int("axis", 0));
    let shapes = tracer.shapes(&x)?;
    let axis = if axis < 0 { axis + shapes[0].len() as i64 } else { axis };
    let size = *shapes[0].get(axis as usize).ok_or_else(|| tracer.wrong("an axis is out of range"))?;
    let count = call.node.outputs.len().max(1) as i64;
    let lengths = call.axes("split", 1, tracer)?.unwrap_or_else(|| {
        let each = (size + count - 1) / count;
        (0..count).map(|part| each.min(size - part * each).max(0)).collect()
    });
    if shapes.iter().any(|shape| shape[axis as usize] != size) {
        return Err(tracer.wrong("it is split by samples"));
    }
    let mut start = 0;
    let mut parts = vec![];
    for length in lengths {
        parts.push(
            tracer.apply(Function::Slice { axis, start, end: start + length, step: 1 }, std::slice::from_ref(&x))?,
        );
        start += length;
    }
    Ok(parts)
}

fn gather(call: &Call, tracer: &mut Tracer) -> Result<Value, ImportError> {
    let (x, index, axis) = (call.input(0, tracer)?, call.input(1, tracer)?, call.int("axis", 0));
    let shapes = tracer.shapes(&x)?;
    let axis = if axis < 0 { axis + shapes[0].len() as i64 } else { axis };
    let of_index = tracer.shapes(&index)?;
    if let (Value::Known(known), true) = (&index, of_index[0].len() <= 1 && of_index[0].iter().product::<i64>() == 1) {
        // One place: a part, and its axis goes where the index has none.
        let places = tracer.ints(&Value::Known(known.clone()))?;
        let parts = places.iter().map(|place| {
            let start = place.first().copied().unwrap_or(0);
            Function::Slice { axis, start, end: if start == -1 { i64::MAX } else { start + 1 }, step: 1 }
        });
        let part = tracer.apply_each(parts.collect(), &[x])?;
        if of_index[0].len() == 1 {
            return Ok(part);
        }
        let mut to = tracer.shapes(&part)?;
        for shape in &mut to {
            if shape.get(axis as usize) != Some(&1) {
                return Err(tracer.wrong("a place is out of range"));
            }
            shape.remove(axis as usize);
        }
        return tracer.apply_each(to.into_iter().map(Function::Reshape).collect(), &[part]);
    }
    if let Value::Known(known) = &index {
        // All places in their order, as PyTorch's exporter writes another shape of contiguous numbers (`as_strided`).
        let in_order = known.numbers.iter().zip(&shapes).all(|(places, shape)| {
            shape.len() == 1
                && places.numel() as i64 == shape[0]
                && places
                    .to_kind(Kind::Int64)
                    .flatten(0, -1)
                    .equal(&Tensor::arange(shape[0], (Kind::Int64, tch::Device::Cpu)))
        });
        if in_order {
            return tracer.apply_each(of_index.into_iter().map(Function::Reshape).collect(), &[x]);
        }
    }
    // Places of any shape: in a row, and that shape in place of the axis.
    let index = tracer.apply(Function::Cast(Kind::Int64), &[index])?;
    let flat = of_index.iter().map(|shape| Function::Reshape(vec![shape.iter().product()]));
    let flat = tracer.apply_each(flat.collect(), &[index])?;
    let flat = match &flat {
        Value::Known(known) => {
            // Counted from the back where they are negative.
            let places = known.numbers.iter().zip(&shapes).map(|(places, shape)| {
                let size = shape.get(axis as usize).copied().unwrap_or(1).max(1);
                places.remainder(size)
            });
            tracer.known_each(places.collect())
        }
        _ => flat,
    };
    let picked = if axis == 0 && shapes[0].len() == 2 && matches!(x, Value::Known(_)) {
        tracer.apply(Function::Embedding, &[x, flat])?
    } else {
        tracer.apply(Function::IndexSelect(axis), &[x, flat])?
    };
    let to = shapes.iter().zip(&of_index).map(|(shape, of_index)| {
        let at = (axis as usize).min(shape.len());
        Function::Reshape([&shape[..at], of_index, shape.get(at + 1..).unwrap_or(&[])].concat())
    });
    tracer.apply_each(to.collect(), &[picked])
}

/// Known numbers with others at places `[…,k]`, of whose first axes these are the numbers: how masks are made.
fn scatter(call: &Call, tracer: &Tracer) -> Result<Value, ImportError> {
    if call.text("reduction", "none") != "none" {
        return Err(tracer.wrong("it adds up where it writes, which is not known here"));
    }
    let [whole, places, others] = [0, 1, 2].map(|index| tracer.tensors(&call.inputs[index]));
    let (whole, places, others) = (whole?, places?, others?);
    let mut results = vec![];
    for ((whole, places), others) in whole.iter().zip(&places).zip(&others) {
        let axes = places.size().last().copied().unwrap_or(0);
        if axes < 1 || axes > whole.dim() as i64 {
            return Err(tracer.wrong("its places do not fit"));
        }
        let places: Vec<Option<Tensor>> =
            (0..axes).map(|axis| Some(places.select(-1, axis).to_kind(Kind::Int64))).collect();
        results.push(whole.copy().f_index_put_(&places, &others.to_kind(whole.kind()), false)?);
    }
    Ok(tracer.known_each(results))
}

fn pad(call: &Call, tracer: &mut Tracer) -> Result<Value, ImportError> {
    let x = call.input(0, tracer)?;
    let pads = call.listed("pads", 1, tracer)?.ok_or_else(|| tracer.wrong("it has no padding"))?;
    let value = match call.has(2) {
        true => tracer.floats(&call.inputs[2])?.first().copied().unwrap_or(0.),
        false => call.float("value", 0.),
    };
    let rank = tracer.rank(&x)?;
    let axes = call.axes("axes", 3, tracer)?.unwrap_or_else(|| (0..rank as i64).collect());
    let mode = match call.text("mode", "constant").as_str() {
        "constant" => "constant",
        "reflect" => "reflect",
        "edge" => "replicate",
        "wrap" => "circular",
        other => return Err(tracer.wrong(format!("padding by '{other}' is not known here"))),
    };
    let mut functions = vec![];
    for pads in pads {
        let mut amounts = vec![0; 2 * rank];
        for (at, &axis) in axes.iter().enumerate() {
            let axis = if axis < 0 { axis + rank as i64 } else { axis };
            let (before, behind) = (pads.get(at), pads.get(axes.len() + at));
            let (Some(before), Some(behind), 0.., true) = (before, behind, axis, (axis as usize) < rank) else {
                return Err(tracer.wrong("its padding does not fit its input"));
            };
            let from_back = rank - 1 - axis as usize;
            (amounts[2 * from_back], amounts[2 * from_back + 1]) = (*before, *behind);
        }
        // Of the outer axes, which are not padded, nothing is said: modes other than zeros want that.
        while amounts.len() > 2 && amounts.ends_with(&[0, 0]) {
            amounts.truncate(amounts.len() - 2);
        }
        functions.push(Function::Pad { amounts, mode, value });
    }
    tracer.apply_each(functions, &[x])
}
