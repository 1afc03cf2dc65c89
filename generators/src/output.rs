//! From the numbers that a generator's last layer gives to pictures, and back for gradients.

use tch::{Kind, Tensor};

/// How a network's output `[N,C,H,W]` is a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Output {
    /// In [-1,1] behind a tanh, of 1 (grey) or 3 channels.
    Signed {
        /// Channels C of the output: 1 (grey) or 3.
        channels: i64,
    },
    /// About [-1,1], clamped.
    SignedClamped,
    /// About `[0,1]`, clamped.
    UnitClamped,
    /// Levels in the order blue, green, red, less these means of Caffe's; clamped.
    Caffe {
        /// Mean levels of blue, green and red, each in `[0,255]`.
        mean: [f64; 3],
    },
}

impl Output {
    /// Pictures `[N,3,H,W]` in `[0,1]` of a network's output `[N,C,H,W]`.
    pub fn pictures(self, output: &Tensor) -> Tensor {
        match self {
            // Behind a tanh nothing is beyond.
            Output::Signed { .. } => self.unclamped(output),
            Output::UnitClamped => output.clamp(0., 1.),
            Output::SignedClamped | Output::Caffe { .. } => self.unclamped(output).clamp_(0., 1.),
        }
    }

    /// Pictures `[N,3,H,W]` as [`Output::pictures`] makes them, but numbers below 0 (black) and above 1 (white) stay as they
    /// are.
    pub fn unclamped(self, output: &Tensor) -> Tensor {
        match self {
            Output::Signed { .. } => ((output + 1.) * 0.5).expand([-1, 3, -1, -1], false),
            Output::SignedClamped => (output + 1.) * 0.5,
            Output::UnitClamped => output.shallow_clone(),
            Output::Caffe { mean } => {
                let mean = Tensor::from_slice(&mean).view([3, 1, 1]).to_device(output.device()).to_kind(output.kind());
                ((output + mean) / 255.).flip([1])
            }
        }
    }

    /// The gradient `[N,C,H,W]` with respect to the output, given that with respect to these `pictures` `[N,3,H,W]`. Nothing goes
    /// back to what was clamped.
    pub fn pullback(self, gradient: &Tensor, pictures: &Tensor) -> Tensor {
        match self {
            Output::Signed { .. } => self.pullback_of_unclamped(gradient),
            _ => {
                let inside = pictures.gt(0.).logical_and(&pictures.lt(1.));
                self.pullback_of_unclamped(&(gradient * inside))
            }
        }
    }

    /// The gradient `[N,C,H,W]` with respect to the output, given that with respect to [`Output::unclamped`] pictures
    /// `[N,3,H,W]`.
    pub fn pullback_of_unclamped(self, gradient: &Tensor) -> Tensor {
        match self {
            Output::Signed { channels: 1 } => (gradient * 0.5).sum_dim_intlist(1i64, true, None::<Kind>),
            Output::Signed { .. } | Output::SignedClamped => gradient * 0.5,
            Output::UnitClamped => gradient.shallow_clone(),
            Output::Caffe { .. } => gradient.flip([1]) / 255.,
        }
    }
}
