//! Programs of other people's networks, read as data: ONNX files, and what `torch.export.save` writes. No code of theirs runs.
//!
//! A reader (`onnx`, `exported`) follows the program once (`trace`) in a vocabulary that both share (`function`); what comes
//! out is turned into the layers of [`crate::network`] (`lower`): batch norms are folded, convolutions are the same as in our own
//! architectures, and an operator without a pullback of ours is evaluated by libtorch, whose autograd then carries the gradient over
//! this one node (`evaluated`). Every node is a tap (`taps`).

mod error;
mod evaluate;
mod evaluated;
mod exported;
mod function;
mod lower;
mod onnx;
mod open;
mod pointwise;
mod taps;
mod trace;

pub use error::ImportError;
pub use open::{Format, Opened, Request, open};
