//! The searches of a method, as YAML spells them.

use ndarray::Array2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cma_es::CmaEs;
use super::generations::{Degrees, Evolution, MOST_DIMENSIONS, Variant};
use super::genetic::Genetic;
use super::spherical::Spherical;
use crate::error::{Result, bail_at};

/// How a method asks for covariance matrix adaptation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CmaEsSpec {
    /// What is adapted.
    pub variant: Variant,
    /// Candidates of a generation.
    pub population: usize,
    /// The first standard deviation of the candidates, in those of the prior.
    pub sigma: f64,
}

/// How a method asks for an evolution strategy on a sphere.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SphericalSpec {
    /// Candidates of a generation; from the second one on, the mean is one of them.
    pub population: usize,
    /// About the angle in degrees between the mean and each other candidate, falling geometrically from that of the second
    /// generation, the first one around a mean, to the last one's.
    pub degrees: Degrees,
}

/// How a method asks for a genetic algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GeneticSpec {
    /// Candidates of a generation.
    pub population: usize,
    /// Of these, how many of the best go on unchanged.
    pub elite: usize,
    /// The share of a child's numbers that change.
    pub mutated: f64,
    /// The standard deviation of the change, in those of the prior.
    pub deviation: f64,
}

/// A search without gradients.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum EvolutionSpec {
    /// Covariance matrix adaptation (Hansen 2016, "The CMA evolution strategy: a tutorial").
    CmaEs(CmaEsSpec),
    /// On a sphere: candidates at an angle around the mean direction (Wang & Ponce 2022, "High-performance evolutionary
    /// algorithms for online neuron control").
    SphericalCma(SphericalSpec),
    /// A genetic algorithm (after Ponce et al. 2019).
    Genetic(GeneticSpec),
}

impl EvolutionSpec {
    /// As YAML spells it.
    pub fn name(self) -> &'static str {
        match self {
            EvolutionSpec::CmaEs(_) => "cma_es",
            EvolutionSpec::SphericalCma(_) => "spherical_cma",
            EvolutionSpec::Genetic(_) => "genetic",
        }
    }

    /// Candidates of a generation.
    pub fn population(self) -> usize {
        match self {
            EvolutionSpec::CmaEs(spec) => spec.population,
            EvolutionSpec::SphericalCma(spec) => spec.population,
            EvolutionSpec::Genetic(spec) => spec.population,
        }
    }

    /// Refuses values that cannot work.
    ///
    /// # Errors
    /// Names the value.
    pub fn check(self) -> Result<()> {
        let (name, population) = (self.name(), self.population());
        if !(4..=4096).contains(&population) {
            bail_at!(format!("optimizer.{name}.population"), "{population} is not between 4 and 4096");
        }
        match self {
            EvolutionSpec::CmaEs(CmaEsSpec { sigma, .. }) if !(sigma > 0. && sigma.is_finite()) => {
                bail_at!(format!("optimizer.{name}.sigma"), "more than 0")
            }
            EvolutionSpec::SphericalCma(SphericalSpec { degrees: Degrees { from, to }, .. })
                if !(to > 0. && to <= from && from <= 90.) =>
            {
                bail_at!(format!("optimizer.{name}.degrees"), "0 < to <= from <= 90")
            }
            EvolutionSpec::Genetic(GeneticSpec { elite, .. }) if elite >= population => {
                bail_at!(format!("optimizer.{name}.elite"), "fewer than the population")
            }
            EvolutionSpec::Genetic(GeneticSpec { mutated, deviation, .. })
                if !((0. ..=1.).contains(&mutated) && deviation >= 0. && deviation.is_finite()) =>
            {
                bail_at!(format!("optimizer.{name}"), "mutated is between 0 and 1, deviation not negative")
            }
            _ => Ok(()),
        }
    }

    /// The search from `start`: draws from the prior `[population, d]`, in standard deviations from its mean.
    ///
    /// # Errors
    /// If there are more dimensions than it can hold.
    pub fn build(self, start: Array2<f64>) -> Result<Box<dyn Evolution>> {
        Ok(match self {
            EvolutionSpec::CmaEs(CmaEsSpec { variant, population, sigma }) => {
                let dimensions = start.ncols();
                if variant == Variant::Cholesky && dimensions > MOST_DIMENSIONS {
                    bail_at!(
                        "optimizer.cma_es",
                        "variant cholesky takes {MOST_DIMENSIONS} dimensions at most; these codes have \
                         {dimensions}: use variant diagonal"
                    );
                }
                Box::new(CmaEs::new(variant, population, sigma, dimensions))
            }
            EvolutionSpec::SphericalCma(spec) => Box::new(Spherical::new(start, spec.degrees)),
            EvolutionSpec::Genetic(GeneticSpec { elite, mutated, deviation, .. }) => {
                Box::new(Genetic::new(start, elite, mutated, deviation))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::generations::ranked;
    use super::*;
    use crate::random::{Purpose, Seed, normal, stream};

    fn draws(population: usize, dimensions: usize) -> Array2<f64> {
        let numbers = normal(&mut stream(Seed(0), Purpose::Start, 0), population * dimensions);
        Array2::from_shape_fn((population, dimensions), |(i, j)| f64::from(numbers[i * dimensions + j]))
    }

    /// The best value of `function` in the last of some generations.
    fn best(spec: EvolutionSpec, dimensions: usize, generations: usize, function: &dyn Fn(&[f64]) -> f64) -> f64 {
        *bests(spec, dimensions, generations, function).last().unwrap()
    }

    /// The best value of `function` in each generation.
    fn bests(spec: EvolutionSpec, dimensions: usize, generations: usize, function: &dyn Fn(&[f64]) -> f64) -> Vec<f64> {
        let mut search = spec.build(draws(spec.population(), dimensions)).unwrap();
        let mut bests = vec![];
        for generation in 0..generations {
            let mut rng = stream(Seed(1), Purpose::Evolution, generation as u64);
            search.draw(&mut rng, generation, generations);
            let candidates = search.candidates();
            assert_eq!(candidates.dim(), (spec.population(), dimensions));
            let fitness: Vec<f64> = candidates.rows().into_iter().map(|row| function(&row.to_vec())).collect();
            bests.push(fitness.iter().copied().fold(f64::NEG_INFINITY, f64::max));
            search.tell(&fitness);
        }
        bests
    }

    const CHOLESKY: EvolutionSpec =
        EvolutionSpec::CmaEs(CmaEsSpec { variant: Variant::Cholesky, population: 16, sigma: 0.5 });
    const DIAGONAL: EvolutionSpec =
        EvolutionSpec::CmaEs(CmaEsSpec { variant: Variant::Diagonal, population: 16, sigma: 0.5 });

    /// Minus the ellipsoid function, its axes a million times as steep one way as the other.
    fn ellipsoid(x: &[f64]) -> f64 {
        let last = (x.len() - 1) as f64;
        -(x.iter().enumerate()).map(|(i, x)| 1e6f64.powf(i as f64 / last) * (x - 1.) * (x - 1.)).sum::<f64>()
    }

    /// Minus Rosenbrock's function, whose valley is curved: no diagonal fits it.
    fn rosenbrock(x: &[f64]) -> f64 {
        -x.windows(2).map(|p| 100. * (p[1] - p[0] * p[0]).powi(2) + (1. - p[0]).powi(2)).sum::<f64>()
    }

    #[test]
    fn covariance_matrices_learn_the_scales_of_a_problem() {
        // Both find 10 dimensions of the ellipsoid to 1e-8; a search of fixed shape does not come near.
        for (spec, generations) in [(DIAGONAL, 250), (CHOLESKY, 400)] {
            let reached = best(spec, 10, generations, &ellipsoid);
            println!("{spec:?}: {reached:e}");
            assert!(reached > -1e-8, "{spec:?}: {reached:e}");
        }
    }

    #[test]
    fn the_whole_matrix_follows_a_curved_valley() {
        let reached = best(CHOLESKY, 8, 700, &rosenbrock);
        println!("{reached:e}");
        assert!(reached > -1e-8, "{reached:e}");
    }

    #[test]
    fn on_a_sphere_the_direction_is_found_and_the_radius_stays() {
        let dimensions = 50;
        let drawn = normal(&mut stream(Seed(2), Purpose::Start, 0), dimensions);
        let target: Vec<f64> = drawn.into_iter().map(f64::from).collect();
        let norm = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
        let cosine = |x: &[f64]| x.iter().zip(&target).map(|(x, t)| x * t).sum::<f64>() / norm(x) / norm(&target);
        let spec =
            EvolutionSpec::SphericalCma(SphericalSpec { population: 41, degrees: Degrees { from: 50., to: 7.33 } });
        let seen = std::cell::RefCell::new(vec![]);
        let reached = best(spec, dimensions, 75, &|x| {
            seen.borrow_mut().push(x.to_vec());
            cosine(x)
        });
        let seen = seen.into_inner();
        let first = seen[..41].iter().map(|x| cosine(x)).fold(f64::MIN, f64::max);
        println!("cosine {first:.4}, then {reached:.4}");
        assert!(first < 0.5 && reached > 0.95, "{first} {reached}");
        let radius = (dimensions as f64).sqrt();
        assert!(seen.iter().all(|x| (norm(x) - radius).abs() < 1e-9 * radius));
        // Around the mean, which is the first candidate, the others lie at the angle of their generation.
        for (generation, degrees) in [(1, 50.), (74, 7.33)] {
            let of = &seen[41 * generation..41 * (generation + 1)];
            let between = |x: &[f64]| of[0].iter().zip(x).map(|(a, b)| a * b).sum::<f64>() / radius / radius;
            let angles: Vec<f64> = of[1..].iter().map(|x| between(x).acos().to_degrees()).collect();
            let mean = angles.iter().sum::<f64>() / 40.;
            assert!((mean / degrees - 1.).abs() < 0.05, "{mean} {degrees}");
            assert!(angles.iter().all(|angle| (angle / degrees - 1.).abs() < 0.5), "{angles:?}");
        }
    }

    #[test]
    fn a_genetic_algorithm_climbs_and_keeps_its_best() {
        let spec = EvolutionSpec::Genetic(GeneticSpec { population: 40, elite: 4, mutated: 0.25, deviation: 0.5 });
        let sphere = |x: &[f64]| -x.iter().map(|x| (x - 1.) * (x - 1.)).sum::<f64>();
        let bests = bests(spec, 20, 200, &sphere);
        println!("{bests:?}");
        assert!(bests.is_sorted(), "the elite goes on unchanged: {bests:?}");
        assert!(bests[0] < -10. && bests[199] > -2., "{bests:?}");
    }

    #[test]
    fn what_is_not_a_number_did_worst() {
        assert_eq!(ranked(&[1., f64::NAN, 3., f64::NEG_INFINITY, 3.]), vec![2, 4, 0, 1, 3]);
    }

    #[test]
    fn wrong_values_are_refused_by_name() {
        for (spec, complaint) in [
            (EvolutionSpec::CmaEs(CmaEsSpec { variant: Variant::Diagonal, population: 3, sigma: 1. }), "population: 3"),
            (EvolutionSpec::CmaEs(CmaEsSpec { variant: Variant::Diagonal, population: 8, sigma: f64::NAN }), "sigma"),
            (
                EvolutionSpec::SphericalCma(SphericalSpec { population: 8, degrees: Degrees { from: 5., to: 9. } }),
                "degrees",
            ),
            (EvolutionSpec::Genetic(GeneticSpec { population: 8, elite: 8, mutated: 0.5, deviation: 1. }), "elite"),
            (EvolutionSpec::Genetic(GeneticSpec { population: 8, elite: 2, mutated: 1.5, deviation: 1. }), "mutated"),
        ] {
            let error = spec.check().unwrap_err().to_string();
            assert!(error.contains(complaint), "{error}");
        }
        let many: Array2<f64> = Array2::zeros((16, MOST_DIMENSIONS + 1));
        assert!(CHOLESKY.build(many.clone()).is_err_and(|error| error.to_string().contains("use variant diagonal")));
        assert!(DIAGONAL.build(many).is_ok());
    }
}
