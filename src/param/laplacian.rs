//! A Laplacian pyramid as the trainable tensors, in decorrelated colours (Mordvintsev 2016, the DeepDream notebook; as a
//! parameterization lucid, the code of Olah et al. 2017): pictures of falling resolution, enlarged and added up, so that
//! one step moves large areas together.

use crate::error::Result;
use frozen::network::channels_last;
use frozen::resize::Resize;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use super::colour::Colour;
use super::parameterization::{Param, Resampling};
use crate::random::{Purpose, Seed, normal, stream};

/// Settings of the param `laplacian`: levels of the pyramid, and the deviation of its random start.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LaplacianSpec {
    /// How many levels there are, from 1 to [`MOST_LEVELS`]; each has half the resolution of the one before.
    #[serde(default = "levels")]
    pub levels: usize,
    /// Standard deviation of the Gaussian noise that each level starts from.
    #[serde(default = "noise")]
    pub noise: f64,
    /// What the channels are.
    #[serde(default)]
    pub colour: Colour,
}

/// As in lucid.
fn levels() -> usize {
    4
}

fn noise() -> f64 {
    0.01
}

/// The names of the levels in a record, finest first.
const NAMES: [&str; MOST_LEVELS] =
    ["level_1", "level_2", "level_4", "level_8", "level_16", "level_32", "level_64", "level_128"];

/// The most levels that a pyramid may have.
pub const MOST_LEVELS: usize = 8;

/// Pyramids of a batch. The picture is sigmoid(recorrelate(sum of the enlarged levels)).
#[derive(Debug)]
pub struct Laplacian {
    spec: LaplacianSpec,
    size: [i64; 2],
    /// Each `[N,3,h,w]`, finest first, and its way to the picture's size.
    levels: Vec<(Tensor, Resize)>,
    /// The last one that was made.
    picture: Option<Tensor>,
}

impl Laplacian {
    /// Noise of each seed; pictures of `size`, height and width.
    pub fn new(spec: LaplacianSpec, seeds: &[Seed], size: [i64; 2], kind: Kind, device: Device) -> Laplacian {
        let mut streams: Vec<_> = seeds.iter().map(|&seed| stream(seed, Purpose::Start, 0)).collect();
        let mut level = |[height, width]: [i64; 2]| {
            let shape = [3, height, width];
            let count = shape.iter().product::<i64>() as usize;
            let noise = streams.iter_mut().map(|rng| Tensor::from_slice(&normal(rng, count)).view(shape));
            Tensor::stack(&noise.collect::<Vec<_>>(), 0).to_kind(kind).to_device(device) * spec.noise
        };
        let levels = sizes(spec, size).map(|[from, to]| (level(from), Resize::new(from, to, kind, device))).collect();
        Laplacian { spec, size, levels, picture: None }
    }

    /// The pyramids of these pictures `[N,3,H,W]` in `[0,1]`: each level, from the coarsest on, holds what the ones before it
    /// leave. Values nearer than 0.001 to the ends come back as that.
    pub fn from_picture(spec: LaplacianSpec, picture: &Tensor) -> Laplacian {
        Laplacian::of_channels(spec, spec.colour.channels(picture))
    }

    /// The same pictures at another size, interpolated linearly.
    pub fn resized(&self, size: [i64; 2]) -> Laplacian {
        Laplacian::of_channels(self.spec, self.enlarged(size))
    }

    /// What comes before the colours, at another size.
    fn enlarged(&self, size: [i64; 2]) -> Tensor {
        let channels = self.channels();
        Resize::new(self.size, size, channels.kind(), channels.device()).apply(&channels)
    }

    /// Of what comes before the colours, `[N,3,H,W]`.
    fn of_channels(spec: LaplacianSpec, channels: Tensor) -> Laplacian {
        let size = [channels.size()[2], channels.size()[3]];
        let (kind, device) = (channels.kind(), channels.device());
        let mut rest = channels;
        let mut levels: Vec<(Tensor, Resize)> = vec![];
        for [from, to] in sizes(spec, size).collect::<Vec<_>>().into_iter().rev() {
            let level = Resize::new(to, from, kind, device).apply(&rest).contiguous().copy();
            let enlarge = Resize::new(from, to, kind, device);
            rest -= enlarge.apply(&level);
            levels.insert(0, (level, enlarge));
        }
        Laplacian { spec, size, levels, picture: None }
    }

    fn channels(&self) -> Tensor {
        let enlarged = self.levels.iter().map(|(level, enlarge)| enlarge.apply(level));
        enlarged.reduce(|sum, level| sum + level).expect("there is at least one level")
    }
}

/// The size of each level, finest first, and the picture's.
fn sizes(spec: LaplacianSpec, size: [i64; 2]) -> impl Iterator<Item = [[i64; 2]; 2]> {
    (0..spec.levels.clamp(1, MOST_LEVELS)).map(move |level| [size.map(|side| (side >> level).max(1)), size])
}

impl Param for Laplacian {
    fn pictures(&mut self) -> Tensor {
        let picture = channels_last(&self.spec.colour.picture(&self.channels()));
        self.picture = Some(picture.shallow_clone());
        picture
    }

    fn pullback(&mut self, gradient: &Tensor) -> Vec<Tensor> {
        let picture = self.picture.take().expect("pictures were made before");
        let at_channels = self.spec.colour.picture_pullback(&picture, gradient);
        self.levels.iter().map(|(_, enlarge)| enlarge.pullback(&at_channels)).collect()
    }

    fn tensors(&self) -> Vec<Tensor> {
        self.levels.iter().map(|(level, _)| level.shallow_clone()).collect()
    }

    fn state(&self) -> Vec<(&'static str, Tensor)> {
        NAMES.into_iter().zip(self.tensors()).collect()
    }

    fn project(&mut self) {}

    fn size(&self) -> [i64; 2] {
        self.size
    }

    fn resize(&mut self, size: [i64; 2], _: Resampling, starts: Option<[&Tensor; 2]>) -> Result<()> {
        let mut channels = self.enlarged(size);
        if let Some([before, now]) = starts {
            let before = Laplacian::from_picture(self.spec, before).enlarged(size);
            channels += self.spec.colour.channels(now) - before;
        }
        *self = Laplacian::of_channels(self.spec, channels);
        Ok(())
    }
}
