//! Tables as columns, which Python makes frames of.

use metapicture::engine::inventory::Table;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use serde_json::Value;

/// A list a column, by its name.
pub fn frame<'py>(py: Python<'py>, table: &Table) -> PyResult<Bound<'py, PyDict>> {
    let Table { columns, rows } = table;
    let all = PyDict::new(py);
    for (number, name) in columns.iter().enumerate() {
        let values: Vec<Option<Bound<'py, PyAny>>> =
            rows.iter().map(|row| plain(py, &row[number])).collect::<PyResult<_>>()?;
        all.set_item(name, PyList::new(py, values)?)?;
    }
    Ok(all)
}

/// The table of documents that have the same keys in the same order.
pub fn of_documents(columns: &[&str], documents: impl IntoIterator<Item = Value>) -> Table {
    let row = |mut document: Value| columns.iter().map(|name| document[*name].take()).collect();
    Table {
        columns: columns.iter().map(|name| (*name).to_owned()).collect(),
        rows: documents.into_iter().map(row).collect(),
    }
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
