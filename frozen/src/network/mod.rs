//! A frozen network: a static graph of layers whose weights never change.
//!
//! Feature visualization needs two things of a network: the activations at some points (taps), and the gradient of a
//! scalar function of them with respect to the network's *input*. Nothing else is ever computed here:
//!
//! - no weight carries a gradient, and no autograd graph is recorded: the pullback (vector-Jacobian product) of every
//!   layer is written out, and the gradient of a frozen convolution is itself a convolution with fixed weights;
//! - batch normalization is folded into the convolution before it when the network is built ([`Builder::batch_norm`]), and
//!   a ReLU behind a convolution is applied by the convolution where nobody wants what is between them;
//! - tensors are channels-last, which the convolutions of libtorch's CPU back end are fastest with;
//! - a pass stops at the deepest wanted tap, activations overwrite their input, and only what a pullback reads is kept.

pub(crate) mod activation;
pub use adapt::{GREY, Mixed};
mod adapt;
mod builder;
pub(crate) mod gradient;
pub(crate) mod graph;
pub(crate) mod layer;
pub(crate) mod layers;
pub(crate) mod layout;
mod loops;
mod measure;
mod onednn;
mod part;
mod pass;
pub(crate) mod passing;
mod program;
mod schedule;

pub use builder::{Builder, Kernel, Node};
pub use graph::{Network, Point, Tap, UnknownLayer};
pub use layers::convolution::Padding;
pub use layers::pool::Pool;
pub use layers::program::{Outputs, Program, ProgramError};
pub use layers::script::Script;
pub use layout::channels_last;
pub use pass::Pass;
pub use program::network as of_program;
pub use schedule::Schedule;
