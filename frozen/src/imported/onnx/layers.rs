//! ONNX operators that are layers: convolutions, norms, matrices, poolings, enlargements.

use tch::Tensor;

use super::super::error::ImportError;
use super::super::function::{Binary, Function, Interpolation};
use super::super::trace::{Tracer, Value};
use super::arguments::Call;

/// What a node makes; none if its operator is not among these.
pub(super) fn call(call: &Call, tracer: &mut Tracer) -> Result<Option<Value>, ImportError> {
    let value = match call.node.operator.as_str() {
        "Conv" | "ConvTranspose" => convolution(call, tracer)?,
        "BatchNormalization" => {
            if call.int("training_mode", 0) != 0 {
                return Err(tracer.wrong("a batch norm in training mode: call model.eval() before it is exported"));
            }
            let operands: Vec<Value> = (0..5).map(|index| call.input(index, tracer)).collect::<Result<_, _>>()?;
            tracer.apply(Function::BatchNorm { eps: call.float("epsilon", 1e-5) }, &operands)?
        }
        "InstanceNormalization" => {
            let operands: Vec<Value> = (0..3).map(|index| call.input(index, tracer)).collect::<Result<_, _>>()?;
            tracer.apply(Function::InstanceNorm { eps: call.float("epsilon", 1e-5) }, &operands)?
        }
        "GroupNormalization" if call.opset >= 21 => {
            let operands: Vec<Value> = (0..3).map(|index| call.input(index, tracer)).collect::<Result<_, _>>()?;
            let (groups, eps) = (call.int("num_groups", 1), call.float("epsilon", 1e-5));
            tracer.apply(Function::GroupNorm { groups, eps }, &operands)?
        }
        "LayerNormalization" | "RMSNormalization" | "SimplifiedLayerNormalization" => {
            let x = call.input(0, tracer)?;
            let shape = tracer.shapes(&x)?.remove(0);
            let axis = call.int("axis", -1);
            let from = usize::try_from(if axis < 0 { axis + shape.len() as i64 } else { axis }).unwrap_or(usize::MAX);
            let shape = shape.get(from..).ok_or_else(|| tracer.wrong("an axis is out of range"))?.to_vec();
            let eps = call.float("epsilon", 1e-5);
            if call.node.operator == "LayerNormalization" {
                tracer.apply(Function::LayerNorm { shape, eps }, &[x, call.optional(1), call.optional(2)])?
            } else {
                tracer.apply(Function::RmsNorm { shape, eps }, &[x, call.optional(1)])?
            }
        }
        "LRN" => {
            let (x, size) = (call.input(0, tracer)?, call.int("size", 1));
            let (alpha, beta, k) = (call.float("alpha", 1e-4), call.float("beta", 0.75), call.float("bias", 1.));
            if !(1..=4096).contains(&size) {
                return Err(tracer.wrong("its size is impossible"));
            }
            tracer.apply(Function::LocalResponseNorm { size, alpha, beta, k }, &[x])?
        }
        "Gemm" => gemm(call, tracer)?,
        "MatMul" => {
            let (x, y) = (call.input(0, tracer)?, call.input(1, tracer)?);
            tracer.apply(Function::MatMul, &[x, y])?
        }
        "Einsum" => tracer.apply(Function::Einsum(call.text("equation", "")), &call.inputs)?,
        "Softmax" | "LogSoftmax" => {
            let x = call.input(0, tracer)?;
            let rank = tracer.rank(&x)? as i64;
            let axis = call.int("axis", if call.opset < 13 { 1 } else { -1 });
            let from_front = if axis < 0 { axis + rank } else { axis };
            if call.opset < 13 && from_front != rank - 1 {
                // Of version 12 and earlier: over this axis and all behind it.
                let shapes = tracer.shapes(&x)?;
                let flat = shapes.iter().map(|shape| {
                    let (before, behind) = shape.split_at(from_front.clamp(0, rank) as usize);
                    Function::Reshape(vec![before.iter().product(), behind.iter().product()])
                });
                let flat = tracer.apply_each(flat.collect(), &[x])?;
                let result = tracer.apply(softmax(call, 1), &[flat])?;
                return tracer.apply_each(shapes.into_iter().map(Function::Reshape).collect(), &[result]).map(Some);
            }
            tracer.apply(softmax(call, axis), &[x])?
        }
        "MaxPool" | "AveragePool" => pool(call, tracer)?,
        "GlobalAveragePool" | "GlobalMaxPool" => {
            let x = call.input(0, tracer)?;
            let ones = vec![1; tracer.rank(&x)?.saturating_sub(2)];
            let average = call.node.operator == "GlobalAveragePool";
            tracer.apply(if average { Function::AdaptiveAverage(ones) } else { Function::AdaptiveMax(ones) }, &[x])?
        }
        "PRelu" => {
            let (x, slope) = (call.input(0, tracer)?, call.input(1, tracer)?);
            let shapes = tracer.shapes(&slope)?;
            let flat = shapes.iter().map(|shape| Function::Reshape(vec![shape.iter().product()]));
            let slope = tracer.apply_each(flat.collect(), &[slope])?;
            tracer.apply(Function::Prelu, &[x, slope])?
        }
        "Resize" | "Upsample" => resize(call, tracer)?,
        "DepthToSpace" => depth_to_space(call, tracer)?,
        "SpaceToDepth" => {
            let (x, size) = (call.input(0, tracer)?, call.int("blocksize", 1).max(1));
            // The block's place comes before the channel.
            let shapes = tracer.shapes(&x)?;
            if shapes.iter().any(|s| s.len() != 4 || s[2] % size != 0 || s[3] % size != 0) {
                return Err(tracer.wrong("its input is no picture of such blocks"));
            }
            let apart = |s: &Vec<i64>| Function::Reshape(vec![s[0], s[1], s[2] / size, size, s[3] / size, size]);
            let apart = tracer.apply_each(shapes.iter().map(apart).collect(), &[x])?;
            let turned = tracer.apply(Function::Permute(vec![0, 3, 5, 1, 2, 4]), &[apart])?;
            let to = |s: &Vec<i64>| Function::Reshape(vec![s[0], s[1] * size * size, s[2] / size, s[3] / size]);
            tracer.apply_each(shapes.iter().map(to).collect(), &[turned])?
        }
        "Attention" if call.opset >= 23 && call.inputs.len() <= 4 && call.ints("q_num_heads").is_none() => {
            let x = call.input(0, tracer)?;
            if tracer.rank(&x)? != 4 {
                return Ok(None);
            }
            let scale = call.raw("scale").and_then(|attribute| attribute.float).map(f64::from);
            let operands = [x, call.input(1, tracer)?, call.input(2, tracer)?, call.optional(3)];
            tracer.apply(Function::Attention { scale, causal: call.int("is_causal", 0) != 0 }, &operands)?
        }
        _ => return Ok(None),
    };
    Ok(Some(value))
}

fn softmax(call: &Call, axis: i64) -> Function {
    if call.node.operator == "Softmax" { Function::Softmax(axis) } else { Function::LogSoftmax(axis) }
}

/// The padding of `auto_pad`, for an input, a kernel, a stride and a dilation of these sizes.
fn padding(call: &Call, input: &[i64], kernel: &[i64], stride: &[i64], dilation: &[i64]) -> Vec<i64> {
    let axes = kernel.len();
    let same = match call.text("auto_pad", "NOTSET").as_str() {
        "SAME_UPPER" => true,
        "SAME_LOWER" => false,
        "VALID" => return vec![0; 2 * axes],
        _ => return call.ints("pads").unwrap_or_else(|| vec![0; 2 * axes]),
    };
    let total = |axis: usize| {
        let output = (input[axis] + stride[axis] - 1) / stride[axis];
        ((output - 1) * stride[axis] + (kernel[axis] - 1) * dilation[axis] + 1 - input[axis]).max(0)
    };
    let halves: Vec<(i64, i64)> = (0..axes).map(total).map(|total| (total / 2, total - total / 2)).collect();
    let (small, large): (Vec<i64>, Vec<i64>) = halves.into_iter().unzip();
    if same { [small, large].concat() } else { [large, small].concat() }
}

/// Kernel, stride and dilation of a window over an input, all of them sane.
fn window(call: &Call, shape: &[i64], kernel: Vec<i64>, tracer: &Tracer) -> Result<[Vec<i64>; 3], ImportError> {
    let axes = kernel.len();
    let stride = call.ints("strides").unwrap_or_else(|| vec![1; axes]);
    let dilation = call.ints("dilations").unwrap_or_else(|| vec![1; axes]);
    let sane = |list: &[i64]| list.len() == axes && list.iter().all(|&number| (1..1 << 20).contains(&number));
    if axes == 0 || shape.len() != axes + 2 || ![&kernel, &stride, &dilation].into_iter().all(|list| sane(list)) {
        return Err(tracer.wrong("kernel, strides or dilations do not fit its input"));
    }
    Ok([kernel, stride, dilation])
}

fn convolution(call: &Call, tracer: &mut Tracer) -> Result<Value, ImportError> {
    let (x, weight, bias) = (call.input(0, tracer)?, call.input(1, tracer)?, call.optional(2));
    let (shape, of_weight) = (tracer.shapes(&x)?.remove(0), tracer.shapes(&weight)?.remove(0));
    let kernel = of_weight.get(2..).unwrap_or_default().to_vec();
    let [kernel, stride, dilation] = window(call, &shape, kernel, tracer)?;
    let groups = call.int("group", 1);
    if call.node.operator == "Conv" {
        let padding = padding(call, &shape[2..], &kernel, &stride, &dilation);
        if padding.len() != 2 * kernel.len() {
            return Err(tracer.wrong("its padding does not fit its kernel"));
        }
        return tracer.apply(Function::Convolution { stride, padding, dilation, groups }, &[x, weight, bias]);
    }
    let mut output_padding = call.ints("output_padding").unwrap_or_else(|| vec![0; kernel.len()]);
    let mut pads = call.ints("pads").unwrap_or_else(|| vec![0; 2 * kernel.len()]);
    if pads.len() != 2 * kernel.len() || output_padding.len() != kernel.len() {
        return Err(tracer.wrong("its padding does not fit its kernel"));
    }
    if call.node.attributes.contains_key("output_shape") || call.text("auto_pad", "NOTSET").starts_with("SAME") {
        return Err(tracer.wrong("a transposed convolution of a given output shape is not known here; give its pads"));
    }
    let axes = kernel.len();
    for axis in 0..axes {
        // More behind than before: less of an output that is longer.
        let more = pads[axis] - pads[axes + axis];
        if more < 0 {
            return Err(tracer.wrong("it pads more behind than before"));
        }
        output_padding[axis] += more;
        pads[axes + axis] = pads[axis];
    }
    let function = Function::Transposed { stride, padding: pads, dilation, output_padding, groups };
    tracer.apply(function, &[x, weight, bias])
}

fn pool(call: &Call, tracer: &mut Tracer) -> Result<Value, ImportError> {
    let x = call.input(0, tracer)?;
    let shape = tracer.shapes(&x)?.remove(0);
    let [kernel, stride, dilation] = window(call, &shape, call.ints("kernel_shape").unwrap_or_default(), tracer)?;
    let padding = padding(call, &shape[2..], &kernel, &stride, &dilation);
    if padding.len() != 2 * kernel.len() {
        return Err(tracer.wrong("its padding does not fit its kernel"));
    }
    let ceil = call.int("ceil_mode", 0) != 0;
    let function = if call.node.operator == "MaxPool" {
        Function::MaxPool { kernel, stride, padding, dilation, ceil }
    } else {
        if dilation.iter().any(|&dilation| dilation != 1) {
            return Err(tracer.wrong("a dilated mean is not known here"));
        }
        let count_padding = call.int("count_include_pad", 0) != 0;
        Function::AveragePool { kernel, stride, padding, ceil, count_padding }
    };
    tracer.apply(function, &[x])
}

fn gemm(call: &Call, tracer: &mut Tracer) -> Result<Value, ImportError> {
    let (mut x, mut weight, mut bias) = (call.input(0, tracer)?, call.input(1, tracer)?, call.optional(2));
    if call.int("transA", 0) != 0 {
        x = tracer.apply(Function::Permute(vec![1, 0]), &[x])?;
    }
    if call.int("transB", 0) == 0 {
        weight = tracer.apply(Function::Permute(vec![1, 0]), &[weight])?;
    }
    let (alpha, beta) = (call.float("alpha", 1.), call.float("beta", 1.));
    if alpha != 1. {
        let factor = tracer.known(Tensor::from(alpha as f32));
        weight = tracer.apply(Function::Binary(Binary::Mul), &[weight, factor])?;
    }
    if call.has(2) {
        let shape = tracer.shapes(&bias)?.remove(0);
        let columns = tracer.shapes(&weight)?[0][0];
        if beta != 1. {
            let factor = tracer.known(Tensor::from(beta as f32));
            bias = tracer.apply(Function::Binary(Binary::Mul), &[bias, factor])?;
        }
        if shape.iter().product::<i64>() != columns || shape.last() != Some(&columns) {
            let product = tracer.apply(Function::Linear, &[x, weight])?;
            return tracer.apply(Function::Binary(Binary::Add), &[product, bias]);
        }
        if shape.len() != 1 {
            bias = tracer.apply(Function::Reshape(vec![columns]), &[bias])?;
        }
    }
    tracer.apply(Function::Linear, &[x, weight, bias])
}

fn resize(call: &Call, tracer: &mut Tracer) -> Result<Value, ImportError> {
    let x = call.input(0, tracer)?;
    let shapes = tracer.shapes(&x)?;
    if shapes[0].len() != 4 {
        return Err(tracer.wrong("only pictures [N,C,H,W] are enlarged here"));
    }
    // Upsample, and Resize of version 10: x, scales. Later: x, region, scales, sizes.
    let at = if call.node.operator == "Upsample" || call.opset < 11 { 1 } else { 2 };
    let scales = match call.has(at) {
        true => tracer.floats(&call.inputs[at])?,
        false => call.floats("scales"),
    };
    let by_size = at == 2 && call.has(3);
    let sizes: Vec<Vec<i64>> = if by_size {
        tracer.ints(&call.inputs[3])?
    } else if scales.len() == 4 {
        let enlarged = |(&side, scale): (&i64, &f64)| (side as f64 * scale).floor() as i64;
        shapes.iter().map(|shape| shape.iter().zip(&scales).map(enlarged).collect()).collect()
    } else {
        return Err(tracer.wrong("it has no sizes and no scales of all four axes"));
    };
    for (shape, size) in shapes.iter().zip(&sizes) {
        if size.len() != 4 || size[1] != shape[1] || size.iter().any(|&side| side < 1) {
            return Err(tracer.wrong(format!("{shape:?} is not enlarged to {size:?} here")));
        }
    }
    let how = call.text("coordinate_transformation_mode", if at == 1 { "asymmetric" } else { "half_pixel" });
    let (corners, half) = (how == "align_corners", how == "half_pixel" || how == "pytorch_half_pixel");
    let whole = scales.len() == 4 && scales.iter().all(|scale| scale.fract() == 0.);
    let by = match (call.text("mode", "nearest").as_str(), how.as_str()) {
        ("nearest", "asymmetric") => Interpolation::Nearest,
        ("nearest", _) if call.text("nearest_mode", "round_prefer_floor") == "floor" && !half => Interpolation::Nearest,
        ("nearest", _) if whole || half => Interpolation::NearestExact,
        ("linear", _) if corners || half => Interpolation::Bilinear(corners),
        ("cubic", _) if (corners || half) && call.float("cubic_coeff_a", -0.75) == -0.75 => {
            Interpolation::Bicubic(corners)
        }
        (mode, _) => return Err(tracer.wrong(format!("enlarging by '{mode}' and '{how}' is not known here"))),
    };
    let factors = if by_size || scales.len() != 4 { vec![] } else { scales[2..].to_vec() };
    let functions =
        sizes.into_iter().map(|size| Function::Resize { size: size[2..].to_vec(), scales: factors.clone(), by });
    tracer.apply_each(functions.collect(), &[x])
}

fn depth_to_space(call: &Call, tracer: &mut Tracer) -> Result<Value, ImportError> {
    let (x, size) = (call.input(0, tracer)?, call.int("blocksize", 1).max(1));
    if call.text("mode", "DCR") == "CRD" {
        return tracer.apply(Function::PixelShuffle(size), &[x]);
    }
    // The block's place comes before the channel.
    let shapes = tracer.shapes(&x)?;
    if shapes.iter().any(|s| s.len() != 4 || s[1] % (size * size) != 0) {
        return Err(tracer.wrong("its input has no channels of such blocks"));
    }
    let apart = |s: &Vec<i64>| Function::Reshape(vec![s[0], size, size, s[1] / (size * size), s[2], s[3]]);
    let apart = tracer.apply_each(shapes.iter().map(apart).collect(), &[x])?;
    let turned = tracer.apply(Function::Permute(vec![0, 3, 4, 1, 5, 2]), &[apart])?;
    let to = |s: &Vec<i64>| Function::Reshape(vec![s[0], s[1] / (size * size), s[2] * size, s[3] * size]);
    tracer.apply_each(shapes.iter().map(to).collect(), &[turned])
}
