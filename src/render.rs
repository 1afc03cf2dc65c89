//! The optimization: a batch of runs that share a classifier, a generator, a method and a size, one step at a time.
//!
//! ```text
//! param ─> pictures ─> input pipeline ─> classifier, as far as the deepest unit ─> activations
//!   ▲                                                                                  │
//!   └────────────── gradient, to the param's tensors and nothing else ─────────────────┘
//! ```
//!
//! The loop reads nothing back from the device but every [`READ_BACK`] steps. Each sample's loss, random numbers and
//! optimizer state are its own, so that its picture does not depend on its neighbours beyond rounding.

use anyhow::{Result, anyhow};
use classifiers::Classifier;
use frozen::network::Schedule;
use generators::Generator;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::method::{Keep, Method, ParamSpec};
use crate::optimizer::Optimizer;
use crate::param::{Condition, Latent, LatentSpec, Param, Pixel};
use crate::random::Seed;
use crate::unit::{LayerShapes, Readout, Unit};

/// Steps between two readings of the trace.
const READ_BACK: usize = 10;

/// Codes that are screened in one forward pass.
const SCREENED_AT_ONCE: u64 = 16;

/// What a batch is made of.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// Whose units are visualised.
    pub classifier: &'a Classifier,
    /// The shapes of its taps.
    pub shapes: &'a LayerShapes,
    /// The prior, for a method that searches a code.
    pub generator: Option<&'a Generator>,
    /// The condition of a conditional generator.
    pub condition: Option<Condition>,
    /// What is done.
    pub method: &'a Method,
    /// Side of a pixel-space picture; a generator's pictures have its own size.
    pub size: i64,
    /// One sample for each.
    pub runs: &'a [(Unit, Seed)],
}

/// One row of a trace: what one step saw before it moved.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// From 0; the last row is the state after the last step.
    pub step: usize,
    /// What was minimised: the penalties minus the activation.
    pub loss: f64,
    /// The unit's activation.
    pub activation: f64,
    /// One penalty for each regularizer of the method.
    pub penalties: Vec<f64>,
    /// Euclidean norm of the gradient with respect to the trainable tensors; none after the last step.
    pub gradient_norm: Option<f64>,
}

/// What one run came to.
#[derive(Debug)]
pub struct Rendered {
    /// `[3,H,W]` in [0,1], on the CPU, f32.
    pub picture: Tensor,
    /// The tensors that make the picture again, on the CPU, f32.
    pub state: Vec<(&'static str, Tensor)>,
    /// Every step.
    pub trace: Vec<Row>,
    /// What it cost.
    pub passes: Passes,
    /// Why the run is worthless, if it is.
    pub failure: Option<String>,
}

/// Who follows a batch while it runs.
pub trait Watch {
    /// `done` of `steps` steps are done; `activation` is the batch's mean at the last one that was read.
    fn step(&self, done: usize, steps: usize, activation: f64);

    /// `done` of `codes` random codes are screened.
    fn screened(&self, done: usize, codes: usize) {
        let _ = (done, codes);
    }
}

impl<F: Fn(usize, usize, f64)> Watch for F {
    fn step(&self, done: usize, steps: usize, activation: f64) {
        self(done, steps, activation);
    }
}

/// Computes a batch; the results are in the order of its runs.
///
/// # Errors
/// If the method needs a generator and there is none, or libtorch fails (out of memory, mostly).
pub fn render(batch: &Batch, watch: &dyn Watch) -> Result<Vec<Rendered>> {
    // tch panics where libtorch throws. Nothing is shared with the batch but frozen weights, which stay as they are.
    let attempt = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| optimize(batch, watch)));
    attempt.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map_or("unknown", String::as_str);
        let reason = text.split_once("Torch(\"").map_or(text, |(_, reason)| reason);
        // The first line; what follows is a C++ backtrace.
        let reason = reason.split("\\n").next().unwrap_or(reason).lines().next().unwrap_or_default();
        let hint = if reason.contains("memory") { " (a smaller --batch may help)" } else { "" };
        Err(anyhow!("libtorch failed in a batch of {} runs{hint}: {reason}", batch.runs.len()))
    })
}

fn optimize(batch: &Batch, watch: &dyn Watch) -> Result<Vec<Rendered>> {
    let Batch { classifier, method, .. } = *batch;
    let (kind, device) = (classifier.network.kind(), classifier.network.device());
    let seeds: Vec<Seed> = batch.runs.iter().map(|(_, seed)| *seed).collect();
    let units: Vec<&Unit> = batch.runs.iter().map(|(unit, _)| unit).collect();
    let readout = Readout::new(&units, classifier, batch.shapes);
    let schedule = classifier.network.schedule(&readout.points());
    let of_generator = batch.generator.map(Generator::schedule);

    let (chain, passes) = match (method.param, batch.generator, &of_generator) {
        (ParamSpec::Pixel(spec), _, _) => {
            let param = Box::new(Pixel::new(spec, &seeds, batch.size, kind, device));
            let mut chain = Chain::new(batch, param);
            chain.ascend(&readout, &schedule, method.steps + 1, watch)?;
            (chain, Passes::of(method.steps))
        }
        (ParamSpec::Latent(spec), Some(generator), Some(of_generator)) => {
            let prior =
                |starts: &[(Seed, u64)]| Latent::new(generator, of_generator, spec.space, batch.condition, starts);
            let starts = screen(batch, spec, &prior, watch);
            let mut chains = vec![];
            for place in 0..spec.starts {
                let starts: Vec<(Seed, u64)> = starts.iter().map(|ranked| ranked[place]).collect();
                let mut chain = Chain::new(batch, Box::new(prior(&starts)));
                let last = if spec.starts > 1 { spec.trial.min(method.steps) } else { method.steps + 1 };
                chain.ascend(&readout, &schedule, last, watch)?;
                chains.push(chain);
            }
            let mut chain = Chain::fittest(chains);
            chain.ascend(&readout, &schedule, method.steps + 1, watch)?;
            (chain, Passes::of(method.steps).and_search(spec, method.steps))
        }
        _ => return Err(anyhow!("method '{}' searches a generator's code: name one with --generator", method.name)),
    };
    chain.finish(passes)
}

/// How many passes a run took: what comparisons at equal cost count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passes {
    /// Forward passes through the classifier (and the generator), screening and other starts included.
    pub forward: usize,
    /// Backward passes.
    pub backward: usize,
}

impl Passes {
    /// Of one chain: the last forward pass only reads.
    fn of(steps: usize) -> Passes {
        Passes { forward: steps + 1, backward: steps }
    }

    /// With the screened codes and the starts that were given up.
    fn and_search(self, spec: LatentSpec, steps: usize) -> Passes {
        let screened = if spec.screen > 1 { spec.screen } else { 0 };
        let given_up = (spec.starts - 1) * spec.trial.min(steps);
        Passes { forward: self.forward + screened + given_up, backward: self.backward + given_up }
    }
}

/// An optimization under way: the pictures of all runs of a batch, and everything that the next step depends on.
struct Chain<'b> {
    batch: &'b Batch<'b>,
    param: Box<dyn Param + 'b>,
    optimizer: Box<dyn Optimizer>,
    best: Best,
    trace: Trace,
    /// The next step.
    step: usize,
}

impl<'b> Chain<'b> {
    fn new(batch: &'b Batch<'b>, param: Box<dyn Param + 'b>) -> Chain<'b> {
        let best = Best::new(batch.method.keep, &param.tensors());
        let trace = Trace::new(batch.runs.len(), batch.method.regularizers.len());
        Chain { batch, optimizer: batch.method.optimizer.build(&param.tensors()), param, best, trace, step: 0 }
    }

    /// Goes on up to (not including) step `end`. The step after the method's last one only looks.
    fn ascend(&mut self, readout: &Readout, schedule: &Schedule, end: usize, watch: &dyn Watch) -> Result<()> {
        let Batch { classifier, method, .. } = *self.batch;
        let pipeline = classifier.input_pipeline(self.param.size());
        let tensors = self.param.tensors();
        while self.step < end && !self.trace.all_failed() {
            let pictures = self.param.pictures().detach().set_requires_grad(true);
            let input = tch::with_grad(|| pipeline.apply(&pictures));
            let pass = classifier.network.forward(schedule, &input);
            let _guard = tch::no_grad_guard();
            let activations = readout.activations(|point| pass.activation(point).shallow_clone());
            self.best.see(&activations, &tensors);
            let penalized = |gradient: &mut Tensor| -> Vec<Tensor> {
                method.regularizers.iter().map(|regularizer| regularizer.apply(&tensors[0], gradient)).collect()
            };
            if self.step == method.steps {
                self.trace.push(&activations, &penalized(&mut tensors[0].zeros_like()), None);
            } else {
                let at_input = pass.pullback(readout.gradients());
                let at_pictures = tch::with_grad(|| {
                    let product = (&input * at_input).sum(None::<Kind>);
                    Tensor::f_run_backward(&[product], &[&pictures], false, false)
                })?;
                let mut gradients = self.param.pullback(&at_pictures[0]);
                let penalties = penalized(&mut gradients[0]);
                self.trace.push(&activations, &penalties, Some(&gradients));
                self.optimizer.ascend(&tensors, &gradients, self.step, method.steps);
                for filter in &method.filters {
                    filter.apply(&mut tensors[0].shallow_clone());
                }
                self.param.project();
            }
            self.step += 1;
            if self.step.is_multiple_of(READ_BACK) || self.step == end {
                watch.step(self.step.min(method.steps), method.steps, self.trace.read_back());
            }
        }
        Ok(())
    }

    /// Of several chains that came equally far, one that holds each run's highest last activation.
    fn fittest(chains: Vec<Chain<'b>>) -> Chain<'b> {
        let _guard = tch::no_grad_guard();
        let mut chains = chains.into_iter();
        let Some(mut first) = chains.next() else { unreachable!("there is at least one start") };
        let others: Vec<Chain> = chains.collect();
        let runs = first.trace.rows.len();
        let reached = |chain: &Chain, run: usize| -> f64 {
            chain.trace.rows[run]
                .last()
                .map(|row| row.activation)
                .filter(|a| a.is_finite())
                .unwrap_or(f64::NEG_INFINITY)
        };
        for (place, other) in others.iter().enumerate() {
            for run in 0..runs {
                // Strictly better than all before it, so that ties go to the first.
                let before =
                    others[..place].iter().fold(reached(&first, run), |highest, c| highest.max(reached(c, run)));
                if reached(other, run) <= before {
                    continue;
                }
                for (mine, theirs) in first.tensors().iter().zip(other.tensors()) {
                    mine.get(run as i64).copy_(&theirs.get(run as i64));
                }
                first.trace.rows[run].clone_from(&other.trace.rows[run]);
            }
        }
        first
    }

    /// Everything that steps write, `[N,…]` each.
    fn tensors(&self) -> Vec<Tensor> {
        let best = self.best.found.iter().flat_map(|(highest, kept)| std::iter::once(highest).chain(kept));
        let best = best.map(Tensor::shallow_clone);
        self.param.tensors().into_iter().chain(self.optimizer.state()).chain(best).collect()
    }

    fn finish(mut self, passes: Passes) -> Result<Vec<Rendered>> {
        self.best.restore(&self.param.tensors());
        let on_host = |tensor: Tensor| tensor.detach().to_device(tch::Device::Cpu).to_kind(Kind::Float);
        let pictures = on_host(self.param.pictures());
        let state: Vec<_> = self.param.state().into_iter().map(|(name, tensor)| (name, on_host(tensor))).collect();
        let rows = self.trace.rows.into_iter().enumerate();
        Ok(rows
            .map(|(i, trace)| Rendered {
                picture: pictures.get(i as i64).contiguous(),
                state: state.iter().map(|(name, tensor)| (*name, tensor.get(i as i64).contiguous())).collect(),
                failure: failure(&trace, self.batch.method),
                trace,
                passes,
            })
            .collect())
    }
}

/// Draws from the prior of a generator: one code for each (seed, number).
type Draw<'g, 'a> = dyn Fn(&[(Seed, u64)]) -> Latent<'g> + 'a;

/// The starts of every run, best first: the codes of highest activation among the first `screen` draws of its seed. Runs
/// of one seed share the draws, and so the passes.
fn screen(batch: &Batch, spec: LatentSpec, prior: &Draw, watch: &dyn Watch) -> Vec<Vec<(Seed, u64)>> {
    if spec.screen <= 1 {
        return batch
            .runs
            .iter()
            .map(|(_, seed)| (0..spec.starts as u64).map(|number| (*seed, number)).collect())
            .collect();
    }
    let _guard = tch::no_grad_guard();
    let classifier = batch.classifier;
    let mut seeds: Vec<Seed> = batch.runs.iter().map(|(_, seed)| *seed).collect();
    seeds.sort();
    seeds.dedup();
    let mut starts = vec![vec![]; batch.runs.len()];
    for (place, &seed) in seeds.iter().enumerate() {
        let runs: Vec<usize> = (0..batch.runs.len()).filter(|&i| batch.runs[i].1 == seed).collect();
        let mut activations: Vec<Vec<Tensor>> = vec![]; // by chunk, by run
        for from in (0..spec.screen as u64).step_by(SCREENED_AT_ONCE as usize) {
            let to = (from + SCREENED_AT_ONCE).min(spec.screen as u64);
            let mut codes = prior(&(from..to).map(|number| (seed, number)).collect::<Vec<_>>());
            let pictures = codes.pictures();
            let input = classifier.input_pipeline(codes.size()).apply(&pictures);
            let readouts: Vec<Readout> = (runs.iter())
                .map(|&run| Readout::new(&vec![&batch.runs[run].0; (to - from) as usize], classifier, batch.shapes))
                .collect();
            let points: Vec<_> = readouts.iter().flat_map(Readout::points).collect();
            let schedule = classifier.network.schedule(&points);
            let pass = classifier.network.forward(&schedule, &input);
            let read = |readout: &Readout| readout.activations(|point| pass.activation(point).shallow_clone());
            activations.push(readouts.iter().map(read).collect());
            watch.screened(place * spec.screen + to as usize, seeds.len() * spec.screen);
        }
        for (column, &run) in runs.iter().enumerate() {
            let all = Tensor::cat(&activations.iter().map(|chunk| &chunk[column]).collect::<Vec<_>>(), 0);
            let order = all.argsort_stable(true, 0, true).to_device(tch::Device::Cpu);
            let ranked = (0..spec.starts as i64).map(|rank| (seed, order.int64_value(&[rank]) as u64));
            starts[run] = ranked.collect();
        }
    }
    starts
}

/// The tensors of each sample's best step, kept on the device.
struct Best {
    found: Option<(Tensor, Vec<Tensor>)>,
}

impl Best {
    fn new(keep: Keep, tensors: &[Tensor]) -> Best {
        let found = (keep == Keep::Best).then(|| {
            let count = tensors[0].size()[0];
            let lowest = Tensor::full([count], f64::NEG_INFINITY, (tensors[0].kind(), tensors[0].device()));
            (lowest, tensors.iter().map(Tensor::copy).collect())
        });
        Best { found }
    }

    fn see(&mut self, activations: &Tensor, tensors: &[Tensor]) {
        let Some((highest, kept)) = &mut self.found else { return };
        let better = activations.gt_tensor(highest);
        *highest = activations.where_self(&better, highest);
        for (kept, tensor) in kept.iter_mut().zip(tensors) {
            let rows: Vec<i64> = std::iter::once(-1).chain(tensor.size()[1..].iter().map(|_| 1)).collect();
            *kept = tensor.where_self(&better.view(rows.as_slice()), kept);
        }
    }

    fn restore(self, tensors: &[Tensor]) {
        for (kept, tensor) in self.found.iter().flat_map(|(_, kept)| kept).zip(tensors) {
            tensor.shallow_clone().copy_(kept);
        }
    }
}

/// The steps' numbers, gathered on the device and read in blocks.
struct Trace {
    regularizers: usize,
    /// Not read yet: `[columns, N]` a step.
    waiting: Vec<Tensor>,
    /// By sample.
    rows: Vec<Vec<Row>>,
}

impl Trace {
    fn new(samples: usize, regularizers: usize) -> Trace {
        Trace { regularizers, waiting: vec![], rows: vec![vec![]; samples] }
    }

    fn push(&mut self, activations: &Tensor, penalties: &[Tensor], gradients: Option<&[Tensor]>) {
        let norm = match gradients {
            Some(gradients) => {
                let squares =
                    gradients.iter().map(|g| g.square().flatten(1, -1).sum_dim_intlist(1i64, false, None::<Kind>));
                squares.reduce(|sum, next| sum + next).map_or_else(|| activations.zeros_like(), |sum| sum.sqrt())
            }
            None => activations.full_like(-1.),
        };
        let mut columns = vec![activations, &norm];
        columns.extend(penalties);
        self.waiting.push(Tensor::stack(&columns, 0));
    }

    /// Reads what waits; the batch's mean activation at the last step.
    fn read_back(&mut self) -> f64 {
        if !self.waiting.is_empty() {
            let samples = self.rows.len();
            let block = Tensor::stack(&std::mem::take(&mut self.waiting), 0).to_kind(Kind::Double).flatten(0, -1);
            let mut values = vec![0f64; block.numel()];
            block.to_device(tch::Device::Cpu).copy_data(&mut values, block.numel());
            for step in values.chunks_exact(samples * (2 + self.regularizers)) {
                for (sample, rows) in self.rows.iter_mut().enumerate() {
                    let mut columns = step.iter().skip(sample).step_by(samples).copied();
                    let (activation, norm) = (columns.next().unwrap_or(f64::NAN), columns.next().unwrap_or(f64::NAN));
                    let penalties: Vec<f64> = columns.collect();
                    let loss = penalties.iter().sum::<f64>() - activation;
                    let gradient_norm = (norm != -1.).then_some(norm);
                    rows.push(Row { step: rows.len(), loss, activation, penalties, gradient_norm });
                }
            }
        }
        let last: Vec<f64> = self.rows.iter().filter_map(|rows| rows.last()).map(|row| row.activation).collect();
        last.iter().sum::<f64>() / last.len().max(1) as f64
    }

    fn all_failed(&self) -> bool {
        self.rows.iter().all(|rows| rows.iter().any(|row| !row.activation.is_finite()))
    }
}

/// What went wrong in a run, if its numbers stopped being finite: the step, and the likely cause.
fn failure(trace: &[Row], method: &Method) -> Option<String> {
    let row = trace
        .iter()
        .find(|row| !row.activation.is_finite() || row.gradient_norm.is_some_and(|norm| !norm.is_finite()))?;
    let (what, value) = match row.gradient_norm {
        Some(norm) if row.activation.is_finite() => ("the gradient", norm),
        _ => ("the activation", row.activation),
    };
    let cause = match row.step {
        0 => "the weights or the start hold such a number, or the activations overflow".to_owned(),
        _ => format!("the step size of method '{}' is too large", method.name),
    };
    Some(format!("{what} is {value} at step {}; most likely {cause}", row.step))
}
