//! The figures of a method's pictures as a set, and its tests against the baseline.

use std::collections::BTreeMap;

use metrics::niqe::Model;
use metrics::spectrum::Spectrum;
use metrics::{coverage, effect, kid, permutation};
use ndarray::Array2;

use super::evidence::Evidence;
use super::findings::{Measured, Metric, Test};
use super::least::FOR_NIQE;
use super::measure::Sighting;
use super::statistics::{Valued, absent, bare, few, mean_of, unit_means};

/// A picture's unit, and its features.
type OfUnit<'a> = (usize, &'a [f32]);

impl<'a> Evidence<'a> {
    /// Figures of a method's pictures as a set.
    pub fn of_set(&self, method: usize, metrics: &[Metric]) -> BTreeMap<String, Measured> {
        let pictures: Vec<&'a Sighting> = self.of_method(method).collect();
        let why =
            |key: &str| metrics.iter().find(|metric| metric.key == key).and_then(|metric| metric.not_computed.clone());
        let mut figures = BTreeMap::new();
        let mut put = |key: &str, make: &dyn Fn() -> Measured| {
            figures.insert(key.to_owned(), why(key).map_or_else(make, |why| absent(&why)));
        };
        put("kid", &|| self.kid(&pictures));
        let neighbours = || {
            let (own, real) = self.encoded(&pictures);
            let own: Vec<&[f32]> = own.into_iter().map(|(_, features)| features).collect();
            coverage::density_and_coverage(matrix(&real)?.view(), matrix(&own)?.view())
        };
        let units = unit_count(&pictures);
        let resampled = "no interval: a set with a picture twice has other neighbourhoods";
        put("density", &|| bare(neighbours().map(|of| of.density), units, pictures.len(), resampled));
        put("coverage", &|| bare(neighbours().map(|of| of.coverage), units, pictures.len(), resampled));
        put("niqe", &|| {
            let blocks: Vec<_> = pictures.iter().flat_map(|of| of.portrait.blocks.iter().copied()).collect();
            match (blocks.len() >= FOR_NIQE, &self.niqe, Model::fit(&blocks)) {
                (true, Some(natural), Some(own)) => bare(
                    Some(own.distance(natural)),
                    units,
                    pictures.len(),
                    match pictures.iter().any(|of| of.subject.photograph.is_some()) {
                        true => "no interval; near 0 by construction, being the photographs themselves",
                        false => "no interval: it is a figure of the whole set",
                    },
                ),
                _ => absent(&format!(
                    "its pictures have {} blocks of 96 pixels, and {FOR_NIQE} are the least",
                    blocks.len()
                )),
            }
        });
        figures
    }

    /// Features of a method's pictures and of the photographs, as the encoder sees them. Of the photographs themselves, every second one is held
    /// against the rest: nothing is held against itself.
    fn encoded(&self, pictures: &[&'a Sighting]) -> (Vec<OfUnit<'a>>, Vec<&'a [f32]>) {
        let Some(encoder) = self.judges.encoder() else { return (vec![], vec![]) };
        let themselves = pictures.iter().any(|of| of.subject.photograph.is_some());
        let own = pictures.iter().filter(|of| of.subject.photograph.is_none_or(|place| place % 2 == 0));
        let real = self.nature.photographs.iter().enumerate().filter(|(place, _)| !themselves || place % 2 == 1);
        (
            own.map(|of| (of.subject.unit, &of.look.encoded[encoder][..])).collect(),
            real.map(|(_, seen)| &seen.look.encoded[encoder][..]).collect(),
        )
    }

    /// KID with a normal interval from a jackknife over units and over photographs.
    fn kid(&self, pictures: &[&'a Sighting]) -> Measured {
        let (own, real) = self.encoded(pictures);
        let groups: Vec<usize> = own.iter().map(|(unit, _)| *unit).collect();
        let (units, kept) = (groups.iter().collect::<std::collections::BTreeSet<_>>().len(), own.len());
        let own: Vec<&[f32]> = own.into_iter().map(|(_, features)| features).collect();
        let found = matrix(&own).zip(matrix(&real)).and_then(|(own, real)| kid::kid(own.view(), &groups, real.view()));
        let Some(found) = found else { return absent("there are fewer than two pictures, or no witness") };
        let error = found.error.filter(|_| units >= metrics::bootstrap::LEAST_UNITS);
        let half = error.map(|error| metrics::normal::half_width(self.bootstrap.level) * error);
        Measured {
            value: Some(found.distance),
            interval: half.map(|half| [found.distance - half, found.distance + half]),
            units,
            pictures: kept,
            why_not: half.is_none().then(|| few(units)),
        }
    }

    /// A method against the baseline, paired by unit.
    pub fn test(&self, key: &str, own: &[Valued], baseline: &[Valued]) -> Option<Test> {
        let (own, baseline) = (unit_means(own), unit_means(baseline));
        let differences: Vec<(usize, f64)> =
            own.iter().filter_map(|(unit, value)| Some((*unit, value - baseline.get(unit)?))).collect();
        if differences.is_empty() {
            return None;
        }
        let of: Vec<f64> = differences.iter().map(|(_, difference)| *difference).collect();
        Some(Test {
            metric: key.to_owned(),
            difference: mean_of(&differences, self.bootstrap, "there is no pair"),
            p: permutation::sign_flip(&of, self.permutations, self.bootstrap.seed).map(|test| test.p),
            p_holm: None,
            effect: effect::rank_biserial(&of),
        })
    }

    /// Mean ln P of a method's pictures by frequency, of those of its most frequent size.
    pub fn mean_spectrum(&self, method: usize) -> Vec<[f64; 2]> {
        let spectra: Vec<&Spectrum> = self.of_method(method).filter_map(|of| of.portrait.spectrum.as_ref()).collect();
        let mut sides: BTreeMap<usize, usize> = BTreeMap::new();
        spectra.iter().for_each(|spectrum| *sides.entry(spectrum.side).or_default() += 1);
        let Some((&side, _)) = sides.iter().max_by_key(|(_, count)| **count) else { return vec![] };
        let spectra: Vec<Spectrum> = spectra.into_iter().filter(|of| of.side == side).cloned().collect();
        Spectrum::mean(&spectra).map_or_else(Vec::new, |mean| with_frequencies(&mean.power))
    }
}

/// Frequencies from 1 and natural logarithms.
pub fn with_frequencies(power: &[f64]) -> Vec<[f64; 2]> {
    power.iter().zip(1..).map(|(power, frequency)| [f64::from(frequency), power.ln()]).collect()
}

fn unit_count(pictures: &[&Sighting]) -> usize {
    pictures.iter().map(|of| of.subject.unit).collect::<std::collections::BTreeSet<_>>().len()
}

fn matrix(rows: &[&[f32]]) -> Option<Array2<f32>> {
    let width = rows.first()?.len();
    (width > 0).then(|| Array2::from_shape_vec((rows.len(), width), rows.concat()).ok())?
}
