//! What is compared, resolved: units that the target has, the baseline's place, and the seed of all that is drawn.

use std::collections::{BTreeMap, BTreeSet};

use frozen::network::Point;

use super::job::Job;
use crate::error::Result;
use crate::look::{last_features, named};
use crate::random::Seed;
use crate::render::Objective;
use crate::unit::{Reading, Unit};

/// Labelled photographs of classes that are no units, so that there are at least so many.
const LABELLED: usize = 20;

/// A job whose units and baseline are found.
pub struct Study<'a> {
    /// What was asked for.
    pub job: &'a Job,
    /// All units: those of the pictures, then classes of photographs that only serve the control.
    pub units: Vec<Unit>,
    /// How many of them are the pictures' own.
    pub compared: usize,
    /// Places of the pictures' own units by the names that pictures give them.
    pub places: BTreeMap<&'a str, usize>,
    /// The place among the methods of the pixel-space method from which strength is measured; none where there is none.
    pub baseline: Option<usize>,
    /// The layers that the own observer looks with, each once: name and point.
    pub below: Vec<(String, Point)>,
    /// By unit: which of these is below it; none where there is no layer below it.
    pub looks_below: Vec<Option<usize>>,
    /// Of phases, noise, and whatever else is drawn.
    pub seed: Seed,
}

impl Study<'_> {
    /// Of a job.
    ///
    /// # Errors
    /// A request: a unit that the target does not have, a baseline that is not there or has a generator.
    pub fn of(job: &Job) -> Result<Study<'_>> {
        let (mut units, places) = job.units()?;
        let compared = units.len();
        for class in more_classes(job, &units) {
            units.push(Unit::parse(&format!("class:{class}"), &job.networks.target, &job.networks.shapes)?);
        }
        let (mut below, mut looks_below): (Vec<(String, Point)>, _) = (vec![], vec![]);
        for unit in &units {
            let found = layer_below(job, unit)?;
            looks_below.push(found.map(|layer| {
                below.iter().position(|known| *known == layer).unwrap_or_else(|| {
                    below.push(layer);
                    below.len() - 1
                })
            }));
        }
        let (baseline, seed) = (job.baseline()?, Seed(job.options.seed));
        Ok(Study { job, units, compared, places, baseline, below, looks_below, seed })
    }
}

/// What the target computes a unit from, and never the unit itself; none where that is the picture.
fn layer_below(job: &Job, unit: &Unit) -> Result<Option<(String, Point)>> {
    let target = &job.networks.target;
    let points = Objective::new(&[unit], Reading::Activation)?.points();
    let Some(lowest) = points.iter().min() else { return Ok(None) };
    let found = target.network.below(*lowest).and_then(|point| named(target, point));
    // Of a program that tells nothing of itself, what is known is what lies before the logits.
    Ok(found.or_else(|| last_features(target, &job.networks.shapes).ok().filter(|(_, point)| point < lowest)))
}

/// Classes of photographs that are no units, as many as it takes to have enough labelled photographs.
fn more_classes(job: &Job, units: &[Unit]) -> Vec<usize> {
    let is_unit = |class: &usize| units.iter().any(|unit| unit.class() == Some(*class));
    let classes = job.photographs.iter().filter_map(|photograph| photograph.class);
    let (shown, more): (Vec<usize>, Vec<usize>) = classes.partition(is_unit);
    BTreeSet::from_iter(more).into_iter().take(LABELLED.saturating_sub(shown.len())).collect()
}
