//! A batch from its start, or its last checkpoint, to its results.

use super::ascent::Chain;
use super::batch::{Batch, Rendered};
use super::keeper::{Keeper, Keeping, Unkept};
use super::screen::{SCREEN, Screening, screen};
use super::search::evolve;
use super::start::StartCodes;
use super::watch::{OfTrials, Watch};
use crate::error::{Context, Result, request};
use crate::libtorch;
use crate::method::ParamSpec;
use crate::param::{Alpha, Blend, Cppn, Embedding, Fourier, Laplacian, Latent, Maco, Multires, Param, Pixel};
use crate::random::Seed;
use generators::Generator;

/// Computes a batch; the results are in the order of its runs.
///
/// # Errors
/// If the method needs a generator and there is none, or libtorch fails (out of memory, mostly).
pub fn render(batch: &Batch, watch: &dyn Watch) -> Result<Vec<Rendered>> {
    resume(batch, watch, &Unkept)
}

/// Computes a batch from its last checkpoint on, and with checkpoints on the way. The results are the same to the last bit,
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
                (spec, ..) => free(batch, spec, &seeds, sides[0])?,
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
    let photographs = StartCodes::of(batch, generator)?;
    let made = |schedule, starts: &[(Seed, u64)]| -> Result<Latent> {
        let mut latent = Latent::new(generator, schedule, spec, batch.condition, starts);
        if let Some(photographs) = &photographs {
            latent.start_from(&photographs.codes(starts)?);
        }
        Ok(latent)
    };
    let prior = |starts: &[(Seed, u64)]| made(of_generator, starts);
    // Nothing goes back through what is only looked at.
    let forward_only = generator.schedule().forward_only();
    let looked_at = |starts: &[(Seed, u64)]| made(&forward_only, starts);
    if let Some(evolution) = method.optimizer.evolution() {
        return evolve(batch, evolution, &looked_at, watch, keeping, &found);
    }
    let mut screening = Screening::new(batch, spec, found.part(SCREEN));
    let (starts, screened) = screen(batch, spec, (&looked_at, generator.size), watch, keeping, &mut screening)?;
    let begin = |place: usize| {
        let starts: Vec<(Seed, u64)> = starts.iter().map(|ranked| ranked[place]).collect();
        let param: Box<dyn Param> = match &method.param {
            ParamSpec::Blend(blend) => Box::new(Blend::new(prior(&starts)?, blend, [sides[0]; 2])),
            _ => Box::new(prior(&starts)?),
        };
        let mut chain = Chain::new(batch, [&seeds, &of_pictures], &sides, param)?;
        chain.draws = starts.iter().map(|(_, draw)| *draw).collect();
        Ok(chain)
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
                chain.ascend(trial, &OfTrials(watch), &|chain| keeping.keep(|| state(chain)))?;
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

/// The picture of a method that needs no generator.
fn free(batch: &Batch, spec: &ParamSpec, seeds: &[Seed], side: i64) -> Result<Option<Box<dyn Param>>> {
    let (kind, device) = (batch.classifier.network.kind(), batch.classifier.network.device());
    let size = [side; 2];
    let start = batch.start(seeds, side)?;
    Ok(Some(match (spec, &start) {
        (ParamSpec::Pixel(spec), None) => Box::new(Pixel::new(*spec, seeds, size, kind, device)),
        (ParamSpec::Pixel(spec), Some(start)) => Box::new(Pixel::from_picture(*spec, start)),
        (ParamSpec::Fourier(spec), None) => Box::new(Fourier::new(*spec, seeds, size, kind, device)),
        (ParamSpec::Fourier(spec), Some(start)) => Box::new(Fourier::from_picture(*spec, start)),
        (ParamSpec::Laplacian(spec), None) => Box::new(Laplacian::new(*spec, seeds, size, kind, device)),
        (ParamSpec::Laplacian(spec), Some(start)) => Box::new(Laplacian::from_picture(*spec, start)),
        (ParamSpec::Multires(spec), None) => Box::new(Multires::new(*spec, seeds, size, kind, device)),
        (ParamSpec::Multires(spec), Some(start)) => Box::new(Multires::from_picture(*spec, start)),
        (ParamSpec::Cppn(spec), _) => Box::new(Cppn::new(*spec, seeds, size, kind, device)),
        (ParamSpec::Alpha(spec), start) => Box::new(Alpha::new(*spec, seeds, size, start.as_ref(), (kind, device))),
        (ParamSpec::Maco(spec), None) => Box::new(Maco::new(*spec, seeds, size, kind, device)),
        (ParamSpec::Maco(spec), Some(start)) => Box::new(Maco::from_picture(*spec, start)),
        (ParamSpec::Latent(_) | ParamSpec::Embedding(_) | ParamSpec::Blend(_), _) => return Ok(None),
    }))
}
