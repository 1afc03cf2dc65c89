//! Which nodes a pass visits, and what it may overwrite, must keep and can free: worked out once for a set of taps.

use super::graph::{Network, Point, Source, Step};
use super::layer::Around;

/// Which nodes a pass visits, and what it may overwrite or must keep; made once by [`Network::schedule`].
#[derive(Clone, Debug)]
pub struct Schedule {
    pub(super) nodes: Vec<Scheduled>,
    /// The nodes of the wanted taps.
    pub(super) points: Vec<usize>,
    /// Whether passes keep what a pullback reads.
    pub(super) keeps: bool,
}

impl Schedule {
    /// Which outputs of the program at a node the pass reads, by their place behind it.
    pub(super) fn outputs_of<'s>(&'s self, network: &'s Network, program: usize) -> impl Iterator<Item = usize> + 's {
        let nodes = self.nodes.iter().map(|scheduled| scheduled.node);
        nodes.filter(move |&node| is_output_of(&network.steps[node], program)).map(move |node| node - program - 1)
    }

    /// For passes that are not carried back: they keep the wanted activations and nothing else.
    pub fn forward_only(self) -> Schedule {
        Schedule { keeps: false, ..self }
    }
}

/// Whether a node is an output of the program at another one.
fn is_output_of(step: &Step, program: usize) -> bool {
    matches!(step.source, Source::Output) && step.inputs[..] == [program]
}

/// One node that a pass visits.
#[derive(Clone, Debug)]
pub(super) struct Scheduled {
    pub node: usize,
    /// The activation functions around a layer that applies the one behind it to its own result, and the node of that one, whose
    /// activation the result becomes.
    pub activation: Option<(usize, Around)>,
    /// The layer may write over its input: nobody else reads that.
    pub in_place: bool,
    /// The inputs that nobody reads after this node, and that are no wanted taps.
    pub frees: Vec<usize>,
}

impl Network {
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
        let layer = |node: usize| self.steps[node].layer();
        // By convolution, the activation function that it applies to its own result.
        let mut activations: Vec<Option<(usize, Around)>> = vec![None; self.steps.len()];
        let mut applied = vec![false; self.steps.len()];
        for node in (0..self.steps.len()).filter(|&n| needed[n]) {
            let Some(activation) = layer(node).and_then(|layer| layer.activation()) else { continue };
            let input = self.steps[node].inputs[0];
            let can_apply = layer(input).is_some_and(|layer| layer.activated().is_some());
            if can_apply && readers[input].len() == 1 && !wanted(input) {
                activations[input] =
                    Some((node, Around { behind: activation, behind_is_done: false, over_before: false, back: true }));
                applied[node] = true;
            }
        }
        // A layer whose pullback goes over the activation function before it spares that one's own.
        let owner = |node: usize| applied[node].then(|| self.steps[node].inputs[0]);
        for node in (0..self.steps.len()).filter(|&n| needed[n]) {
            let goes_over =
                layer(node).and_then(|layer| layer.activated()).is_some_and(|layer| layer.goes_over_before());
            if !goes_over || activations[node].is_none() {
                continue;
            }
            let before = self.steps[node].inputs[0];
            let Some(owner) = owner(before).filter(|_| readers[before].len() == 1 && !wanted(before)) else { continue };
            if let Some((_, around)) = &mut activations[owner] {
                around.behind_is_done = true;
            }
            if let Some((_, around)) = &mut activations[node] {
                around.over_before = true;
            }
        }
        // Only a layer's output is written over, never the caller's input.
        let may_be_lost = |node: usize| layer(node).is_some_and(|layer| !layer.pullback_reads_output());
        let may_be_view = |node: usize| layer(node).is_some_and(|layer| layer.may_be_view());
        let nodes = (0..self.steps.len())
            .filter(|&node| needed[node] && !applied[node])
            .map(|node| {
                let Step { inputs, .. } = &self.steps[node];
                // The layers of several inputs that can, write over the first. The layer itself must be the only one that
                // ever reads that memory, under whichever node's shape: then no other pullback has kept it as its input.
                let mut free = layer(node).is_some_and(|layer| layer.can_overwrite() && !layer.pullback_reads_input());
                let mut input = inputs.first().copied();
                while let (true, Some(node)) = (free, input) {
                    free = readers[node].len() == 1 && !wanted(node) && may_be_lost(node);
                    input = self.steps[node].inputs.first().copied().filter(|_| may_be_view(node));
                }
                let in_place = free;
                let mut frees = inputs.clone();
                frees.retain(|&input| readers[input].last() == Some(&node) && !wanted(input));
                Scheduled { node, activation: activations[node], in_place, frees }
            })
            .collect();
        Schedule { nodes, points: points.iter().map(|point| point.0).collect(), keeps: true }
    }
}
