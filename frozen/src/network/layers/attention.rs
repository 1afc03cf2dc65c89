//! Products over positions: attention, and the nearest vectors of a codebook.
//!
//! Both go sample by sample and in blocks of positions, so that the table of all pairs never exists at once; a sample's
//! result does not depend on its batch.

use tch::{Kind, Tensor};

use super::layer::height_and_width;

/// Numbers in the largest table of pairs.
const MOST: i64 = 1 << 22;

/// Positions of a block, each of which has `partners` numbers.
fn block(partners: i64) -> i64 {
    (MOST / partners.max(1)).max(1)
}

/// One sample `[C,H,W]` as rows `[HW,C]`: a view where the sample is channels-last.
fn rows(sample: &Tensor) -> Tensor {
    sample.permute([1, 2, 0]).reshape([-1, sample.size()[0]])
}

/// An uninitialised channels-last `[N,C,H,W]`.
fn picture(like: &Tensor, channels: i64, [height, width]: [i64; 2]) -> Tensor {
    let options = (like.kind(), like.device());
    Tensor::empty([like.size()[0], height, width, channels], options).permute([0, 3, 1, 2])
}

/// The softmax over the key's positions of scale q·k: `[n,hw]` for `n` of the query's positions.
fn weights(query: &Tensor, key: &Tensor, scale: f64) -> Tensor {
    (query * scale).matmul(&key.transpose(0, 1)).softmax(1, None::<Kind>)
}

/// The mean of `value` `[N,E,h,w]` at each position of `query` `[N,D,H,W]`, weighted by the softmax of scale q·k over the
/// positions of `key` `[N,D,h,w]`.
pub(super) fn attend(query: &Tensor, key: &Tensor, value: &Tensor, scale: f64) -> Tensor {
    let output = picture(query, value.size()[1], height_and_width(query));
    for sample in 0..query.size()[0] {
        let [queries, keys, values] = [query, key, value].map(|tensor| rows(&tensor.get(sample)));
        let mut into = rows(&output.get(sample)).split(block(keys.size()[0]), 0);
        for (part, into) in queries.split(block(keys.size()[0]), 0).iter().zip(&mut into) {
            into.copy_(&weights(part, &keys, scale).matmul(&values));
        }
    }
    output
}

/// The gradients of query, key and value. The softmax is computed again: it would take the most memory of all.
pub(super) fn attend_pullback(gradient: &Tensor, inputs: [&Tensor; 3], scale: f64) -> [Tensor; 3] {
    let [query, key, value] = inputs;
    let of_inputs = inputs.map(|input| picture(input, input.size()[1], height_and_width(input)));
    for sample in 0..query.size()[0] {
        let [queries, keys, values] = [query, key, value].map(|tensor| rows(&tensor.get(sample)));
        let gradients = rows(&gradient.get(sample));
        let [of_query, mut of_key, mut of_value] = of_inputs.each_ref().map(|tensor| rows(&tensor.get(sample)));
        let (_, _) = (of_key.zero_(), of_value.zero_());
        let parts = block(keys.size()[0]);
        let blocks = queries.split(parts, 0).into_iter().zip(gradients.split(parts, 0)).zip(of_query.split(parts, 0));
        for ((queries, gradients), mut of_query) in blocks {
            let weights = weights(&queries, &keys, scale);
            let _ = of_value.g_add_(&weights.transpose(0, 1).matmul(&gradients));
            let of_weights = gradients.matmul(&values.transpose(0, 1));
            let of_scores =
                Tensor::internal_softmax_backward_data(&of_weights, &weights, 1, weights.kind()).g_mul_scalar_(scale);
            of_query.copy_(&of_scores.matmul(&keys));
            let _ = of_key.g_add_(&of_scores.transpose(0, 1).matmul(&queries));
        }
    }
    of_inputs
}

/// Multiply-adds of one sample's attention and of its pullback, given the sizes of the three inputs.
pub(super) fn attention_multiply_adds(sizes: &[Vec<i64>]) -> (f64, f64) {
    let [query, key, value] = sizes else { return (0., 0.) };
    let pairs = [query[2], query[3], key[2], key[3]].iter().map(|&n| n as f64).product::<f64>();
    let (scores, means) = (pairs * query[1] as f64, pairs * value[1] as f64);
    (scores + means, 3. * scores + 2. * means)
}

/// Each position of `input` `[N,C,H,W]` as the nearest row of `codebook` `[K,C]`, the first of several.
pub(super) fn nearest(input: &Tensor, codebook: &Tensor) -> Tensor {
    let output = picture(input, codebook.size()[1], height_and_width(input));
    // |x - e|^2 = |x|^2 + 2 (|e|^2 / 2 - x·e), of which the first term is the same for all.
    let halves = codebook.square().sum_dim_intlist(1i64, false, None::<Kind>) / 2;
    let parts = block(codebook.size()[0]);
    for sample in 0..input.size()[0] {
        let positions = rows(&input.get(sample));
        let mut into = rows(&output.get(sample)).split(parts, 0);
        for (part, into) in positions.split(parts, 0).iter().zip(&mut into) {
            let which = (&halves - part.matmul(&codebook.transpose(0, 1))).argmin(1, false);
            into.copy_(&codebook.index_select(0, &which));
        }
    }
    output
}
