//! Weight files: `safetensors`, both formats of `torch.save`, Caffe's `.caffemodel` and Keras's HDF5, read as data and never as
//! programs.
//!
//! [`WeightFile`] knows the tensors of a file by name and shape and reads them on demand; [`Weights`] hands them to a
//! network's layers and says at the end what did not fit.
//!
//! What a file can cause is bounded by the file: sizes are compared with the bytes that are really there before memory
//! is taken, a tensor is a strided view of its storage (so tensors that share a storage share memory, and an expanded
//! one takes none), and the pickle inside of a `.pth` may only rebuild tensors (see `pickle.rs`). A truncated or altered
//! file gives an error with its path, never a panic.
//!
//! The formats are described in PyTorch's `torch/serialization.py` (`_legacy_load`, `_load`) and in the README of
//! `safetensors`. The crate `pytorch-reader` (0.23.0-pre.1) reads the same `.pth` files, but keeps calls of unknown
//! functions as opaque objects instead of refusing them by name, copies what the pickle mentions again (up to fixed
//! limits of a million nodes and 64 MiB, whatever the file's size), and writes every view out contiguously, so that an
//! expanded tensor of a few bytes can take gigabytes and shared storages are read once for each tensor.

mod caffe;
pub(crate) mod contents;
pub(crate) mod error;
pub(crate) mod file;
mod fit;
mod hdf5;
mod legacy;
mod naming;
mod pickle;
mod safetensors;
mod state_dict;
pub(crate) mod zip;

pub use contents::TensorEntry;
pub use error::{Fault, Misfit, Misshapen, WeightError};
pub use file::WeightFile;
pub use fit::Weights;
