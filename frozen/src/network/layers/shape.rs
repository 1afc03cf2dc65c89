//! Layers that move numbers and compute none: concatenation, flattening and its reverse, some of the channels, and a constant
//! for every sample.

use tch::Tensor;

use super::super::gradient::{Gradient, Pullback};
use super::super::layer::Layer;
use super::super::layout::{channels_last, channels_last_zeros, height_and_width, of_its_own};
use crate::constant::Constant;

/// The channels of several inputs `[N,C_i,H,W]` one after the other, `[N, sum of C_i, H, W]`; PyTorch's `cat`.
#[derive(Debug)]
pub(crate) struct Concatenation {
    /// Of each input.
    pub channels: Vec<i64>,
}

impl Layer for Concatenation {
    fn fits(&self, inputs: &[Tensor]) -> Result<(), String> {
        let others = |input: &Tensor| [&input.size()[..1], &input.size()[2..]].concat();
        match inputs.iter().find(|input| others(input) != others(&inputs[0])) {
            None => Ok(()),
            Some(input) => Err(format!("{:?} is joined to {:?}", input.size(), inputs[0].size())),
        }
    }

    fn forward<'n>(&'n self, inputs: &[Tensor], _in_place: bool) -> (Tensor, Pullback<'n>) {
        let pullback = |gradient: Gradient| {
            let starts = self.channels.iter().scan(0, |end, count| {
                *end += count;
                Some(*end - count)
            });
            let parts = starts.zip(&self.channels).map(|(start, count)| gradient.tensor.narrow(1, start, *count));
            parts.map(|part| Gradient::shared(&part)).collect()
        };
        (Tensor::cat(inputs, 1), Pullback::new(pullback))
    }
}

/// `[N,C,H,W]` to `[N, C H W]`, in the order of the shape and not of the memory; PyTorch's `Flatten`.
#[derive(Debug)]
pub(crate) struct Flatten;

impl Layer for Flatten {
    fn forward<'n>(&'n self, inputs: &[Tensor], _in_place: bool) -> (Tensor, Pullback<'n>) {
        let [height, width] = height_and_width(&inputs[0]);
        let pullback = Pullback::new(move |gradient| {
            let g = &gradient.tensor;
            let channels = g.size()[1] / (height * width);
            let spread = channels_last(&g.reshape([-1, channels, height, width]));
            vec![gradient.seen_as(spread)]
        });
        (inputs[0].flatten(1, -1), pullback)
    }

    fn may_be_view(&self) -> bool {
        true
    }
}

/// `[N, C H W]` to `[N,C,H,W]`; PyTorch's `Unflatten`.
#[derive(Debug)]
pub(crate) struct Reshape {
    /// `[C,H,W]`
    pub to: [i64; 3],
    /// The numbers of a sample are in the order rows, columns, channels, and not channels, rows, columns.
    pub channels_last: bool,
}

impl Layer for Reshape {
    fn forward<'n>(&'n self, inputs: &[Tensor], _in_place: bool) -> (Tensor, Pullback<'n>) {
        let [channels, height, width] = self.to;
        let output = if self.channels_last {
            inputs[0].reshape([-1, height, width, channels]).permute([0, 3, 1, 2])
        } else {
            channels_last(&inputs[0].reshape([-1, channels, height, width]))
        };
        let pullback = |gradient: Gradient| {
            let g = &gradient.tensor;
            let row = if self.channels_last { g.permute([0, 2, 3, 1]).flatten(1, -1) } else { g.flatten(1, -1) };
            vec![gradient.seen_as(row)]
        };
        (output, Pullback::new(pullback))
    }

    fn may_be_view(&self) -> bool {
        true
    }
}

/// Some of the channels of `[N,C,H,W]` or `[N,C]`: `count` of them from `start` on; PyTorch's `narrow`.
#[derive(Debug)]
pub(crate) struct Channels {
    /// The first.
    pub start: i64,
    /// How many.
    pub count: i64,
    /// C
    pub of: i64,
}

impl Layer for Channels {
    fn forward<'n>(&'n self, inputs: &[Tensor], _in_place: bool) -> (Tensor, Pullback<'n>) {
        let Channels { start, count, of } = *self;
        // A copy: convolutions would make one anyway, and nobody writes over the rest.
        let output = of_its_own(&inputs[0].narrow(1, start, count));
        let pullback = Pullback::of_one(move |gradient| {
            let g = &gradient.tensor;
            let mut size = g.size();
            size[1] = of;
            let spread = channels_last_zeros(&size, g);
            spread.narrow(1, start, count).copy_(g);
            spread
        });
        (output, pullback)
    }
}

/// The same `[1,C,H,W]` for every sample of the input's batch, whatever its numbers are: StyleGAN's learned constant (Karras et
/// al. 2019), to whose input no gradient goes back.
#[derive(Debug)]
pub(crate) struct ConstantInput {
    /// `[1,C,H,W]`
    value: Constant,
}

impl ConstantInput {
    /// `value` is `[1,C,H,W]`.
    pub fn new(value: Tensor) -> ConstantInput {
        ConstantInput { value: value.into() }
    }
}

impl Layer for ConstantInput {
    fn forward<'n>(&'n self, inputs: &[Tensor], _in_place: bool) -> (Tensor, Pullback<'n>) {
        // A copy, over which the next layer may write.
        let output = of_its_own(&self.value.expand([inputs[0].size()[0], -1, -1, -1], false));
        (output, Pullback::new(|_| vec![]))
    }

    fn tensors(&self) -> Vec<&Constant> {
        vec![&self.value]
    }

    fn map_tensors(&mut self, f: &dyn Fn(&Tensor) -> Tensor) {
        self.value.map(f);
    }
}

/// Tokens `[N,T,C]` as a map of one column, `[N,C,T,1]`.
#[derive(Debug)]
pub(crate) struct Tokens;

impl Layer for Tokens {
    fn forward<'n>(&'n self, inputs: &[Tensor], _in_place: bool) -> (Tensor, Pullback<'n>) {
        let pullback = Pullback::new(|gradient: Gradient| {
            let tokens = gradient.tensor.squeeze_dim(3).transpose(1, 2);
            vec![gradient.seen_as(tokens)]
        });
        (inputs[0].transpose(1, 2).unsqueeze(3), pullback)
    }

    fn may_be_view(&self) -> bool {
        true
    }
}

/// The same numbers once more, so that they come last.
#[derive(Debug)]
pub(crate) struct Same;

impl Layer for Same {
    fn forward<'n>(&'n self, inputs: &[Tensor], _in_place: bool) -> (Tensor, Pullback<'n>) {
        (inputs[0].shallow_clone(), Pullback::identity())
    }

    fn may_be_view(&self) -> bool {
        true
    }
}
