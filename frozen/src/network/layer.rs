//! What a layer is: a function of activations whose pullback stands next to it, and what the scheduler asks of it.
//!
//! Nothing is recorded while a network runs (no autograd graph): every layer knows its own derivative, and `forward` returns it
//! with the output. The families of layers are in `layers/`.

use std::fmt::Debug;

use tch::Tensor;

use super::activation::Activation;
use super::gradient::Pullback;
use super::passing::Passing;
use crate::constant::Constant;

/// What one node of the graph computes: a function of one or more activations (`[N,C,H,W]` or `[N,C]`), with fixed weights.
///
/// The questions below have answers that suit most layers; a layer answers for itself where it differs.
pub(crate) trait Layer: Debug + Send + Sync {
    /// The output for these inputs, and the pullback, which holds what it reads of them and no more.
    ///
    /// With `in_place` the result may be written over the first input, which the schedule allows only to a layer that
    /// [can](Layer::can_overwrite).
    fn forward<'n>(&'n self, inputs: &[Tensor], in_place: bool) -> (Tensor, Pullback<'n>);

    /// Whether the layer can take inputs of these shapes, which a pass takes for granted.
    fn fits(&self, _inputs: &[Tensor]) -> Result<(), String> {
        Ok(())
    }

    /// Whether the layer can write its result over its first input.
    fn can_overwrite(&self) -> bool {
        false
    }

    /// Whether the output may be another view of the first input's memory.
    fn may_be_view(&self) -> bool {
        false
    }

    /// Whether the pullback reads the layer's output, which then must not be overwritten.
    fn pullback_reads_output(&self) -> bool {
        false
    }

    /// Whether the pullback reads an input, which then nobody may overwrite, this layer included.
    fn pullback_reads_input(&self) -> bool {
        false
    }

    /// Whether the output can be finite where the input is not.
    fn hides_failures(&self) -> bool {
        false
    }

    /// The activation function that this layer is, if it is one that another layer can apply.
    fn activation(&self) -> Option<Activation> {
        None
    }

    /// The layer as one that applies the activation function behind it to its own result, if it can.
    fn activated(&self) -> Option<&dyn Activated> {
        None
    }

    /// Multiply-adds of one sample's forward pass and of its pullback, given the shapes of the output and of the inputs.
    /// Elementwise work is not counted.
    fn multiply_adds(&self, _output: &[i64], _inputs: &[Vec<i64>]) -> (f64, f64) {
        (0., 0.)
    }

    /// The kernel and the bias that a batch norm behind the layer is folded into, if it can be.
    fn filters(&mut self) -> Option<Filters<'_>> {
        None
    }

    /// Derives what passes use once the weights are final.
    fn prepare(&mut self) {}

    /// Every tensor of the layer, derived ones included.
    fn tensors(&self) -> Vec<&Constant> {
        vec![]
    }

    /// Puts `f` of each tensor in its place: another device, kind or memory order.
    fn map_tensors(&mut self, _f: &dyn Fn(&Tensor) -> Tensor) {}
}

/// A layer that can apply an activation function to its own result, so that what lies between is never in memory.
pub(crate) trait Activated {
    /// As [`Layer::forward`] of this layer and of the activation function behind it. `before` tells what passes the activation
    /// function that made the input, over which the pullback goes, too.
    fn forward_activated<'n>(&'n self, inputs: &[Tensor], around: Around, before: Option<Passing>) -> Made<'n>;

    /// Whether the pullback can go over the activation function before the layer as well, for less than that takes by itself.
    fn goes_over_before(&self) -> bool {
        false
    }
}

/// The activation functions on both sides of a layer, and which of them its pullback goes over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Around {
    /// The one behind the layer, which the layer applies to its own result.
    pub behind: Activation,
    /// Whether the layer that reads the result brings the gradient back over that one.
    pub behind_is_done: bool,
    /// Whether the gradient goes over the one before the layer, which nobody else reads, so that that of *its* input is wanted.
    /// Only of a layer that [can](Activated::goes_over_before).
    pub over_before: bool,
    /// Whether there will be a way back.
    pub back: bool,
}

/// What a layer made together with the activation function behind it.
pub(crate) struct Made<'n> {
    pub output: Tensor,
    /// What passes that function, for the layer that brings the gradient back over it; none if this one does.
    pub passing: Option<Passing>,
    pub pullback: Pullback<'n>,
}

/// The weights of a convolution by output channel.
pub(crate) struct Filters<'l> {
    pub weight: &'l mut Constant,
    /// `[O]`
    pub bias: &'l mut Option<Constant>,
    /// The shape in which numbers `[O]` meet the kernel.
    pub over: [i64; 4],
}
