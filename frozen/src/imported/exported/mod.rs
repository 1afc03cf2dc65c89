//! Exported programs of PyTorch (`torch.export.save`, files `.pt2`).

mod archive;
mod arguments;
mod operator;
mod operators;
mod program;
mod schema;
mod shapes;

pub(super) use program::{Exported, missing_operators, open};
