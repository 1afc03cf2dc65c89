//! What a comparison says of its parts: the networks and their kinship, the photographs and their spectra.

use std::collections::BTreeSet;

use classifiers::{Classifier, Kinship};

use super::findings::{Band, Participant, Reference};
use super::job::Job;
use super::nature::Nature;
use crate::store::Hash;

/// A classifier, and what it has in common with the target, where it is another.
pub fn model(classifier: &Classifier, target: Option<&Classifier>) -> Participant {
    Participant {
        name: classifier.name.clone(),
        weights_sha256: classifier.weights_sha256.clone(),
        definition: serde_json::to_value(&classifier.definition).unwrap_or_default(),
        family: classifier.family.clone(),
        kinship: target.map(|target| Kinship::between(target.family.as_deref(), classifier.family.as_deref())),
    }
}

/// An encoder that observes.
pub fn encoder(encoder: &generators::Encoder) -> Participant {
    Participant {
        name: encoder.name.clone(),
        weights_sha256: encoder.weights_sha256.clone(),
        definition: serde_json::to_value(&encoder.definition).unwrap_or_default(),
        family: None,
        kinship: None,
    }
}

/// The generators, each once.
pub fn generators(job: &Job) -> Vec<Participant> {
    let mut models: Vec<Participant> = vec![];
    for prior in job.priors.values() {
        let generator = &prior.generator;
        if !models.iter().any(|model| model.name == generator.name) {
            models.push(Participant {
                name: generator.name.clone(),
                weights_sha256: generator.weights_sha256.clone(),
                definition: serde_json::to_value(&generator.definition).unwrap_or_default(),
                family: None,
                kinship: None,
            });
        }
    }
    models
}

/// The photographs.
pub fn reference(job: &Job) -> Reference {
    let classes: BTreeSet<usize> = job.photographs.iter().filter_map(|photograph| photograph.class).collect();
    let digests: String = job.photographs.iter().map(|photograph| photograph.sha256.as_str()).collect();
    Reference {
        source: job.reference.clone(),
        photographs: job.photographs.len(),
        labelled: job.photographs.iter().filter(|photograph| photograph.class.is_some()).count(),
        classes: classes.len(),
        sha256: Hash::of(digests.as_bytes()).to_string(),
    }
}

/// The spectra of the photographs: geometric mean, and the band in which 90 % of them lie.
pub fn band(nature: &Nature) -> Band {
    let spectra: Vec<&[f64]> = nature
        .photographs
        .iter()
        .filter_map(|seen| seen.portrait.spectrum.as_ref())
        .map(|spectrum| &spectrum.power[..])
        .filter(|power| power.iter().all(|power| *power > 0.))
        .collect();
    let mut band = Band::default();
    for frequency in 0..spectra.iter().map(|power| power.len()).min().unwrap_or_default() {
        let mut logs: Vec<f64> = spectra.iter().map(|power| power[frequency].ln()).collect();
        logs.sort_by(f64::total_cmp);
        let at = |share: f64| logs[(share * (logs.len() - 1) as f64).round() as usize];
        band.frequency.push((frequency + 1) as f64);
        band.mean.push(logs.iter().sum::<f64>() / logs.len() as f64);
        band.low.push(at(0.05));
        band.high.push(at(0.95));
    }
    band
}
