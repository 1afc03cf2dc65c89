//! What networks make of finished pictures.

pub mod judge;
mod networks;

pub use networks::{Asked, Look, Networks, Opinion, default_layers, last_features, pooled};
