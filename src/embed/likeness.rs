//! Near-duplicates: pictures that look the same but for size, compression and small changes, by the signs of differences of neighbouring pixels of a
//! small copy (dHash, Krawetz 2013, "Kind of Like That"), across and down.

use image::RgbImage;
use image::imageops::{FilterType, grayscale, resize};

/// Differences along an axis.
const SIDE: u32 = 8;

/// Pictures of which no more of the 128 signs differ are near-duplicates.
pub const NEAR: u32 = 6;

/// The 128 signs of a picture: 64 across, 64 down.
pub fn signs(picture: &RgbImage) -> u128 {
    let grey = grayscale(picture);
    let across = resize(&grey, SIDE + 1, SIDE, FilterType::Triangle);
    let down = resize(&grey, SIDE, SIDE + 1, FilterType::Triangle);
    let mut signs = 0;
    for (x, y) in (0..SIDE).flat_map(|y| (0..SIDE).map(move |x| (x, y))) {
        signs = signs << 1 | u128::from(across.get_pixel(x + 1, y).0[0] > across.get_pixel(x, y).0[0]);
        signs = signs << 1 | u128::from(down.get_pixel(x, y + 1).0[0] > down.get_pixel(x, y).0[0]);
    }
    signs
}

/// Of each picture the place of the first one that it is a near-duplicate of; none of those that come first.
pub fn duplicates(signs: &[u128]) -> Vec<Option<usize>> {
    let mut firsts: Vec<usize> = vec![];
    let mut of = vec![None; signs.len()];
    for (place, own) in signs.iter().enumerate() {
        of[place] = firsts.iter().copied().find(|first| (signs[*first] ^ own).count_ones() <= NEAR);
        if of[place].is_none() {
            firsts.push(place);
        }
    }
    of
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(side: u32, seed: u32) -> RgbImage {
        let wave = |x: f32, y: f32| {
            let phase = seed as f32 * 1.7;
            (127. + 60. * (6. * x + phase).sin() + 60. * (5. * y * x - phase).cos()) as u8
        };
        RgbImage::from_fn(side, side, |x, y| image::Rgb([wave(x as f32 / side as f32, y as f32 / side as f32); 3]))
    }

    #[test]
    fn a_smaller_and_lighter_copy_is_a_near_duplicate_and_another_picture_is_none() {
        let mut lighter = picture(150, 1);
        lighter.pixels_mut().for_each(|pixel| pixel.0 = pixel.0.map(|value| value.saturating_add(6)));
        let all = [picture(200, 0), picture(200, 1), lighter, picture(64, 0), picture(200, 2)];
        let signs: Vec<u128> = all.iter().map(signs).collect();
        assert_eq!(duplicates(&signs), [None, None, Some(1), Some(0), None]);
    }
}
