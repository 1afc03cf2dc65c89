//! What all figures are computed from: pictures and photographs that were looked at, and the scales that follow from them.

use std::collections::BTreeMap;

use metrics::bootstrap::Bootstrap;
use metrics::niqe::Model;
use metrics::spectrum::Spectrum;

use super::findings::{Metric, Reading};
use super::judges::{Judges, mean};
use super::least::{FOR_CHOICE, FOR_COVERAGE, FOR_KID, FOR_NIQE, FOR_TEMPERATURE};
use super::measure::{Measures, Sighting};
use super::nature::Nature;
use super::path::Paths;
use super::study::Study;

/// What all figures are computed from.
pub struct Evidence<'a> {
    /// What is compared.
    pub study: &'a Study<'a>,
    /// The photographs.
    pub nature: &'a Nature,
    /// The pictures.
    pub measures: &'a Measures,
    /// Who judges.
    pub judges: &'a Judges,
    /// What each observer could tell, by method, unit and observer.
    pub readings: &'a [Reading],
    /// How intervals are drawn.
    pub bootstrap: Bootstrap,
    /// Permutations of a test.
    pub permutations: usize,
    /// By unit: the mean activation of the baseline's pictures.
    pub baseline: Vec<Option<f64>>,
    /// The way of photographs through the layers.
    pub(super) paths: Paths,
    /// The mean slope of the photographs' spectra, by the highest frequency up to which it is fitted.
    pub(super) slopes: BTreeMap<usize, Option<f64>>,
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
        judges: &'a Judges,
        readings: &'a [Reading],
        bootstrap: Bootstrap,
    ) -> Evidence<'a> {
        let of_baseline = |unit: usize| {
            let own = measures.pictures.iter().filter(|of| Some(of.subject.method) == study.baseline);
            mean(own.filter(|of| of.subject.unit == unit).map(|of| of.look.activation))
        };
        let spectra: Vec<Spectrum> =
            nature.photographs.iter().filter_map(|seen| seen.portrait.spectrum.clone()).collect();
        let blocks: Vec<_> = nature.photographs.iter().flat_map(|seen| seen.portrait.blocks.iter().copied()).collect();
        let highest: std::collections::BTreeSet<usize> =
            measures.pictures.iter().map(|of| of.portrait.highest).collect();
        let slope = |highest: usize| mean(nature.photographs.iter().filter_map(|seen| seen.portrait.slope(highest)));
        Evidence {
            slopes: highest.into_iter().map(|highest| (highest, slope(highest))).collect(),
            baseline: (0..study.units.len()).map(of_baseline).collect(),
            paths: Paths::of(study, nature),
            spectrum: Spectrum::mean(&spectra),
            niqe: if blocks.len() >= FOR_NIQE { Model::fit(&blocks) } else { None },
            permutations: study.job.options.permutations,
            study,
            nature,
            measures,
            judges,
            readings,
            bootstrap,
        }
    }

    /// Why nothing of a metric could be computed, for those that ask for more than there is.
    pub fn explain(&self, metric: &mut Metric) {
        let photographs = self.nature.photographs.len();
        let few = |least: usize| {
            let why = format!("there are {photographs} photographs, and {least} are the least (--reference)");
            (photographs < least).then_some(why)
        };
        let no_strangers = || {
            let why = "there is no witness of another family than the target's (--witness)".to_owned();
            self.judges.foreign.is_empty().then_some(why)
        };
        let no_kin = || self.judges.kin.is_empty().then(|| "there is no witness of the target's family".to_owned());
        let no_class = || {
            let is_class = self.study.units.iter().take(self.study.compared).any(|unit| unit.class().is_some());
            (!is_class).then(|| "no unit is a class".to_owned())
        };
        let no_baseline = || {
            let why = "there is no pixel-space method to hold it against (name one with --baseline)".to_owned();
            self.study.baseline.is_none().then_some(why)
        };
        let nobody_sees = || {
            let why = "there is no witness".to_owned();
            self.judges.encoder().is_none().then_some(why)
        };
        metric.not_computed = match metric.key.as_str() {
            "explains" | "explains_easy" => no_strangers().or_else(|| few(FOR_CHOICE)),
            "explains_kin" => no_kin().or_else(|| few(FOR_CHOICE)),
            "own" | "own_easy" | "predicts" | "path" => few(FOR_CHOICE),
            "transfer" => no_strangers().or_else(no_class).or_else(|| few(FOR_KID)),
            "foreign_probability" | "foreign_agreement" => no_strangers().or_else(no_class),
            "calibrated" => no_strangers().or_else(no_class).or_else(|| {
                let foreign = self.judges.foreign.iter().flat_map(|(_, places)| places);
                let none = foreign.into_iter().all(|place| self.judges.observers[1 + place].temperature.is_none());
                none.then(|| {
                    format!("fewer than {FOR_TEMPERATURE} photographs are labelled (--reference with class folders)")
                })
            }),
            "kin_probability" | "kin_agreement" => no_kin().or_else(no_class),
            "kid" => nobody_sees().or_else(|| few(FOR_KID)),
            "density" | "coverage" => nobody_sees().or_else(|| few(FOR_COVERAGE)),
            "niqe" => self.niqe.is_none().then(|| "the photographs have too few blocks of 96 pixels".to_owned()),
            "ratio" | "inversion_gap" | "inversion_distance" | "inversion_activation" => no_baseline(),
            "capped" | "robust" | "adversarial" | "percentile" => few(2),
            _ => None,
        };
    }

    /// The pictures of a method.
    pub(super) fn of_method(&self, method: usize) -> impl Iterator<Item = &'a Sighting> {
        let measures = self.measures;
        measures.pictures.iter().filter(move |of| of.subject.method == method)
    }

    /// What some witnesses can tell of a method's pictures by unit, on average, against ordinary photographs.
    pub(super) fn told_by(&self, method: usize, witnesses: &[usize]) -> BTreeMap<usize, f64> {
        let first = self.readings.partition_point(|reading| reading.method < method);
        let last = self.readings.partition_point(|reading| reading.method <= method);
        let mut by_unit: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
        for reading in &self.readings[first..last] {
            if reading.observer > 0 && witnesses.contains(&(reading.observer - 1)) {
                by_unit.entry(reading.unit).or_default().extend(reading.hard);
            }
        }
        by_unit.into_iter().filter_map(|(unit, values)| Some((unit, mean(values.into_iter())?))).collect()
    }

    /// A figure of observers by unit, of a method: the foreign families' mean, the kin's, or the target's own; none of a metric that is no such figure.
    pub(super) fn read(&self, method: usize, key: &str) -> Option<Vec<(usize, f64)>> {
        type Pick = fn(&Reading) -> Option<f64>;
        let pick: Pick = match key {
            "explains" | "explains_kin" | "own" => |reading| reading.hard,
            "explains_easy" | "own_easy" => |reading| reading.easy,
            "predicts" => |reading| reading.predicts,
            "transfer" => |reading| reading.transfer,
            _ => return None,
        };
        let units: std::collections::BTreeSet<usize> =
            self.readings.iter().filter(|reading| reading.method == method).map(|reading| reading.unit).collect();
        let value = |unit: usize| {
            let of = |observer: usize| {
                let key = |of: &Reading| (of.method, of.unit, of.observer);
                let place = self.readings.binary_search_by_key(&(method, unit, observer), key).ok()?;
                pick(&self.readings[place])
            };
            match key {
                "explains_kin" => self.judges.mean_of_kin(&|witness| of(witness + 1)),
                "own" | "own_easy" | "predicts" => of(0),
                _ => self.judges.mean_of_foreign(&|witness| of(witness + 1)),
            }
        };
        Some(units.into_iter().filter_map(|unit| Some((unit, value(unit)?))).collect())
    }
}
