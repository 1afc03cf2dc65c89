//! The methods and the controls: their figures, their tests against the baseline, and what must be said of them.

use std::collections::BTreeMap;

use metrics::multiple::holm;

use super::controls::Control;
use super::convergence;
use super::evidence::Evidence;
use super::findings::{Inverted, LayerFindings, Measured, MethodFindings, Metric, Origin, PictureFindings, Test};
use super::follow::FollowComparison;
use super::statistics::{self, Valued, absent, mean_of};
use super::study::Study;
use crate::error::Result;

/// Figures that are made of a method's pictures as a set.
const SETS: [&str; 4] = ["kid", "density", "coverage", "niqe"];

/// What is tested against the baseline, settled before any result.
const TESTED: [&str; 2] = ["explains", "own"];

/// What methods are made of.
pub struct Parts<'a> {
    /// What is compared.
    pub study: &'a Study<'a>,
    /// They come behind the groups of pictures.
    pub controls: &'a [Control],
    /// Where figures come from.
    pub evidence: &'a Evidence<'a>,
    /// What is computed.
    pub metrics: &'a [Metric],
    /// With their figures.
    pub pictures: &'a [PictureFindings],
    /// The nearest pictures of the generators.
    pub inversions: &'a [Inverted],
}

impl Parts<'_> {
    /// All methods, then all controls.
    ///
    /// # Errors
    /// That of whoever follows.
    pub fn methods(&self, follow: &dyn FollowComparison) -> Result<Vec<MethodFindings>> {
        let count = self.study.job.gathered.groups.len() + self.controls.len();
        follow.begin("figures of methods", count);
        let mut methods = vec![];
        for (place, (set, layers)) in self.evidence.of_all(count, self.metrics).into_iter().enumerate() {
            methods.push(self.method(place, set, layers));
            follow.at(place + 1)?;
        }
        self.test(&mut methods);
        Ok(methods)
    }

    fn method(&self, place: usize, set: BTreeMap<String, Measured>, layers: Vec<LayerFindings>) -> MethodFindings {
        let own = || self.pictures.iter().filter(|picture| picture.method == place);
        let mut of_unit: BTreeMap<usize, usize> = BTreeMap::new();
        own().for_each(|picture| *of_unit.entry(picture.unit).or_default() += 1);
        let groups = &self.study.job.gathered.groups;
        let (label, name, kind, generator, settings, passes, meaning) = match groups.get(place) {
            Some(of) => (&of.label, &of.name, of.kind, &of.generator, &of.settings, self.passes(place), None),
            None => {
                let of = &self.controls[place - groups.len()];
                let meaning = Some(of.meaning.clone());
                (&of.name, &of.name, Origin::Control, &of.generator, &of.settings, of.passes, meaning)
            }
        };
        let mut metrics = set;
        for metric in self.metrics {
            let figure = match (&metric.not_computed, metric.key.as_str()) {
                (Some(why), _) => absent(why),
                (None, "ratio") => self.strength(place),
                (None, key) if key.starts_with("inversion") => self.inverted(key, generator.as_ref()),
                (None, key) if SETS.contains(&key) => continue,
                (None, key) => mean_of(&self.values(place, key), self.evidence.bootstrap, missing(key)),
            };
            metrics.insert(metric.key.clone(), figure);
        }
        MethodFindings {
            label: label.clone(),
            name: name.clone(),
            kind,
            meaning,
            generator: generator.clone(),
            settings: settings.clone(),
            units: of_unit.len(),
            pictures: own().count(),
            seeds: of_unit.values().copied().min().unwrap_or_default(),
            passes,
            metrics,
            layers,
            spectrum: self.evidence.mean_spectrum(place),
            late_gain: self.late_gain(place),
            tests: vec![],
            cautions: vec![],
        }
    }

    /// A method's values of a metric: of observers a value a unit, of all others a value a picture.
    pub(super) fn values(&self, method: usize, key: &str) -> Vec<Valued> {
        if let Some(read) = self.evidence.read(method, key) {
            return read;
        }
        let of = self.pictures.iter().filter(|picture| picture.method == method);
        of.filter_map(|picture| Some((picture.unit, *picture.metrics.get(key)?))).collect()
    }

    /// F1 of a method, with the baseline drawn anew like the method. Seeds are paired in their order, since another tool may count from another
    /// number; unequal lists are gone through until both are whole, so that the estimate is that of plain means.
    fn strength(&self, method: usize) -> Measured {
        let by_unit = |method: usize| {
            let mut units: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
            for of in self.evidence.of_method(method) {
                units.entry(of.subject.unit).or_default().push(of.look.activation);
            }
            units
        };
        let Some(baseline) = self.study.baseline.map(by_unit) else { return absent("there is no baseline") };
        let paired = by_unit(method).into_iter().filter_map(|(unit, own)| {
            let (median, of_baseline) = (self.evidence.nature.median(unit)?, baseline.get(&unit)?);
            let count = lcm(own.len(), of_baseline.len());
            let pair = |number: usize| [own[number % own.len()], of_baseline[number % of_baseline.len()]];
            Some((median, (0..count).map(pair).collect()))
        });
        statistics::strength(&paired.collect::<Vec<_>>(), self.evidence.bootstrap)
    }

    /// F6 of a method's generator.
    fn inverted(&self, key: &str, generator: Option<&String>) -> Measured {
        let own = self.inversions.iter().filter(|of| of.of == "baseline" && Some(&of.generator) == generator);
        let values = own.filter_map(|inverted| {
            let value = match key {
                "inversion_gap" => Some(inverted.gap),
                "inversion_distance" => Some(inverted.distance),
                _ => inverted.activation,
            };
            Some((inverted.unit?, value?))
        });
        mean_of(&values.collect::<Vec<_>>(), self.evidence.bootstrap, "it has no generator")
    }

    /// By how much of their activation a method's runs still rose in the second half of their steps: the median over runs.
    fn late_gain(&self, group: usize) -> Option<f64> {
        let items = self.study.job.gathered.items.iter().filter(|item| item.group == group);
        let mut gains: Vec<f64> = items.filter_map(|item| convergence::late_gain(item.trace.as_ref()?)).collect();
        gains.sort_by(f64::total_cmp);
        gains.get(gains.len() / 2).copied()
    }

    /// The median forward and backward passes of a method's runs.
    fn passes(&self, group: usize) -> Option<[f64; 2]> {
        let of = |which: usize| {
            let items = self.study.job.gathered.items.iter().filter(|item| item.group == group);
            let mut all: Vec<usize> = items.filter_map(|item| Some(item.passes?[which])).collect();
            all.sort_unstable();
            all.get(all.len() / 2).map(|passes| *passes as f64)
        };
        Some([of(0)?, of(1)?])
    }

    /// Tests every method against the baseline, with Holm's correction for all of these tests.
    fn test(&self, methods: &mut [MethodFindings]) {
        let Some(baseline) = self.study.baseline else { return };
        for (place, method) in methods.iter_mut().enumerate() {
            if method.kind != Origin::Control && place != baseline {
                let test = |key: &&str| self.evidence.test(key, &self.values(place, key), &self.values(baseline, key));
                method.tests = TESTED.iter().filter_map(test).collect();
            }
        }
        let all: Vec<&mut Test> =
            methods.iter_mut().flat_map(|method| method.tests.iter_mut()).filter(|test| test.p.is_some()).collect();
        let adjusted = holm(&all.iter().filter_map(|test| test.p).collect::<Vec<_>>()).unwrap_or_default();
        all.into_iter().zip(adjusted).for_each(|(test, p)| test.p_holm = Some(p));
    }
}

/// The smallest number of which both are divisors: so that both lists are gone through whole.
fn lcm(a: usize, b: usize) -> usize {
    (1..=b).map(|times| a * times).find(|product| product % b == 0).unwrap_or(a * b)
}

/// Why a method has no figure.
fn missing(key: &str) -> &'static str {
    match key {
        "foreign_probability"
        | "foreign_agreement"
        | "calibrated"
        | "kin_probability"
        | "kin_agreement"
        | "probability"
        | "transfer" => "none of its units is a class",
        "explains" | "explains_easy" | "explains_kin" => "its pictures leave no photographs to choose from",
        "own" | "own_easy" | "predicts" => "there is no layer below its units",
        "path" => "photographs that fire a unit most are no more alike in any layer than others",
        "slope" | "slope_distance" | "spectral_distance" | "high_frequency" => {
            "its pictures are not square, or too small for the band"
        }
        "adversarial" => "none of its pictures fires its unit to speak of",
        "ratio" => "the baseline has no picture of these units",
        _ => "not defined for its pictures",
    }
}
