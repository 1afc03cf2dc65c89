//! A node without a layer of ours: libtorch computes it, and its autograd carries the gradient over this one node.

use tch::{Kind, Tensor};

use super::error::first_line;
use super::function::Function;
use crate::constant::Constant;
use crate::network::gradient::{Gradient, Pullback};
use crate::network::layer::Layer;

/// What an operand is.
#[derive(Debug)]
pub(crate) enum Slot {
    /// The layer's input of this number.
    Input(usize),
    /// Known numbers.
    Constant(Constant),
}

/// How many samples there are, as an input's first size tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Count {
    /// Which input.
    pub input: usize,
    /// Its first size by sample.
    pub each: i64,
}

/// The same numbers in another shape, of which one size is multiplied by the number of samples.
#[derive(Debug)]
pub(crate) struct ReshapeAt {
    /// For `samples` of them.
    pub to: Vec<i64>,
    /// The axis that holds samples.
    pub axis: usize,
}

impl Layer for ReshapeAt {
    fn forward<'n>(&'n self, inputs: &[Tensor], _in_place: bool) -> (Tensor, Pullback<'n>) {
        let (mut to, size) = (self.to.clone(), inputs[0].size());
        let (has, numbers) = (to.iter().product::<i64>().max(1), inputs[0].numel() as i64);
        to[self.axis] = to[self.axis] * numbers / has;
        let back = Pullback::new(move |gradient| {
            let tensor = gradient.tensor.reshape(&size);
            vec![gradient.seen_as(tensor)]
        });
        (inputs[0].reshape(to), back)
    }

    fn fits(&self, inputs: &[Tensor]) -> Result<(), String> {
        let (has, numbers) = (self.to.iter().product::<i64>().max(1), inputs[0].numel() as i64);
        let fits = (self.to[self.axis] * numbers) % has == 0;
        if fits { Ok(()) } else { Err(format!("{:?} has no room for {numbers} numbers", self.to)) }
    }

    fn may_be_view(&self) -> bool {
        true
    }
}

/// A function of the inputs and of constants.
#[derive(Debug)]
pub(crate) struct Evaluated {
    /// For each of `samples`.
    functions: Vec<Function>,
    /// The numbers of samples that the program was followed for.
    samples: Vec<i64>,
    slots: Vec<Slot>,
    count: Count,
}

impl Evaluated {
    pub fn new(functions: Vec<Function>, samples: Vec<i64>, slots: Vec<Slot>, count: Count) -> Evaluated {
        // Where nothing depends on the number of samples, one is enough.
        let same = functions.iter().all(|function| *function == functions[0]);
        let keep = if same { 1 } else { functions.len() };
        Evaluated { functions: functions.into_iter().take(keep).collect(), samples, slots, count }
    }

    /// The function for as many samples as the inputs have.
    fn function(&self, inputs: &[Tensor]) -> Function {
        let mut function = self.functions[0].clone();
        if let ([_, second], [few, more]) = (&self.functions[..], &self.samples[..]) {
            let count = inputs[self.count.input].size()[0] / self.count.each;
            let mut second = second.clone();
            for (number, of_more) in function.whole_numbers().into_iter().zip(second.whole_numbers()) {
                // What is far out ("to the end") does not depend on the samples.
                *number = number.saturating_add((*of_more - *number).saturating_mul(count - few) / (more - few));
            }
        }
        function
    }

    fn evaluate(&self, inputs: &[Tensor], leaves: &[Tensor]) -> Result<Tensor, tch::TchError> {
        let operands: Vec<Tensor> = self
            .slots
            .iter()
            .map(|slot| match slot {
                Slot::Input(input) => leaves[*input].shallow_clone(),
                Slot::Constant(constant) => constant.shallow_clone(),
            })
            .collect();
        self.function(inputs).evaluate(&operands, inputs[0].device())
    }
}

/// Whether numbers of this kind have gradients.
fn is_float(tensor: &Tensor) -> bool {
    matches!(tensor.kind(), Kind::Float | Kind::Double | Kind::Half | Kind::BFloat16)
}

impl Layer for Evaluated {
    fn forward<'n>(&'n self, inputs: &[Tensor], _in_place: bool) -> (Tensor, Pullback<'n>) {
        if let Function::Reshape(_) = self.functions[0] {
            let output = self.evaluate(inputs, inputs);
            let output = output.unwrap_or_else(|error| panic!("Reshape: {}", first_line(&error)));
            let size = inputs[0].size();
            let back = Pullback::new(move |gradient| {
                let tensor = gradient.tensor.reshape(&size);
                vec![gradient.seen_as(tensor)]
            });
            return (output, back);
        }
        let leaves: Vec<Tensor> =
            inputs.iter().map(|input| input.detach().set_requires_grad(is_float(input))).collect();
        let recorded = tch::with_grad(|| self.evaluate(inputs, &leaves));
        let recorded = recorded.unwrap_or_else(|error| {
            let shapes: Vec<Vec<i64>> = inputs.iter().map(Tensor::size).collect();
            panic!("{:?} of {shapes:?}: {}", self.functions[0], first_line(&error))
        });
        let output = recorded.detach();
        let pullback = Pullback::new(move |gradient| {
            let read: Vec<usize> = (0..leaves.len())
                .filter(|input| self.slots.iter().any(|slot| matches!(slot, Slot::Input(of) if of == input)))
                .filter(|&input| leaves[input].requires_grad())
                .collect();
            let mut gradients: Vec<Gradient> =
                leaves.iter().map(|leaf| Gradient::owned(leaf.detach().zeros_like())).collect();
            if recorded.requires_grad() && !read.is_empty() {
                let product = tch::with_grad(|| (&recorded * &gradient.tensor).sum(recorded.kind()));
                let inputs: Vec<&Tensor> = read.iter().map(|&input| &leaves[input]).collect();
                for (&input, gradient) in read.iter().zip(Tensor::run_backward(&[product], &inputs, false, false)) {
                    // What autograd spreads over a mean, it does not write out.
                    let spread =
                        gradient.stride().iter().zip(gradient.size()).any(|(&step, size)| step == 0 && size > 1);
                    let gradient = gradient.detach();
                    gradients[input] = Gradient::owned(if spread { gradient.contiguous() } else { gradient });
                }
            }
            gradients
        });
        (output, pullback)
    }

    fn fits(&self, inputs: &[Tensor]) -> Result<(), String> {
        tch::no_grad(|| self.evaluate(inputs, inputs)).map(|_| ()).map_err(|error| first_line(&error))
    }

    fn may_be_view(&self) -> bool {
        self.functions[0].is_view()
    }

    fn pullback_reads_output(&self) -> bool {
        !matches!(self.functions[0], Function::Reshape(_))
    }

    fn pullback_reads_input(&self) -> bool {
        !matches!(self.functions[0], Function::Reshape(_))
    }

    fn hides_failures(&self) -> bool {
        true
    }

    fn multiply_adds(&self, output: &[i64], inputs: &[Vec<i64>]) -> (f64, f64) {
        let product = |sizes: &[i64]| sizes.iter().map(|&size| size as f64).product::<f64>();
        let size = |slot: &Slot| match slot {
            Slot::Input(input) => inputs[*input].clone(),
            Slot::Constant(constant) => constant.size(),
        };
        let once = match (&self.functions[0], self.slots.first(), self.slots.get(1)) {
            (Function::MatMul, Some(x), Some(_)) => product(&output[1..]) * size(x).last().copied().unwrap_or(1) as f64,
            (Function::Convolution { .. }, Some(_), Some(kernel)) => {
                product(&output[1..]) * product(&size(kernel)[1..])
            }
            (Function::Transposed { .. }, Some(x), Some(kernel)) => {
                product(&size(x)[1..]) * product(&size(kernel)[1..])
            }
            (Function::Attention { .. }, Some(query), Some(key)) => {
                let (query, key) = (size(query), size(key));
                2. * product(&query[1..]) * key[key.len() - 2] as f64
            }
            _ => 0.,
        };
        (once, once * if self.slots.iter().filter(|slot| matches!(slot, Slot::Input(_))).count() > 1 { 2. } else { 1. })
    }

    fn tensors(&self) -> Vec<&Constant> {
        let constants = self.slots.iter().filter_map(|slot| match slot {
            Slot::Constant(constant) => Some(constant),
            Slot::Input(_) => None,
        });
        constants.collect()
    }

    fn map_tensors(&mut self, f: &dyn Fn(&Tensor) -> Tensor) {
        for slot in &mut self.slots {
            if let Slot::Constant(constant) = slot {
                constant.map(f);
            }
        }
    }
}
