//! What a generator's codes of photographs are like, learned through its encoder, and whether that holds for photographs that were not
//! learned from.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use generators::{CodeStatistics, Encoder, Generator, Learner};
use image::RgbImage;
use image::imageops::crop_imm;
use rand::RngExt;
use serde::Serialize;
use serde_json::{Map, json};
use tch::{Kind, Tensor};
use zoo::Manifest;

use crate::error::{OfRequest, Result, bail, request};
use crate::models::Models;
use crate::picture::{self, from_rgb8};
use crate::random::{Purpose, Seed, stream};
use crate::reference;
use crate::samples::write_whole;

/// Every so many-th photograph is held out for the check.
const HELD_OUT: usize = 5;

/// Codes that are held out, at most.
const MOST_HELD_OUT: i64 = 512;

/// Photographs that pass through the encoder together.
const AT_ONCE: usize = 8;

/// What was learned of a generator's codes.
#[derive(Debug)]
pub struct Learned {
    /// Of all photographs.
    pub statistics: CodeStatistics,
    /// How the photographs that were held out look to statistics of the others.
    pub check: Whiteness,
    /// How many photographs there were.
    pub photographs: usize,
}

/// Whether whitened codes are white.
#[derive(Clone, Debug, Serialize, PartialEq)]
pub struct Whiteness {
    /// How many codes were held out.
    pub codes: usize,
    /// The mean square of their whitened numbers at each ring of spatial frequencies, from low to high: 1 is white. The first is that of
    /// their means.
    pub strengths: Vec<f64>,
    /// The mean absolute correlation of two channels over all frequencies but the mean: 0 is white.
    pub correlation: f64,
}

/// Mean squares of whitened numbers beyond which a table does not tell what photographs are like.
const WHITE_ENOUGH: std::ops::Range<f64> = 0.5..2.;

impl Whiteness {
    /// Whether what was learned holds for photographs that were not learned from, to a factor of two at each ring of frequencies.
    pub fn holds(&self) -> bool {
        self.strengths.iter().all(|strength| WHITE_ENOUGH.contains(strength))
    }
}

/// Learns from the photographs in a folder, for a generator that has an encoder, at the size of pictures that is asked for. `at` is told how
/// many photographs of how many are done; broken ones are told to whoever follows the models' progress, and passed over.
///
/// # Errors
/// Models that cannot be had, a generator without an encoder, and what [`learn`] refuses.
pub fn of_folder(
    models: &Models,
    generator: &str,
    folder: &Path,
    (size, crops): (Option<i64>, usize),
    at: &dyn Fn(usize, usize),
) -> Result<Learned> {
    let loaded = models.generator_at(generator, size)?;
    let generator = loaded.engine();
    let encoder = models.encoder_of(generator)?.ok_or_else(|| {
        let name = &generator.name;
        request!("{name} has no encoder, which would bring photographs to its codes (`encoder:` in its manifest)")
    })?;
    let paths = reference::below(folder).of_request()?;
    let broken = RefCell::new(vec![]);
    let read = |path: &PathBuf| match picture::read(path) {
        Ok(photograph) => Some(Ok(photograph)),
        Err(error) => {
            broken.borrow_mut().push((path.clone(), error.to_string()));
            None
        }
    };
    let done = |photographs: usize| at(photographs + broken.borrow().len(), paths.len());
    let learned = learn(generator, &encoder, paths.iter().filter_map(read), crops, &done);
    reference::told(folder, &broken.borrow()).iter().for_each(|told| models.progress().note(told));
    let learned = learned.of_request()?;
    if !learned.check.holds() {
        let few = format!("{} photographs are few: those held out are not as the others say", learned.photographs);
        models.progress().note(&format!("{few} (mean squares below); more of them help, or squares at more places"));
    }
    Ok(learned)
}

/// Where a table is left, and the manifest beside it by which the generator is called with it.
#[derive(Debug)]
pub struct Place {
    /// The table.
    pub table: PathBuf,
    /// The manifest.
    pub manifest: PathBuf,
    /// What the manifest calls the generator.
    name: String,
}

impl Place {
    /// The place of a table at this path; the manifest has its name, with `.yaml` behind it.
    ///
    /// # Errors
    /// A path that is no name of a file, or one that a model cannot have.
    pub fn of(table: &Path) -> Result<Place> {
        let stem = table.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let named = stem.parse::<zoo::Name>().map_err(|reason| request!("{}: {reason}", table.display()))?;
        let manifest = table.with_extension("yaml");
        if manifest == table {
            bail!("{}: the manifest beside the table would be called so; `.safetensors` is usual", table.display());
        }
        Ok(Place { table: table.to_owned(), manifest, name: named.to_string() })
    }

    /// Writes what was learned of the generator of this manifest.
    ///
    /// # Errors
    /// Storage.
    pub fn write(&self, models: &Models, of: &Manifest, learned: &Learned) -> Result<()> {
        let table = self.table.file_name().unwrap_or_default().to_string_lossy();
        let text = manifest(models, of, &self.name, &table)?;
        let bytes = learned.statistics.to_bytes().map_err(|reason| request!("{reason}"))?;
        write_whole(&self.table, &bytes)?;
        write_whole(&self.manifest, text.as_bytes())
    }
}

/// A manifest for the generator of another one, called `name`, whose codes are like the table says that lies beside it. Its weights are used
/// where they lie.
fn manifest(models: &Models, of: &Manifest, name: &str, table: &str) -> Result<String> {
    let weights = models.zoo().cache().paths(of).into_iter().next().unwrap_or_default();
    let mut weights = json!({ "source": { "path": std::path::absolute(&weights).unwrap_or(weights) } });
    if !of.keys.is_empty() {
        weights["key"] = json!(of.keys);
    }
    if !of.rename.is_empty() {
        weights["rename"] = of.rename.iter().map(|(old, new)| (old.clone(), json!(new))).collect::<Map<_, _>>().into();
    }
    let manifest = json!({
        "name": name,
        "kind": of.kind,
        "description": format!("{}, with statistics of codes from photographs of one's own", of.description),
        "architecture": of.architecture,
        "config": of.config,
        "licence": of.licence,
        "non_commercial": of.non_commercial,
        "encoder": of.encoder,
        "statistics": table,
        "weights": weights,
    });
    Ok(serde_yaml::to_string(&manifest)?)
}

/// Learns from photographs: of each the central square, and `crops` more at random places and of random sizes, none of which is enlarged.
/// `at` is told how many photographs are done.
///
/// # Errors
/// A generator whose codes have no height and width, or with which the encoder does not go; too few photographs; one that cannot be read.
pub fn learn(
    generator: &Generator,
    encoder: &Encoder,
    photographs: impl Iterator<Item = Result<RgbImage>>,
    crops: usize,
    at: &dyn Fn(usize),
) -> Result<Learned> {
    let [channels, height, width] = generator.code.shape[..] else {
        bail!(
            "codes of {} have no height and width; what they are like is drawn from its prior, and needs no photographs",
            generator.name
        )
    };
    if height != width || encoder.code_of(generator.size).as_deref() != Some(&generator.code.shape[..]) {
        bail!("{} does not make codes {:?} of pictures of {:?} px", encoder.name, generator.code.shape, generator.size);
    }
    let side = generator.size[0];
    let (mut all, mut most) = (Learner::new(channels, height), Learner::new(channels, height));
    let (mut held_out, mut count) = (vec![], 0);
    let device = generator.network.device();
    for (number, photograph) in photographs.enumerate() {
        let squares = squares(&photograph?, crops, side, number as u64);
        for squares in squares.chunks(AT_ONCE) {
            let codes = encoder.codes(&Tensor::cat(squares, 0).to_device(device));
            all.see(&codes);
            if number % HELD_OUT != HELD_OUT - 1 {
                most.see(&codes);
            } else if held_out.iter().map(|codes: &Tensor| codes.size()[0]).sum::<i64>() < MOST_HELD_OUT {
                held_out.push(codes);
            }
        }
        count = number + 1;
        at(count);
    }
    if held_out.is_empty() {
        bail!("{count} photographs are too few: at least {HELD_OUT} are needed, and some hundred are better");
    }
    let of_others = most.learned().map_err(|reason| request!("{reason}"))?;
    let check = whiteness(&of_others, &Tensor::cat(&held_out, 0)).map_err(|reason| request!("{reason}"))?;
    let statistics = all.learned().map_err(|reason| request!("{reason}"))?;
    Ok(Learned { statistics, check, photographs: count })
}

/// How white codes `[N,C,h,h]` become by statistics of others.
///
/// # Errors
/// If the statistics cannot be inverted.
pub fn whiteness(statistics: &CodeStatistics, codes: &Tensor) -> std::result::Result<Whiteness, String> {
    let white = statistics.whitened(codes)?;
    let size = white.size();
    let (samples, channels, height, half) = (size[0], size[1], size[2], size[3]);
    let energy = white.abs().square().mean_dim([0i64, 1].as_slice(), false, None::<Kind>).flatten(0, -1);
    let energy = Vec::<f64>::try_from(energy.to_kind(Kind::Double)).map_err(|error| error.to_string())?;
    let rings: Vec<usize> = crate::param::rings([height, codes.size()[3]]);
    let mut sums = vec![(0., 0.); rings.iter().max().map_or(0, |most| most + 1)];
    for (ring, energy) in rings.iter().zip(energy) {
        sums[*ring].0 += energy;
        sums[*ring].1 += 1.;
    }
    // [C, N h half - N], without the means.
    let flat = white.permute([1, 2, 3, 0]).reshape([channels, height * half * samples]).narrow(
        1,
        samples,
        (height * half - 1) * samples,
    );
    let products = flat.matmul(&flat.conj().transpose(0, 1)).resolve_conj();
    let power = products.real().diagonal(0, 0, 1).sqrt();
    let correlations = products.abs() / power.outer(&power);
    let pairs = (channels * (channels - 1)).max(1) as f64;
    let correlation = (correlations.sum(None::<Kind>).double_value(&[]) - channels as f64) / pairs;
    Ok(Whiteness {
        codes: samples as usize,
        strengths: sums.into_iter().filter(|(_, count)| *count > 0.).map(|(sum, count)| sum / count).collect(),
        correlation: correlation.max(0.),
    })
}

/// The smallest square that is cut of a photograph, as a share of its shorter side: people frame what they show.
const LEAST_SHARE: f64 = 0.4;

/// The central square of a photograph and `more` others, `[1,3,side,side]` in `[0,1]` each. Sides of the others are log-uniform between
/// [`LEAST_SHARE`] of the shorter side, or what is shown without enlarging, and the whole.
fn squares(photograph: &RgbImage, more: usize, side: i64, number: u64) -> Vec<Tensor> {
    let mut rng = stream(Seed(0), Purpose::Crop, number);
    let (width, height) = photograph.dimensions();
    let shorter = width.min(height);
    let least = (side as u32).max((f64::from(shorter) * LEAST_SHARE) as u32).min(shorter);
    let cut = |x: u32, y: u32, size: u32| {
        let square = crop_imm(photograph, x, y, size, size).to_image();
        frozen::resize::to_square(&from_rgb8(&square).unsqueeze(0), side)
    };
    let mut squares = vec![cut((width - shorter) / 2, (height - shorter) / 2, shorter)];
    for _ in 0..more {
        let share: f64 = rng.random();
        let size = (f64::from(least) * (f64::from(shorter) / f64::from(least)).powf(share)).round() as u32;
        squares.push(cut(rng.random_range(0..=width - size), rng.random_range(0..=height - size), size));
    }
    squares
}
