//! Who judges: the witnesses by family, how sure their probabilities are, and what they make of a picture's class.

use classifiers::{Classifier, Kinship, stock};

use super::findings::Observer;
use super::least::{FOR_KID, FOR_TEMPERATURE};
use super::nature::Nature;
use super::study::Study;
use crate::look::judge;

/// The target and the witnesses.
pub struct Judges {
    /// The target first, then the witnesses in their order, then encoders.
    pub observers: Vec<Observer>,
    /// Foreign families and the places of their witnesses.
    pub foreign: Vec<(String, Vec<usize>)>,
    /// The places of the witnesses that are kin or half kin.
    pub kin: Vec<usize>,
    /// By witness: what its logits are divided by.
    temperatures: Vec<Option<f64>>,
    /// By witness and unit: mean and deviation of the class's logit over photographs of other classes.
    spread: Vec<Vec<Option<[f64; 2]>>>,
}

/// What a witness makes of a picture's class.
pub struct Verdict {
    /// Its probability.
    pub probability: f64,
    /// Its probability after the temperature.
    pub calibrated: Option<f64>,
    /// Whether it ranks it first.
    pub agrees: bool,
    /// How many of the other units' classes it ranks below, each logit in its own spread, 0 to 1.
    pub transfer: Option<f64>,
}

impl Judges {
    /// Of a study whose photographs were looked at.
    pub fn new(study: &Study, nature: &Nature) -> Judges {
        let networks = &study.job.networks;
        let target = &networks.target;
        let mut judges = Judges {
            observers: vec![Observer {
                name: target.name.clone(),
                family: target.family.clone(),
                kinship: None,
                features: String::new(),
                accuracy: None,
                temperature: None,
                likelihood: None,
            }],
            foreign: vec![],
            kin: vec![],
            temperatures: vec![],
            spread: vec![],
        };
        for (place, witness) in networks.witnesses.iter().enumerate() {
            let kinship = Kinship::between(target.family.as_deref(), witness.family.as_deref());
            match (kinship, &witness.family) {
                (Kinship::Foreign, Some(family)) => {
                    let family = stock(family);
                    match judges.foreign.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case(&family)) {
                        Some((_, places)) => places.push(place),
                        None => judges.foreign.push((family, vec![place])),
                    }
                }
                (Kinship::Kin | Kinship::HalfKin, _) => judges.kin.push(place),
                _ => {}
            }
            let labelled: Vec<(&[f32], usize)> = (nature.photographs.iter())
                .filter_map(|seen| Some((&seen.look.logits[place][..], seen.class?)))
                .filter(|(logits, class)| *class < logits.len())
                .collect();
            let fitted = temperature(witness, &labelled);
            judges.observers.push(Observer {
                name: witness.name.clone(),
                family: witness.family.clone(),
                kinship: Some(kinship),
                features: networks.features[1 + place].0.clone(),
                accuracy: accuracy(&labelled),
                temperature: fitted.map(|(temperature, _)| temperature),
                likelihood: fitted.map(|(_, likelihood)| likelihood),
            });
            judges.temperatures.push(fitted.map(|(temperature, _)| temperature));
            let spread = study.units.iter().map(|unit| spread(nature, place, unit.class()?)).collect();
            judges.spread.push(spread);
        }
        let of_encoders = &networks.features[1 + networks.witnesses.len()..];
        for (encoder, (features, _)) in networks.encoders.iter().zip(of_encoders) {
            judges.observers.push(Observer {
                name: encoder.name.clone(),
                family: None,
                kinship: Some(Kinship::NoClassifier),
                features: features.clone(),
                accuracy: None,
                temperature: None,
                likelihood: None,
            });
        }
        judges
    }

    /// The mean over foreign families of the means over their witnesses; none where no foreign one has a value.
    pub fn mean_of_foreign(&self, of: &dyn Fn(usize) -> Option<f64>) -> Option<f64> {
        mean(self.foreign.iter().filter_map(|(_, places)| mean(places.iter().filter_map(|place| of(*place)))))
    }

    /// The mean over kin and half kin.
    pub fn mean_of_kin(&self, of: &dyn Fn(usize) -> Option<f64>) -> Option<f64> {
        mean(self.kin.iter().filter_map(|place| of(*place)))
    }

    /// The witness whose features sets of pictures are compared in: the first foreign one, else the first.
    pub fn encoder(&self) -> Option<usize> {
        let foreign = self.foreign.iter().flat_map(|(_, places)| places).min().copied();
        foreign.or((!self.temperatures.is_empty()).then_some(0))
    }

    /// What a witness makes of a picture of a unit, from its logits; none where the unit is no class.
    pub fn verdict(&self, study: &Study, witness: usize, unit: usize, logits: &[f32]) -> Option<Verdict> {
        let class = study.units[unit].class().filter(|class| *class < logits.len())?;
        let network = &study.job.networks.witnesses[witness];
        let all: Vec<f64> = logits.iter().map(|logit| f64::from(*logit)).collect();
        let calibrated = self.temperatures[witness].map(|temperature| {
            let divided: Vec<f64> = all.iter().map(|logit| logit / temperature).collect();
            judge::probabilities(network, &divided)[class]
        });
        let standard = |unit: usize| {
            let [mean, deviation] = self.spread[witness][unit]?;
            Some((all[study.units[unit].class()?] - mean) / deviation)
        };
        let own = standard(unit);
        // Classes of photographs that only serve a control are asked about, too: more alternatives say more.
        let others = (0..study.units.len()).filter(|other| study.units[*other].class() != Some(class));
        let others: Vec<f64> = others.filter_map(standard).collect();
        Some(Verdict {
            probability: judge::probabilities(network, &all)[class],
            calibrated,
            agrees: all.iter().enumerate().all(|(other, logit)| other == class || *logit < all[class]),
            transfer: own.and_then(|own| metrics::two_choice::accuracy(&[own], &others)),
        })
    }
}

pub(super) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0., 0usize), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}

/// The share of labelled photographs whose class comes first.
fn accuracy(labelled: &[(&[f32], usize)]) -> Option<f64> {
    let first = |(logits, class): &(&[f32], usize)| {
        f64::from(logits.iter().enumerate().all(|(other, logit)| other == *class || *logit < logits[*class]))
    };
    mean(labelled.iter().map(first))
}

/// Mean and deviation of a class's logit over photographs of other classes.
fn spread(nature: &Nature, witness: usize, class: usize) -> Option<[f64; 2]> {
    let others = nature.photographs.iter().filter(|seen| seen.class != Some(class));
    let logits = others.filter_map(|seen| seen.look.logits[witness].get(class));
    let logits: Vec<f64> = logits.map(|logit| f64::from(*logit)).collect();
    let mean = mean(logits.iter().copied()).filter(|_| logits.len() >= FOR_KID)?;
    let variance = logits.iter().map(|logit| (logit - mean).powi(2)).sum::<f64>() / logits.len() as f64;
    (variance > 0.).then(|| [mean, variance.sqrt()])
}

/// The temperature that makes every second labelled photograph's class most likely (Guo et al. 2017), and the mean negative log-likelihood of
/// the others before and after; none of too few photographs, or where classes are questions of their own.
fn temperature(witness: &Classifier, labelled: &[(&[f32], usize)]) -> Option<(f64, [f64; 2])> {
    if labelled.len() < FOR_TEMPERATURE || witness.independent {
        return None;
    }
    let part = |which: usize| labelled.iter().skip(which).step_by(2).copied().collect::<Vec<_>>();
    let (fitted, held) = (part(0), part(1));
    // Of the logarithm of a temperature this has one minimum: golden sections find it.
    let (mut low, mut high) = (0.05f64.ln(), 20f64.ln());
    let golden = (5f64.sqrt() - 1.) / 2.;
    for _ in 0..40 {
        let (a, b) = (high - golden * (high - low), low + golden * (high - low));
        if unlikelihood(&fitted, a.exp()) < unlikelihood(&fitted, b.exp()) { high = b } else { low = a }
    }
    let found = f64::midpoint(low, high).exp();
    Some((found, [unlikelihood(&held, 1.), unlikelihood(&held, found)]))
}

/// Mean negative log-likelihood in nats of the classes, by the softmax of logits over a temperature.
fn unlikelihood(labelled: &[(&[f32], usize)], temperature: f64) -> f64 {
    let one = |(logits, class): &(&[f32], usize)| {
        let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let scaled = |logit: f32| f64::from(logit - highest) / temperature;
        logits.iter().map(|logit| scaled(*logit).exp()).sum::<f64>().ln() - scaled(logits[*class])
    };
    labelled.iter().map(one).sum::<f64>() / labelled.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Logits of 4 classes, three times as sure as they are right.
    #[test]
    fn a_network_that_is_too_sure_of_itself_is_divided_by_a_temperature() {
        let mut rng = crate::random::stream(crate::random::Seed(1), crate::random::Purpose::Noise, 0);
        let rows: Vec<(Vec<f32>, usize)> = (0..4000)
            .map(|_| {
                let honest = crate::random::normal(&mut rng, 4);
                let sum: f32 = honest.iter().map(|logit| logit.exp()).sum();
                let mut left: f32 = rand::RngExt::random_range(&mut rng, 0.0..sum);
                let class = honest.iter().position(|logit| {
                    left -= logit.exp();
                    left < 0.
                });
                (honest.iter().map(|logit| logit * 3.).collect(), class.unwrap_or(3))
            })
            .collect();
        let labelled: Vec<(&[f32], usize)> = rows.iter().map(|(logits, class)| (&logits[..], *class)).collect();
        let at = |temperature| unlikelihood(&labelled, temperature);
        assert!(at(3.) < at(1.) && at(3.) < at(2.5) && at(3.) < at(3.6));
    }
}
