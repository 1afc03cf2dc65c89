//! Photographs that searches start from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use frozen::resize::to_square;
use image::RgbImage;
use image::imageops::{crop_imm, flip_horizontal_in_place};
use rand::RngExt;
use rand::seq::SliceRandom;
use tch::Tensor;
use zoo::hash::sha256;

use super::photographs::Photograph;
use crate::error::{Result, request};
use crate::picture::{self, from_rgb8};
use crate::random::{Purpose, Seed, stream};

/// The least side of a square that is cut out of a photograph, as a share of the photograph's shorter side.
const LEAST: f64 = 0.6;

/// A seed, the number of the draw, none of a whole photograph, and the side that the square was brought to.
type Draw = (Seed, Option<u64>, i64);

/// Squares that are kept, at most.
const KEPT: usize = 128;

/// Photographs that runs start from, or whose layers pictures are held against: codes start from squares of them, each draw of a seed another photograph until all were taken; pictures from whole ones.
#[derive(Debug)]
pub struct StartPhotographs {
    /// The folder that all of them lie in or below.
    folder: PathBuf,
    files: Vec<Photograph>,
    /// The last squares by seed, draw and side, each with where it comes from: other units start from the same ones.
    fitted: Mutex<BTreeMap<Draw, (Tensor, String)>>,
    /// Their places in an order that somebody wanted, by what it depends on.
    orders: Mutex<BTreeMap<String, Arc<[usize]>>>,
    /// Of the sha256 of all files, in their order.
    pub sha256: String,
}

impl StartPhotographs {
    /// These photographs, in their order; `name` is for the error.
    ///
    /// # Errors
    /// If there is none.
    pub fn new(name: &str, files: Vec<Photograph>) -> Result<StartPhotographs> {
        if files.is_empty() {
            return Err(request!("{name}: there are no pictures in it"));
        }
        let mut folder = files[0].path.parent().map(Path::to_owned).unwrap_or_default();
        while !files.iter().all(|file| file.path.starts_with(&folder)) {
            folder.pop();
        }
        let hashes: Vec<&str> = files.iter().map(|file| &*file.sha256).collect();
        let sha256 = sha256(hashes.join("\n")).to_string();
        Ok(StartPhotographs { folder, files, fitted: Mutex::default(), orders: Mutex::default(), sha256 })
    }

    /// The square of a draw at this side in pixels, `[1,3,side,side]` in `[0,1]` on the CPU, and where it comes from, in words.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn fitted(&self, seed: Seed, draw: u64, side: i64) -> Result<(Tensor, String)> {
        self.kept((seed, Some(draw), side), || self.square(seed, draw))
    }

    /// A square that is kept, or else what `read` comes to, fitted.
    fn kept(&self, key: Draw, read: impl FnOnce() -> Result<(RgbImage, String)>) -> Result<(Tensor, String)> {
        let kept = || self.fitted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((square, told)) = kept().get(&key) {
            return Ok((square.shallow_clone(), told.clone()));
        }
        let (square, told) = read()?;
        let fitted = to_square(&from_rgb8(&square).unsqueeze(0), key.2);
        let mut kept = kept();
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(key, (fitted.shallow_clone(), told.clone()));
        Ok((fitted, told))
    }

    /// The photograph of a seed: of N the one of number seed modulo N, in the order of their names. Its central square at this side in pixels,
    /// `[1,3,side,side]` in `[0,1]` on the CPU, and its name.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn whole(&self, Seed(seed): Seed, side: i64) -> Result<(Tensor, String)> {
        let number = seed % self.files.len() as u64;
        let path = &self.files[number as usize].path;
        self.kept((Seed(number), None, side), || Ok((picture::read(path)?, self.called(path))))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.files.len()
    }

    /// The central square of the photograph of this number at this side in pixels, `[1,3,side,side]` in `[0,1]` on the CPU.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn number(&self, number: usize, side: i64) -> Result<Tensor> {
        Ok(to_square(&from_rgb8(&picture::read(&self.files[number].path)?).unsqueeze(0), side))
    }

    /// The places of the photographs by a number of each, the highest first; of equal ones the first. `numbers` is asked once for each `key`.
    ///
    /// # Errors
    /// Those of `numbers`.
    pub fn order(&self, key: &str, numbers: &dyn Fn() -> Result<Vec<f64>>) -> Result<Arc<[usize]>> {
        let orders = || self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = orders().get(key) {
            return Ok(Arc::clone(known));
        }
        let numbers = numbers()?;
        let mut order: Vec<usize> = (0..numbers.len()).collect();
        order.sort_by(|&a, &b| numbers[b].total_cmp(&numbers[a]));
        let order: Arc<[usize]> = order.into();
        orders().insert(key.to_owned(), Arc::clone(&order));
        Ok(order)
    }

    /// A file's name below the folder that all lie in.
    fn called(&self, path: &Path) -> String {
        path.strip_prefix(&self.folder).unwrap_or(path).display().to_string()
    }

    /// The square of a draw, and where it comes from, in words.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn square(&self, seed: Seed, draw: u64) -> Result<(RgbImage, String)> {
        let mut order: Vec<usize> = (0..self.files.len()).collect();
        order.shuffle(&mut stream(seed, Purpose::Photographs, 0));
        let Photograph { path, .. } = &self.files[order[(draw % order.len() as u64) as usize]];
        let photograph = picture::read(path)?;
        let (width, height) = photograph.dimensions();
        let mut rng = stream(seed, Purpose::Photographs, 1 + draw);
        let shorter = width.min(height);
        let side = ((f64::from(shorter) * rng.random_range(LEAST..1.)).round() as u32).clamp(1, shorter);
        let (x, y) = (rng.random_range(0..=width - side), rng.random_range(0..=height - side));
        let mirrored = rng.random::<bool>();
        let mut square = crop_imm(&photograph, x, y, side, side).to_image();
        if mirrored {
            flip_horizontal_in_place(&mut square);
        }
        let name = self.called(path);
        let turned = if mirrored { ", mirrored" } else { "" };
        Ok((square, format!("{name}: {side} px from {x},{y}{turned}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_of_a_seed_are_other_photographs_and_the_same_ones_again() {
        let folder = tempfile::tempdir().unwrap();
        let files = (0..5u8).map(|number| {
            let path = folder.path().join(format!("{number}.png"));
            RgbImage::from_fn(40, 30, |x, y| image::Rgb([number, x as u8, y as u8])).save(&path).unwrap();
            Photograph { path, sha256: number.to_string(), class: None }
        });
        let starts = StartPhotographs::new("five", files.collect()).unwrap();
        let drawn: Vec<(RgbImage, String)> = (0..6).map(|draw| starts.square(Seed(3), draw).unwrap()).collect();
        let mut seen: Vec<u8> = drawn[..5].iter().map(|(square, _)| square.get_pixel(0, 0).0[0]).collect();
        seen.sort_unstable();
        assert_eq!(seen, [0, 1, 2, 3, 4]);
        assert_ne!(drawn[0].0, drawn[5].0, "the same photograph, and another square of it");
        assert_eq!(drawn[2], starts.square(Seed(3), 2).unwrap());
        for (square, told) in &drawn {
            let (side, height) = square.dimensions();
            assert!(side == height && (18..=30).contains(&side), "{side}");
            let [_, x, y] = square.get_pixel(if told.ends_with("mirrored") { side - 1 } else { 0 }, 0).0;
            assert!(told.contains(&format!(".png: {side} px from {x},{y}")), "{told}: {x} {y}");
        }
        assert!(StartPhotographs::new("none", vec![]).is_err());
    }
}
