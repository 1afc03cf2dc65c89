//! The Fourier spectrum of a picture as the trainable tensor, in decorrelated colours (Olah et al. 2017, "Feature
//! Visualization", and its code, lucid): high frequencies are scaled down, so that steps favour them less than pixels do.

use crate::error::Result;
use frozen::network::channels_last;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use super::colour::Colour;
use super::parameterization::{Param, Resampling};
use super::spectrum;
use crate::random::{Purpose, Seed, normal, stream};

/// Settings of the param `fourier` (Olah et al. 2017): the deviation of the random start, the decay over frequencies, the colours.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FourierSpec {
    /// Standard deviation of the Gaussian noise that the numbers start from.
    #[serde(default = "noise")]
    pub noise: f64,
    /// How fast the scale falls: a frequency f has f^-decay.
    #[serde(default = "decay")]
    pub decay: f64,
    /// What the channels are.
    #[serde(default)]
    pub colour: Colour,
}

impl Default for FourierSpec {
    fn default() -> FourierSpec {
        FourierSpec { noise: noise(), decay: decay(), colour: Colour::default() }
    }
}

fn noise() -> f64 {
    0.01
}

fn decay() -> f64 {
    1.
}

/// Lucid's divisor of the picture, which keeps the colours of a start away from saturation.
const DIVISOR: f64 = 4.;

/// Spectra of a batch. The picture is sigmoid(recorrelate(F⁻¹(scale * spectrum) / 4)), F orthonormal.
#[derive(Debug)]
pub struct Fourier {
    spec: FourierSpec,
    size: [i64; 2],
    /// `[N,3,H,W/2+1,2]`
    spectrum: Tensor,
    /// `[1,1,H,W/2+1,2]`: max(f, 1 / max(H, W))^-decay / 4, f in cycles per pixel.
    scale: Tensor,
    /// The last one that was made.
    picture: Option<Tensor>,
}

impl Fourier {
    /// Noise of each seed; pictures of `size`, height and width.
    pub fn new(spec: FourierSpec, seeds: &[Seed], size: [i64; 2], kind: Kind, device: Device) -> Fourier {
        let shape = [3, size[0], size[1] / 2 + 1, 2];
        let count = shape.iter().product::<i64>() as usize;
        let noise = |&seed: &Seed| Tensor::from_slice(&normal(&mut stream(seed, Purpose::Start, 0), count)).view(shape);
        let noise = Tensor::stack(&seeds.iter().map(noise).collect::<Vec<_>>(), 0).to_kind(kind).to_device(device);
        Fourier::of_spectrum(spec, noise * spec.noise, size)
    }

    /// Of these numbers, `[N,3,H,W/2+1,2]`.
    pub fn of_spectrum(spec: FourierSpec, numbers: Tensor, size: [i64; 2]) -> Fourier {
        let lowest = 1. / size[0].max(size[1]) as f64;
        let scale = |frequency: f64| frequency.max(lowest).powf(-spec.decay) / DIVISOR;
        let scale = spectrum::by_frequency(size, numbers.kind(), numbers.device(), scale).unsqueeze(-1);
        // Written out for both parts: broadcasting over the innermost dimension is slow.
        let scale = scale.expand([-1, -1, -1, -1, 2], false).contiguous();
        Fourier { spec, size, spectrum: numbers.contiguous(), scale, picture: None }
    }

    /// The spectra of these pictures `[N,3,H,W]` in `[0,1]`; values nearer than 0.001 to the ends come back as that.
    pub fn from_picture(spec: FourierSpec, picture: &Tensor) -> Fourier {
        Fourier::of_channels(spec, &spec.colour.channels(picture))
    }

    /// The same pictures at another size: frequencies that are new are 0.
    pub fn resized(&self, size: [i64; 2]) -> Fourier {
        Fourier::of_channels(self.spec, &spectrum::resample(&self.channels(), size))
    }

    /// Of what comes before the colours, `[N,3,H,W]`.
    fn of_channels(spec: FourierSpec, channels: &Tensor) -> Fourier {
        let size = [channels.size()[2], channels.size()[3]];
        let mut fourier = Fourier::of_spectrum(spec, spectrum::of_picture(channels), size);
        fourier.spectrum = &fourier.spectrum / &fourier.scale;
        fourier
    }

    /// The pictures `[N,3,H,W]` at the present numbers, of which no gradient is asked for.
    pub(super) fn picture(&self) -> Tensor {
        self.spec.colour.picture(&self.channels())
    }

    fn channels(&self) -> Tensor {
        spectrum::to_picture(&(&self.spectrum * &self.scale), self.size)
    }
}

impl Param for Fourier {
    fn pictures(&mut self) -> Tensor {
        let picture = channels_last(&self.spec.colour.picture(&self.channels()));
        self.picture = Some(picture.shallow_clone());
        picture
    }

    fn pullback(&mut self, gradient: &Tensor) -> Vec<Tensor> {
        let picture = self.picture.take().expect("pictures were made before");
        let at_channels = self.spec.colour.picture_pullback(&picture, gradient);
        vec![spectrum::pullback(&at_channels) * &self.scale]
    }

    fn tensors(&self) -> Vec<Tensor> {
        vec![self.spectrum.shallow_clone()]
    }

    fn state(&self) -> Vec<(&'static str, Tensor)> {
        vec![("spectrum", self.spectrum.shallow_clone())]
    }

    fn project(&mut self) {}

    fn size(&self) -> [i64; 2] {
        self.size
    }

    fn resize(&mut self, size: [i64; 2], _: Resampling, starts: Option<[&Tensor; 2]>) -> Result<()> {
        let enlarge = |channels: Tensor| spectrum::resample(&channels, size);
        *self = Fourier::of_channels(self.spec, &self.spec.colour.grown(self.channels(), starts, &enlarge));
        Ok(())
    }
}
