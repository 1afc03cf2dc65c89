//! The table of folders of records, column by column.

use std::path::PathBuf;

use metapicture::engine::inventory::table;
use metapicture::engine::store::Store;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::detached;
use crate::frame::frame;

/// A list a column, by its name.
#[pyfunction]
pub fn results<'py>(py: Python<'py>, folders: Vec<PathBuf>, settings: bool) -> PyResult<Bound<'py, PyDict>> {
    let table = detached(py, || {
        let stores = folders.iter().map(|folder| Store::read(folder)).collect::<Result<Vec<_>, _>>()?;
        table(&stores, settings)
    })?;
    frame(py, &table)
}
