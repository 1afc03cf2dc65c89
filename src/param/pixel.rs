//! The picture itself as the trainable tensor (Erhan et al. 2009, "Visualizing Higher-Layer Features of a Deep Network").

use frozen::network::channels_last;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use super::Param;
use crate::random::{Purpose, Seed, normal, stream};

/// How a method asks for it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PixelSpec {
    /// Standard deviation of the Gaussian noise around middle grey (0.5) that it starts from.
    pub noise: f64,
}

/// Pixels in [0,1]; values that leave the range are set to its ends after every step.
#[derive(Debug)]
pub struct Pixel {
    picture: Tensor,
    size: [i64; 2],
}

impl Pixel {
    /// Noise of each seed, `[N,3,size,size]`.
    pub fn new(spec: PixelSpec, seeds: &[Seed], size: i64, kind: Kind, device: Device) -> Pixel {
        let count = (3 * size * size) as usize;
        let noise = |&seed: &Seed| Tensor::from_slice(&normal(&mut stream(seed, Purpose::Start, 0), count));
        let noise = Tensor::stack(&seeds.iter().map(noise).collect::<Vec<_>>(), 0);
        let noise = noise.view([seeds.len() as i64, 3, size, size]).to_kind(kind).to_device(device);
        let picture = channels_last(&(noise * spec.noise + 0.5).clamp(0., 1.));
        Pixel { picture, size: [size, size] }
    }
}

impl Param for Pixel {
    fn pictures(&mut self) -> Tensor {
        self.picture.shallow_clone()
    }

    fn pullback(&mut self, gradient: &Tensor) -> Vec<Tensor> {
        vec![gradient.shallow_clone()]
    }

    fn tensors(&self) -> Vec<Tensor> {
        vec![self.picture.shallow_clone()]
    }

    fn state(&self) -> Vec<(&'static str, Tensor)> {
        vec![("picture", self.picture.shallow_clone())]
    }

    fn project(&mut self) {
        let _ = self.picture.clamp_(0., 1.);
    }

    fn size(&self) -> [i64; 2] {
        self.size
    }
}
