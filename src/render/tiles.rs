//! Which parts of a picture a network sees that takes smaller ones: its middle, or tiles that cover it.

/// Where the middle of a picture begins, a square of this side; none where the picture is smaller.
pub fn middle(size: [i64; 2], side: i64) -> Option<[i64; 2]> {
    size.iter().all(|length| *length >= side).then(|| size.map(|length| (length - side) / 2))
}

/// Where tiles of a side begin that cover a picture, evenly spaced and overlapping where they must.
pub(super) fn tiles(size: [i64; 2], side: i64) -> Vec<[i64; 2]> {
    let along = |length: i64| -> Vec<i64> {
        let count = (length + side - 1) / side;
        (0..count).map(|i| if count == 1 { 0 } else { i * (length - side) / (count - 1) }).collect()
    };
    let columns = along(size[1]);
    along(size[0]).into_iter().flat_map(|y| columns.iter().map(move |x| [y, *x])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_the_picture_and_stay_inside() {
        for (size, side, count) in [([224, 224], 224, 1), ([2000, 1000], 224, 45), ([300, 225], 224, 4)] {
            let tiles = tiles(size, side);
            assert_eq!(tiles.len(), count);
            let mut covered = vec![false; (size[0] * size[1]) as usize];
            for [y, x] in tiles {
                assert!(y >= 0 && x >= 0 && y + side <= size[0] && x + side <= size[1]);
                for row in y..y + side {
                    covered[(row * size[1] + x) as usize..(row * size[1] + x + side) as usize].fill(true);
                }
            }
            assert!(covered.iter().all(|pixel| *pixel));
        }
    }
}
