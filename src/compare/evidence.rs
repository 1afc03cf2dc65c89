//! What all figures are computed from: pictures and photographs that were looked at, and the scales that follow from them.

use metrics::bootstrap::Bootstrap;
use metrics::niqe::Model;
use metrics::spectrum::Spectrum;

use super::findings::Metric;
use super::least::{FOR_CHOICE, FOR_COVERAGE, FOR_KID, FOR_NIQE, FOR_PATH};
use super::measure::{Measures, Sighting};
use super::nature::Nature;
use super::study::Study;
use crate::unit::Unit;

/// What all figures are computed from.
pub struct Evidence<'a> {
    /// The units.
    pub units: &'a [Unit],
    /// The photographs.
    pub nature: &'a Nature,
    /// The pictures.
    pub measures: &'a Measures,
    /// The baseline's place.
    pub baseline: Option<usize>,
    /// How intervals are drawn.
    pub bootstrap: Bootstrap,
    /// Permutations of a test.
    pub permutations: usize,
    /// Names of the layers.
    pub layers: &'a [String],
    /// By unit: the highest activation of the baseline's pictures.
    pub best: Vec<Option<f64>>,
    /// By unit and layer: distance of the baseline's pictures to each other; flat, and pooled.
    pub(super) same: [Vec<Vec<Option<f64>>>; 2],
    /// By layer: how much farther other units' pictures are; none where that is not told from 0. Flat, and pooled.
    pub denominators: [Vec<Option<f64>>; 2],
    /// By layer: correlation of photographs within a class, less that with other classes, and the latter.
    pub(super) path: Vec<Option<[f64; 2]>>,
    /// Mean spectra of the photographs' squares.
    pub(super) spectrum: Option<Spectrum>,
    /// The photographs' blocks as NIQE models them (Mittal et al. 2013); none where there are too few.
    pub(super) niqe: Option<Model>,
}

impl<'a> Evidence<'a> {
    /// Of pictures that are measured.
    pub fn new(
        study: &'a Study,
        nature: &'a Nature,
        measures: &'a Measures,
        bootstrap: Bootstrap,
        layers: &'a [String],
    ) -> Evidence<'a> {
        let (units, baseline, permutations) = (&study.units, study.baseline, study.job.options.permutations);
        let of_baseline = || measures.pictures.iter().filter(move |of| Some(of.subject.method) == baseline);
        let best = |unit: usize| {
            of_baseline().filter(|of| of.subject.unit == unit).map(|of| of.look.activation).reduce(f64::max)
        };
        let mean = |values: Vec<f64>| (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
        let same = [false, true].map(|pooled| {
            let of = |unit: usize, layer: usize| {
                let distances = of_baseline().filter(|of| of.subject.unit == unit);
                mean(distances.filter_map(|of| distances_of(of, pooled)[layer]).collect())
            };
            (0..units.len()).map(|unit| (0..layers.len()).map(|layer| of(unit, layer)).collect()).collect()
        });
        let between = [&measures.scale.between, &measures.scale.between_pooled];
        let denominators = [0, 1].map(|which: usize| {
            let same: &Vec<Vec<Option<f64>>> = &same[which];
            let of = |layer: usize| {
                let gaps = (0..units.len()).filter_map(|unit| Some(between[which][unit][layer]? - same[unit][layer]?));
                let gaps: Vec<f64> = gaps.collect();
                let interval = bootstrap
                    .flat(&gaps, |drawn| Some(drawn.iter().map(|gap| **gap).sum::<f64>() / drawn.len() as f64))?;
                (interval.low > 0.).then_some(interval.estimate)
            };
            (0..layers.len()).map(of).collect()
        });
        let natural = &measures.natural;
        let path = |layer: usize| {
            let pairs =
                (0..units.len()).filter_map(|unit| Some((natural.same[unit][layer]?, natural.other[unit][layer]?)));
            let pairs: Vec<(f64, f64)> = pairs.collect();
            if pairs.len() < FOR_PATH {
                return None;
            }
            let count = pairs.len() as f64;
            let (same, other) =
                pairs.iter().fold((0., 0.), |sum, pair| (sum.0 + pair.0 / count, sum.1 + pair.1 / count));
            (same > other).then_some([same - other, other])
        };
        let spectra: Vec<Spectrum> =
            nature.photographs.iter().filter_map(|seen| seen.portrait.spectrum.clone()).collect();
        let blocks: Vec<_> = nature.photographs.iter().flat_map(|seen| seen.portrait.blocks.iter().copied()).collect();
        Evidence {
            best: (0..units.len()).map(best).collect(),
            same,
            denominators,
            path: (0..layers.len()).map(path).collect(),
            spectrum: Spectrum::mean(&spectra),
            niqe: if blocks.len() >= FOR_NIQE { Model::fit(&blocks) } else { None },
            units,
            nature,
            measures,
            baseline,
            bootstrap,
            permutations,
            layers,
        }
    }

    /// Why nothing of a metric could be computed, for those that ask for more than there is.
    pub fn explain(&self, metric: &mut Metric) {
        let photographs = self.nature.photographs.len();
        let with = |least: usize| {
            let enough = |unit: &&Unit| unit.class().is_some_and(|class| self.nature.of_class(class).count() >= least);
            self.units.iter().filter(enough).count()
        };
        let no_baseline = "there is no pixel-space method to hold it against (name one with --baseline)".to_owned();
        metric.not_computed = match metric.key.as_str() {
            "agreement" | "witness_probability" | "witness_logit" => {
                let judged = self.measures.pictures.iter().any(|of| !of.look.opinions.is_empty());
                (!judged).then(|| "there is no witness, or no unit is a class".to_owned())
            }
            "kid" => (photographs < FOR_KID)
                .then(|| format!("there are {photographs} photographs, and {FOR_KID} are the least")),
            "density" | "coverage" => (photographs < FOR_COVERAGE).then(|| {
                format!("there are {photographs} photographs, and neighbourhoods of 5 ask for {FOR_COVERAGE} (--reference)")
            }),
            "explanation" => {
                let (units, labelled) = (with(1), self.nature.labelled());
                (units < FOR_CHOICE || labelled <= FOR_CHOICE).then(|| {
                    format!(
                        "{units} units have a photograph of their class, and there are {labelled} labelled ones; {FOR_CHOICE} \
                         units and more than {FOR_CHOICE} photographs are the least (--reference with class folders)"
                    )
                })
            }
            "niqe" => self.niqe.is_none().then(|| "the photographs have too few blocks of 96 pixels".to_owned()),
            "path" => self.path.iter().all(Option::is_none).then(|| {
                format!(
                    "{} units have two photographs of their class, and {FOR_PATH} are the least (--reference with class \
                     folders)",
                    with(2)
                )
            }),
            "ratio" | "likeness" | "likeness_pooled" | "cka" | "energy" | "inversion_gap" | "inversion_activation"
            | "divergence"
                if self.baseline.is_none() =>
            {
                Some(no_baseline)
            }
            _ => None,
        };
    }

    /// The pictures of a method.
    pub(super) fn of_method(&self, method: usize) -> impl Iterator<Item = &'a Sighting> {
        let measures = self.measures;
        measures.pictures.iter().filter(move |of| of.subject.method == method)
    }
}

/// Distances of a picture to the baseline's, by layer: on all activations, or on those pooled over positions.
pub(super) fn distances_of(picture: &Sighting, pooled: bool) -> &[Option<f64>] {
    if pooled { &picture.pooled_distances } else { &picture.distances }
}
