//! Sums and products of activations: residual connections (He et al. 2016), self-attention's weighted residual, noise maps, and
//! the scales and shifts by which styles and classes steer a generator (Dumoulin et al. 2017, "A Learned Representation for
//! Artistic Style").

use tch::Tensor;

use super::super::gradient::{Gradient, Pullback};
use super::super::layer::Layer;
use super::super::layout::{over_positions, per_sample_and_channel};
use crate::constant::Constant;

/// x + y, of two inputs of the same shape.
#[derive(Debug)]
pub(crate) struct Add;

impl Layer for Add {
    fn fits(&self, inputs: &[Tensor]) -> Result<(), String> {
        let (x, y) = (inputs[0].size(), inputs[1].size());
        if x == y { Ok(()) } else { Err(format!("{x:?} is added to {y:?}")) }
    }

    fn forward<'n>(&'n self, inputs: &[Tensor], in_place: bool) -> (Tensor, Pullback<'n>) {
        let output = if in_place { inputs[0].shallow_clone().g_add_(&inputs[1]) } else { &inputs[0] + &inputs[1] };
        let pullback = |gradient: Gradient| {
            let both = &gradient.tensor;
            vec![Gradient::shared(both), Gradient::shared(both)]
        };
        (output, Pullback::new(pullback))
    }

    fn can_overwrite(&self) -> bool {
        true
    }
}

/// x + gamma y, of two inputs of the same shape (Zhang et al. 2019, "Self-Attention Generative Adversarial Networks").
#[derive(Debug)]
pub(crate) struct ScaledAdd {
    /// `[1]`
    gamma: Constant,
}

impl ScaledAdd {
    /// `gamma` is `[1]`.
    pub fn new(gamma: Tensor) -> ScaledAdd {
        ScaledAdd { gamma: gamma.into() }
    }
}

impl Layer for ScaledAdd {
    fn forward<'n>(&'n self, inputs: &[Tensor], in_place: bool) -> (Tensor, Pullback<'n>) {
        let output = if in_place {
            inputs[0].shallow_clone().addcmul_(&inputs[1], &self.gamma)
        } else {
            inputs[0].addcmul(&inputs[1], &self.gamma)
        };
        let pullback = |gradient: Gradient| {
            let of_second = Gradient::owned(&gradient.tensor * &*self.gamma);
            vec![gradient, of_second]
        };
        (output, Pullback::new(pullback))
    }

    fn can_overwrite(&self) -> bool {
        true
    }

    fn tensors(&self) -> Vec<&Constant> {
        vec![&self.gamma]
    }

    fn map_tensors(&mut self, f: &dyn Fn(&Tensor) -> Tensor) {
        self.gamma.map(f);
    }
}

/// `[N,C,H,W]` plus a map `[1,H,W]`, the same for all samples and channels: StyleGAN's noise (Karras et al. 2019).
#[derive(Debug)]
pub(crate) struct AddMap {
    /// `[1,H,W]`
    map: Constant,
}

impl AddMap {
    /// `map` is `[1,H,W]`.
    pub fn new(map: Tensor) -> AddMap {
        AddMap { map: map.into() }
    }
}

impl Layer for AddMap {
    fn forward<'n>(&'n self, inputs: &[Tensor], in_place: bool) -> (Tensor, Pullback<'n>) {
        let output = if in_place { inputs[0].shallow_clone().g_add_(&self.map) } else { &inputs[0] + &*self.map };
        (output, Pullback::identity())
    }

    fn can_overwrite(&self) -> bool {
        true
    }

    fn tensors(&self) -> Vec<&Constant> {
        vec![&self.map]
    }

    fn map_tensors(&mut self, f: &dyn Fn(&Tensor) -> Tensor) {
        self.map.map(f);
    }
}

/// `[N,C,H,W]` or `[N,C]` times `[N,C]`: a style's or a class's factor of every channel.
#[derive(Debug)]
pub(crate) struct ScaleChannels;

impl Layer for ScaleChannels {
    fn forward<'n>(&'n self, inputs: &[Tensor], _in_place: bool) -> (Tensor, Pullback<'n>) {
        let [first, factors] = [&inputs[0], &inputs[1]].map(Tensor::shallow_clone);
        let output = &first * per_sample_and_channel(&factors, first.dim());
        let pullback = Pullback::new(move |gradient| {
            let of_factors = over_positions(&gradient.tensor * &first);
            let of_first = gradient.times(&per_sample_and_channel(&factors, first.dim()));
            vec![Gradient::owned(of_first), Gradient::owned(of_factors)]
        });
        (output, pullback)
    }

    fn pullback_reads_input(&self) -> bool {
        true
    }
}

/// `[N,C,H,W]` or `[N,C]` plus `[N,C]`: a style's or a class's shift of every channel.
#[derive(Debug)]
pub(crate) struct ShiftChannels;

impl Layer for ShiftChannels {
    fn forward<'n>(&'n self, inputs: &[Tensor], in_place: bool) -> (Tensor, Pullback<'n>) {
        let shift = per_sample_and_channel(&inputs[1], inputs[0].dim());
        let output = if in_place { inputs[0].shallow_clone().g_add_(&shift) } else { &inputs[0] + shift };
        let pullback = |gradient: Gradient| {
            let g = &gradient.tensor;
            if g.dim() == 2 {
                return vec![Gradient::shared(g), Gradient::shared(g)];
            }
            let of_shift = Gradient::owned(over_positions(g.shallow_clone()));
            vec![gradient, of_shift]
        };
        (output, Pullback::new(pullback))
    }

    fn can_overwrite(&self) -> bool {
        true
    }
}
