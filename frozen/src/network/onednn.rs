//! Convolutions whose weights are laid out for oneDNN once, instead of in every call.
//!
//! The operators exist in libtorch, but not in its C++ interface; `onednn.py` writes the few lines of TorchScript that
//! call them. Results are bit for bit those of the ordinary convolution.

use std::cell::OnceCell;

use tch::{CModule, Device, IValue, Kind, Tensor};

thread_local! {
    /// The two operators; none where this libtorch was built without oneDNN.
    static OPERATORS: Option<CModule> = CModule::load_data(&mut &include_bytes!("onednn.pt")[..]).ok();
}

/// The geometry of a convolution: padding of rows and columns, stride, groups.
pub(super) type Geometry = [i64; 4];

/// A kernel laid out for oneDNN when it is first used.
#[derive(Debug, Default)]
pub(super) struct Packed(OnceCell<Option<Tensor>>);

impl Packed {
    /// The convolution of `input` with `kernel`, which must be the same in every call.
    pub fn convolve(&self, input: &Tensor, kernel: &Tensor, bias: Option<&Tensor>, geometry: Geometry) -> Tensor {
        let suits = input.device() == Device::Cpu && input.kind() == Kind::Float;
        let packed = if suits { self.0.get_or_init(|| pack(kernel, geometry, &input.size())).as_ref() } else { None };
        packed.and_then(|packed| run(input, packed, bias, geometry)).unwrap_or_else(|| {
            let [rows, columns, stride, groups] = geometry;
            input.conv2d(kernel, bias, [stride; 2], [rows, columns], [1, 1], groups)
        })
    }
}

fn pack(kernel: &Tensor, geometry: Geometry, size: &[i64]) -> Option<Tensor> {
    let arguments =
        [IValue::Tensor(kernel.shallow_clone()), IValue::IntList(geometry.to_vec()), IValue::IntList(size.to_vec())];
    let packed = OPERATORS.with(|operators| operators.as_ref()?.method_is("pack", &arguments).ok())?;
    Tensor::try_from(packed).ok()
}

fn run(input: &Tensor, packed: &Tensor, bias: Option<&Tensor>, geometry: Geometry) -> Option<Tensor> {
    let arguments = [
        IValue::Tensor(input.shallow_clone()),
        IValue::Tensor(packed.shallow_clone()),
        bias.map_or(IValue::None, |bias| IValue::Tensor(bias.shallow_clone())),
        IValue::IntList(geometry.to_vec()),
    ];
    let output = OPERATORS.with(|operators| operators.as_ref()?.forward_is(&arguments).ok())?;
    Tensor::try_from(output).ok()
}
