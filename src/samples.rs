//! What a generator's prior can say: pictures of random codes, and the sheet of them that `models info` shows.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use classifiers::imagenet;
use generators::{Classes, Conditioning, Generator, Prior};
use image::{ImageFormat, RgbImage};
use serde_json::json;
use tch::{Device, Kind, Tensor};
use zoo::Cache;

use crate::error::{Context, Result, request};
use crate::param::{Condition, Latent, LatentSpec, Param, Space};
use crate::picture::to_rgb8;
use crate::random::Seed;
use crate::sheet::{Cell, Sheet};
use crate::store::Hash;

/// Codes that go through the generator together: memory is that of so many.
const AT_ONCE: usize = 4;

/// Part of the key of a kept sheet: another layout is another number.
const LAYOUT: u32 = 2;

/// Rows of classes on a sheet, at most.
const MOST_CLASSES: usize = 8;

/// Of ImageNet's classes, those that are shown: goldfish, golden retriever, monarch, airliner, sports car, violin, banana, alp.
const OF_IMAGENET: [usize; MOST_CLASSES] = [1, 207, 323, 404, 817, 889, 954, 970];

/// Deviations of the smooth codes that those of height and width are shown from: what `latent-spatial` starts from, and as
/// far out as in training.
const SMOOTH: [f64; 2] = [0.3, 1.];

/// Random codes and their pictures.
#[derive(Debug)]
pub struct Drawn {
    /// One for each seed, in the order of the seeds, of the generator's own size.
    pub pictures: Vec<RgbImage>,
    /// What makes them again: tensors `[N,…]` by name, f32 on the CPU.
    pub state: Vec<(&'static str, Tensor)>,
}

/// Pictures of the first draw of each seed in a code space.
///
/// # Errors
/// Compute, where the generator's output is no picture `[3,H,W]`.
pub fn random(generator: &Generator, space: Space, condition: Option<Condition>, seeds: &[Seed]) -> Result<Drawn> {
    let schedule = generator.schedule().forward_only();
    let spec = LatentSpec::in_space(space);
    let (mut pictures, mut state) = (vec![], Vec::<(&'static str, Vec<Tensor>)>::new());
    for seeds in seeds.chunks(AT_ONCE) {
        let starts: Vec<(Seed, u64)> = seeds.iter().map(|&seed| (seed, 0)).collect();
        let mut latent = Latent::new(generator, &schedule, &spec, condition, &starts);
        pictures.extend(each(&latent.pictures())?);
        for (name, tensor) in latent.state() {
            match state.iter_mut().find(|(known, _)| *known == name) {
                Some((_, parts)) => parts.push(to_host(&tensor)),
                None => state.push((name, vec![to_host(&tensor)])),
            }
        }
    }
    Ok(Drawn { pictures, state: state.into_iter().map(|(name, parts)| (name, Tensor::cat(&parts, 0))).collect() })
}

/// Pictures of a generator's inputs.
///
/// # Errors
/// If the generator's output is no picture.
pub fn pictures(generator: &Generator, inputs: &Tensor) -> Result<Vec<RgbImage>> {
    let mut pictures = vec![];
    for inputs in inputs.split(AT_ONCE as i64, 0) {
        pictures.extend(each(&generator.pictures(&inputs))?);
    }
    Ok(pictures)
}

/// Each of the pictures `[N,3,H,W]`, in 8 bits.
fn each(pictures: &Tensor) -> Result<Vec<RgbImage>> {
    let made = to_host(pictures);
    (0..made.size()[0]).map(|i| to_rgb8(&made.get(i))).collect()
}

/// On the CPU, f32.
pub fn to_host(tensor: &Tensor) -> Tensor {
    tensor.to_device(Device::Cpu).to_kind(Kind::Float).contiguous()
}

/// What the rows of a sheet are.
struct Row {
    name: String,
    space: Space,
    condition: Option<Condition>,
    /// The seed of its first picture.
    from: u64,
}

/// The sheet of a generator: for a conditional one a row for each class (eight of them, if there are more), the same codes
/// in each row; for one of spatial codes a row of white noise and two of smooth codes, which show more of what it knows, and one of
/// codes like those of photographs, where these are known; else two rows of codes.
///
/// # Errors
/// If the generator's output is no picture.
pub fn sheet(generator: &Generator) -> Result<Sheet> {
    let plain = |name: &str, space, from| Row { name: name.to_owned(), space, condition: None, from };
    let of_class = |(class, name): (usize, &str)| Row {
        name: name.to_owned(),
        space: Space::Gaussian,
        condition: Some(Condition::Class(class)),
        from: 0,
    };
    let (rows, columns, what) = match &generator.conditioning {
        Some(Conditioning { classes: Classes::Named(names), .. }) => {
            let step = names.len().div_ceil(MOST_CLASSES).max(1);
            let shown = names.iter().enumerate().step_by(step).map(|(class, name)| (class, name.as_str()));
            (shown.map(of_class).collect::<Vec<_>>(), 6, "a row has one class, a column one code")
        }
        Some(Conditioning { classes: Classes::Imagenet, .. }) => {
            let shown = OF_IMAGENET.iter().map(|&class| (class, imagenet::CLASSES[class].name));
            (shown.map(of_class).collect(), 3, "a row has one of 1000 classes, a column one code")
        }
        None if generator.code.is_spatial() => {
            let smooth = |noise| plain(&format!("fourier, {noise}"), Space::Fourier { noise, decay: 1. }, 0);
            let rows = std::iter::once(plain("white noise", Space::Gaussian, 0)).chain(SMOOTH.map(smooth));
            let natural = generator.statistics.as_ref();
            let natural =
                natural.map(|_| plain("statistics", Space::Statistics { noise: 1., limit: None, opening: 0 }, 0));
            let what = match natural {
                None => "white noise: codes as drawn; fourier: as that space starts, with this noise and decay 1",
                Some(_) => {
                    "white noise: codes as drawn; fourier: as that space starts, with this noise and decay 1; statistics: white noise coloured \
                     as codes of photographs are"
                }
            };
            (rows.chain(natural).collect(), 6, what)
        }
        None => {
            let rows = vec![plain("", Space::Gaussian, 0), plain("", Space::Gaussian, 8)];
            (rows, 8, "")
        }
    };
    // Where all rows have the same seeds, the columns tell them.
    let of_columns = rows.iter().all(|row| row.from == 0);
    let of_seed = |seed: u64| format!("seed {seed}");
    let mut cells = vec![];
    for row in &rows {
        let seeds: Vec<Seed> = (row.from..row.from + columns).map(Seed).collect();
        let drawn = random(generator, row.space.clone(), row.condition, &seeds)?;
        let cell = |(picture, seed): (RgbImage, &Seed)| {
            let caption = if of_columns { vec![] } else { vec![of_seed(seed.0)] };
            Some(Cell::of(picture, caption))
        };
        cells.push(drawn.pictures.into_iter().zip(&seeds).map(cell).collect());
    }
    let numbers = generator.code.shape.iter().map(i64::to_string).collect::<Vec<_>>().join(" x ");
    let drawn_as = match &generator.code.prior {
        Prior::Normal => "standard normal".to_owned(),
        Prior::Truncated { truncation } => format!("normal, within 2 deviations, times {truncation}"),
        Prior::Rectified => "standard normal, those below 0 set to 0".to_owned(),
        Prior::Codebook { .. } => "normal, with mean and deviation of the codebook in each channel".to_owned(),
    };
    let [height, width] = generator.size;
    let notes = [what.to_owned(), format!("codes: {numbers} numbers, {drawn_as}; pictures: {width} x {height} px")];
    Ok(Sheet {
        title: format!("{}: random codes", generator.name),
        columns: (0..columns).map(|seed| if of_columns { of_seed(seed) } else { String::new() }).collect(),
        rows: rows.into_iter().map(|row| row.name).collect(),
        cells,
        notes: notes.into_iter().filter(|note| !note.is_empty()).collect(),
        side: generator.size[0].clamp(128, 192) as u32,
    })
}

/// Where the sheet is kept: weights, configuration and layout decide its name, so that it is never that of others.
fn place(cache: &Cache, generator: &Generator) -> Result<PathBuf> {
    let definition = serde_json::to_value(&generator.definition)?;
    let table = generator.statistics.as_ref().map(|statistics| &statistics.sha256);
    let mut made_of = json!([LAYOUT, generator.name, generator.weights_sha256, definition]);
    if let (Some(table), Some(list)) = (table, made_of.as_array_mut()) {
        list.push(json!(table));
    }
    let mut key = Hash::of(made_of.to_string().as_bytes()).to_string();
    key.truncate(16);
    Ok(cache.samples().join(format!("{}-{key}.png", generator.name)))
}

/// The PNG of a generator's sheet, drawn if the cache does not hold it; and its copy, where one is wanted. Returns the path
/// of the one that the user should look at.
///
/// # Errors
/// Storage where it cannot be written, compute where it cannot be drawn; a request where `wanted` is not the name of a file.
pub fn kept(cache: &Cache, generator: &Generator, wanted: Option<&Path>) -> Result<PathBuf> {
    let place = place(cache, generator)?;
    // What another program has damaged is drawn anew.
    let known = fs::read(&place).ok().filter(|bytes| image::load_from_memory(bytes).is_ok());
    let bytes = match known {
        Some(bytes) => bytes,
        None => {
            let mut bytes = Cursor::new(vec![]);
            sheet(generator)?.draw()?.write_to(&mut bytes, ImageFormat::Png)?;
            let written = write_whole(&place, bytes.get_ref());
            if wanted.is_none() {
                written?;
            }
            bytes.into_inner()
        }
    };
    match wanted {
        Some(path) => write_whole(path, &bytes).map(|()| path.to_owned()),
        None => Ok(place),
    }
}

/// Writes beside the place and renames, so that a killed process leaves no half of a file there.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let name = path.file_name().ok_or_else(|| request!("{}: is not the name of a file", path.display()))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let aside = folder.join(format!(".{}.{}", name.display(), std::process::id()));
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(&aside, bytes));
    written.and_then(|()| fs::rename(&aside, path)).with_context(|| format!("{}: cannot be written", path.display()))
}
