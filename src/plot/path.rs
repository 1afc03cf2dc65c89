//! How natural the way of a method's pictures through the layers of the target is (F3).

use super::chart::{Axis, Frame, Key, Scale, Swatch, legend};
use super::chosen::among;
use super::drawn::Plot;
use super::number::figure;
use super::style::Style;
use super::svg::{Drawing, PALE};
use crate::compare::findings::{Findings, LayerFindings};

const MOST: usize = 10;

pub(super) fn draw(comparison: &Findings, styles: &[Style]) -> crate::error::Result<Option<Plot>> {
    let has = |place: &usize| comparison.methods[*place].layers.iter().any(|layer| layer.path.value.is_some());
    let (shown, of) = among(comparison, has, MOST);
    if shown.is_empty() {
        return Ok(None);
    }
    let title = "Path naturalness, by layer of the target".to_owned();
    let mut drawing = Drawing::new(720., &title)?;
    let mut note =
        "1: as like the photographs that fire a unit most as these are among each other; 0: as like as ordinary photographs are.".to_owned();
    if shown.len() < of {
        note += &format!(" {} of {of} methods; the table has all.", shown.len());
    }
    drawing.note(&note);
    let names = &comparison.settings.layers;
    let layers = |place: usize| -> Vec<(usize, &LayerFindings)> {
        let placed = |layer: &'_ LayerFindings| names.iter().position(|name| *name == layer.layer);
        comparison.methods[place].layers.iter().filter_map(|layer| Some((placed(layer)?, layer))).collect()
    };
    let points = || shown.iter().flat_map(|place| layers(*place));
    let values: Vec<f64> = points().filter_map(|(_, layer)| layer.path.value).collect();
    let ends: Vec<f64> = points().filter_map(|(_, layer)| layer.path.interval).flatten().collect();
    // One wild interval must not flatten all lines: beyond the lines' own height, intervals are cut.
    let (low, high) = values.iter().fold((0f64, 1f64), |(a, b), v| (a.min(*v), b.max(*v)));
    let room = high - low;
    // Some layers may be tens of times as far off as others.
    let bent = high - low > 5.;
    let scale = if bent { Scale::Bent } else { Scale::Linear };
    let y_title = if bent { "path (F3); logarithmic beyond 1" } else { "path (F3)" };
    let kept = ends.into_iter().map(|v| v.clamp(low - room, high + room));
    let y = Axis::around(values.iter().copied().chain([0., 1.]).chain(kept), scale);
    let x = Axis::around([0., (names.len().max(2) - 1) as f64], Scale::Linear);
    let frame = Frame::draw(&mut drawing, (x, y), 360., ("layer, from the input on", y_title), Some(names.as_slice()));
    let [left, _, right, _] = frame.edges();
    let standards = [(0., "ordinary photographs"), (1., "photographs that fire it most")];
    for (value, _) in standards {
        let y = frame.y.at(value);
        drawing.line((left, y), (right, y), PALE, 1.2, "stroke-dasharray=\"6 4\"");
    }
    // Bars of methods stand side by side.
    let step = (frame.x.at(1.) - frame.x.at(0.)).abs() * 0.5 / shown.len() as f64;
    let aside = |turn: usize| (turn as f64 - (shown.len() - 1) as f64 / 2.) * step.min(7.);
    let mut told = vec![];
    for (turn, place) in shown.iter().enumerate() {
        let colour = &styles[*place].colour;
        let mut way = vec![];
        for (layer, figures) in layers(*place) {
            let Some(value) = figures.path.value else { continue };
            let at = (frame.x.at(layer as f64) + aside(turn), frame.y.at(value));
            frame.cross(&mut drawing, at, None, figures.path.interval, colour);
            way.push(at);
        }
        drawing.path(&way, colour, 1.8, "");
        for at in way {
            drawing.marker(at, styles[*place].marker, colour, false);
        }
        let range: Vec<String> = layers(*place).iter().filter_map(|(_, layer)| layer.path.value).map(figure).collect();
        told.push(format!("{}: {}", comparison.methods[*place].label, range.join(", ")));
    }
    for (value, text) in standards {
        let x = right - drawing.fonts.width(text) - 4.;
        // Lines lie between the two: the words are beyond them.
        let aside = if value > 0. { -5. } else { 15. };
        drawing.label((x, frame.y.at(value) + aside), text);
    }
    let key = |place: &usize| Key {
        text: comparison.methods[*place].label.clone(),
        colour: styles[*place].colour.clone(),
        swatch: Swatch::Line(styles[*place].marker),
    };
    legend(&mut drawing, &shown.iter().map(key).collect::<Vec<_>>());
    let alt = format!("Path naturalness by layer ({}). {}.", names.join(", "), told.join("; "));
    Ok(Some(Plot { svg: drawing.finish(&title, &alt), file_stem: "path".to_owned(), title, alt }))
}
