//! One forward pass, and the pullback from its taps to its input.

use tch::{Kind, Tensor};

use super::layer::{Gradient, Layer, Saved, height_and_width};
use super::script::Run;
use super::{Network, Point, Schedule, channels_last};

/// A forward pass that has been made: the wanted activations, and what the pullback reads.
///
/// A ReLU inside of a convolution makes 0 of what is not a number, and a quantization a vector of its codebook. So that a
/// failure does not pass for a picture, all wanted activations of a sample whose input is not finite are NaN.
#[derive(Debug)]
pub struct Pass<'n> {
    network: &'n Network,
    schedule: &'n Schedule,
    /// Activations by node; those that nobody reads any more are freed.
    values: Vec<Option<Tensor>>,
    /// In the order of the schedule; two of a convolution that applies an activation function. None if no pullback follows.
    saved: Vec<Saved>,
    /// The run of a network that is a program.
    run: Option<Run>,
    /// Shape of the input.
    input: Vec<i64>,
}

impl<'n> Pass<'n> {
    pub(super) fn run(network: &'n Network, schedule: &'n Schedule, input: &Tensor) -> Self {
        let _guard = tch::no_grad_guard();
        let mut values: Vec<Option<Tensor>> = Vec::new();
        values.resize_with(network.steps.len(), || None);
        let mut saved = Vec::with_capacity(schedule.nodes.len());
        let mut save = |keep: Saved| {
            if schedule.keeps {
                saved.push(keep);
            }
        };
        let (mut run, mut any_hidden) = (None, false);
        for scheduled in &schedule.nodes {
            if scheduled.node == 0 {
                values[0] = Some(channels_last(&input.detach()));
                save(Saved::Nothing);
                continue;
            }
            let step = &network.steps[scheduled.node];
            let inputs: Vec<Tensor> =
                step.inputs.iter().filter_map(|&i| values[i].as_ref()).map(Tensor::shallow_clone).collect();
            match (&step.layer, scheduled.activation) {
                (Layer::Convolution(convolution), Some(node)) => {
                    let activation = network.steps[node].layer.activation();
                    let output = convolution.forward(&inputs[0], activation);
                    save(Saved::InputSize(height_and_width(&inputs[0])));
                    save(Saved::Output(output.shallow_clone()));
                    values[node] = Some(output);
                    any_hidden = true;
                }
                (Layer::Script(script), _) => {
                    let made = script.run(&inputs[0]);
                    for (number, output) in made.outputs.iter().enumerate() {
                        values[scheduled.node + 1 + number] = Some(output.detach());
                    }
                    run = Some(made).filter(|_| schedule.keeps);
                    save(Saved::Nothing);
                }
                (Layer::ScriptOutput, _) => save(Saved::Nothing),
                (layer, _) => {
                    let (output, keep) = layer.forward(&inputs, scheduled.in_place);
                    any_hidden |= layer.hides_failures();
                    values[scheduled.node] = Some(output);
                    save(keep);
                }
            }
            for &read in &scheduled.frees {
                values[read] = None;
            }
        }
        if any_hidden {
            let zero_or_nan = (input.detach() * 0.).flatten(1, -1).sum_dim_intlist(1i64, false, None::<Kind>);
            for &point in schedule.points.iter().filter(|&&point| point != 0) {
                if let Some(value) = &mut values[point] {
                    let mut shape = vec![1; value.dim()];
                    shape[0] = -1;
                    let zero_or_nan = zero_or_nan.view(&shape[..]);
                    if network.steps[point].layer.may_be_view() {
                        // The memory may be the caller's, or that of another point.
                        *value = &*value + zero_or_nan;
                    } else {
                        let _ = value.g_add_(&zero_or_nan);
                    }
                }
            }
        }
        Pass { network, schedule, values, saved, run, input: input.size() }
    }

    /// The activation at a wanted point: `[N,C,H,W]`, or `[N,C]` behind a pooling.
    ///
    /// # Panics
    /// If the schedule of this pass does not want the point.
    pub fn activation(&self, point: Point) -> &Tensor {
        self.values[point.0].as_ref().expect("a point that the schedule wants")
    }

    /// The gradient with respect to the input (in the input's shape), given the gradients of a scalar with respect to
    /// wanted activations; zeros where nothing depends on the input. Consumes the pass: what it kept is freed on the way.
    ///
    /// # Panics
    /// If the schedule is [`Schedule::forward_only`].
    pub fn pullback(self, gradients: impl IntoIterator<Item = (Point, Tensor)>) -> Tensor {
        let _guard = tch::no_grad_guard();
        let Pass { network, schedule, values, mut saved, mut run, input } = self;
        assert!(schedule.keeps, "a pass of a schedule that is forward only has no pullback");
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
            let step = &network.steps[scheduled.node];
            let gradients = match (&step.layer, scheduled.activation) {
                // The outputs' gradients wait for the program, which comes before them.
                (Layer::Input | Layer::ScriptOutput, _) => continue,
                (Layer::Script(_), _) => {
                    let Some(run) = run.take() else { continue };
                    let behind = scheduled.node + 1..;
                    let arrived = behind.take(run.outputs.len()).map(|node| arriving[node].take());
                    let arrived: Vec<_> = arrived.map(|gradient| gradient.map(|gradient| gradient.tensor)).collect();
                    vec![Gradient::owned(run.pullback(&arrived))]
                }
                (layer, Some(node)) => {
                    let of_convolution = saved.pop().unwrap_or(Saved::Nothing);
                    let Some(gradient) = arriving[node].take() else { continue };
                    let mut before = network.steps[node].layer.pullback(gradient, keep);
                    layer.pullback(before.remove(0), of_convolution)
                }
                (layer, None) => {
                    // A point may lie on a branch that no given gradient reaches.
                    let Some(gradient) = arriving[scheduled.node].take() else { continue };
                    layer.pullback(gradient, keep)
                }
            };
            for (&input, gradient) in step.inputs.iter().zip(gradients) {
                arrive(&mut arriving, input, gradient);
            }
        }
        // Nothing arrives where all ways back end in constants.
        let none = || Tensor::zeros(&input, (network.kind, network.device));
        arriving[0].take().map_or_else(none, |gradient| gradient.tensor)
    }
}
