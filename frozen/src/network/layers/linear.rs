//! The fully connected layer (Rosenblatt 1958's perceptron without its threshold).

use kernels::few_rows;
use tch::{Device, Kind, Tensor};

use super::super::gradient::Pullback;
use super::super::layer::Layer;
use super::super::layout::{by_blocks, product};
use super::super::loops::{how, numbers, numbers_mut, suits};
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

impl Linear {
    /// Whether a row is multiplied alone: in f32 on the CPU, where that is faster than a product of matrices.
    fn by_rows(&self, rows: &Tensor) -> bool {
        rows.dim() == 2 && suits(rows) && suits(&self.weight)
    }

    fn product(&self, x: &Tensor) -> Tensor {
        if !self.by_rows(x) {
            return by_blocks(x, |row| row.linear(&self.weight, Some(&*self.bias)));
        }
        let (x, weight) = (x.contiguous(), self.weight.size());
        let [rows, inputs, outputs] = [x.size()[0], weight[1], weight[0]];
        let result = Tensor::empty([rows, outputs], (Kind::Float, Device::Cpu));
        let sizes = [rows, inputs, outputs].map(|size| size as usize);
        few_rows::product(sizes, numbers(&x), numbers(&self.weight), numbers(&self.bias), numbers_mut(&result), how());
        result
    }

    /// Of a class one number of a row is not 0, and its gradient is a row of the matrix.
    fn pullback(&self, gradient: &Tensor) -> Tensor {
        /// A row is added up where fewer of its numbers than one in so many are not 0.
        const FEW: usize = 16;
        let all_blocks = || by_blocks(gradient, |row| row.matmul(&self.weight));
        if !self.by_rows(gradient) {
            return all_blocks();
        }
        let (gradient, weight) = (gradient.contiguous(), self.weight.size());
        let [outputs, inputs] = [weight[0], weight[1]].map(|size| size as usize);
        let rows: Vec<&[f32]> = numbers(&gradient).chunks_exact(outputs).collect();
        let is_sparse = |row: &&[f32]| row.iter().filter(|number| **number != 0.).count() <= outputs / FEW;
        let result = match rows.iter().all(is_sparse) {
            true => Tensor::zeros([rows.len() as i64, inputs as i64], (Kind::Float, Device::Cpu)),
            false => all_blocks(),
        };
        for (row, into) in
            rows.iter().zip(numbers_mut(&result).chunks_exact_mut(inputs)).filter(|(row, _)| is_sparse(row))
        {
            into.fill(0.);
            few_rows::add_rows(row, numbers(&self.weight), into);
        }
        result
    }
}

impl Layer for Linear {
    fn fits(&self, inputs: &[Tensor]) -> Result<(), String> {
        let (size, wanted) = (inputs[0].size(), self.weight.size()[1]);
        if size[1..] == [wanted] { Ok(()) } else { Err(format!("a matrix of {wanted} columns meets {size:?}")) }
    }

    fn forward<'n>(&'n self, inputs: &[Tensor], _in_place: bool) -> (Tensor, Pullback<'n>) {
        (self.product(&inputs[0]), Pullback::of_one(|gradient| self.pullback(&gradient.tensor)))
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
