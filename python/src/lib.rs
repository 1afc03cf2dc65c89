//! The native part of the Python package `metapicture`: requests in plain values, answers in bytes and plain values. What people see is
//! in `python/metapicture`.
//!
//! libtorch is not in it: `metapicture/__init__.py` imports `torch` before it imports this, so that the loader finds the libraries of
//! that wheel in the process by their names.

mod classify;
mod command_line;
mod compare;
mod embed;
mod errors;
mod frame;
mod live;
mod models;
mod picture;
mod progress;
mod request;
mod results;
mod sheet;
mod sweep;
mod tensors;
mod visualize;
mod zoo;

/// Names with a leading underscore are the package's own.
#[pyo3::pymodule(gil_used = true)]
mod _native {
    #[pymodule_export]
    use super::classify::{activations, classify};
    #[pymodule_export]
    use super::command_line::run;
    #[pymodule_export]
    use super::compare::{compare, report};
    #[pymodule_export]
    use super::embed::{atlas, embed, map};
    #[pymodule_export]
    use super::picture::Picture;
    #[pymodule_export]
    use super::results::results;
    #[pymodule_export]
    use super::sheet::Sheet;
    #[pymodule_export]
    use super::sweep::sweep;
    #[pymodule_export]
    use super::visualize::visualize;
    #[pymodule_export]
    use super::zoo::{layers, methods, models, pull};

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
