//! What a comparison is asked to do: pictures, the networks that look at them, photographs, and how much is computed.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;

use classifiers::Classifier;
use generators::Generator;
use zoo::suggest::hint;

use super::findings::{Origin, Registered};
use super::gather::{Gathered, GatheredMethod};
use crate::error::{Result, bail, request};
use crate::look::Networks;
use crate::param::Condition;
use crate::reference::Photograph;
use crate::unit::{LayerShapes, Unit};

/// The prior of a method: its generator, loaded, at the size of its pictures.
#[derive(Clone, Debug)]
pub struct Prior {
    /// The generator.
    pub generator: Arc<Generator>,
    /// What it is conditioned on.
    pub condition: Option<Condition>,
}

/// How much is computed.
#[derive(Clone, Debug)]
pub struct Options {
    /// Of phases, noise, resampling and permutations.
    pub seed: u64,
    /// Bootstrap replicates.
    pub replicates: usize,
    /// Permutations of a test.
    pub permutations: usize,
    /// Pixel pictures, and photographs, whose nearest pictures of each generator are searched (F6).
    pub inversions: usize,
    /// Steps of that search from each start.
    pub inversion_steps: usize,
    /// Units of the control by permuted weights.
    pub permuted_units: usize,
    /// Units whose exemplars are manipulated, so that measures are tested.
    pub manipulated_units: usize,
}

impl Options {
    /// How many replicates there may be.
    pub const REPLICATES: RangeInclusive<i64> = 100..=1_000_000;
    /// How many permutations there may be.
    pub const PERMUTATIONS: RangeInclusive<i64> = 99..=1_000_000;
    /// How many steps of an inversion there may be.
    pub const INVERSION_STEPS: RangeInclusive<i64> = 1..=100_000;
}

impl Default for Options {
    /// 10,000 replicates and permutations, 5 inversions of 100 steps, 4 permuted and 12 manipulated units, seed 0.
    fn default() -> Options {
        Options {
            seed: 0,
            replicates: 10_000,
            permutations: 10_000,
            inversions: 5,
            inversion_steps: 100,
            permuted_units: 4,
            manipulated_units: 12,
        }
    }
}

/// What is compared, with what. A caller gathers pictures ([`Gathered::add_folder`], [`Gathered::add_table`], [`Gathered::label`]), loads the
/// networks ([`Networks::new`]) and fills in the rest.
pub struct Job {
    /// What the comparison is called: a headline.
    pub title: String,
    /// Records and foreign pictures, labelled.
    pub gathered: Gathered,
    /// The target and its witnesses, who look at every picture.
    pub networks: Networks,
    /// The photographs that pictures are held against.
    pub photographs: Vec<Photograph>,
    /// What the photographs are called: sets of the zoo, or a folder.
    pub reference: String,
    /// The generators of the groups that have one, by their places.
    pub priors: BTreeMap<usize, Prior>,
    /// The target with permuted weights, and the shapes of its taps; or why there is none.
    pub permuted: std::result::Result<(Arc<Classifier>, Arc<LayerShapes>), String>,
    /// Name or label of the pixel-space method from which strength is measured; where none is named, `naive`, else the first one without a
    /// generator.
    pub baseline: Option<String>,
    /// The folder in which everything is left.
    pub out: PathBuf,
    /// How much is computed.
    pub options: Options,
    /// What was fixed before anybody looked.
    pub registered: Option<Registered>,
    /// The command line, or whatever else tells how it came about.
    pub command: String,
}

impl Job {
    /// Refuses a baseline that is not there, and units that the target has not.
    ///
    /// # Errors
    /// A request, which is one of these.
    pub fn check(&self) -> Result<()> {
        self.baseline()?;
        self.units().map(|_| ())
    }

    /// The units of the pictures, and their places by the names that pictures have: two ways of writing a unit are one.
    pub(super) fn units(&self) -> Result<(Vec<Unit>, BTreeMap<&str, usize>)> {
        let names: BTreeSet<&str> = self.gathered.items.iter().map(|item| &*item.unit).collect();
        let (mut units, mut places): (Vec<Unit>, _) = (vec![], BTreeMap::new());
        let kept: Vec<PathBuf> = self.gathered.sources.iter().map(|of| of.path.clone()).collect();
        for name in names {
            let unit = Unit::parse_kept(name, &self.networks.target, &self.networks.shapes, &kept);
            let unit = unit.map_err(|error| match name.contains(" @ ") {
                true => error.hinted("runs over several networks are not compared: choose others with --where"),
                false => error,
            })?;
            let place = units.iter().position(|known| known.settings() == unit.settings()).unwrap_or_else(|| {
                units.push(unit);
                units.len() - 1
            });
            places.insert(name, place);
        }
        Ok((units, places))
    }

    /// The place among the groups of the pixel-space method from which strength is measured: the one that is named, else `naive`, else the
    /// first run without a generator; none where there is none.
    pub(super) fn baseline(&self) -> Result<Option<usize>> {
        baseline(&self.gathered, self.baseline.as_deref())
    }
}

/// The pixel-space method from which strength is measured: the one that is named, else `naive`, else the first run without a generator.
fn baseline(gathered: &Gathered, name: Option<&str>) -> Result<Option<usize>> {
    let free = |group: &GatheredMethod| group.generator.is_none();
    if let Some(name) = name {
        let found = gathered.groups.iter().position(|group| group.label == name);
        let found = found.or_else(|| gathered.groups.iter().position(|group| group.name == name));
        let labels = gathered.groups.iter().map(|group| group.label.as_str());
        let found =
            found.ok_or_else(|| request!("--baseline: no method '{name}'{}", hint(name, "the methods", labels)))?;
        if !free(&gathered.groups[found]) {
            bail!("--baseline: '{name}' has a generator; the baseline is a method of pixel space");
        }
        return Ok(Some(found));
    }
    let naive = gathered.groups.iter().position(|group| group.name == "naive" && free(group));
    Ok(naive.or_else(|| gathered.groups.iter().position(|group| free(group) && group.kind == Origin::Run)))
}

/// The shorter side of a generator's pictures, above whose Nyquist frequency they have nothing.
pub(super) fn shorter_side(generator: &Generator) -> i64 {
    generator.size[0].min(generator.size[1])
}
