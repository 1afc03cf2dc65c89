//! What a classifier makes of pictures, files or others: the classes that it sees, or what a layer makes of them. They are shown as
//! [`look::judge`](crate::look::judge) shows them, some at a time.

use std::path::PathBuf;

use frozen::network::Point;
use image::RgbImage;
use tch::{Device, Kind, Tensor};

use crate::error::{Error, ErrorKind, Result, bail, request};
use crate::look::judge::input;
use crate::look::many::each_of;
use crate::look::{Seen, logits, top};
use crate::models::Classifier;
use crate::picture;

/// A picture that a classifier is to look at.
#[derive(Clone, Debug, PartialEq)]
pub enum Given {
    /// A file.
    File(PathBuf),
    /// A picture, 8 bits a channel.
    Pixels(RgbImage),
}

impl Given {
    /// Of the bytes of a picture, one a channel, row by row.
    ///
    /// # Errors
    /// A request: too few bytes, or none.
    pub fn of_bytes(height: u32, width: u32, bytes: &[u8]) -> Result<Given> {
        let picture = RgbImage::from_raw(width, height, bytes.to_vec()).filter(|picture| !picture.is_empty());
        picture.map(Given::Pixels).ok_or_else(|| request!("a picture of {height} x {width} pixels has not these bytes"))
    }

    /// Its file, where it is one.
    pub fn file(&self) -> Option<String> {
        match self {
            Given::File(path) => Some(path.display().to_string()),
            Given::Pixels(_) => None,
        }
    }
}

/// The classes that are seen in pictures, with the number of each picture.
pub type Classes = Vec<(usize, Vec<Seen>)>;

/// Pictures that could not be read: their numbers, and why.
pub type Unread = Vec<(usize, Error)>;

/// Who is told how many were looked at, and says whether to go on.
pub type Watch<'w> = &'w dyn Fn(usize) -> bool;

/// The classes that are seen in each picture, so many, the likeliest first, with the picture's number; and what could not be read.
///
/// # Errors
/// Compute; [`ErrorKind::Left`] where `watch` would not go on.
pub fn classes(classifier: &Classifier, pictures: &[Given], count: usize, watch: Watch) -> Result<(Classes, Unread)> {
    let engine = classifier.engine();
    let mut found = vec![];
    let unread = each(classifier, logits(engine), pictures, watch, &mut |number, activation| {
        let logits = Vec::<f64>::try_from(&activation.flatten(0, -1).to_kind(Kind::Double))?;
        found.push((number, top(engine, &logits, count)));
        Ok(())
    })?;
    Ok((found, unread))
}

/// What a layer makes of pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct Activations {
    /// `[N,C]` or `[N,C,H,W]`, N without those that could not be read.
    pub shape: Vec<i64>,
    /// Its numbers, row by row.
    pub numbers: Vec<f32>,
}

/// What a layer, by any of its names, makes of each picture; and what could not be read.
///
/// # Errors
/// A request: a layer that is not there, pictures none of which can be read. Otherwise as [`classes`].
pub fn activations(
    classifier: &Classifier,
    layer: &str,
    pictures: &[Given],
    watch: Watch,
) -> Result<(Activations, Unread)> {
    let engine = classifier.engine();
    let tap = engine.network.tap(layer).map_err(|error| request!("{} has {error}", engine.name))?;
    let (mut shape, mut numbers) = (vec![], vec![]);
    let mut count = 0;
    let unread = each(classifier, tap.point, pictures, watch, &mut |_, activation| {
        count += 1;
        shape = activation.size();
        numbers.extend(Vec::<f32>::try_from(&activation.flatten(0, -1).to_kind(Kind::Float))?);
        Ok(())
    })?;
    if count == 0 {
        let first = unread.first().map_or(String::new(), |(_, error)| format!(": {error}"));
        bail!("none of {} pictures can be read{first}", pictures.len());
    }
    shape.insert(0, count);
    Ok((Activations { shape, numbers }, unread))
}

/// Shows all pictures; `take` is given the number of each and what the point makes of it, on the CPU.
fn each(
    classifier: &Classifier,
    point: Point,
    pictures: &[Given],
    watch: Watch,
    take: &mut dyn FnMut(usize, Tensor) -> Result<()>,
) -> Result<Unread> {
    let engine = classifier.engine();
    let read = |number: usize| match &pictures[number] {
        Given::File(path) => picture::read(path).map(|picture| input(engine, &picture)),
        Given::Pixels(picture) => Ok(input(engine, picture)),
    };
    let mut done = 0;
    each_of(engine, &[point], pictures.len(), &read, &mut |numbers, pass| {
        let activations = pass.activation(point).to_device(Device::Cpu);
        for (row, number) in numbers.iter().enumerate() {
            take(*number, activations.get(row as i64).contiguous())?;
        }
        done += numbers.len();
        match watch(done) {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::Left, "left between pictures")),
        }
    })
}
