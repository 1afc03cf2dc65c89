//! The methods and the controls: their figures, their tests against the baseline, and what must be said of them.

use std::collections::BTreeMap;

use metrics::multiple::holm;

use super::controls::Control;
use super::evidence::Evidence;
use super::findings::{Inverted, LayerFindings, Measured, MethodFindings, Metric, Origin, PictureFindings, Test};
use super::follow::FollowComparison;
use super::statistics::{self, Valued, absent, mean_of};
use super::study::Study;

/// Figures that pictures do not have.
const SETS: [&str; 8] =
    ["kid", "density", "coverage", "niqe", "cka", "energy", "inversion_gap", "inversion_activation"];

/// What is tested against the baseline, settled before any result.
const TESTED: [&str; 2] = ["agreement", "ratio"];

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
    pub fn methods(&self, follow: &dyn FollowComparison) -> Vec<MethodFindings> {
        let count = self.study.job.gathered.groups.len() + self.controls.len();
        follow.begin("figures of methods", count);
        let mut methods = vec![];
        for (place, (set, layers)) in self.evidence.of_all(count, self.metrics).into_iter().enumerate() {
            methods.push(self.method(place, set, layers));
            follow.at(place + 1);
        }
        self.test(&mut methods);
        for method in methods.iter_mut().filter(|method| method.kind != Origin::Control) {
            if method.metrics.get("ratio").and_then(|ratio| ratio.value).is_some_and(|ratio| ratio > 1.) {
                method.cautions.push(
                    "Its pictures fire the units more than the best of the baseline's on average (F1 above 1): the pixel search \
                     failed, and fidelity to it means little."
                        .to_owned(),
                );
            }
        }
        methods
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
                (None, "cka") => mean_of_layers(&layers, |layer| &layer.cka),
                (None, "energy") => mean_of_layers(&layers, |layer| &layer.energy),
                (None, key @ ("inversion_gap" | "inversion_activation")) => {
                    self.inverted(key, name, generator.as_ref())
                }
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
            tests: vec![],
            cautions: vec![],
        }
    }

    /// A method's values of a metric, picture by picture.
    fn values(&self, method: usize, key: &str) -> Vec<Valued> {
        let of = self.pictures.iter().filter(|picture| picture.method == method);
        of.filter_map(|picture| Some((picture.unit, *picture.metrics.get(key)?))).collect()
    }

    /// F6 of a method's generator; of the photographs, what all generators make of them.
    fn inverted(&self, key: &str, name: &str, generator: Option<&String>) -> Measured {
        let control = name == "photographs";
        let of = if control { "photographs" } else { "baseline" };
        let own = (self.inversions.iter())
            .filter(|inverted| inverted.of == of && (control || Some(&inverted.generator) == generator));
        let values = own.enumerate().filter_map(|(number, inverted)| {
            let value = if key == "inversion_gap" { Some(inverted.gap) } else { inverted.activation };
            Some((inverted.unit.unwrap_or(number), value?))
        });
        mean_of(&values.collect::<Vec<_>>(), self.evidence.bootstrap, "it has no generator")
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

/// The mean of a figure over the layers that have it.
fn mean_of_layers(layers: &[LayerFindings], figure: impl Fn(&LayerFindings) -> &Measured) -> Measured {
    let values: Vec<f64> = layers.iter().filter_map(|layer| figure(layer).value).collect();
    match layers.first().map(figure) {
        Some(first) if !values.is_empty() => {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            statistics::bare(Some(mean), first.units, first.pictures, "no interval: a figure of the whole set")
        }
        first => absent(first.and_then(|first| first.why_not.as_deref()).unwrap_or("there is no baseline")),
    }
}

/// Why no picture of a method has a figure.
fn missing(key: &str) -> &'static str {
    match key {
        "agreement" | "witness_probability" | "witness_logit" | "probability" => "none of its units is a class",
        "explanation" => "there is no photograph of its units' classes beside those that it shows",
        "slope" | "slope_distance" | "spectral_distance" | "high_frequency" => {
            "its pictures are not square, or too small for the band"
        }
        "jpeg_kept" | "noise_kept" | "crop_kept" => "none of its pictures fires its unit above the photographs' median",
        "ratio" => "the baseline has no picture of these units",
        "likeness" | "likeness_pooled" | "divergence" => {
            "the baseline has fewer than two pictures of these units, or its drift has no scale"
        }
        _ => "not defined for its pictures",
    }
}
