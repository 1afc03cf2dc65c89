//! The plan of an experiment: every run that it asks for, once, and which runs share a batch.
//!
//! A batch is the atom of the work. It is computed whole or not at all, so that an experiment that was interrupted, resumed or shared
//! out computes what an undisturbed one does.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use crate::error::{Result, bail};
use serde_json::Value;

use super::experiment::Experiment;
use super::identity::{Run, unit_identity};
use crate::experiment_file::Seeds;
use crate::method::Method;
use crate::random::Seed;
use crate::store::Key;
use crate::store::RunId;
use crate::unit::Unit;

/// A part of a plan: runs of one method on one set of models, which differ by unit, seed and facet alone.
#[derive(Clone, Debug)]
pub struct PlanPart {
    /// Which models it takes: the number that [`Plan::add`] was given.
    pub models: usize,
    /// How its pictures are made.
    pub method: Method,
    /// Its value on each axis of the experiment; none where the axis does not concern it.
    pub values: Vec<Option<Value>>,
    /// The classifier's name.
    pub classifier: String,
    /// The generator's name, where the method has one.
    pub generator: Option<String>,
    /// What is multiplied by its runs' number for an estimate of what they cost.
    pub cost: f64,
    /// Runs that are computed together.
    pub batch: usize,
    /// Side of its pictures.
    pub size: i64,
}

/// A run by its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedRun {
    /// The first 8 bytes of its id.
    id: u64,
    /// Which part.
    pub part: u32,
    /// Which unit of the plan's.
    pub unit: u32,
    /// The seed.
    pub seed: u64,
    /// Which of the method's facets.
    pub facet: u16,
}

/// Every run of an experiment, in a fixed order, and its batches.
#[derive(Debug, Default)]
pub struct Plan {
    parts: Vec<PlanPart>,
    units: Vec<Unit>,
    /// Their places, by what identifies them.
    places: HashMap<String, u32>,
    runs: Vec<PlannedRun>,
    batches: Vec<Range<u32>>,
    known: HashSet<u64>,
}

/// Runs of one experiment.
pub const MOST_RUNS: usize = 10_000_000;

impl Plan {
    /// Takes in the runs of a method: every unit with every seed, those left out that are there already. `models` is a number by
    /// which the caller finds `experiment` again; `batch` is how many runs are computed together.
    ///
    /// # Errors
    /// If there are too many.
    #[allow(clippy::too_many_arguments, reason = "what a part of a plan is made of")]
    pub fn add(
        &mut self,
        models: usize,
        experiment: &Experiment,
        method: &Method,
        units: &[Unit],
        seeds: &Seeds,
        values: Vec<Option<Value>>,
        batch: usize,
    ) -> Result<()> {
        let identity = experiment.identity(method);
        let first = self.runs.len();
        let part = self.parts.len() as u32;
        let more = (units.len() as u64).saturating_mul(seeds.count()).saturating_mul(method.facets as u64);
        if more.saturating_add(first as u64) > MOST_RUNS as u64 {
            bail!("these are more than {MOST_RUNS} runs");
        }
        self.runs.reserve(more as usize);
        for unit in units {
            let what = unit_identity(unit);
            let place = *self.places.entry(what.clone()).or_insert_with(|| {
                self.units.push(unit.clone());
                self.units.len() as u32 - 1
            });
            for seed in seeds.iter() {
                for facet in 0..method.facets {
                    let id = identity.of(&what, Seed(seed), facet).number();
                    if self.known.insert(id) {
                        self.runs.push(PlannedRun { id, part, unit: place, seed, facet: facet as u16 });
                    }
                }
            }
        }
        // The facets of a run stay together.
        let size = (batch / method.facets).max(1) * method.facets;
        for from in (first..self.runs.len()).step_by(size) {
            self.batches.push(from as u32..(from + size).min(self.runs.len()) as u32);
        }
        self.parts.push(PlanPart {
            models,
            method: method.clone(),
            values,
            classifier: experiment.classifier.name.clone(),
            generator: experiment.generator.as_ref().filter(|_| method.needs_generator()).map(|g| g.name.clone()),
            cost: experiment.cost(method),
            batch: size,
            size: experiment.size_of(method),
        });
        Ok(())
    }

    /// What runs have in common.
    pub fn parts(&self) -> &[PlanPart] {
        &self.parts
    }

    /// All runs, in their order.
    pub fn runs(&self) -> &[PlannedRun] {
        &self.runs
    }

    /// How many batches there are.
    pub fn batch_count(&self) -> usize {
        self.batches.len()
    }

    /// The runs of a batch: at least one, all of one part.
    pub fn batch(&self, number: usize) -> &[PlannedRun] {
        let Range { start, end } = self.batches[number];
        &self.runs[start as usize..end as usize]
    }

    /// The places of its runs among all.
    pub fn batch_places(&self, number: usize) -> Range<usize> {
        let Range { start, end } = self.batches[number];
        start as usize..end as usize
    }

    /// The part that a batch belongs to.
    pub fn part_of(&self, number: usize) -> &PlanPart {
        &self.parts[self.batch(number)[0].part as usize]
    }

    /// The unit of a run.
    pub fn unit(&self, run: &PlannedRun) -> &Unit {
        &self.units[run.unit as usize]
    }

    /// A run as it is computed.
    pub fn run(&self, run: &PlannedRun) -> Run {
        Run {
            unit: self.unit(run).clone(),
            method: self.parts[run.part as usize].method.clone(),
            seed: Seed(run.seed),
            facet: run.facet.into(),
        }
    }

    /// What identifies a batch: the ids of its runs, in their order.
    pub fn key(&self, number: usize) -> Key {
        Key::of(&self.batch(number).iter().map(PlannedRun::id).collect::<Vec<_>>())
    }

    /// Divides the batches among `of` shards, which cost about the same, and gives those of shard `index` (from 0). The same plan is
    /// always divided in the same way: the dearest batches go first, each to the shard that has least so far.
    pub fn shard(&self, index: usize, of: usize) -> Vec<usize> {
        self.shards(of).swap_remove(index)
    }

    /// All shards; see [`Plan::shard`].
    pub fn shards(&self, of: usize) -> Vec<Vec<usize>> {
        if of <= 1 {
            return vec![(0..self.batches.len()).collect()];
        }
        let cost = |batch: usize| self.part_of(batch).cost * self.batch(batch).len() as f64;
        let mut order: Vec<usize> = (0..self.batches.len()).collect();
        order.sort_by(|&a, &b| cost(b).total_cmp(&cost(a)));
        // By what a shard has so far, in whole numbers, and its number.
        let unit = order.first().map_or(1., |&dearest| cost(dearest) / 1e6).max(f64::MIN_POSITIVE);
        let mut shards: std::collections::BinaryHeap<std::cmp::Reverse<(u64, usize)>> =
            (0..of).map(|shard| std::cmp::Reverse((0, shard))).collect();
        let mut divided = vec![vec![]; of];
        for batch in order {
            let Some(std::cmp::Reverse((before, shard))) = shards.pop() else { break };
            divided[shard].push(batch);
            shards.push(std::cmp::Reverse((before + (cost(batch) / unit).round().max(1.) as u64, shard)));
        }
        divided.iter_mut().for_each(|batches| batches.sort_unstable());
        divided
    }
}

impl PlannedRun {
    /// The run's id.
    pub fn id(&self) -> RunId {
        RunId::of_number(self.id)
    }
}

/// A part of a plan that somebody does: shard `index` (from 0) of `of`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Which, from 0.
    pub index: usize,
    /// Of how many.
    pub of: usize,
}

impl Share {
    /// All of it.
    pub const WHOLE: Share = Share { index: 0, of: 1 };
}

impl std::str::FromStr for Share {
    type Err = String;

    /// `I/N`, I from 1 to N.
    fn from_str(text: &str) -> Result<Share, String> {
        let wrong = || format!("'{text}' is not I/N, such as 1/4: I is from 1 to N");
        let (index, of) = text.split_once('/').ok_or_else(wrong)?;
        let (index, of): (usize, usize) = index.parse().ok().zip(of.parse().ok()).ok_or_else(wrong)?;
        if !(1..=of).contains(&index) || of > 1_000_000 {
            return Err(wrong());
        }
        Ok(Share { index: index - 1, of })
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{}/{}", self.index + 1, self.of)
    }
}
