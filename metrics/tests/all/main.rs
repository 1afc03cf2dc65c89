//! The figures against independent implementations (see `reference/make.py`).

mod critique;
mod pictures;
mod reference;
mod sets;
mod statistics;
