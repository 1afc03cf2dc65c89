//! How methods look. Methods of a dial go from one hue to another in its order; all colours keep apart for eyes without red or
//! green, and are neither too light for white paper nor too dark for black.

use super::svg::{INK, Marker, PALE};
use crate::compare::findings::{EXEMPLARS, Findings, MethodFindings, Origin};

/// From the first to the last value of a dial.
const RAMPS: [[[f64; 3]; 3]; 4] = [
    [[213., 94., 0.], [168., 88., 160.], [38., 116., 204.]],
    [[0., 138., 112.], [104., 138., 36.], [186., 130., 0.]],
    [[196., 60., 130.], [146., 94., 196.], [106., 118., 220.]],
    [[60., 140., 60.], [40., 140., 140.], [60., 120., 180.]],
];
/// By dial, as the ramps.
const OF_DIALS: [Marker; 4] = [Marker::Circle, Marker::Up, Marker::Down, Marker::Pentagon];
const COLOURS: [&str; 6] = ["#009e73", "#b98500", "#c26d9b", "#3f92ca", "#8c6bb1", "#a6702c"];
/// Other than those of dials.
const MARKERS: [Marker; 3] = [Marker::Diamond, Marker::Cross, Marker::Square];
/// Of controls other than those of permuted weights, which have one marker.
const OF_CONTROLS: [Marker; 4] = [Marker::Down, Marker::Square, Marker::Diamond, Marker::Up];

/// Which marker stands for a control that has one of its own.
fn of_control(name: &str) -> Option<Marker> {
    match name {
        EXEMPLARS => Some(Marker::Star),
        "blurred noise" => Some(Marker::Cross),
        _ => None,
    }
}

/// A method's colour and marker.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Style {
    pub(super) colour: String,
    pub(super) marker: Marker,
}

/// By the methods' places.
pub(super) fn styles(comparison: &Findings) -> Vec<Style> {
    let (mut others, mut controls) = (0, 0);
    let style = |(place, method): (usize, &MethodFindings)| {
        let on_dial = comparison.dials.iter().enumerate().find_map(|(d, dial)| {
            let step = dial.methods.iter().position(|(method, _)| *method == place)?;
            Some((d, step as f64 / (dial.methods.len().max(2) - 1) as f64))
        });
        if method.kind == Origin::Control {
            if method.is_of_permuted_weights() {
                return Style { colour: PALE.to_owned(), marker: Marker::Circle };
            }
            if let Some(marker) = of_control(&method.name) {
                return Style { colour: PALE.to_owned(), marker };
            }
            controls += 1;
            return Style { colour: PALE.to_owned(), marker: OF_CONTROLS[(controls - 1) % OF_CONTROLS.len()] };
        }
        if comparison.settings.baseline == Some(place) {
            return Style { colour: INK.to_owned(), marker: Marker::Square };
        }
        if let Some((dial, share)) = on_dial {
            let marker = OF_DIALS[dial % OF_DIALS.len()];
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance (WCAG 2.2).
    fn luminance(colour: &str) -> f64 {
        let channel = |from: usize| {
            let value = f64::from(u8::from_str_radix(&colour[from..from + 2], 16).unwrap()) / 255.;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    /// 3 is what WCAG 2.2 asks of graphics (1.4.11).
    #[test]
    fn every_colour_stands_out_from_white_paper_and_from_the_dark_page() {
        let ramps = RAMPS.iter().flat_map(|ramp| (0..=20).map(|step| between(*ramp, f64::from(step) / 20.)));
        for colour in COLOURS.map(str::to_owned).into_iter().chain(ramps) {
            for paper in ["#ffffff", "#151517"] {
                let (a, b) = (luminance(&colour), luminance(paper));
                let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
                assert!(contrast >= 3., "{colour} on {paper}: {contrast:.2}");
            }
        }
    }
}
