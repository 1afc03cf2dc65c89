//! A gradient on its way from the taps back to the input, and the pullback that carries it over one layer.
//!
//! Reverse-mode differentiation (Linnainmaa 1970; Griewank & Walther 2008, "Evaluating Derivatives"), written out layer by
//! layer; "pullback" is the field's word for the vector-Jacobian product of a function at one point.

use std::fmt;

use tch::Tensor;

/// The gradient of a scalar with respect to one activation, in that activation's shape. Only an owned tensor, which nobody
/// else sees, is written over.
pub(crate) struct Gradient {
    pub tensor: Tensor,
    pub owned: bool,
}

impl Gradient {
    /// A gradient in memory that nobody else reads.
    pub fn owned(tensor: Tensor) -> Self {
        Gradient { tensor, owned: true }
    }

    /// A gradient in memory that others read, too.
    pub fn shared(tensor: &Tensor) -> Self {
        Gradient { tensor: tensor.shallow_clone(), owned: false }
    }

    /// The sum of two gradients that reach the same activation.
    pub fn plus(self, other: Gradient) -> Gradient {
        let (mut into, from) = if self.owned { (self, other) } else { (other, self) };
        if into.owned {
            let _ = into.tensor.g_add_(&from.tensor);
            into
        } else {
            Gradient::owned(&into.tensor + &from.tensor)
        }
    }

    /// Times `factor`, which may be smaller, over the gradient itself where nobody else sees that.
    pub fn times(mut self, factor: &Tensor) -> Tensor {
        if self.owned { self.tensor.g_mul_(factor) } else { &self.tensor * factor }
    }

    /// Where an elementwise pullback may write: over the gradient itself, or into a new tensor laid out like `activation`.
    pub fn target(&self, activation: &Tensor) -> Tensor {
        if self.owned { self.tensor.shallow_clone() } else { activation.empty_like() }
    }

    /// The same numbers seen in another shape, as owned as they were.
    pub fn seen_as(self, tensor: Tensor) -> Gradient {
        Gradient { tensor, ..self }
    }
}

/// The pullback of one layer at one activation: of the gradient with respect to the layer's output it makes those with respect
/// to its inputs, in their order (none for an input that gets no gradient).
///
/// It holds what it reads of the forward pass and nothing else, and frees that when it is called or dropped.
pub(crate) struct Pullback<'n>(Box<dyn FnOnce(Gradient) -> Vec<Gradient> + Send + 'n>);

impl<'n> Pullback<'n> {
    /// Of a layer with any number of inputs.
    pub fn new(pullback: impl FnOnce(Gradient) -> Vec<Gradient> + Send + 'n) -> Self {
        Pullback(Box::new(pullback))
    }

    /// Of a layer with one input, whose gradient lies in memory that nobody else reads.
    pub fn of_one(pullback: impl FnOnce(Gradient) -> Tensor + Send + 'n) -> Self {
        Pullback::new(move |gradient| vec![Gradient::owned(pullback(gradient))])
    }

    /// Of a layer with one input whose gradient is that of its output: x plus what does not depend on x.
    pub fn identity() -> Self {
        Pullback::new(|gradient| vec![gradient])
    }

    /// Carries a gradient back, which frees what the pullback holds.
    pub fn call(self, gradient: Gradient) -> Vec<Gradient> {
        (self.0)(gradient)
    }
}

impl fmt::Debug for Pullback<'_> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("Pullback")
    }
}
