//! The optimization: a batch of runs that share a classifier, a generator, a method and a size, one step at a time.
//!
//! ```text
//! param ─> pictures ─> transforms, input pipeline ─> classifier, as far as the deepest unit ─> objective
//!   ▲                                                                                           │
//!   └─────────────────── gradient, to the param's tensors and nothing else ─────────────────────┘
//! ```
//!
//! The loop reads nothing back from the device but every [`READ_BACK`] steps. Each sample's loss, random numbers and
//! optimizer state are its own, so that its picture does not depend on its neighbours beyond rounding.
//!
//! A batch that is cut off goes on from its last checkpoint ([`resume`]): everything that a step writes and a later one
//! reads is in `Chain::saved`, or in `Search::saved` where there are no gradients.

use crate::error::{Context as _, Result, request};
use classifiers::Classifier;
use generators::Generator;
use ndarray::{Array1, Array2, ArrayView2, s};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::checkpoint::{Keeper, Keeping, Saved, Unkept};
use crate::encoder::Encoder;
use crate::evolution::{Evolution, EvolutionSpec};
use crate::filter::{Context, Stage};
use crate::libtorch;
use crate::method::{Keep, Method, ParamSpec};
use crate::objective::Objective;
use crate::optimizer::Optimizer;
use crate::param::{Blend, Condition, Embedding, Fourier, Laplacian, Latent, LatentSpec, Maco, Param, Pixel};
use crate::random::{Purpose, Seed, stream};
use crate::unit::{LayerShapes, Reading, Unit};
use crate::view::{Moment, Seen, View};

/// Steps between two readings of the trace.
const READ_BACK: usize = 10;

/// Codes that are screened in one forward pass, at most.
const SCREENED_AT_ONCE: u64 = 16;

/// Pixels of pictures that are screened in one forward pass, so that screening takes no more memory than a few steps do.
const SCREENED_PIXELS: i64 = SCREENED_AT_ONCE as i64 * 128 * 128;

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
    /// The classifier that brings the generator's pictures back to codes, for a method that encodes.
    pub encoder: Option<&'a Classifier>,
    /// What is done.
    pub method: &'a Method,
    /// Side of the last octave's picture, if another one than the method's is wanted. What a generator makes has its own
    /// size.
    pub size: Option<i64>,
    /// One sample for each.
    pub runs: &'a [(Unit, Seed)],
}

/// One row of a trace: what one step saw before it moved.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// From 0; the last row is the state after the last step.
    pub step: usize,
    /// What was minimised: the penalties minus the objective.
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

    /// A checkpoint could not be written. The batch goes on; this is told once.
    fn unsaved(&self, error: &crate::error::Error) {
        let _ = error;
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
    resume(batch, watch, &Unkept)
}

/// The same from the last checkpoint on, and with checkpoints on the way. The results are the same to the last bit,
/// wherever the batch was cut off before, as long as nothing has changed that [`Keeper::batch`] should know of.
///
/// # Errors
/// As [`render`]. A checkpoint that cannot be read or written is none.
pub fn resume(batch: &Batch, watch: &dyn Watch, keeper: &dyn Keeper) -> Result<Vec<Rendered>> {
    let keeping = Keeping::new(keeper, watch);
    libtorch::catching(&format!(" in a batch of {} runs", batch.runs.len()), || optimize(batch, watch, &keeping))
}

fn optimize(batch: &Batch, watch: &dyn Watch, keeping: &Keeping) -> Result<Vec<Rendered>> {
    let Batch { classifier, method, .. } = *batch;
    let (kind, device) = (classifier.network.kind(), classifier.network.device());
    let seeds: Vec<Seed> = batch.runs.iter().map(|(_, seed)| *seed).collect();
    let copies = method.param.copies();
    let of_pictures: Vec<Seed> = seeds.iter().flat_map(|seed| std::iter::repeat_n(*seed, copies)).collect();
    method.fit_networks(classifier, batch.generator).with_context(|| format!("method '{}'", method.name))?;
    let of_generator = batch.generator.map(Generator::schedule);
    let sides = method.sides(classifier.size, batch.size);
    let found = keeping.found();

    let (Some(spec), Some(generator), Some(of_generator)) = (method.param.latent(), batch.generator, &of_generator)
    else {
        let begin = || {
            let param: Option<Box<dyn Param>> = match (&method.param, batch.generator, &of_generator) {
                (ParamSpec::Embedding(spec), Some(generator), Some(schedule)) => {
                    Some(Box::new(Embedding::new(generator, schedule, *spec, &seeds)?))
                }
                (spec, ..) => free(spec, &seeds, [sides[0]; 2], kind, device),
            };
            match param {
                Some(param) => Chain::new(batch, [&seeds, &of_pictures], &sides, param),
                None => {
                    Err(request!("method '{}' searches a generator's code: name one with --generator", method.name))
                }
            }
        };
        let mut chain = Chain::restored(found.part(MAIN), begin)?.map_or_else(begin, Ok)?;
        chain.ascend(method.all_steps() + 1, watch, &|chain| keeping.keep(|| chain.saved_as(MAIN)))?;
        return chain.finish();
    };
    let prior = |starts: &[(Seed, u64)]| Latent::new(generator, of_generator, spec, batch.condition, starts);
    // Nothing goes back through what is only looked at.
    let forward_only = generator.schedule().forward_only();
    let looked_at = |starts: &[(Seed, u64)]| Latent::new(generator, &forward_only, spec, batch.condition, starts);
    if let Some(evolution) = method.optimizer.evolution() {
        return evolve(batch, evolution, &looked_at, watch, keeping, &found);
    }
    let mut screening = Screening::new(batch, spec, found.part(SCREEN));
    let (starts, screened) = screen(batch, spec, (&looked_at, generator.size), watch, keeping, &mut screening)?;
    let begin = |place: usize| {
        let starts: Vec<(Seed, u64)> = starts.iter().map(|ranked| ranked[place]).collect();
        let param: Box<dyn Param> = match &method.param {
            ParamSpec::Blend(blend) => Box::new(Blend::new(prior(&starts), blend, [sides[0]; 2])),
            _ => Box::new(prior(&starts)),
        };
        Chain::new(batch, [&seeds, &of_pictures], &sides, param)
    };
    let mut chain = match Chain::restored(found.part(MAIN), || begin(0))? {
        Some(chain) => chain,
        None => {
            let trial = if spec.starts > 1 { spec.trial.min(method.steps) } else { 0 };
            let name = |place: usize| format!("trial.{place}");
            let mut chains: Vec<Chain> = vec![];
            for place in 0..spec.starts {
                let restored = Chain::restored(found.part(&name(place)), || begin(place))?;
                let mut chain = restored.map_or_else(|| begin(place), Ok)?;
                let state = |chain: &Chain| {
                    let mut saved = chain.saved_as(&name(place));
                    saved.put_part(SCREEN, screening.saved());
                    chains.iter().enumerate().for_each(|(place, chain)| saved.put_part(&name(place), chain.saved()));
                    saved
                };
                chain.ascend(trial, watch, &|chain| keeping.keep(|| state(chain)))?;
                chains.push(chain);
            }
            let mut chain = Chain::fittest(chains);
            chain.passes.forward += screened;
            chain
        }
    };
    let state = |chain: &Chain| {
        let mut saved = chain.saved_as(MAIN);
        saved.put_part(SCREEN, screening.saved());
        saved
    };
    chain.ascend(method.steps + 1, watch, &|chain| keeping.keep(|| state(chain)))?;
    chain.finish()
}

/// What checkpoints call the ascent to the result.
const MAIN: &str = "main";

/// What checkpoints call the activations of random codes.
const SCREEN: &str = "screen";

/// The picture of a method that needs no generator.
fn free(spec: &ParamSpec, seeds: &[Seed], size: [i64; 2], kind: Kind, device: Device) -> Option<Box<dyn Param>> {
    Some(match *spec {
        ParamSpec::Pixel(spec) => Box::new(Pixel::new(spec, seeds, size, kind, device)),
        ParamSpec::Fourier(spec) => Box::new(Fourier::new(spec, seeds, size, kind, device)),
        ParamSpec::Laplacian(spec) => Box::new(Laplacian::new(spec, seeds, size, kind, device)),
        ParamSpec::Maco(spec) => Box::new(Maco::new(spec, seeds, size, kind, device)),
        ParamSpec::Latent(_) | ParamSpec::Embedding(_) | ParamSpec::Blend(_) => return None,
    })
}

/// How many passes a run took: what comparisons at equal cost count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passes {
    /// Forward passes through the classifier (and the generator); screening, other starts, views and tiles included.
    pub forward: usize,
    /// Backward passes.
    pub backward: usize,
}

/// An optimization under way: the pictures of all runs of a batch, and everything that the next step depends on.
struct Chain<'b> {
    batch: &'b Batch<'b>,
    /// One a run.
    seeds: &'b [Seed],
    /// One a picture.
    of_pictures: &'b [Seed],
    /// The sides of the octaves' pictures.
    sides: &'b [i64],
    encoder: Option<Encoder<'b>>,
    param: Box<dyn Param + 'b>,
    optimizer: Box<dyn Optimizer>,
    view: View<'b>,
    best: Best,
    trace: Trace,
    passes: Passes,
    /// The next step.
    step: usize,
    octave: usize,
}

impl<'b> Chain<'b> {
    fn new(
        batch: &'b Batch<'b>,
        [seeds, of_pictures]: [&'b [Seed]; 2],
        sides: &'b [i64],
        param: Box<dyn Param + 'b>,
    ) -> Result<Chain<'b>> {
        let best = Best::new(batch.method.keep, &param.tensors());
        let trace = Trace::new(batch.runs.len(), batch.method.regularizers.len());
        let view = Chain::view(batch, of_pictures, param.as_ref())?;
        let optimizer = batch.method.optimizer.build(&param.tensors())?;
        let (step, octave, passes) = (0, 0, Passes::default());
        let encoder = match batch.generator.filter(|_| batch.method.encodes()) {
            Some(generator) => Some(Encoder::new(generator, batch.encoder)?),
            None => None,
        };
        Ok(Chain {
            batch,
            seeds,
            of_pictures,
            sides,
            encoder,
            optimizer,
            view,
            param,
            best,
            trace,
            passes,
            step,
            octave,
        })
    }

    fn view(batch: &'b Batch<'b>, seeds: &'b [Seed], param: &dyn Param) -> Result<View<'b>> {
        let copies = param.copies();
        let units: Vec<&Unit> = batch.runs.iter().flat_map(|(unit, _)| std::iter::repeat_n(unit, copies)).collect();
        View::new(batch.classifier, batch.shapes, batch.method, &units, seeds, param.size())
    }

    /// Begins the next octave: the picture at its size, an optimizer that has forgotten.
    fn grow(&mut self) -> Result<()> {
        let _guard = tch::no_grad_guard();
        let Batch { method, .. } = *self.batch;
        self.octave += 1;
        self.param.resize([self.sides[self.octave]; 2], method.octaves.resampling)?;
        self.optimizer = method.optimizer.build(&self.param.tensors())?;
        self.view = Chain::view(self.batch, self.of_pictures, self.param.as_ref())?;
        self.best = Best::new(method.keep, &self.param.tensors());
        Ok(())
    }

    /// Goes on up to (not including) step `end`, and shows itself to `keep` after each. The step after the method's last
    /// one only looks.
    fn ascend(&mut self, end: usize, watch: &dyn Watch, keep: &dyn Fn(&Chain)) -> Result<()> {
        let method = self.batch.method;
        let all = method.all_steps();
        while self.step < end && !self.trace.all_failed() {
            if self.step == (self.octave + 1) * method.steps && self.step < all {
                self.grow()?;
            }
            let _guard = tch::no_grad_guard();
            let tensors = self.param.tensors();
            let copies = self.param.copies();
            self.param.begin(self.step);
            let pictures = self.param.pictures();
            let moment = Moment { step: self.step, octave: self.octave };
            let moves = self.step < all;
            let seen = self.view.look(&pictures, moment, moves)?.of_copies(copies);
            self.best.see(&seen.activations, &tensors);
            self.passes.forward += self.view.passes() * copies;
            let mut penalties: Vec<Option<Tensor>> = method.regularizers.iter().map(|_| None).collect();
            for (place, penalty) in seen.penalties {
                let before = penalties[place].take();
                penalties[place] = Some(before.map_or_else(|| penalty.shallow_clone(), |before| before + &penalty));
            }
            let mut at_pictures = seen.gradient;
            for (penalty, regularizer) in penalties.iter_mut().zip(&method.regularizers) {
                if let Some((value, gradient)) = regularizer.of_picture(&pictures) {
                    *penalty = Some(mean_of_copies(&value, copies));
                    let gradient = if copies > 1 { gradient / copies as f64 } else { gradient };
                    at_pictures = at_pictures.map(|before| before - gradient);
                }
            }
            let mut gradients = match &at_pictures {
                Some(gradient) => {
                    self.passes.backward += self.view.passes() * copies;
                    let filtered = self.filtered(Stage::Gradient, gradient, gradient);
                    self.param.pullback(&filtered)
                }
                None => tensors.iter().map(Tensor::zeros_like).collect(),
            };
            if let Some(code) = self.param.code() {
                let encoded = self.encoder.as_ref().map(|encoder| encoder.encode(&pictures));
                for (penalty, regularizer) in penalties.iter_mut().zip(&method.regularizers) {
                    let found = match &encoded {
                        Some(encoded) if regularizer.encodes() => Some(regularizer.of_encoded(&code, encoded)),
                        _ => regularizer.of_code(&code),
                    };
                    if let Some((value, gradient)) = found {
                        *penalty = Some(value);
                        gradients[0] = &gradients[0] - gradient;
                    }
                }
            }
            let none = || seen.activations.zeros_like();
            let penalties: Vec<Tensor> = penalties.into_iter().map(|penalty| penalty.unwrap_or_else(none)).collect();
            let norms = moves.then_some(gradients.as_slice());
            self.trace.push(&seen.activations, &seen.objectives, &penalties, norms);
            if let Some(at_pictures) = &at_pictures {
                self.step_along(&tensors, &gradients, at_pictures);
            }
            self.step += 1;
            if self.step.is_multiple_of(READ_BACK) || self.step == end {
                watch.step(self.step.min(all), all, self.trace.read_back());
            }
            keep(self);
        }
        Ok(())
    }

    /// Everything that the next step depends on.
    fn saved(&self) -> Saved {
        let Passes { forward, backward } = self.passes;
        let mut saved = Saved::default();
        saved.put_counts("counts", &[self.step, self.octave, forward, backward]);
        saved.put_all("tensors", &self.tensors());
        for (sample, rows) in self.trace.rows.iter().enumerate() {
            saved.put_trace(&format!("trace.{sample}"), rows);
        }
        // Not read before its time: a batch stops early where the rows that are read say so.
        saved.put_all("waiting", &self.trace.waiting);
        saved
    }

    /// The same as a part of a checkpoint.
    fn saved_as(&self, name: &str) -> Saved {
        let mut saved = Saved::default();
        saved.put_part(name, self.saved());
        saved
    }

    /// The chain that left `saved`, on what `begin` makes; none if there is nothing of it, or if it does not fit.
    fn restored(saved: Option<Saved>, begin: impl FnOnce() -> Result<Chain<'b>>) -> Result<Option<Chain<'b>>> {
        let Some(saved) = saved else { return Ok(None) };
        let mut chain = begin()?;
        Ok(chain.restore(&saved).map(|()| chain))
    }

    fn restore(&mut self, saved: &Saved) -> Option<()> {
        let _guard = tch::no_grad_guard();
        let [step, octave, forward, backward] = saved.counts("counts")?[..] else { return None };
        // Through all sizes in their order, so that the tensors have the layout that they had.
        for _ in 0..octave {
            self.grow().ok()?;
        }
        saved.restore_all("tensors", &self.tensors())?;
        for (sample, rows) in self.trace.rows.iter_mut().enumerate() {
            *rows = saved.trace(&format!("trace.{sample}"), self.trace.regularizers)?;
        }
        let device = self.batch.classifier.network.device();
        self.trace.waiting = saved.all("waiting").iter().map(|columns| columns.to_device(device)).collect();
        let shape = [3 + self.trace.regularizers as i64, self.trace.rows.len() as i64];
        let fits = self.trace.waiting.iter().all(|columns| columns.size() == shape);
        (self.step, self.passes) = (step, Passes { forward, backward });
        fits.then_some(())
    }

    /// One step of the optimizer, the filters that are due after it, and back into the range.
    fn step_along(&mut self, tensors: &[Tensor], gradients: &[Tensor], at_pictures: &Tensor) {
        let method = self.batch.method;
        let at = self.at();
        self.optimizer.ascend(tensors, gradients, at.local, method.steps);
        if let Some(mut code) = self.param.code() {
            // A code is filtered within its limits, as Nguyen et al. (2016) do.
            self.param.project();
            let filtered = self.filtered(Stage::Code, &code, at_pictures);
            if filtered.data_ptr() != code.data_ptr() {
                code.copy_(&filtered);
            }
        } else if method.filters.iter().any(|filter| filter.stage().is(Stage::Picture) && filter.is_due(at.local)) {
            let Chain { param, seeds, batch, .. } = self;
            param.edit(&|picture| filtered(batch.method, seeds, at, Stage::Picture, picture, at_pictures));
        }
        self.param.project();
    }

    /// Where the present step lies.
    fn at(&self) -> At {
        At { step: self.step, local: self.step - self.octave * self.batch.method.steps }
    }

    /// A code, picture or gradient after the filters of that stage that are due.
    fn filtered(&self, stage: Stage, tensor: &Tensor, gradient: &Tensor) -> Tensor {
        filtered(self.batch.method, self.seeds, self.at(), stage, tensor, gradient)
    }

    /// Of several chains that came equally far, one that holds each run's highest last activation.
    fn fittest(chains: Vec<Chain<'b>>) -> Chain<'b> {
        let _guard = tch::no_grad_guard();
        let mut chains = chains.into_iter();
        let Some(mut first) = chains.next() else { unreachable!("there is at least one start") };
        let others: Vec<Chain> = chains.collect();
        for other in &others {
            first.passes.forward += other.passes.forward;
            first.passes.backward += other.passes.backward;
        }
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

    fn finish(mut self) -> Result<Vec<Rendered>> {
        let _guard = tch::no_grad_guard();
        self.best.restore(&self.param.tensors());
        let pictures = on_host(self.param.kept());
        let state: Vec<_> = self.param.state().into_iter().map(|(name, tensor)| (name, on_host(tensor))).collect();
        Ok(rendered(&pictures, &state, self.trace.rows, self.passes, self.batch.method))
    }
}

/// Candidates that pass together.
const CANDIDATES_AT_ONCE: usize = 8;

/// The search of one run, and what has come of it.
struct Search {
    evolution: Box<dyn Evolution>,
    /// Of the candidates of the present generation that were seen already.
    fitness: Vec<f64>,
    activations: Vec<f64>,
    highest: f64,
    /// A row for each generation that is done.
    trace: Vec<Row>,
}

impl Search {
    /// Everything that the next candidate depends on.
    fn saved(&self) -> Saved {
        let mut saved = Saved::default();
        saved.put_part("evolution", self.evolution.saved());
        saved.put_numbers("fitness", &self.fitness);
        saved.put_numbers("activations", &self.activations);
        saved.put_numbers("highest", &[self.highest]);
        saved.put_trace("trace", &self.trace);
        saved
    }

    fn restore(&mut self, saved: &Saved) -> Option<()> {
        self.evolution.restore(&saved.part("evolution")?)?;
        let [highest] = saved.numbers("highest")?[..] else { return None };
        self.fitness = saved.numbers("fitness")?;
        self.activations = saved.numbers("activations")?;
        (self.highest, self.trace) = (highest, saved.trace("trace", 0)?);
        (self.fitness.len() == self.activations.len()).then_some(())
    }
}

/// What checkpoints call the best candidates, and the passes that were made.
const BEST: &str = "best";
const PASSES: &str = "passes";

/// A search without gradients for each run: generations of candidates, of which only the best of all is kept.
fn evolve(
    batch: &Batch,
    spec: EvolutionSpec,
    prior: &Draw,
    watch: &dyn Watch,
    keeping: &Keeping,
    found: &Saved,
) -> Result<Vec<Rendered>> {
    let _guard = tch::no_grad_guard();
    let Batch { method, .. } = *batch;
    let population = spec.population();
    let draws = |seed: Seed, count: usize| (0..count as u64).map(|number| (seed, number)).collect::<Vec<_>>();
    let at_once = CANDIDATES_AT_ONCE.min(population);
    let whitening = Whitening::of(&prior(&draws(batch.runs[0].1, 1)))?;
    let begin = || -> Result<(Vec<Search>, Latent, Passes)> {
        let search = |(_, seed): &(Unit, Seed)| -> Result<Search> {
            let evolution = spec.build(whitening.whitened(to_rows(&prior(&draws(*seed, population)).tensors())?))?;
            let (fitness, activations, trace) = (vec![], vec![], vec![]);
            Ok(Search { evolution, fitness, activations, highest: f64::NEG_INFINITY, trace })
        };
        let searches = batch.runs.iter().map(search).collect::<Result<Vec<_>>>()?;
        let bests = prior(&batch.runs.iter().map(|(_, seed)| (*seed, 0)).collect::<Vec<_>>());
        Ok((searches, bests, Passes::default()))
    };
    let name = |run: usize| format!("search.{run}");
    let restore = |(searches, bests, passes): &mut (Vec<Search>, Latent, Passes)| {
        let [forward] = found.counts(PASSES)?[..] else { return None };
        passes.forward = forward;
        found.restore_all(BEST, &bests.tensors())?;
        searches.iter_mut().enumerate().try_for_each(|(run, search)| search.restore(&found.part(&name(run))?))
    };
    let mut begun = begin()?;
    if restore(&mut begun).is_none() {
        begun = begin()?;
    }
    let (mut searches, mut bests, mut passes) = begun;
    let sizes: Vec<usize> = match population % at_once {
        0 => vec![at_once],
        rest => vec![at_once, rest],
    };
    let mut codes: Vec<Latent> = sizes.iter().map(|&size| prior(&draws(batch.runs[0].1, size))).collect();
    let seeds: Vec<Vec<Seed>> = batch.runs.iter().map(|(_, seed)| vec![*seed; at_once]).collect();
    let mut views = vec![];
    for ((unit, _), seeds) in batch.runs.iter().zip(&seeds) {
        let of = |&count: &usize| {
            let (units, size) = (vec![unit; count], codes[0].size());
            View::new(batch.classifier, batch.shapes, method, &units, &seeds[..count], size)
        };
        views.push(sizes.iter().map(of).collect::<Result<Vec<_>>>()?);
    }
    // Searches take turns; after a checkpoint within a generation, some are one generation further than the others.
    let done = searches.iter().map(|search| search.trace.len()).min().unwrap_or_default();
    for generation in done..method.steps {
        for (run, (_, seed)) in batch.runs.iter().enumerate() {
            if searches[run].trace.len() > generation {
                continue;
            }
            if searches[run].fitness.is_empty() {
                let mut rng = stream(*seed, Purpose::Evolution, generation as u64);
                searches[run].evolution.draw(&mut rng, generation, method.steps);
            }
            let candidates = whitening.coloured(searches[run].evolution.candidates());
            while searches[run].fitness.len() < population {
                let from = searches[run].fitness.len();
                let count = at_once.min(population - from);
                let place = usize::from(count != at_once);
                set_rows(&codes[place].tensors(), candidates.slice(s![from..from + count, ..]))?;
                codes[place].project();
                let view = &views[run][place];
                let pictures = codes[place].pictures();
                let seen = view.look(&pictures, Moment { step: generation, octave: 0 }, false)?;
                if run == 0 {
                    passes.forward += view.passes() * count;
                }
                let search = &mut searches[run];
                let objectives: Vec<f64> = Vec::try_from(seen.objectives.to_kind(Kind::Double))?;
                for (row, &objective) in objectives.iter().enumerate() {
                    if objective > search.highest {
                        search.highest = objective;
                        for (best, tensor) in bests.tensors().iter().zip(codes[place].tensors()) {
                            best.get(run as i64).copy_(&tensor.get(row as i64));
                        }
                    }
                }
                search.fitness.extend(objectives);
                search.activations.extend(Vec::<f64>::try_from(seen.activations.to_kind(Kind::Double))?);
                keeping.keep(|| {
                    let mut saved = Saved::default();
                    saved.put_counts(PASSES, &[passes.forward]);
                    saved.put_all(BEST, &bests.tensors());
                    searches.iter().enumerate().for_each(|(run, search)| saved.put_part(&name(run), search.saved()));
                    saved
                });
            }
            let Search { evolution, fitness, activations, trace, .. } = &mut searches[run];
            let best =
                (0..population).reduce(|a, b| if fitness[b] > fitness[a] || fitness[a].is_nan() { b } else { a });
            let best = best.unwrap_or(0);
            trace.push(Row {
                step: generation,
                loss: -fitness[best],
                activation: activations[best],
                penalties: vec![],
                gradient_norm: None,
            });
            evolution.tell(fitness);
            fitness.clear();
            activations.clear();
        }
        let mean = searches.iter().filter_map(|search| search.trace.last()).map(|row| row.activation).sum::<f64>();
        watch.step(generation + 1, method.steps, mean / searches.len() as f64);
    }
    let pictures = on_host(bests.pictures());
    let state: Vec<_> = bests.state().into_iter().map(|(name, tensor)| (name, on_host(tensor))).collect();
    Ok(rendered(&pictures, &state, searches.into_iter().map(|search| search.trace).collect(), passes, method))
}

/// What searches without gradients measure by: the prior's mean and standard deviation in each number of a code. Number by number,
/// a draw from the prior is white noise to them; what numbers have to do with each other (in w and w+ of a StyleGAN) they do not
/// know at first.
struct Whitening {
    mean: Array1<f64>,
    deviation: Array1<f64>,
}

impl Whitening {
    /// That of a code's prior.
    fn of(code: &Latent) -> Result<Whitening> {
        let (mut means, mut deviations) = (vec![], vec![]);
        for (tensor, (mean, deviation)) in code.tensors().iter().zip(code.moments()) {
            means.push(mean.expand_as(tensor));
            deviations.push(deviation.expand_as(tensor));
        }
        let row = |tensors: &[Tensor]| to_rows(tensors).map(|rows| rows.row(0).to_owned());
        Ok(Whitening { mean: row(&means)?, deviation: row(&deviations)? })
    }

    /// Codes `[n,d]` in deviations from the mean; 0 where the prior has none.
    fn whitened(&self, codes: Array2<f64>) -> Array2<f64> {
        let mut codes = codes - &self.mean;
        for mut row in codes.rows_mut() {
            row.zip_mut_with(&self.deviation, |number, &deviation| {
                *number = if deviation > 0. { *number / deviation } else { 0. };
            });
        }
        codes
    }

    /// The opposite.
    fn coloured(&self, white: Array2<f64>) -> Array2<f64> {
        white * &self.deviation + &self.mean
    }
}

/// All numbers of each sample in a row.
fn to_rows(tensors: &[Tensor]) -> Result<Array2<f64>> {
    let flat: Vec<Tensor> = tensors.iter().map(|tensor| tensor.flatten(1, -1)).collect();
    let flat = Tensor::cat(&flat, 1).to_kind(Kind::Double).to_device(Device::Cpu);
    let shape = (flat.size()[0] as usize, flat.size()[1] as usize);
    let mut values = vec![0.; flat.numel()];
    flat.contiguous().copy_data(&mut values, flat.numel());
    Ok(Array2::from_shape_vec(shape, values)?)
}

/// The opposite.
fn set_rows(tensors: &[Tensor], rows: ArrayView2<f64>) -> Result<()> {
    let values: Vec<f64> = rows.iter().copied().collect();
    let flat = Tensor::from_slice(&values).view([rows.nrows() as i64, rows.ncols() as i64]);
    let mut from = 0;
    for tensor in tensors {
        let shape = tensor.size();
        let width = shape[1..].iter().product::<i64>();
        tensor.shallow_clone().copy_(&flat.narrow(1, from, width).view(shape.as_slice()));
        from += width;
    }
    Ok(())
}

/// A tensor as records keep it.
fn on_host(tensor: Tensor) -> Tensor {
    tensor.detach().to_device(Device::Cpu).to_kind(Kind::Float)
}

/// The results of a batch, sample by sample.
fn rendered(
    pictures: &Tensor,
    state: &[(&'static str, Tensor)],
    traces: Vec<Vec<Row>>,
    passes: Passes,
    method: &Method,
) -> Vec<Rendered> {
    let of = |(i, trace): (usize, Vec<Row>)| Rendered {
        picture: pictures.get(i as i64).contiguous(),
        state: state.iter().map(|(name, tensor)| (*name, tensor.get(i as i64).contiguous())).collect(),
        failure: failure(&trace, method),
        trace,
        passes,
    };
    traces.into_iter().enumerate().map(of).collect()
}

/// Draws from the prior of a generator: one code for each (seed, number).
type Draw<'g, 'a> = dyn Fn(&[(Seed, u64)]) -> Latent<'g> + 'a;

/// The starts of every run: draws by seed and number.
type Starts = Vec<Vec<(Seed, u64)>>;

/// What became of random codes.
struct Screening {
    /// The activations of each run, as many as were screened.
    activations: Vec<Tensor>,
}

impl Screening {
    /// None are screened yet, or so many as `saved` has.
    fn new(batch: &Batch, spec: &LatentSpec, saved: Option<Saved>) -> Screening {
        let (kind, device) = (batch.classifier.network.kind(), batch.classifier.network.device());
        let saved: Vec<Tensor> = saved.iter().flat_map(|saved| saved.all("activations")).collect();
        let fits = |of: &Tensor| of.dim() == 1 && of.numel() <= spec.screen && of.kind() == kind;
        let activations = match saved.len() == batch.runs.len() && saved.iter().all(fits) {
            true => saved.iter().map(|of| of.to_device(device)).collect(),
            false => batch.runs.iter().map(|_| Tensor::zeros([0], (kind, device))).collect(),
        };
        Screening { activations }
    }

    fn saved(&self) -> Saved {
        let mut saved = Saved::default();
        saved.put_all("activations", &self.activations);
        saved
    }
}

/// The starts of every run, best first: the codes of highest activation among the first `screen` draws of its seed; and how
/// many passes that took. Runs of one seed share the draws, and so the passes.
fn screen(
    batch: &Batch,
    spec: &LatentSpec,
    (prior, size): (&Draw, [i64; 2]),
    watch: &dyn Watch,
    keeping: &Keeping,
    screening: &mut Screening,
) -> Result<(Starts, usize)> {
    if spec.screen <= 1 {
        let starts = batch.runs.iter().map(|(_, seed)| (0..spec.starts as u64).map(|number| (*seed, number)).collect());
        return Ok((starts.collect(), 0));
    }
    let _guard = tch::no_grad_guard();
    let classifier = batch.classifier;
    let mut seeds: Vec<Seed> = batch.runs.iter().map(|(_, seed)| *seed).collect();
    seeds.sort();
    seeds.dedup();
    let mut starts = vec![vec![]; batch.runs.len()];
    for (place, &seed) in seeds.iter().enumerate() {
        let runs: Vec<usize> = (0..batch.runs.len()).filter(|&i| batch.runs[i].1 == seed).collect();
        let done = runs.iter().map(|&run| screening.activations[run].numel()).min().unwrap_or_default();
        let [height, width] = size;
        let at_once = ((SCREENED_PIXELS / (height * width)).max(1) as u64).min(SCREENED_AT_ONCE);
        for from in (done as u64..spec.screen as u64).step_by(at_once as usize) {
            let to = (from + at_once).min(spec.screen as u64);
            let mut codes = prior(&(from..to).map(|number| (seed, number)).collect::<Vec<_>>());
            let pictures = codes.pictures();
            let input = classifier.input_pipeline(codes.size(), [classifier.size; 2]).apply(&pictures);
            let objectives = (runs.iter())
                .map(|&run| Objective::new(&vec![&batch.runs[run].0; (to - from) as usize], Reading::Activation))
                .collect::<Result<Vec<_>>>()?;
            let points: Vec<_> = objectives.iter().flat_map(Objective::points).collect();
            let schedule = classifier.network.schedule(&points).forward_only();
            let pass = classifier.network.forward(&schedule, &input);
            for (&run, objective) in runs.iter().zip(&objectives) {
                let seen = objective.evaluate(|point| pass.activation(point).shallow_clone()).activations;
                let before = &mut screening.activations[run];
                *before = Tensor::cat(&[&*before, &seen], 0);
            }
            watch.screened(place * spec.screen + to as usize, seeds.len() * spec.screen);
            keeping.keep(|| {
                let mut saved = Saved::default();
                saved.put_part(SCREEN, screening.saved());
                saved
            });
        }
        for &run in &runs {
            let order = screening.activations[run].argsort_stable(true, 0, true).to_device(Device::Cpu);
            let ranked = (0..spec.starts as i64).map(|rank| (seed, order.int64_value(&[rank]) as u64));
            starts[run] = ranked.collect();
        }
    }
    Ok((starts, spec.screen))
}

/// The mean over the pictures of each sample.
fn mean_of_copies(rows: &Tensor, copies: usize) -> Tensor {
    match copies {
        1 => rows.shallow_clone(),
        copies => rows.view([-1, copies as i64]).mean_dim(1i64, false, None::<Kind>),
    }
}

impl Seen {
    /// What the samples saw that have so many pictures each, next to each other.
    fn of_copies(self, copies: usize) -> Seen {
        if copies == 1 {
            return self;
        }
        Seen {
            activations: mean_of_copies(&self.activations, copies),
            objectives: mean_of_copies(&self.objectives, copies),
            penalties: self.penalties.into_iter().map(|(place, row)| (place, mean_of_copies(&row, copies))).collect(),
            gradient: self.gradient.map(|gradient| gradient / copies as f64),
        }
    }
}

/// The number of a step among all, and within its octave.
#[derive(Clone, Copy, Debug)]
struct At {
    step: usize,
    local: usize,
}

/// A code, picture or gradient after the method's filters of that stage that are due at a step of an octave.
fn filtered(method: &Method, seeds: &[Seed], at: At, stage: Stage, tensor: &Tensor, gradient: &Tensor) -> Tensor {
    let mut tensor = tensor.shallow_clone();
    let due =
        method.filters.iter().enumerate().filter(|(_, filter)| filter.stage().is(stage) && filter.is_due(at.local));
    for (place, filter) in due {
        let draw = |shape: &[i64]| {
            let count = shape[1..].iter().product::<i64>() as usize;
            let rows: Vec<Tensor> = (seeds.iter())
                .map(|seed| {
                    let mut rng = stream(*seed, Purpose::Redraw, (at.step * method.filters.len() + place) as u64);
                    Tensor::from_slice(&(0..count).map(|_| rng.random::<f32>()).collect::<Vec<_>>())
                })
                .collect();
            Tensor::stack(&rows, 0).view(shape).to_kind(tensor.kind()).to_device(tensor.device())
        };
        let filtered = filter.apply(&tensor, &Context { gradient, stage, draw: &draw });
        tensor = filtered;
    }
    tensor
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

    fn push(&mut self, activations: &Tensor, objectives: &Tensor, penalties: &[Tensor], gradients: Option<&[Tensor]>) {
        let norm = match gradients {
            Some(gradients) => {
                let squares =
                    gradients.iter().map(|g| g.square().flatten(1, -1).sum_dim_intlist(1i64, false, None::<Kind>));
                squares.reduce(|sum, next| sum + next).map_or_else(|| activations.zeros_like(), |sum| sum.sqrt())
            }
            None => activations.full_like(-1.),
        };
        let mut columns = vec![activations, objectives, &norm];
        columns.extend(penalties);
        self.waiting.push(Tensor::stack(&columns, 0));
    }

    /// Reads what waits; the batch's mean activation at the last step.
    fn read_back(&mut self) -> f64 {
        if !self.waiting.is_empty() {
            let samples = self.rows.len();
            let block = Tensor::stack(&std::mem::take(&mut self.waiting), 0).to_kind(Kind::Double).flatten(0, -1);
            let mut values = vec![0f64; block.numel()];
            block.to_device(Device::Cpu).copy_data(&mut values, block.numel());
            for step in values.chunks_exact(samples * (3 + self.regularizers)) {
                for (sample, rows) in self.rows.iter_mut().enumerate() {
                    let mut columns = step.iter().skip(sample).step_by(samples).copied();
                    let mut next = || columns.next().unwrap_or(f64::NAN);
                    let (activation, objective, norm) = (next(), next(), next());
                    let penalties: Vec<f64> = columns.collect();
                    let loss = penalties.iter().sum::<f64>() - objective;
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
