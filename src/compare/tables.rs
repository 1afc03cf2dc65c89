//! The tables of a comparison: a row a picture, a method, a method and unit, a method and layer. CSV, RFC 4180.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use classifiers::Kinship;

use crate::error::{Context, Result};

use super::findings::{Findings, Measured, Origin};

/// Everything, with definitions.
pub const JSON: &str = "comparison.json";
/// A row a picture.
pub const PICTURES: &str = "metrics.csv";
/// A row a method.
pub const METHODS: &str = "summary.csv";
/// A row a method and unit.
pub const UNITS: &str = "units.csv";
/// A row a method and layer.
pub const LAYERS: &str = "layers.csv";
/// A row a method, unit and observer.
pub const OBSERVERS: &str = "observers.csv";

/// Writes `comparison.json` and the tables.
///
/// # Errors
/// Storage: a file that cannot be written.
pub fn write(comparison: &Findings, folder: &Path) -> Result<()> {
    let named = |name: &str| {
        let path = folder.join(name);
        move || format!("{}: cannot be written", path.display())
    };
    fs::write(folder.join(JSON), serde_json::to_vec_pretty(comparison)?).with_context(named(JSON))?;
    let tables = [
        (PICTURES, pictures(comparison)),
        (METHODS, methods(comparison)),
        (UNITS, units(comparison)),
        (LAYERS, layers(comparison)),
        (OBSERVERS, observers(comparison)),
    ];
    for (name, rows) in tables {
        let mut writer = csv::Writer::from_path(folder.join(name)).with_context(named(name))?;
        for row in rows {
            writer.write_record(row).with_context(named(name))?;
        }
        writer.flush().with_context(named(name))?;
    }
    Ok(())
}

fn kind(kind: Origin) -> String {
    match kind {
        Origin::Run => "run",
        Origin::Foreign => "foreign",
        Origin::Control => "control",
    }
    .to_owned()
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

fn pictures(comparison: &Findings) -> Vec<Vec<String>> {
    let keys: Vec<&str> = comparison
        .metrics
        .iter()
        .map(|metric| metric.key.as_str())
        .filter(|key| comparison.pictures.iter().any(|picture| picture.metrics.contains_key(*key)))
        .collect();
    let header = ["id", "method", "kind", "generator", "unit", "class", "seed", "facet", "file"];
    let mut rows = vec![header.iter().chain(&keys).map(|name| (*name).to_owned()).collect::<Vec<_>>()];
    for picture in &comparison.pictures {
        let (method, unit) = (&comparison.methods[picture.method], &comparison.units[picture.unit]);
        let mut row = vec![
            picture.id.clone(),
            method.label.clone(),
            kind(method.kind),
            method.generator.clone().unwrap_or_default(),
            unit.name.clone(),
            unit.class.map(|class| class.to_string()).unwrap_or_default(),
            picture.seed.to_string(),
            picture.facet.to_string(),
            picture.file.display().to_string(),
        ];
        row.extend(keys.iter().map(|key| number(picture.metrics.get(*key).copied())));
        rows.push(row);
    }
    rows
}

/// Value, ends of the interval, and why not, of a figure.
fn cells(figure: Option<&Measured>) -> [String; 4] {
    let end = |which: usize| number(figure.and_then(|figure| figure.interval).map(|interval| interval[which]));
    let why = figure.and_then(|figure| figure.why_not.clone()).unwrap_or_default();
    [number(figure.and_then(|figure| figure.value)), end(0), end(1), why]
}

/// The names of these cells.
fn columns(name: &str) -> [String; 4] {
    [name.to_owned(), format!("{name}_low"), format!("{name}_high"), format!("{name}_note")]
}

fn methods(comparison: &Findings) -> Vec<Vec<String>> {
    let header = ["method", "kind", "generator", "units", "pictures", "seeds", "forward", "backward"];
    let mut first: Vec<String> = header.iter().map(|name| (*name).to_owned()).collect();
    first.extend(comparison.metrics.iter().flat_map(|metric| columns(&metric.key)));
    let mut rows = vec![first];
    for method in &comparison.methods {
        let mut row = vec![
            method.label.clone(),
            kind(method.kind),
            method.generator.clone().unwrap_or_default(),
            method.units.to_string(),
            method.pictures.to_string(),
            method.seeds.to_string(),
            number(method.passes.map(|passes| passes[0])),
            number(method.passes.map(|passes| passes[1])),
        ];
        row.extend(comparison.metrics.iter().flat_map(|metric| cells(method.metrics.get(&metric.key))));
        rows.push(row);
    }
    rows
}

/// Sum and count of each metric.
type Sums<'a> = BTreeMap<&'a str, (f64, f64)>;

fn units(comparison: &Findings) -> Vec<Vec<String>> {
    let mut sums: BTreeMap<(usize, usize), Sums> = BTreeMap::new();
    let mut keys: Vec<&str> = vec![];
    for metric in &comparison.metrics {
        if comparison.pictures.iter().any(|picture| picture.metrics.contains_key(&metric.key)) {
            keys.push(&metric.key);
        }
    }
    for picture in &comparison.pictures {
        let of = sums.entry((picture.method, picture.unit)).or_default();
        for key in &keys {
            if let Some(value) = picture.metrics.get(*key) {
                let (sum, count) = of.entry(key).or_default();
                *sum += value;
                *count += 1.;
            }
        }
    }
    let told = ["own", "own_easy", "predicts"];
    let header = ["method", "unit"].iter().chain(&told).chain(&keys);
    let mut rows = vec![header.map(|name| (*name).to_owned()).collect::<Vec<_>>()];
    for ((method, unit), of) in sums {
        let mut row = vec![comparison.methods[method].label.clone(), comparison.units[unit].name.clone()];
        let own = comparison.readings.iter().find(|of| (of.method, of.unit, of.observer) == (method, unit, 0));
        row.extend(
            [own.and_then(|of| of.hard), own.and_then(|of| of.easy), own.and_then(|of| of.predicts)].map(number),
        );
        row.extend(keys.iter().map(|key| number(of.get(key).map(|(sum, count)| sum / count))));
        rows.push(row);
    }
    rows
}

fn layers(comparison: &Findings) -> Vec<Vec<String>> {
    let mut first = vec!["method".to_owned(), "layer".to_owned()];
    first.extend(columns("path"));
    let mut rows = vec![first];
    for method in &comparison.methods {
        for layer in &method.layers {
            let mut row = vec![method.label.clone(), layer.layer.clone()];
            row.extend(cells(Some(&layer.path)));
            rows.push(row);
        }
    }
    rows
}

fn observers(comparison: &Findings) -> Vec<Vec<String>> {
    let header = ["method", "unit", "observer", "family", "kinship", "hard", "easy", "predicts", "transfer"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    for reading in &comparison.readings {
        let observer = &comparison.observers[reading.observer];
        let kinship = match observer.kinship {
            None => "own",
            Some(Kinship::Kin) => "kin",
            Some(Kinship::HalfKin) => "half kin",
            Some(Kinship::Foreign) => "foreign",
            Some(Kinship::Unknown) => "unknown",
            Some(Kinship::NoClassifier) => "no classifier",
        };
        let mut row = vec![
            comparison.methods[reading.method].label.clone(),
            comparison.units[reading.unit].name.clone(),
            observer.name.clone(),
            observer.family.clone().unwrap_or_default(),
            kinship.to_owned(),
        ];
        row.extend([reading.hard, reading.easy, reading.predicts, reading.transfer].map(number));
        rows.push(row);
    }
    rows
}
