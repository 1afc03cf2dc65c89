//! Looking at finished pictures: what classifiers make of them, without transforms, at the classifiers' own input size.

pub mod judge;
pub mod networks;
