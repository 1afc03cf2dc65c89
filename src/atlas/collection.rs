//! A collection as an atlas shows it: pictures, what is known of them, their places, their neighbours, and how like a method's pictures they are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use maps::neighbours::{Distance, nearest};
use ndarray::{Array2, ArrayView2, Axis};
use serde_json::Value;

use super::settings::{Settings, Stage, Watch};
use super::table::{Column, Index, join, number, read as table};
use crate::embed::{self, Source};
use crate::error::{Context, OfRequest, Result, bail, request};

/// Places of all pictures in the plane.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Layout {
    pub(super) name: &'static str,
    pub(super) places: Vec<[f32; 2]>,
}

/// The nearest photographs of each picture, by places, the nearest first.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Near {
    pub(super) count: usize,
    /// `[N * count]`.
    pub(super) places: Vec<u32>,
    /// `[N * count]`.
    pub(super) distances: Vec<f32>,
}

/// A method and the rows of its pictures.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Method {
    pub(super) name: String,
    pub(super) rows: Vec<usize>,
}

/// All of it.
#[derive(Debug)]
pub(super) struct Collection {
    pub(super) sources: Vec<Source>,
    pub(super) columns: Vec<Column>,
    pub(super) layouts: Vec<Layout>,
    pub(super) near: Option<Near>,
    pub(super) methods: Vec<Method>,
    /// What is near: the map's, if it says so.
    pub(super) distance: Distance,
    /// `embedding.json`.
    pub(super) embedding: Value,
    /// `map.json`, if the map has one.
    pub(super) map: Value,
    /// What names of files are relative to.
    pub(super) folder: PathBuf,
}

/// Reads what `embed` and `map` wrote, joins the tables, and finds neighbours.
///
/// # Errors
/// A request: whatever of it cannot be read, or is not of the same pictures.
pub(super) fn read(settings: &Settings, watch: Watch) -> Result<Collection> {
    let embedded = &settings.embedded;
    let rows = embed::rows(embedded).of_request()?;
    let sources = embed::pictures(embedded).of_request()?;
    let count = sources.len();
    if rows.nrows() != count || count == 0 {
        bail!(
            "{}: has {} rows and {count} pictures; `metapicture embed` writes both",
            embedded.display(),
            rows.nrows()
        );
    }
    if !rows.iter().all(|value| value.is_finite()) {
        bail!("{}: a row has a number that is not finite", embedded.join("rows.safetensors").display());
    }
    let mut columns = table(&embedded.join("pictures.csv")).of_request()?;
    let how = std::fs::read(embedded.join("embedding.json")).of_request()?;
    let embedding: Value = serde_json::from_slice(&how).context("embedding.json: is no embedding").of_request()?;
    let folder = PathBuf::from(embedding["folder"].as_str().unwrap_or_default());
    let index = Index::new(&columns, count, &folder);
    let (mut layouts, mut map) = (vec![], Value::Null);
    if let Some(from) = &settings.map {
        layouts = of_map(from, count, &mut columns).of_request()?;
        map = std::fs::read(from.join("map.json"))
            .ok()
            .and_then(|of| serde_json::from_slice(&of).ok())
            .unwrap_or_default();
    }
    for path in &settings.tables {
        join(&mut columns, &index, count, path).of_request()?;
    }
    let named = map["distance"].as_str();
    let known = Distance::NAMES.into_iter().find(|(name, _)| Some(*name) == named);
    let methods = methods(&columns);
    // How like is said in cosines, unless the map knows better.
    columns.extend(likeness(rows.view(), &methods, known.map_or(Distance::Cosine, |(_, distance)| distance)));
    columns.retain(|column| !column.is_empty());
    let distance = known.map_or(Distance::Euclidean, |(_, distance)| distance);
    let near = neighbours(rows.view(), &methods, settings.neighbours, distance, watch)?;
    Ok(Collection { sources, columns, layouts, near, methods, distance, embedding, map, folder })
}

/// The layouts of a folder that `map` wrote; what else its table knows is added to the columns.
fn of_map(folder: &Path, count: usize, columns: &mut Vec<Column>) -> Result<Vec<Layout>> {
    let path = folder.join("map.csv");
    let table = table(&path).map_err(|error| error.hinted("`metapicture map` writes it"))?;
    let rows = table.first().map_or(0, |column| column.cells.len());
    if rows != count {
        bail!("{}: is a map of {rows} pictures, not of these {count}; make it of the same folder", path.display());
    }
    let places = |name: &'static str, of: [&str; 2]| -> Result<Option<Layout>> {
        let [Some(x), Some(y)] = of.map(|name| table.iter().find(|column| column.name == name)) else {
            return Ok(None);
        };
        let cell = |cell: &str| {
            number(cell).map(|of| of as f32).ok_or_else(|| request!("{}: '{cell}' is no place", path.display()))
        };
        let pairs = x.cells.iter().zip(&y.cells).map(|(x, y)| Ok([cell(x)?, cell(y)?]));
        Ok(Some(Layout { name, places: pairs.collect::<Result<_>>()? }))
    };
    let map = places("map", ["x", "y"])?.with_context(|| format!("{}: has no columns 'x', 'y'", path.display()))?;
    let along = places("components", ["component_1", "component_2"])?;
    let known = |name: &str| ["row", "x", "y"].contains(&name) || name.starts_with("component_");
    columns.extend(table.into_iter().filter(|column| !known(&column.name)));
    Ok([map].into_iter().chain(along).collect())
}

/// Methods by name; rows that no method is named for are photographs.
fn methods(columns: &[Column]) -> Vec<Method> {
    let mut found: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    if let Some(made) = columns.iter().find(|column| column.name == "made_by") {
        for (row, method) in made.cells.iter().enumerate().filter(|(_, method)| !method.is_empty()) {
            found.entry(method).or_default().push(row);
        }
    }
    found.into_iter().map(|(name, rows)| Method { name: name.to_owned(), rows }).collect()
}

/// What a column of likeness is called.
pub(super) const LIKENESS: &str = "likeness: ";

/// How like each method's pictures every picture is, more is more: the mean of their cosines, or the negative mean of their distances.
fn likeness(rows: ArrayView2<f32>, methods: &[Method], distance: Distance) -> Vec<Column> {
    let lengths: Vec<f32> = rows.outer_iter().map(|row| row.dot(&row).sqrt().max(f32::MIN_POSITIVE)).collect();
    let of = |method: &Method| -> Vec<f32> {
        let share = 1. / method.rows.len() as f32;
        if distance == Distance::Cosine {
            // The mean of products is the product with the mean.
            let mut mean = ndarray::Array1::<f32>::zeros(rows.ncols());
            method.rows.iter().for_each(|row| mean.scaled_add(share / lengths[*row], &rows.row(*row)));
            return rows.outer_iter().zip(&lengths).map(|(row, length)| row.dot(&mean) / length).collect();
        }
        let rows = rows.as_standard_layout();
        let slice = |row: usize| rows.index_axis(Axis(0), row).to_slice().unwrap_or_default().to_vec();
        let theirs: Vec<Vec<f32>> = method.rows.iter().map(|row| slice(*row)).collect();
        let mean = |row: usize| -share * theirs.iter().map(|of| distance.between(&slice(row), of)).sum::<f32>();
        (0..rows.nrows()).map(mean).collect()
    };
    let column = |method: &Method| Column {
        name: format!("{LIKENESS}{}", method.name),
        cells: of(method).iter().map(f32::to_string).collect(),
    };
    methods.iter().map(column).collect()
}

/// The nearest photographs of every row: a photograph's among the others, a made picture's among all.
fn neighbours(
    rows: ArrayView2<f32>,
    methods: &[Method],
    count: usize,
    distance: Distance,
    watch: Watch,
) -> Result<Option<Near>> {
    let n = rows.nrows();
    let mut made = vec![false; n];
    methods.iter().flat_map(|method| &method.rows).for_each(|row| made[*row] = true);
    let photographs: Vec<usize> = (0..n).filter(|row| !made[*row]).collect();
    let count = count.min(photographs.len().saturating_sub(1));
    if count == 0 {
        return Ok(None);
    }
    let own: Array2<f32> = rows.select(Axis(0), &photographs);
    // It cannot be stopped half-way; whoever wanted to is heard afterwards.
    let near = nearest(own.view(), count, distance, &|done| {
        watch(Stage::Neighbours(done, photographs.len()));
    });
    let near = near.with_context(|| format!("{n} pictures have no {count} neighbours"))?;
    if !watch(Stage::Neighbours(photographs.len(), photographs.len())) {
        bail!("interrupted; what was there before is still there");
    }
    let mut found = Near { count, places: vec![0; n * count], distances: vec![0.; n * count] };
    for (number, row) in photographs.iter().enumerate() {
        for at in 0..count {
            found.places[row * count + at] = photographs[near.places[[number, at]] as usize] as u32;
            found.distances[row * count + at] = near.distances[[number, at]];
        }
    }
    let slice = |row: usize| rows.row(row).to_vec();
    let all: Vec<Vec<f32>> = match methods.is_empty() {
        true => vec![],
        false => photographs.iter().map(|row| slice(*row)).collect(),
    };
    for row in (0..n).filter(|row| made[*row]) {
        let of = slice(row);
        let mut far: Vec<(f32, usize)> =
            all.iter().zip(&photographs).map(|(other, place)| (distance.between(&of, other), *place)).collect();
        far.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        for (at, (distance, place)) in far.into_iter().take(count).enumerate() {
            found.places[row * count + at] = place as u32;
            found.distances[row * count + at] = distance;
        }
    }
    Ok(Some(found))
}

impl Collection {
    /// A column by its name.
    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The rows in an order in which pictures that are close to each other on the map are close: along Hilbert's curve. A part of the map is then on few sheets.
    pub(super) fn order(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.sources.len() as u32).collect();
        let Some(layout) = self.layouts.first() else { return order };
        let ends = [0, 1].map(|axis| {
            let values = layout.places.iter().map(|place| place[axis]);
            values.fold([f32::INFINITY, f32::NEG_INFINITY], |[low, high], value| [low.min(value), high.max(value)])
        });
        let along: Vec<u64> = (layout.places.iter())
            .map(|place| {
                hilbert([0, 1].map(|axis| {
                    let [low, high] = ends[axis];
                    ((place[axis] - low) / (high - low).max(f32::MIN_POSITIVE) * 65_535.) as u32
                }))
            })
            .collect();
        order.sort_by_key(|row| along[*row as usize]);
        order
    }
}

/// How far along Hilbert's curve through 65536 x 65536 places one is (Hilbert 1891).
fn hilbert([mut x, mut y]: [u32; 2]) -> u64 {
    let mut along = 0;
    let mut side = 1u32 << 15;
    while side > 0 {
        let (right, above) = (u32::from(x & side > 0), u32::from(y & side > 0));
        along += u64::from(side) * u64::from(side) * u64::from((3 * right) ^ above);
        if above == 0 {
            if right == 1 {
                (x, y) = (65_535 - x, 65_535 - y);
            }
            (x, y) = (y, x);
        }
        side /= 2;
    }
    along
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_steps_from_place_to_next_place() {
        let mut places: Vec<(u64, [u32; 2])> = vec![];
        for x in 0..8 {
            places.extend((0..8).map(|y| (hilbert([x, y]), [x, y])));
        }
        places.sort();
        for pair in places.windows(2) {
            let [from, to] = [pair[0].1, pair[1].1];
            assert_eq!(from[0].abs_diff(to[0]) + from[1].abs_diff(to[1]), 1, "{from:?} {to:?}");
        }
    }

    #[test]
    fn likeness_is_a_mean_of_cosines_or_of_distances() {
        let rows = ndarray::arr2(&[[1f32, 0.], [0., 2.], [3., 3.], [0., 0.]]);
        let methods = [Method { name: "m".to_owned(), rows: vec![0, 1] }];
        let cells = |distance| -> Vec<f64> {
            let column = likeness(rows.view(), &methods, distance).remove(0);
            assert_eq!(column.name, "likeness: m");
            column.cells.iter().map(|cell| cell.parse().unwrap()).collect()
        };
        let cosines = cells(Distance::Cosine);
        for (found, expected) in cosines.iter().zip([0.5, 0.5, 0.5f64.sqrt(), 0.]) {
            assert!((found - expected).abs() < 1e-6, "{cosines:?}");
        }
        let far = cells(Distance::Manhattan);
        for (found, expected) in far.iter().zip([-1.5, -1.5, -4.5, -1.5]) {
            assert!((found - expected).abs() < 1e-6, "{far:?}");
        }
    }

    #[test]
    fn made_pictures_are_nobodys_neighbours_and_have_some() {
        let rows = ndarray::arr2(&[[0f32], [0.1], [1.], [2.]]);
        let methods = [Method { name: "m".to_owned(), rows: vec![1] }];
        let near = neighbours(rows.view(), &methods, 2, Distance::Euclidean, &|_| true).unwrap().unwrap();
        assert_eq!(near.places, [2, 3, 0, 2, 0, 3, 2, 0]);
    }
}
