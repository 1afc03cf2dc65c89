//! What a network gives and costs without its numbers: the shapes of its taps, and its floating-point operations.

use tch::Tensor;

use super::graph::{Network, Point, Source, Step, Tap};
use super::schedule::Schedule;

impl Network {
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
            let Step { source, inputs } = &self.steps[node];
            match source {
                Source::Layer(layer) => layer.multiply_adds(&size(&node), &inputs.iter().map(size).collect::<Vec<_>>()),
                Source::Program(program) => {
                    let parameters = program.parameters().iter().map(|p| p.numel()).sum::<usize>().max(1) as f64;
                    (parameters, parameters)
                }
                Source::Input | Source::Output => (0., 0.),
            }
        };
        schedule
            .nodes
            .iter()
            .map(|s| of_node(s.node))
            .fold((0., 0.), |sum, (forward, pullback)| (sum.0 + 2. * forward, sum.1 + 2. * pullback))
    }
}
