//! The shapes of a classifier's layers at its nominal input size: where a unit may lie.

use classifiers::Classifier;
use frozen::network::Point;

/// The shapes of a classifier's taps, without the batch dimension, at its nominal input size.
#[derive(Debug)]
pub struct LayerShapes(Vec<(String, Point, Vec<i64>)>);

impl LayerShapes {
    /// Measured by one forward pass.
    pub fn measure(classifier: &Classifier) -> LayerShapes {
        let shapes = classifier.network.shapes(&[1, 3, classifier.size, classifier.size]);
        LayerShapes(shapes.into_iter().map(|(tap, shape)| (tap.name.clone(), tap.point, shape)).collect())
    }

    /// The shape of a tap: `[C]` or `[C,H,W]`.
    pub(super) fn of(&self, name: &str) -> &[i64] {
        self.0.iter().find(|(tap, ..)| tap == name).map_or(&[], |(.., shape)| shape)
    }

    /// How many channels a layer has; none of a layer that is not there.
    pub fn channels(&self, name: &str) -> Option<i64> {
        self.of(name).first().copied()
    }

    /// Names and shapes of all taps, from the input up.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Point, &[i64])> {
        self.0.iter().map(|(name, point, shape)| (name.as_str(), *point, shape.as_slice()))
    }

    /// Of each resolution the deepest tap with positions, the finest first.
    pub fn deepest_of_each_resolution(&self) -> Vec<Point> {
        let mut found: Vec<(&[i64], Point)> = vec![];
        for (_, point, shape) in self.0.iter().filter(|(.., shape)| shape.len() == 3 && shape[0] > 3 && shape[1] > 1) {
            match found.iter_mut().find(|(known, _)| *known == &shape[1..]) {
                Some((_, deepest)) => *deepest = (*deepest).max(*point),
                None => found.push((&shape[1..], *point)),
            }
        }
        found.into_iter().map(|(_, point)| point).collect()
    }

    /// Whether a tap has height and width.
    pub fn has_positions(&self, name: &str) -> bool {
        self.of(name).len() == 3
    }

    /// The deepest tap with at least so many rows.
    pub fn deepest_of(&self, rows: i64) -> Option<Point> {
        let fine = self.0.iter().filter(|(.., shape)| shape.len() == 3 && shape[1] >= rows);
        fine.map(|(_, point, _)| *point).max()
    }

    /// The deepest tap with positions that is not deeper than a point, and its name.
    pub fn deepest_with_positions(&self, not_below: Point) -> Option<(&str, Point)> {
        let with = self.0.iter().filter(|(_, point, shape)| shape.len() == 3 && *point <= not_below);
        with.max_by_key(|(_, point, _)| *point).map(|(name, point, _)| (name.as_str(), *point))
    }
}
