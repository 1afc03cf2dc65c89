//! One unit by one method.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use metapicture::Error;
use metapicture::prelude::{Classifier, Visualization};
use pyo3::prelude::*;

use crate::errors::{detached, exception};
use crate::models;
use crate::picture::Picture;
use crate::progress::Listener;

/// What is asked for, in plain values.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Request {
    model: models::Named,
    unit: String,
    method: Option<String>,
    /// A method's settings, as JSON, instead of its name.
    settings: Option<String>,
    prior: Option<String>,
    condition: Option<String>,
    /// Firsts and ends.
    seeds: Vec<(u64, u64)>,
    steps: Option<usize>,
    size: Option<i64>,
    facets: Option<usize>,
    batch: Option<i64>,
    start: Option<String>,
    witnesses: Vec<models::Named>,
    out: Option<PathBuf>,
    device: String,
    threads: u16,
}

/// Pictures, and the exceptions of runs that failed.
#[pyfunction]
pub fn visualize(
    py: Python<'_>,
    request: Request,
    progress: Option<Py<PyAny>>,
) -> PyResult<(Vec<Picture>, Vec<PyErr>)> {
    let listener = Listener::new(progress);
    let made = detached(py, || make(&request, &listener));
    listener.check(py)?;
    let (mut pictures, mut failed) = (vec![], vec![]);
    for picture in made? {
        match picture {
            Ok(picture) => pictures.push(Picture(picture)),
            Err(error) => failed.push(exception(py, &error)),
        }
    }
    Ok((pictures, failed))
}

type Made = Vec<Result<metapicture::prelude::Picture, Error>>;

fn make(request: &Request, listener: &Listener) -> Result<Made, Error> {
    let within = |key: &str, value: Option<i64>, first: i64, last: i64| match value {
        Some(value) if !(first..=last).contains(&value) => {
            Err(Error::request(format!("{value} is not between {first} and {last}")).at(key))
        }
        _ => Ok(()),
    };
    within("size", request.size, 8, 4096)?;
    within("facets", request.facets.map(|facets| facets as i64), 1, 64)?;
    within("threads", Some(request.threads.into()), 1, i64::from(u16::MAX))?;
    within("batch", request.batch, 1, i64::from(u16::MAX))?;
    if request.steps == Some(0) {
        return Err(Error::request("at least one is needed").at("steps"));
    }
    let models = models::open(&request.device, request.threads, listener)?;
    let classifier = models::named(&models, &request.model, listener)?;
    let prior = request.prior.as_ref().map(|name| models::generator(&models, name, request.size)).transpose()?;
    let witnesses: Vec<Classifier> =
        request.witnesses.iter().map(|witness| models::named(&models, witness, listener)).collect::<Result<_, _>>()?;
    let mut all = vec![];
    for &(first, end) in &request.seeds {
        let asked = Visualization::of(&classifier, &request.unit)?;
        let asked = match (&request.method, &request.settings) {
            (_, Some(settings)) => asked.method_settings(settings)?,
            (Some(method), None) => asked.method(method)?,
            (None, None) => asked,
        };
        let asked = prior.iter().fold(asked, Visualization::prior);
        let asked = request.condition.iter().fold(asked, |asked, class| asked.class(class));
        let asked = request.start.iter().fold(asked, |asked, photographs| asked.from_photographs(photographs));
        let asked = request.size.into_iter().fold(asked, Visualization::size);
        let asked = request.steps.into_iter().fold(asked, Visualization::steps);
        let asked = request.facets.into_iter().fold(asked, Visualization::facets);
        let asked = request.batch.into_iter().fold(asked, |asked, runs| asked.batch(runs as usize));
        let asked = asked.witnesses(&witnesses).seeds(Range { start: first, end });
        let asked = asked.followed_by(listener.clone()).until(Arc::clone(listener.leave()));
        all.extend(match &request.out {
            Some(folder) => asked.run_into(folder)?,
            None => asked.run_all()?,
        });
    }
    Ok(all)
}
