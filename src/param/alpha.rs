//! A picture and what covers it: colours and an opacity of each pixel are trained together, over a background that is drawn anew in each step, and opacity costs
//! something (Mordvintsev et al. 2018, "Differentiable Image Parameterizations"). What the unit does not need becomes transparent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use super::fourier::{Fourier, FourierSpec};
use super::parameterization::Param;
use super::pixel::GREY;
use super::spectrum;
use crate::random::{Purpose, Seed, normal, stream};

/// Settings of the param `alpha`: those of the spectrum of the colours, and what opacity costs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlphaSpec {
    /// Of the colours; the opacity starts from the same noise and falls as they do.
    #[serde(default)]
    pub spectrum: FourierSpec,
    /// What is subtracted from the objective for a picture that is opaque everywhere: this times the mean opacity.
    pub cost: f64,
}

/// Standard deviation of the spectra of backgrounds: vivid ones, as lucid's.
const VIVID: f64 = 0.5;

/// Colours and opacities of a batch: `picture = background + opacity (colours - background)`.
#[derive(Debug)]
pub struct Alpha {
    spec: AlphaSpec,
    seeds: Vec<Seed>,
    colours: Fourier,
    /// `[N,1,H,W/2+1,2]`, of what the opacity is the logistic function of.
    cover: Tensor,
    /// `[1,1,H,W/2+1,2]`
    scale: Tensor,
    /// Of the present step; grey where there is none.
    background: Option<Tensor>,
    /// The colours less the background, and the opacities, that the last pictures were made of.
    made: Option<[Tensor; 2]>,
}

impl Alpha {
    /// Noise of each seed, half covered; pictures of `size`, height and width. Colours start from `start` `[N,3,H,W]` where there is one.
    pub fn new(
        spec: AlphaSpec,
        seeds: &[Seed],
        size: [i64; 2],
        start: Option<&Tensor>,
        (kind, device): (Kind, Device),
    ) -> Alpha {
        let of_colours = spec.spectrum;
        let colours = match start {
            Some(start) => Fourier::from_picture(of_colours, start),
            None => Fourier::new(of_colours, seeds, size, kind, device),
        };
        let shape = [1, size[0], size[1] / 2 + 1, 2];
        let count = shape.iter().product::<i64>() as usize;
        let noise = |&seed: &Seed| Tensor::from_slice(&normal(&mut stream(seed, Purpose::Cover, 0), count)).view(shape);
        let cover = Tensor::stack(&seeds.iter().map(noise).collect::<Vec<_>>(), 0).to_kind(kind).to_device(device);
        let lowest = 1. / size[0].max(size[1]) as f64;
        let scale =
            spectrum::by_frequency(size, kind, device, |frequency| frequency.max(lowest).powf(-of_colours.decay) / 4.);
        let scale = scale.unsqueeze(-1).expand([-1, -1, -1, -1, 2], false).contiguous();
        let cover = cover * of_colours.noise;
        Alpha { spec, seeds: seeds.to_vec(), colours, cover, scale, background: None, made: None }
    }

    /// How opaque each pixel is, `[N,1,H,W]` in `[0,1]`.
    pub fn opacity(&self) -> Tensor {
        spectrum::to_picture(&(&self.cover * &self.scale), self.size()).sigmoid()
    }
}

impl Param for Alpha {
    fn begin(&mut self, step: usize) {
        let [height, width] = self.size();
        let shape = [3, height, width / 2 + 1, 2];
        let count = shape.iter().product::<i64>() as usize;
        let drawn = |&seed: &Seed| {
            Tensor::from_slice(&normal(&mut stream(seed, Purpose::Background, step as u64), count)).view(shape)
        };
        let drawn = Tensor::stack(&self.seeds.iter().map(drawn).collect::<Vec<_>>(), 0);
        let drawn = drawn.to_kind(self.cover.kind()).to_device(self.cover.device()) * VIVID;
        self.background = Some(Fourier::of_spectrum(self.spec.spectrum, drawn, [height, width]).picture());
    }

    fn pictures(&mut self) -> Tensor {
        let (colours, opacity) = (self.colours.pictures(), self.opacity());
        let (away, picture) = match &self.background {
            Some(background) => {
                let away = colours - background;
                let picture = background + &away * &opacity;
                (away, picture)
            }
            None => {
                let away = colours - GREY;
                let picture = &away * &opacity + GREY;
                (away, picture)
            }
        };
        self.made = Some([away, opacity]);
        frozen::network::channels_last(&picture)
    }

    fn kept(&mut self) -> Tensor {
        self.background = None;
        self.pictures()
    }

    fn pullback(&mut self, gradient: &Tensor) -> Vec<Tensor> {
        let [away, opacity] = self.made.take().expect("pictures were made before");
        let [height, width] = self.size();
        let of_colours = self.colours.pullback(&(gradient * &opacity));
        let at_opacity = (gradient * away).sum_dim_intlist([1i64].as_slice(), true, None::<Kind>);
        let at_opacity = at_opacity - self.spec.cost / (height * width) as f64;
        let at_cover = Tensor::sigmoid_backward(&at_opacity, &opacity);
        of_colours.into_iter().chain([spectrum::pullback(&at_cover) * &self.scale]).collect()
    }

    fn tensors(&self) -> Vec<Tensor> {
        self.colours.tensors().into_iter().chain([self.cover.shallow_clone()]).collect()
    }

    fn state(&self) -> Vec<(&'static str, Tensor)> {
        vec![("colours", self.colours.picture()), ("opacity", self.opacity())]
    }

    fn project(&mut self) {}

    fn size(&self) -> [i64; 2] {
        self.colours.size()
    }
}
