//! Gradient ascent: the pictures of all runs of a batch, one step at a time, octave after octave.

use std::borrow::Cow;

use rand::RngExt;
use tch::{Kind, Tensor};

use super::batch::{Batch, Passes, Rendered, on_host, rendered};
use super::best::Best;
use super::encoder::Encoder;
use super::matching::Matching;
use super::trace::{READ_BACK, Trace, is_dead};
use super::view::{Moment, Seen, View};
use super::watch::Watch;
use crate::error::Result;
use crate::filter::{FilterContext, Stage};
use crate::method::Method;
use crate::optimizer::Optimizer;
use crate::param::Param;
use crate::random::{Purpose, Seed, normal, stream};
use crate::regularizer::RegularizerSpec;
use crate::saved::Saved;
use crate::unit::Unit;

/// An optimization under way: the pictures of all runs of a batch, and everything that the next step depends on.
pub(super) struct Chain<'b> {
    pub(super) batch: &'b Batch<'b>,
    /// One a run.
    pub(super) seeds: &'b [Seed],
    /// One a picture.
    pub(super) of_pictures: &'b [Seed],
    /// The sides of the octaves' pictures.
    pub(super) sides: &'b [i64],
    pub(super) encoder: Option<Encoder<'b>>,
    pub(super) param: Box<dyn Param + 'b>,
    pub(super) optimizer: Box<dyn Optimizer>,
    pub(super) view: View<'b>,
    pub(super) best: Best,
    pub(super) trace: Trace,
    pub(super) passes: Passes,
    /// The next step.
    pub(super) step: usize,
    pub(super) octave: usize,
    /// The draws of their seeds that the runs started from.
    pub(super) draws: Vec<u64>,
    /// The runs whose units nothing has moved yet, as the trace says that was read last.
    pub(super) dead: Vec<bool>,
}

/// How often a picture is moved by noise whose unit nothing moves.
const REVIVALS: usize = 5;

impl<'b> Chain<'b> {
    pub(super) fn new(
        batch: &'b Batch<'b>,
        [seeds, of_pictures]: [&'b [Seed]; 2],
        sides: &'b [i64],
        param: Box<dyn Param + 'b>,
    ) -> Result<Chain<'b>> {
        let best = Best::new(batch.method.keep, &param.tensors());
        let trace = Trace::new(batch.runs.len(), batch.method.regularizers.len());
        let dead = vec![false; batch.runs.len()];
        let view = Chain::view(batch, of_pictures, param.as_ref(), &dead)?;
        let optimizer = batch.method.optimizer.build(&param.tensors())?;
        let (step, octave, passes) = (0, 0, Passes::default());
        let pulled = batch.method.regularizers.iter().any(RegularizerSpec::encodes);
        let encoder = match batch.generator.filter(|_| pulled) {
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
            draws: vec![0; batch.runs.len()],
            dead,
        })
    }

    /// What is seen of a param's pictures; units that nothing moves are driven by what is before their ReLU.
    pub(super) fn view(batch: &'b Batch<'b>, seeds: &'b [Seed], param: &dyn Param, dead: &[bool]) -> Result<View<'b>> {
        let copies = param.copies();
        let driven: Vec<Cow<Unit>> = (batch.runs.iter().zip(dead))
            .map(|((unit, _), &dead)| match unit.revived(&batch.classifier.network).filter(|_| dead) {
                Some(revived) => Cow::Owned(revived),
                None => Cow::Borrowed(unit),
            })
            .collect();
        let units: Vec<&Unit> = driven.iter().flat_map(|unit| std::iter::repeat_n(&**unit, copies)).collect();
        let start = batch.start(seeds, param.size()[0])?;
        let matching = Matching::of(batch, &units)?;
        let view = View::new(batch.classifier, batch.shapes, batch.method, &units, seeds, param.size(), start)?;
        Ok(view.matching(matching))
    }

    /// Begins the next octave: the picture at its size, an optimizer that has forgotten.
    pub(super) fn grow(&mut self) -> Result<()> {
        let _guard = tch::no_grad_guard();
        let Batch { method, .. } = *self.batch;
        self.octave += 1;
        let side = self.sides[self.octave];
        let start = |side: i64| self.batch.start(self.seeds, side);
        let starts = start(self.sides[self.octave - 1])?.zip(start(side)?);
        let starts = starts.as_ref().map(|(before, now)| [before, now]);
        self.param.resize([side; 2], method.octaves.resampling, starts)?;
        self.optimizer = method.optimizer.build(&self.param.tensors())?;
        self.view = Chain::view(self.batch, self.of_pictures, self.param.as_ref(), &self.dead)?;
        self.best = Best::new(method.keep, &self.param.tensors());
        Ok(())
    }

    /// Goes on up to (not including) step `end`, and shows itself to `keep` after each. The step after the method's last
    /// one only looks.
    pub(super) fn ascend(&mut self, end: usize, watch: &dyn Watch, keep: &dyn Fn(&Chain) -> Result<()>) -> Result<()> {
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
            if watch.wants(self.step, all) {
                watch.pictures(self.step, all, &of_runs(&pictures, copies));
            }
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
                let encoded = encoded.zip(self.param.generated_code());
                for (penalty, regularizer) in penalties.iter_mut().zip(&method.regularizers) {
                    let found = match &encoded {
                        Some((encoded, generated)) if regularizer.encodes() => {
                            let (value, away) = regularizer.of_encoded(generated, encoded);
                            Some((value, self.param.trained_direction(&away)))
                        }
                        _ => (regularizer.of_code(&code))
                            .map(|(value, gradient)| (value, self.param.held_back(gradient))),
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
            if self.step.is_multiple_of(READ_BACK) && self.step < all {
                self.revive()?;
            }
            keep(self)?;
        }
        Ok(())
    }

    /// The runs whose units nothing has moved, as far as the trace was read in tens of steps.
    fn dead_runs(&self) -> Vec<bool> {
        let tens = |rows: &Vec<_>| rows.len() / READ_BACK * READ_BACK;
        self.trace.rows.iter().map(|rows| is_dead(&rows[..tens(rows)])).collect()
    }

    /// Moves pictures by noise whose units nothing has moved, more from time to time, and drives the units by what is before their
    /// ReLU until something does.
    fn revive(&mut self) -> Result<()> {
        let dead = self.dead_runs();
        let time = self.step / READ_BACK;
        if time <= REVIVALS {
            let _guard = tch::no_grad_guard();
            for (place, tensor) in self.param.tensors().iter().enumerate() {
                for run in (0..dead.len()).filter(|&run| dead[run]) {
                    let mut of_run = tensor.get(run as i64);
                    let mut rng = stream(self.seeds[run], Purpose::Revival, (time * 64 + place) as u64);
                    let noise = Tensor::from_slice(&normal(&mut rng, of_run.numel())).view_as(&of_run);
                    let noise = noise.to_kind(tensor.kind()).to_device(tensor.device());
                    // Of its own spread, and of a tenth where it has none.
                    let spread = of_run.std(false).clamp_min(0.1) * time as f64;
                    let _ = of_run.g_add_(&(noise * spread));
                }
            }
            if dead.contains(&true) {
                self.param.project();
            }
        }
        self.drive(dead)
    }

    /// Looks at the pictures anew if other runs are dead than before.
    fn drive(&mut self, dead: Vec<bool>) -> Result<()> {
        if dead != self.dead {
            self.dead = dead;
            self.view = Chain::view(self.batch, self.of_pictures, self.param.as_ref(), &self.dead)?;
        }
        Ok(())
    }

    /// Everything that the next step depends on.
    pub(super) fn saved(&self) -> Saved {
        let Passes { forward, backward } = self.passes;
        let mut saved = Saved::default();
        saved.put_counts("counts", &[self.step, self.octave, forward, backward]);
        saved.put_all("tensors", &self.tensors());
        saved.put_counts("draws", &self.draws.iter().map(|&draw| draw as usize).collect::<Vec<_>>());
        for (sample, rows) in self.trace.rows.iter().enumerate() {
            saved.put_trace(&format!("trace.{sample}"), rows);
        }
        // Not read before its time: a batch stops early where the rows that are read say so.
        saved.put_all("waiting", &self.trace.waiting);
        saved
    }

    /// What the next step depends on, as the part of this name of a checkpoint.
    pub(super) fn saved_as(&self, name: &str) -> Saved {
        let mut saved = Saved::default();
        saved.put_part(name, self.saved());
        saved
    }

    /// The chain that left `saved`, on what `begin` makes; none if there is nothing of it, or if it does not fit.
    pub(super) fn restored(
        saved: Option<Saved>,
        begin: impl FnOnce() -> Result<Chain<'b>>,
    ) -> Result<Option<Chain<'b>>> {
        let Some(saved) = saved else { return Ok(None) };
        let mut chain = begin()?;
        Ok(chain.restore(&saved).map(|()| chain))
    }

    pub(super) fn restore(&mut self, saved: &Saved) -> Option<()> {
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
        self.draws = saved.counts("draws")?.iter().map(|&draw| draw as u64).collect();
        let device = self.batch.classifier.network.device();
        self.trace.waiting = saved.all("waiting").iter().map(|columns| columns.to_device(device)).collect();
        let shape = [3 + self.trace.regularizers as i64, self.trace.rows.len() as i64];
        let fits = self.trace.waiting.iter().all(|columns| columns.size() == shape);
        (self.step, self.passes) = (step, Passes { forward, backward });
        self.drive(self.dead_runs()).ok()?;
        fits.then_some(())
    }

    /// One step of the optimizer, the filters that are due after it, and back into the range.
    pub(super) fn step_along(&mut self, tensors: &[Tensor], gradients: &[Tensor], at_pictures: &Tensor) {
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
    pub(super) fn at(&self) -> At {
        At { step: self.step, local: self.step - self.octave * self.batch.method.steps }
    }

    /// A code, picture or gradient after the filters of that stage that are due.
    pub(super) fn filtered(&self, stage: Stage, tensor: &Tensor, gradient: &Tensor) -> Tensor {
        filtered(self.batch.method, self.seeds, self.at(), stage, tensor, gradient)
    }

    /// Of several chains that came equally far, one that holds each run's highest last activation.
    pub(super) fn fittest(chains: Vec<Chain<'b>>) -> Chain<'b> {
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
                first.draws[run] = other.draws[run];
            }
        }
        first
    }

    /// Everything that steps write, `[N,…]` each.
    pub(super) fn tensors(&self) -> Vec<Tensor> {
        let best = self.best.found.iter().flat_map(|(highest, kept)| std::iter::once(highest).chain(kept));
        let best = best.map(Tensor::shallow_clone);
        self.param.tensors().into_iter().chain(self.optimizer.state()).chain(best).collect()
    }

    pub(super) fn finish(mut self) -> Result<Vec<Rendered>> {
        let _guard = tch::no_grad_guard();
        self.best.restore(&self.param.tensors());
        let pictures = on_host(self.param.kept());
        let state: Vec<_> = self.param.state().into_iter().map(|(name, tensor)| (name, on_host(tensor))).collect();
        let mut rendered = rendered(&pictures, &state, self.trace.rows, self.passes, self.batch);
        if let Some(started) = self.batch.started_from(self.seeds, &self.draws)? {
            rendered.iter_mut().zip(started).for_each(|(run, started)| run.started_from = Some(started));
        }
        Ok(rendered)
    }
}

/// Of each run's pictures, the first.
fn of_runs(pictures: &Tensor, copies: usize) -> Tensor {
    let size = pictures.size();
    pictures.reshape([-1, copies as i64, size[1], size[2], size[3]]).select(1, 0)
}

/// The number of a step among all, and within its octave.
#[derive(Clone, Copy, Debug)]
pub(super) struct At {
    step: usize,
    local: usize,
}

/// A code, picture or gradient after the method's filters of that stage that are due at a step of an octave.
pub(super) fn filtered(
    method: &Method,
    seeds: &[Seed],
    at: At,
    stage: Stage,
    tensor: &Tensor,
    gradient: &Tensor,
) -> Tensor {
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
        let filtered = filter.apply(&tensor, &FilterContext { gradient, stage, draw: &draw });
        tensor = filtered;
    }
    tensor
}

/// The mean over the pictures of each sample.
pub(super) fn mean_of_copies(rows: &Tensor, copies: usize) -> Tensor {
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
