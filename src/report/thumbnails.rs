//! The pictures of a report, in as many bytes as there are: the first picture of each unit and method large, the others small, at
//! the largest of a few sizes that fits.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::Result;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use image::RgbImage;
use serde::Serialize;

use crate::compare::findings::Findings;
use crate::{picture, sheet};

/// Longer sides in pixels, and JPEG qualities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Size {
    /// Of the first picture of a unit and method: at most this.
    pub large: u32,
    /// Their quality, 1 to 100.
    pub large_quality: u8,
    /// Of the others.
    pub small: u32,
    /// Their quality, 1 to 100.
    pub small_quality: u8,
}

const fn size(large: u32, large_quality: u8, small: u32, small_quality: u8) -> Size {
    Size { large, large_quality, small, small_quality }
}

/// From the best to the last that one can see anything in.
const SIZES: [Size; 11] = [
    size(256, 88, 128, 80),
    size(224, 82, 96, 75),
    size(192, 78, 80, 72),
    size(176, 74, 72, 68),
    size(160, 70, 64, 66),
    size(144, 66, 64, 60),
    size(128, 62, 56, 58),
    size(112, 58, 48, 55),
    size(96, 52, 40, 52),
    size(80, 45, 32, 48),
    size(64, 40, 24, 45),
];

/// Pictures as a page carries them. JPEGs of one size and quality begin with the same 600 bytes, so these are kept once.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Block {
    /// Beginnings, in base64 that other base64 can be appended to.
    pub(super) heads: Vec<String>,
    /// By picture: which beginning, and the rest; none of those that are missing.
    pub(super) pictures: Vec<Option<(usize, String)>>,
}

impl Block {
    fn bytes(&self) -> usize {
        let rests = self.pictures.iter().flatten().map(|(_, rest)| rest.len() + 8);
        rests.chain(self.heads.iter().map(String::len)).sum::<usize>() + 4 * self.pictures.len()
    }
}

/// Pictures, read once; the first of a unit and method large.
pub(super) struct Pictures {
    read: Vec<Option<Source>>,
    /// Files that are not there, or are no pictures.
    pub(super) missing: Vec<PathBuf>,
}

struct Source {
    picture: RgbImage,
    first: bool,
}

impl Pictures {
    /// Of a comparison whose `comparison.json` is in `folder`.
    pub(super) fn read(comparison: &Findings, folder: &Path) -> Result<Pictures> {
        let mut first: BTreeMap<(usize, usize), (u64, usize, usize)> = BTreeMap::new();
        for (i, picture) in comparison.pictures.iter().enumerate() {
            let this = (picture.seed, picture.facet, i);
            let least = first.entry((picture.unit, picture.method)).or_insert(this);
            *least = this.min(*least);
        }
        let mut pictures = Pictures { read: vec![], missing: vec![] };
        for (i, entry) in comparison.pictures.iter().enumerate() {
            let is_first = first.get(&(entry.unit, entry.method)).is_some_and(|(_, _, first)| *first == i);
            let Ok(read) = picture::read(&folder.join(&entry.file)) else {
                pictures.missing.push(entry.file.clone());
                pictures.read.push(None);
                continue;
            };
            // Nothing larger is ever needed, and thousands of pictures stay in memory.
            let most = if is_first { SIZES[0].large } else { SIZES[0].small };
            pictures.read.push(Some(Source { picture: within(read, most)?, first: is_first }));
        }
        Ok(pictures)
    }

    /// At the best size that takes no more than `most` bytes, or nothing where none does.
    pub(super) fn within(&self, most: usize) -> Result<Option<(Size, Block)>> {
        let mut candidates = SIZES.iter().copied().peekable();
        // A sample of large and small ones tells which sizes are hopeless.
        const SAMPLE: usize = 60;
        while let Some(candidate) = candidates.peek() {
            let mut estimate = 0.;
            for first in [true, false] {
                let of_kind: Vec<&Source> = self.read.iter().flatten().filter(|source| source.first == first).collect();
                let step = of_kind.len().div_ceil(SAMPLE).max(1);
                let sampled: Vec<_> = of_kind.iter().step_by(step).map(|source| encoded(source, *candidate)).collect();
                let bytes: usize =
                    sampled.into_iter().collect::<Result<Vec<_>>>()?.iter().map(|(_, r)| r.len() + 8).sum();
                estimate += bytes as f64 * of_kind.len() as f64 / (of_kind.len().div_ceil(step).max(1)) as f64;
            }
            if estimate <= most as f64 * 1.05 {
                break;
            }
            candidates.next();
        }
        for candidate in candidates {
            let block = self.block(candidate)?;
            if block.bytes() <= most {
                return Ok(Some((candidate, block)));
            }
        }
        Ok(None)
    }

    fn block(&self, size: Size) -> Result<Block> {
        let mut block = Block::default();
        for source in &self.read {
            let Some(source) = source else {
                block.pictures.push(None);
                continue;
            };
            let (head, rest) = encoded(source, size)?;
            let place = block.heads.iter().position(|known| *known == head).unwrap_or_else(|| {
                block.heads.push(head);
                block.heads.len() - 1
            });
            block.pictures.push(Some((place, rest)));
        }
        Ok(block)
    }
}

/// No larger than a side; never enlarged.
fn within(picture: RgbImage, side: u32) -> Result<RgbImage> {
    if picture.width().max(picture.height()) <= side { Ok(picture) } else { sheet::fitted(&picture, side) }
}

/// Beginning and rest of the JPEG, in base64.
fn encoded(source: &Source, size: Size) -> Result<(String, String)> {
    let (side, quality) = match source.first {
        true => (size.large, size.large_quality),
        false => (size.small, size.small_quality),
    };
    let jpeg = picture::jpeg(&within(source.picture.clone(), side)?, quality)?;
    let (head, rest) = parted(&jpeg);
    Ok((BASE64_STANDARD.encode(head), BASE64_STANDARD.encode(rest)))
}

/// A JPEG's headers and its scan. The headers are filled up to a multiple of three bytes, so that base64 of both parts can be joined:
/// any marker may be preceded by fill bytes 0xFF (ITU-T T.81, B.1.1.2).
fn parted(jpeg: &[u8]) -> (Vec<u8>, &[u8]) {
    const START_OF_SCAN: u8 = 0xda;
    let mut at = 2;
    while let Some([0xff, marker, high, low]) = jpeg.get(at..at + 4) {
        let end = at + 2 + usize::from(u16::from_be_bytes([*high, *low]));
        if *marker == START_OF_SCAN && end <= jpeg.len() {
            let mut head = jpeg[..at].to_vec();
            head.resize(at + (3 - end % 3) % 3, 0xff);
            head.extend_from_slice(&jpeg[at..end]);
            return (head, &jpeg[end..]);
        }
        at = end;
    }
    (vec![], jpeg)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn gradient(side: u32) -> RgbImage {
        RgbImage::from_fn(side, side, |x, y| image::Rgb([(x * 3) as u8, (y * 3) as u8, 90]))
    }

    #[test]
    fn a_picture_whose_halves_are_joined_in_base64_is_the_picture() {
        for side in [24, 33, 64] {
            let jpeg = picture::jpeg(&gradient(side), 60).unwrap();
            // A comment of 0 to 2 bytes behind the first marker: headers of every length modulo 3, whatever the encoder writes.
            let mut rests = BTreeSet::new();
            for comment in 0..3u8 {
                let segment = [&[0xff, 0xfe, 0, comment + 2], &[b' '; 2][..usize::from(comment)]].concat();
                let jpeg = [&jpeg[..2], &segment, &jpeg[2..]].concat();
                let (head, rest) = parted(&jpeg);
                rests.insert((jpeg.len() - rest.len()) % 3);
                let joined = BASE64_STANDARD.encode(&head) + &BASE64_STANDARD.encode(rest);
                let bytes = BASE64_STANDARD.decode(joined).unwrap();
                let read = |bytes: &[u8]| image::load_from_memory_with_format(bytes, image::ImageFormat::Jpeg).unwrap();
                assert!(!head.is_empty() && rest.len() < jpeg.len());
                assert_eq!(read(&bytes), read(&jpeg));
            }
            assert_eq!(rests.len(), 3);
        }
    }

    #[test]
    fn less_room_means_smaller_pictures_and_too_little_none() {
        let source = |first| Some(Source { picture: gradient(if first { 256 } else { 128 }), first });
        let pictures = Pictures { read: vec![source(true), source(false), None, source(false)], missing: vec![] };
        let sizes: Vec<u32> = [1_000_000, 6_000, 4_500]
            .map(|most| {
                let (size, block) = pictures.within(most).unwrap().unwrap();
                assert!(block.bytes() <= most && block.pictures[2].is_none() && block.pictures.len() == 4);
                size.large
            })
            .to_vec();
        assert!(sizes[0] == 256 && sizes.is_sorted_by(|a, b| a > b), "{sizes:?}");
        assert!(pictures.within(500).unwrap().is_none());
    }
}
