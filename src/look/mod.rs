//! Looking at finished pictures: what classifiers make of them, without transforms, at the classifiers' own input size.

mod classes;
pub mod judge;
pub mod many;
mod networks;

pub use classes::{Seen, top};
pub(crate) use networks::pooled;
pub use networks::{Asked, Look, Networks, default_layers, last_features, logits, named};
