//! Attention over the positions of a picture (Zhang et al. 2019, "Self-Attention Generative Adversarial Networks", after Vaswani
//! et al. 2017, "Attention Is All You Need").

use tch::{Kind, Tensor};

use super::super::gradient::{Gradient, Pullback};
use super::super::layer::Layer;
use super::super::layout::{channels_last_empty, height_and_width, product};
use super::positions::{block, rows};

/// At each position of a query `[N,D,H,W]` the mean of a value `[N,E,h,w]`, weighted by the softmax of scale q·k over the
/// positions of a key `[N,D,h,w]`: `[N,E,H,W]`. PyTorch's `scaled_dot_product_attention` with one head.
#[derive(Debug)]
pub(crate) struct Attention {
    /// Of the products before the softmax.
    pub scale: f64,
}

impl Attention {
    /// The softmax over the key's positions of scale q·k: `[n,hw]` for `n` of the query's positions.
    fn weights(&self, query: &Tensor, key: &Tensor) -> Tensor {
        (query * self.scale).matmul(&key.transpose(0, 1)).softmax(1, None::<Kind>)
    }

    fn output(&self, [query, key, value]: [&Tensor; 3]) -> Tensor {
        let output = channels_last_empty(query, value.size()[1], height_and_width(query));
        for sample in 0..query.size()[0] {
            let [queries, keys, values] = [query, key, value].map(|tensor| rows(&tensor.get(sample)));
            let mut into = rows(&output.get(sample)).split(block(keys.size()[0]), 0);
            for (part, into) in queries.split(block(keys.size()[0]), 0).iter().zip(&mut into) {
                into.copy_(&self.weights(part, &keys).matmul(&values));
            }
        }
        output
    }

    /// The gradients of query, key and value. The softmax is computed again: it would take the most memory of all.
    fn pullback(&self, gradient: &Tensor, inputs: [&Tensor; 3]) -> [Tensor; 3] {
        let [query, key, value] = inputs;
        let of_inputs = inputs.map(|input| channels_last_empty(input, input.size()[1], height_and_width(input)));
        for sample in 0..query.size()[0] {
            let [queries, keys, values] = [query, key, value].map(|tensor| rows(&tensor.get(sample)));
            let gradients = rows(&gradient.get(sample));
            let [of_query, mut of_key, mut of_value] = of_inputs.each_ref().map(|tensor| rows(&tensor.get(sample)));
            let (_, _) = (of_key.zero_(), of_value.zero_());
            let parts = block(keys.size()[0]);
            let blocks =
                queries.split(parts, 0).into_iter().zip(gradients.split(parts, 0)).zip(of_query.split(parts, 0));
            for ((queries, gradients), mut of_query) in blocks {
                let weights = self.weights(&queries, &keys);
                let _ = of_value.g_add_(&weights.transpose(0, 1).matmul(&gradients));
                let of_weights = gradients.matmul(&values.transpose(0, 1));
                let of_scores = Tensor::internal_softmax_backward_data(&of_weights, &weights, 1, weights.kind())
                    .g_mul_scalar_(self.scale);
                of_query.copy_(&of_scores.matmul(&keys));
                let _ = of_key.g_add_(&of_scores.transpose(0, 1).matmul(&queries));
            }
        }
        of_inputs
    }
}

impl Layer for Attention {
    fn forward<'n>(&'n self, inputs: &[Tensor], _in_place: bool) -> (Tensor, Pullback<'n>) {
        let inputs = [&inputs[0], &inputs[1], &inputs[2]].map(Tensor::shallow_clone);
        let output = self.output(inputs.each_ref());
        let pullback = Pullback::new(move |gradient| {
            self.pullback(&gradient.tensor, inputs.each_ref()).into_iter().map(Gradient::owned).collect()
        });
        (output, pullback)
    }

    fn pullback_reads_input(&self) -> bool {
        true
    }

    fn multiply_adds(&self, _output: &[i64], inputs: &[Vec<i64>]) -> (f64, f64) {
        let [query, key, value] = inputs else { return (0., 0.) };
        let pairs = product(&query[2..]) * product(&key[2..]);
        let (scores, means) = (pairs * query[1] as f64, pairs * value[1] as f64);
        (scores + means, 3. * scores + 2. * means)
    }
}
