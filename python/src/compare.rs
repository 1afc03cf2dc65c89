//! A comparison, and its page.

use std::path::PathBuf;

use metapicture::Error;
use metapicture::engine::compare::Options;
use metapicture::engine::{device, people, report as page};
use metapicture::prelude::Comparison;
use pyo3::prelude::*;

use crate::errors::detached;
use crate::models;
use crate::progress::Listener;
use crate::request::within;

/// What is asked for, in plain values.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Request {
    folders: Vec<PathBuf>,
    foreign: Vec<PathBuf>,
    out: PathBuf,
    manifests: Vec<String>,
    only: Vec<String>,
    experiments: Vec<PathBuf>,
    classifier: Option<String>,
    witnesses: Vec<String>,
    references: Vec<String>,
    baseline: Option<String>,
    layers: Vec<String>,
    replicates: u32,
    permutations: u32,
    inversions: usize,
    inversion_steps: u32,
    permuted_units: usize,
    manipulated_units: usize,
    seed: u64,
    registered: Option<PathBuf>,
    title: Option<String>,
    /// The command that does the same.
    command: String,
    device: String,
    threads: u16,
}

/// Compares, and leaves `comparison.json`, tables and plots in the folder.
#[pyfunction]
pub fn compare(py: Python<'_>, request: Request, progress: Option<Py<PyAny>>) -> PyResult<()> {
    let listener = Listener::new(progress);
    let done = detached(py, || work(&request, &listener));
    listener.check(py)?;
    done
}

fn work(request: &Request, listener: &Listener) -> Result<(), Error> {
    within("replicates", request.replicates, Options::REPLICATES)?;
    within("permutations", request.permutations, Options::PERMUTATIONS)?;
    within("inversion_steps", request.inversion_steps, Options::INVERSION_STEPS)?;
    if request.folders.is_empty() && request.foreign.is_empty() {
        return Err(Error::request("at least one is needed, or a table of foreign pictures").at("folders"));
    }
    let models = models::open(&request.device, request.threads, listener)?;
    let comparison = Comparison::of(&request.folders)
        .foreign(&request.foreign)
        .manifests(&request.manifests)
        .witnesses(&request.witnesses)
        .references(&request.references)
        .layers(&request.layers)
        .only(&request.only)
        .experiments(&request.experiments)
        .command(&request.command)
        .options(Options {
            seed: request.seed,
            replicates: request.replicates as usize,
            permutations: request.permutations as usize,
            inversions: request.inversions,
            inversion_steps: request.inversion_steps as usize,
            permuted_units: request.permuted_units,
            manipulated_units: request.manipulated_units,
        });
    let comparison = request.classifier.iter().fold(comparison, |all, name| all.classifier(name));
    let comparison = request.baseline.iter().fold(comparison, |all, method| all.baseline(method));
    let comparison = request.title.iter().fold(comparison, |all, title| all.title(title));
    let comparison = request.registered.iter().fold(comparison, Comparison::registered);
    comparison.run_watched(&models, &request.out, listener).map(drop)
}

/// Makes the page of a comparison: its bytes, how many pictures are in it, and those that could not be read.
#[pyfunction]
pub fn report(
    py: Python<'_>,
    folder: PathBuf,
    path: PathBuf,
    max_size: f64,
    photographs: bool,
    people: Option<PathBuf>,
) -> PyResult<(usize, usize, Vec<PathBuf>)> {
    detached(py, || {
        if !(max_size > 0. && max_size <= 4000.) {
            return Err(Error::request(format!("{max_size} is not more than 0 and at most 4000")).at("max_size"));
        }
        let mut comparison = page::read(&folder).map_err(Error::of_request)?;
        if let Some(study) = &people {
            people::beside(study, &folder, &mut comparison).map_err(Error::of_request)?;
        }
        if !photographs {
            comparison.leave_out_photographs();
        }
        let most = (max_size * 1e6) as usize;
        let written = device::on_one_thread(|| page::write(&comparison, &folder, &path, most))?;
        Ok((written.bytes, written.pictures, written.missing))
    })
}
