//! F6 of a comparison: which pictures are searched, with which generators, and what became of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use image::RgbImage;

use super::altered::squares;
use super::controls::{recipe, slug};
use super::findings::Inverted;
use super::follow::FollowComparison;
use super::inversion::Inversion;
use super::job::{Job, Prior};
use super::measure::{Measures, Sighting};
use super::nature::Nature;
use super::study::Study;
use crate::error::{Context, Result};
use crate::look::Asked;
use crate::method::Method as Recipe;
use crate::optimizer::{OptimizerSpec, Ramp, StepSize};
use crate::param::LatentSpec;
use crate::picture::{self, to_rgb8};
use crate::random::{Purpose, Seed, stream};

/// The generator's own pictures that are searched: what must be found.
const OWN: u64 = 4;

/// The draw of the first of them: other codes than those that the search begins with.
const FIRST_OWN: u64 = 1 << 20;

/// A picture whose nearest one is searched.
struct Wanted<'a> {
    /// `baseline`, `photographs` or `own samples`.
    of: &'static str,
    /// The place of its unit, and how much it fires it.
    fires: Option<(usize, f64)>,
    picture: RgbImage,
    features: &'a [f32],
}

/// The nearest pictures of each generator to some of the baseline's pictures, to photographs, and to its own random ones.
///
/// # Errors
/// Storage: a picture that cannot be read or written. Compute: libtorch's errors.
pub fn nearest(
    study: &Study,
    nature: &Nature,
    measures: &Measures,
    follow: &dyn FollowComparison,
) -> Result<Vec<Inverted>> {
    let Study { job, units, baseline, .. } = study;
    let baseline = *baseline;
    let count = job.options.inversions;
    let mut found = vec![];
    if count == 0 || baseline.is_none() {
        return Ok(found);
    }
    let best = best_of_units(measures, baseline);
    let chosen = sample(best.keys().copied().collect(), count, study.seed, 0);
    let photographs = sample((0..job.photographs.len()).collect(), count, study.seed, 1);
    for (name, prior, method) in generators(job) {
        // A search for the nearest picture follows a gradient.
        if prior.generator.network.no_gradient().or(job.networks.target.network.no_gradient()).is_some() {
            continue;
        }
        let Some(inversion) = inversion(job, prior, &method, nature) else { continue };
        let own = inversion.own_pictures(OWN, FIRST_OWN)?;
        // Features are read; whose unit it is does not matter.
        let own_looks =
            job.networks.look(&own.iter().collect::<Vec<_>>(), &vec![&units[0]; own.len()], Asked::default())?;
        let mut wanted: Vec<Wanted> = vec![];
        for &unit in &chosen {
            let picture = best[&unit];
            wanted.push(Wanted {
                of: "baseline",
                fires: Some((unit, picture.look.activation)),
                picture: picture::read(&picture.subject.path)?,
                features: &picture.look.features,
            });
        }
        for &place in &photographs {
            let (photograph, seen) = (&job.photographs[place], &nature.photographs[place]);
            let side = job.networks.target.size as u32;
            let square = squares(&picture::read(&photograph.path)?, 0, side, Seed(job.options.seed), 0).swap_remove(0);
            wanted.push(Wanted { of: "photographs", fires: None, picture: square, features: &seen.look.features });
        }
        for (picture, look) in own.into_iter().zip(&own_looks) {
            wanted.push(Wanted { of: "own samples", fires: None, picture, features: &look.features });
        }
        follow.begin(&format!("nearest pictures of {name}"), wanted.len() * inversion.cost());
        let of: Vec<(&RgbImage, &[f32])> = wanted.iter().map(|wanted| (&wanted.picture, wanted.features)).collect();
        let nearest = inversion.nearest(&of, &|done, _| follow.at(done))?;
        let folder = Path::new("controls").join(format!("nearest-{}", slug(name)));
        let made = job.out.join(&folder);
        fs::create_dir_all(&made).with_context(|| format!("{}: cannot be made", made.display()))?;
        for (number, (wanted, nearest)) in wanted.iter().zip(nearest).enumerate() {
            let picture = to_rgb8(&nearest.picture)?;
            let file = folder.join(format!("{number:04}.png"));
            let path = job.out.join(&file);
            picture.save(&path).with_context(|| format!("{}: cannot be written", path.display()))?;
            let reached = |(unit, activation): (usize, f64)| -> Result<f64> {
                let median = nature.median(unit).unwrap_or_default();
                Ok((job.networks.activations(&[&picture], &[&units[unit]])?[0] - median) / (activation - median))
            };
            found.push(Inverted {
                generator: name.clone(),
                of: wanted.of.to_owned(),
                unit: wanted.fires.map(|(unit, _)| unit),
                gap: nearest.gap,
                distance: nearest.distance,
                activation: wanted.fires.map(reached).transpose()?,
                file,
            });
        }
    }
    Ok(found)
}

/// So many of these, drawn at random; all where there are no more.
fn sample(mut all: Vec<usize>, count: usize, seed: Seed, number: u64) -> Vec<usize> {
    let mut rng = stream(seed, Purpose::Others, number);
    rand::seq::SliceRandom::shuffle(&mut all[..], &mut rng);
    all.truncate(count);
    all
}

/// By unit, the baseline's picture that fires it most.
fn best_of_units(measures: &Measures, baseline: Option<usize>) -> BTreeMap<usize, &Sighting> {
    let mut best: BTreeMap<usize, &Sighting> = BTreeMap::new();
    for picture in measures.pictures.iter().filter(|of| Some(of.subject.method) == baseline) {
        let place = best.entry(picture.subject.unit).or_insert(picture);
        if picture.look.activation > place.look.activation {
            *place = picture;
        }
    }
    best
}

/// Every generator at every size once, with the first method that searches its codes.
fn generators(job: &Job) -> Vec<(&String, &Prior, Recipe)> {
    let mut found: Vec<(&String, &Prior, Recipe)> = vec![];
    for (&place, prior) in &job.priors {
        let group = &job.gathered.groups[place];
        let Some(name) = &group.generator else { continue };
        let known =
            |(other, of, _): &(&String, &Prior, Recipe)| *other == name && of.generator.size == prior.generator.size;
        if !found.iter().any(known) {
            found.extend(recipe(group).map(|method| (name, prior, method)));
        }
    }
    found
}

/// The search in the code space of a method; none where it searches no code.
fn inversion<'a>(job: &'a Job, prior: &'a Prior, method: &Recipe, nature: &'a Nature) -> Option<Inversion<'a>> {
    // The method's step, which becomes small so that the search comes to rest.
    let lr = match method.optimizer {
        OptimizerSpec::Adam { lr, .. } => lr.at(0, 1),
        _ => 0.1,
    };
    Some(Inversion {
        target: &job.networks.target,
        features: job.networks.features[0].1,
        generator: &prior.generator,
        spec: LatentSpec { unclamped: false, ..method.param.latent()?.clone() },
        condition: prior.condition,
        optimizer: OptimizerSpec::Adam {
            lr: StepSize::Linear(Ramp { from: lr, to: lr / 20. }),
            beta1: 0.9,
            beta2: 0.999,
            weight_decay: 0.,
        },
        steps: job.options.inversion_steps,
        seed: Seed(job.options.seed),
        mean: &nature.mean_features,
        spread: nature.spread(),
    })
}
