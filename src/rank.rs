//! Photographs in the order of how much they fire units: natural exemplars, as far as somebody's photographs have them.

use std::path::{Path, PathBuf};

use crate::error::{Context, Result, bail};
use crate::look::many::{Unread, each};
use crate::models::Classifier;
use crate::reference::below;
use crate::render::Objective;
use crate::sheet::{Cell, Sheet, Shown};
use crate::unit::{Reading, Unit};

/// Photographs and what they do to units.
#[derive(Debug)]
pub struct Ranking {
    /// The units.
    pub units: Vec<Unit>,
    /// The photographs that could be read.
    pub photographs: Vec<PathBuf>,
    /// Activations by unit and photograph.
    pub activations: Vec<Vec<f64>>,
    /// Those that could not be read.
    pub unread: Vec<Unread>,
}

/// The picture files that paths name: files themselves, and all in folders and the folders in them.
///
/// # Errors
/// A folder that cannot be read; no picture at all.
pub fn pictures(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut found = vec![];
    for path in paths {
        match path.is_dir() {
            true => found.extend(below(path)?),
            false => found.push(path.clone()),
        }
    }
    if found.is_empty() {
        bail!("{}: there are no pictures in it", paths.first().map_or("", |path| path.to_str().unwrap_or_default()));
    }
    Ok(found)
}

/// Ranks photographs by units; `watch` is told how many were looked at.
///
/// # Errors
/// A unit that cannot be read; photographs none of which can be read.
pub fn rank(classifier: &Classifier, units: Vec<Unit>, paths: &[PathBuf], watch: &dyn Fn(usize)) -> Result<Ranking> {
    let engine = classifier.engine();
    let mut points = vec![];
    for unit in &units {
        points.extend(Objective::new(&[unit], Reading::Activation)?.points());
    }
    let (mut photographs, mut activations) = (vec![], vec![vec![]; units.len()]);
    let mut done = 0;
    let unread = each(engine, &points, paths, &mut |places, pass| {
        for (unit, activations) in units.iter().zip(&mut activations) {
            let objective = Objective::new(&vec![unit; places.len()], Reading::Activation)?;
            let found = objective.evaluate(|point| pass.activation(point).shallow_clone());
            activations.extend(Vec::<f64>::try_from(&found.activations.to_kind(tch::Kind::Double))?);
        }
        photographs.extend(places.iter().map(|place| paths[*place].clone()));
        done += places.len();
        watch(done);
        Ok(())
    })?;
    if photographs.is_empty() {
        let first = unread.first().map(|(path, error)| format!("{}: {error}", path.display()));
        bail!("none of {} pictures can be read: {}", paths.len(), first.unwrap_or_default());
    }
    Ok(Ranking { units, photographs, activations, unread })
}

impl Ranking {
    /// Places of the photographs, those that fire a unit most first.
    pub fn order(&self, unit: usize) -> Vec<usize> {
        let of = &self.activations[unit];
        let mut order: Vec<usize> = (0..of.len()).collect();
        order.sort_by(|&a, &b| of[b].total_cmp(&of[a]).then(a.cmp(&b)));
        order
    }

    /// Writes a row a unit and photograph, those that fire it most first: unit, rank (from 1), activation, file.
    ///
    /// # Errors
    /// Storage: a file that cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let named = || format!("{}: cannot be written", path.display());
        let mut writer = csv::Writer::from_path(path).with_context(named)?;
        writer.write_record(["unit", "rank", "activation", "file"]).with_context(named)?;
        for (unit, of) in self.units.iter().enumerate() {
            for (rank, place) in self.order(unit).into_iter().enumerate() {
                let (rank, activation) = ((rank + 1).to_string(), self.activations[unit][place].to_string());
                let file = self.photographs[place].display().to_string();
                writer.write_record([of.name.as_str(), &rank, &activation, &file]).with_context(named)?;
            }
        }
        writer.flush().with_context(named)
    }

    /// The photographs that fire each unit most, and least: so many of either.
    pub fn sheet(&self, classifier: &str, count: usize, side: u32) -> Sheet {
        let most = count.min(self.photographs.len());
        let least = count.min(self.photographs.len() - most);
        let mut cells = vec![];
        for unit in 0..self.units.len() {
            let order = self.order(unit);
            let shown = order[..most].iter().chain(&order[order.len() - least..]);
            let cell = |place: &usize| {
                let caption = vec![format!("{:.2}", self.activations[unit][*place])];
                Some(Cell { shown: Shown::File(self.photographs[*place].clone()), caption })
            };
            cells.push(shown.map(cell).collect());
        }
        let number = |rank: usize| format!("{rank}");
        let last = self.photographs.len();
        let columns = (1..=most).map(number).chain((last - least + 1..=last).map(number)).collect();
        Sheet {
            title: format!("What fires units of {classifier}, of {last} photographs"),
            columns,
            rows: self.units.iter().map(|unit| unit.title().to_owned()).collect(),
            cells,
            notes: vec![
                "columns are ranks; beneath each photograph, the activation (for a class, its logit)".to_owned(),
            ],
            side,
        }
    }
}
