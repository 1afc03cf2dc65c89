//! A map as a picture: the pictures at their places, paler where they are less stable, those that were made in frames.

use image::RgbImage;

use super::umap::Map;
use crate::error::{Error, ErrorKind, Result};
use crate::sheet;

/// Colours of frames, in the order of the methods; they come round again.
const COLOURS: [[u8; 3]; 6] =
    [[213, 94, 0], [0, 114, 178], [0, 158, 115], [204, 121, 167], [230, 159, 0], [86, 180, 233]];

fn colour(method: usize) -> [u8; 3] {
    COLOURS[method % COLOURS.len()]
}

/// How thick a frame is in pixels.
const FRAME: u32 = 4;

/// How a map is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Drawing<'a> {
    /// Its side in pixels.
    pub side: u32,
    /// The longer side of a picture on it.
    pub thumbnail: u32,
    /// By which of `methods` each picture was made; none of a photograph.
    pub made: &'a [Option<usize>],
    /// The methods, each with a frame of its own colour.
    pub methods: &'a [String],
}

impl Map {
    /// The map as a picture. Pictures that cannot be read are left out; `done` is told how many were drawn, and says whether to go on.
    ///
    /// # Errors
    /// Compute: libtorch fails at resizing. [`ErrorKind::Left`] where `done` would not go on.
    pub fn draw(
        &self,
        picture: &dyn Fn(usize) -> Result<RgbImage>,
        drawing: &Drawing,
        done: &dyn Fn(usize) -> bool,
    ) -> Result<RgbImage> {
        let Drawing { side, thumbnail, made, methods } = *drawing;
        let mut canvas = RgbImage::from_pixel(side, side, image::Rgb([255; 3]));
        let ends = |axis: usize| {
            let values = self.places.column(axis);
            values
                .iter()
                .fold([f32::INFINITY, f32::NEG_INFINITY], |[low, high], value| [low.min(*value), high.max(*value)])
        };
        let (ends, room) = ([ends(0), ends(1)], f64::from(side - thumbnail));
        // One scale for both axes: a map has no preferred direction.
        let widest = ends.iter().fold(0f32, |most, [low, high]| most.max(high - low)).max(f32::MIN_POSITIVE);
        // Least stable ones first, so that what can be relied upon lies on top, and on top of all what was made.
        let stability = |row: usize| self.stability.as_ref().map_or(1., |of| of[row]);
        let mut order: Vec<usize> = (0..self.places.nrows()).collect();
        let is_framed = |row: usize| made[row].is_some();
        order.sort_by(|a, b| {
            let rank = |row: usize| (is_framed(row), stability(row));
            let ((framed, stable), (other, less)) = (rank(*a), rank(*b));
            framed.cmp(&other).then(stable.total_cmp(&less)).then(a.cmp(b))
        });
        for (number, row) in order.into_iter().enumerate() {
            if !done(number) {
                return Err(Error::new(ErrorKind::Left, "interrupted; nothing was written"));
            }
            let Ok(picture) = picture(row) else { continue };
            let small = sheet::fitted(&picture, thumbnail)?;
            let at = [0, 1].map(|axis| {
                let [low, high] = ends[axis];
                let middle = (low + high) / 2.;
                (room * f64::from((self.places[[row, axis]] - middle) / widest + 0.5)) as u32
            });
            let opacity = if is_framed(row) { 1. } else { 0.35 + 0.65 * stability(row) };
            let (width, height) = small.dimensions();
            for (x, y, pixel) in small.enumerate_pixels() {
                let edge = x.min(y).min(width - 1 - x).min(height - 1 - y) < FRAME;
                let pixel = made[row].filter(|_| edge).map_or(*pixel, |method| image::Rgb(colour(method)));
                let (x, y) = (at[0] + x, at[1] + y);
                if x < side && y < side {
                    let under = canvas.get_pixel_mut(x, y);
                    for (under, over) in under.0.iter_mut().zip(pixel.0) {
                        *under = (f64::from(*under) * (1. - opacity) + f64::from(over) * opacity).round() as u8;
                    }
                }
            }
        }
        done(self.places.nrows());
        let mut y = FRAME;
        for (number, method) in methods.iter().enumerate() {
            y += sheet::label(&mut canvas, colour(number), (FRAME, y), method)?;
        }
        Ok(canvas)
    }
}
