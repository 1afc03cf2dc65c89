//! The figures of one picture.

use std::collections::BTreeMap;

use metrics::{jensen_shannon, rank};

use super::evidence::{Evidence, distances_of};
use super::least::FOR_CHOICE;
use super::measure::Sighting;
use super::portrait::{LOWEST, Portrait};

impl Evidence<'_> {
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
    pub(super) fn drift(&self, picture: &Sighting, layer: usize, pooled: bool) -> Option<f64> {
        let distance = (*distances_of(picture, pooled).get(layer)?)?;
        let which = usize::from(pooled);
        Some((distance - self.same[which][picture.subject.unit][layer]?) / self.denominators[which][layer]?)
    }

    /// F3 in a layer: likeness to photographs of the unit's class, scaled. 0 is as like as other classes' photographs, 1 as like as the class's own.
    pub(super) fn path(&self, picture: &Sighting, layer: usize) -> Option<f64> {
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
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt().max(f64::MIN_POSITIVE)
}
