//! Covariance matrix adaptation (Hansen 2016, "The CMA evolution strategy: a tutorial", arXiv:1604.00772), with positive
//! weights. The matrix is held as its diagonal (Ros & Hansen 2008, "A simple modification in CMA-ES achieving linear time and
//! space complexity") or as its Cholesky factor (Krause, Arbonès & Igel 2016, "CMA-ES with optimal covariance update and
//! storage complexity").

use ndarray::{Array1, Array2, Axis};
use rand_chacha::ChaCha12Rng;
use rand_distr::{Distribution, StandardNormal};

use super::generations::{Evolution, Variant, ranked, weights};
use crate::saved::Saved;

/// A factor A of the covariance matrix C = A A^T.
#[derive(Debug)]
enum Factor {
    /// The diagonal.
    Diagonal(Array1<f64>),
    /// A^T of a lower triangular A, so that the columns of A lie in rows.
    Triangular(Array2<f64>),
}

impl Factor {
    /// A times each row of `z` `[n,d]`.
    fn times(&self, z: &Array2<f64>) -> Array2<f64> {
        match self {
            Factor::Diagonal(diagonal) => z * diagonal,
            Factor::Triangular(transposed) => z.dot(transposed),
        }
    }

    /// C becomes `keep` C + sum of share x vector vector^T.
    fn update(&mut self, keep: f64, parts: Vec<(f64, Array1<f64>)>) {
        match self {
            Factor::Diagonal(diagonal) => {
                let mut square = diagonal.mapv(|a| keep * a * a);
                for (share, vector) in parts {
                    square.zip_mut_with(&vector, |a, v| *a += share * v * v);
                }
                *diagonal = square.mapv(f64::sqrt);
            }
            Factor::Triangular(transposed) => {
                *transposed *= keep.sqrt();
                let scaled = parts.into_iter().map(|(share, vector)| (vector * share.sqrt()).to_vec());
                add_squares(transposed, &mut scaled.collect::<Vec<_>>());
            }
        }
    }
}

/// The factor of A A^T + the sum of v v^T from that of A A^T, transposed both, by plane rotations. All vectors meet a column of
/// A while it is in the cache; what they are turned into is of no use.
fn add_squares(transposed: &mut Array2<f64>, vectors: &mut [Vec<f64>]) {
    for (k, mut column) in transposed.rows_mut().into_iter().enumerate() {
        let column = &mut column.as_slice_mut().expect("rows are contiguous")[k..];
        for v in &mut *vectors {
            let v = &mut v[k..];
            let (a, b) = (column[0], v[0]);
            let r = a.hypot(b);
            if b == 0. || r == 0. {
                continue;
            }
            let (cosine, sine) = (a / r, b / r);
            for (l, x) in column.iter_mut().zip(v) {
                (*l, *x) = (cosine * *l + sine * *x, cosine * *x - sine * *l);
            }
        }
    }
}

/// One search.
#[derive(Debug)]
pub struct CmaEs {
    mean: Array1<f64>,
    sigma: f64,
    factor: Factor,
    /// The evolution path of the covariance matrix.
    path: Array1<f64>,
    /// The evolution path of sigma, whose length is that of a normal vector if steps are independent.
    sigma_path: Array1<f64>,
    weights: Vec<f64>,
    rates: Rates,
    generation: i32,
    population: usize,
    /// The normal vectors that the last candidates were made of.
    z: Array2<f64>,
}

/// The learning rates of Hansen 2016, table 1.
#[derive(Clone, Copy, Debug)]
struct Rates {
    /// 1 / sum of squared weights.
    effective: f64,
    sigma: f64,
    damping: f64,
    path: f64,
    rank_one: f64,
    rank_many: f64,
    /// The expected length of a normal vector.
    length: f64,
}

impl Rates {
    fn new(variant: Variant, dimensions: usize, weights: &[f64]) -> Rates {
        let d = dimensions as f64;
        let effective = 1. / weights.iter().map(|w| w * w).sum::<f64>();
        let sigma = (effective + 2.) / (d + effective + 5.);
        // A diagonal has fewer numbers to learn (Ros & Hansen 2008).
        let faster = if variant == Variant::Diagonal { (d + 2.) / 3. } else { 1. };
        let rank_one = (faster * 2. / ((d + 1.3).powi(2) + effective)).min(1.);
        let rank_many = faster * 2. * (effective - 2. + 1. / effective) / ((d + 2.).powi(2) + effective);
        Rates {
            effective,
            sigma,
            damping: 1. + 2. * (((effective - 1.) / (d + 1.)).sqrt() - 1.).max(0.) + sigma,
            path: (4. + effective / d) / (d + 4. + 2. * effective / d),
            rank_one,
            rank_many: rank_many.min(1. - rank_one),
            length: d.sqrt() * (1. - 1. / (4. * d) + 1. / (21. * d * d)),
        }
    }
}

impl CmaEs {
    /// Around 0, where the prior has its mean.
    pub fn new(variant: Variant, population: usize, sigma: f64, dimensions: usize) -> CmaEs {
        let weights = weights(population);
        CmaEs {
            mean: Array1::zeros(dimensions),
            sigma,
            factor: match variant {
                Variant::Diagonal => Factor::Diagonal(Array1::ones(dimensions)),
                Variant::Cholesky => Factor::Triangular(Array2::eye(dimensions)),
            },
            path: Array1::zeros(dimensions),
            sigma_path: Array1::zeros(dimensions),
            rates: Rates::new(variant, dimensions, &weights),
            weights,
            generation: 0,
            population,
            z: Array2::zeros((0, dimensions)),
        }
    }
}

impl Evolution for CmaEs {
    fn draw(&mut self, rng: &mut ChaCha12Rng, _: usize, _: usize) {
        self.z = Array2::from_shape_simple_fn((self.population, self.mean.len()), || StandardNormal.sample(rng));
    }

    fn candidates(&self) -> Array2<f64> {
        self.factor.times(&self.z) * self.sigma + &self.mean
    }

    fn tell(&mut self, fitness: &[f64]) {
        let order = ranked(fitness);
        let Rates { effective, sigma: c_sigma, damping, path: c_path, rank_one, rank_many, length } = self.rates;
        self.generation += 1;
        let z = self.z.select(Axis(0), &order[..self.weights.len()]);
        let y = self.factor.times(&z);
        let weights = Array1::from(self.weights.clone());
        let (z_mean, y_mean) = (weights.dot(&z), weights.dot(&y));
        self.mean.scaled_add(self.sigma, &y_mean);
        // A^-1 (m' - m) / sigma is the mean of the normal vectors.
        self.sigma_path *= 1. - c_sigma;
        self.sigma_path.scaled_add((c_sigma * (2. - c_sigma) * effective).sqrt(), &z_mean);
        let norm = self.sigma_path.dot(&self.sigma_path).sqrt();
        // While the steps are long, the other path waits.
        let grown = (1. - (1. - c_sigma).powi(2 * self.generation)).sqrt();
        let waits = norm / grown >= (1.4 + 2. / (self.mean.len() as f64 + 1.)) * length;
        self.path *= 1. - c_path;
        if !waits {
            self.path.scaled_add((c_path * (2. - c_path) * effective).sqrt(), &y_mean);
        }
        let missing = if waits { rank_one * c_path * (2. - c_path) } else { 0. };
        let keep = 1. - rank_one - rank_many + missing;
        let parts: Vec<(f64, Array1<f64>)> = std::iter::once((rank_one, self.path.clone()))
            .chain(self.weights.iter().zip(y.rows()).map(|(weight, y)| (rank_many * weight, y.to_owned())))
            .collect();
        self.factor.update(keep, parts);
        self.sigma *= ((norm / length - 1.) * c_sigma / damping).exp();
    }

    fn saved(&self) -> Saved {
        let mut saved = Saved::default();
        saved.put_numbers("mean", &self.mean.to_vec());
        saved.put_numbers("sigma", &[self.sigma]);
        match &self.factor {
            Factor::Diagonal(diagonal) => saved.put_numbers("diagonal", &diagonal.to_vec()),
            Factor::Triangular(transposed) => saved.put_rows("transposed", transposed),
        }
        saved.put_numbers("path", &self.path.to_vec());
        saved.put_numbers("sigma_path", &self.sigma_path.to_vec());
        saved.put_counts("generation", &[self.generation as usize]);
        saved.put_rows("z", &self.z);
        saved
    }

    fn restore(&mut self, saved: &Saved) -> Option<()> {
        let dimensions = self.mean.len();
        let vector = |name: &str| saved.numbers(name).filter(|numbers| numbers.len() == dimensions).map(Array1::from);
        let factor = match &self.factor {
            Factor::Diagonal(_) => Factor::Diagonal(vector("diagonal")?),
            Factor::Triangular(_) => {
                Factor::Triangular(saved.rows("transposed", dimensions).filter(|rows| rows.nrows() == dimensions)?)
            }
        };
        let [sigma] = saved.numbers("sigma")?[..] else { return None };
        let [generation] = saved.counts("generation")?[..] else { return None };
        // Before the first generation there are none.
        let z = saved.rows("z", dimensions).filter(|z| z.nrows() == 0 || z.nrows() == self.population)?;
        let (mean, path, sigma_path) = (vector("mean")?, vector("path")?, vector("sigma_path")?);
        let generation = i32::try_from(generation).ok()?;
        let (weights, rates, population) = (std::mem::take(&mut self.weights), self.rates, self.population);
        *self = CmaEs { mean, sigma, factor, path, sigma_path, weights, rates, generation, population, z };
        Some(())
    }
}
