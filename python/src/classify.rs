//! What a classifier makes of pictures, of files and of others.

use std::path::PathBuf;

use metapicture::Error;
use metapicture::engine::classify::{Activations, Given as Picture, Unread};
use metapicture::engine::{classify as look, rank};
use metapicture::prelude::Classifier;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyByteArray, PyDict};
use serde_json::{Value, json};

use crate::errors::detached;
use crate::frame::{frame, of_documents};
use crate::models;
use crate::progress::Listener;
use crate::request::{passed_over, within};

/// What is asked for, in plain values.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Request {
    model: models::Named,
    pictures: Vec<Given>,
    top: i64,
    layer: Option<String>,
    device: String,
    threads: u16,
}

/// A picture as somebody has it.
#[derive(FromPyObject)]
enum Given {
    /// Height, width, and a byte a channel, row by row.
    Pixels(u32, u32, PyBackedBytes),
    /// A file, or a folder of them.
    File(PathBuf),
}

/// Which classes each picture is of, column by column.
#[pyfunction]
pub fn classify<'py>(py: Python<'py>, request: Request, progress: Option<Py<PyAny>>) -> PyResult<Bound<'py, PyDict>> {
    let listener = Listener::new(progress);
    let rows = detached(py, || classes(&request, &listener));
    listener.check(py)?;
    let columns = ["picture", "file", "place", "class", "name", "probability", "logit"];
    frame(py, &of_documents(&columns, rows?))
}

/// The shape of what a layer makes of all pictures, and its numbers, f32.
#[pyfunction]
pub fn activations<'py>(
    py: Python<'py>,
    request: Request,
    progress: Option<Py<PyAny>>,
) -> PyResult<(Vec<i64>, Bound<'py, PyByteArray>)> {
    let listener = Listener::new(progress);
    let made = detached(py, || at_layer(&request, &listener));
    listener.check(py)?;
    let Activations { shape, numbers } = made?;
    let bytes = PyByteArray::new_with(py, numbers.len() * 4, |bytes| {
        for (place, number) in bytes.chunks_exact_mut(4).zip(&numbers) {
            place.copy_from_slice(&number.to_ne_bytes());
        }
        Ok(())
    })?;
    Ok((shape, bytes))
}

fn classes(request: &Request, listener: &Listener) -> Result<Vec<Value>, Error> {
    within("top", request.top, 1..=i64::from(u32::MAX))?;
    let asked = Asked::of(request, listener)?;
    let watch = |done: usize| listener.goes_on(done, asked.pictures.len(), "pictures");
    let (found, unread) = look::classes(&asked.classifier, &asked.pictures, request.top as usize, &watch)?;
    asked.passed_over(unread, listener)?;
    let mut rows = vec![];
    for (number, classes) in found {
        let file = asked.pictures[number].file();
        for (place, seen) in classes.iter().enumerate() {
            rows.push(json!({
                "picture": number, "file": file, "place": place + 1, "class": seen.class, "name": seen.name,
                "probability": seen.probability, "logit": seen.logit,
            }));
        }
    }
    Ok(rows)
}

fn at_layer(request: &Request, listener: &Listener) -> Result<Activations, Error> {
    let asked = Asked::of(request, listener)?;
    let watch = |done: usize| listener.goes_on(done, asked.pictures.len(), "pictures");
    let layer = request.layer.as_deref().unwrap_or_default();
    let (made, unread) = look::activations(&asked.classifier, layer, &asked.pictures, &watch)?;
    asked.passed_over(unread, listener)?;
    Ok(made)
}

/// Who looks, and at what.
struct Asked {
    classifier: Classifier,
    pictures: Vec<Picture>,
    /// Files and folders as they were named.
    named: Vec<String>,
}

impl Asked {
    fn of(request: &Request, listener: &Listener) -> Result<Asked, Error> {
        let (mut pictures, mut named) = (vec![], vec![]);
        for given in &request.pictures {
            match given {
                Given::File(path) => {
                    named.push(path.display().to_string());
                    let files = rank::pictures(std::slice::from_ref(path)).map_err(Error::of_request)?;
                    pictures.extend(files.into_iter().map(Picture::File));
                }
                Given::Pixels(height, width, bytes) => {
                    let picture = Picture::of_bytes(*height, *width, bytes);
                    pictures.push(picture.map_err(|error| error.at("pictures"))?);
                }
            }
        }
        if pictures.is_empty() {
            return Err(Error::request("at least one is needed").at("pictures"));
        }
        let models = models::open(&request.device, request.threads, listener)?;
        let classifier = models::named(&models, &request.model, listener)?;
        Ok(Asked { classifier, pictures, named })
    }

    fn passed_over(&self, unread: Unread, listener: &Listener) -> Result<(), Error> {
        let file = |number: usize| self.pictures[number].file().unwrap_or_default();
        let unread = unread.into_iter().map(|(number, error)| (file(number), error.to_string()));
        passed_over(&self.named, unread, &|note| listener.say(note))
    }
}
