//! How far from photographs pictures lie that were made, in the layer's own numbers: a map shows it, and this tells it.

use std::path::Path;

use maps::neighbours::{Distance, nearest};
use ndarray::{ArrayView2, Axis};
use serde::Serialize;

use crate::error::{Context, Result, request};

/// Where a picture that was made lies among photographs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Apart {
    /// Its row.
    pub row: usize,
    /// The row of the photograph that is nearest.
    pub nearest: usize,
    /// How far away that is.
    pub distance: f32,
    /// The share of photographs whose own nearest photograph is at least as far away, 0 to 1: 0 where the picture is farther from all photographs than
    /// any photograph is from the others.
    pub as_far: f64,
}

/// Where each row of `rows` `[N,D]` that is no photograph lies among those that are.
///
/// # Errors
/// A request: fewer than two photographs, rows with numbers that are not finite.
pub fn apart(rows: ArrayView2<f32>, photographs: &[bool], distance: Distance) -> Result<Vec<Apart>> {
    let places: Vec<usize> = (0..rows.nrows()).filter(|row| photographs[*row]).collect();
    if places.len() == rows.nrows() {
        return Ok(vec![]);
    }
    let natural = rows.select(Axis(0), &places);
    let near = nearest(natural.view(), 1, distance, &|_| ())
        .ok_or_else(|| request!("{} photographs are too few to say how far pictures lie from them", places.len()))?;
    let rows = rows.as_standard_layout();
    let row = |number: usize| rows.index_axis(Axis(0), number);
    let mut found = vec![];
    for made in (0..rows.nrows()).filter(|row| !photographs[*row]) {
        let own = row(made);
        let to = |photograph: usize| {
            let between = row(photograph).to_slice().zip(own.to_slice()).map(|(a, b)| distance.between(a, b));
            (between.unwrap_or(f32::INFINITY), photograph)
        };
        let closer = |a: (f32, usize), b: (f32, usize)| if b.0 < a.0 { b } else { a };
        let Some((far, nearest)) = places.iter().map(|place| to(*place)).reduce(closer) else { continue };
        let as_far = near.distances.column(0).iter().filter(|own| **own >= far).count() as f64 / places.len() as f64;
        found.push(Apart { row: made, nearest, distance: far, as_far });
    }
    Ok(found)
}

/// Writes a row a picture: row, made_by, nearest (the row of a photograph), distance, as_far.
///
/// # Errors
/// Storage: a file that cannot be written.
pub fn write_apart(apart: &[Apart], made_by: &dyn Fn(usize) -> String, path: &Path) -> Result<()> {
    let cannot = || format!("{}: cannot be written", path.display());
    let mut writer = csv::Writer::from_path(path).with_context(cannot)?;
    writer.write_record(["row", "made_by", "nearest", "distance", "as_far"]).with_context(cannot)?;
    for of in apart {
        let cells = [of.nearest.to_string(), of.distance.to_string(), of.as_far.to_string()];
        writer.write_record([of.row.to_string(), made_by(of.row)].into_iter().chain(cells)).with_context(cannot)?;
    }
    writer.flush().with_context(cannot)
}
