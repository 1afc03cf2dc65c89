//! The table of folders of records, column by column.

use std::path::PathBuf;

use metapicture::engine::inventory::{Table, table};
use metapicture::engine::store::Store;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use serde_json::Value;

use crate::errors::detached;

/// A list a column, by its name.
#[pyfunction]
pub fn results<'py>(py: Python<'py>, folders: Vec<PathBuf>, settings: bool) -> PyResult<Bound<'py, PyDict>> {
    let Table { columns, rows } = detached(py, || {
        let stores = folders.iter().map(|folder| Store::read(folder)).collect::<Result<Vec<_>, _>>()?;
        table(&stores, settings)
    })?;
    let all = PyDict::new(py);
    for (number, name) in columns.iter().enumerate() {
        let values: Vec<Option<Bound<'py, PyAny>>> =
            rows.iter().map(|row| plain(py, &row[number])).collect::<PyResult<_>>()?;
        all.set_item(name, PyList::new(py, values)?)?;
    }
    Ok(all)
}

/// A value of a cell; a list or an object as its text.
fn plain<'py>(py: Python<'py>, value: &Value) -> PyResult<Option<Bound<'py, PyAny>>> {
    Ok(Some(match value {
        Value::Null => return Ok(None),
        Value::Bool(value) => value.into_pyobject(py)?.to_owned().into_any(),
        Value::String(text) => text.into_pyobject(py)?.into_any(),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => number.into_pyobject(py)?.into_any(),
            (_, Some(number)) => number.into_pyobject(py)?.into_any(),
            _ => number.as_f64().unwrap_or(f64::NAN).into_pyobject(py)?.into_any(),
        },
        other => other.to_string().into_pyobject(py)?.into_any(),
    }))
}
