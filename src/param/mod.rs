//! Parameterizations: trainable tensors that become pictures.

mod latent;
mod pixel;

pub use latent::{Condition, Latent, LatentSpec, Space};
pub use pixel::{Pixel, PixelSpec};

use tch::Tensor;

/// A parameterization of a batch of N pictures. Sample i depends on the i-th slice of every tensor alone.
pub trait Param {
    /// The pictures `[N,3,H,W]` in [0,1] at the tensors' present values.
    fn pictures(&mut self) -> Tensor;

    /// Carries the gradient with respect to the pictures that were last made back to the tensors, in the order of
    /// [`Param::tensors`].
    fn pullback(&mut self, gradient: &Tensor) -> Vec<Tensor>;

    /// The trainable tensors, each `[N,…]`; they share memory with the parameterization, and are written in place.
    fn tensors(&self) -> Vec<Tensor>;

    /// What a record keeps so that the pictures can be made again: tensors `[N,…]` by name.
    fn state(&self) -> Vec<(&'static str, Tensor)>;

    /// After an optimizer's step: back into the set of allowed values.
    fn project(&mut self);

    /// Height and width of the pictures.
    fn size(&self) -> [i64; 2];
}
