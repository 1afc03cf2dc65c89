//! Radial power spectra of the methods' pictures, over the band of the photographs' (L4).

use std::f64::consts::LN_10;

use super::chart::{Axis, Frame, Key, Scale, Swatch, legend};
use super::chosen::among;
use super::drawn::Plot;
use super::style::Style;
use super::svg::{Drawing, PALE};
use crate::compare::findings::{Findings, Origin};

const MOST: usize = 16;
const MOST_CONTROLS: usize = 4;

pub(super) fn draw(comparison: &Findings, styles: &[Style]) -> crate::error::Result<Option<Plot>> {
    let has = |place: &usize| comparison.methods[*place].spectrum.len() > 1;
    let (shown, of) = among(comparison, has, MOST);
    let controls: Vec<usize> = (comparison.methods.iter().enumerate())
        .filter(|(_, method)| method.kind == Origin::Control && method.spectrum.len() > 1)
        .map(|(place, _)| place)
        .take(MOST_CONTROLS)
        .collect();
    let band = &comparison.spectrum;
    if shown.is_empty() && band.frequency.is_empty() {
        return Ok(None);
    }
    let title = "Radial power spectra".to_owned();
    let mut drawing = Drawing::new(720., &title)?;
    let mut note = "Power of luminance by spatial frequency, geometric mean over pictures.".to_owned();
    if !band.frequency.is_empty() {
        note += " The band is from the 5th to the 95th percentile of the photographs at each frequency.";
    }
    if shown.len() < of {
        note += &format!(" {} of {of} methods.", shown.len());
    }
    drawing.note(&note);
    let ten = |ln: f64| 10f64.powf(ln / LN_10);
    let spectra = || shown.iter().chain(&controls).flat_map(|place| &comparison.methods[*place].spectrum);
    let frequencies = spectra().map(|[f, _]| *f).chain(band.frequency.iter().copied()).filter(|f| *f > 0.);
    let powers = spectra().map(|[_, p]| ten(*p)).chain(band.low.iter().chain(&band.high).map(|p| ten(*p)));
    let axes = (Axis::around(frequencies, Scale::Log), Axis::around(powers, Scale::Log));
    let frame = Frame::draw(&mut drawing, axes, 380., ("frequency, cycles a picture", "power"), None);
    let at = |f: &f64, p: &f64| (frame.x.at(*f), frame.y.at(ten(*p)));
    let edge = |side: &[f64]| band.frequency.iter().zip(side).map(|(f, p)| at(f, p)).collect::<Vec<_>>();
    let mut outline = edge(&band.low);
    outline.extend(edge(&band.high).into_iter().rev());
    drawing.area(&outline, PALE, 0.22);
    drawing.path(&edge(&band.mean), PALE, 1.6, "");
    let mut keys = vec![];
    if !band.frequency.is_empty() {
        keys.push(Key { text: "photographs".to_owned(), colour: PALE.to_owned(), swatch: Swatch::Band });
    }
    let dashes = ["2 3", "7 3", "7 3 2 3", "1 5", "12 4"];
    for (turn, place) in controls.iter().enumerate() {
        let way: Vec<_> = comparison.methods[*place].spectrum.iter().map(|[f, p]| at(f, p)).collect();
        drawing.path(&way, PALE, 1.3, &format!("stroke-dasharray=\"{}\"", dashes[turn % dashes.len()]));
    }
    for place in &shown {
        let way: Vec<_> = comparison.methods[*place].spectrum.iter().map(|[f, p]| at(f, p)).collect();
        drawing.path(&way, &styles[*place].colour, 2., "");
        // Markers a few times on the way, so that lines can be told apart without colour.
        for at in way.iter().skip(way.len() / 10).step_by((way.len() / 5).max(1)) {
            drawing.marker(*at, styles[*place].marker, &styles[*place].colour, false);
        }
        keys.push(Key {
            text: comparison.methods[*place].label.clone(),
            colour: styles[*place].colour.clone(),
            swatch: Swatch::Line(styles[*place].marker),
        });
    }
    keys.extend(controls.iter().enumerate().map(|(turn, place)| Key {
        text: comparison.methods[*place].key(),
        colour: PALE.to_owned(),
        swatch: Swatch::Dashed(dashes[turn % dashes.len()]),
    }));
    legend(&mut drawing, &keys);
    let names: Vec<&str> = shown.iter().map(|place| comparison.methods[*place].label.as_str()).collect();
    let with_band = if band.frequency.is_empty() { "" } else { ", with the band of the photographs" };
    let alt = format!(
        "Power against frequency, both logarithmic, of {}{with_band}. The slopes are in the tables.",
        names.join(", ")
    );
    Ok(Some(Plot { svg: drawing.finish(&title, &alt), file_stem: "spectra".to_owned(), title, alt }))
}
