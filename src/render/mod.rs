//! The optimization: a batch of runs that share a classifier, a generator, a method and a size, one step at a time.
//!
//! ```text
//! param ─> pictures ─> transforms, input pipeline ─> classifier, as far as the deepest unit ─> objective
//!   ▲                                                                                           │
//!   └─────────────────── gradient, to the param's tensors and nothing else ─────────────────────┘
//! ```
//!
//! The loop reads nothing back from the device but every tenth step. Each sample's loss, random numbers and
//! optimizer state are its own, so that its picture does not depend on its neighbours beyond rounding.
//!
//! A batch that is cut off goes on from its last checkpoint ([`resume`]): everything that a step writes and a later one
//! reads is in `Chain::saved`, or in `Search::saved` where there are no gradients.

mod anchor;
mod ascent;
mod batch;
mod best;
mod elsewhere;
mod encoder;
mod keeper;
mod likeness;
mod matching;
mod objective;
mod optimize;
mod screen;
mod search;
mod start;
mod tiles;
mod trace;
mod view;
mod watch;
mod whitening;

pub use batch::{Batch, Passes, Rendered};
pub use encoder::{Encoder, EncoderNetwork};
pub use keeper::{Keeper, PAUSE, Timed, Unkept, UnkeptUntil};
pub use likeness::evaluate as towards;
pub use objective::{Evaluated, Objective};
pub use optimize::{render, resume};
pub use trace::Row;
pub use view::{Moment, Seen, View};
pub use watch::Watch;
