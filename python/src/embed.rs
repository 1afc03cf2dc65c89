//! Pictures embedded by a layer, their map, and the page of a collection.

use std::path::PathBuf;

use metapicture::Error;
use metapicture::engine::atlas::{Export, SINGLE, Stage};
use metapicture::engine::embed::{Fit, Preset, Settings};
use metapicture::engine::map::{Asked, Distance, Part};
use metapicture::engine::{atlas as collection, device, embed as rows, map as plane};
use pyo3::prelude::*;

use crate::errors::detached;
use crate::models;
use crate::progress::Listener;
use crate::request::{named, passed_over, within};

/// What is to be embedded, in plain values.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Embedding {
    pictures: Vec<PathBuf>,
    classifier: Option<String>,
    layer: Option<String>,
    preset: Option<String>,
    out: PathBuf,
    positions: bool,
    squash: bool,
    raw: bool,
    device: String,
    threads: u16,
}

/// How many pictures were looked at now, and those that could not be read, by name and why.
#[pyfunction]
pub fn embed(
    py: Python<'_>,
    request: Embedding,
    progress: Option<Py<PyAny>>,
) -> PyResult<(usize, Vec<(String, String)>)> {
    let listener = Listener::new(progress);
    let done = detached(py, || embedded(&request, &listener));
    listener.check(py)?;
    done
}

fn embedded(request: &Embedding, listener: &Listener) -> Result<(usize, Vec<(String, String)>), Error> {
    let preset = request.preset.as_deref().map(|name| named("preset", name, &Preset::NAMES)).transpose()?;
    let (settings, own) = match (preset, &request.layer) {
        (Some(_), Some(_)) => return Err(Error::request("a preset has its own").at("layer")),
        (Some(_), None) if request.positions || request.squash || request.raw => {
            return Err(Error::request("it decides by itself how pictures are shown").at("preset"));
        }
        (Some(preset), None) => (preset.settings(), Some(preset.classifier())),
        (None, Some(layer)) => {
            let fit = if request.squash { Fit::Squash } else { Fit::Crop };
            (Settings { layer: layer.clone(), positions: request.positions, fit, raw: request.raw }, None)
        }
        (None, None) => return Err(Error::request("a layer or a preset is needed").at("layer")),
    };
    let name = request.classifier.as_deref().or(own);
    let name = name.ok_or_else(|| Error::request("a classifier or a preset is needed").at("classifier"))?;
    let models = models::open(&request.device, request.threads, listener)?;
    let sources = rows::sources(&request.pictures).map_err(Error::of_request)?;
    let classifier = models::classifier(&models, name)?;
    let watch = |done: usize, of: usize| listener.goes_on(done, of, "pictures");
    let cache = models.zoo().cache();
    let done = rows::embed(&classifier, &settings, &sources, cache, &request.out, &watch)?;
    let asked: Vec<String> = request.pictures.iter().map(|path| path.display().to_string()).collect();
    passed_over(&asked, done.unread.iter().cloned(), &|note| listener.say(note))?;
    Ok((done.computed, done.unread))
}

/// How the map of embedded pictures is to be made, in plain values.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Mapping {
    embedded: PathBuf,
    out: PathBuf,
    neighbours: u32,
    distance: String,
    seed: u64,
    others: Option<u64>,
    cluster: Option<usize>,
    side: u32,
    thumbnail: u32,
}

/// Lays embedded pictures out, and leaves `map.csv`, `map.png` and `map.json` in the folder.
#[pyfunction]
pub fn map(py: Python<'_>, request: Mapping, progress: Option<Py<PyAny>>) -> PyResult<()> {
    let listener = Listener::new(progress);
    let done = detached(py, || {
        within("neighbours", request.neighbours, 2..=1000)?;
        within("side", request.side, 0..=20_000)?;
        within("thumbnail", request.thumbnail, 4..=1000)?;
        let asked = Asked {
            embedded: request.embedded,
            neighbours: request.neighbours as usize,
            distance: named("distance", &request.distance, &Distance::NAMES)?,
            seed: request.seed,
            others: request.others,
            cluster: request.cluster,
            side: request.side,
            thumbnail: request.thumbnail,
        };
        plane::of_embedded(&asked, &request.out, &|part| match part {
            Part::Neighbours(done, of) => listener.goes_on(done, of, "neighbours"),
            Part::Layout(done, of) => listener.goes_on(done, of, "rounds of the layout"),
            Part::Clusters => listener.goes_on(0, 1, "clusters"),
            Part::Drawn(done, of) => listener.goes_on(done, of, "pictures drawn"),
        })
        .map(drop)
    });
    listener.check(py)?;
    done
}

/// What page is to be made, in plain values.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Collection {
    embedded: PathBuf,
    out: PathBuf,
    map: Option<PathBuf>,
    tables: Vec<PathBuf>,
    title: Option<String>,
    neighbours: u32,
    export: Vec<String>,
    base: Option<String>,
}

/// The page, its bytes, the pictures on it, how many sheets lie beside it, and what was exported.
#[pyfunction]
pub fn atlas(
    py: Python<'_>,
    request: Collection,
    progress: Option<Py<PyAny>>,
) -> PyResult<(PathBuf, usize, usize, usize, Vec<PathBuf>)> {
    let listener = Listener::new(progress);
    let done = detached(py, || {
        within("neighbours", request.neighbours, 0..=100)?;
        let exports = request.export.iter().map(|name| named("export", name, &Export::NAMES));
        let settings = collection::Settings {
            embedded: request.embedded,
            map: request.map,
            tables: request.tables,
            title: request.title,
            neighbours: request.neighbours as usize,
            exports: exports.collect::<Result<_, _>>()?,
            base: request.base,
            single: SINGLE,
        };
        let watch = |stage: Stage| match stage {
            Stage::Neighbours(done, of) => listener.goes_on(done, of, "neighbours"),
            Stage::Pictures(done, of) => listener.goes_on(done, of, "pictures made small"),
        };
        let written = device::on_one_thread(|| collection::atlas(&settings, &request.out, &watch))?;
        written.unread.iter().for_each(|(_, error)| listener.say(&format!("a grey cell: {error}")));
        Ok((written.page, written.bytes, written.pictures, written.sheets, written.exports))
    });
    listener.check(py)?;
    done
}
