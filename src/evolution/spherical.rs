//! An evolution strategy on a sphere (Wang & Ponce 2022, "High-performance evolutionary algorithms for online neuron
//! control"): the norm of a code decides little of what a generator makes of it, so only the direction is searched, by
//! steps of a given angle.

use ndarray::{Array1, Array2, ArrayView1, Axis};
use rand_chacha::ChaCha12Rng;
use rand_distr::{Distribution, StandardNormal};

use super::generations::{Degrees, Evolution, ranked, weights};
use crate::saved::Saved;

/// How far beyond the candidates' mean the next mean lies, along the arc from the present one.
const BEYOND: f64 = 1.5;

/// One search, on the sphere of radius sqrt(d), where draws of the prior lie.
#[derive(Debug)]
pub struct Spherical {
    /// A unit vector, and the first candidate of its generation; none before the first generation, whose candidates are draws
    /// from the prior.
    mean: Option<Array1<f64>>,
    candidates: Array2<f64>,
    degrees: Degrees,
}

impl Spherical {
    /// From these draws.
    pub fn new(mut start: Array2<f64>, degrees: Degrees) -> Spherical {
        for mut row in start.rows_mut() {
            let norm = length(row.view());
            row /= norm;
        }
        Spherical { mean: None, candidates: start, degrees }
    }
}

fn length(vector: ArrayView1<f64>) -> f64 {
    vector.dot(&vector).sqrt().max(f64::MIN_POSITIVE)
}

/// The unit vector `share` of the way along the arc from one unit vector to another; beyond it if `share` is more than 1.
fn along(from: &Array1<f64>, to: &Array1<f64>, share: f64) -> Array1<f64> {
    let angle = from.dot(to).clamp(-1., 1.).acos();
    if angle.sin() < 1e-9 {
        return to.clone();
    }
    from * (((1. - share) * angle).sin() / angle.sin()) + to * ((share * angle).sin() / angle.sin())
}

impl Evolution for Spherical {
    fn draw(&mut self, rng: &mut ChaCha12Rng, generation: usize, generations: usize) {
        if let Some(mean) = &self.mean {
            // The first generation is drawn around nothing, and has no angle.
            let (first, last) = (1, generations.saturating_sub(1));
            let share = generation.saturating_sub(first) as f64 / last.saturating_sub(first).max(1) as f64;
            let Degrees { from, to } = self.degrees;
            let angle = (from * (to / from).powf(share)).to_radians();
            for (number, mut row) in self.candidates.rows_mut().into_iter().enumerate() {
                if number == 0 {
                    row.assign(mean);
                    continue;
                }
                let mut tangent = Array1::from_shape_simple_fn(mean.len(), || StandardNormal.sample(rng));
                let within: f64 = mean.dot(&tangent);
                tangent.scaled_add(-within, mean);
                // Its length is the angle: in many dimensions nearly the same for all.
                tangent *= angle / (mean.len() as f64).sqrt();
                let length = length(tangent.view());
                row.assign(&(mean * length.cos() + tangent * (length.sin() / length)));
            }
        }
    }

    fn candidates(&self) -> Array2<f64> {
        &self.candidates * (self.candidates.ncols() as f64).sqrt()
    }

    fn tell(&mut self, fitness: &[f64]) {
        // The mean says nothing of a direction.
        let from = usize::from(self.mean.is_some());
        let weights = weights(fitness.len() - from);
        let order: Vec<usize> = ranked(&fitness[from..]).into_iter().map(|number| number + from).collect();
        let best = self.candidates.select(Axis(0), &order[..weights.len()]);
        let mut middle = Array1::from(weights).dot(&best);
        middle /= length(middle.view());
        self.mean = Some(match &self.mean {
            None => middle,
            Some(mean) => along(mean, &middle, BEYOND),
        });
    }

    fn saved(&self) -> Saved {
        let mut saved = Saved::default();
        if let Some(mean) = &self.mean {
            saved.put_numbers("mean", &mean.to_vec());
        }
        saved.put_rows("candidates", &self.candidates);
        saved
    }

    fn restore(&mut self, saved: &Saved) -> Option<()> {
        let (population, dimensions) = self.candidates.dim();
        self.candidates = saved.rows("candidates", dimensions).filter(|rows| rows.nrows() == population)?;
        self.mean = saved.numbers("mean").map(Array1::from);
        self.mean.as_ref().is_none_or(|mean| mean.len() == dimensions).then_some(())
    }
}
