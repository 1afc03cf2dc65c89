//! A picture as a sum of pictures at several resolutions, each enlarged, as the trainable tensors: what Laplacian pyramids and sums over many resolutions
//! have in common. Channels of any value become colours by [`Colour`].

use frozen::network::channels_last;
use frozen::resize::Resize;
use tch::{Device, Kind, Tensor};

use super::colour::Colour;
use super::parameterization::{Param, Resampling};
use crate::error::Result;
use crate::random::{Purpose, Seed, normal, stream};

/// Which resolutions there are.
pub trait Resolutions: Copy {
    /// Height and width of each level for pictures of this size, the finest first.
    fn sizes(&self, size: [i64; 2]) -> Vec<[i64; 2]>;

    /// Standard deviation of the Gaussian noise that each level starts from.
    fn noise(&self) -> f64;

    /// What the channels are.
    fn colour(&self) -> Colour;

    /// What a record keeps: tensors by name that make the picture again.
    fn state(&self, levels: Vec<Tensor>, channels: Tensor) -> Vec<(&'static str, Tensor)>;
}

/// Levels of a batch. The picture is sigmoid(recorrelate(sum of the enlarged levels)).
#[derive(Debug)]
pub struct Levels<S> {
    spec: S,
    size: [i64; 2],
    /// Each `[N,3,h,w]`, finest first, and its way to the picture's size.
    levels: Vec<(Tensor, Resize)>,
    /// The last one that was made.
    picture: Option<Tensor>,
}

impl<S: Resolutions> Levels<S> {
    /// Noise of each seed; pictures of `size`, height and width.
    pub fn new(spec: S, seeds: &[Seed], size: [i64; 2], kind: Kind, device: Device) -> Levels<S> {
        let mut streams: Vec<_> = seeds.iter().map(|&seed| stream(seed, Purpose::Start, 0)).collect();
        let mut level = |[height, width]: [i64; 2]| {
            let shape = [3, height, width];
            let count = shape.iter().product::<i64>() as usize;
            let noise = streams.iter_mut().map(|rng| Tensor::from_slice(&normal(rng, count)).view(shape));
            Tensor::stack(&noise.collect::<Vec<_>>(), 0).to_kind(kind).to_device(device) * spec.noise()
        };
        let sizes = spec.sizes(size).into_iter();
        let levels = sizes.map(|from| (level(from), Resize::new(from, size, kind, device))).collect();
        Levels { spec, size, levels, picture: None }
    }

    /// The levels of these pictures `[N,3,H,W]` in `[0,1]`: each level, from the coarsest on, holds what the ones before it
    /// leave. Values nearer than 0.001 to the ends come back as that.
    pub fn from_picture(spec: S, picture: &Tensor) -> Levels<S> {
        Levels::of_channels(spec, spec.colour().channels(picture))
    }

    /// The same pictures at another size, interpolated linearly.
    pub fn resized(&self, size: [i64; 2]) -> Levels<S> {
        Levels::of_channels(self.spec, enlarged(&self.channels(), size))
    }

    /// Of what comes before the colours, `[N,3,H,W]`.
    fn of_channels(spec: S, channels: Tensor) -> Levels<S> {
        let size = [channels.size()[2], channels.size()[3]];
        let (kind, device) = (channels.kind(), channels.device());
        let mut rest = channels;
        let mut levels: Vec<(Tensor, Resize)> = vec![];
        for from in spec.sizes(size).into_iter().rev() {
            let level = Resize::new(size, from, kind, device).apply(&rest).contiguous().copy();
            let enlarge = Resize::new(from, size, kind, device);
            rest -= enlarge.apply(&level);
            levels.insert(0, (level, enlarge));
        }
        Levels { spec, size, levels, picture: None }
    }

    fn channels(&self) -> Tensor {
        let enlarged = self.levels.iter().map(|(level, enlarge)| enlarge.apply(level));
        enlarged.reduce(|sum, level| sum + level).expect("there is at least one level")
    }
}

/// What comes before the colours `[N,3,h,w]`, at another size.
fn enlarged(channels: &Tensor, size: [i64; 2]) -> Tensor {
    let from = [channels.size()[2], channels.size()[3]];
    Resize::new(from, size, channels.kind(), channels.device()).apply(channels)
}

impl<S: Resolutions> Param for Levels<S> {
    fn pictures(&mut self) -> Tensor {
        let picture = channels_last(&self.spec.colour().picture(&self.channels()));
        self.picture = Some(picture.shallow_clone());
        picture
    }

    fn pullback(&mut self, gradient: &Tensor) -> Vec<Tensor> {
        let picture = self.picture.take().expect("pictures were made before");
        let at_channels = self.spec.colour().picture_pullback(&picture, gradient);
        self.levels.iter().map(|(_, enlarge)| enlarge.pullback(&at_channels)).collect()
    }

    fn tensors(&self) -> Vec<Tensor> {
        self.levels.iter().map(|(level, _)| level.shallow_clone()).collect()
    }

    fn state(&self) -> Vec<(&'static str, Tensor)> {
        self.spec.state(self.tensors(), self.channels())
    }

    fn project(&mut self) {}

    fn size(&self) -> [i64; 2] {
        self.size
    }

    fn resize(&mut self, size: [i64; 2], _: Resampling, starts: Option<[&Tensor; 2]>) -> Result<()> {
        let grown = self.spec.colour().grown(self.channels(), starts, &|channels| enlarged(&channels, size));
        *self = Levels::of_channels(self.spec, grown);
        Ok(())
    }
}
