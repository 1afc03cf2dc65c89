//! MACO, magnitude constrained optimization (Fel et al. 2023, "Unlocking Feature Visualization for Deeper Networks with
//! MAgnitude Constrained Optimization"): only the phases of a picture's spectrum are trainable; its magnitudes are those
//! that photographs have on average, so that no frequency can grow at another one's cost.
//!
//! The authors take the magnitudes from ImageNet, for every direction; here they come from the reference photographs, the
//! same for all directions (see `photo_statistics.py`), and as cycles per pixel for all sizes. As there, what comes before
//! the colours has mean 0 and deviation 1. Two things are stricter, so that the magnitudes hold exactly: the mean is that
//! of each channel (the frequency 0 has magnitude 0), and coefficients that are each other's mirror image keep opposite
//! phases. By Parseval's theorem the deviation is then a constant, and no gradient goes through it.

use std::f64::consts::PI;

use frozen::network::channels_last;
use rand_distr::{Distribution, Uniform};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use super::colour::Colour;
use super::parameterization::Param;
use super::photo_statistics::{IN_IMAGENET_COLOURS, IN_PHOTOS_COLOURS, IN_RGB};
use super::spectrum;
use crate::random::{Purpose, Seed, stream};

/// Settings of the param `maco` (Fel et al. 2023): whose magnitudes, and in which colours the phases are optimized.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MacoSpec {
    /// What the channels are.
    #[serde(default)]
    pub colour: Colour,
}

/// Phases of a batch. The picture is sigmoid(recorrelate(F⁻¹(magnitude * exp(i phase)))), F orthonormal.
#[derive(Debug)]
pub struct Maco {
    spec: MacoSpec,
    size: [i64; 2],
    /// `[N,3,H,W/2+1]`, in radians.
    phase: Tensor,
    /// `[1,3,H,W/2+1]`
    magnitude: Tensor,
    /// The last picture that was made, and the cosine and sine that it was made of.
    made: Option<[Tensor; 3]>,
}

impl Maco {
    /// Phases drawn from all directions for each seed; pictures of `size`, height and width, at least 2 pixels.
    pub fn new(spec: MacoSpec, seeds: &[Seed], size: [i64; 2], kind: Kind, device: Device) -> Maco {
        let shape = [3, size[0], size[1] / 2 + 1];
        let count = shape.iter().product::<i64>() as usize;
        let uniform = Uniform::new(-PI, PI).expect("an interval");
        let draw = |&seed: &Seed| {
            let rng = stream(seed, Purpose::Start, 0);
            let phases: Vec<f64> = uniform.sample_iter(rng).take(count).collect();
            Tensor::from_slice(&phases).view(shape)
        };
        let phase = Tensor::stack(&seeds.iter().map(draw).collect::<Vec<_>>(), 0).to_kind(kind).to_device(device);
        // Where only differences of mirror images count, these shall be drawn from all directions too.
        let pairs = (size[0] - 1) / 2;
        for column in lone_columns(size) {
            let column = phase.narrow(3, column, 1);
            column.narrow(2, size[0] - pairs, pairs).copy_(&-column.narrow(2, 1, pairs).flip([2]));
        }
        Maco::of_phase(spec, phase, size)
    }

    /// Of these phases, `[N,3,H,W/2+1]` in radians.
    pub fn of_phase(spec: MacoSpec, phase: Tensor, size: [i64; 2]) -> Maco {
        let magnitude = magnitude(spec.colour, size, phase.kind(), phase.device());
        Maco { spec, size, phase: phase.contiguous(), magnitude, made: None }
    }

    /// The phases of these pictures `[N,3,H,W]` in `[0,1]`; their magnitudes are lost.
    pub fn from_picture(spec: MacoSpec, picture: &Tensor) -> Maco {
        let numbers = spectrum::of_picture(&spec.colour.channels(picture));
        let phase = numbers.select(-1, 1).atan2(&numbers.select(-1, 0));
        Maco::of_phase(spec, phase, [picture.size()[2], picture.size()[3]])
    }

    /// The magnitudes of the spectrum of every picture before its colours, `[1,3,H,W/2+1]`, in the orthonormal transform.
    pub fn magnitude(&self) -> Tensor {
        self.magnitude.shallow_clone()
    }

    /// What the phases are after mirror images were made opposite; what is its own mirror image has phase 0.
    fn odd(&self, phase: &Tensor) -> Tensor {
        let odd = phase.copy();
        for column in lone_columns(self.size) {
            let column = odd.narrow(3, column, 1);
            let mirrored = column.flip([2]).roll([1i64], [2i64]);
            column.shallow_clone().copy_(&((&column - mirrored) * 0.5));
        }
        odd
    }
}

/// The columns of a half spectrum whose mirror image is in the same column.
fn lone_columns([_, width]: [i64; 2]) -> impl Iterator<Item = i64> {
    std::iter::once(0).chain((width % 2 == 0).then_some(width / 2))
}

/// The photographs' magnitudes in these colours, scaled so that the picture has deviation 1 over its pixels and channels.
fn magnitude(colour: Colour, size: [i64; 2], kind: Kind, device: Device) -> Tensor {
    let by_channel = match colour {
        Colour::Imagenet => IN_IMAGENET_COLOURS,
        Colour::Photos => IN_PHOTOS_COLOURS,
        Colour::Rgb => IN_RGB,
    };
    let channels = by_channel.map(|numbers| {
        spectrum::by_frequency(size, Kind::Double, Device::Cpu, |frequency| match frequency {
            0. => 0.,
            _ => interpolate(&numbers, frequency),
        })
    });
    let magnitude = Tensor::cat(&channels, 1);
    let energy = magnitude.square() * spectrum::multiplicities(size, Kind::Double, Device::Cpu);
    let deviation = (energy.sum(Kind::Double) / (3 * size[0] * size[1]) as f64).sqrt();
    (magnitude / deviation).to_kind(kind).to_device(device)
}

/// A magnitude at any frequency in cycles per pixel: linear between the logarithms of the table's; below its lowest
/// frequency 1/f, as natural pictures have it at all scales.
fn interpolate(numbers: &[f64; 25], frequency: f64) -> f64 {
    let place = (frequency.log2() + 8.) * 16. / 5.;
    if place <= 0. {
        return numbers[0] / 256. / frequency;
    }
    let below = (place as usize).min(numbers.len() - 2);
    let share = (place - below as f64).min(1.);
    numbers[below].powf(1. - share) * numbers[below + 1].powf(share)
}

impl Param for Maco {
    fn pictures(&mut self) -> Tensor {
        let phase = self.odd(&self.phase);
        let (cosine, sine) = (phase.cos(), phase.sin());
        let numbers = Tensor::stack(&[&self.magnitude * &cosine, &self.magnitude * &sine], -1);
        let channels = spectrum::to_picture(&numbers, self.size);
        let picture = channels_last(&self.spec.colour.picture(&channels));
        self.made = Some([picture.shallow_clone(), cosine, sine]);
        picture
    }

    fn pullback(&mut self, gradient: &Tensor) -> Vec<Tensor> {
        let [picture, cosine, sine] = self.made.take().expect("pictures were made before");
        let at_channels = self.spec.colour.picture_pullback(&picture, gradient);
        let at_numbers = spectrum::pullback(&at_channels);
        let along = at_numbers.select(-1, 1) * cosine - at_numbers.select(-1, 0) * sine;
        // Making mirror images opposite is its own transpose.
        vec![self.odd(&(along * &self.magnitude))]
    }

    fn tensors(&self) -> Vec<Tensor> {
        vec![self.phase.shallow_clone()]
    }

    fn state(&self) -> Vec<(&'static str, Tensor)> {
        vec![("phase", self.phase.shallow_clone())]
    }

    fn project(&mut self) {}

    fn size(&self) -> [i64; 2] {
        self.size
    }
}
