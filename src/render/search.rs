//! Searches without gradients: generations of candidates, of which only the best of all is kept (see [`crate::evolution`]).

use ndarray::s;
use tch::Kind;

use super::batch::{Batch, Passes, Rendered, on_host, rendered};
use super::keeper::Keeping;
use super::screen::Draw;
use super::trace::Row;
use super::view::{Moment, View};
use super::watch::Watch;
use super::whitening::{Whitening, set_rows, to_rows};
use crate::error::Result;
use crate::evolution::{Evolution, EvolutionSpec};
use crate::param::{Latent, Param};
use crate::random::{Purpose, Seed, stream};
use crate::saved::Saved;
use crate::unit::Unit;

/// Candidates that pass together.
pub(super) const CANDIDATES_AT_ONCE: usize = 8;

/// The search of one run, and what has come of it.
pub(super) struct Search {
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
pub(super) const BEST: &str = "best";

pub(super) const PASSES: &str = "passes";

/// A search without gradients for each run: generations of candidates, of which only the best of all is kept.
pub(super) fn evolve(
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
    let whitening = Whitening::of(&prior(&draws(batch.runs[0].1, 1))?)?;
    let begin = || -> Result<(Vec<Search>, Latent, Passes)> {
        let search = |(_, seed): &(Unit, Seed)| -> Result<Search> {
            let evolution = spec.build(whitening.whitened(to_rows(&prior(&draws(*seed, population))?.tensors())?))?;
            let (fitness, activations, trace) = (vec![], vec![], vec![]);
            Ok(Search { evolution, fitness, activations, highest: f64::NEG_INFINITY, trace })
        };
        let searches = batch.runs.iter().map(search).collect::<Result<Vec<_>>>()?;
        let bests = prior(&batch.runs.iter().map(|(_, seed)| (*seed, 0)).collect::<Vec<_>>())?;
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
    let mut codes: Vec<Latent> =
        sizes.iter().map(|&size| prior(&draws(batch.runs[0].1, size))).collect::<Result<_>>()?;
    let seeds: Vec<Vec<Seed>> = batch.runs.iter().map(|(_, seed)| vec![*seed; at_once]).collect();
    let mut views = vec![];
    for ((unit, _), seeds) in batch.runs.iter().zip(&seeds) {
        let of = |&count: &usize| {
            let (units, size) = (vec![unit; count], codes[0].size());
            View::new(batch.classifier, batch.shapes, method, &units, &seeds[..count], size, None)
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
                })?;
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
        if watch.wants(generation, method.steps) {
            watch.pictures(generation, method.steps, &bests.pictures());
        }
        watch.step(generation + 1, method.steps, mean / searches.len() as f64);
    }
    let pictures = on_host(bests.pictures());
    let state: Vec<_> = bests.state().into_iter().map(|(name, tensor)| (name, on_host(tensor))).collect();
    Ok(rendered(&pictures, &state, searches.into_iter().map(|search| search.trace).collect(), passes, batch))
}
