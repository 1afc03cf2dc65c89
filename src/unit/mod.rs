//! Units: what is visualised.
//!
//! | written | is |
//! |---|---|
//! | `class:banana`, `class:954`, `banana` | the logit of a class |
//! | `logits:954`, `_fc:954` | the same, by index |
//! | `_blocks.10:37` | a channel of a layer: the mean over its positions |
//! | `_blocks.10:37@7,7` | one neuron of a channel: row 7, column 7 |
//! | `layer:_blocks.10` | a whole layer: the mean of its squares (DeepDream, Mordvintsev et al. 2015) |
//! | `direction(_blocks.10, FILE)` | the dot product with a vector of a number a channel, mean over positions (Olah et al. 2017) |
//! | `cosine(_blocks.10, FILE)` | its cosine with that vector, mean over positions |
//! | `inversion(_blocks.10, PHOTO)`, `like(…)`, `caricature(…)`, `guide(…)`, `style(…)` | towards what a photograph does to a layer: [`Likeness`] |
//! | `probability(banana)`, `log_probability(banana)` | after the softmax |
//! | `quadratic(_blocks.10:37)` | the mean of squares instead of the mean |
//! | `banana + 0.5*violin - _blocks.10:37` | weighted sums of all of these |
//!
//! `component(CLASS, K, FOLDER)` is a direction, too: principal component K of a class's photographs (Neuhaus et al. 2023).
//!
//! `UNIT @ OTHER` is read in another classifier: `banana - banana @ OTHER` is what the two disagree about.
//!
//! FILE is a `.npy` or `.safetensors` file with one vector, or `random:SEED` for a random one of norm 1. Of a file with several, `[K,C]`, as dictionaries have
//! them (sparse autoencoders, NMF), `FILE:k` is number k from 0.

mod component;
mod parse;
mod shapes;
mod sum;
mod target;
mod term;

pub use component::principal_direction;
pub use parse::{Among, Others, WITH_FILES, keep_files, opposite};
pub use shapes::LayerShapes;
pub use sum::Unit;
pub use target::{Likeness, Target};
pub use term::{Direction, Elsewhere, Part, Place, Reading, Term};
