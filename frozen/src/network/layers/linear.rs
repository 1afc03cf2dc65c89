//! The fully connected layer (Rosenblatt 1958's perceptron without its threshold).

use tch::Tensor;

use super::super::gradient::Pullback;
use super::super::layer::Layer;
use super::super::layout::{by_blocks, product};
use crate::constant::Constant;

/// x W^T + b, `[N,I]` to `[N,O]`; PyTorch's `Linear`.
#[derive(Debug)]
pub(crate) struct Linear {
    /// `[O,I]`
    weight: Constant,
    /// `[O]`
    bias: Constant,
}

impl Linear {
    /// `weight` is `[O,I]`, `bias` `[O]`.
    pub fn new(weight: Tensor, bias: Tensor) -> Linear {
        Linear { weight: weight.into(), bias: bias.into() }
    }
}

impl Layer for Linear {
    fn fits(&self, inputs: &[Tensor]) -> Result<(), String> {
        let (size, wanted) = (inputs[0].size(), self.weight.size()[1]);
        if size[1..] == [wanted] { Ok(()) } else { Err(format!("a matrix of {wanted} columns meets {size:?}")) }
    }

    fn forward<'n>(&'n self, inputs: &[Tensor], _in_place: bool) -> (Tensor, Pullback<'n>) {
        let output = by_blocks(&inputs[0], |row| row.linear(&self.weight, Some(&*self.bias)));
        (output, Pullback::of_one(|gradient| by_blocks(&gradient.tensor, |row| row.matmul(&self.weight))))
    }

    fn multiply_adds(&self, _output: &[i64], _inputs: &[Vec<i64>]) -> (f64, f64) {
        let forward = product(&self.weight.size());
        (forward, forward)
    }

    fn tensors(&self) -> Vec<&Constant> {
        vec![&self.weight, &self.bias]
    }

    fn map_tensors(&mut self, f: &dyn Fn(&Tensor) -> Tensor) {
        self.weight.map(f);
        self.bias.map(f);
    }
}
