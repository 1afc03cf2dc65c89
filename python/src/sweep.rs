//! An experiment, worked off into a folder of records.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use metapicture::engine::device;
use metapicture::engine::experiment_file::ExperimentFile;
use metapicture::engine::store::Store;
use metapicture::engine::sweep::{Sweep, WorkOptions};
use metapicture::{Error, ErrorKind};
use pyo3::prelude::*;

use crate::errors::detached;
use crate::models;
use crate::progress::{Listener, Runs};

/// What is asked for, in plain values.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Request {
    /// A file, or a text as it would stand in one.
    file: Option<PathBuf>,
    text: String,
    folder: PathBuf,
    set: Vec<String>,
    out: Option<PathBuf>,
    device: Option<String>,
    threads: Option<u16>,
    /// Those that libtorch has in this process, where neither says.
    own_threads: u16,
    batch: Option<usize>,
    retry_failed: bool,
}

/// The folder, and how many runs are done, failed and missing.
#[pyfunction]
pub fn sweep(
    py: Python<'_>,
    request: Request,
    progress: Option<Py<PyAny>>,
) -> PyResult<(PathBuf, usize, usize, usize)> {
    let listener = Listener::new(progress);
    let done = detached(py, || work(&request, &listener));
    listener.check(py)?;
    done
}

fn work(request: &Request, listener: &Listener) -> Result<(PathBuf, usize, usize, usize), Error> {
    let file = match &request.file {
        Some(path) => ExperimentFile::load(path, &request.set)?,
        None => ExperimentFile::of_text(&request.text, "experiment", &request.folder, &request.set)?,
    };
    let of_file: Vec<&str> = file.devices.iter().map(|device| device.value.as_str()).collect();
    let device = match (&request.device, &of_file[..]) {
        (Some(device), _) => device.clone(),
        (None, []) => "cpu".to_owned(),
        (None, [device]) => (*device).to_owned(),
        (None, _) => {
            let reason = "several devices take a process each";
            return Err(Error::request(reason)
                .at("device")
                .hinted("`metapicture sweep` on the command line starts them"));
        }
    };
    device::parse(&device).map_err(|error| error.within("device"))?;
    let models = models::open(&device, request.threads.or(file.threads).unwrap_or(request.own_threads), listener)?;
    let sweep = Sweep::of(file, request.out.clone());
    let mut planned = request.batch.into_iter().fold(sweep, Sweep::batch).plan(&models)?;
    let store = Store::open(planned.out())?;
    let follow = Runs::new(listener.clone(), planned.plan().runs().len());
    let leave = &**listener.leave();
    let options = WorkOptions { retry_failed: request.retry_failed, leave, ..WorkOptions::default() };
    planned.work(&store, options, leave, &follow)?;
    if leave.load(Ordering::Relaxed) {
        return Err(Error::new(ErrorKind::Left, "the batch was left at a checkpoint"));
    }
    store.refresh();
    planned.write(&store, &[device])?;
    let count = planned.results(&store).count();
    Ok((planned.out().to_owned(), count.done, count.failed, count.missing))
}
