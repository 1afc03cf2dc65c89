//! Networks in the format of ONNX (onnx.ai), operators of version 7 and later.

mod arguments;
mod layers;
mod model;
mod nodes;
mod program;
mod shapes;
mod tensor;

pub(super) use program::{File, is_one, read};
