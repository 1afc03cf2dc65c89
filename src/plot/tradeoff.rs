//! What strangers can tell from a method's pictures against what the target itself can, or against strength: a point a method, its range over families of
//! strangers, the way of each dial, and what is known beforehand: natural exemplars, noise, and what the paper's sentence would look like.

use metrics::two_choice::{accuracy_of, detectability};

use super::chart::{Axis, Frame, Key, Labels, Scale, Swatch, legend};
use super::chosen::file_name;
use super::drawn::Plot;
use super::number::{figure, probability, setting};
use super::style::Style;
use super::svg::{Drawing, INK, PALE};
use crate::compare::findings::{Dial, Findings, Freer, Measured, Origin, Tradeoff, TradeoffPoint};

/// How far what the target can tell may differ and still count as the same.
const SAME: f64 = 0.05;

/// A point: the method's place, its value of the dial, both measures, and the range over families.
struct Point<'a> {
    method: usize,
    value: Option<f64>,
    both: [&'a Measured; 2],
    families: Option<[f64; 2]>,
}

impl<'a> Point<'a> {
    /// Where both measures are known, of a method that has a place among so many.
    fn of(point: &'a TradeoffPoint, methods: usize) -> Option<Point<'a>> {
        let both = [&point.legibility, &point.against];
        let there = point.method < methods && both.iter().all(|figure| figure.value.is_some());
        there.then_some(Point { method: point.method, value: point.value, both, families: point.families })
    }
}

pub(super) fn draw(
    comparison: &Findings,
    styles: &[Style],
    number: usize,
    of: &Tradeoff,
) -> crate::error::Result<Plot> {
    let names = [comparison.metric_name(&of.legibility), comparison.metric_name(&of.against)];
    let choices = of.against == "own";
    let title = match choices {
        true => format!("What strangers and the target itself can tell: {}", of.name),
        false => format!("What strangers can tell, and strength: {}", of.name),
    };
    let mut drawing = Drawing::new(720., &title)?;
    drawing.note(&note(of, choices));

    let points: Vec<Point> = of.points.iter().filter_map(|point| Point::of(point, styles.len())).collect();
    // Controls are no points of the trade-off; those that have both figures are shown beside them.
    let controls: Vec<Point> = (comparison.methods.iter().enumerate())
        .filter(|(_, method)| method.kind == Origin::Control && !method.is_manipulated())
        .filter(|(place, _)| points.iter().all(|point| point.method != *place))
        .filter_map(|(method, of_control)| {
            let both = [of_control.metrics.get(&of.legibility)?, of_control.metrics.get(&of.against)?];
            let there = both.iter().all(|figure| figure.value.is_some());
            there.then_some(Point { method, value: None, both, families: None })
        })
        .collect();
    let all = || points.iter().chain(&controls);
    let ends = |axis: usize| {
        let values = all().flat_map(move |point| {
            point.both[axis].value.into_iter().chain(point.both[axis].interval.into_iter().flatten())
        });
        let families = points.iter().filter_map(|point| point.families).flatten().filter(move |_| axis == 0);
        // Guessing and certainty, where both axes are accuracies; nothing at all, where one is strength.
        let standards: &[f64] = if axis == 0 || choices { &[0.5, 0.8] } else { &[0., 1.] };
        Axis::around(values.chain(families).chain(standards.iter().copied()), Scale::Linear)
    };
    let x_title = format!("{} (more legible →)", names[0]);
    let y_title = format!("↑ {}", names[1]);
    let frame = Frame::draw(&mut drawing, (ends(0), ends(1)), 420., (&x_title, &y_title), None);
    let at = |point: &Point| {
        (frame.x.at(point.both[0].value.unwrap_or_default()), frame.y.at(point.both[1].value.unwrap_or_default()))
    };
    let mut keys: Vec<Key> = vec![];
    if choices {
        standards(&mut drawing, &frame, &points, comparison, &mut keys);
    }

    let dials: Vec<&Dial> = match of.dial {
        Some(dial) => comparison.dials.get(dial).into_iter().collect(),
        None => comparison.dials.iter().collect(),
    };
    for dial in dials {
        way(&mut drawing, dial, &points, &at);
    }
    for point in &controls {
        frame.cross(&mut drawing, at(point), point.both[0].interval, point.both[1].interval, PALE);
        drawing.marker(at(point), styles[point.method].marker, PALE, true);
    }
    for point in &points {
        frame.cross(&mut drawing, at(point), None, point.both[1].interval, &styles[point.method].colour);
        if let Some([low, high]) = point.families {
            whisker(&mut drawing, &frame, point, [low, high], &styles[point.method].colour);
        }
    }
    for point in &points {
        drawing.marker(at(point), styles[point.method].marker, &styles[point.method].colour, false);
    }

    let markers: Vec<_> = all().map(at).collect();
    let mut labels = Labels::around(&markers);
    let within = frame.edges();
    for point in all() {
        let text = match (of.dial, point.value) {
            (Some(_), Some(value)) => setting(value),
            _ => comparison.methods[point.method].label.clone(),
        };
        // Long names are in the legend, and those of controls that say nothing new, too.
        let is_known = comparison.methods[point.method].is_of_permuted_weights();
        if drawing.fonts.width(&text) <= 150. && !is_known {
            labels.put(&mut drawing, at(point), &text, within);
        }
    }

    match of.dial.and_then(|dial| comparison.dials.get(dial)) {
        Some(dial) => keys.extend(points.first().map(|point| Key {
            text: format!("values of {}", dial.setting),
            colour: styles[point.method].colour.clone(),
            swatch: Swatch::Line(styles[point.method].marker),
        })),
        None => keys.extend(points.iter().map(|point| Key {
            text: comparison.methods[point.method].label.clone(),
            colour: styles[point.method].colour.clone(),
            swatch: Swatch::Marker(styles[point.method].marker),
        })),
    }
    keys.extend(controls.iter().map(|point| Key {
        text: comparison.methods[point.method].key(),
        colour: PALE.to_owned(),
        swatch: Swatch::Hollow(styles[point.method].marker),
    }));
    legend(&mut drawing, &keys);

    let told: Vec<String> = (points.iter())
        .map(|point| {
            let [l, f] = point.both.map(|figure_| figure_.value.map_or(String::new(), figure));
            format!("{} at {l}, {f}", comparison.methods[point.method].label)
        })
        .collect();
    let alt = format!("{} {} across, {} upwards: {}.", of.sentence, names[0], names[1], told.join("; "));
    let file_stem = format!("tradeoff-{number}-{}", file_name(&of.name));
    Ok(Plot { svg: drawing.finish(&title, &alt), file_stem, title, alt })
}

/// What stands above a plot.
fn note(of: &Tradeoff, choices: bool) -> String {
    let mut notes = vec![];
    if let Some(value) = of.spearman.value {
        let p = match (of.p_holm, of.p) {
            (Some(p), _) => format!(", p {} (Holm)", equals(&probability(p))),
            (None, Some(p)) => format!(", p {}", equals(&probability(p))),
            (None, None) => String::new(),
        };
        let without = of
            .without_one
            .map_or(String::new(), |[low, high]| format!(" ({} to {} without one method)", figure(low), figure(high)));
        notes.push(format!("Mean rank correlation within a unit {}{without}{p}.", figure(value)));
    }
    if of.dial.is_none() {
        notes.push("The methods of a folder are no sample of anything: this is no claim.".to_owned());
    }
    if choices {
        notes.push("Bars across: from the lowest to the highest family of strangers.".to_owned());
    }
    notes.join(" ")
}

/// The range over families, with ends.
fn whisker(drawing: &mut Drawing, frame: &Frame, point: &Point, [low, high]: [f64; 2], colour: &str) {
    let y = frame.y.at(point.both[1].value.unwrap_or_default());
    let (from, to) = (frame.x.at(low), frame.x.at(high));
    drawing.line((from, y), (to, y), colour, 1.6, "stroke-opacity=\"0.7\"");
    for x in [from, to] {
        drawing.line((x, y - 4.), (x, y + 4.), colour, 1.6, "stroke-opacity=\"0.7\"");
    }
}

/// Guessing; what the target can tell from the baseline's pictures, give or take what counts as the same; and the curve on which d' of both
/// have one product, which is what "inverse proportional" asks for.
fn standards(drawing: &mut Drawing, frame: &Frame, points: &[Point], comparison: &Findings, keys: &mut Vec<Key>) {
    let [left, top, right, bottom] = frame.edges();
    let (x, y) = (frame.x.at(0.5), frame.y.at(0.5));
    drawing.line((x, top), (x, bottom), PALE, 1., "stroke-dasharray=\"2 4\"");
    drawing.line((left, y), (right, y), PALE, 1., "stroke-dasharray=\"2 4\"");
    keys.push(Key { text: "guessing".to_owned(), colour: PALE.to_owned(), swatch: Swatch::Dashed("2 4") });
    let baseline = points.iter().find(|point| Some(point.method) == comparison.settings.baseline);
    let Some([Some(l), Some(f)]) = baseline.map(|point| point.both.map(|figure| figure.value)) else { return };
    let (above, below) = (frame.y.at(f + SAME), frame.y.at(f - SAME));
    drawing.area(&[(left, above), (right, above), (right, below), (left, below)], PALE, 0.14);
    let text = format!("the baseline's, ± {SAME}");
    keys.push(Key { text, colour: PALE.to_owned(), swatch: Swatch::Band });
    let product = detectability(l) * detectability(f);
    if l <= 0.5 || f <= 0.5 {
        return;
    }
    let curve: Vec<(f64, f64)> = (1..=240)
        .map(|step| f64::from(step) * 0.002 + 0.5)
        .map(|x| (x, accuracy_of(product / detectability(x))))
        .filter(|(_, y)| *y < 0.999)
        .map(|(x, y)| (frame.x.at(x), frame.y.at(y)))
        .filter(|(x, y)| *x > left && *x < right && *y > top && *y < bottom)
        .collect();
    drawing.path(&curve, INK, 1.2, "stroke-dasharray=\"1 4\" stroke-linecap=\"round\"");
    let text = "inversely proportional in d'".to_owned();
    keys.push(Key { text, colour: INK.to_owned(), swatch: Swatch::Dashed("1 4") });
}

/// The way of a dial, with an arrow where least is allowed: that is where the prior is strongest.
fn way(drawing: &mut Drawing, dial: &Dial, points: &[Point], at: &dyn Fn(&Point) -> (f64, f64)) {
    let found = dial.methods.iter().filter_map(|(method, _)| points.iter().find(|point| point.method == *method));
    let mut way: Vec<(f64, f64)> = found.map(at).collect();
    if dial.freer == Some(Freer::Up) {
        way.reverse();
    }
    drawing.path(&way, PALE, 1.6, "");
    let ([.., before, last], Some(_)) = (&way[..], dial.freer) else { return };
    let (dx, dy) = (last.0 - before.0, last.1 - before.1);
    let length = dx.hypot(dy);
    if length < 16. {
        return;
    }
    let (ux, uy) = (dx / length, dy / length);
    let tip = (last.0 - 6. * ux, last.1 - 6. * uy);
    let back = (tip.0 - 9. * ux, tip.1 - 9. * uy);
    drawing.area(&[tip, (back.0 - 4.5 * uy, back.1 + 4.5 * ux), (back.0 + 4.5 * uy, back.1 - 4.5 * ux)], PALE, 1.);
}

/// `= 0.03`, or `< 0.001` as it is.
fn equals(p: &str) -> String {
    if p.starts_with('<') { p.to_owned() } else { format!("= {p}") }
}
