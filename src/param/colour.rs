//! Decorrelated colours (Olah et al. 2017, "Feature Visualization", and its code, lucid): the trainable channels are the
//! independent ones of natural pictures, so that a step goes along them; and the way from such channels, which may have any
//! value, to a picture in [0,1].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::photo_statistics::COLOURS;

/// Lucid's square root of the covariance of ImageNet's colours; its longest column is [`IMAGENET_LENGTH`] long.
const IMAGENET: [[f64; 3]; 3] = [[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]];

/// sqrt(0.26² + 0.27² + 0.27²)
const IMAGENET_LENGTH: f64 = 0.461_952_378_497_793_5;

/// A picture's values are kept this far from 0 and 1 where their logit is taken: less than half of an 8-bit level, so that
/// 8-bit pictures come back.
const DARKEST: f64 = 1e-3;

/// What the three trainable channels are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Colour {
    /// The independent colours of ImageNet's pictures, as in lucid.
    #[default]
    Imagenet,
    /// Those of the reference photographs.
    Photos,
    /// Red, green and blue themselves.
    Rgb,
}

impl Colour {
    /// The colour of each channel, one a column.
    fn matrix(self) -> [[f64; 3]; 3] {
        match self {
            Colour::Imagenet => IMAGENET.map(|row| row.map(|x| x / IMAGENET_LENGTH)),
            Colour::Photos => COLOURS,
            Colour::Rgb => [[1., 0., 0.], [0., 1., 0.], [0., 0., 1.]],
        }
    }

    /// Red, green and blue of decorrelated channels `[N,3,H,W]`.
    pub fn recorrelate(self, channels: &Tensor) -> Tensor {
        self.mix(channels, self.matrix())
    }

    /// The transpose of [`Colour::recorrelate`]: carries a gradient with respect to red, green and blue back.
    pub fn pull_back(self, gradient: &Tensor) -> Tensor {
        let m = self.matrix();
        self.mix(gradient, [0, 1, 2].map(|row| [0, 1, 2].map(|column| m[column][row])))
    }

    /// The inverse of [`Colour::recorrelate`].
    pub fn decorrelate(self, rgb: &Tensor) -> Tensor {
        let m = self.matrix();
        // By cofactors; the indices run cyclically, which gives the signs.
        let cofactor = |row: usize, column: usize| {
            let at = |down: usize, right: usize| m[(row + down) % 3][(column + right) % 3];
            at(1, 1) * at(2, 2) - at(1, 2) * at(2, 1)
        };
        let determinant: f64 = (0..3).map(|column| m[0][column] * cofactor(0, column)).sum();
        self.mix(rgb, [0, 1, 2].map(|row| [0, 1, 2].map(|column| cofactor(column, row) / determinant)))
    }

    fn mix(self, channels: &Tensor, matrix: [[f64; 3]; 3]) -> Tensor {
        if self == Colour::Rgb {
            return channels.shallow_clone();
        }
        // As one matrix product: elementwise it takes ten times as long.
        let matrix = Tensor::from_slice2(&matrix).to_kind(channels.kind()).to_device(channels.device());
        matrix.matmul(&channels.flatten(2, -1)).view_as(channels)
    }

    /// The picture of channels of any value: recorrelated, then the logistic function.
    pub(super) fn picture(self, channels: &Tensor) -> Tensor {
        self.recorrelate(channels).sigmoid()
    }

    /// The channels of a picture in [0,1].
    pub(super) fn channels(self, picture: &Tensor) -> Tensor {
        let inside = picture.clamp(DARKEST, 1. - DARKEST);
        self.decorrelate(&inside.logit(None))
    }

    /// Channels at another size, to which `enlarge` brings them. Of what they started from, pictures at the size before and at this one, what only the larger one
    /// has is added.
    pub(super) fn grown(
        self,
        channels: Tensor,
        starts: Option<[&Tensor; 2]>,
        enlarge: &dyn Fn(Tensor) -> Tensor,
    ) -> Tensor {
        match starts {
            None => enlarge(channels),
            Some([before, now]) => enlarge(channels - self.channels(before)) + self.channels(now),
        }
    }

    /// Carries the gradient with respect to a picture back to its channels.
    pub(super) fn picture_pullback(self, picture: &Tensor, gradient: &Tensor) -> Tensor {
        self.pull_back(&Tensor::sigmoid_backward(gradient, picture))
    }
}
