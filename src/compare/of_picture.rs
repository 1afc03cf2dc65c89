//! The figures of one picture.

use std::collections::BTreeMap;

use metrics::rank;

use super::evidence::Evidence;
use super::judges::{Verdict, mean};
use super::measure::Sighting;
use super::portrait::{LOWEST, Portrait};

/// F1c below which there is next to no activation that small changes could destroy.
const TO_SPEAK_OF: f64 = 0.1;

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
        let verdicts: Vec<Option<Verdict>> = (look.logits.iter().enumerate())
            .map(|(witness, logits)| self.judges.verdict(self.study, witness, unit, logits))
            .collect();
        let verdicts = &verdicts;
        let of = |read: fn(&Verdict) -> Option<f64>| move |witness: usize| read(verdicts[witness].as_ref()?);
        let (probability, agrees) =
            (of(|verdict| Some(verdict.probability)), of(|verdict| Some(f64::from(verdict.agrees))));
        put("foreign_probability", self.judges.mean_of_foreign(&probability));
        put("foreign_agreement", self.judges.mean_of_foreign(&agrees));
        put("calibrated", self.judges.mean_of_foreign(&of(|verdict| verdict.calibrated)));
        put("kin_probability", self.judges.mean_of_kin(&probability));
        put("kin_agreement", self.judges.mean_of_kin(&agrees));
        put("activation", Some(look.activation));
        put("probability", self.study.units[unit].class().map(|class| look.posterior[class]));
        let (median, natural) = (self.nature.median(unit), self.nature.natural(unit));
        let between = |low: Option<f64>, high: Option<f64>| low.zip(high).filter(|(low, high)| high > low);
        put("ratio", between(median, self.baseline[unit]).map(|(low, high)| (look.activation - low) / (high - low)));
        put("percentile", rank::percentile(look.activation, &self.nature.activations[unit]));
        if let Some((low, high)) = between(median, natural) {
            let capped = |activation: f64| (activation.min(high) - low) / (high - low);
            let (capped, robust) = (capped(look.activation), mean(picture.changed.iter().map(|of| capped(*of))));
            put("capped", Some(capped));
            put("robust", robust);
            put(
                "adversarial",
                robust.filter(|_| capped >= TO_SPEAK_OF).map(|robust| (1. - robust / capped).clamp(0., 1.)),
            );
        }
        put("path", mean(self.paths.of_picture(picture).into_iter().flatten()));
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
        figures
    }

    fn slope_distance(&self, portrait: &Portrait) -> Option<f64> {
        let natural = self.slopes.get(&portrait.highest).copied().flatten()?;
        Some((portrait.slope(portrait.highest)? - natural).abs())
    }
}
