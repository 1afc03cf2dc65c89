//! metapicture: feature visualization with generator priors. What a unit of a frozen image classifier looks for, found in the latent codes
//! of a frozen generator or among all pixels, and what the legibility of the prior costs.
//!
//! The way in is the [`prelude`]. Ten lines make a picture, the same that `metapicture visualize` makes:
//!
//! ```
//! use metapicture::prelude::*;
//!
//! fn main() -> Result<(), Error> {
//!     let models = Models::open()?;
//!     let lite0 = models.classifier("efficientnet-lite0")?;
//!     let faces = models.generator("face-dcgan")?;
//!     # let quick = |visualization: Visualization<'static>| visualization.steps(2);
//!     let picture = Visualization::of(&lite0, "banana")?.prior(&faces).method("latent")?;
//!     # let picture = quick(picture);
//!     let picture = picture.run()?;
//!     # let folder = std::env::temp_dir();
//!     # std::env::set_current_dir(folder).unwrap();
//!     picture.save("banana.png")?;
//!     Ok(())
//! }
//! ```
//!
//! [`Sweep`](prelude::Sweep) works off an experiment file, [`Comparison`](prelude::Comparison) measures what legibility costs.
//! What lies below is public as [`engine`], for those who need it; its names change from version to version.

// The command line is a client of the library, and names it as others do.
extern crate self as metapicture;

// Their names are those of `engine`.
#[doc(hidden)]
pub mod again;
#[doc(hidden)]
pub mod annotate;
#[doc(hidden)]
pub mod atlas;
#[doc(hidden)]
pub mod classify;
/// The program's command line, for whoever starts it: the program itself, and Python.
#[doc(hidden)]
pub mod cli;
#[doc(hidden)]
pub mod codes;
#[doc(hidden)]
pub mod compare;
#[doc(hidden)]
pub mod comparison;
#[doc(hidden)]
pub mod critique;
#[doc(hidden)]
pub mod device;
#[doc(hidden)]
pub mod doctor;
#[doc(hidden)]
pub mod embed;
#[doc(hidden)]
pub mod error;
#[doc(hidden)]
pub mod evolution;
#[doc(hidden)]
pub mod experiment_file;
#[doc(hidden)]
pub mod filter;
mod fit;
mod fixed;
mod html;
#[doc(hidden)]
pub mod inspect;
#[doc(hidden)]
pub mod inventory;
#[doc(hidden)]
pub mod libtorch;
#[doc(hidden)]
pub mod look;
#[doc(hidden)]
pub mod map;
#[doc(hidden)]
pub mod method;
#[doc(hidden)]
pub mod models;
#[doc(hidden)]
pub mod optimizer;
#[doc(hidden)]
pub mod param;
#[doc(hidden)]
pub mod people;
#[doc(hidden)]
pub mod picture;
#[doc(hidden)]
pub mod plot;
#[doc(hidden)]
pub mod random;
#[doc(hidden)]
pub mod rank;
#[doc(hidden)]
pub mod reference;
#[doc(hidden)]
pub mod regularizer;
#[doc(hidden)]
pub mod render;
#[doc(hidden)]
pub mod report;
#[doc(hidden)]
pub mod run;
#[doc(hidden)]
pub mod samples;
#[doc(hidden)]
pub mod saved;
#[doc(hidden)]
pub mod sheet;
#[doc(hidden)]
pub mod store;
#[doc(hidden)]
pub mod sweep;
#[doc(hidden)]
pub mod transform;
#[doc(hidden)]
pub mod unit;
#[doc(hidden)]
pub mod visualize;

pub use error::{Error, ErrorKind, Result};

/// What a program that uses the library needs: `use metapicture::prelude::*;`.
///
/// No type of libtorch's bindings appears here.
pub mod prelude {
    pub use crate::comparison::Comparison;
    pub use crate::error::Error;
    pub use crate::models::{Classifier, Generator, Layer, Models};
    pub use crate::sweep::{Sweep, Swept};
    pub use crate::visualize::{Picture, Visualization};
}

/// Everything below the [`prelude`], room by room: units, methods, params, the loop, stores, measures. **Unstable**: names and signatures
/// change from version to version.
pub mod engine {
    #[doc(inline)]
    pub use crate::{
        again, annotate, atlas, classify, codes, compare, comparison, critique, device, doctor, embed, error,
        evolution, experiment_file, filter, inspect, inventory, libtorch, look, map, method, models, optimizer, param,
        people, picture, plot, random, rank, reference, regularizer, render, report, run, samples, saved, sheet, store,
        sweep, transform, unit, visualize,
    };
}
