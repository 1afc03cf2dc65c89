//! How a picture becomes the input of a classifier.

use frozen::resize::Resize;
use tch::Tensor;

/// What lies between a picture and a classifier: the resize, and the normalisation (x - mean) / std. Differentiable with
/// autograd.
#[derive(Debug)]
pub struct InputPipeline {
    resize: Resize,
    mean: Tensor,
    std: Tensor,
}

impl InputPipeline {
    /// A resize, and the mean and the deviation of the channels `[1,3,1,1]`.
    pub(crate) fn new(resize: Resize, mean: Tensor, std: Tensor) -> InputPipeline {
        InputPipeline { resize, mean, std }
    }

    /// `[N,3,H,W]` in `[0,1]` to `[N,3,H',W']`, normalised.
    pub fn apply(&self, picture: &Tensor) -> Tensor {
        (self.resize.apply(picture) - &self.mean) / &self.std
    }
}
