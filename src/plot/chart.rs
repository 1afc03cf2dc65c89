//! What charts are made of: axes with round ticks, a frame, labels that keep out of each other's way, a legend.

use super::number::power_of_ten;
use super::svg::{Anchor, Drawing, GRID, INK, Marker, PALE};

/// How an axis is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    Linear,
    /// Logarithmic, base 10.
    Log,
    /// Linear about 0 and logarithmic beyond 1 and -1: the inverse hyperbolic sine.
    Bent,
}

impl Scale {
    fn place(self, value: f64) -> f64 {
        match self {
            Scale::Linear => value,
            Scale::Log => value.max(f64::MIN_POSITIVE).log10(),
            Scale::Bent => value.asinh(),
        }
    }
}

/// An axis: which value is at which pixel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    scale: Scale,
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Axis {
    /// An axis on which all values have a place, with some room around. Without values it goes from 0 to 1.
    pub(super) fn around(values: impl IntoIterator<Item = f64>, scale: Scale) -> Axis {
        let values = values.into_iter().filter(|v| scale != Scale::Log || *v > 0.);
        let places = values.map(|v| scale.place(v)).filter(|v| v.is_finite());
        let (mut low, mut high) = places.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
        if low > high {
            (low, high) = (0., 1.);
        }
        let room = match high - low {
            0. => low.abs().max(1.) * 0.1,
            range => range * 0.06,
        };
        Axis { scale, low: low - room, high: high + room, from: 0., to: 1. }
    }

    /// Between two pixels.
    pub(super) fn between(self, from: f64, to: f64) -> Axis {
        Axis { from, to, ..self }
    }

    /// The pixel of a value; what is beyond an end is at it.
    pub(super) fn at(&self, value: f64) -> f64 {
        let share = ((self.scale.place(value) - self.low) / (self.high - self.low)).clamp(0., 1.);
        self.from + share * (self.to - self.from)
    }

    /// About `count` round values and how they are written.
    pub(super) fn ticks(&self, count: f64) -> Vec<(f64, String)> {
        let (low, high) = (self.low.min(self.high), self.low.max(self.high));
        if self.scale == Scale::Log && high - low >= 2.6 {
            let step = ((high - low) / count).ceil().max(1.) as usize;
            let exponents = (low.ceil() as i32..=high.floor() as i32).step_by(step);
            return exponents.map(|e| (10f64.powi(e), power_of_ten(e))).collect();
        }
        if self.scale == Scale::Log {
            let all =
                (low.floor() as i32..=high.ceil() as i32).flat_map(|e| [1., 2., 5.].map(|d| (d * 10f64.powi(e), e)));
            let within = all.filter(|(v, _)| (low..=high).contains(&v.log10()));
            // As many digits as the power has: powers below 1 are rounded, and would show it.
            return within.map(|(v, e)| (v, format!("{v:.*}", -e.min(0) as usize))).collect();
        }
        if self.scale == Scale::Bent {
            let above = (0..9).flat_map(|e| [1., 2., 5.].map(|digit| digit * 10f64.powi(e)));
            let all: Vec<f64> = above.flat_map(|v| [v, -v]).chain([0.]).collect();
            let within = all.into_iter().filter(|v| (low..=high).contains(&v.asinh()));
            return within.map(|v| (v, format!("{v}").replace('-', "−"))).collect();
        }
        let rough = (high - low) / count;
        let power = 10f64.powf(rough.log10().floor());
        let step = [1., 2., 5., 10.].into_iter().find(|m| m * power >= rough).unwrap_or(10.) * power;
        let digits = (-step.log10().floor()).max(0.) as usize;
        let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
        let tick = |i: i64| (i as f64 * step, format!("{:.digits$}", i as f64 * step).replace('-', "−"));
        (first..=last).map(tick).collect()
    }
}

/// The field of a chart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) x: Axis,
    pub(super) y: Axis,
}

impl Frame {
    /// In the drawing beneath what is there, `high` pixels high, with grid, ticks, and what the axes are. The ticks of x are left
    /// out where `names` are given: equally spaced, from the first to the last.
    pub(super) fn draw(
        drawing: &mut Drawing,
        (x, y): (Axis, Axis),
        high: f64,
        (x_title, y_title): (&str, &str),
        names: Option<&[String]>,
    ) -> Frame {
        drawing.height += 22.;
        drawing.text((12., drawing.height), Anchor::Start, INK, y_title);
        let y_ticks = y.ticks(6.);
        let widest = y_ticks.iter().map(|(_, text)| drawing.fonts.width(text)).fold(0., f64::max);
        let first = names.and_then(|names| names.first());
        // A slanted name reaches to the left of its tick.
        let slanted = first.map_or(0., |name| drawing.fonts.width(name) * 0.77 - 30.);
        let (left, right) = ((widest + 26.).max(slanted), drawing.width - 20.);
        let (top, bottom) = (drawing.height + 12., drawing.height + 12. + high);
        let frame = Frame { x: x.between(left, right), y: y.between(bottom, top) };
        for (value, text) in &y_ticks {
            let y = frame.y.at(*value);
            drawing.line((left, y), (right, y), GRID, 1., "");
            drawing.text((left - 8., y + 4.5), Anchor::End, PALE, text);
        }
        drawing.height = bottom + 20.;
        match names {
            None => {
                for (value, text) in frame.x.ticks(7.) {
                    let x = frame.x.at(value);
                    drawing.line((x, top), (x, bottom), GRID, 1., "");
                    drawing.text((x, bottom + 18.), Anchor::Middle, PALE, &text);
                }
            }
            Some(names) => {
                let widest = names.iter().map(|name| drawing.fonts.width(name)).fold(0., f64::max);
                for (i, name) in names.iter().enumerate() {
                    let x = frame.x.at(i as f64);
                    drawing.line((x, top), (x, bottom), GRID, 1., "");
                    drawing.slanted((x + 4., bottom + 16.), PALE, name);
                }
                drawing.height = bottom + 10. + (widest * 0.65).max(12.);
            }
        }
        drawing.line((left, bottom), (right, bottom), PALE, 1., "");
        drawing.height += 18.;
        drawing.text((right, drawing.height), Anchor::End, INK, x_title);
        frame
    }

    /// Left, top, right, bottom.
    pub(super) fn edges(&self) -> [f64; 4] {
        [self.x.from, self.y.to, self.x.to, self.y.from]
    }

    /// A cross of two intervals around a point.
    pub(super) fn cross(
        &self,
        drawing: &mut Drawing,
        (x, y): (f64, f64),
        across: Option<[f64; 2]>,
        up: Option<[f64; 2]>,
        colour: &str,
    ) {
        if let Some([low, high]) = across {
            drawing.line((self.x.at(low), y), (self.x.at(high), y), colour, 1.3, "stroke-opacity=\"0.6\"");
        }
        if let Some([low, high]) = up {
            drawing.line((x, self.y.at(low)), (x, self.y.at(high)), colour, 1.3, "stroke-opacity=\"0.6\"");
        }
    }
}

/// Labels beside points: none covers another one, or a marker.
#[derive(Clone, Debug, Default)]
pub(super) struct Labels {
    taken: Vec<[f64; 4]>,
}

impl Labels {
    /// Around markers.
    pub(super) fn around(markers: &[(f64, f64)]) -> Labels {
        Labels { taken: markers.iter().map(|(x, y)| [x - 6., y - 6., x + 6., y + 6.]).collect() }
    }

    /// Writes a label beside its point, where there is room for it within `[left, top, right, bottom]`; nothing where there is none.
    pub(super) fn put(&mut self, drawing: &mut Drawing, (x, y): (f64, f64), text: &str, within: [f64; 4]) {
        let (wide, high) = (drawing.fonts.width(text), 13.);
        for away in [12., 18., 27., 39.] {
            let diagonal = away * 0.75;
            // Aslant first: intervals go across and upwards.
            let places = [
                (x + diagonal, y - diagonal),
                (x + diagonal, y + diagonal + 8.),
                (x - diagonal - wide, y - diagonal),
                (x - diagonal - wide, y + diagonal + 8.),
                (x + away, y + 4.5),
                (x - away - wide, y + 4.5),
                (x - wide / 2., y - away),
                (x - wide / 2., y + away + 9.),
            ];
            for (left, base) in places {
                let place = [left - 2., base - high + 1., left + wide + 2., base + 3.];
                let inside =
                    place[0] >= within[0] && place[1] >= within[1] && place[2] <= within[2] && place[3] <= within[3];
                let free = self.taken.iter().all(|other| {
                    place[2] < other[0] || other[2] < place[0] || place[3] < other[1] || other[3] < place[1]
                });
                if inside && free {
                    if away > 18. {
                        let end = (x.clamp(place[0], place[2]), y.clamp(place[1], place[3]));
                        drawing.line((x, y), end, PALE, 0.8, "");
                    }
                    drawing.label((left, base), text);
                    self.taken.push(place);
                    return;
                }
            }
        }
    }
}

/// How an entry of a legend looks.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) text: String,
    pub(super) colour: String,
    pub(super) swatch: Swatch,
}

/// The sample before a legend's text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Swatch {
    Marker(Marker),
    Hollow(Marker),
    /// A line with a marker on it.
    Line(Marker),
    Dashed(&'static str),
    Band,
}

/// A legend in columns beneath what is there.
pub(super) fn legend(drawing: &mut Drawing, keys: &[Key]) {
    const SAMPLE: f64 = 30.;
    // What has one name is one.
    let first = |(number, key): &(usize, &Key)| !keys[..*number].iter().any(|other| other.text == key.text);
    let keys: Vec<&Key> = keys.iter().enumerate().filter(first).map(|(_, key)| key).collect();
    let room = drawing.width - 24.;
    let widest = keys.iter().map(|key| drawing.fonts.width(&key.text)).fold(0., f64::max) + SAMPLE + 20.;
    let columns = (room / widest).floor().clamp(1., 4.).min(keys.len().max(1) as f64);
    let wide = room / columns;
    let rows = (keys.len() as f64 / columns).ceil() as usize;
    drawing.height += 10.;
    for (i, key) in keys.iter().enumerate() {
        let (column, row) = (i / rows.max(1), i % rows.max(1));
        let (x, y) = (14. + column as f64 * wide, drawing.height + 18. * (row + 1) as f64);
        let middle = (x + SAMPLE / 2. - 4., y - 4.5);
        let ends = ((x, y - 4.5), (x + SAMPLE - 8., y - 4.5));
        match key.swatch {
            Swatch::Marker(marker) => drawing.marker(middle, marker, &key.colour, false),
            Swatch::Hollow(marker) => drawing.marker(middle, marker, &key.colour, true),
            Swatch::Line(marker) => {
                drawing.line(ends.0, ends.1, &key.colour, 2., "");
                drawing.marker(middle, marker, &key.colour, false);
            }
            Swatch::Dashed(dashes) => {
                drawing.line(ends.0, ends.1, &key.colour, 1.4, &format!("stroke-dasharray=\"{dashes}\""))
            }
            Swatch::Band => {
                drawing.area(&[(x, y - 9.), (x + SAMPLE - 8., y - 9.), (x + SAMPLE - 8., y), (x, y)], &key.colour, 0.25)
            }
        }
        let text = drawing.fonts.fitted(&key.text, wide - SAMPLE - 10.);
        drawing.text((x + SAMPLE, y), Anchor::Start, INK, &text);
    }
    drawing.height += 18. * rows as f64;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within_the_axis() {
        let texts = |axis: Axis| axis.ticks(6.).into_iter().map(|(_, text)| text).collect::<Vec<_>>();
        assert_eq!(texts(Axis::around([0., 1.], Scale::Linear)), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(texts(Axis::around([-30., 10.], Scale::Linear)), ["−30", "−20", "−10", "0", "10"]);
        assert_eq!(texts(Axis::around([0.001, 10.], Scale::Log)), ["0.001", "0.01", "0.1", "1", "10"]);
        assert_eq!(texts(Axis::around([2., 9.], Scale::Log)), ["2", "5"]);
        assert_eq!(texts(Axis::around([3e-6, 3e-5], Scale::Log)), ["0.000005", "0.00001", "0.00002"]);
        assert_eq!(texts(Axis::around([0., 9.], Scale::Bent)), ["1", "2", "5", "10", "0"]);
    }

    #[test]
    fn labels_of_points_on_one_spot_do_not_overlap() {
        let mut drawing = Drawing::new(300., "").unwrap();
        let mut labels = Labels::around(&[(100., 100.); 4]);
        for number in 0..4 {
            labels.put(&mut drawing, (100., 100.), "0.01", [0., 0., 300., 300.]);
            assert_eq!(labels.taken.len(), 4 + number + 1);
        }
        for (i, a) in labels.taken[4..].iter().enumerate() {
            for b in &labels.taken[4..][..i] {
                assert!(a[2] < b[0] || b[2] < a[0] || a[3] < b[1] || b[3] < a[1]);
            }
        }
    }
}
