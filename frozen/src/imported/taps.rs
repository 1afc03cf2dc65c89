//! The names and the shapes by which an imported network's activations are read.
//!
//! A tap is called by the path of the module whose output it is (`layer4.1.conv2`), where the program tells modules; a module that is
//! called several times has `relu`, `relu_1`, and so on, as in torchvision's feature extraction. What lies within a module has its
//! path and the node's name. All other names of an activation (those of the modules around it, the node's own) are aliases.
//!
//! Activations are shown as `[N,C]` or `[N,C,H,W]`, whatever the order of axes in the program. Of tokens `[N,T,C]` that come from a map
//! of patches, the tap holds the patches in their rows and columns, `.class` the token before them, `.register.0` and so on those
//! between, and `.tokens` all, in one column; other tokens are a column.

use std::collections::{HashMap, HashSet};

use super::evaluated::{Count, Evaluated, Slot};
use super::function::Function;
use super::pointwise::Part;
use super::trace::{Operand, Traced};
use crate::network::graph::{Point, Tap};
use crate::network::layer::Layer;

/// More tokens before the patches than any network has.
const MOST_EXTRA: i64 = 16;

/// Which axis of each node holds channels, and in which rows and columns its tokens lie.
pub(super) struct Axes {
    channels: Vec<Option<usize>>,
    grids: Vec<Option<[i64; 2]>>,
    /// How many numbers of the others' axes lie before those of the samples, as far as it is known, and which axis holds samples.
    samples: Vec<Option<(i64, usize)>>,
}

/// One way to see an activation of tokens.
pub(super) struct View {
    /// What makes it of `[N,C,T]`.
    pub layers: Vec<Box<dyn Layer>>,
    /// What its name ends in.
    pub suffix: String,
}

impl Axes {
    pub fn new(nodes: usize) -> Axes {
        let mut samples = vec![None; nodes];
        samples[0] = Some((1, 0));
        Axes { channels: vec![None; nodes], grids: vec![None; nodes], samples }
    }

    /// The axis of a reshape's result that holds samples.
    pub fn samples(&self, node: usize) -> Option<usize> {
        self.samples[node].map(|(_, axis)| axis)
    }

    pub fn channels(&self, node: usize) -> Option<usize> {
        self.channels[node]
    }

    /// Works out a node's axes from those before it.
    pub fn follow(&mut self, traced: &[Traced], node: usize) {
        let of = &traced[node];
        let reads: Vec<usize> = of
            .operands
            .iter()
            .filter_map(|operand| match operand {
                Operand::Node(read) => Some(*read),
                Operand::Constant(_) => None,
            })
            .collect();
        let (to, rank) = (&of.shapes[0], of.shapes[0].len());
        let of_kernel = |operand: usize| matches!(of.operands.get(operand), Some(Operand::Constant(_)));
        let Some(&first) = reads.first() else { return };
        let from = &traced[first].shapes[0];
        let before =
            reads.iter().find_map(|&read| self.channels[read].filter(|_| traced[read].shapes[0].len() == rank));
        let grid = reads.iter().find_map(|&read| self.grids[read]);
        let last = rank.checked_sub(1);
        let (channels, grid) = match &of.functions[0] {
            Function::Convolution { .. }
            | Function::Transposed { .. }
            | Function::BatchNorm { .. }
            | Function::GroupNorm { .. }
            | Function::InstanceNorm { .. }
            | Function::LocalResponseNorm { .. }
            | Function::MaxPool { .. }
            | Function::AveragePool { .. }
            | Function::AdaptiveAverage(_)
            | Function::AdaptiveMax(_)
            | Function::PixelShuffle(_)
            | Function::PixelUnshuffle(_)
            | Function::Resize { .. } => (Some(1), if rank == 4 { Some([to[2], to[3]]) } else { None }),
            Function::Linear | Function::LayerNorm { .. } | Function::RmsNorm { .. } => (last, grid),
            Function::MatMul if of_kernel(1) => (last, grid),
            Function::MatMul | Function::Attention { .. } | Function::Einsum(_) => (None, grid),
            Function::Permute(order) => {
                let channels = self.channels[first].and_then(|axis| order.iter().position(|&of| of as usize == axis));
                (channels, grid)
            }
            Function::Reshape(_) => match (self.channels[first], &from[..], &to[..]) {
                (Some(1), [n, c, h, w], [m, d, t]) if (n, c, *t) == (m, d, h * w) => (Some(1), Some([*h, *w])),
                (Some(3), [n, h, w, c], [m, t, d]) if (n, c, *t) == (m, d, h * w) => (Some(2), Some([*h, *w])),
                (Some(2), [_, _, c], [_, h, w, d]) if c == d => (Some(3), Some([*h, *w])),
                (Some(axis), _, _) if axis + 1 == from.len() && from.last() == to.last() => (last, grid),
                (Some(1), [n, c, ..], [m, d, ..]) if (n, c) == (m, d) => (Some(1), grid),
                _ => (None, grid),
            },
            _ => (before, grid),
        };
        self.channels[node] = channels;
        self.grids[node] = grid;
        let product = |sizes: &[i64]| sizes.iter().product::<i64>();
        self.samples[node] = match &of.functions[0] {
            Function::Permute(order) => self.samples[first].and_then(|(before, axis)| {
                let within = before / product(&from[..axis]).max(1);
                let to_axis = order.iter().position(|&of| of as usize == axis)?;
                Some((product(&to[..to_axis]) * within, to_axis))
            }),
            Function::Reshape(_) => self.samples[first].and_then(|(before, _)| {
                // An axis of its own; else, if axes were joined, the end of the one before, and if not, the beginning of the next.
                let begins = |at: usize| product(&to[..at]) == before;
                let own = (0..rank).find(|&at| begins(at) && to[at] == 1);
                let end = (0..rank).find(|&at| rank < from.len() && before > 1 && product(&to[..=at]) == before);
                let axis = own.or(end).or_else(|| (0..rank).find(|&at| begins(at)))?;
                Some((before, axis))
            }),
            _ => reads.iter().find_map(|&read| {
                let of = &traced[read].shapes[0];
                // Where axes were lost, those up to the samples are what they were.
                let (before, axis) = self.samples[read]?;
                if of.len() != rank && (axis >= rank || to[..=axis] != of[..=axis]) {
                    return None;
                }
                Some((product(&to[..axis]) * (before / product(&of[..axis]).max(1)), axis))
            }),
        };
    }

    /// The ways to see tokens `shape` (`[N,T,C]`, or `[N,C,T]` if `channels_first`), each made of `[N,C,T]`.
    pub fn views_of_tokens(&self, node: usize, shape: &[i64], channels_first: bool) -> Vec<View> {
        let (tokens, channels) = if channels_first { (shape[2], shape[1]) } else { (shape[1], shape[2]) };
        let reshaped = |to: Vec<i64>| -> Box<dyn Layer> {
            let (slots, count) = (vec![Slot::Input(0)], Count { input: 0, each: 1 });
            Box::new(Evaluated::new(vec![Function::Reshape(to)], vec![1], slots, count))
        };
        let part = |start: i64, length: i64| -> Box<dyn Layer> { Box::new(Part { axis: 2, start, length }) };
        let column = reshaped(vec![1, channels, tokens, 1]);
        let Some(([rows, columns], extra)) = self.grids[node]
            .map(|grid| (grid, tokens - grid[0] * grid[1]))
            .filter(|&(_, extra)| (0..=MOST_EXTRA).contains(&extra))
        else {
            return vec![View { layers: vec![column], suffix: String::new() }];
        };
        let map = reshaped(vec![1, channels, rows, columns]);
        if extra == 0 {
            return vec![View { layers: vec![map], suffix: String::new() }];
        }
        let mut views: Vec<View> = (0..extra)
            .map(|token| View {
                layers: vec![part(token, 1), reshaped(vec![1, channels])],
                suffix: if token == 0 { ".class".to_owned() } else { format!(".register.{}", token - 1) },
            })
            .collect();
        views.push(View { layers: vec![column], suffix: ".tokens".to_owned() });
        views.push(View { layers: vec![part(extra, rows * columns), map], suffix: String::new() });
        views
    }
}

/// What the program calls a node.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub name: String,
    pub scope: String,
}

/// An activation under all of its names.
struct Entry {
    node: usize,
    place: usize,
    named: Named,
    suffix: String,
}

/// The taps of a network that is being made, in the order of its steps.
#[derive(Default)]
pub(super) struct Taps {
    entries: Vec<Entry>,
    /// Names of outputs by node.
    outputs: Vec<(usize, String)>,
}

impl Taps {
    pub fn add(&mut self, node: usize, place: usize, named: Named, suffix: String) {
        self.entries.push(Entry { node, place, named, suffix });
    }

    /// Whether a step is a tap.
    pub fn has(&self, place: usize) -> bool {
        self.entries.iter().any(|entry| entry.place == place)
    }

    /// A node is an output of this name.
    pub fn call(&mut self, node: usize, name: &str) {
        self.outputs.push((node, name.to_owned()));
    }

    /// The taps with all of their names.
    pub fn finish(self) -> Vec<Tap> {
        let Taps { entries, outputs } = self;
        let ends = modules(&entries);
        let mut taps: Vec<Tap> = vec![];
        let mut taken = HashSet::new();
        let mut unique = |name: String| {
            let mut candidate = name.clone();
            let mut number = 1;
            while !taken.insert(candidate.clone()) {
                candidate = format!("{name}_{number}");
                number += 1;
            }
            candidate
        };
        for (index, entry) in entries.iter().enumerate() {
            let own = clean(&entry.named.name);
            let mut names: Vec<String> = ends[index].clone();
            if names.is_empty() && !entry.named.scope.is_empty() && !own.starts_with(&clean(&entry.named.scope)) {
                names.push(format!("{}.{own}", clean(&entry.named.scope)));
            }
            names.push(own);
            names.extend(outputs.iter().filter(|(node, _)| *node == entry.node).map(|(_, name)| clean(name)));
            let mut names: Vec<String> = names
                .into_iter()
                .filter(|name| !name.is_empty())
                .map(|name| unique(format!("{name}{}", entry.suffix)))
                .collect();
            if names.is_empty() {
                names.push(unique(format!("node.{}{}", entry.node, entry.suffix)));
            }
            names.dedup();
            let name = names.remove(0);
            match taps.iter_mut().find(|tap| tap.point.0 == entry.place) {
                // The same activation as an earlier node: a batch norm that was folded, a dropout.
                Some(tap) => {
                    let before = std::mem::replace(&mut tap.name, name);
                    tap.aliases.insert(0, before);
                    tap.aliases.extend(names);
                }
                None => taps.push(Tap { name, aliases: names, point: Point(entry.place) }),
            }
        }
        taps.sort_by_key(|tap| tap.point);
        taps
    }
}

/// For each entry the modules whose output it is, the innermost first.
fn modules(entries: &[Entry]) -> Vec<Vec<String>> {
    let paths: Vec<Vec<String>> = entries
        .iter()
        .map(|entry| {
            let scope = clean(&entry.named.scope);
            let cuts = scope.match_indices('.').map(|(at, _)| at).chain((!scope.is_empty()).then_some(scope.len()));
            let paths: Vec<String> = cuts.map(|at| scope[..at].to_owned()).collect();
            paths
        })
        .collect();
    let mut calls: HashMap<&str, usize> = HashMap::new();
    let mut ends = vec![vec![]; entries.len()];
    for (index, own) in paths.iter().enumerate() {
        // Views of one node end a module together.
        let next = (index + 1..entries.len()).find(|&other| entries[other].node != entries[index].node);
        let last_view = next.map_or(entries.len(), |next| next) == index + 1;
        for path in own.iter().rev() {
            if next.is_some_and(|next| paths[next].contains(path)) {
                continue;
            }
            let call = calls.entry(path).or_insert(0);
            ends[index].push(if *call == 0 { path.clone() } else { format!("{path}_{call}") });
            if last_view {
                *call += 1;
            }
        }
    }
    ends
}

/// A name that a unit can be written with.
fn clean(name: &str) -> String {
    let name = name.trim_start_matches('/');
    name.chars()
        .map(|c| match c {
            '/' => '.',
            c if c == ':'
                || c == '@'
                || c == '('
                || c == ')'
                || c == ','
                || c == '*'
                || c.is_whitespace()
                || c.is_control() =>
            {
                '_'
            }
            c => c,
        })
        .collect()
}
