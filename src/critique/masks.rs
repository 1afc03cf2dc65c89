//! Regions of a picture, masks of equal area elsewhere on it, and what fills them.

use std::collections::BTreeMap;
use std::path::Path;

use image::RgbImage;
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha12Rng;
use serde::Deserialize;

use crate::error::{Context, OfRequest, Result, bail};

/// Fills, by name: the mean colour of what is left, a blurred copy, noise of the same mean and contrast, shuffled pieces of what is left.
pub const FILLS: [&str; 4] = ["mean", "blur", "noise", "texture"];

/// Side of a shuffled piece in pixels.
const PIECE: usize = 8;

/// Tries to place a control.
const TRIES: usize = 60;

/// The largest share of a control that may lie within the region.
const OVERLAP: f64 = 0.1;

/// Which pixels of a square are of a region, row by row.
pub type Mask = Vec<bool>;

/// A mask from corners in shares of the whole picture's sides, on its central square of `side` pixels.
pub fn polygon(corners: &[[f64; 2]], picture: [u32; 2], side: usize) -> Mask {
    let [width, height] = picture.map(f64::from);
    let shorter = width.min(height);
    let corners: Vec<[f64; 2]> = (corners.iter())
        .map(|[x, y]| {
            [(x * width - (width - shorter) / 2.) / shorter, (y * height - (height - shorter) / 2.) / shorter]
        })
        .collect();
    let inside = |x: f64, y: f64| {
        let edges = corners.iter().zip(corners.iter().cycle().skip(1));
        edges.filter(|(a, b)| (a[1] > y) != (b[1] > y) && x < (b[0] - a[0]) * (y - a[1]) / (b[1] - a[1]) + a[0]).count()
            % 2
            == 1
    };
    let at = |place: usize| (place as f64 + 0.5) / side as f64;
    (0..side * side).map(|pixel| inside(at(pixel % side), at(pixel / side))).collect()
}

/// The mask of a picture whose pixels are bright where the region is, on its central square.
pub fn drawn(picture: &RgbImage, side: usize) -> Mask {
    let (width, height) = picture.dimensions();
    let shorter = width.min(height);
    let (left, top) = ((width - shorter) / 2, (height - shorter) / 2);
    let at = |place: usize| ((place as f64 + 0.5) / side as f64 * f64::from(shorter)) as u32;
    (0..side * side)
        .map(|pixel| {
            picture.get_pixel(left + at(pixel % side), top + at(pixel / side)).0.iter().any(|level| *level > 127)
        })
        .collect()
}

/// Polygons of a file in COCO's format, in shares of each picture's sides, by file name.
///
/// # Errors
/// A request: a file that cannot be read or is none; run-length masks.
pub fn coco(path: &Path) -> Result<BTreeMap<String, Vec<Vec<[f64; 2]>>>> {
    #[derive(Deserialize)]
    struct Image {
        id: u64,
        file_name: String,
        width: f64,
        height: f64,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Shape {
        Polygons(Vec<Vec<f64>>),
        Lengths(serde::de::IgnoredAny),
    }
    #[derive(Deserialize)]
    struct Annotation {
        image_id: u64,
        segmentation: Shape,
    }
    #[derive(Deserialize)]
    struct File {
        images: Vec<Image>,
        annotations: Vec<Annotation>,
    }
    let named = path.display();
    let text = std::fs::read(path).of_request().with_context(|| format!("{named}: cannot be read"))?;
    let file: File = serde_json::from_slice(&text)
        .of_request()
        .with_context(|| format!("{named}: is neither regions of a page nor COCO's annotations"))?;
    let mut found: BTreeMap<String, Vec<Vec<[f64; 2]>>> = BTreeMap::new();
    for annotation in file.annotations {
        let Shape::Polygons(polygons) = annotation.segmentation else {
            bail!("{named}: has run-length masks, and polygons are read");
        };
        let Some(image) = file.images.iter().find(|image| image.id == annotation.image_id) else {
            bail!("{named}: an annotation is of image {}, which is not there", annotation.image_id);
        };
        let corners =
            |of: &Vec<f64>| of.chunks_exact(2).map(|at| [at[0] / image.width, at[1] / image.height]).collect();
        found.entry(image.file_name.clone()).or_default().extend(polygons.iter().map(corners));
    }
    Ok(found)
}

/// Control masks: the region moved to other places of the square (what leaves it on one side comes in on the other), and turned over, so that area and shape are its own; as many as
/// fit, up to `count`.
pub fn controls(mask: &Mask, side: usize, count: usize, random: &mut ChaCha12Rng) -> Vec<Mask> {
    let area = mask.iter().filter(|of| **of).count();
    let mut found = vec![];
    for _ in 0..TRIES {
        let (dx, dy) = (random.random_range(0..side), random.random_range(0..side));
        let (over_x, over_y) = (random.random_bool(0.5), random.random_bool(0.5));
        let from = |place: usize, shift: usize, over: bool| {
            let place = (place + shift) % side;
            if over { side - 1 - place } else { place }
        };
        let moved: Mask = (0..side * side)
            .map(|pixel| mask[from(pixel / side, dy, over_y) * side + from(pixel % side, dx, over_x)])
            .collect();
        let both = moved.iter().zip(mask).filter(|(a, b)| **a && **b).count();
        if both as f64 <= OVERLAP * area as f64 {
            found.push(moved);
            if found.len() == count {
                break;
            }
        }
    }
    found
}

/// A square `[3][side*side]`, levels from 0 to 1, with a mask filled.
pub fn filled(square: &[Vec<f32>; 3], mask: &Mask, side: usize, fill: &str, random: &mut ChaCha12Rng) -> [Vec<f32>; 3] {
    let left: Vec<usize> = (0..side * side).filter(|pixel| !mask[*pixel]).collect();
    let mean = |channel: &[f32]| left.iter().map(|pixel| channel[*pixel]).sum::<f32>() / left.len().max(1) as f32;
    let mut out = square.clone();
    let mut put = |channel: usize, value: &mut dyn FnMut(usize) -> f32| {
        for pixel in (0..side * side).filter(|pixel| mask[*pixel]) {
            out[channel][pixel] = value(pixel).clamp(0., 1.);
        }
    };
    match fill {
        "blur" => {
            for (channel, levels) in square.iter().enumerate() {
                let soft = blurred(levels, side, side / 4);
                put(channel, &mut |pixel| soft[pixel]);
            }
        }
        "noise" => {
            for (channel, levels) in square.iter().enumerate() {
                let mean = mean(levels);
                let spread = (left.iter().map(|pixel| (levels[*pixel] - mean).powi(2)).sum::<f32>()
                    / left.len().max(1) as f32)
                    .sqrt();
                // Uniform numbers of the same deviation.
                put(channel, &mut |_| mean + spread * 12f32.sqrt() * (random.random::<f32>() - 0.5));
            }
        }
        "texture" => {
            let across = side / PIECE;
            let is_left = |piece: usize| {
                let (x, y) = (piece % across * PIECE, piece / across * PIECE);
                (0..PIECE * PIECE).all(|at| !mask[(y + at / PIECE) * side + x + at % PIECE])
            };
            let mut pieces: Vec<usize> = (0..across * across).filter(|piece| is_left(*piece)).collect();
            pieces.shuffle(random);
            for (channel, levels) in square.iter().enumerate() {
                let mean = mean(levels);
                put(channel, &mut |pixel| {
                    let (x, y) = (pixel % side, pixel / side);
                    let number = y / PIECE * across.max(1) + x / PIECE;
                    match pieces.get(number % pieces.len().max(1)) {
                        Some(piece) => {
                            levels[(piece / across * PIECE + y % PIECE) * side + piece % across * PIECE + x % PIECE]
                        }
                        None => mean,
                    }
                });
            }
        }
        _ => {
            for (channel, levels) in square.iter().enumerate() {
                let mean = mean(levels);
                put(channel, &mut |_| mean);
            }
        }
    }
    out
}

/// The mean over a square of `2 * reach + 1` pixels, twice, near the edges over what of it there is.
fn blurred(levels: &[f32], side: usize, reach: usize) -> Vec<f32> {
    let along = |levels: &[f32]| -> Vec<f32> {
        // Rows are averaged, and come back as columns.
        let mut out = vec![0.; side * side];
        for y in 0..side {
            let mut sums = vec![0f64; side + 1];
            for x in 0..side {
                sums[x + 1] = sums[x] + f64::from(levels[y * side + x]);
            }
            for x in 0..side {
                let (from, to) = (x.saturating_sub(reach), (x + reach + 1).min(side));
                out[x * side + y] = ((sums[to] - sums[from]) / (to - from) as f64) as f32;
            }
        }
        out
    };
    (0..4).fold(levels.to_vec(), |levels, _| along(&levels))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Seed, stream};

    #[test]
    fn controls_have_the_regions_area_and_lie_elsewhere_and_fills_leave_the_rest() {
        let side = 32;
        // The lower right quarter of the central square of a wide picture.
        let mask = polygon(&[[0.5, 0.5], [0.75, 0.5], [0.75, 1.], [0.5, 1.]], [200, 100], side);
        assert_eq!(mask.iter().filter(|of| **of).count(), 256);
        assert!(mask[31 * 32 + 31] && !mask[0]);
        let mut random = stream(Seed(0), Purpose::Masks, 0);
        let found = controls(&mask, side, 5, &mut random);
        assert_eq!(found.len(), 5);
        for control in &found {
            assert_eq!(control.iter().filter(|of| **of).count(), 256);
            assert!(control.iter().zip(&mask).filter(|(a, b)| **a && **b).count() <= 25);
        }
        assert_eq!(controls(&vec![true; 1024], side, 5, &mut random).len(), 0);
        let square: [Vec<f32>; 3] =
            [0, 1, 2].map(|c| (0..1024).map(|pixel| ((pixel * 7 + c * 13) % 100) as f32 / 100.).collect());
        for fill in FILLS {
            let out = filled(&square, &mask, side, fill, &mut random);
            let changed = (0..1024).filter(|pixel| out[0][*pixel] != square[0][*pixel]);
            assert!(changed.clone().count() > 200 && changed.clone().all(|pixel| mask[pixel]), "{fill}");
            assert!(out.iter().flatten().all(|level| (0. ..=1.).contains(level)), "{fill}");
        }
    }
}
