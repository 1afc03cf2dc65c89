//! Pictures compared: what legibility costs, in figures.

pub mod comparison;

pub use comparison::Comparison;
