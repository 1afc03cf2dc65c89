//! Gaussian noise on what the classifier sees (Smilkov et al. 2017, "SmoothGrad"; Fel et al. 2023).

use rand_chacha::ChaCha12Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::random::normal;

/// Settings of the transform `noise`: normal noise of deviation `std`, the picture being in `[0,1]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Noise {
    /// Standard deviation, in units of the picture's range `[0,1]`.
    pub std: f64,
}

impl Noise {
    /// Adds each row's noise, drawn from its stream.
    pub(super) fn add(self, pictures: &Tensor, streams: impl Iterator<Item = ChaCha12Rng>) -> Tensor {
        let count = pictures.size()[1..].iter().product::<i64>() as usize;
        let rows: Vec<Tensor> = streams.map(|mut rng| Tensor::from_slice(&normal(&mut rng, count))).collect();
        let noise = Tensor::stack(&rows, 0).view(pictures.size().as_slice());
        pictures + noise.to_kind(pictures.kind()).to_device(pictures.device()) * self.std
    }
}
