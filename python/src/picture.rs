//! A picture, and the record of its making.

use std::path::PathBuf;

use metapicture::prelude::Picture as Made;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors::{detached, exception};

/// A picture as bytes; `metapicture.Picture` is made of it.
#[pyclass(frozen, module = "metapicture._native")]
pub struct Picture(pub Made);

#[pymethods]
impl Picture {
    /// Reads the folder of a run.
    #[staticmethod]
    fn open(py: Python<'_>, folder: PathBuf) -> PyResult<Picture> {
        detached(py, || Made::open(&folder)).map(Picture)
    }

    /// The PNG file.
    fn png<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.0.png())
    }

    /// Height, width, and a byte a channel, row by row.
    fn rgb<'py>(&self, py: Python<'py>) -> (u32, u32, Bound<'py, PyBytes>) {
        let image = self.0.image();
        (image.height(), image.width(), PyBytes::new(py, image.as_raw()))
    }

    #[getter]
    fn activation(&self) -> f64 {
        self.0.activation()
    }

    #[getter]
    fn probability(&self) -> Option<f64> {
        self.0.probability()
    }

    #[getter]
    fn witness_probability(&self) -> Option<f64> {
        self.0.witness_probability()
    }

    #[getter]
    fn unit(&self) -> &str {
        &self.0.record().unit.name
    }

    #[getter]
    fn method(&self) -> &str {
        &self.0.record().method
    }

    #[getter]
    fn model(&self) -> &str {
        &self.0.record().classifier
    }

    #[getter]
    fn seed(&self) -> u64 {
        self.0.record().seed.0
    }

    #[getter]
    fn run_id(&self) -> String {
        self.0.record().run_id.to_string()
    }

    /// The record, as JSON.
    fn record(&self) -> PyResult<String> {
        serde_json::to_string(self.0.record())
            .map_err(|error| pyo3::exceptions::PyValueError::new_err(error.to_string()))
    }

    /// A file of the record.
    fn file<'py>(&self, py: Python<'py>, name: &str) -> Option<Bound<'py, PyBytes>> {
        self.0.file(name).map(|bytes| PyBytes::new(py, bytes))
    }

    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        py.detach(|| self.0.save(&path)).map_err(|error| exception(py, &error))
    }

    fn save_record(&self, py: Python<'_>, folder: PathBuf) -> PyResult<()> {
        py.detach(|| self.0.save_record(&folder)).map_err(|error| exception(py, &error))
    }
}
