//! From measured pictures to the figures of methods: means with intervals, figures of whole sets, drift by layer, tests.

use std::collections::BTreeMap;

use metrics::bootstrap::Bootstrap;
use metrics::niqe::Model;
use metrics::spectrum::Spectrum;
use metrics::{cka, coverage, effect, energy, jensen_shannon, kid, multiple, permutation, rank};
use ndarray::Array2;

use super::comparison::{Layer, Measured, Metric, Test};
use super::measure::{Measures, Sighting, in_parallel};
use super::nature::Nature;
use super::portrait::{LOWEST, Portrait};
use super::statistics::{Valued, absent, bare, few, mean_of};
use super::tradeoff::unit_means;
use crate::unit::Unit;

/// Photographs below which L2 says nothing. It is unbiased at any number; below this its spread is all there is to see.
pub const FOR_KID: usize = 20;
/// Photographs below which neighbourhoods of 5 say nothing (L3).
pub const FOR_COVERAGE: usize = 50;
/// Units with photographs of their class below which L5, and photographs of other classes below which a choice says nothing.
pub const FOR_CHOICE: usize = 10;
/// Units with two photographs of their class below which F3 says nothing.
pub const FOR_PATH: usize = 5;
/// Blocks below which their covariance (36 features) is not estimated.
pub const FOR_NIQE: usize = 72;

/// A picture's unit, and its features.
type OfUnit<'a> = (usize, &'a [f32]);

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
    same: [Vec<Vec<Option<f64>>>; 2],
    /// By layer: how much farther other units' pictures are; none where that is not told from 0. Flat, and pooled.
    pub denominators: [Vec<Option<f64>>; 2],
    /// By layer: correlation of photographs within a class, less that with other classes, and the latter.
    path: Vec<Option<[f64; 2]>>,
    /// Mean spectra of the photographs' squares.
    spectrum: Option<Spectrum>,
    niqe: Option<Model>,
}

impl<'a> Evidence<'a> {
    /// Of pictures that are measured.
    pub fn new(
        units: &'a [Unit],
        nature: &'a Nature,
        measures: &'a Measures,
        baseline: Option<usize>,
        (bootstrap, permutations): (Bootstrap, usize),
        layers: &'a [String],
    ) -> Evidence<'a> {
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

    /// The figures of one picture.
    pub fn figures(&self, picture: &Sighting) -> BTreeMap<String, f64> {
        let unit = picture.subject.unit;
        let look = &picture.look;
        let mut figures = BTreeMap::new();
        let mut put = |key: &str, value: Option<f64>| {
            if let Some(value) = value.filter(|value| value.is_finite()) {
                figures.insert(key.to_owned(), value);
            }
        };
        let opinions = &look.opinions;
        let mean = |of: &dyn Fn(usize) -> f64| {
            (!opinions.is_empty()).then(|| (0..opinions.len()).map(of).sum::<f64>() / opinions.len() as f64)
        };
        put("agreement", mean(&|witness| f64::from(opinions[witness].agrees)));
        put("witness_probability", mean(&|witness| opinions[witness].probability));
        put("witness_logit", mean(&|witness| opinions[witness].centred));
        put("activation", Some(look.activation));
        put("probability", self.units[unit].class().map(|class| look.posterior[class]));
        let median = self.nature.median(unit);
        put(
            "ratio",
            median
                .zip(self.best[unit])
                .and_then(|(median, best)| (best > median).then(|| (look.activation - median) / (best - median))),
        );
        put("percentile", rank::percentile(look.activation, &self.nature.activations[unit]));
        for (pooled, key) in [(false, "likeness"), (true, "likeness_pooled")] {
            // A layer counts as much as it tells units apart: a mean of the layers' drifts would be that of the first ones, where
            // units hardly differ and any other kind of picture is many times as far away.
            let which = usize::from(pooled);
            let parts = (0..self.layers.len()).filter_map(|layer| {
                let weight = self.denominators[which][layer]?;
                Some((self.drift(picture, layer, pooled)? * weight, weight))
            });
            let (sum, weights) = parts.fold((0., 0.), |(sum, all), (drift, weight)| (sum + drift, all + weight));
            put(key, (weights > 0.).then(|| 1. - sum / weights));
        }
        let paths: Vec<f64> = (0..self.layers.len()).filter_map(|layer| self.path(picture, layer)).collect();
        put("path", (!paths.is_empty()).then(|| paths.iter().sum::<f64>() / paths.len() as f64));
        put("divergence", self.divergence(picture));
        put("explanation", self.explanation(picture));
        let portrait = &picture.portrait;
        put("slope", portrait.slope(portrait.highest));
        put("slope_distance", self.slope_distance(portrait));
        put(
            "spectral_distance",
            portrait
                .spectrum
                .as_ref()
                .zip(self.spectrum.as_ref())
                .and_then(|(own, natural)| own.distance(natural, LOWEST, portrait.highest)),
        );
        put("variation", portrait.variation);
        put("high_frequency", portrait.spectrum.as_ref().map(|spectrum| spectrum.fine));
        put("png_bits", portrait.png);
        put("jpeg_bits", portrait.jpeg);
        for (key, kept) in ["jpeg_kept", "noise_kept", "crop_kept"].into_iter().zip(picture.kept) {
            put(key, kept);
        }
        figures
    }

    fn slope_distance(&self, portrait: &Portrait) -> Option<f64> {
        let natural: Vec<f64> =
            self.nature.photographs.iter().filter_map(|seen| seen.portrait.slope(portrait.highest)).collect();
        let mean = natural.iter().sum::<f64>() / natural.len() as f64;
        Some((portrait.slope(portrait.highest)? - mean).abs())
    }

    /// Drift in a layer: the distance to the baseline's pictures, scaled. Other units are `1` on average, another seed is 0.
    fn drift(&self, picture: &Sighting, layer: usize, pooled: bool) -> Option<f64> {
        let distance = (*distances_of(picture, pooled).get(layer)?)?;
        let which = usize::from(pooled);
        Some((distance - self.same[which][picture.subject.unit][layer]?) / self.denominators[which][layer]?)
    }

    fn path(&self, picture: &Sighting, layer: usize) -> Option<f64> {
        let [range, other] = self.path[layer]?;
        Some(((*picture.to_photographs.get(layer)?)? - other) / range)
    }

    /// The mean divergence from the posteriors of the baseline's pictures of the unit, the picture itself excluded.
    fn divergence(&self, picture: &Sighting) -> Option<f64> {
        let subject = &picture.subject;
        let others = self.measures.pictures.iter().filter(|other| {
            Some(other.subject.method) == self.baseline
                && other.subject.unit == subject.unit
                && (other.subject.method, other.subject.key) != (subject.method, subject.key)
        });
        let all: Vec<f64> = others
            .filter_map(|other| jensen_shannon::divergence(&picture.look.posterior, &other.look.posterior))
            .collect();
        (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)
    }

    /// How many of the photographs of the unit's class, paired with those of other classes, the picture is nearer to.
    fn explanation(&self, picture: &Sighting) -> Option<f64> {
        let class = self.units[picture.subject.unit].class()?;
        let own = &picture.look.encoded;
        let near = |right: bool| -> Vec<f64> {
            let others = self.nature.photographs.iter().enumerate().filter(|(place, seen)| {
                Some(*place) != picture.subject.photograph && seen.class.is_some_and(|of| (of == class) == right)
            });
            others.map(|(_, seen)| cosine(own, &seen.look.encoded)).collect()
        };
        let (right, wrong) = (near(true), near(false));
        if right.is_empty() || wrong.len() < FOR_CHOICE {
            return None;
        }
        let won = right.iter().flat_map(|right| {
            wrong.iter().map(move |wrong| match right.total_cmp(wrong) {
                std::cmp::Ordering::Greater => 1.,
                std::cmp::Ordering::Equal => 0.5,
                std::cmp::Ordering::Less => 0.,
            })
        });
        Some(won.sum::<f64>() / (right.len() * wrong.len()) as f64)
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

    fn of_method(&self, method: usize) -> impl Iterator<Item = &'a Sighting> {
        let measures = self.measures;
        measures.pictures.iter().filter(move |of| of.subject.method == method)
    }

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

    /// Features of a method's pictures and of the photographs. Of the photographs themselves, every second one is held against the
    /// rest: nothing is held against itself.
    fn encoded(&self, pictures: &[&'a Sighting]) -> (Vec<OfUnit<'a>>, Vec<&'a [f32]>) {
        let themselves = pictures.iter().any(|of| of.subject.photograph.is_some());
        let own = pictures.iter().filter(|of| of.subject.photograph.is_none_or(|place| place % 2 == 0));
        let real = self.nature.photographs.iter().enumerate().filter(|(place, _)| !themselves || place % 2 == 1);
        (
            own.map(|of| (of.subject.unit, &of.look.encoded[..])).collect(),
            real.map(|(_, seen)| &seen.look.encoded[..]).collect(),
        )
    }

    /// KID with a normal interval from the jackknife over units.
    fn kid(&self, pictures: &[&'a Sighting]) -> Measured {
        let (own, real) = self.encoded(pictures);
        let of = |without: Option<usize>| {
            let own: Vec<&[f32]> =
                own.iter().filter(|(unit, _)| Some(*unit) != without).map(|(_, features)| *features).collect();
            kid::kid(matrix(&own)?.view(), matrix(&real)?.view())
        };
        let units = unit_count(pictures);
        let Some(value) = of(None) else { return absent("there are fewer than two pictures, or no witness") };
        let names: std::collections::BTreeSet<usize> = pictures.iter().map(|of| of.subject.unit).collect();
        // Leaving out one of very many says what leaving out one of a few dozen says.
        if !(3..=60).contains(&names.len()) {
            return bare(Some(value), units, pictures.len(), &few(names.len()));
        }
        let left: Vec<f64> = names.iter().filter_map(|&unit| of(Some(unit))).collect();
        let (count, mean) = (left.len() as f64, left.iter().sum::<f64>() / left.len() as f64);
        let variance = (count - 1.) / count * left.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        let half = metrics::normal::half_width(self.bootstrap.level) * variance.sqrt();
        Measured {
            value: Some(value),
            interval: Some([value - half, value + half]),
            units,
            pictures: pictures.len(),
            why_not: None,
        }
    }

    /// A method's drift, path, geometry and distance in every layer.
    pub fn layers(&self, method: usize) -> Vec<Layer> {
        let pictures: Vec<&Sighting> = self.of_method(method).collect();
        let is_baseline = Some(method) == self.baseline;
        let layer = |layer: usize| {
            let values = |of: &dyn Fn(&Sighting) -> Option<f64>| -> Vec<Valued> {
                pictures.iter().filter_map(|picture| Some((picture.subject.unit, of(picture)?))).collect()
            };
            let no_drift = match self.baseline {
                None => "there is no baseline",
                Some(_) => {
                    "its scale is not told from 0 here, or the baseline has one seed a unit, or no picture of these units"
                }
            };
            let mean =
                |of: &dyn Fn(&Sighting) -> Option<f64>, missing: &str| mean_of(&values(of), self.bootstrap, missing);
            let (own, theirs) = self.paired(method, layer);
            let sets = matrix_of(&own).zip(matrix_of(&theirs)).filter(|_| !is_baseline);
            let set = |value: Option<f64>, why: &str| match (is_baseline, value) {
                (true, _) => absent("it is the baseline itself"),
                (_, None) => absent("it has pictures of fewer than 4 of the baseline's units"),
                _ => bare(value, own.len(), pictures.len(), why),
            };
            let energy = sets.as_ref().and_then(|(x, y)| energy::energy(x.view(), y.view()));
            let p = sets.as_ref().filter(|(x, _)| x.nrows() >= 4).and_then(|(x, y)| {
                energy::paired_permutation_p(x.view(), y.view(), self.permutations.min(999), self.bootstrap.seed)
            });
            let twice = "no interval: drawn twice, a unit would resemble itself";
            Layer {
                layer: self.layers[layer].clone(),
                drift: mean(&|picture| self.drift(picture, layer, false), no_drift),
                drift_pooled: mean(&|picture| self.drift(picture, layer, true), no_drift),
                path: mean(&|picture| self.path(picture, layer), "there are too few photographs of the units' classes"),
                cka: set(sets.as_ref().and_then(|(x, y)| cka::debiased(x.view(), y.view())), twice),
                energy: set(energy.map(|of| of.normalized).filter(|_| own.len() >= 4), "no interval: see its test"),
                energy_p: p,
                energy_q: None,
            }
        };
        (0..self.layers.len()).map(layer).collect()
    }

    /// Mean pooled activations of those units that both the method and the baseline have, in the same order.
    fn paired(&self, method: usize, layer: usize) -> (Vec<Vec<f64>>, Vec<Vec<f64>>) {
        let means = |method: usize| {
            let mut units: BTreeMap<usize, (Vec<f64>, f64)> = BTreeMap::new();
            for picture in self.of_method(method) {
                let pooled = &picture.look.pooled[layer];
                let (sum, count) = units.entry(picture.subject.unit).or_insert_with(|| (vec![0.; pooled.len()], 0.));
                sum.iter_mut().zip(pooled).for_each(|(sum, value)| *sum += f64::from(*value));
                *count += 1.;
            }
            let mean = |(sum, count): (Vec<f64>, f64)| sum.into_iter().map(|value| value / count).collect::<Vec<f64>>();
            units.into_iter().map(|(unit, of)| (unit, mean(of))).collect::<BTreeMap<usize, Vec<f64>>>()
        };
        let (own, mut theirs) = (means(method), self.baseline.map(means).unwrap_or_default());
        own.into_iter().filter_map(|(unit, of)| Some((of, theirs.remove(&unit)?))).unzip()
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

    /// All methods' figures as sets and by layer, on all cores.
    pub fn of_all(&self, methods: usize, metrics: &[Metric]) -> Vec<(BTreeMap<String, Measured>, Vec<Layer>)> {
        let mut all = in_parallel(methods, &|method| (self.of_set(method, metrics), self.layers(method)));
        let p: Vec<f64> = all.iter().flat_map(|(_, layers)| layers.iter().filter_map(|layer| layer.energy_p)).collect();
        let mut adjusted = multiple::benjamini_hochberg(&p).unwrap_or_default().into_iter();
        for layer in all.iter_mut().flat_map(|(_, layers)| layers.iter_mut()).filter(|layer| layer.energy_p.is_some()) {
            layer.energy_q = adjusted.next();
        }
        all
    }
}

/// Frequencies from 1 and natural logarithms.
pub fn with_frequencies(power: &[f64]) -> Vec<[f64; 2]> {
    power.iter().zip(1..).map(|(power, frequency)| [f64::from(frequency), power.ln()]).collect()
}

fn distances_of(picture: &Sighting, pooled: bool) -> &[Option<f64>] {
    if pooled { &picture.pooled_distances } else { &picture.distances }
}

fn unit_count(pictures: &[&Sighting]) -> usize {
    pictures.iter().map(|of| of.subject.unit).collect::<std::collections::BTreeSet<_>>().len()
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt().max(f64::MIN_POSITIVE)
}

fn matrix(rows: &[&[f32]]) -> Option<Array2<f32>> {
    let width = rows.first()?.len();
    (width > 0).then(|| Array2::from_shape_vec((rows.len(), width), rows.concat()).ok())?
}

fn matrix_of(rows: &[Vec<f64>]) -> Option<Array2<f64>> {
    let width = rows.first()?.len();
    Array2::from_shape_vec((rows.len(), width), rows.concat()).ok()
}
