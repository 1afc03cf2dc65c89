//! The picture itself as the trainable tensor (Erhan et al. 2009, "Visualizing Higher-Layer Features of a Deep Network").

use crate::error::Result;
use frozen::network::channels_last;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use super::parameterization::{Param, Resampling};
use crate::random::{Purpose, Seed, normal, stream};

/// Middle grey: the picture that zero stands for, which weight decay and clipping pull to.
pub const GREY: f64 = 0.5;

/// What keeps pixels within a range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Bounds {
    /// Values that leave `[0,1]` are set to its ends after every step.
    #[default]
    Clamp,
    /// Nothing: the classifier sees values beyond black and white; the saved picture is clamped.
    None,
    /// The picture's contrast: the root mean square of its distance from grey stays this (Erhan et al. 2009 fix the norm).
    Sphere {
        /// In units of the picture's range.
        rms: f64,
    },
}

/// Settings of the param `pixel`: the deviation of the noise that it starts from, the range that it is held in, its scale.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PixelSpec {
    /// Standard deviation of the Gaussian noise around middle grey (0.5) that it starts from.
    pub noise: f64,
    /// What keeps pixels within a range.
    #[serde(default)]
    pub bounds: Bounds,
    /// The picture is 0.5 + `scale` times the trained numbers, so that step sizes and weight decays can be taken from
    /// sources that work in other units: 0.5 for inputs from -1 to 1, 1/255 for levels.
    #[serde(default = "one")]
    pub scale: f64,
}

fn one() -> f64 {
    1.
}

/// Pixels, stored as multiples of `scale` around middle grey.
#[derive(Debug)]
pub struct Pixel {
    spec: PixelSpec,
    tensor: Tensor,
}

impl Pixel {
    /// Noise of each seed, `[N,3,size,size]`.
    pub fn new(spec: PixelSpec, seeds: &[Seed], size: [i64; 2], kind: Kind, device: Device) -> Pixel {
        let count = (3 * size[0] * size[1]) as usize;
        let noise = |&seed: &Seed| Tensor::from_slice(&normal(&mut stream(seed, Purpose::Start, 0), count));
        let noise = Tensor::stack(&seeds.iter().map(noise).collect::<Vec<_>>(), 0);
        let noise = noise.view([seeds.len() as i64, 3, size[0], size[1]]).to_kind(kind).to_device(device);
        let mut pixel = Pixel { spec, tensor: channels_last(&(noise * (spec.noise / spec.scale))) };
        pixel.project();
        pixel
    }

    /// These pictures `[N,3,H,W]` in `[0,1]`.
    pub fn from_picture(spec: PixelSpec, pictures: &Tensor) -> Pixel {
        let mut pixel = Pixel { spec, tensor: channels_last(&((pictures - GREY) / spec.scale)) };
        pixel.project();
        pixel
    }
}

impl Param for Pixel {
    fn pictures(&mut self) -> Tensor {
        match self.spec.scale {
            1. => &self.tensor + GREY,
            scale => &self.tensor * scale + GREY,
        }
    }

    fn pullback(&mut self, gradient: &Tensor) -> Vec<Tensor> {
        match self.spec.scale {
            1. => vec![gradient.shallow_clone()],
            scale => vec![gradient * scale],
        }
    }

    fn tensors(&self) -> Vec<Tensor> {
        vec![self.tensor.shallow_clone()]
    }

    fn state(&self) -> Vec<(&'static str, Tensor)> {
        vec![("picture", &self.tensor * self.spec.scale + GREY)]
    }

    fn project(&mut self) {
        let scale = self.spec.scale;
        match self.spec.bounds {
            Bounds::Clamp => {
                let _ = self.tensor.clamp_(-GREY / scale, GREY / scale);
            }
            Bounds::None => {}
            Bounds::Sphere { rms } => {
                let others = [1i64, 2, 3];
                let found = self.tensor.square().mean_dim(others.as_slice(), true, None::<Kind>).sqrt();
                let _ = self.tensor.g_mul_(&(found.clamp_min(1e-12).reciprocal() * (rms / scale)));
            }
        }
    }

    fn size(&self) -> [i64; 2] {
        [self.tensor.size()[2], self.tensor.size()[3]]
    }

    fn edit(&mut self, edit: &dyn Fn(&Tensor) -> Tensor) {
        let edited = (edit(&self.pictures()) - GREY) / self.spec.scale;
        self.tensor.copy_(&edited);
    }

    fn resize(&mut self, size: [i64; 2], resampling: Resampling, starts: Option<[&Tensor; 2]>) -> Result<()> {
        let mut resized = resampling.apply(&self.tensor, size);
        if let Some([before, now]) = starts {
            resized += (now - resampling.apply(before, size)) / self.spec.scale;
        }
        self.tensor = channels_last(&resized);
        self.project();
        Ok(())
    }
}
