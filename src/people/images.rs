//! The images of a page: read once each, cut to the square that networks see, numbered so that a number says nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::key::Image;
use crate::compare::altered::squares;
use crate::error::{Context, Result};
use crate::picture;
use crate::random::{Purpose, Seed, order, stream};
use crate::store::Hash;

/// Quality of the JPEGs, 1 to 100.
const QUALITY: u8 = 82;

/// Images that a page will need, by their places in the order of asking.
#[derive(Default)]
pub(super) struct Images {
    places: BTreeMap<(PathBuf, u32), usize>,
    files: Vec<(PathBuf, u32)>,
}

impl Images {
    /// The place of a picture, its central square scaled to `side` pixels.
    pub(super) fn place(&mut self, file: &Path, side: u32) -> usize {
        let key = (file.to_owned(), side);
        if let Some(place) = self.places.get(&key) {
            return *place;
        }
        self.files.push(key.clone());
        self.places.insert(key, self.files.len() - 1);
        self.files.len() - 1
    }

    pub(super) fn count(&self) -> usize {
        self.files.len()
    }

    /// Gives every image a number by chance: which number that of each place is, the images in the order of the numbers, and their JPEGs in base64.
    ///
    /// # Errors
    /// A picture that cannot be read.
    pub(super) fn number(self, seed: Seed, watch: &dyn Fn(usize)) -> Result<(Vec<usize>, Vec<Image>, Vec<String>)> {
        let count = self.files.len();
        let by_number = order(&mut stream(seed, Purpose::Study, 0), count);
        let (mut numbers, mut images, mut encoded) = (vec![0; count], vec![], vec![]);
        for (number, place) in by_number.into_iter().enumerate() {
            let place = place as usize;
            numbers[place] = number;
            let (file, side) = &self.files[place];
            let read = picture::read(file).with_context(|| format!("{}", file.display()))?;
            let jpeg = picture::jpeg(&squares(&read, 0, *side, seed, 0).swap_remove(0), QUALITY)?;
            images.push(Image { file: file.display().to_string(), sha256: Hash::of(&jpeg).to_string() });
            encoded.push(BASE64_STANDARD.encode(&jpeg));
            watch(number + 1);
        }
        Ok((numbers, images, encoded))
    }
}
