//! How many of finitely many pictures show something, from labels of a random sample of them.
//!
//! A sample without replacement from a finite class is hypergeometric; the exact interval inverts its two one-sided tests, as Clopper & Pearson
//! (1934) do for the binomial (Wang 2015, "Exact Optimal Confidence Intervals for Hypergeometric Parameters", calls it the standard one). It holds
//! the truth at least as often as it says.
//!
//! Strata are sampled each by itself. Their interval is that of a posterior: of the pictures of a stratum that nobody labelled, a beta-binomial
//! number shows it, under Jeffreys' prior. Where a machine has sorted all pictures into two strata this is the chain rule
//! `P(H) = P(H|A) P(A) + P(H|not A) P(not A)` of Hofer et al. 2024, "Bayesian Prediction-Powered Inference", with P(A) known.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Beta, Binomial, Distribution};
use statrs::function::gamma::ln_gamma;

use crate::normal::half_width;

/// Draws from a posterior.
const DRAWS: usize = 20_000;

/// Labels of a random sample of a population.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Labelled {
    /// All pictures.
    pub population: u64,
    /// Of which so many were labelled, drawn without replacement.
    pub sample: u64,
    /// Of which so many show it.
    pub found: u64,
}

/// A share and its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prevalence {
    /// The estimate, 0 to 1.
    pub share: f64,
    /// The ends of its interval, 0 to 1.
    pub interval: [f64; 2],
}

impl Labelled {
    fn is_possible(&self) -> bool {
        self.sample >= 1 && self.found <= self.sample && self.sample <= self.population
    }

    /// The exact interval at `level` (between 0 and 1). `None` if nothing was labelled, if more was found than labelled, or more labelled than there
    /// is.
    pub fn exact(&self, level: f64) -> Option<Prevalence> {
        let Labelled { population, sample, found } = *self;
        if !(self.is_possible() && level > 0. && level < 1.) {
            return None;
        }
        let tail = (1. - level) / 2.;
        // As many have it as were found at least, and all but those that were found without it at most.
        let (least, most) = (found, population - (sample - found));
        let at_most = |having: u64| cumulative(population, having, sample, 0, found);
        let at_least = |having: u64| cumulative(population, having, sample, found, sample);
        // Both are monotone in how many have it.
        let high = last(least, most, |having| at_most(having) > tail);
        let low = most + least - last(least, most, |mirrored| at_least(most + least - mirrored) > tail);
        let share = |count: u64| count as f64 / population as f64;
        Some(Prevalence { share: found as f64 / sample as f64, interval: [share(low), share(high)] })
    }
}

/// The last number of a range for which it holds, where it holds for the first and never again once it failed.
fn last(mut low: u64, mut high: u64, holds: impl Fn(u64) -> bool) -> u64 {
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if holds(middle) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    low
}

fn ln_choose(n: u64, k: u64) -> f64 {
    let factorial = |n: u64| ln_gamma(n as f64 + 1.);
    factorial(n) - factorial(k) - factorial(n - k)
}

/// The chance that of `sample` drawn from a population of which `having` have it, between `from` and `to` do, both included.
fn cumulative(population: u64, having: u64, sample: u64, from: u64, to: u64) -> f64 {
    let least = (having + sample).saturating_sub(population);
    let all = ln_choose(population, sample);
    let each = (from.max(least)..=to.min(having).min(sample))
        .map(|found| (ln_choose(having, found) + ln_choose(population - having, sample - found) - all).exp());
    each.sum::<f64>().min(1.)
}

/// How many pictures of a population must be labelled so that the interval of an expected share reaches so far to either side, by the normal
/// approximation with the correction for a finite population (Cochran 1977, "Sampling Techniques", section 4.4). All of them at most. `None` if
/// the share or the level is not between 0 and 1, or the half width not above 0.
pub fn labels_for(population: u64, share: f64, half: f64, level: f64) -> Option<u64> {
    let within = |value: f64| value > 0. && value < 1.;
    if !within(share) || !within(level) || half.is_nan() || half <= 0. {
        return None;
    }
    let infinite = (half_width(level) / half).powi(2) * share * (1. - share);
    let labels = infinite / (1. + (infinite - 1.) / population as f64);
    Some((labels.ceil() as u64).min(population))
}

/// The share over strata that together are the population, each with labels of a random sample of its own. `None` if one has no labels, or impossible
/// ones.
pub fn stratified(strata: &[Labelled], level: f64, seed: u64) -> Option<Prevalence> {
    let population: u64 = strata.iter().map(|stratum| stratum.population).sum();
    if strata.is_empty() || !(strata.iter().all(Labelled::is_possible) && level > 0. && level < 1.) {
        return None;
    }
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut draws = Vec::with_capacity(DRAWS);
    for _ in 0..DRAWS {
        let mut having = 0.;
        for &Labelled { population, sample, found } in strata {
            let share = jeffreys(found, sample)?.sample(&mut random);
            having += (found + Binomial::new(population - sample, share).ok()?.sample(&mut random)) as f64;
        }
        draws.push(having / population as f64);
    }
    // Each label stands for as many pictures as its stratum has for one (Horvitz & Thompson 1952).
    let weighted = |of: &Labelled| of.found as f64 * of.population as f64 / of.sample as f64;
    let share = strata.iter().map(weighted).sum::<f64>() / population as f64;
    Some(Prevalence { share, interval: ends(draws, level) })
}

/// The share by the chain rule, where a machine judged a random sample of the population: `machine` says of how many it said yes; `yes` and `no` are people's labels of random
/// samples of those of which it said yes and no (their populations are not used). `None` if one has no labels, or impossible ones.
pub fn chain_rule(machine: Labelled, yes: Labelled, no: Labelled, level: f64, seed: u64) -> Option<Prevalence> {
    let parts = [machine, yes, no];
    if !(parts.iter().all(Labelled::is_possible) && level > 0. && level < 1.) {
        return None;
    }
    let [a, given, without] = parts.map(|part| jeffreys(part.found, part.sample));
    let (a, given, without) = (a?, given?, without?);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut draw = || {
        let said = a.sample(&mut random);
        given.sample(&mut random) * said + without.sample(&mut random) * (1. - said)
    };
    let draws = (0..DRAWS).map(|_| draw()).collect();
    let [said, given, without] = parts.map(|part| part.found as f64 / part.sample as f64);
    Some(Prevalence { share: given * said + without * (1. - said), interval: ends(draws, level) })
}

/// The posterior of a share under Jeffreys' prior.
fn jeffreys(found: u64, sample: u64) -> Option<Beta<f64>> {
    Beta::new(found as f64 + 0.5, (sample - found) as f64 + 0.5).ok()
}

/// Quantiles of draws that leave as much on either side.
fn ends(mut draws: Vec<f64>, level: f64) -> [f64; 2] {
    draws.sort_by(f64::total_cmp);
    let at = |share: f64| draws[((share * draws.len() as f64) as usize).min(draws.len() - 1)];
    [at((1. - level) / 2.), at((1. + level) / 2.)]
}
