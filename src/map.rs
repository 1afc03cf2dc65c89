//! A map of embedded pictures: UMAP's places in the plane, principal components beside them, how far neighbours on the map are neighbours, and how much
//! of each picture's neighbourhood stays when another seed lays it out. It is for looking: no statement may rest on distances in it.

use std::collections::BTreeSet;
use std::path::Path;

use image::RgbImage;
use maps::graph::fuzzy;
use maps::layout::layout;
pub use maps::layout::rounds;
pub use maps::neighbours::Distance;
use maps::neighbours::nearest;
use maps::pca::components;
use maps::trustworthiness::trustworthiness;
use ndarray::{Array2, ArrayView2};

use crate::error::{Context, Result, request};
use crate::sheet;

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
}

impl Default for Settings {
    /// 15 neighbours, Euclidean distances, seed 0, nine other layouts.
    fn default() -> Settings {
        Settings { neighbours: 15, distance: Distance::Euclidean, seed: 0, others: 9 }
    }
}

/// What is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Neighbours: so many rows.
    Neighbours(usize),
    /// A layout, counted from 0: so many rounds.
    Layout(u64, usize),
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
}

/// The map of rows `[N,D]`.
///
/// # Errors
/// A request: fewer than two rows for a neighbour, rows with numbers that are not finite.
pub fn map(rows: ArrayView2<f32>, settings: &Settings, watch: &(dyn Fn(Stage) + Sync)) -> Result<Map> {
    let (n, count) = (rows.nrows(), settings.neighbours.saturating_sub(1));
    let too_few = || request!("{n} pictures are too few for a map with {} neighbours", settings.neighbours);
    if count == 0 || n <= 2 * count {
        return Err(too_few());
    }
    let near = nearest(rows, count, settings.distance, &|done| watch(Stage::Neighbours(done)));
    let near = near.ok_or_else(|| request!("a row has a number that is not finite"))?;
    let ties = fuzzy(&near);
    let found = components(rows, 2, settings.seed).ok_or_else(too_few)?;
    let laid = |number: u64| {
        layout(found.rows.view(), &ties, rounds(n), settings.seed + number, &|round| {
            watch(Stage::Layout(number, round))
        })
    };
    let places = laid(0);
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
                for ((kept, own), other) in kept.iter_mut().zip(&own).zip(neighbours(&laid(number))?) {
                    *kept += own.intersection(&other).count() as f64 / (count as u64 * others) as f64;
                }
            }
            Some(kept)
        }
    };
    let trust = |map: ArrayView2<f32>| trustworthiness(rows, map, count, settings.distance).ok_or_else(too_few);
    Ok(Map {
        trustworthiness: [trust(places.view())?, trust(found.rows.view())?],
        shares: [found.shares[0], found.shares[1]],
        components: found.rows,
        places,
        stability,
    })
}

impl Map {
    /// Writes a row a picture, in their order: row, x, y, component_1, component_2, stability.
    ///
    /// # Errors
    /// Storage: a file that cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let cannot = || format!("{}: cannot be written", path.display());
        let mut writer = csv::Writer::from_path(path).with_context(cannot)?;
        writer.write_record(["row", "x", "y", "component_1", "component_2", "stability"]).with_context(cannot)?;
        for (row, (place, along)) in self.places.outer_iter().zip(self.components.outer_iter()).enumerate() {
            let numbers = [place[0], place[1], along[0], along[1]].map(|number| number.to_string());
            let stability = self.stability.as_ref().map_or(String::new(), |of| of[row].to_string());
            let cells = std::iter::once(row.to_string()).chain(numbers).chain([stability]);
            writer.write_record(cells).with_context(cannot)?;
        }
        writer.flush().with_context(cannot)
    }

    /// The map as a picture of `side` pixels: the pictures at their places, `thumbnail` pixels large, paler where they are less stable. Those that cannot be read are left out;
    /// `done` is told how many were drawn.
    pub fn draw(
        &self,
        picture: &dyn Fn(usize) -> Result<RgbImage>,
        side: u32,
        thumbnail: u32,
        done: &dyn Fn(usize),
    ) -> Result<RgbImage> {
        let mut canvas = RgbImage::from_pixel(side, side, image::Rgb([255; 3]));
        let ends = |axis: usize| {
            let values = self.places.column(axis);
            values
                .iter()
                .fold([f32::INFINITY, f32::NEG_INFINITY], |[low, high], value| [low.min(*value), high.max(*value)])
        };
        let (ends, room) = ([ends(0), ends(1)], f64::from(side - thumbnail));
        // One scale for both axes: a map has no preferred direction.
        let widest = ends.iter().fold(0f32, |most, [low, high]| most.max(high - low)).max(f32::MIN_POSITIVE);
        // Least stable ones first, so that what can be relied upon lies on top.
        let stability = |row: usize| self.stability.as_ref().map_or(1., |of| of[row]);
        let mut order: Vec<usize> = (0..self.places.nrows()).collect();
        order.sort_by(|a, b| stability(*a).total_cmp(&stability(*b)).then(a.cmp(b)));
        for (number, row) in order.into_iter().enumerate() {
            done(number);
            let Ok(picture) = picture(row) else { continue };
            let small = sheet::fitted(&picture, thumbnail)?;
            let at = [0, 1].map(|axis| {
                let [low, high] = ends[axis];
                let middle = (low + high) / 2.;
                (room * f64::from((self.places[[row, axis]] - middle) / widest + 0.5)) as u32
            });
            let opacity = 0.35 + 0.65 * stability(row);
            for (x, y, pixel) in small.enumerate_pixels() {
                let (x, y) = (at[0] + x, at[1] + y);
                if x < side && y < side {
                    let under = canvas.get_pixel_mut(x, y);
                    for (under, over) in under.0.iter_mut().zip(pixel.0) {
                        *under = (f64::from(*under) * (1. - opacity) + f64::from(over) * opacity).round() as u8;
                    }
                }
            }
        }
        Ok(canvas)
    }
}
