//! The graph of a frozen network: its nodes, their names (taps), and what can be asked of it without running it.

use tch::{Device, Kind, Tensor};

use super::gradient::Gradient;
use super::layer::Layer;
use super::layers::program::{ProgramError, Running};
use super::layout::channels_last;
use crate::constant::Constant;
use zoo::suggest::nearest;

/// A named place in a network whose activation can be read: the output of one node of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Point(pub(crate) usize);

/// One node of the graph: what makes its activation, and the nodes that this reads, in order.
#[derive(Debug)]
pub(crate) struct Step {
    pub source: Source,
    pub inputs: Vec<usize>,
}

/// What makes the activation of a node.
#[derive(Debug)]
pub(crate) enum Source {
    /// The caller: the network's input.
    Input,
    /// A layer with a pullback of its own.
    Layer(Box<dyn Layer>),
    /// Somebody's program, whose outputs are the nodes behind it. It has no activation of its own.
    Program(Running),
    /// The program before it.
    Output,
}

impl Step {
    /// The node's layer, if it is one.
    pub fn layer(&self) -> Option<&dyn Layer> {
        match &self.source {
            Source::Layer(layer) => Some(&**layer),
            _ => None,
        }
    }

    fn tensors(&self) -> Vec<&Constant> {
        match &self.source {
            Source::Layer(layer) => layer.tensors(),
            Source::Program(program) => program.parameters().iter().collect(),
            Source::Input | Source::Output => vec![],
        }
    }
}

/// What is known of a tap: a node whose activation can be read by name.
#[derive(Clone, Debug)]
pub struct Tap {
    /// The path that names it: a module of the weights file, or a documented point such as `_bn0.relu6`.
    pub name: String,
    /// Other paths of the same activation. A convolution whose batch norm was folded into it is an alias of the batch
    /// norm's output: its own output is never computed.
    pub aliases: Vec<String>,
    /// Where it lies.
    pub point: Point,
}

/// A name that no tap of the network has.
#[derive(Debug, thiserror::Error)]
#[error("no layer '{name}'{}", suggestion.as_ref().map(|s| format!("; did you mean '{s}'?")).unwrap_or_default())]
pub struct UnknownLayer {
    /// The name asked for.
    pub name: String,
    /// The nearest name that exists.
    pub suggestion: Option<String>,
}

/// A frozen network: a static graph of layers whose weights never change. Threads may share it. See the
/// [module documentation](super).
#[derive(Debug)]
pub struct Network {
    /// Topologically ordered; node 0 is the input.
    pub(crate) steps: Vec<Step>,
    pub(crate) taps: Vec<Tap>,
    pub(crate) kind: Kind,
    pub(crate) device: Device,
    /// Whether it was somebody's program: layers that may take inputs of one size alone.
    pub(crate) imported: bool,
    /// Files beside the weights file that were read as well: name and sha256.
    pub(crate) beside: Vec<(String, String)>,
    /// What a user should know of how it was read.
    pub(crate) notes: Vec<String>,
}

impl Network {
    /// Every tap, in the order of the forward pass.
    pub fn taps(&self) -> &[Tap] {
        &self.taps
    }

    /// The tap with this name or alias.
    ///
    /// # Errors
    /// If there is none; the error names the nearest.
    pub fn tap(&self, name: &str) -> Result<&Tap, UnknownLayer> {
        self.taps.iter().find(|tap| tap.name == name || tap.aliases.iter().any(|alias| alias == name)).ok_or_else(
            || UnknownLayer {
                name: name.to_owned(),
                suggestion: nearest(
                    name,
                    self.taps.iter().flat_map(|t| std::iter::once(&t.name).chain(&t.aliases)).map(String::as_str),
                )
                .map(str::to_owned),
            },
        )
    }

    /// Gives a point another name.
    pub fn alias(&mut self, point: Point, alias: &str) {
        if let Some(tap) = self.taps.iter_mut().find(|tap| tap.point == point && tap.name != alias) {
            tap.aliases.push(alias.to_owned());
        }
    }

    /// The point of the last tap: the network's output.
    pub fn output(&self) -> Point {
        Point(self.steps.len() - 1)
    }

    /// The taps that everything behind them depends on through them alone: what one block hands to the next, such as residual
    /// sums and concatenations. In the order of the forward pass; input and output are not among them.
    pub fn bottlenecks(&self) -> Vec<&Tap> {
        let mut reaches = self.steps.len();
        let mut narrow = vec![false; self.steps.len()];
        for node in (1..self.steps.len()).rev() {
            narrow[node] = reaches >= node && node + 1 < self.steps.len();
            reaches = self.steps[node].inputs.iter().copied().min().map_or(reaches, |input| reaches.min(input));
        }
        self.taps.iter().filter(|tap| narrow[tap.point.0]).collect()
    }

    /// What a point is computed from by a mixture of channels: the last [bottleneck](Network::bottlenecks) before the convolution, product,
    /// sum or concatenation that makes its channels. Activation functions, norms, pooling and depthwise convolutions keep channels apart, so
    /// that what lies between is the point itself in another form. None where only the network's input is left.
    pub fn below(&self, point: Point) -> Option<Point> {
        let mut maker = point.0;
        while let ([before], Some(layer)) = (&self.steps[maker].inputs[..], self.steps[maker].layer()) {
            // Kernels `[O,I,..]` with several inputs mix; `[C,1,..]` and `[1,C,..]` do not.
            let mixes = layer.tensors().iter().any(|weight| matches!(weight.size()[..], [o, i, ..] if o > 1 && i > 1));
            if mixes {
                break;
            }
            maker = *before;
        }
        self.bottlenecks().iter().map(|tap| tap.point).rfind(|tap| tap.0 < maker)
    }

    /// What one channel of a point is mixed from, where that is [one layer's channels](Network::below) averaged over positions, or a vector: that layer, and its
    /// weights `[C]`, f64 on the CPU. `input` is the shape of an input. None where the channel is made in another way.
    pub fn mixture(&self, point: Point, channel: i64, input: &[i64]) -> Option<(Point, Tensor)> {
        let below = self.below(point)?;
        let mut mixing = point.0;
        let mixes = |step: usize| {
            let weights = self.steps[step].tensors();
            weights.iter().any(|weight| matches!(weight.size()[..], [o, i, ..] if o > 1 && i > 1))
        };
        // Neither norms nor activation functions may lie between: the mixture would not be all.
        let plain = |step: usize| {
            let of = &self.steps[step];
            of.inputs.len() == 1
                && of.layer().is_some_and(|layer| layer.tensors().is_empty() && layer.activation().is_none())
        };
        while !mixes(mixing) {
            plain(mixing).then_some(())?;
            mixing = self.steps[mixing].inputs[0];
        }
        let mut between = *self.steps[mixing].inputs.first()?;
        while between > below.0 {
            plain(between).then_some(())?;
            between = self.steps[between].inputs[0];
        }
        let shapes = self.shapes(input);
        let shape_of = |node: usize| shapes.iter().find(|(tap, _)| tap.point.0 == node).map(|(_, shape)| shape.clone());
        let width = shape_of(below.0)?.first().copied()?;
        let before = *self.steps[mixing].inputs.first()?;
        let taken = shape_of(before).unwrap_or_else(|| vec![width]);
        let taken = if taken.first() == Some(&width) { taken } else { vec![width] };
        let zeros = Tensor::zeros([&[1], &taken[..]].concat(), (self.kind, self.device));
        let layer = self.steps[mixing].layer()?;
        layer.fits(&[zeros.shallow_clone()]).ok()?;
        let (output, pullback) = layer.forward(&[zeros], false);
        let one = output.zeros_like();
        let positions = output.size()[2..].iter().product::<i64>().max(1) as f64;
        let _ = one.select(1, channel).fill_(1. / positions);
        let weights = pullback.call(Gradient::owned(one)).into_iter().next()?.tensor;
        let flat = weights.reshape([width, -1]).to_kind(Kind::Double).to_device(Device::Cpu);
        Some((below, flat.sum_dim_intlist([1i64].as_slice(), false, Kind::Double)))
    }

    /// What decides what a model computes, with the files beside its weights file that decide it, too (an ONNX file's data).
    pub fn defined(&self, mut definition: serde_json::Value) -> serde_json::Value {
        if !self.beside.is_empty() {
            let of = |(name, sha256): &(String, String)| (name.clone(), serde_json::Value::from(sha256.as_str()));
            definition["beside"] = self.beside.iter().map(of).collect::<serde_json::Map<_, _>>().into();
        }
        definition
    }

    /// The point before a ReLU (or ReLU6), where the point is one; there the gradient does not vanish.
    pub fn before_activation(&self, point: Point) -> Option<Point> {
        let step = self.steps.get(point.0)?;
        step.layer()?.activation()?;
        step.inputs.first().map(|&input| Point(input)).filter(|input| input.0 > 0)
    }

    /// What a user should know of how its file was read, in sentences.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Number type of weights and activations.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Where weights and activations live.
    pub fn device(&self) -> Device {
        self.device
    }

    /// Why nothing can be carried back to its input: the reason of a program without gradient, none of all other networks.
    pub fn no_gradient(&self) -> Option<&str> {
        self.program()?.no_gradient()
    }

    /// Whether it is somebody's program, of whose layers nothing is known.
    pub fn is_program(&self) -> bool {
        self.program().is_some()
    }

    fn program(&self) -> Option<&Running> {
        self.steps.iter().find_map(|step| match &step.source {
            Source::Program(program) => Some(program),
            _ => None,
        })
    }

    /// Whether inputs of this shape, without the batch dimension, can pass: somebody's program may be made for one shape alone. Gives the
    /// shape of the last output, if it is a program's.
    ///
    /// # Errors
    /// What a program says.
    pub fn attempt(&self, input: &[i64]) -> Result<Option<Vec<i64>>, ProgramError> {
        let Some(program) = self.program() else {
            if !self.imported {
                return Ok(None);
            }
            let shape: Vec<i64> = std::iter::once(1).chain(input.iter().copied()).collect();
            let zeros = Tensor::zeros(&shape[..], (self.kind, self.device));
            return self.try_forward(&zeros).map(Some).map_err(ProgramError);
        };
        // What lies in front of it changes the shape.
        let mut shape: Vec<i64> = std::iter::once(1).chain(input.iter().copied()).collect();
        for layer in
            self.steps.iter().take_while(|step| !matches!(step.source, Source::Program(_))).filter_map(Step::layer)
        {
            let zeros = Tensor::zeros(&shape[..], (self.kind, self.device));
            shape = tch::no_grad(|| layer.forward(&[zeros], false).0.size());
        }
        let shape = program.try_shape(1, &shape[1..])?;
        Ok(shape.map(|shape| shape[1..].to_vec()))
    }

    /// Whether an input `[N,…]` can pass: every layer is asked before it runs. Gives the shape of the network's output, without samples.
    ///
    /// # Errors
    /// The layer that cannot take what comes to it, and why; or one that gives for other numbers of samples than it was given.
    pub fn try_forward(&self, input: &Tensor) -> Result<Vec<i64>, String> {
        let _guard = tch::no_grad_guard();
        let mut values: Vec<Option<Tensor>> = (0..self.steps.len()).map(|_| None).collect();
        let mut last = vec![0; self.steps.len()];
        for (node, step) in self.steps.iter().enumerate() {
            step.inputs.iter().for_each(|&input| last[input] = node);
        }
        for (node, step) in self.steps.iter().enumerate() {
            let inputs: Vec<Tensor> =
                step.inputs.iter().filter_map(|&input| values[input].as_ref()).map(Tensor::shallow_clone).collect();
            match &step.source {
                Source::Input => values[node] = Some(channels_last(&input.detach())),
                Source::Layer(layer) => {
                    layer.fits(&inputs).map_err(|reason| {
                        let tap = self.taps.iter().find(|tap| tap.point.0 >= node);
                        let name = tap.map_or("its last layer", |tap| tap.name.as_str());
                        format!("layer '{name}' cannot take it: {reason}")
                    })?;
                    let output = layer.forward(&inputs, false).0;
                    let tap = self.taps.iter().find(|tap| tap.point.0 == node);
                    if let Some(tap) = tap.filter(|_| output.size().first() != input.size().first()) {
                        let (name, size) = (&tap.name, output.size());
                        return Err(format!("layer '{name}' is {size:?} for {} samples", input.size()[0]));
                    }
                    values[node] = Some(output);
                }
                Source::Program(_) | Source::Output => return Ok(vec![]),
            }
            for &input in step.inputs.iter().filter(|&&input| last[input] == node) {
                values[input] = None;
            }
        }
        let output = values.pop().flatten();
        Ok(output.map(|output| output.size()[1..].to_vec()).unwrap_or_default())
    }

    /// This network on another device or in another number type.
    pub fn to(mut self, device: Device, kind: Kind) -> Network {
        for step in &mut self.steps {
            match &mut step.source {
                Source::Layer(layer) => layer.map_tensors(&|t| {
                    // Indices and masks stay what they are.
                    let floats = matches!(t.kind(), Kind::Float | Kind::Double | Kind::Half | Kind::BFloat16);
                    let moved = t.to_device(device);
                    channels_last(&if floats { moved.to_kind(kind) } else { moved })
                }),
                Source::Program(program) => program.to(device, kind),
                Source::Input | Source::Output => {}
            }
        }
        Network { device, kind, ..self }
    }

    /// Every weight tensor, for those who want to check that a run left them alone.
    pub fn weights(&self) -> Vec<&Tensor> {
        self.steps.iter().flat_map(Step::tensors).map(|tensor| &**tensor).collect()
    }
}
