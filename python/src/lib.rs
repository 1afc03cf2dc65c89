//! The native part of the Python package `metapicture`: requests in plain values, answers in bytes and plain values. What people see is
//! in `python/metapicture`.
//!
//! libtorch is not in it: `metapicture/__init__.py` imports `torch` before it imports this, so that the loader finds the libraries of
//! that wheel in the process by their names.

mod command_line;
mod errors;
mod live;
mod models;
mod picture;
mod progress;
mod results;
mod sweep;
mod tensors;
mod visualize;

/// Names with a leading underscore are the package's own.
#[pyo3::pymodule(gil_used = true)]
mod _native {
    #[pymodule_export]
    use super::command_line::run;
    #[pymodule_export]
    use super::picture::Picture;
    #[pymodule_export]
    use super::results::results;
    #[pymodule_export]
    use super::sweep::sweep;
    #[pymodule_export]
    use super::visualize::visualize;

    /// The libtorch that this was built with, to the digit.
    #[pymodule_export]
    const LIBTORCH: &str = metapicture::engine::store::LIBTORCH_VERSION;

    /// The version of the library.
    #[pymodule_export]
    const VERSION: &str = env!("CARGO_PKG_VERSION");

    #[pymodule_init]
    fn init() {
        super::errors::quiet_panics();
    }
}
