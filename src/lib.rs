//! metapicture: GAN-prior feature visualization. What a unit of a frozen image classifier looks for, found in the codes of
//! a frozen generator or among all pixels, and what the legibility of the prior costs.
//!
//! The way of the data is one direction: experiment, plan, batches, [`render`], records, pictures.

pub mod checkpoint;
pub mod cli;
pub mod compare;
pub mod device;
pub mod encoder;
pub mod error;
pub mod evolution;
pub mod experiment_file;
pub mod filter;
pub mod look;
pub mod method;
pub mod models;
pub mod objective;
pub mod optimizer;
pub mod param;
pub mod picture;
pub mod plot;
pub mod random;
pub mod reference;
pub mod regularizer;
pub mod render;
pub mod report;
pub mod run;
pub mod samples;
pub mod sheet;
pub mod store;
pub mod tensor_file;
pub mod transform;
pub mod unit;
pub mod view;
pub mod visualize;

/// What a program that uses the library needs: `use metapicture::prelude::*;`.
pub mod prelude {
    pub use crate::error::Error;
    pub use crate::models::{Classifier, Generator, Layer, Models};
    pub use crate::visualize::{Picture, Visualization};
}
