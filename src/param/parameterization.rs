//! What a parameterization is: tensors that are optimized, and the picture that they make.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::error::{Result, bail};

/// A parameterization of a batch of N pictures. Sample i depends on the i-th slice of every tensor alone.
pub trait Param {
    /// Begins a step: what is drawn anew for each step is drawn.
    fn begin(&mut self, step: usize) {
        let _ = step;
    }

    /// Pictures of each sample, next to each other, whose mean activation is the sample's.
    fn copies(&self) -> usize {
        1
    }

    /// The pictures `[N copies,3,H,W]` at the tensors' present values: in `[0,1]`, unless the method leaves pixels unbounded.
    fn pictures(&mut self) -> Tensor;

    /// The pictures `[N,3,H,W]` that are kept, one of each sample.
    fn kept(&mut self) -> Tensor {
        self.pictures()
    }

    /// Carries the gradient with respect to the pictures that were last made back to the tensors, in the order of
    /// [`Param::tensors`].
    fn pullback(&mut self, gradient: &Tensor) -> Vec<Tensor>;

    /// The trainable tensors, each `[N,…]`; they share memory with the parameterization, and are written in place. Nothing
    /// else changes from step to step: a parameterization that was made for the same batch and size, with any start, goes
    /// on from copies of them.
    fn tensors(&self) -> Vec<Tensor>;

    /// What a record keeps so that the pictures can be made again: tensors `[N,…]` by name.
    fn state(&self) -> Vec<(&'static str, Tensor)>;

    /// After an optimizer's step: back into the set of allowed values.
    fn project(&mut self);

    /// What of a gradient with respect to the code may move it in this step: all of it, unless some of it is held back.
    fn held_back(&self, gradient: Tensor) -> Tensor {
        gradient
    }

    /// Height and width of the pictures.
    fn size(&self) -> [i64; 2];

    /// The code `[N,…]` among the tensors, first of them, where there is one: what filters and regularizers of codes act on. Of numbers that are coloured to
    /// codes, these numbers.
    fn code(&self) -> Option<Tensor> {
        None
    }

    /// The code `[N,…]` that a generator makes the pictures of, which an encoder would find in them; none without a generator.
    fn generated_code(&self) -> Option<Tensor> {
        self.code()
    }

    /// A direction of the code that pictures are made of as one of what is trained.
    fn trained_direction(&self, direction: &Tensor) -> Tensor {
        direction.shallow_clone()
    }

    /// Replaces the pictures by a function of them, where pictures are what is trained; else does nothing.
    fn edit(&mut self, edit: &dyn Fn(&Tensor) -> Tensor) {
        let _ = edit;
    }

    /// Goes on at another size, the pictures resampled. The tensors are new ones afterwards. Of what it started from, `[N,3,h,w]` at
    /// the size before and `[N,3,H,W]` at this one, what only the larger one has is added.
    ///
    /// # Errors
    /// If the parameterization has one size only.
    fn resize(&mut self, size: [i64; 2], resampling: Resampling, starts: Option<[&Tensor; 2]>) -> Result<()> {
        let _ = (size, resampling, starts);
        bail!("this parameterization has one size only, and octaves need several")
    }
}

/// How a picture is brought to the size of the next octave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resampling {
    /// Bilinear.
    #[default]
    Linear,
    /// Bicubic (a = -0.75).
    Cubic,
    /// The nearest pixel.
    Nearest,
}

impl Resampling {
    /// The picture `[N,3,H,W]` at another size.
    pub fn apply(self, picture: &Tensor, size: [i64; 2]) -> Tensor {
        match self {
            Resampling::Linear => picture.upsample_bilinear2d(size, false, None, None),
            Resampling::Cubic => picture.upsample_bicubic2d(size, false, None, None),
            Resampling::Nearest => picture.upsample_nearest2d(size, None, None),
        }
    }
}
