//! The figures against independent implementations (see `reference/make.py`).

mod pictures;
mod reference;
mod sets;
mod statistics;
