//! A frozen network: a static graph of layers whose weights never change.
//!
//! Feature visualization needs two things of a network: the activations at some points (taps), and the gradient of a
//! scalar function of them with respect to the network's *input*. Nothing else is ever computed here:
//!
//! - no weight carries a gradient, and no autograd graph is recorded: the pullback (vector-Jacobian product) of every
//!   layer is written out, and the gradient of a frozen convolution is itself a convolution with fixed weights;
//! - batch normalization is folded into the convolution before it when the network is built ([`Builder::batch_norm`]), and
//!   a ReLU behind a convolution is applied by the convolution where nobody wants what is between them;
//! - tensors are channels-last, which the convolutions of libtorch's CPU back end are fastest with;
//! - a pass stops at the deepest wanted tap, activations overwrite their input, and only what a pullback reads is kept.

mod attention;
mod builder;
mod fir;
mod layer;
mod norm;
mod onednn;
mod pass;
mod pool;
mod script;
mod upsampled;

pub use builder::{Builder, Kernel, Node};
pub use fir::Fir;
pub use layer::{Convolution, Layer, Padding, TransposedConvolution};
pub use norm::LocalResponse;
pub use pass::Pass;
pub use pool::Pool;
pub use script::{Script, ScriptError};
pub use upsampled::UpsampledConvolution;

use tch::{Device, Kind, Tensor};

use zoo::suggest::nearest;

/// A tensor in channels-last memory order (`[N,C,H,W]` in shape, NHWC in memory); other ranks are made contiguous.
///
/// tch has no call for memory formats; permuting, making contiguous and permuting back gives the same strides.
pub fn channels_last(tensor: &Tensor) -> Tensor {
    match tensor.dim() {
        4 => tensor.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]),
        _ => tensor.contiguous(),
    }
}

/// A named place in a network whose activation can be read: the output of one node of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Point(pub(crate) usize);

/// One node of the graph: a layer and the nodes that it reads.
#[derive(Debug)]
pub(crate) struct Step {
    pub layer: Layer,
    pub inputs: Vec<usize>,
}

/// What is known of a tap.
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

/// A frozen network; see the [module documentation](self).
#[derive(Debug)]
pub struct Network {
    /// Topologically ordered; node 0 is the input.
    steps: Vec<Step>,
    taps: Vec<Tap>,
    kind: Kind,
    device: Device,
}

// SAFETY: a `tch::Tensor` is a counted pointer to a C++ tensor; the count is atomic, and what keeps it from being `Sync` is that
// other threads may write over its numbers through a shared reference. The weights of a network are private, nothing here
// writes to them once it is built, and reading a tensor from several threads at once is what libtorch allows.
unsafe impl Sync for Network {}

impl Network {
    /// Every tap, in the order of the forward pass.
    pub fn taps(&self) -> &[Tap] {
        &self.taps
    }

    /// The tap with this name or alias.
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

    /// The last tap: the network's output.
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

    /// Whether it is a program (TorchScript), of whose layers nothing is known.
    pub fn is_program(&self) -> bool {
        self.program().is_some()
    }

    fn program(&self) -> Option<&Script> {
        self.steps.iter().find_map(|step| match &step.layer {
            Layer::Script(script) => Some(script),
            _ => None,
        })
    }

    /// Whether inputs of this shape, without the batch dimension, can pass: a program may be made for one shape alone. Gives the
    /// shape of the last output, if it is a program's.
    ///
    /// # Errors
    /// What a program says.
    pub fn attempt(&self, input: &[i64]) -> Result<Option<Vec<i64>>, ScriptError> {
        let Some(script) = self.program() else { return Ok(None) };
        let (run, _) = script.try_shape(1, input)?;
        Ok(run.outputs.last().map(|output| output.size()[1..].to_vec()))
    }

    /// The same network on another device or in another number type.
    pub fn to(self, device: Device, kind: Kind) -> Network {
        let steps = (self.steps.into_iter())
            .map(|step| Step {
                layer: match step.layer {
                    Layer::Script(script) => Layer::Script(script.to(device, kind)),
                    layer => layer.map_tensors(&|t| channels_last(&t.to_device(device).to_kind(kind))),
                },
                ..step
            })
            .collect();
        Network { steps, device, kind, ..self }
    }

    /// Every weight tensor, for those who want to check that a run left them alone.
    pub fn weights(&self) -> Vec<&Tensor> {
        self.steps.iter().flat_map(|step| step.layer.tensors()).collect()
    }

    /// Prepares passes that read the activations at `points` and nothing deeper.
    pub fn schedule(&self, points: &[Point]) -> Schedule {
        let mut needed = vec![false; self.steps.len()];
        for point in points {
            needed[point.0] = true;
        }
        for node in (0..self.steps.len()).rev().filter(|&n| n > 0) {
            if needed[node] {
                for &input in &self.steps[node].inputs {
                    needed[input] = true;
                }
            }
        }
        let mut readers = vec![Vec::new(); self.steps.len()];
        for node in (0..self.steps.len()).filter(|&n| needed[n]) {
            for &input in &self.steps[node].inputs {
                readers[input].push(node);
            }
        }
        let wanted = |node: usize| points.contains(&Point(node));
        // By convolution, the activation function that it applies to its own result.
        let mut activations = vec![None; self.steps.len()];
        let mut applied = vec![false; self.steps.len()];
        for node in (0..self.steps.len()).filter(|&n| needed[n] && self.steps[n].layer.activation().is_some()) {
            let input = self.steps[node].inputs[0];
            let of_convolution = matches!(self.steps[input].layer, Layer::Convolution(_));
            if of_convolution && readers[input].len() == 1 && !wanted(input) {
                activations[input] = Some(node);
                applied[node] = true;
            }
        }
        let nodes = (0..self.steps.len())
            .filter(|&node| needed[node] && !applied[node])
            .map(|node| {
                let Step { layer, inputs } = &self.steps[node];
                // The layers of several inputs that can, write over the first. The layer itself must be the only one that
                // ever reads that memory, under whichever node's shape: then no other pullback has kept it as its input.
                let mut free = layer.can_overwrite() && !layer.pullback_reads_input();
                let mut input = inputs.first().copied();
                while let (true, Some(node)) = (free, input) {
                    free = readers[node].len() == 1 && !wanted(node) && !self.steps[node].layer.pullback_reads_output();
                    input = self.steps[node].inputs.first().copied().filter(|_| self.steps[node].layer.may_be_view());
                }
                let in_place = free;
                let mut frees = inputs.clone();
                frees.retain(|&input| readers[input].last() == Some(&node) && !wanted(input));
                Scheduled { node, activation: activations[node], in_place, frees }
            })
            .collect();
        Schedule { nodes, points: points.iter().map(|point| point.0).collect(), keeps: true }
    }

    /// The forward pass over `input` (`[N,...]`, on the network's device, of its kind), as far as the schedule needs it.
    /// No autograd graph is recorded.
    pub fn forward<'n>(&'n self, schedule: &'n Schedule, input: &Tensor) -> Pass<'n> {
        Pass::run(self, schedule, input)
    }

    /// The shape of every tap for an input of this shape (`[1,...]`), without the batch dimension: the one way that
    /// cannot disagree with the forward pass is to run it.
    pub fn shapes(&self, input: &[i64]) -> Vec<(&Tap, Vec<i64>)> {
        let points: Vec<Point> = self.taps.iter().map(|tap| tap.point).collect();
        let schedule = self.schedule(&points);
        let pass = self.forward(&schedule, &Tensor::zeros(input, (self.kind, self.device)));
        self.taps.iter().map(|tap| (tap, pass.activation(tap.point).size()[1..].to_vec())).collect()
    }

    /// Floating-point operations of one forward pass as far as `schedule` and of the pullback to the input, for one
    /// sample: 2 x multiply-adds of convolutions and matrix products (elementwise work is not counted, as is usual). What a
    /// program does is not known; it counts as one use of each of its parameters, which tells passes from each other at least.
    pub fn flops(&self, schedule: &Schedule, input: &[i64]) -> (f64, f64) {
        let nodes = schedule.nodes.iter().flat_map(|s| std::iter::once(&s.node).chain(&self.steps[s.node].inputs));
        let all = self.schedule(&nodes.map(|&node| Point(node)).collect::<Vec<_>>());
        let pass = self.forward(&all, &Tensor::zeros(input, (self.kind, self.device)));
        let size = |&node: &usize| pass.activation(Point(node)).size();
        let of_node = |node: usize| {
            let Step { layer, inputs } = &self.steps[node];
            match layer {
                Layer::Script(script) => {
                    let parameters = script.parameters().iter().map(Tensor::numel).sum::<usize>().max(1) as f64;
                    (parameters, parameters)
                }
                Layer::ScriptOutput => (0., 0.),
                layer => layer.multiply_adds(&size(&node), &inputs.iter().map(size).collect::<Vec<_>>()),
            }
        };
        schedule
            .nodes
            .iter()
            .map(|s| of_node(s.node))
            .fold((0., 0.), |sum, (forward, pullback)| (sum.0 + 2. * forward, sum.1 + 2. * pullback))
    }
}

/// Which nodes a pass visits, and what it may overwrite or must keep; made once by [`Network::schedule`].
#[derive(Clone, Debug)]
pub struct Schedule {
    nodes: Vec<Scheduled>,
    /// The nodes of the wanted taps.
    points: Vec<usize>,
    /// Whether passes keep what a pullback reads.
    keeps: bool,
}

impl Schedule {
    /// For passes that are not carried back: they keep the wanted activations and nothing else.
    pub fn forward_only(self) -> Schedule {
        Schedule { keeps: false, ..self }
    }
}

#[derive(Clone, Debug)]
struct Scheduled {
    node: usize,
    /// The node of the activation function that the convolution applies to its own result, which becomes that node's.
    activation: Option<usize>,
    /// The layer may write over its input: nobody else reads that.
    in_place: bool,
    /// The inputs that nobody reads after this node, and that are no wanted taps.
    frees: Vec<usize>,
}
