//! The library's errors as exceptions of the package, and what libtorch throws as one of them.

use metapicture::engine::libtorch;
use metapicture::{Error, ErrorKind};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

/// The class of `metapicture._errors` for an error of this kind.
fn class(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Request => "RequestError",
        ErrorKind::Model => "ModelError",
        ErrorKind::Storage => "StorageError",
        // Work that was left is told by whoever asked for that.
        _ => "ComputeError",
    }
}

/// The exception of an error: its message in one line, its hint and its key.
pub fn exception(py: Python<'_>, error: &Error) -> PyErr {
    let made = || -> PyResult<Bound<'_, PyAny>> {
        let class = py.import("metapicture._errors")?.getattr(class(error.kind()))?;
        let text = error.to_string();
        // What is a flag on a command line is an argument here.
        class.call1((text.strip_prefix("--").unwrap_or(&text), error.hint(), error.key()))
    };
    match made() {
        Ok(made) => PyErr::from_value(made),
        Err(_) => PyRuntimeError::new_err(error.to_string()),
    }
}

/// Computes without the interpreter. What libtorch throws, and a bug of ours, is an error of the library.
pub fn detached<T: Send>(py: Python<'_>, compute: impl FnOnce() -> Result<T, Error> + Send) -> PyResult<T> {
    py.detach(|| libtorch::catching("", compute)).map_err(|error| exception(py, &error))
}

/// What libtorch throws passes through a panic, which need not be shown: it becomes an exception.
pub fn quiet_panics() {
    let show = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        // What a live network raised is kept, and raised again.
        let of_live = panic.payload().downcast_ref::<String>().is_some_and(|text| text.starts_with("PyTorch: "));
        if !of_live && libtorch::thrown(panic.payload()).is_none() {
            show(panic);
        }
    }));
}
