//! Density and coverage of a set of pictures (Naeem et al. 2020, "Reliable Fidelity and Diversity Metrics for Generative
//! Models"), on the balls that reach from each real sample to its 5th nearest real neighbour.

use ndarray::{Array2, ArrayView2};

use crate::distance::euclidean;

/// Which nearest neighbour a real sample's ball reaches to.
const NEIGHBOUR: usize = 5;

/// How a set lies among the real samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DensityCoverage {
    /// In how many real balls a sample lies, over 5: 0 and up, about 1 for real samples, more in the midst.
    pub density: f64,
    /// The share of real balls that hold a sample, 0 to 1.
    pub coverage: f64,
}

/// Each real sample's distance to its nearest neighbours' last.
fn radii(real: ArrayView2<f64>) -> Option<Vec<f64>> {
    let distances: Array2<f64> = euclidean(real, real)?;
    let radius = |(own, row): (usize, ndarray::ArrayView1<f64>)| {
        let mut others: Vec<f64> = row.iter().enumerate().filter(|(i, _)| *i != own).map(|(_, d)| *d).collect();
        let (_, radius, _) = others.select_nth_unstable_by(NEIGHBOUR - 1, f64::total_cmp);
        *radius
    };
    Some(distances.rows().into_iter().enumerate().map(radius).collect())
}

/// Density and coverage of the features `sample [m,d]` among `real [n,d]`. `None` if there are fewer than 6 real samples
/// or no others, if the widths differ, or if a value is not finite.
pub fn density_and_coverage<A: Copy + Into<f64>>(
    real: ArrayView2<A>,
    sample: ArrayView2<A>,
) -> Option<DensityCoverage> {
    if real.nrows() <= NEIGHBOUR || sample.nrows() == 0 {
        return None;
    }
    let radii = radii(real.mapv(Into::into).view())?;
    let distances = euclidean(real, sample)?;
    let (mut inside, mut covered) = (0, 0);
    for (row, radius) in distances.rows().into_iter().zip(radii) {
        let within = row.iter().filter(|distance| **distance < radius).count();
        inside += within;
        covered += usize::from(within > 0);
    }
    Some(DensityCoverage {
        density: inside as f64 / (NEIGHBOUR * sample.nrows()) as f64,
        coverage: covered as f64 / real.nrows() as f64,
    })
}
