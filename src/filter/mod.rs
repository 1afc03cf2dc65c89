//! Filters: what is done to the code, the picture or the gradient every few steps, outside of the loss.

pub mod bilateral;
mod clip_code;
pub mod gaussian_blur;
pub mod laplacian_gradient;
mod shrink_code;
mod shrink_picture;
pub mod small_contribution;
pub mod small_norm;
pub mod stochastic_clip;
pub mod tv_denoise;

use crate::error::{Result, bail_at};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::param::GREY;

/// What a filter works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The gradient with respect to the picture, before the optimizer sees it.
    Gradient,
    /// A code, after the optimizer's step.
    Code,
    /// A picture that is itself what is trained, after the optimizer's step.
    Picture,
    /// Either of the two.
    CodeOrPicture,
}

impl Stage {
    /// Whether a filter of this stage is applied where `other` is filtered.
    pub fn is(self, other: Stage) -> bool {
        self == other || (self == Stage::CodeOrPicture && matches!(other, Stage::Code | Stage::Picture))
    }

    /// For errors.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Gradient => "the gradients of pictures",
            Stage::Code => "codes",
            Stage::Picture => "pixels",
            Stage::CodeOrPicture => "codes and pixels",
        }
    }
}

/// How a method asks for one. `every` is in steps: 20 applies it after the 20th, the 40th … step of each octave.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FilterSpec {
    /// Sets numbers of a code beyond a limit to it.
    ClipCode {
        /// The largest absolute value: of a standard normal code, in standard deviations. For other priors see the spaces
        /// `truncated` and `bounded`.
        limit: f64,
        /// Steps between two applications.
        #[serde(default = "one")]
        every: usize,
    },
    /// Multiplies a code.
    ShrinkCode {
        /// By this.
        factor: f64,
        /// Steps between two applications.
        #[serde(default = "one")]
        every: usize,
    },
    /// Pulls a picture towards grey.
    ShrinkPicture {
        /// What is left of the distance.
        factor: f64,
        /// Steps between two applications.
        #[serde(default = "one")]
        every: usize,
    },
    /// Draws numbers beyond a limit anew (Lipton & Tripathi 2017).
    StochasticClip {
        /// The largest absolute value of a code; pixels have the range `[0,1]`.
        #[serde(default = "one_deviation")]
        limit: f64,
        /// Steps between two applications.
        #[serde(default = "one")]
        every: usize,
    },
    /// Yosinski et al. 2015.
    GaussianBlur {
        /// Standard deviation in pixels.
        sigma: f64,
        /// Steps between two applications.
        #[serde(default = "one")]
        every: usize,
    },
    /// Tyka 2016.
    Bilateral {
        /// Standard deviation of colour differences, in units of the picture's range.
        sigma_color: f64,
        /// Standard deviation in pixels.
        sigma_spatial: f64,
        /// Half the side of the window in pixels.
        radius: u32,
        /// Steps between two applications.
        #[serde(default = "one")]
        every: usize,
    },
    /// Chambolle 2004.
    TvDenoise {
        /// Weight of the total variation: more is flatter.
        weight: f64,
        /// Iterations of each application.
        #[serde(default = "fifty")]
        iterations: usize,
        /// Steps between two applications.
        #[serde(default = "one")]
        every: usize,
    },
    /// Pixels near grey are set to grey (Yosinski et al. 2015).
    SmallNorm {
        /// The percentile of the pixels' distances from grey below which they go.
        percentile: f64,
        /// Steps between two applications.
        #[serde(default = "one")]
        every: usize,
    },
    /// Pixels that matter little to the unit are set to grey (Yosinski et al. 2015).
    SmallContribution {
        /// The percentile of the pixels' contributions below which they go.
        percentile: f64,
        /// Steps between two applications.
        #[serde(default = "one")]
        every: usize,
    },
    /// Evens out the gradient's frequencies (Mordvintsev 2016).
    LaplacianGradient {
        /// Bands of the pyramid.
        levels: usize,
    },
}

fn one() -> usize {
    1
}

fn one_deviation() -> f64 {
    1.
}

fn fifty() -> usize {
    50
}

/// What a filter may read beside the tensor that it changes.
pub struct FilterContext<'a> {
    /// The gradient with respect to the pictures before the optimizer's step `[N,3,H,W]`, upwards.
    pub gradient: &'a Tensor,
    /// What the tensor is.
    pub stage: Stage,
    /// Uniform numbers in [0,1) of this shape, each sample's from its own stream.
    pub draw: &'a dyn Fn(&[i64]) -> Tensor,
}

impl FilterSpec {
    /// As YAML spells it.
    pub fn name(self) -> &'static str {
        match self {
            FilterSpec::ClipCode { .. } => "clip_code",
            FilterSpec::ShrinkCode { .. } => "shrink_code",
            FilterSpec::ShrinkPicture { .. } => "shrink_picture",
            FilterSpec::StochasticClip { .. } => "stochastic_clip",
            FilterSpec::GaussianBlur { .. } => "gaussian_blur",
            FilterSpec::Bilateral { .. } => "bilateral",
            FilterSpec::TvDenoise { .. } => "tv_denoise",
            FilterSpec::SmallNorm { .. } => "small_norm",
            FilterSpec::SmallContribution { .. } => "small_contribution",
            FilterSpec::LaplacianGradient { .. } => "laplacian_gradient",
        }
    }

    /// What it works on.
    pub fn stage(self) -> Stage {
        match self {
            FilterSpec::ClipCode { .. } | FilterSpec::ShrinkCode { .. } => Stage::Code,
            FilterSpec::StochasticClip { .. } => Stage::CodeOrPicture,
            FilterSpec::LaplacianGradient { .. } => Stage::Gradient,
            _ => Stage::Picture,
        }
    }

    /// Steps between two applications.
    fn every(self) -> usize {
        match self {
            FilterSpec::ClipCode { every, .. }
            | FilterSpec::ShrinkCode { every, .. }
            | FilterSpec::ShrinkPicture { every, .. }
            | FilterSpec::StochasticClip { every, .. }
            | FilterSpec::GaussianBlur { every, .. }
            | FilterSpec::Bilateral { every, .. }
            | FilterSpec::TvDenoise { every, .. }
            | FilterSpec::SmallNorm { every, .. }
            | FilterSpec::SmallContribution { every, .. } => every,
            FilterSpec::LaplacianGradient { .. } => 1,
        }
    }

    /// Whether it is applied after the step of this number (from 0) of its octave.
    pub fn is_due(self, step: usize) -> bool {
        (step + 1).is_multiple_of(self.every())
    }

    /// Refuses values that cannot work.
    ///
    /// # Errors
    /// Says which.
    pub fn check(self) -> Result<()> {
        let name = self.name();
        if self.every() == 0 {
            bail_at!(format!("filters.{name}.every"), "at least 1");
        }
        let values: &[(&str, f64, f64)] = match &self {
            FilterSpec::ClipCode { limit, .. } | FilterSpec::StochasticClip { limit, .. } => {
                &[("limit", *limit, f64::MAX)]
            }
            FilterSpec::ShrinkCode { factor, .. } | FilterSpec::ShrinkPicture { factor, .. } => {
                &[("factor", *factor, f64::MAX)]
            }
            FilterSpec::GaussianBlur { sigma, .. } => &[("sigma", *sigma, 100.)],
            FilterSpec::Bilateral { sigma_color, sigma_spatial, radius, .. } => &[
                ("sigma_color", *sigma_color, 1e6),
                ("sigma_spatial", *sigma_spatial, 1e6),
                ("radius", f64::from(*radius), 64.),
            ],
            FilterSpec::TvDenoise { weight, iterations, .. } => {
                &[("weight", *weight, 1e6), ("iterations", *iterations as f64, 10_000.)]
            }
            FilterSpec::SmallNorm { percentile, .. } | FilterSpec::SmallContribution { percentile, .. } => {
                &[("percentile", *percentile, 100.)]
            }
            FilterSpec::LaplacianGradient { levels } => &[("levels", *levels as f64, 16.)],
        };
        for (key, value, largest) in values {
            if !(0. ..=*largest).contains(value) {
                bail_at!(format!("filters.{name}.{key}"), "{value} is not between 0 and {largest}");
            }
        }
        if let FilterSpec::Bilateral { sigma_color, sigma_spatial, .. } = self
            && sigma_color.min(sigma_spatial) == 0.
        {
            bail_at!(format!("filters.{name}"), "sigma_color and sigma_spatial are more than 0");
        }
        Ok(())
    }

    /// Applies it to a code `[N,d]`, to pictures or to their gradients `[N,3,H,W]`, as its stage says.
    pub fn apply(self, tensor: &Tensor, context: &FilterContext) -> Tensor {
        let grey = || tensor.new_full([1, tensor.size()[1], 1, 1], GREY, (tensor.kind(), tensor.device()));
        match self {
            FilterSpec::ClipCode { limit, .. } => clip_code::apply(limit, tensor),
            FilterSpec::ShrinkCode { factor, .. } => shrink_code::apply(factor, tensor),
            FilterSpec::ShrinkPicture { factor, .. } => shrink_picture::apply(factor, tensor),
            FilterSpec::StochasticClip { limit, .. } => {
                let (low, high) = if context.stage == Stage::Picture { (0., 1.) } else { (-limit, limit) };
                stochastic_clip::apply(tensor, low, high, &(context.draw)(&tensor.size()))
            }
            FilterSpec::GaussianBlur { sigma, .. } => gaussian_blur::apply(tensor, sigma),
            FilterSpec::Bilateral { sigma_color, sigma_spatial, radius, .. } => {
                bilateral::apply(tensor, sigma_color, sigma_spatial, i64::from(radius))
            }
            FilterSpec::TvDenoise { weight, iterations, .. } => tv_denoise::apply(tensor, weight, iterations),
            FilterSpec::SmallNorm { percentile, .. } => small_norm::apply(tensor, &grey(), percentile),
            FilterSpec::SmallContribution { percentile, .. } => {
                small_contribution::apply(tensor, context.gradient, &grey(), percentile)
            }
            FilterSpec::LaplacianGradient { levels } => laplacian_gradient::apply(tensor, levels),
        }
    }
}
