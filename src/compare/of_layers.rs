//! The figures of a method in the layers of the target: drift, path, geometry and distance.

use std::collections::BTreeMap;

use metrics::{cka, energy, multiple};
use ndarray::Array2;

use super::evidence::Evidence;
use super::findings::{LayerFindings, Measured, Metric};
use super::measure::{Sighting, in_parallel};
use super::statistics::{Valued, absent, bare, mean_of};

impl Evidence<'_> {
    /// A method's drift, path, geometry and distance in every layer.
    pub fn layers(&self, method: usize) -> Vec<LayerFindings> {
        let pictures: Vec<&Sighting> = self.of_method(method).collect();
        let is_baseline = Some(method) == self.baseline;
        let layer = |layer: usize| {
            let values = |of: &dyn Fn(&Sighting) -> Option<f64>| -> Vec<Valued> {
                pictures.iter().filter_map(|picture| Some((picture.subject.unit, of(picture)?))).collect()
            };
            let no_drift = match self.baseline {
                None => "there is no baseline",
                Some(_) => {
                    "its scale is not told from 0 here, or the baseline has one seed a unit, or no picture of these units"
                }
            };
            let mean =
                |of: &dyn Fn(&Sighting) -> Option<f64>, missing: &str| mean_of(&values(of), self.bootstrap, missing);
            let (own, theirs) = self.paired(method, layer);
            let sets = matrix_of(&own).zip(matrix_of(&theirs)).filter(|_| !is_baseline);
            let set = |value: Option<f64>, why: &str| match (is_baseline, value) {
                (true, _) => absent("it is the baseline itself"),
                (_, None) => absent("it has pictures of fewer than 4 of the baseline's units"),
                _ => bare(value, own.len(), pictures.len(), why),
            };
            let energy = sets.as_ref().and_then(|(x, y)| energy::energy(x.view(), y.view()));
            let p = sets.as_ref().filter(|(x, _)| x.nrows() >= 4).and_then(|(x, y)| {
                energy::paired_permutation_p(x.view(), y.view(), self.permutations.min(999), self.bootstrap.seed)
            });
            let twice = "no interval: drawn twice, a unit would resemble itself";
            LayerFindings {
                layer: self.layers[layer].clone(),
                drift: mean(&|picture| self.drift(picture, layer, false), no_drift),
                drift_pooled: mean(&|picture| self.drift(picture, layer, true), no_drift),
                path: mean(&|picture| self.path(picture, layer), "there are too few photographs of the units' classes"),
                cka: set(sets.as_ref().and_then(|(x, y)| cka::debiased(x.view(), y.view())), twice),
                energy: set(energy.map(|of| of.normalized).filter(|_| own.len() >= 4), "no interval: see its test"),
                energy_p: p,
                energy_q: None,
            }
        };
        (0..self.layers.len()).map(layer).collect()
    }

    /// Mean pooled activations of those units that both the method and the baseline have, in the same order.
    fn paired(&self, method: usize, layer: usize) -> (Vec<Vec<f64>>, Vec<Vec<f64>>) {
        let means = |method: usize| {
            let mut units: BTreeMap<usize, (Vec<f64>, f64)> = BTreeMap::new();
            for picture in self.of_method(method) {
                let pooled = &picture.look.pooled[layer];
                let (sum, count) = units.entry(picture.subject.unit).or_insert_with(|| (vec![0.; pooled.len()], 0.));
                sum.iter_mut().zip(pooled).for_each(|(sum, value)| *sum += f64::from(*value));
                *count += 1.;
            }
            let mean = |(sum, count): (Vec<f64>, f64)| sum.into_iter().map(|value| value / count).collect::<Vec<f64>>();
            units.into_iter().map(|(unit, of)| (unit, mean(of))).collect::<BTreeMap<usize, Vec<f64>>>()
        };
        let (own, mut theirs) = (means(method), self.baseline.map(means).unwrap_or_default());
        own.into_iter().filter_map(|(unit, of)| Some((of, theirs.remove(&unit)?))).unzip()
    }

    /// All methods' figures as sets and by layer, on all cores.
    pub fn of_all(&self, methods: usize, metrics: &[Metric]) -> Vec<(BTreeMap<String, Measured>, Vec<LayerFindings>)> {
        let mut all = in_parallel(methods, &|method| (self.of_set(method, metrics), self.layers(method)));
        let p: Vec<f64> = all.iter().flat_map(|(_, layers)| layers.iter().filter_map(|layer| layer.energy_p)).collect();
        let mut adjusted = multiple::benjamini_hochberg(&p).unwrap_or_default().into_iter();
        for layer in all.iter_mut().flat_map(|(_, layers)| layers.iter_mut()).filter(|layer| layer.energy_p.is_some()) {
            layer.energy_q = adjusted.next();
        }
        all
    }
}

fn matrix_of(rows: &[Vec<f64>]) -> Option<Array2<f64>> {
    let width = rows.first()?.len();
    Array2::from_shape_vec((rows.len(), width), rows.concat()).ok()
}
