//! The forward pass of some samples, and the pullback from its taps to its input.

use tch::{Kind, Tensor};

use super::gradient::{Gradient, Pullback};
use super::graph::{Network, Point, Source};
use super::layer::Around;
use super::layers::program::Run;
use super::layout::channels_last;
use super::passing::Passing;
use super::schedule::Schedule;

/// A forward pass of some samples that has been made.
#[derive(Debug)]
pub(super) struct Part<'n> {
    network: &'n Network,
    /// Activations by node; those that nobody reads any more are freed.
    values: Vec<Option<Tensor>>,
    /// The ways back over the nodes, in the order of the schedule. None if no pullback follows.
    ways: Option<Vec<Way<'n>>>,
    /// Shape of the input.
    input: Vec<i64>,
}

/// How gradients go back over one node.
#[derive(Debug)]
enum Way<'n> {
    /// From the node where the gradient of a layer's output arrives to the nodes of its inputs.
    Layer { from: usize, to: &'n [usize], pullback: Pullback<'n> },
    /// From the nodes of a program's outputs, which begin with `from`, to the node of its input.
    Program { from: usize, to: usize, run: Run },
}

impl Network {
    /// The forward pass over some samples.
    pub(super) fn forward_part<'n>(&'n self, schedule: &'n Schedule, input: &Tensor) -> Part<'n> {
        let _guard = tch::no_grad_guard();
        let mut values: Vec<Option<Tensor>> = Vec::new();
        values.resize_with(self.steps.len(), || None);
        let mut ways = schedule.keeps.then(|| Vec::with_capacity(schedule.nodes.len()));
        let mut keep = |way: Way<'n>| {
            if let Some(ways) = &mut ways {
                ways.push(way);
            }
        };
        let mut any_hidden = false;
        // By the node of an activation function, for the layer behind it that brings gradients back over it.
        let mut passing: Vec<Option<Passing>> = Vec::new();
        passing.resize_with(self.steps.len(), || None);
        for scheduled in &schedule.nodes {
            let (node, step) = (scheduled.node, &self.steps[scheduled.node]);
            let inputs: Vec<Tensor> =
                step.inputs.iter().filter_map(|&i| values[i].as_ref()).map(Tensor::shallow_clone).collect();
            match &step.source {
                Source::Input => values[node] = Some(channels_last(&input.detach())),
                Source::Layer(layer) => {
                    let (from, (output, pullback)) = match (scheduled.activation, layer.activated()) {
                        (Some((behind, around)), Some(layer)) => {
                            any_hidden = true;
                            let before = passing[step.inputs[0]].take().filter(|_| around.over_before);
                            let around = Around { back: schedule.keeps, ..around };
                            let made = layer.forward_activated(&inputs, around, before);
                            passing[behind] = made.passing;
                            (behind, (made.output, made.pullback))
                        }
                        _ => {
                            any_hidden |= layer.hides_failures();
                            (node, layer.forward(&inputs, scheduled.in_place))
                        }
                    };
                    values[from] = Some(output);
                    keep(Way::Layer { from, to: &step.inputs, pullback });
                }
                Source::Program(program) => {
                    let wanted: Vec<usize> = schedule.outputs_of(self, node).collect();
                    let run = program.run(&inputs[0], &wanted, schedule.keeps);
                    for (number, output) in run.outputs.iter().enumerate() {
                        values[node + 1 + number] = output.as_ref().map(Tensor::detach);
                    }
                    keep(Way::Program { from: node + 1, to: step.inputs[0], run });
                }
                // The program has made it.
                Source::Output => {}
            }
            for &read in &scheduled.frees {
                values[read] = None;
            }
        }
        if any_hidden {
            self.show_failures(schedule, &mut values, input);
        }
        Part { network: self, values, ways, input: input.size() }
    }

    /// Makes NaN of the wanted activations of every sample whose input is not finite.
    fn show_failures(&self, schedule: &Schedule, values: &mut [Option<Tensor>], input: &Tensor) {
        // In no less than single precision, in which a finite picture has a finite sum.
        let kind = if self.kind == Kind::Double { Kind::Double } else { Kind::Float };
        let sums = input.detach().flatten(1, -1).sum_dim_intlist(1i64, false, kind);
        let zero_or_nan = (sums * 0.).to_kind(self.kind);
        for &point in schedule.points.iter().filter(|&&point| point != 0) {
            if let Some(value) = &mut values[point] {
                let mut shape = vec![1; value.dim()];
                shape[0] = -1;
                let zero_or_nan = zero_or_nan.view(&shape[..]);
                if self.imported || self.steps[point].layer().is_some_and(|layer| layer.may_be_view()) {
                    // The memory may be the caller's, or that of another point, or autograd's.
                    *value = &*value + zero_or_nan;
                } else {
                    let _ = value.g_add_(&zero_or_nan);
                }
            }
        }
    }
}

impl Part<'_> {
    /// The activation at a wanted point.
    pub(super) fn activation(&self, point: Point) -> &Tensor {
        self.values[point.0].as_ref().expect("a point that the schedule wants")
    }

    /// The gradient with respect to the input.
    pub(super) fn pullback(self, gradients: impl IntoIterator<Item = (Point, Tensor)>) -> Tensor {
        let _guard = tch::no_grad_guard();
        let Part { network, values, ways, input } = self;
        let mut ways = ways.expect("a pass of a schedule that is forward only has no pullback");
        drop(values);
        let mut arriving: Vec<Option<Gradient>> = Vec::new();
        arriving.resize_with(network.steps.len(), || None);
        let arrive = |arriving: &mut Vec<Option<Gradient>>, node: usize, gradient: Gradient| {
            arriving[node] = Some(match arriving[node].take() {
                Some(before) => before.plus(gradient),
                None => gradient,
            });
        };
        for (point, gradient) in gradients {
            arrive(&mut arriving, point.0, Gradient::shared(&gradient));
        }
        // From the end, so that what a way holds is freed as soon as it was gone.
        while let Some(way) = ways.pop() {
            match way {
                Way::Layer { from, to, pullback } => {
                    // A point may lie on a branch that no given gradient reaches.
                    let Some(gradient) = arriving[from].take() else { continue };
                    for (&input, gradient) in to.iter().zip(pullback.call(gradient)) {
                        arrive(&mut arriving, input, gradient);
                    }
                }
                Way::Program { from, to, run } => {
                    let arrived = (from..).take(run.outputs.len()).map(|node| arriving[node].take());
                    let arrived: Vec<_> = arrived.map(|gradient| gradient.map(|gradient| gradient.tensor)).collect();
                    arrive(&mut arriving, to, Gradient::owned(run.pullback(&arrived)));
                }
            }
        }
        // Nothing arrives where all ways back end in constants.
        let none = || Tensor::zeros(&input, (network.kind, network.device));
        arriving[0].take().map_or_else(none, |gradient| gradient.tensor)
    }
}
