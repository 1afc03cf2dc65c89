//! Legibility against fidelity: a point a method, the way of the dial, controls, and the points that no other one beats in both.

use super::chart::{Axis, Frame, Key, Labels, Scale, Swatch, legend};
use super::chosen::{direction, file_name};
use super::drawn::Plot;
use super::number::{figure, probability, setting};
use super::style::Style;
use super::svg::{Drawing, PALE};
use crate::compare::findings::{Direction, Findings, Measured, Origin, Tradeoff};

const FRONT: &str = "#e0b000";

pub(super) fn draw(
    comparison: &Findings,
    styles: &[Style],
    number: usize,
    of: &Tradeoff,
) -> crate::error::Result<Plot> {
    let names = [comparison.metric_name(&of.legibility), comparison.metric_name(&of.fidelity)];
    let title = format!("Legibility against fidelity: {}", of.name);
    let mut drawing = Drawing::new(720., &title)?;
    let mut notes = vec![];
    if let Some(value) = of.spearman.value {
        let p = match (of.spearman_p_holm, of.spearman_p) {
            (Some(p), _) => format!(", p {} (Holm)", equals(&probability(p))),
            (None, Some(p)) => format!(", p {}", equals(&probability(p))),
            (None, None) => String::new(),
        };
        notes.push(format!("within-unit Spearman correlation {}{}{p}", figure(value), interval(&of.spearman)));
    }
    if let Some(value) = of.severity.value {
        notes.push(format!("severity {}{}", figure(value), interval(&of.severity)));
    }
    drawing.note(&notes.join("; "));

    // Controls are no points of the trade-off; those that have both figures are shown beside them.
    let is_point = |place: usize| of.points.iter().any(|point| point.method == place);
    let controls: Vec<(usize, [&Measured; 2])> = (comparison.methods.iter().enumerate())
        .filter(|(place, method)| method.kind == Origin::Control && !is_point(*place))
        .filter_map(|(place, method)| {
            Some((place, [method.metrics.get(&of.legibility)?, method.metrics.get(&of.fidelity)?]))
        })
        .filter(|(_, both)| both.iter().all(|figure| figure.value.is_some()))
        .collect();
    let points: Vec<(usize, Option<f64>, [&Measured; 2])> = (of.points.iter())
        .map(|point| (point.method, point.value, [&point.legibility, &point.fidelity]))
        .filter(|(place, _, both)| *place < styles.len() && both.iter().all(|figure| figure.value.is_some()))
        .collect();
    let all = || points.iter().map(|(_, _, both)| both).chain(controls.iter().map(|(_, both)| both));
    let values = |axis: usize| {
        let ends =
            all().flat_map(move |both| both[axis].value.into_iter().chain(both[axis].interval.into_iter().flatten()));
        Axis::around(ends, Scale::Linear)
            .turned(direction(comparison, [&of.legibility, &of.fidelity][axis]) == Direction::Down)
    };
    let x_title = format!("{} (more legible →)", names[0]);
    let y_title = format!("↑ more faithful: {}", names[1]);
    let frame = Frame::draw(&mut drawing, (values(0), values(1)), 400., (&x_title, &y_title), None);
    let at = |both: &[&Measured; 2]| {
        (frame.x.at(both[0].value.unwrap_or_default()), frame.y.at(both[1].value.unwrap_or_default()))
    };

    let mut front: Vec<(f64, f64)> = (of.front.iter())
        .filter_map(|place| of.points.get(*place))
        .filter(|point| point.legibility.value.is_some() && point.fidelity.value.is_some())
        .map(|point| at(&[&point.legibility, &point.fidelity]))
        .collect();
    front.sort_by(|a, b| a.0.total_cmp(&b.0));
    drawing.path(&front, FRONT, 9., "stroke-opacity=\"0.45\" stroke-linecap=\"round\"");
    for point in &front {
        drawing.area(&circle(*point, 10.), FRONT, 0.45);
    }
    if of.dial.is_some() {
        let mut way: Vec<_> = points.iter().filter_map(|(_, value, both)| Some((value.as_ref()?, at(both)))).collect();
        way.sort_by(|a, b| a.0.total_cmp(b.0));
        let way: Vec<_> = way.into_iter().map(|(_, at)| at).collect();
        drawing.path(&way, PALE, 1.6, "");
    }
    for (place, both) in &controls {
        frame.cross(&mut drawing, at(both), both[0].interval, both[1].interval, PALE);
        drawing.marker(at(both), styles[*place].marker, PALE, true);
    }
    for (place, _, both) in &points {
        frame.cross(&mut drawing, at(both), both[0].interval, both[1].interval, &styles[*place].colour);
    }
    let is_control = |place: usize| comparison.methods[place].kind == Origin::Control;
    for (place, _, both) in &points {
        drawing.marker(at(both), styles[*place].marker, &styles[*place].colour, is_control(*place));
    }

    let markers: Vec<_> = all().map(at).collect();
    let mut labels = Labels::around(&markers);
    let within = frame.edges();
    for (place, value, both) in &points {
        let text = match (of.dial, value) {
            (Some(_), Some(value)) => setting(*value),
            _ => comparison.methods[*place].label.clone(),
        };
        // Long names are in the legend.
        if drawing.fonts.width(&text) > 150. {
            continue;
        }
        labels.put(&mut drawing, at(both), &text, within);
    }

    let mut keys: Vec<Key> = vec![];
    match of.dial.and_then(|dial| comparison.dials.get(dial)) {
        Some(dial) => {
            if let Some((place, _, _)) = points.first() {
                let text = format!("values of {}", dial.setting);
                keys.push(Key {
                    text,
                    colour: styles[*place].colour.clone(),
                    swatch: Swatch::Line(styles[*place].marker),
                });
            }
        }
        None => keys.extend(points.iter().map(|(place, _, _)| Key {
            text: comparison.methods[*place].label.clone(),
            colour: styles[*place].colour.clone(),
            swatch: if is_control(*place) {
                Swatch::Hollow(styles[*place].marker)
            } else {
                Swatch::Marker(styles[*place].marker)
            },
        })),
    }
    keys.extend(controls.iter().map(|(place, _)| Key {
        text: comparison.methods[*place].key(),
        colour: PALE.to_owned(),
        swatch: Swatch::Hollow(styles[*place].marker),
    }));
    if !front.is_empty() {
        let text = "no other point is better in both".to_owned();
        keys.push(Key { text, colour: FRONT.to_owned(), swatch: Swatch::Wide });
    }
    legend(&mut drawing, &keys);

    let told: Vec<String> = (points.iter())
        .map(|(place, _, both)| {
            let [l, f] = both.map(|figure_| figure_.value.map_or(String::new(), figure));
            format!("{} at {l}, {f}", comparison.methods[*place].label)
        })
        .collect();
    let alt = format!("{} {} across, {} upwards: {}.", of.sentence, names[0], names[1], told.join("; "));
    let file_stem = format!("tradeoff-{number}-{}", file_name(&of.name));
    Ok(Plot { svg: drawing.finish(&title, &alt), file_stem, title, alt })
}

/// `= 0.03`, or `< 0.001` as it is.
fn equals(p: &str) -> String {
    if p.starts_with('<') { p.to_owned() } else { format!("= {p}") }
}

fn interval(measured: &Measured) -> String {
    measured.interval.map_or(String::new(), |[low, high]| format!(" [{}, {}]", figure(low), figure(high)))
}

fn circle((x, y): (f64, f64), r: f64) -> Vec<(f64, f64)> {
    let angle = |i: usize| i as f64 * std::f64::consts::TAU / 24.;
    (0..24).map(|i| (x + r * angle(i).cos(), y + r * angle(i).sin())).collect()
}
