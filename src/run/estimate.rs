//! What a sweep will take: runs, time by steps that are measured now, and disk.

use std::collections::HashMap;
use std::path::Path;
use std::time::Instant;

use super::experiment::Experiment;
use super::identity::{Run, seeded};
use super::loader::Loader;
use super::plan::{Plan, PlanPart, PlannedRun, Share};
use crate::error::Result;
use crate::method::{Method, ParamSpec};
use crate::render::render;
use crate::store::{Status, Store};

/// What a sweep will take.
#[derive(Clone, Copy, Debug, Default)]
pub struct Estimate {
    /// Runs of the share.
    pub runs: usize,
    /// Of these, those that are there: done, or failed where they are not tried again.
    pub there: usize,
    /// Batches of the share.
    pub batches: usize,
    /// Of the work that is left; none where no step was measured.
    pub seconds: Option<f64>,
    /// Of the records that are not there.
    pub bytes: f64,
}

/// Kinds of parts of which a step is measured; the others are taken to be as fast as these.
pub const MEASURED: usize = 6;

/// A measurement that took so many seconds is not repeated.
const LONG: f64 = 2.;

/// Looks at the store, where there is one, and measures a few steps of each kind of parts, where `follow` is told how many kinds are
/// measured.
///
/// # Errors
/// Models that cannot be loaded, a store that cannot be read, a step that fails.
pub fn estimate(
    plan: &Plan,
    out: &Path,
    share: Option<Share>,
    retry_failed: bool,
    loader: &mut Loader,
    follow: Option<&dyn Fn(usize)>,
) -> Result<Estimate> {
    let store = if out.join("runs").is_dir() { Some(Store::read(out)?) } else { None };
    let is_there = |run: &PlannedRun| {
        let entry = store.as_ref().and_then(|store| store.entry(&run.id()));
        entry.is_some_and(|entry| entry.status == Status::Done || !retry_failed)
    };
    let share = share.unwrap_or(Share::WHOLE);
    let batches = plan.shard(share.index, share.of);
    let mut estimate = Estimate { batches: batches.len(), ..Estimate::default() };
    // FLOPs that are left, by what runs at one speed: setup and method's name.
    let mut left: HashMap<(usize, &str), (f64, &PlanPart, usize)> = HashMap::new();
    for &batch in &batches {
        let (part, runs) = (plan.part_of(batch), plan.batch(batch));
        let there = runs.iter().filter(|run| is_there(run)).count();
        estimate.runs += runs.len();
        estimate.there += there;
        if there == runs.len() {
            continue;
        }
        estimate.bytes += bytes(part) * (runs.len() - there) as f64;
        left.entry((part.models, &part.method.name)).or_insert((0., part, batch)).0 += part.cost * runs.len() as f64;
    }
    let Some(follow) = follow else { return Ok(estimate) };
    let mut kinds: Vec<_> = left.into_values().collect();
    kinds.sort_by(|a, b| b.0.total_cmp(&a.0));
    // Seconds a FLOP.
    let (mut speeds, mut measured) = (vec![], 0.);
    for (number, (flops, part, batch)) in kinds.iter().take(MEASURED).enumerate() {
        let experiment = loader.experiment(part.models)?;
        let runs: Vec<Run> = plan.batch(*batch).iter().map(|run| plan.run(run)).collect();
        let speed = speed(&experiment, part, &runs)?;
        speeds.push(speed);
        measured += flops * speed;
        follow(number + 1);
    }
    let mean = speeds.iter().sum::<f64>() / speeds.len().max(1) as f64;
    estimate.seconds = Some(measured + kinds.iter().skip(MEASURED).map(|(flops, ..)| flops * mean).sum::<f64>());
    Ok(estimate)
}

/// Seconds a FLOP: a few steps of one batch.
fn speed(experiment: &Experiment, part: &PlanPart, runs: &[Run]) -> Result<f64> {
    let seconds = |steps: usize| -> Result<(f64, f64)> {
        // A generation has many candidates: one, of one run, is enough.
        let (steps, runs) = if part.method.optimizer.evolution().is_some() { (1, &runs[..1]) } else { (steps, runs) };
        let (method, runs) = (Method { steps, ..part.method.bare() }, seeded(runs));
        let start = Instant::now();
        render(&experiment.together(&method, &runs), &|_: usize, _: usize, _: f64| {})?;
        Ok((start.elapsed().as_secs_f64(), experiment.cost(&method) * runs.len() as f64))
    };
    // The first one also lays out kernels and fills pools; where it is long, that does not show.
    let (mut taken, mut flops) = seconds(1)?;
    if taken < LONG {
        (taken, flops) = seconds(4)?;
    }
    Ok(taken / flops.max(1.))
}

/// About how large a record is: picture and state as they do not compress, a line of trace a step.
fn bytes(part: &PlanPart) -> f64 {
    let pixels = (part.size as f64).powi(2);
    // A code is small; what else there is has about as many floats as the picture.
    let state = if matches!(part.method.param, ParamSpec::Latent(_)) { 0. } else { 12. * pixels };
    12_000. + 2.2 * pixels + state + 60. * part.method.all_steps() as f64
}
