//! A genetic algorithm (after Ponce et al. 2019, "Evolving images for visual neurons using a deep generative network reveals
//! coding principles and neuronal preferences"): the best go on, children take each number from one of two parents, and some
//! numbers mutate.

use ndarray::Array2;
use rand::RngExt;
use rand_chacha::ChaCha12Rng;
use rand_distr::{Distribution, StandardNormal};

use super::generations::{Evolution, ranked};
use crate::saved::Saved;

/// The share of a child's numbers that come from the first of its parents.
const OF_FIRST: f64 = 0.75;

/// One search.
#[derive(Debug)]
pub struct Genetic {
    population: Array2<f64>,
    /// Chances of being a parent, by candidate; none before the first generation.
    chances: Option<Vec<f64>>,
    /// The candidates, best first.
    order: Vec<usize>,
    elite: usize,
    mutated: f64,
    deviation: f64,
}

impl Genetic {
    /// From these draws.
    pub fn new(start: Array2<f64>, elite: usize, mutated: f64, deviation: f64) -> Genetic {
        Genetic { order: vec![], population: start, chances: None, elite, mutated, deviation }
    }
}

impl Evolution for Genetic {
    fn draw(&mut self, rng: &mut ChaCha12Rng, _: usize, _: usize) {
        let Some(chances) = &self.chances else { return };
        let parent = |rng: &mut ChaCha12Rng| {
            let mut left: f64 = rng.random();
            for (candidate, chance) in chances.iter().enumerate() {
                left -= chance;
                if left < 0. {
                    return candidate;
                }
            }
            self.order[0]
        };
        let mut next = Array2::zeros(self.population.dim());
        for (place, mut child) in next.rows_mut().into_iter().enumerate() {
            if place < self.elite {
                child.assign(&self.population.row(self.order[place]));
                continue;
            }
            let (first, second) = (parent(rng), parent(rng));
            for (at, number) in child.iter_mut().enumerate() {
                let from = if rng.random::<f64>() < OF_FIRST { first } else { second };
                *number = self.population[[from, at]];
                if rng.random::<f64>() < self.mutated {
                    let step: f64 = StandardNormal.sample(rng);
                    *number += self.deviation * step;
                }
            }
        }
        self.population = next;
    }

    fn candidates(&self) -> Array2<f64> {
        self.population.clone()
    }

    /// The chance of being a parent is a softmax of the fitness, at a temperature of half its deviation.
    fn tell(&mut self, fitness: &[f64]) {
        self.order = ranked(fitness);
        let finite: Vec<f64> = fitness.iter().copied().filter(|value| value.is_finite()).collect();
        let mean = finite.iter().sum::<f64>() / finite.len().max(1) as f64;
        let variance = finite.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / finite.len().max(1) as f64;
        let temperature = (variance.sqrt() / 2.).max(1e-12);
        let highest = fitness[self.order[0]];
        let raw: Vec<f64> = (fitness.iter())
            .map(|value| if value.is_finite() { ((value - highest) / temperature).exp() } else { 0. })
            .collect();
        let sum: f64 = raw.iter().sum();
        let even = 1. / fitness.len() as f64;
        self.chances = Some(raw.iter().map(|share| if sum > 0. { share / sum } else { even }).collect());
    }

    fn saved(&self) -> Saved {
        let mut saved = Saved::default();
        saved.put_rows("population", &self.population);
        if let Some(chances) = &self.chances {
            saved.put_numbers("chances", chances);
        }
        saved.put_counts("order", &self.order);
        saved
    }

    fn restore(&mut self, saved: &Saved) -> Option<()> {
        let (count, dimensions) = self.population.dim();
        self.population = saved.rows("population", dimensions).filter(|rows| rows.nrows() == count)?;
        self.chances = saved.numbers("chances");
        self.order = saved.counts("order")?;
        // Both are there from the first generation on.
        let known = self.chances.as_ref().map_or(0, |_| count);
        let fits = self.order.len() == known && self.order.iter().all(|place| *place < count);
        (fits && self.chances.as_ref().is_none_or(|chances| chances.len() == count)).then_some(())
    }
}
