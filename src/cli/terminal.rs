//! Pictures in a terminal, as it can show them. What a terminal can is known by its name in the environment: to ask it is to wait for an answer
//! that many never give. (Crates for this depend on code under the LGPL, which a program that is given away as MIT cannot link.)

use std::fmt::Write;
use std::io::Cursor;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::imageops::{FilterType, resize};
use image::{ImageFormat, Rgb, RgbImage};

/// Pixels of a cell's height, where a terminal counts them.
const CELL: u32 = 20;

/// How a terminal takes pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Terminal {
    /// Kitty's graphics protocol.
    Kitty,
    /// The inline images of iTerm2, which WezTerm and mintty take, too.
    ITerm,
    /// DEC's sixels.
    Sixel,
    /// Characters: half blocks of 24-bit colours, or of the 216 that any terminal has.
    Blocks { true_colour: bool },
}

impl Terminal {
    /// The terminal that an environment describes.
    pub(super) fn of(variable: impl Fn(&str) -> Option<String>) -> Terminal {
        let is =
            |name: &str, of: &[&str]| variable(name).is_some_and(|value| of.iter().any(|of| value.starts_with(of)));
        if is("TERM", &["xterm-kitty", "xterm-ghostty"]) {
            Terminal::Kitty
        } else if is("TERM_PROGRAM", &["iTerm.app", "WezTerm", "mintty"]) {
            Terminal::ITerm
        } else if is("TERM", &["foot", "mlterm", "contour", "yaft"]) {
            Terminal::Sixel
        } else {
            Terminal::Blocks { true_colour: is("COLORTERM", &["truecolor", "24bit"]) }
        }
    }

    /// What shows a picture in so many rows; the cursor is at the beginning of the row beneath it then.
    pub(super) fn shown(self, picture: &RgbImage, rows: u32) -> String {
        let drawn = match self {
            Terminal::Blocks { true_colour } => return blocks(picture, rows, true_colour),
            Terminal::Kitty => kitty(&png(picture), rows),
            Terminal::ITerm => {
                format!("\x1b]1337;File=inline=1;height={rows};preserveAspectRatio=1:{}\x07", png(picture))
            }
            Terminal::Sixel => sixels(&scaled(picture, rows * CELL)),
        };
        // Room is made first, so that nothing scrolls while it is drawn.
        format!("{}\x1b[{rows}A\x1b7{drawn}\x1b8\x1b[{rows}B\r", "\n".repeat(rows as usize))
    }
}

fn scaled(picture: &RgbImage, height: u32) -> RgbImage {
    let width = (picture.width() * height).div_ceil(picture.height()).max(1);
    resize(picture, width, height, FilterType::Triangle)
}

fn png(picture: &RgbImage) -> String {
    let mut bytes = Cursor::new(vec![]);
    // Into memory a picture can always be written.
    let _ = picture.write_to(&mut bytes, ImageFormat::Png);
    STANDARD.encode(bytes.into_inner())
}

/// In pieces of 4096 characters, as the protocol wants them; C=1 leaves the cursor where it is.
fn kitty(png: &str, rows: u32) -> String {
    let pieces: Vec<&str> = png.as_bytes().chunks(4096).map(|piece| std::str::from_utf8(piece).unwrap_or("")).collect();
    let mut text = String::new();
    for (place, piece) in pieces.iter().enumerate() {
        let head = if place == 0 { format!("f=100,a=T,q=2,C=1,r={rows},") } else { String::new() };
        let more = u8::from(place + 1 < pieces.len());
        let _ = write!(text, "\x1b_G{head}m={more};{piece}\x1b\\");
    }
    text
}

/// Each of a colour's parts as one of six.
fn of_six(pixel: &Rgb<u8>) -> [u8; 3] {
    pixel.0.map(|part| (u16::from(part) * 5 + 127).div_euclid(255) as u8)
}

/// Two pixels a character: the upper one's colour is its ground.
fn blocks(picture: &RgbImage, rows: u32, true_colour: bool) -> String {
    let picture = scaled(picture, 2 * rows);
    let colour = |pixel: &Rgb<u8>| match (true_colour, pixel.0, of_six(pixel)) {
        (true, [r, g, b], _) => format!("2;{r};{g};{b}"),
        (false, _, [r, g, b]) => format!("5;{}", 16 + 36 * u32::from(r) + 6 * u32::from(g) + u32::from(b)),
    };
    let mut text = String::new();
    for y in 0..rows {
        for x in 0..picture.width() {
            let (above, below) = (picture.get_pixel(x, 2 * y), picture.get_pixel(x, 2 * y + 1));
            let _ = write!(text, "\x1b[48;{}m\x1b[38;{}m▄", colour(above), colour(below));
        }
        text.push_str("\x1b[0m\r\n");
    }
    text
}

/// Bands of six rows, of 216 colours one after the other, runs of the same sixel counted.
fn sixels(picture: &RgbImage) -> String {
    let number = |[r, g, b]: [u8; 3]| 36 * usize::from(r) + 6 * usize::from(g) + usize::from(b);
    let mut text = String::from("\x1bPq");
    for colour in 0..216u32 {
        let [r, g, b] = [colour / 36, colour / 6 % 6, colour % 6].map(|part| part * 20);
        let _ = write!(text, "#{colour};2;{r};{g};{b}");
    }
    let (width, height) = picture.dimensions();
    for top in (0..height).step_by(6) {
        let mut band = vec![None; 216];
        for x in 0..width {
            for y in top..height.min(top + 6) {
                let of_colour: &mut Vec<u8> =
                    band[number(of_six(picture.get_pixel(x, y)))].get_or_insert_with(|| vec![0; width as usize]);
                of_colour[x as usize] |= 1 << (y - top);
            }
        }
        for (colour, bits) in band.iter().enumerate().filter_map(|(colour, bits)| Some((colour, bits.as_ref()?))) {
            let _ = write!(text, "#{colour}");
            for run in bits.chunk_by(|a, b| a == b) {
                let _ = write!(text, "!{}{}", run.len(), char::from(63 + run[0]));
            }
            text.push('$');
        }
        text.push('-');
    }
    text + "\x1b\\"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> RgbImage {
        RgbImage::from_fn(12, 12, |x, y| if x < 6 { Rgb([255, 0, 0]) } else { Rgb([0, 20 * y as u8, 255]) })
    }

    #[test]
    fn a_terminal_is_known_by_its_name_alone() {
        let of = |name: &'static str, value: &'static str| {
            Terminal::of(move |asked| (asked == name).then(|| value.to_owned()))
        };
        assert_eq!(of("TERM", "xterm-kitty"), Terminal::Kitty);
        assert_eq!(of("TERM_PROGRAM", "WezTerm"), Terminal::ITerm);
        assert_eq!(of("TERM", "foot-extra"), Terminal::Sixel);
        assert_eq!(of("COLORTERM", "truecolor"), Terminal::Blocks { true_colour: true });
        assert_eq!(of("TERM", "dumb"), Terminal::Blocks { true_colour: false });
    }

    #[test]
    fn half_blocks_have_two_pixels_each() {
        let text = Terminal::Blocks { true_colour: true }.shown(&picture(), 6);
        assert_eq!((text.lines().count(), text.matches('▄').count()), (6, 6 * 12));
        assert!(text.starts_with("\x1b[48;2;255;0;0m\x1b[38;2;255;0;0m▄"), "{text:?}");
        let text = Terminal::Blocks { true_colour: false }.shown(&picture(), 6);
        assert!(text.starts_with("\x1b[48;5;196m\x1b[38;5;196m▄"), "{text:?}");
    }

    #[test]
    fn kittys_pieces_are_a_png() {
        let noise = RgbImage::from_fn(90, 90, |x, y| Rgb([(x * y * 7) as u8, (x * 31) as u8, (y * 17) as u8]));
        let text = Terminal::Kitty.shown(&noise, 4);
        let pieces: Vec<&str> =
            text.split("\x1b_G").skip(1).map(|piece| piece.split("\x1b\\").next().unwrap()).collect();
        assert!(pieces.len() > 1 && pieces[0].starts_with("f=100,a=T,q=2,C=1,r=4,m=1;"));
        assert!(pieces.last().unwrap().starts_with("m=0;") && pieces.iter().all(|piece| piece.len() < 4200));
        let png: String = pieces.iter().map(|piece| piece.split_once(';').unwrap().1).collect();
        let read = image::load_from_memory(&STANDARD.decode(png).unwrap()).unwrap().to_rgb8();
        assert_eq!(read, noise);
    }

    /// Reads sixels as the VT340's manual has them.
    fn read(text: &str) -> Vec<Vec<usize>> {
        let body = text.strip_prefix("\x1bPq").unwrap().strip_suffix("\x1b\\").unwrap();
        let (mut rows, mut x, mut top, mut colour) = (vec![vec![usize::MAX; 40]; 40], 0, 0, 0);
        let bytes: Vec<char> = body.chars().collect();
        let mut place = 0;
        let number = |place: &mut usize| {
            let start = *place;
            while bytes[*place].is_ascii_digit() {
                *place += 1;
            }
            bytes[start..*place].iter().collect::<String>().parse::<usize>().unwrap()
        };
        while place < bytes.len() {
            let mut times = 1;
            match bytes[place] {
                '#' => {
                    place += 1;
                    colour = number(&mut place);
                    while bytes[place] == ';' {
                        place += 1;
                        number(&mut place);
                    }
                    continue;
                }
                '$' => (x, place) = (0, place + 1),
                '-' => (x, top, place) = (0, top + 6, place + 1),
                other => {
                    if other == '!' {
                        place += 1;
                        times = number(&mut place);
                    }
                    let bits = bytes[place] as u32 - 63;
                    for _ in 0..times {
                        (0..6).filter(|bit| bits >> bit & 1 == 1).for_each(|bit| rows[top + bit][x] = colour);
                        x += 1;
                    }
                    place += 1;
                }
            }
        }
        rows
    }

    #[test]
    fn sixels_are_the_picture_in_216_colours() {
        let picture = picture();
        let rows = read(&sixels(&picture));
        for (x, y, pixel) in picture.enumerate_pixels() {
            let [r, g, b] = of_six(pixel).map(usize::from);
            assert_eq!(rows[y as usize][x as usize], 36 * r + 6 * g + b, "{x} {y}");
        }
        assert!(rows[12].iter().chain(rows[0][12..].iter()).all(|colour| *colour == usize::MAX));
    }
}
