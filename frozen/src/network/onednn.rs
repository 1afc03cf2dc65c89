//! Convolutions whose weights are laid out for oneDNN once, instead of in every call.
//!
//! The operators exist in libtorch, but not in its C++ interface; `onednn.py` writes the few lines of TorchScript that
//! call them. Results are bit for bit those of the ordinary convolution, and of a ReLU behind it, but for one thing: the ReLU
//! in the convolution makes 0 of what is not a number, which a pass makes up for.

use std::sync::OnceLock;

use tch::{CModule, Device, IValue, Kind, Tensor};

use super::activation::Activation;
use crate::constant::Constant;

thread_local! {
    /// The operators; none where this libtorch was built without oneDNN.
    static OPERATORS: Option<CModule> = CModule::load_data(&mut &include_bytes!("onednn.pt")[..]).ok();
}

/// The geometry of a convolution: padding of rows and columns, stride, groups.
pub(crate) type Geometry = [i64; 4];

/// A kernel laid out for oneDNN when it is first used.
#[derive(Debug, Default)]
pub(crate) struct Packed(OnceLock<Option<Constant>>);

impl Packed {
    fn laid_out(&self, how: &str, input: &Tensor, kernel: &Tensor, geometry: Geometry) -> Option<&Tensor> {
        let suits = input.device() == Device::Cpu && input.kind() == Kind::Float;
        if suits { self.0.get_or_init(|| pack(how, kernel, geometry, &input.size())).as_deref() } else { None }
    }

    /// The convolution of `input` with `kernel`, which must be the same in every call.
    pub fn convolve(
        &self,
        input: &Tensor,
        kernel: &Tensor,
        bias: Option<&Tensor>,
        geometry: Geometry,
        activation: Option<Activation>,
    ) -> Tensor {
        let packed = self.laid_out("pack", input, kernel, geometry);
        packed.and_then(|packed| run(input, packed, bias, geometry, activation)).unwrap_or_else(|| {
            let [rows, columns, stride, groups] = geometry;
            let output = input.conv2d(kernel, bias, [stride; 2], [rows, columns], [1, 1], groups);
            match activation {
                None => output,
                Some(activation) => activation.over(output),
            }
        })
    }

    /// The transposed convolution of `input` with `kernel` `[in,out,rows,columns]`, the same in every call.
    pub fn convolve_transposed(
        &self,
        input: &Tensor,
        kernel: &Tensor,
        bias: Option<&Tensor>,
        geometry: Geometry,
    ) -> Tensor {
        let packed = self.laid_out("pack_transposed", input, kernel, geometry);
        packed.and_then(|packed| run_transposed(input, packed, bias, geometry)).unwrap_or_else(|| {
            let [rows, columns, stride, groups] = geometry;
            input.conv_transpose2d(kernel, bias, [stride; 2], [rows, columns], [0, 0], groups, [1, 1])
        })
    }
}

fn pack(how: &str, kernel: &Tensor, geometry: Geometry, size: &[i64]) -> Option<Constant> {
    let arguments =
        [IValue::Tensor(kernel.shallow_clone()), IValue::IntList(geometry.to_vec()), IValue::IntList(size.to_vec())];
    let packed = OPERATORS.with(|operators| operators.as_ref()?.method_is(how, &arguments).ok())?;
    Tensor::try_from(packed).ok().map(Constant::from)
}

fn run(
    input: &Tensor,
    packed: &Tensor,
    bias: Option<&Tensor>,
    geometry: Geometry,
    activation: Option<Activation>,
) -> Option<Tensor> {
    let activation = match activation {
        None => "none",
        Some(Activation::Relu) => "relu",
        Some(Activation::Relu6) => "hardtanh",
    };
    let arguments = [
        IValue::Tensor(input.shallow_clone()),
        IValue::Tensor(packed.shallow_clone()),
        bias.map_or(IValue::None, |bias| IValue::Tensor(bias.shallow_clone())),
        IValue::IntList(geometry.to_vec()),
        IValue::String(activation.to_owned()),
    ];
    let output = OPERATORS.with(|operators| operators.as_ref()?.forward_is(&arguments).ok())?;
    Tensor::try_from(output).ok()
}

fn run_transposed(input: &Tensor, packed: &Tensor, bias: Option<&Tensor>, geometry: Geometry) -> Option<Tensor> {
    let arguments = [
        IValue::Tensor(input.shallow_clone()),
        IValue::Tensor(packed.shallow_clone()),
        bias.map_or(IValue::None, |bias| IValue::Tensor(bias.shallow_clone())),
        IValue::IntList(geometry.to_vec()),
    ];
    let output = OPERATORS.with(|operators| operators.as_ref()?.method_is("transposed", &arguments).ok())?;
    Tensor::try_from(output).ok()
}
