//! One forward pass, and the pullback from its taps to its input.

use tch::Tensor;

use super::layer::{Gradient, Saved};
use super::{Network, Point, Schedule, channels_last};

/// A forward pass that has been made: the wanted activations, and what the pullback reads.
#[derive(Debug)]
pub struct Pass<'n> {
    network: &'n Network,
    schedule: &'n Schedule,
    /// Activations by node; those that nobody reads any more are freed.
    values: Vec<Option<Tensor>>,
    /// By position in the schedule.
    saved: Vec<Saved>,
}

impl<'n> Pass<'n> {
    pub(super) fn run(network: &'n Network, schedule: &'n Schedule, input: &Tensor) -> Self {
        let _guard = tch::no_grad_guard();
        let mut values: Vec<Option<Tensor>> = Vec::new();
        values.resize_with(network.steps.len(), || None);
        let mut saved = Vec::with_capacity(schedule.nodes.len());
        for scheduled in &schedule.nodes {
            if scheduled.node == 0 {
                values[0] = Some(channels_last(&input.detach()));
                saved.push(Saved::Nothing);
                continue;
            }
            let step = &network.steps[scheduled.node];
            let inputs: Vec<Tensor> =
                step.inputs.iter().filter_map(|&i| values[i].as_ref()).map(Tensor::shallow_clone).collect();
            let (output, keep) = step.layer.forward(&inputs, scheduled.in_place);
            values[scheduled.node] = Some(output);
            saved.push(keep);
            for &read in &scheduled.frees {
                values[read] = None;
            }
        }
        Pass { network, schedule, values, saved }
    }

    /// The activation at a wanted point: `[N,C,H,W]`, or `[N,C]` behind a pooling.
    ///
    /// # Panics
    /// If the schedule of this pass does not want the point.
    pub fn activation(&self, point: Point) -> &Tensor {
        self.values[point.0].as_ref().expect("a point that the schedule wants")
    }

    /// The gradient with respect to the input (in the input's shape), given the gradients of a scalar with respect to
    /// wanted activations. Consumes the pass: what it kept is freed on the way.
    pub fn pullback(self, gradients: impl IntoIterator<Item = (Point, Tensor)>) -> Tensor {
        let _guard = tch::no_grad_guard();
        let Pass { network, schedule, values, mut saved } = self;
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
        for scheduled in schedule.nodes.iter().rev() {
            let keep = saved.pop().unwrap_or(Saved::Nothing);
            if scheduled.node == 0 {
                continue;
            }
            // A point may lie on a branch that no given gradient reaches.
            let Some(gradient) = arriving[scheduled.node].take() else { continue };
            let step = &network.steps[scheduled.node];
            for (&input, gradient) in step.inputs.iter().zip(step.layer.pullback(gradient, keep)) {
                arrive(&mut arriving, input, gradient);
            }
        }
        arriving[0].take().expect("every node of a schedule descends from the input").tensor
    }
}
