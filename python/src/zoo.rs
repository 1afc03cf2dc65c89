//! What can be named: entries of the zoo, their layers, methods.

use std::path::PathBuf;

use metapicture::Error;
use metapicture::engine::inspect::{self, Entry};
use metapicture::engine::method::Method;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use serde_json::json;

use crate::errors::detached;
use crate::frame::{frame, of_documents};
use crate::live;
use crate::models as loaded;
use crate::progress::Listener;

/// The entries of the zoo, column by column.
#[pyfunction]
pub fn models(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let entries = detached(py, || {
        let models = loaded::listed()?;
        let zoo = models.zoo();
        Ok(zoo.manifests(None).map(|manifest| json!(Entry::of(zoo, manifest))).collect::<Vec<_>>())
    })?;
    let columns = ["name", "kind", "description", "architecture", "licence", "non_commercial", "size", "pulled"];
    frame(py, &of_documents(&columns, entries))
}

/// Brings entries, or manifests by path; the files of each.
#[pyfunction]
pub fn pull(py: Python<'_>, names: Vec<String>, progress: Option<Py<PyAny>>) -> PyResult<Vec<Vec<PathBuf>>> {
    let listener = Listener::new(progress);
    let done = detached(py, || {
        let models = loaded::listed()?.followed_by(listener.clone());
        let zoo = models.zoo();
        let manifests = names.iter().map(|name| zoo.manifest(name, None)).collect::<Result<Vec<_>, _>>()?;
        let pulled = manifests.iter().map(|manifest| {
            let files = zoo.cache().checked(manifest, models.progress())?;
            Ok(files.into_iter().map(|file| file.path).collect())
        });
        pulled.collect::<Result<_, Error>>()
    });
    listener.check(py)?;
    done
}

/// The layers of a network: names, other names, and shapes without the batch.
#[pyfunction]
pub fn layers<'py>(
    py: Python<'py>,
    model: loaded::Named,
    device: String,
    threads: u16,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let listener = Listener::new(progress);
    let found = detached(py, || {
        let name = match &model {
            loaded::Named::Name(name) => name,
            loaded::Named::Live(object) => {
                let models = loaded::open(&device, threads, &listener)?;
                let network = live::classifier(&models, object, &listener)?;
                return Ok(inspect::layers_of(&network.engine().network, &[1, 3, network.size(), network.size()]));
            }
        };
        let models = loaded::listed()?.followed_by(listener.clone());
        let manifest = models.zoo().manifest(name, None)?;
        match inspect::layers(&models, &manifest)? {
            layers if layers.is_empty() => Err(Error::request(format!("{name} is no network: it has no layers"))),
            layers => Ok(layers),
        }
    });
    listener.check(py)?;
    let found = found?;
    let all = PyDict::new(py);
    let tuples = |of: &dyn Fn(&inspect::Layer) -> PyResult<Bound<'py, PyTuple>>| found.iter().map(of).collect();
    let shapes: PyResult<Vec<_>> = tuples(&|layer| PyTuple::new(py, &layer.shape));
    let aliases: PyResult<Vec<_>> = tuples(&|layer| PyTuple::new(py, &layer.aliases));
    all.set_item("name", found.iter().map(|layer| &layer.name).collect::<Vec<_>>())?;
    all.set_item("shape", shapes?)?;
    all.set_item("aliases", aliases?)?;
    Ok(all)
}

/// The presets, column by column.
#[pyfunction]
pub fn methods(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let methods = Method::presets().into_iter().map(|method| {
        json!({
            "name": method.name, "summary": method.summary, "searches": method.param.to_string(), "steps": method.steps,
            "needs_prior": method.needs_generator(), "source": method.source,
        })
    });
    frame(py, &of_documents(&["name", "summary", "searches", "steps", "needs_prior", "source"], methods))
}
