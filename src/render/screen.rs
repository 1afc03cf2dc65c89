//! Screening: of many random codes, those of highest activation are where a search begins.

use tch::{Device, Tensor};

use super::batch::Batch;
use super::elsewhere::Elsewhere;
use super::keeper::Keeping;
use super::objective::Objective;
use super::watch::Watch;
use crate::error::Result;
use crate::param::{Latent, LatentSpec, Param};
use crate::random::Seed;
use crate::saved::Saved;
use crate::unit::Reading;

/// Codes that are screened in one forward pass, at most.
pub(super) const SCREENED_AT_ONCE: u64 = 16;

/// Pixels of pictures that are screened in one forward pass, so that screening takes no more memory than a few steps do.
pub(super) const SCREENED_PIXELS: i64 = SCREENED_AT_ONCE as i64 * 128 * 128;

/// What checkpoints call the activations of random codes.
pub(super) const SCREEN: &str = "screen";

/// Draws from the prior of a generator: one code for each (seed, number).
pub(super) type Draw<'g, 'a> = dyn Fn(&[(Seed, u64)]) -> Result<Latent<'g>> + 'a;

/// The starts of every run: draws by seed and number.
pub(super) type Starts = Vec<Vec<(Seed, u64)>>;

/// What became of random codes.
pub(super) struct Screening {
    /// The activations of each run, as many as were screened.
    pub(super) activations: Vec<Tensor>,
}

impl Screening {
    /// None are screened yet, or so many as `saved` has.
    pub(super) fn new(batch: &Batch, spec: &LatentSpec, saved: Option<Saved>) -> Screening {
        let (kind, device) = (batch.classifier.network.kind(), batch.classifier.network.device());
        let saved: Vec<Tensor> = saved.iter().flat_map(|saved| saved.all("activations")).collect();
        let fits = |of: &Tensor| of.dim() == 1 && of.numel() <= spec.screen && of.kind() == kind;
        let activations = match saved.len() == batch.runs.len() && saved.iter().all(fits) {
            true => saved.iter().map(|of| of.to_device(device)).collect(),
            false => batch.runs.iter().map(|_| Tensor::zeros([0], (kind, device))).collect(),
        };
        Screening { activations }
    }

    pub(super) fn saved(&self) -> Saved {
        let mut saved = Saved::default();
        saved.put_all("activations", &self.activations);
        saved
    }
}

/// The starts of every run, best first: the codes of highest activation among the first `screen` draws of its seed; and how
/// many passes that took. Runs of one seed share the draws, and so the passes.
pub(super) fn screen(
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
            let mut codes = prior(&(from..to).map(|number| (seed, number)).collect::<Vec<_>>())?;
            let pictures = codes.pictures();
            let input = classifier.input_pipeline(codes.size(), [classifier.size; 2]).apply(&pictures);
            let objectives = (runs.iter())
                .map(|&run| Objective::new(&vec![&batch.runs[run].0; (to - from) as usize], Reading::Activation))
                .collect::<Result<Vec<_>>>()?;
            let points: Vec<_> = objectives.iter().flat_map(Objective::points).collect();
            let schedule = classifier.network.schedule(&points).forward_only();
            let pass = classifier.network.forward(&schedule, &input);
            for (&run, objective) in runs.iter().zip(&objectives) {
                let units = vec![&batch.runs[run].0; (to - from) as usize];
                let mut seen = objective.evaluate(|point| pass.activation(point).shallow_clone()).activations;
                for other in Elsewhere::of(&units, Reading::Activation, codes.size())?.look(&pictures, false) {
                    seen += other.activations;
                }
                let before = &mut screening.activations[run];
                *before = Tensor::cat(&[&*before, &seen], 0);
            }
            watch.screened(place * spec.screen + to as usize, seeds.len() * spec.screen);
            keeping.keep(|| {
                let mut saved = Saved::default();
                saved.put_part(SCREEN, screening.saved());
                saved
            })?;
        }
        for &run in &runs {
            let order = screening.activations[run].argsort_stable(true, 0, true).to_device(Device::Cpu);
            let ranked = (0..spec.starts as i64).map(|rank| (seed, order.int64_value(&[rank]) as u64));
            starts[run] = ranked.collect();
        }
    }
    Ok((starts, spec.screen))
}
