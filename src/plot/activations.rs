//! What each picture does to the unit, and what other networks make of it: a small marker a picture.

use super::chart::{Axis, Frame, Key, Scale, Swatch, legend};
use super::chosen::{ACTIVATION, probability};
use super::drawn::Plot;
use super::style::Style;
use super::svg::Drawing;
use crate::compare::findings::{Findings, Origin};

/// Probabilities below are drawn at it.
const FLOOR: f64 = 1e-6;

pub(super) fn draw(comparison: &Findings, styles: &[Style]) -> crate::error::Result<Option<Plot>> {
    let (key, whose) = probability(comparison);
    let mut dots: Vec<Vec<(f64, f64)>> = vec![vec![]; comparison.methods.len()];
    for picture in &comparison.pictures {
        if let (Some(activation), Some(probability), Some(dots)) =
            (picture.metrics.get(ACTIVATION), picture.metrics.get(key), dots.get_mut(picture.method))
        {
            dots.push((*activation, *probability));
        }
    }
    let count = dots.iter().map(Vec::len).sum::<usize>();
    if count == 0 {
        return Ok(None);
    }
    let title = format!("Activation against the {whose}");
    let mut drawing = Drawing::new(720., &title)?;
    let all = || dots.iter().flatten();
    let log = {
        let few = all().filter(|(_, p)| *p < 0.05).count();
        few * 3 > count
    };
    let mut note =
        format!("A marker a picture, {count} in all; to the upper right: fires the unit and convinces other networks.");
    if log && all().any(|(_, p)| *p < FLOOR) {
        note += " Probabilities below 10⁻⁶ are drawn there.";
    }
    drawing.note(&note);
    let scale = if log { Scale::Log } else { Scale::Linear };
    let placed = |p: f64| if log { p.max(FLOOR) } else { p };
    let axes =
        (Axis::around(all().map(|(a, _)| *a), Scale::Linear), Axis::around(all().map(|(_, p)| placed(*p)), scale));
    let titles = (comparison.metric_name(ACTIVATION), comparison.metric_name(key));
    let frame = Frame::draw(&mut drawing, axes, 380., (&titles.0, &titles.1), None);
    let mut keys = vec![];
    // Controls first, so that the methods lie above them.
    let is_control = |place: &usize| comparison.methods[*place].kind == Origin::Control;
    let places = (0..dots.len()).filter(|place| !dots[*place].is_empty());
    let (controls, methods): (Vec<usize>, Vec<usize>) = places.partition(is_control);
    for place in controls.iter().chain(&methods) {
        let marks: Vec<_> = dots[*place].iter().map(|(a, p)| (frame.x.at(*a), frame.y.at(placed(*p)))).collect();
        drawing.dots(&marks, styles[*place].marker, &styles[*place].colour);
    }
    for place in methods.iter().chain(&controls) {
        let text = comparison.methods[*place].key();
        keys.push(Key { text, colour: styles[*place].colour.clone(), swatch: Swatch::Marker(styles[*place].marker) });
    }
    legend(&mut drawing, &keys);
    let alt = format!("{count} pictures by activation of the unit and the {whose} of its class.");
    Ok(Some(Plot { svg: drawing.finish(&title, &alt), file_stem: "activation".to_owned(), title, alt }))
}
