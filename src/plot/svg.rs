//! A drawing as SVG text. What belongs to the page (ink, grid, paper) carries a class besides its colour, so that a page in the dark
//! can turn it over.

use std::fmt::Write;

use crate::error::{Context, Result};
use ab_glyph::{Font, FontRef, PxScale, ScaleFont};

use crate::sheet::{BOLD, REGULAR};

pub(super) const INK: &str = "#1c1c1e";
pub(super) const PALE: &str = "#63636b";
pub(super) const GRID: &str = "#e3e3e7";
pub(super) const PAPER: &str = "#ffffff";

/// Size of text.
pub(super) const TEXT: f64 = 13.;
const TITLE: f64 = 17.;

/// Text for HTML and SVG, in elements and in quoted attributes.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // XML 1.0 knows no way to write these.
            '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Where a text's x is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// What stands for a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marker {
    Circle,
    Square,
    Diamond,
    Up,
    Down,
    Pentagon,
    Cross,
    Star,
}

/// A font that is built in, to know how wide text is.
pub(super) struct Fonts {
    regular: FontRef<'static>,
    bold: FontRef<'static>,
}

impl Fonts {
    pub(super) fn built_in() -> Result<Fonts> {
        let read = |bytes: &'static [u8]| FontRef::try_from_slice(bytes).context("the font is built in");
        Ok(Fonts { regular: read(REGULAR)?, bold: read(BOLD)? })
    }

    /// Pixels that a line takes.
    pub(super) fn width(&self, text: &str) -> f64 {
        Fonts::advance(&self.regular, TEXT, text)
    }

    fn advance(font: &FontRef, size: f64, text: &str) -> f64 {
        // ab_glyph's scale is the height of a line; SVG's font size is the em.
        let em = font.units_per_em().unwrap_or(2048.);
        let font = font.as_scaled(PxScale::from(size as f32 * font.height_unscaled() / em));
        text.chars().map(|c| f64::from(font.h_advance(font.glyph_id(c)))).sum()
    }

    /// The text, its end cut off where it does not fit.
    pub(super) fn fitted(&self, text: &str, width: f64) -> String {
        Fonts::cut(text, width, |text| self.width(text))
    }

    fn cut(text: &str, width: f64, measure: impl Fn(&str) -> f64) -> String {
        if measure(text) <= width {
            return text.to_owned();
        }
        let mut kept: Vec<char> = text.chars().collect();
        while !kept.is_empty() && measure(&format!("{}…", String::from_iter(&kept))) > width {
            kept.pop();
        }
        format!("{}…", String::from_iter(&kept))
    }

    /// Lines no wider than `width`, broken between words.
    pub(super) fn wrapped(&self, text: &str, width: f64) -> Vec<String> {
        let mut lines: Vec<String> = vec![];
        for word in text.split_whitespace() {
            let longer = lines.last().map(|line| format!("{line} {word}"));
            match longer.filter(|longer| self.width(longer) <= width) {
                Some(longer) => *lines.last_mut().unwrap_or(&mut String::new()) = longer,
                None => lines.push(self.fitted(word, width)),
            }
        }
        lines
    }
}

/// A drawing that grows downwards.
pub(super) struct Drawing {
    pub(super) width: f64,
    pub(super) height: f64,
    body: String,
    pub(super) fonts: Fonts,
}

fn fill(colour: &str) -> String {
    painted("fill", 'f', colour)
}

fn stroke(colour: &str) -> String {
    painted("stroke", 's', colour)
}

fn painted(what: &str, letter: char, colour: &str) -> String {
    let class = match colour {
        INK => "ink",
        PALE => "pale",
        GRID => "grid",
        PAPER => "paper",
        _ => return format!("{what}=\"{colour}\""),
    };
    format!("{what}=\"{colour}\" class=\"{letter}-{class}\"")
}

impl Drawing {
    /// With a title; what comes beneath begins at `height`.
    pub(super) fn new(width: f64, title: &str) -> Result<Drawing> {
        let mut drawing = Drawing { width, height: 30., body: String::new(), fonts: Fonts::built_in()? };
        let bold = &drawing.fonts.bold;
        let title = Fonts::cut(title, width - 24., |text| Fonts::advance(bold, TITLE, text));
        let (x, y) = (12., 24.);
        let _ = write!(
            drawing.body,
            "<text x=\"{x}\" y=\"{y}\" font-size=\"{TITLE}\" font-weight=\"bold\" {}>{}</text>",
            fill(INK),
            escape(&title)
        );
        Ok(drawing)
    }

    /// Lines of pale text beneath what is there.
    pub(super) fn note(&mut self, text: &str) {
        for line in self.fonts.wrapped(text, self.width - 24.) {
            self.height += 17.;
            self.text((12., self.height), Anchor::Start, PALE, &line);
        }
    }

    pub(super) fn text(&mut self, (x, y): (f64, f64), anchor: Anchor, colour: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let _ = write!(self.body, "<text x=\"{x:.1}\" y=\"{y:.1}\"{anchor} {}>{}</text>", fill(colour), escape(text));
    }

    /// Text that ends at a point, turned upwards by 40 degrees.
    pub(super) fn slanted(&mut self, (x, y): (f64, f64), colour: &str, text: &str) {
        let _ = write!(
            self.body,
            "<text transform=\"translate({x:.1} {y:.1}) rotate(-40)\" text-anchor=\"end\" {}>{}</text>",
            fill(colour),
            escape(text)
        );
    }

    /// Text with a halo of paper, so that it can be read over lines.
    pub(super) fn label(&mut self, at: (f64, f64), text: &str) {
        let (x, y) = at;
        let _ = write!(
            self.body,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" fill=\"none\" stroke-width=\"4\" stroke-linejoin=\"round\" {}>{}</text>",
            stroke(PAPER),
            escape(text)
        );
        self.text(at, Anchor::Start, INK, text);
    }

    pub(super) fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), colour: &str, wide: f64, more: &str) {
        let _ = write!(
            self.body,
            "<path d=\"M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}\" fill=\"none\" stroke-width=\"{wide}\" {} {more}/>",
            stroke(colour)
        );
    }

    pub(super) fn path(&mut self, points: &[(f64, f64)], colour: &str, wide: f64, more: &str) {
        if points.len() < 2 {
            return;
        }
        let way = way(points);
        let _ = write!(
            self.body,
            "<path d=\"{way}\" fill=\"none\" stroke-linejoin=\"round\" stroke-width=\"{wide}\" {} {more}/>",
            stroke(colour)
        );
    }

    /// A filled area, half transparent.
    pub(super) fn area(&mut self, points: &[(f64, f64)], colour: &str, opacity: f64) {
        if points.len() > 2 {
            let _ = write!(self.body, "<path d=\"{}Z\" fill-opacity=\"{opacity}\" {}/>", way(points), fill(colour));
        }
    }

    /// A marker; hollow ones are for controls.
    pub(super) fn marker(&mut self, at: (f64, f64), marker: Marker, colour: &str, hollow: bool) {
        let shape = shape(at, marker, 1.);
        let paint = match hollow {
            true => format!("fill=\"none\" stroke-width=\"1.6\" {}", stroke(colour)),
            // A rim of paper keeps markers apart that lie on each other.
            false => {
                let class = match colour {
                    INK => "f-ink s-paper",
                    PALE => "f-pale s-paper",
                    _ => "s-paper",
                };
                format!("fill=\"{colour}\" stroke=\"{PAPER}\" stroke-width=\"0.8\" class=\"{class}\"")
            }
        };
        let _ = write!(self.body, "{shape} {paint}/>");
    }

    /// Small markers of one colour.
    pub(super) fn dots(&mut self, points: &[(f64, f64)], marker: Marker, colour: &str) {
        let _ = write!(self.body, "<g fill-opacity=\"0.75\" {}>", fill(colour));
        for at in points {
            let _ = write!(self.body, "{}/>", shape(*at, marker, 0.5));
        }
        self.body.push_str("</g>");
    }

    /// A picture from its JPEG bytes in base64. What it shows is said by the drawing's own description, which is all of a drawing
    /// that a screen reader reads.
    pub(super) fn picture(&mut self, (x, y): (f64, f64), side: f64, jpeg: &str) {
        let _ = write!(
            self.body,
            "<image x=\"{x:.1}\" y=\"{y:.1}\" width=\"{side}\" height=\"{side}\" href=\"data:image/jpeg;base64,{jpeg}\"/>"
        );
    }

    /// The whole document; `alt` is what one would say who cannot show it.
    pub(super) fn finish(self, title: &str, alt: &str) -> String {
        let (width, height) = (self.width.ceil(), (self.height + 12.).ceil());
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"DejaVu Sans, Verdana, sans-serif\" font-size=\"{TEXT}\">\
             <title>{}</title><desc>{}</desc><rect width=\"{width}\" height=\"{height}\" {}/>{}</svg>\n",
            escape(title),
            escape(alt),
            fill(PAPER),
            self.body
        )
    }
}

/// A marker without its paint and its end, `size` times as large as one of a method's point.
fn shape((x, y): (f64, f64), marker: Marker, size: f64) -> String {
    let r = size * if marker == Marker::Square { 4.4 } else { 5.6 };
    let corners: &[(f64, f64)] = match marker {
        Marker::Circle => &[],
        Marker::Square => &[(-1., -1.), (1., -1.), (1., 1.), (-1., 1.)],
        Marker::Diamond => &[(0., -1.1), (1.1, 0.), (0., 1.1), (-1.1, 0.)],
        Marker::Up => &[(0., -1.1), (1.05, 0.8), (-1.05, 0.8)],
        Marker::Down => &[(0., 1.1), (1.05, -0.8), (-1.05, -0.8)],
        Marker::Pentagon => &[(0., -1.05), (1., -0.32), (0.62, 0.85), (-0.62, 0.85), (-1., -0.32)],
        Marker::Star => &[
            (0.00, -1.25),
            (0.29, -0.40),
            (1.19, -0.39),
            (0.48, 0.15),
            (0.73, 1.01),
            (0.00, 0.50),
            (-0.73, 1.01),
            (-0.48, 0.15),
            (-1.19, -0.39),
            (-0.29, -0.40),
        ],
        Marker::Cross => &[
            (-1., -0.4),
            (-0.4, -0.4),
            (-0.4, -1.),
            (0.4, -1.),
            (0.4, -0.4),
            (1., -0.4),
            (1., 0.4),
            (0.4, 0.4),
            (0.4, 1.),
            (-0.4, 1.),
            (-0.4, 0.4),
            (-1., 0.4),
        ],
    };
    match corners {
        [] => format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{:.1}\"", 4.8 * size),
        corners => {
            let corners: Vec<(f64, f64)> = corners.iter().map(|(dx, dy)| (x + dx * r, y + dy * r)).collect();
            format!("<path d=\"{}Z\"", way(&corners))
        }
    }
}

fn way(points: &[(f64, f64)]) -> String {
    let mut way = String::new();
    for (i, (x, y)) in points.iter().enumerate() {
        let _ = write!(way, "{}{x:.1} {y:.1}", if i == 0 { 'M' } else { 'L' });
    }
    way
}
