//! What a layer makes of many pictures, a row of numbers each: what maps, clusters and claims about a data set are computed from.
//!
//! ```text
//! files, folders, tables, tar and Parquet files, runs ─> source ─> look::many ─> kept (the user's cache, by content) ─> rows.safetensors, pictures.csv
//!                                                               likeness: near-duplicates ─────────────────────────┘
//! ```

mod kept;
mod likeness;
mod parquet;
mod settings;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use frozen::resize::{Resize, to_square};
use image::RgbImage;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tch::{Device, Kind, Tensor};
use zoo::Cache;
use zoo::hash::sha256;

use self::kept::{Kept, Seen};
pub use self::likeness::NEAR;
pub use self::settings::{Fit, Preset, Settings};
pub use self::source::{MADE_BY, Source, sources};
use crate::error::{Context, Result, bail, request};
use crate::look::many::each_of;
use crate::look::pooled;
use crate::models::Classifier;
use crate::picture::{decode, from_rgb8};

/// Pictures of a part: after so many, what was seen is on the disk.
const PART: usize = 256;

/// What became of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Embedded {
    /// Pictures with a row.
    pub pictures: usize,
    /// Of which so many were looked at now.
    pub computed: usize,
    /// Of which so many are near-duplicates of an earlier one.
    pub duplicates: usize,
    /// Numbers of a row.
    pub width: usize,
    /// Those that could not be read, by name, and why.
    pub unread: Vec<(String, String)>,
}

/// Embeds pictures and writes, into `out`: `rows.safetensors` (`rows` `[N,D]`, f32), `pictures.csv` (a row each, in the same order: row, name, sha256, width,
/// height, duplicate_of, and what the sources know) and `embedding.json` (how). What was seen before, under whatever name, is not looked at again; whoever is
/// stopped goes on there. `watch` is told how many are through, of how many; it says whether to go on.
///
/// # Errors
/// A request: a layer that is not there, pictures none of which can be read. Storage, compute.
pub fn embed(
    classifier: &Classifier,
    settings: &Settings,
    sources: &[Source],
    cache: &Cache,
    out: &Path,
    watch: &dyn Fn(usize, usize) -> bool,
) -> Result<Embedded> {
    let engine = classifier.engine();
    let tap = engine.network.tap(&settings.layer).map_err(|error| request!("{} has {error}", engine.name))?;
    let how = json!({
        "classifier": engine.name, "weights_sha256": engine.weights_sha256, "definition": engine.definition,
        // What names in the table are relative to.
        "folder": std::env::current_dir().unwrap_or_default(),
        "layer": tap.name, "positions": settings.positions, "fit": settings.fit, "raw": settings.raw,
    });
    let key = sha256(serde_json::to_vec(&json!([
        engine.weights_sha256,
        engine.definition,
        tap.name,
        settings.positions,
        settings.fit,
        settings.raw
    ]))?);
    let mut kept = Kept::open(&cache.embeddings().join(&key[..16]))?;
    let mut unread: Vec<(String, String)> = vec![];
    let mut hashes: Vec<Option<String>> = vec![];
    let (mut new, mut known): (Vec<usize>, BTreeSet<String>) = (vec![], BTreeSet::new());
    for (place, source) in sources.iter().enumerate() {
        match source.bytes() {
            Ok(bytes) => {
                let hash = sha256(bytes);
                if kept.seen(&hash).is_none() && known.insert(hash.clone()) {
                    new.push(place);
                }
                hashes.push(Some(hash));
            }
            Err(error) => {
                unread.push((source.name.clone(), error.to_string()));
                hashes.push(None);
            }
        }
    }
    let before = sources.len() - new.len();
    if !watch(before, sources.len()) {
        bail!("interrupted; the same command goes on");
    }
    let looks = Mutex::new(BTreeMap::new());
    let looked = || looks.lock().unwrap_or_else(PoisonError::into_inner);
    let read = |number: usize| -> Result<Tensor> {
        let source = &sources[new[number]];
        let picture = decode(&source.bytes()?, &source.name)?;
        let sha256 = hashes[new[number]].clone().unwrap_or_default();
        let seen = Seen {
            sha256,
            size: [picture.width(), picture.height()],
            signs: format!("{:032x}", likeness::signs(&picture)),
        };
        looked().insert(number, seen);
        Ok(input(classifier, settings, &picture))
    };
    let (mut seen, mut rows): (Vec<Seen>, Vec<f32>) = (vec![], vec![]);
    let (mut computed, mut stopped) = (0, false);
    let failed = each_of(engine, &[tap.point], new.len(), &read, &mut |numbers, pass| {
        let activation = pass.activation(tap.point);
        let made = if settings.positions { activation.flatten(1, -1) } else { pooled(activation) };
        let made = made.to_device(Device::Cpu).to_kind(Kind::Float).contiguous();
        rows.extend(Vec::<f32>::try_from(&made.flatten(0, -1))?);
        let mut looks = looked();
        seen.extend(numbers.iter().filter_map(|number| looks.remove(number)));
        drop(looks);
        computed += numbers.len();
        if seen.len() >= PART {
            kept.add(&std::mem::take(&mut seen), &std::mem::take(&mut rows))?;
        }
        stopped = !watch(before + computed, sources.len());
        if stopped { Err(request!("interrupted; the same command goes on")) } else { Ok(()) }
    });
    kept.add(&seen, &rows)?;
    unread.extend(failed?.into_iter().map(|(number, error)| (sources[new[number]].name.clone(), error.to_string())));
    let there: Vec<(usize, &Seen)> =
        (hashes.iter().enumerate()).filter_map(|(place, hash)| Some((place, kept.seen(hash.as_deref()?)?))).collect();
    if there.is_empty() {
        let first = unread.first().map_or(String::new(), |(_, error)| format!(": {error}"));
        bail!("none of {} pictures can be read{first}", sources.len());
    }
    std::fs::create_dir_all(out).with_context(|| format!("{}: cannot be made", out.display()))?;
    let names: Vec<&str> = there.iter().map(|(_, seen)| seen.sha256.as_str()).collect();
    kept.write(&names, &out.join("rows.safetensors"))?;
    let duplicates = table(sources, &there, &out.join("pictures.csv"))?;
    let path = out.join("embedding.json");
    std::fs::write(&path, serde_json::to_vec_pretty(&how)?)
        .with_context(|| format!("{}: cannot be written", path.display()))?;
    Ok(Embedded { pictures: there.len(), computed, duplicates, width: kept.width.unwrap_or_default(), unread })
}

/// A picture as the network takes it, `[1,C,S,S]`.
fn input(classifier: &Classifier, settings: &Settings, picture: &RgbImage) -> Tensor {
    let engine = classifier.engine();
    let side = [engine.size; 2];
    let picture = from_rgb8(picture).unsqueeze(0);
    let square = match settings.fit {
        Fit::Crop => to_square(&picture, engine.size),
        Fit::Squash => {
            let from = [picture.size()[2], picture.size()[3]];
            Resize::new(from, side, picture.kind(), picture.device()).apply(&picture)
        }
    };
    let square = square.to_device(engine.network.device()).to_kind(engine.network.kind());
    if settings.raw { square } else { engine.input_pipeline(side, side).apply(&square) }
}

/// Writes the table of pictures, and gives how many are near-duplicates.
fn table(sources: &[Source], there: &[(usize, &Seen)], path: &Path) -> Result<usize> {
    let cannot = || format!("{}: cannot be written", path.display());
    let signs: Vec<u128> =
        there.iter().map(|(_, seen)| u128::from_str_radix(&seen.signs, 16).unwrap_or_default()).collect();
    let duplicates = likeness::duplicates(&signs);
    const OWN: [&str; 6] = ["row", "name", "sha256", "width", "height", "duplicate_of"];
    let columns: BTreeSet<&str> = (there.iter())
        .flat_map(|(place, _)| sources[*place].columns.keys().map(String::as_str))
        .filter(|column| !OWN.contains(column))
        .collect();
    let mut writer = csv::Writer::from_path(path).with_context(cannot)?;
    writer.write_record(OWN.into_iter().chain(columns.iter().copied())).with_context(cannot)?;
    for (row, ((place, seen), duplicate)) in there.iter().zip(&duplicates).enumerate() {
        let source = &sources[*place];
        let own = [
            row.to_string(),
            source.name.clone(),
            seen.sha256.clone(),
            seen.size[0].to_string(),
            seen.size[1].to_string(),
            duplicate.map_or(String::new(), |row| row.to_string()),
        ];
        let told = columns.iter().map(|column| source.columns.get(*column).cloned().unwrap_or_default());
        writer.write_record(own.into_iter().chain(told)).with_context(cannot)?;
    }
    writer.flush().with_context(cannot)?;
    Ok(duplicates.iter().flatten().count())
}

/// The rows of a folder that [`embed`] wrote, `[N,D]`.
///
/// # Errors
/// A request: a folder without them.
pub fn rows(folder: &Path) -> Result<ndarray::Array2<f32>> {
    let path: PathBuf = folder.join("rows.safetensors");
    let named = || format!("{}: cannot be read; `metapicture embed` writes it", path.display());
    let tensors = Tensor::read_safetensors(&path).with_context(named)?;
    let (_, tensor) = tensors.iter().find(|(name, _)| name == kept::ROWS).with_context(named)?;
    let shape = [tensor.size()[0] as usize, tensor.size()[1] as usize];
    let values = Vec::<f32>::try_from(&tensor.flatten(0, -1))?;
    ndarray::Array2::from_shape_vec(shape, values).with_context(named)
}

/// The pictures of a folder that [`embed`] wrote, in the order of its rows.
///
/// # Errors
/// A request: a folder without a table of them. What is not there any more has no bytes, and is no error.
pub fn pictures(folder: &Path) -> Result<Vec<Source>> {
    #[derive(Deserialize)]
    struct How {
        folder: PathBuf,
    }
    let read = |name: &str| {
        let path = folder.join(name);
        std::fs::read(&path)
            .with_context(|| format!("{}: cannot be read; `metapicture embed` writes it", path.display()))
    };
    let how: How = serde_json::from_slice(&read("embedding.json")?).context("embedding.json: is no embedding")?;
    let mut table = csv::Reader::from_reader(std::io::Cursor::new(read("pictures.csv")?));
    let headers: Vec<String> =
        table.headers().context("pictures.csv: is no table")?.iter().map(str::to_owned).collect();
    let mut archives = BTreeMap::new();
    let mut found = vec![];
    for row in table.records() {
        let row = row.context("pictures.csv: is no table")?;
        let columns = headers.iter().map(String::clone).zip(row.iter().map(str::to_owned)).collect();
        found.push(source::named(&row[1], &how.folder, columns, &mut archives));
    }
    Ok(found)
}
