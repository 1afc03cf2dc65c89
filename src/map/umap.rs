//! UMAP's places in the plane, principal components beside them, how far neighbours on the map are neighbours, how much of each picture's neighbourhood
//! stays when another seed lays it out, and clusters of the photographs.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use maps::clusters::clusters;
use maps::graph::fuzzy;
use maps::layout::layout;
pub use maps::layout::rounds;
pub use maps::neighbours::Distance;
use maps::neighbours::nearest;
use maps::pca::components;
use maps::trustworthiness::trustworthiness;
use ndarray::{Array2, ArrayView2, Axis};

use crate::error::{Context, Result, request};

/// How a map is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Neighbours that a picture is tied to, itself counted, as umap-learn counts them.
    pub neighbours: usize,
    /// What is near.
    pub distance: Distance,
    /// The first seed; it decides the map.
    pub seed: u64,
    /// Layouts by further seeds, by which stability is measured; 0 leaves it out.
    pub others: u64,
    /// Photographs that a cluster has at least; 0 leaves clusters out.
    pub cluster: usize,
}

impl Default for Settings {
    /// 15 neighbours, Euclidean distances, seed 0, nine other layouts, clusters of ten and more.
    fn default() -> Settings {
        Settings { neighbours: 15, distance: Distance::Euclidean, seed: 0, others: 9, cluster: 10 }
    }
}

/// What is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Neighbours: so many rows.
    Neighbours(usize),
    /// A layout, counted from 0: so many rounds.
    Layout(u64, usize),
    /// Clusters.
    Clusters,
}

/// Pictures in the plane.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    /// Places by UMAP, `[N,2]`.
    pub places: Array2<f32>,
    /// Places along the first two principal components, `[N,2]`.
    pub components: Array2<f32>,
    /// The share of all variance that each of the two has.
    pub shares: [f64; 2],
    /// The trustworthiness of both maps at the number of neighbours less one, 0 to 1: UMAP's, the components'.
    pub trustworthiness: [f64; 2],
    /// Of each picture, the mean share of its neighbours on the map that are its neighbours on the maps of other seeds, too, 0 to 1.
    pub stability: Option<Vec<f64>>,
    /// The cluster of each picture, the largest being 0; none of pictures that were made, and of photographs that lie in none.
    pub clusters: Option<Vec<Option<u32>>>,
}

/// The map of rows `[N,D]`, of which `photographs` says which are photographs; clusters are those of photographs alone. `watch` is told what is
/// under way, and says whether to go on.
///
/// # Errors
/// A request: fewer than two rows for a neighbour, rows with numbers that are not finite; somebody who would not go on, which is asked after
/// the neighbours and after each layout.
pub fn map(
    rows: ArrayView2<f32>,
    photographs: &[bool],
    settings: &Settings,
    watch: &(dyn Fn(Stage) -> bool + Sync),
) -> Result<Map> {
    let (n, count) = (rows.nrows(), settings.neighbours.saturating_sub(1));
    let too_few = || request!("{n} pictures are too few for a map with {} neighbours", settings.neighbours);
    if count == 0 || n <= 2 * count {
        return Err(too_few());
    }
    let stopped = AtomicBool::new(false);
    let tell = |stage| {
        if !watch(stage) {
            stopped.store(true, Ordering::Relaxed);
        }
    };
    let goes_on = || match stopped.load(Ordering::Relaxed) {
        true => Err(request!("interrupted; nothing was written")),
        false => Ok(()),
    };
    let near = nearest(rows, count, settings.distance, &|done| tell(Stage::Neighbours(done)));
    let near = near.ok_or_else(|| request!("a row has a number that is not finite"))?;
    goes_on()?;
    let ties = fuzzy(&near);
    let found = components(rows, 2, settings.seed).ok_or_else(too_few)?;
    let laid = |number: u64| {
        let tell = |round| tell(Stage::Layout(number, round));
        let places = layout(found.rows.view(), &ties, rounds(n), settings.seed + number, &tell);
        goes_on().map(|()| places)
    };
    let places = laid(0)?;
    let neighbours = |places: &Array2<f32>| -> Result<Vec<BTreeSet<u32>>> {
        let near = nearest(places.view(), count, Distance::Euclidean, &|_| ()).ok_or_else(too_few)?;
        Ok(near.places.outer_iter().map(|row| row.iter().copied().collect()).collect())
    };
    let stability = match settings.others {
        0 => None,
        others => {
            let own = neighbours(&places)?;
            let mut kept = vec![0.; n];
            for number in 1..=others {
                for ((kept, own), other) in kept.iter_mut().zip(&own).zip(neighbours(&laid(number)?)?) {
                    *kept += own.intersection(&other).count() as f64 / (count as u64 * others) as f64;
                }
            }
            Some(kept)
        }
    };
    let clusters = match settings.cluster {
        0 => None,
        least => {
            tell(Stage::Clusters);
            let places: Vec<usize> = (0..n).filter(|row| photographs[*row]).collect();
            let found = clusters(rows.select(Axis(0), &places).view(), least, settings.seed).ok_or_else(too_few)?;
            let mut of = vec![None; n];
            places.iter().zip(found).for_each(|(row, cluster)| of[*row] = cluster);
            Some(of)
        }
    };
    let trust = |map: ArrayView2<f32>| trustworthiness(rows, map, count, settings.distance).ok_or_else(too_few);
    Ok(Map {
        trustworthiness: [trust(places.view())?, trust(found.rows.view())?],
        shares: [found.shares[0], found.shares[1]],
        components: found.rows,
        places,
        stability,
        clusters,
    })
}

impl Map {
    /// Writes a row a picture, in their order: row, x, y, component_1, component_2, stability, cluster.
    ///
    /// # Errors
    /// Storage: a file that cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let cannot = || format!("{}: cannot be written", path.display());
        let mut writer = csv::Writer::from_path(path).with_context(cannot)?;
        writer
            .write_record(["row", "x", "y", "component_1", "component_2", "stability", "cluster"])
            .with_context(cannot)?;
        for (row, (place, along)) in self.places.outer_iter().zip(self.components.outer_iter()).enumerate() {
            let numbers = [place[0], place[1], along[0], along[1]].map(|number| number.to_string());
            let stability = self.stability.as_ref().map_or(String::new(), |of| of[row].to_string());
            let cluster = self.clusters.as_ref().and_then(|of| of[row]).map_or(String::new(), |of| of.to_string());
            let cells = std::iter::once(row.to_string()).chain(numbers).chain([stability, cluster]);
            writer.write_record(cells).with_context(cannot)?;
        }
        writer.flush().with_context(cannot)
    }
}
