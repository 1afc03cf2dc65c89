//! The tests of weight files and of layers, in one program, so that libtorch is linked once.

mod imported;
mod imported_damaged;
mod layers;
#[path = "../mutate/mod.rs"]
mod mutate;
mod weights;
