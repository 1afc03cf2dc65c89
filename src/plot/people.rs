//! What people and networks could tell in one task, a column a kind of pictures.

use super::chart::{Axis, Frame, Key, Scale, Swatch, legend};
use super::drawn::Plot;
use super::number::figure;
use super::style::Style;
use super::svg::{Drawing, INK, Marker, PALE};
use crate::compare::findings::{Findings, OfPeople};

/// By how much marks of one column lie beside each other, in pixels.
const APART: f64 = 7.;

pub(super) fn draw(comparison: &Findings, styles: &[Style]) -> crate::error::Result<Option<Plot>> {
    let Some(people) = comparison.people.as_ref().filter(|people| !people.methods.is_empty()) else { return Ok(None) };
    let mut columns: Vec<&OfPeople> = people.methods.iter().collect();
    columns.sort_by(|a, b| a.right.total_cmp(&b.right));
    let value = |of: &OfPeople, key: &str| comparison.methods[of.method].metrics.get(key).and_then(|of| of.value);
    let title = "What people and networks can tell from the same pictures".to_owned();
    let mut drawing = Drawing::new(720., &title)?;
    drawing.note(&format!(
        "Of two photographs, which fires the unit more? {} people, and networks. Bars: the interval at 95 % with other units.",
        people.people
    ));
    let told = columns.iter().flat_map(|of| {
        let networks = ["explains", "own"].into_iter().filter_map(|key| value(of, key));
        networks.chain([of.right]).chain(of.over_units.into_iter().flatten())
    });
    let y = Axis::around(told.chain([0.5, 0.8]), Scale::Linear);
    let x = Axis::around([-0.5, columns.len() as f64 - 0.5], Scale::Linear);
    let names: Vec<String> = columns.iter().map(|of| comparison.methods[of.method].key()).collect();
    let frame =
        Frame::draw(&mut drawing, (x, y), 320., ("", "↑ share of right choices; 0.5 is guessing"), Some(&names));
    let [left, _, right, _] = frame.edges();
    let guessing = frame.y.at(0.5);
    drawing.line((left, guessing), (right, guessing), PALE, 1., "stroke-dasharray=\"2 4\"");
    for (place, of) in columns.iter().enumerate() {
        let middle = frame.x.at(place as f64);
        let colour = &styles[of.method].colour;
        if let Some(own) = value(of, "own") {
            drawing.marker((middle + APART, frame.y.at(own)), Marker::Square, PALE, true);
        }
        if let Some(strangers) = value(of, "explains") {
            drawing.marker((middle, frame.y.at(strangers)), Marker::Diamond, PALE, false);
        }
        let at = (middle - APART, frame.y.at(of.right));
        frame.cross(&mut drawing, at, None, of.over_units, colour);
        drawing.marker(at, Marker::Circle, colour, false);
    }
    let key = |text: String, colour: &str, swatch| Key { text, colour: colour.to_owned(), swatch };
    legend(
        &mut drawing,
        &[
            key(format!("{} people", people.people), INK, Swatch::Marker(Marker::Circle)),
            key("networks of other families".to_owned(), PALE, Swatch::Marker(Marker::Diamond)),
            key("the target itself".to_owned(), PALE, Swatch::Hollow(Marker::Square)),
            key("guessing".to_owned(), PALE, Swatch::Dashed("2 4")),
        ],
    );
    let each = columns.iter().zip(&names).map(|(of, name)| format!("{name} {}", figure(of.right)));
    let alt = format!("How often {} people were right: {}.", people.people, each.collect::<Vec<_>>().join(", "));
    Ok(Some(Plot { svg: drawing.finish(&title, &alt), file_stem: "people".to_owned(), title, alt }))
}
