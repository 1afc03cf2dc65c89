//! What is compared, resolved: units that the target has, the baseline's place, and the seed of all that is drawn.

use std::collections::{BTreeMap, BTreeSet};

use super::job::Job;
use super::least::FOR_PATH;
use crate::error::Result;
use crate::random::Seed;
use crate::unit::Unit;

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
    /// The place among the methods of the pixel-space method from which drift is measured; none where there is none.
    pub baseline: Option<usize>,
    /// Of crops, phases, noise, and whatever else is drawn.
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
        Ok(Study { job, units, compared, places, baseline: job.baseline()?, seed: Seed(job.options.seed) })
    }

    /// Classes whose photographs' activations are compared with each other; none where too few units have two (F3).
    pub(super) fn classes_with_path(&self) -> Vec<usize> {
        let classes: Vec<usize> = self.units.iter().filter_map(Unit::class).collect();
        let twice = |class: &&usize| self.job.photographs.iter().filter(|of| of.class == Some(**class)).count() >= 2;
        if classes.iter().filter(twice).count() >= FOR_PATH { classes } else { vec![] }
    }
}

/// Classes of photographs that are no units, as many as it takes to have enough labelled photographs.
fn more_classes(job: &Job, units: &[Unit]) -> Vec<usize> {
    let is_unit = |class: &usize| units.iter().any(|unit| unit.class() == Some(*class));
    let classes = job.photographs.iter().filter_map(|photograph| photograph.class);
    let (shown, more): (Vec<usize>, Vec<usize>) = classes.partition(is_unit);
    BTreeSet::from_iter(more).into_iter().take(LABELLED.saturating_sub(shown.len())).collect()
}
