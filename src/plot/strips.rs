//! The same units along a dial: what the setting does, to be seen.

use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::chosen::{ACTIVATION, file_name, probability};
use super::drawn::Plot;
use super::number::{figure, setting};
use super::svg::{Anchor, Drawing, INK, PALE};
use crate::compare::findings::{Dial, Findings, PictureFindings};
use crate::{picture, sheet};

const MOST: usize = 6;
/// Values of a dial, so that pictures can be seen.
const MOST_VALUES: usize = 10;

pub(super) fn draw(
    comparison: &Findings,
    folder: &Path,
    number: usize,
    dial: &Dial,
) -> crate::error::Result<Option<Plot>> {
    let settings = thinned(&dial.methods);
    let read = |picture: &PictureFindings| picture::read(&folder.join(&picture.file));
    let rows: Vec<(usize, Vec<&PictureFindings>)> = (0..comparison.units.len())
        .filter_map(|unit| Some((unit, row(comparison, &settings, unit)?)))
        .filter(|(_, row)| row.iter().all(|picture| read(picture).is_ok()))
        .collect();
    if rows.is_empty() {
        return Ok(None);
    }
    let shown = rows.len().min(MOST);
    let rows = (0..shown).filter_map(|i| rows.get(i * rows.len() / shown));
    let title = format!("From one end of the dial to the other: {}", dial.name);
    let mut drawing = Drawing::new(720., &title)?;
    let (key, whose) = probability(comparison);
    let mut note =
        format!("A row a unit, the same seed throughout. Beneath each picture its activation a and the {whose} p.");
    if settings.len() < dial.methods.len() {
        note += &format!(" {} of {} values.", settings.len(), dial.methods.len());
    }
    drawing.note(&note);
    let count = settings.len() as f64;
    let gap = 8.;
    let side = ((drawing.width - 24. - (count - 1.) * gap) / count).min(150.).floor();
    let left = |i: usize| 12. + i as f64 * (side + gap);
    drawing.height += 24.;
    for (i, (_, value)) in settings.iter().enumerate() {
        let text = drawing.fonts.fitted(&setting(*value), side);
        drawing.text((left(i) + side / 2., drawing.height), Anchor::Middle, INK, &text);
    }
    let mut told = vec![];
    for (unit, row) in rows {
        let name = comparison.units[*unit].label.as_deref().unwrap_or(&comparison.units[*unit].name);
        let heading = drawing.fonts.fitted(&format!("{name}, seed {}", row[0].seed), drawing.width - 24.);
        drawing.height += 22.;
        drawing.text((12., drawing.height), Anchor::Start, INK, &heading);
        let top = drawing.height + 6.;
        let mut along = vec![];
        for (i, (picture, (_, value))) in row.iter().zip(&settings).enumerate() {
            let small = sheet::fitted(&read(picture)?, (side * 1.25) as u32)?;
            let bytes = BASE64_STANDARD.encode(picture::jpeg(&small, 82)?);
            drawing.picture((left(i), top), side, &bytes);
            let shown = |letter: &str, key: &str| {
                picture.metrics.get(key).map_or(format!("{letter} —"), |v| format!("{letter} {}", figure(*v)))
            };
            let lines = [shown("a", ACTIVATION), shown("p", key)];
            for (line, text) in lines.iter().enumerate() {
                let text = drawing.fonts.fitted(text, side + gap - 2.);
                drawing.text((left(i), top + side + 15. + 16. * line as f64), Anchor::Start, PALE, &text);
            }
            along.push(format!("{}: {}", setting(*value), lines.join(", ")));
        }
        told.push(format!("{name}, seed {}: {}", row[0].seed, along.join("; ")));
        drawing.height = top + side + 34.;
    }
    let alt =
        format!("Pictures of units along {}, with activation a and the {whose} p. {}.", dial.name, told.join(". "));
    let file_stem = format!("strip-{number}-{}", file_name(&dial.name));
    Ok(Some(Plot { svg: drawing.finish(&title, &alt), file_stem, title, alt }))
}

/// At most [`MOST_VALUES`] of a dial's methods and values: the ends, and evenly what is between them.
fn thinned(methods: &[(usize, f64)]) -> Vec<(usize, f64)> {
    let (all, shown) = (methods.len(), methods.len().min(MOST_VALUES));
    (0..shown).map(|i| methods[i * (all - 1) / (shown - 1).max(1)]).collect()
}

/// A unit's pictures by these methods with the lowest seed that all of them have.
fn row<'a>(comparison: &'a Findings, settings: &[(usize, f64)], unit: usize) -> Option<Vec<&'a PictureFindings>> {
    let of = |method: usize| comparison.pictures.iter().filter(move |p| p.unit == unit && p.method == method);
    let with = |seed: u64| settings.iter().map(|(method, _)| of(*method).find(|p| p.seed == seed)).collect();
    let (first, _) = settings.first()?;
    let mut seeds: Vec<u64> = of(*first).map(|picture| picture.seed).collect();
    seeds.sort_unstable();
    seeds.into_iter().find_map(with)
}
