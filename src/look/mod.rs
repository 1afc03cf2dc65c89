//! Looking at finished pictures: what classifiers make of them, without transforms, at the classifiers' own input size.

pub mod judge;
mod networks;

pub(crate) use networks::pooled;
pub use networks::{Asked, Look, Networks, default_layers, last_features, named};
