//! How methods look. Methods of a dial go from one hue to another in its order; all colours keep apart for eyes without red or
//! green, and are neither too light for white paper nor too dark for black.

use super::svg::{INK, Marker, PALE};
use crate::compare::comparison::{Comparison, Kind};

/// From the first to the last value of a dial.
const RAMPS: [[[f64; 3]; 3]; 2] =
    [[[213., 94., 0.], [168., 88., 160.], [38., 116., 204.]], [[0., 138., 112.], [112., 146., 40.], [206., 152., 0.]]];
const COLOURS: [&str; 6] = ["#009e73", "#d79a00", "#cc79a7", "#4a9fd8", "#8c6bb1", "#a6702c"];
/// Other than those of dials.
const MARKERS: [Marker; 4] = [Marker::Diamond, Marker::Cross, Marker::Down, Marker::Square];

/// A method's colour and marker.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Style {
    pub(super) colour: String,
    pub(super) marker: Marker,
}

/// By the methods' places.
pub(super) fn styles(comparison: &Comparison) -> Vec<Style> {
    let (mut others, mut controls) = (0, 0);
    let style = |(place, method): (usize, &crate::compare::comparison::Method)| {
        let on_dial = comparison.dials.iter().enumerate().find_map(|(d, dial)| {
            let step = dial.methods.iter().position(|(method, _)| *method == place)?;
            Some((d, step as f64 / (dial.methods.len().max(2) - 1) as f64))
        });
        if method.kind == Kind::Control {
            controls += 1;
            return Style { colour: PALE.to_owned(), marker: MARKERS[controls % MARKERS.len()] };
        }
        if comparison.settings.baseline == Some(place) {
            return Style { colour: INK.to_owned(), marker: Marker::Square };
        }
        if let Some((dial, share)) = on_dial {
            let marker = [Marker::Circle, Marker::Up][dial % 2];
            return Style { colour: between(RAMPS[dial % RAMPS.len()], share), marker };
        }
        others += 1;
        let turn = others - 1;
        Style { colour: COLOURS[turn % COLOURS.len()].to_owned(), marker: MARKERS[turn % MARKERS.len()] }
    };
    comparison.methods.iter().enumerate().map(style).collect()
}

/// A ramp's colour; `share` in [0,1].
fn between(ramp: [[f64; 3]; 3], share: f64) -> String {
    let (a, b, t) = if share < 0.5 { (ramp[0], ramp[1], share * 2.) } else { (ramp[1], ramp[2], share * 2. - 1.) };
    let mix = |i: usize| (a[i] + (b[i] - a[i]) * t).round() as u8;
    format!("#{:02x}{:02x}{:02x}", mix(0), mix(1), mix(2))
}
