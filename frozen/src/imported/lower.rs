//! A traced program as a frozen network: each function becomes the layer that our own architectures would use, or one that is
//! evaluated by libtorch.

use std::collections::HashMap;

use tch::{Device, Kind, Tensor};

use super::evaluated::{Count, Evaluated, ReshapeAt, Slot};
use super::function::{Binary, Function, Interpolation, Reduction, Unary};
use super::pointwise::{
    FlattenFrom, LayerNorm, MeanOfPositions, OfTwo, Part, Permute, Pointwise, Softmax, TokenLinear, WithConstant,
};
use super::taps::{Axes, Named, Taps};
use super::trace::{Operand, Traced};
use crate::constant::Constant;
use crate::network::activation::Activation;
use crate::network::graph::{Network, Source, Step};
use crate::network::layer::{Filters, Layer};
use crate::network::layers::arithmetic::Add;
use crate::network::layers::convolution::{Convolution, Padding};
use crate::network::layers::elementwise::{LeakyRelu, Square, Swish, Tanh};
use crate::network::layers::linear::Linear;
use crate::network::layers::norm::{Affine, GroupNorm, LocalResponseNorm};
use crate::network::layers::pool::{AveragePool, GlobalAveragePool, MaxPool, Pool};
use crate::network::layers::shape::{Concatenation, Flatten};
use crate::network::layers::transposed::TransposedConvolution;
use crate::network::layers::upsampled::UpsampleNearest;
use crate::network::layout::channels_last;

/// A program's nodes, as they become steps.
struct Lowering<'t> {
    traced: &'t [Traced],
    /// The numbers of samples that the program was followed for.
    samples: &'t [i64],
    /// Who reads a node, of those that are needed.
    readers: Vec<Vec<usize>>,
    outputs: &'t [usize],
    steps: Vec<Step>,
    /// The step whose activation is a node's.
    places: HashMap<usize, usize>,
    taps: Taps,
}

/// The network of a program's nodes, whose `outputs` have these names, the last being the network's output.
pub(crate) fn lower(traced: &[Traced], samples: &[i64], outputs: &[(String, usize)]) -> Network {
    let of: Vec<usize> = outputs.iter().map(|(_, node)| *node).collect();
    let mut needed = vec![false; traced.len()];
    of.iter().for_each(|&node| needed[node] = true);
    let mut readers = vec![vec![]; traced.len()];
    for node in (0..traced.len()).rev().filter(|&node| node > 0) {
        if needed[node] {
            for operand in &traced[node].operands {
                if let Operand::Node(read) = operand {
                    needed[*read] = true;
                    readers[*read].push(node);
                }
            }
        }
    }
    let mut lowering = Lowering {
        traced,
        samples,
        readers,
        outputs: &of,
        steps: vec![Step { source: Source::Input, inputs: vec![] }],
        places: HashMap::from([(0, 0)]),
        taps: Taps::default(),
    };
    let mut axes = Axes::new(traced.len());
    for node in (1..traced.len()).filter(|&node| needed[node]) {
        axes.follow(traced, node);
        lowering.node(node, &axes);
    }
    lowering.finish(outputs)
}

/// A tensor as a network keeps it.
fn given(tensor: &Tensor) -> Tensor {
    let floats = matches!(tensor.kind(), Kind::Half | Kind::BFloat16 | Kind::Double);
    let tensor = tensor.detach().to_device(Device::Cpu);
    if floats { tensor.to_kind(Kind::Float).contiguous() } else { tensor.contiguous() }
}

/// The one number of a list in which all are the same.
fn one(list: &[i64]) -> Option<i64> {
    let first = *list.first()?;
    list.iter().all(|&number| number == first).then_some(first)
}

/// The padding of both sides, where these are the same.
fn even(padding: &[i64]) -> Option<&[i64]> {
    let (before, behind) = padding.split_at(padding.len() / 2);
    (before == behind).then_some(before)
}

impl Lowering<'_> {
    fn push(&mut self, layer: Box<dyn Layer>, inputs: Vec<usize>) -> usize {
        self.steps.push(Step { source: Source::Layer(layer), inputs });
        self.steps.len() - 1
    }

    /// The operand's known numbers.
    fn constant<'a>(&self, node: &'a Traced, operand: usize) -> Option<&'a Tensor> {
        match node.operands.get(operand)? {
            Operand::Constant(tensor) => Some(tensor),
            Operand::Node(_) => None,
        }
    }

    /// The node that is an operand.
    fn data(&self, node: &Traced, operand: usize) -> Option<usize> {
        match node.operands.get(operand)? {
            Operand::Node(read) => Some(*read),
            Operand::Constant(_) => None,
        }
    }

    fn shape(&self, node: usize) -> &[i64] {
        &self.traced[node].shapes[0]
    }

    /// Makes the steps of a node.
    fn node(&mut self, node: usize, axes: &Axes) {
        let traced = &self.traced[node];
        let function = &traced.functions[0];
        let place = if let (Function::Unary(Unary::Identity), Some(read)) = (function, self.data(traced, 0)) {
            self.places[&read]
        } else if let Some(place) = self.folded(node) {
            place
        } else {
            let inputs: Vec<usize> = (0..traced.operands.len())
                .filter_map(|operand| self.data(traced, operand))
                .map(|read| self.places[&read])
                .collect();
            if let Some((x, layer)) = self.response_norm(node) {
                let read = self.places[&x];
                let place = self.push(Box::new(layer), vec![read]);
                self.places.insert(node, place);
                return self.tap(node, place, axes);
            }
            match self.reshaped(node, axes).or_else(|| self.layer(node)) {
                Some(layer) => self.push(layer, inputs),
                None => self.evaluated(node, inputs),
            }
        };
        self.places.insert(node, place);
        self.tap(node, place, axes);
    }

    /// A batch norm as part of the convolution before it, and the bias of a matrix as a part of that.
    fn folded(&mut self, node: usize) -> Option<usize> {
        let traced = &self.traced[node];
        let Function::BatchNorm { eps } = traced.functions[0] else { return None };
        let read = self.data(traced, 0)?;
        let place = self.places[&read];
        let [weight, bias, mean, var] =
            [1, 2, 3, 4].map(|operand| self.constant(traced, operand).map(|tensor| tensor.to_kind(Kind::Double)));
        let (weight, bias, mean, var) = (weight?, bias?, mean?, var?);
        let scale = weight / (var + eps).sqrt();
        let shift = bias - mean * &scale;
        let of_kernel = matches!(
            self.traced[read].functions.first(),
            Some(Function::Convolution { .. } | Function::Transposed { .. })
        );
        let filters = match &mut self.steps[place].source {
            Source::Layer(layer) if of_kernel => layer.filters(),
            _ => None,
        };
        let alone = self.readers[read] == [node] && !self.outputs.contains(&read);
        if let (true, Some(Filters { weight, bias, over })) = (alone, filters) {
            *weight = (weight.to_kind(Kind::Double) * scale.view(over)).to_kind(Kind::Float).into();
            let before = bias.as_ref().map_or_else(|| shift.zeros_like(), |b| b.to_kind(Kind::Double));
            *bias = Some((before * scale + shift).to_kind(Kind::Float).into());
            return Some(place);
        }
        if !matches!(self.shape(read).len(), 2 | 4) {
            return None;
        }
        let [scale, shift] = [scale, shift].map(|tensor| tensor.to_kind(Kind::Float).view([-1, 1, 1]));
        Some(self.push(Box::new(Affine::new(scale, shift)), vec![place]))
    }

    /// The node that a node of this function reads as its operand of this number.
    fn reads(&self, node: usize, is: impl Fn(&Function) -> bool, operand: usize) -> Option<usize> {
        let traced = &self.traced[node];
        traced.functions.first().filter(|function| is(function))?;
        self.data(traced, operand)
    }

    /// The one number that is an operand.
    fn number(&self, node: usize, operand: usize) -> Option<f64> {
        let constant = self.constant(&self.traced[node], operand).filter(|constant| constant.numel() == 1)?;
        Some(constant.to_kind(Kind::Double).view(-1i64).double_value(&[0]))
    }

    /// A local response norm, which exporters take apart: x / (k + alpha mean of x^2 over channels)^beta. Gives x, and the layer.
    fn response_norm(&self, node: usize) -> Option<(usize, LocalResponseNorm)> {
        let is = |by: Binary| move |function: &Function| *function == Function::Binary(by);
        let (x, power) = (self.reads(node, is(Binary::Div), 0)?, self.reads(node, is(Binary::Div), 1)?);
        let (sum, beta) = (self.reads(power, is(Binary::Pow), 0)?, self.number(power, 1)?);
        let (product, k) = (self.reads(sum, is(Binary::Add), 0)?, self.number(sum, 1)?);
        let (mean, alpha) = (self.reads(product, is(Binary::Mul), 0)?, self.number(product, 1)?);
        // Reshapes and paddings between the squares and their mean.
        let through = |mut node: usize| {
            let moved =
                |function: &Function| matches!(function, Function::Reshape(_) | Function::Pad { mode: "constant", .. });
            while let Some(before) = self.reads(node, moved, 0) {
                node = before;
            }
            node
        };
        let pool = through(mean);
        let Function::AveragePool { kernel, stride, ceil: false, count_padding: true, .. } =
            self.traced[pool].functions.first()?
        else {
            return None;
        };
        let (size, others) = kernel.split_first()?;
        let plain = others.iter().all(|&side| side == 1) && one(stride) == Some(1) && size % 2 == 1;
        let square = through(self.data(&self.traced[pool], 0)?);
        let of = self.reads(square, |function| *function == Function::Unary(Unary::Square), 0).or_else(|| {
            let (one, other) = (self.reads(square, is(Binary::Mul), 0)?, self.reads(square, is(Binary::Mul), 1)?);
            (one == other).then_some(one)
        })?;
        let fits = plain && of == x && self.shape(x).len() == 4 && self.shape(node) == self.shape(x);
        fits.then_some((x, LocalResponseNorm { size: *size, alpha, beta, k }))
    }

    /// Another shape, in a program for one number of samples that has these in another axis than the first (PyTorch's multi-head
    /// attention does).
    fn reshaped(&self, node: usize, axes: &Axes) -> Option<Box<dyn Layer>> {
        let (Function::Reshape(to), [_]) = (&self.traced[node].functions[0], self.samples) else { return None };
        let axis = axes.samples(node).filter(|&axis| axis > 0)?;
        self.data(&self.traced[node], 0)?;
        Some(Box::new(ReshapeAt { to: to.clone(), axis }))
    }

    /// The layer of ours that a node is, if there is one.
    fn layer(&self, node: usize) -> Option<Box<dyn Layer>> {
        let traced = &self.traced[node];
        if traced.functions.iter().any(|function| *function != traced.functions[0])
            && !matches!(traced.functions[0], Function::Reshape(_))
        {
            return None;
        }
        let x = self.data(traced, 0);
        match &traced.functions[0] {
            Function::Convolution { .. } | Function::Transposed { .. } => self.convolution(traced),
            Function::Linear => self.matrix(traced, self.constant(traced, 1)?, self.constant(traced, 2)),
            Function::MatMul => {
                let weight = self.constant(traced, 1).filter(|weight| weight.dim() == 2)?;
                self.matrix(traced, &weight.transpose(0, 1), None)
            }
            Function::Unary(unary) => Some(match *unary {
                Unary::Relu => Box::new(Activation::Relu),
                Unary::Clamp(0., 6.) => Box::new(Activation::Relu6),
                Unary::Tanh => Box::new(Tanh),
                Unary::Silu => Box::new(Swish),
                Unary::Square => Box::new(Square),
                Unary::LeakyRelu(slope) if (0. ..=1.).contains(&slope) => Box::new(LeakyRelu { slope, gain: 1. }),
                other => Box::new(Pointwise::of(other)?),
            }),
            Function::Binary(by) => self.of_two(traced, *by),
            Function::GroupNorm { .. } | Function::InstanceNorm { .. } => self.group_norm(traced),
            Function::LayerNorm { shape, eps } => {
                let part = |operand: usize| -> Option<Option<Constant>> {
                    match traced.operands.get(operand) {
                        None => Some(None),
                        Some(Operand::Constant(tensor)) => Some(Some(given(tensor).into())),
                        Some(Operand::Node(_)) => None,
                    }
                };
                let (weight, bias) = (part(1)?, part(2)?);
                Some(Box::new(LayerNorm { shape: shape.clone(), eps: *eps, weight, bias }))
            }
            &Function::LocalResponseNorm { size, alpha, beta, k } if self.shape(x?).len() == 4 => {
                Some(Box::new(LocalResponseNorm { size, alpha, beta, k }))
            }
            Function::MaxPool { kernel, stride, padding, dilation, ceil } if kernel.len() == 2 => {
                let (size, stride, padding) = (one(kernel)?, one(stride)?, one(even(padding)?)?);
                (one(dilation)? == 1).then(|| Box::new(MaxPool(Pool { size, stride, padding, ceil: *ceil })) as _)
            }
            Function::AveragePool { kernel, stride, padding, ceil, count_padding } if kernel.len() == 2 => {
                let (size, stride, padding) = (one(kernel)?, one(stride)?, one(even(padding)?)?);
                let same = !ceil && (*count_padding || padding == 0);
                same.then(|| Box::new(AveragePool(Pool { size, stride, padding, ceil: *ceil })) as _)
            }
            Function::AdaptiveAverage(size) if size[..] == [1, 1] => Some(Box::new(MeanOfPositions)),
            Function::Reduce { by: Reduction::Mean, axes, keep } if self.shape(x?).len() == 4 => {
                let mut axes: Vec<i64> = axes.iter().map(|&axis| if axis < 0 { axis + 4 } else { axis }).collect();
                axes.sort_unstable();
                match (axes == [2, 3], keep) {
                    (true, true) => Some(Box::new(MeanOfPositions)),
                    (true, false) => Some(Box::new(GlobalAveragePool)),
                    _ => None,
                }
            }
            Function::Reshape(to) => {
                let from = self.shape(x?);
                let by_sample = |shape: &Vec<i64>, samples: &i64| shape.first() == Some(samples);
                if !self.traced[x?].shapes.iter().zip(self.samples).all(|(shape, samples)| by_sample(shape, samples)) {
                    return None;
                }
                match (from.len(), &to[..]) {
                    (4, [samples, _]) if *samples == from[0] => Some(Box::new(Flatten)),
                    (4, [samples, channels, _]) if [*samples, *channels] == from[..2] => Some(Box::new(FlattenFrom(2))),
                    _ => None,
                }
            }
            Function::Permute(order) => Some(Box::new(Permute(order.clone()))),
            &Function::Slice { axis, start, end, step: 1 } => {
                let size = self.shape(x?);
                let axis = if axis < 0 { axis + size.len() as i64 } else { axis };
                let has = size[axis as usize];
                // Of a kernel's size, whatever the picture's: sizes of pictures may change.
                let inside = |at: i64| if at < 0 { (at + has).max(0) } else { at.min(has) };
                let (start, end) = (inside(start), inside(end));
                (axis == 1 && end > start).then(|| Box::new(Part { axis, start, length: end - start }) as _)
            }
            Function::Concatenate(axis) => {
                let parts: Option<Vec<usize>> =
                    (0..traced.operands.len()).map(|part| self.data(traced, part)).collect();
                let shapes: Vec<&[i64]> = parts?.iter().map(|&part| self.shape(part)).collect();
                let plain =
                    *axis == 1 && shapes.iter().all(|shape| matches!(shape.len(), 2 | 4) && shape[0] == shapes[0][0]);
                plain.then(|| Box::new(Concatenation { channels: shapes.iter().map(|shape| shape[1]).collect() }) as _)
            }
            Function::Softmax(axis) => Some(Box::new(Softmax(*axis))),
            Function::Resize { size, by: Interpolation::Nearest | Interpolation::NearestExact, .. } => {
                let from = self.shape(x?);
                (size[..] == [2 * from[2], 2 * from[3]]).then(|| Box::new(UpsampleNearest) as _)
            }
            _ => None,
        }
    }

    fn convolution(&self, traced: &Traced) -> Option<Box<dyn Layer>> {
        self.data(traced, 0)?;
        let weight = self.constant(traced, 1).filter(|weight| weight.dim() == 4)?;
        let bias = match traced.operands.get(2) {
            None => None,
            Some(Operand::Constant(bias)) => Some(given(bias)),
            Some(Operand::Node(_)) => return None,
        };
        match &traced.functions[0] {
            Function::Convolution { stride, padding, dilation, groups } => {
                let (stride, sides) = (one(stride)?, even(padding)?);
                if one(dilation)? != 1 {
                    return None;
                }
                let padding = match sides {
                    [rows, columns] if rows == columns => Padding::Symmetric(*rows),
                    [rows, columns] => Padding::Sides([*rows, *columns]),
                    _ => return None,
                };
                Some(Box::new(Convolution::new(given(weight), bias, stride, padding, *groups)))
            }
            Function::Transposed { stride, padding, dilation, output_padding, groups } => {
                let (stride, padding) = (one(stride)?, one(padding)?);
                let plain = *groups == 1 && one(dilation)? == 1 && one(output_padding)? == 0;
                plain.then(|| Box::new(TransposedConvolution::new(given(weight), bias, stride, padding, false)) as _)
            }
            _ => None,
        }
    }

    fn matrix(&self, traced: &Traced, weight: &Tensor, bias: Option<&Tensor>) -> Option<Box<dyn Layer>> {
        let x = self.data(traced, 0)?;
        if traced.operands.len() == 3 && bias.is_none() {
            return None;
        }
        let weight = given(weight);
        let bias = bias.map(given);
        if self.shape(x).len() == 2 {
            let bias = bias.unwrap_or_else(|| Tensor::zeros([weight.size()[0]], (Kind::Float, Device::Cpu)));
            return Some(Box::new(Linear::new(weight, bias)));
        }
        Some(Box::new(TokenLinear { weight: weight.into(), bias: bias.map(Constant::from) }))
    }

    fn group_norm(&self, traced: &Traced) -> Option<Box<dyn Layer>> {
        let x = self.data(traced, 0)?;
        let shape = self.shape(x);
        let channels = *shape.get(1)?;
        let (groups, eps) = match traced.functions[0] {
            Function::GroupNorm { groups, eps } => (groups, eps),
            Function::InstanceNorm { eps } => (channels, eps),
            _ => return None,
        };
        let part = |operand: usize, otherwise: f64| match traced.operands.get(operand) {
            None => Some(Tensor::full([channels], otherwise, (Kind::Float, Device::Cpu))),
            Some(Operand::Constant(tensor)) => Some(given(tensor)),
            Some(Operand::Node(_)) => None,
        };
        (shape.len() == 4 && groups > 0 && channels % groups == 0).then_some(Box::new(GroupNorm::new(
            part(1, 1.)?,
            part(2, 0.)?,
            groups,
            eps,
        )))
    }

    fn of_two(&self, traced: &Traced, by: Binary) -> Option<Box<dyn Layer>> {
        let result = &traced.shapes[0];
        match (&traced.operands[..], self.data(traced, 0), self.data(traced, 1)) {
            ([_, _], Some(x), Some(y)) => {
                if by == Binary::Add && self.shape(x) == self.shape(y) && x != y {
                    return Some(Box::new(Add));
                }
                let floats = [x, y].iter().all(|&node| self.traced[node].kind == Kind::Float);
                (OfTwo::can(by) && floats && x != y).then(|| Box::new(OfTwo(by)) as _)
            }
            ([Operand::Node(x), Operand::Constant(c)], ..) | ([Operand::Constant(c), Operand::Node(x)], ..) => {
                let reversed = matches!(traced.operands[0], Operand::Constant(_));
                let plain = self.shape(*x) == result
                    && self.traced[*x].kind == Kind::Float
                    && traced.kind == Kind::Float
                    && WithConstant::can(by, reversed);
                plain.then(|| Box::new(WithConstant { by, reversed, constant: given(c).into() }) as _)
            }
            _ => None,
        }
    }

    fn evaluated(&mut self, node: usize, mut inputs: Vec<usize>) -> usize {
        let traced = &self.traced[node];
        let mut number = 0;
        let slots = traced.operands.iter().map(|operand| match operand {
            Operand::Node(_) => {
                number += 1;
                Slot::Input(number - 1)
            }
            Operand::Constant(tensor) => Slot::Constant(given(tensor).into()),
        });
        let slots: Vec<Slot> = slots.collect();
        // The first operand whose first size is so many times the number of samples.
        let each = |read: usize| {
            let of = &self.traced[read].shapes;
            let each = of[0].first()? / self.samples[0];
            let straight = of.iter().zip(self.samples).all(|(shape, samples)| shape.first() == Some(&(each * samples)));
            (each > 0 && straight).then_some(each)
        };
        let read: Vec<usize> = (0..traced.operands.len()).filter_map(|operand| self.data(traced, operand)).collect();
        let counted = read.iter().enumerate().find_map(|(input, &read)| Some(Count { input, each: each(read)? }));
        let count = counted.unwrap_or_else(|| {
            inputs.push(0);
            Count { input: inputs.len() - 1, each: 1 }
        });
        let layer = Evaluated::new(traced.functions.clone(), self.samples.to_vec(), slots, count);
        self.push(Box::new(layer), inputs)
    }

    /// Makes a node a tap, if it holds numbers for each sample: in the shape `[N,C]` or `[N,C,H,W]`, by a view aside where the program
    /// has another order.
    fn tap(&mut self, node: usize, place: usize, axes: &Axes) {
        let traced = &self.traced[node];
        let by_sample = traced.shapes.iter().zip(self.samples).all(|(shape, samples)| shape.first() == Some(samples));
        let rank = traced.shapes[0].len();
        // In a program for one sample, every axis of 1 could be theirs.
        let by_sample = by_sample && (self.samples.len() > 1 || axes.samples(node) == Some(0));
        if traced.kind != Kind::Float || !by_sample || !(2..=4).contains(&rank) {
            return;
        }
        let named = Named { name: traced.name.clone(), scope: traced.scope.clone() };
        match (rank, axes.channels(node)) {
            (3, channels) => {
                let channels_first =
                    if channels == Some(1) { place } else { self.push(Box::new(Permute(vec![0, 2, 1])), vec![place]) };
                for view in axes.views_of_tokens(node, &traced.shapes[0], channels == Some(1)) {
                    let mut at = channels_first;
                    for layer in view.layers {
                        at = self.push(layer, vec![at]);
                    }
                    self.taps.add(node, at, named.clone(), view.suffix);
                }
            }
            (4, Some(3)) => {
                let view = self.push(Box::new(Permute(vec![0, 3, 1, 2])), vec![place]);
                self.taps.add(node, view, named, String::new());
            }
            _ => self.taps.add(node, place, named, String::new()),
        }
    }

    fn finish(mut self, outputs: &[(String, usize)]) -> Network {
        for (name, node) in outputs {
            self.taps.call(*node, name);
        }
        if let Some((name, node)) = outputs.last() {
            let place = self.places[node];
            let last = self.steps.len() - 1;
            // The network's output is its last step, and a tap.
            if place != last || !self.taps.has(place) {
                let identity = Evaluated::new(
                    vec![Function::Unary(Unary::Identity)],
                    self.samples.to_vec(),
                    vec![Slot::Input(0)],
                    Count { input: 0, each: 1 },
                );
                let end = self.push(Box::new(identity), vec![place]);
                let named = Named { name: format!("{name}.output"), scope: String::new() };
                self.taps.add(*node, end, named, String::new());
            }
        }
        let _guard = tch::no_grad_guard();
        for step in &mut self.steps {
            if let Source::Layer(layer) = &mut step.source {
                layer.prepare();
                layer.map_tensors(&channels_last);
            }
        }
        Network {
            steps: self.steps,
            taps: self.taps.finish(),
            kind: Kind::Float,
            device: Device::Cpu,
            imported: true,
            beside: vec![],
            notes: vec![],
        }
    }
}
