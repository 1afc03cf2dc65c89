//! The figures of a method in the layers of the target.

use std::collections::BTreeMap;

use super::evidence::Evidence;
use super::findings::{LayerFindings, Measured, Metric};
use super::measure::{Sighting, in_parallel};
use super::statistics::{Valued, mean_of};

impl Evidence<'_> {
    /// A method's path in every layer.
    fn layers(&self, method: usize) -> Vec<LayerFindings> {
        let pictures: Vec<(&Sighting, Vec<Option<f64>>)> =
            self.of_method(method).map(|picture| (picture, self.paths.of_picture(picture))).collect();
        let layer = |(place, (name, _)): (usize, &(String, _))| {
            let values = pictures.iter().filter_map(|(picture, path)| Some((picture.subject.unit, path[place]?)));
            let values: Vec<Valued> = values.collect();
            let missing = "photographs that fire a unit most are no more alike here than others";
            LayerFindings { layer: name.clone(), path: mean_of(&values, self.bootstrap, missing) }
        };
        self.study.job.networks.layers.iter().enumerate().map(layer).collect()
    }

    /// All methods' figures as sets and by layer, on all cores.
    pub fn of_all(&self, methods: usize, metrics: &[Metric]) -> Vec<(BTreeMap<String, Measured>, Vec<LayerFindings>)> {
        in_parallel(methods, &|method| (self.of_set(method, metrics), self.layers(method)))
    }
}
