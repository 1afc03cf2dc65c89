//! One forward pass, and the pullback from its taps to its input.
//!
//! Samples of a batch share nothing but the network. On a CPU each thread takes one after the other, where that leaves none of them
//! idle: a sample's numbers stay in its core's caches, and nobody waits for anybody in every layer.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;
use std::thread;

use tch::{Device, Tensor};

use super::graph::{Network, Point};
use super::part::Part;
use super::schedule::Schedule;

/// A forward pass that has been made: the wanted activations, and what the pullback reads.
///
/// A ReLU inside of a convolution makes 0 of what is not a number, and a quantization a vector of its codebook. So that a
/// failure does not pass for a picture, all wanted activations of a sample whose input is not finite are NaN.
#[derive(Debug)]
pub struct Pass<'n> {
    /// What was computed at a time, in the order of the samples, and how many these are.
    parts: Vec<(Part<'n>, i64)>,
    /// The wanted activations of all samples, by node, where there are several parts.
    joined: Vec<(usize, Tensor)>,
}

impl Network {
    /// The forward pass over `input` (`[N,...]`, on the network's device, of its kind), as far as the schedule needs it.
    /// No autograd graph is recorded.
    ///
    /// # Panics
    /// If a program fails, which it did not for the same shape when the network was made or [tried](Network::attempt).
    pub fn forward<'n>(&'n self, schedule: &'n Schedule, input: &Tensor) -> Pass<'n> {
        let counts = self.shared_out(input);
        if counts.len() < 2 {
            return Pass { parts: vec![(self.forward_part(schedule, input), input.size()[0])], joined: vec![] };
        }
        let _guard = tch::no_grad_guard();
        let inputs = input.detach().split_with_sizes(&counts, 0);
        let parts: Vec<Part> = at_once(inputs, |input| self.forward_part(schedule, &input));
        let mut wanted = schedule.points.clone();
        wanted.sort_unstable();
        wanted.dedup();
        let joined = wanted.into_iter().map(|node| {
            let of_parts: Vec<&Tensor> = parts.iter().map(|part| part.activation(Point(node))).collect();
            (node, Tensor::cat(&of_parts, 0))
        });
        let joined = joined.collect();
        Pass { parts: parts.into_iter().zip(counts).collect(), joined }
    }

    /// How many samples are computed at a time by one thread; one number where all threads compute all samples together.
    fn shared_out(&self, input: &Tensor) -> Vec<i64> {
        /// How much more than an even share one thread may get.
        const UNEVEN: f64 = 1.25;
        let (samples, threads) = (input.size()[0], i64::from(tch::get_num_threads()));
        let longest = (samples + threads - 1) / threads.max(1);
        let even = (longest * threads) as f64 <= UNEVEN * samples as f64;
        if threads < 2 || !even || !kernels::can_share() || input.device() != Device::Cpu || self.is_program() {
            return vec![samples];
        }
        vec![1; samples as usize]
    }
}

/// What `work` makes of each thing, several at the same time, each on one thread.
fn at_once<T: Send, R: Send>(things: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let todo: Vec<Mutex<Option<T>>> = things.into_iter().map(|thing| Mutex::new(Some(thing))).collect();
    let done: Vec<Mutex<Option<thread::Result<R>>>> = todo.iter().map(|_| Mutex::new(None)).collect();
    kernels::on_threads(todo.len(), tch::get_num_threads() as usize, &|place| {
        let thing = todo[place].lock().ok().and_then(|mut thing| thing.take());
        let result = thing.map(|thing| catch_unwind(AssertUnwindSafe(|| work(thing))));
        // Nobody else has this one's lock, nor can it be poisoned: what panics was caught.
        if let Ok(mut done) = done[place].lock() {
            *done = result;
        }
    });
    let results = done.into_iter().map(|done| done.into_inner().ok().flatten().expect("every part was worked off"));
    results.map(|result| result.unwrap_or_else(|panic| resume_unwind(panic))).collect()
}

impl Pass<'_> {
    /// The activation at a wanted point: `[N,C,H,W]`, or `[N,C]` behind a pooling.
    ///
    /// # Panics
    /// If the schedule of this pass does not want the point.
    pub fn activation(&self, point: Point) -> &Tensor {
        match &self.parts[..] {
            [(part, _)] => part.activation(point),
            _ => {
                let found = self.joined.iter().find(|(node, _)| *node == point.0);
                &found.expect("a point that the schedule wants").1
            }
        }
    }

    /// The gradient with respect to the input (in the input's shape), given the gradients of a scalar with respect to
    /// wanted activations; zeros where nothing depends on the input. Consumes the pass: what it kept is freed on the way.
    ///
    /// # Panics
    /// If the schedule is [`Schedule::forward_only`].
    pub fn pullback(self, gradients: impl IntoIterator<Item = (Point, Tensor)>) -> Tensor {
        let (parts, counts): (Vec<Part>, Vec<i64>) = self.parts.into_iter().unzip();
        let mut parts = parts;
        if parts.len() == 1 {
            return parts.remove(0).pullback(gradients);
        }
        drop(self.joined);
        let _guard = tch::no_grad_guard();
        let mut of_parts: Vec<Vec<(Point, Tensor)>> = counts.iter().map(|_| vec![]).collect();
        for (point, gradient) in gradients {
            for (of_part, gradient) in of_parts.iter_mut().zip(gradient.split_with_sizes(&counts, 0)) {
                of_part.push((point, gradient));
            }
        }
        let both = parts.into_iter().zip(of_parts).collect();
        Tensor::cat(&at_once(both, |(part, gradients): (Part, Vec<(Point, Tensor)>)| part.pullback(gradients)), 0)
    }
}
