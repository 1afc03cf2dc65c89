//! Regularizers: penalties that are subtracted from the objective.

mod code_decay;
pub mod distribution;
pub mod diversity;
mod encoder_prior;
pub mod l2;
pub mod near_start;
pub mod total_variation;

use crate::error::{Result, bail_at};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::param::GREY;

/// How a method asks for one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum RegularizerSpec {
    /// Pulls a code towards zero.
    CodeDecay {
        /// Factor of the sum of squares.
        weight: f64,
    },
    /// Pulls a picture towards grey (Simonyan et al. 2014).
    L2 {
        /// Factor of the mean of squares.
        weight: f64,
    },
    /// Pulls neighbouring pixels together (Mahendran & Vedaldi 2015).
    TotalVariation {
        /// Factor of the total variation per pixel.
        weight: f64,
        /// Its exponent: 2 punishes edges most, 1 is the total variation proper.
        #[serde(default = "two")]
        beta: f64,
    },
    /// Pulls a code towards what an encoder finds in its picture (Nguyen et al. 2017). Only for generators whose codes are the
    /// activations of a classifier.
    EncoderPrior {
        /// Factor of the way from the code to what was encoded.
        weight: f64,
    },
    /// Keeps what a layer makes of a picture near what it makes of the photograph that the picture starts from, moved alike (Hamblin et al. 2024).
    NearStart {
        /// Factor of the squared distance over the squared length of the photograph's activations.
        weight: f64,
        /// The layer; unless told, the deepest one with positions every 8 pixels of the input, which knows textures and parts and no things yet.
        #[serde(default)]
        layer: Option<String>,
    },
    /// Spreads the activations of each channel as in photographs that fire the unit most (Görgün et al. 2025).
    Distribution {
        /// Factor of the squared distance over the squared length, mean over layers.
        weight: f64,
        /// The photographs: a set of the zoo, or a folder.
        photographs: String,
        /// How many of them, those that fire the unit most.
        #[serde(default = "twenty")]
        top: usize,
        /// The layers; unless told, of each resolution the last one.
        #[serde(default)]
        layers: Vec<String>,
    },
    /// Pushes the facets of a run apart (Olah et al. 2017).
    Diversity {
        /// Factor of the mean cosine similarity of their Gram matrices.
        weight: f64,
        /// The layer whose activations are compared; unless told, the deepest one with positions up to the unit.
        #[serde(default)]
        layer: Option<String>,
    },
}

fn twenty() -> usize {
    20
}

fn two() -> f64 {
    2.
}

impl RegularizerSpec {
    /// Its column in a trace.
    pub fn name(&self) -> &'static str {
        match self {
            RegularizerSpec::CodeDecay { .. } => "code_decay",
            RegularizerSpec::L2 { .. } => "l2",
            RegularizerSpec::TotalVariation { .. } => "total_variation",
            RegularizerSpec::EncoderPrior { .. } => "encoder_prior",
            RegularizerSpec::NearStart { .. } => "near_start",
            RegularizerSpec::Distribution { .. } => "distribution",
            RegularizerSpec::Diversity { .. } => "diversity",
        }
    }

    /// Its factor.
    pub fn weight(&self) -> f64 {
        match self {
            RegularizerSpec::CodeDecay { weight }
            | RegularizerSpec::L2 { weight }
            | RegularizerSpec::EncoderPrior { weight }
            | RegularizerSpec::TotalVariation { weight, .. }
            | RegularizerSpec::NearStart { weight, .. }
            | RegularizerSpec::Distribution { weight, .. }
            | RegularizerSpec::Diversity { weight, .. } => *weight,
        }
    }

    /// Refuses values that cannot work.
    ///
    /// # Errors
    /// Says which.
    pub fn check(&self) -> Result<()> {
        if !self.weight().is_finite() {
            bail_at!(format!("regularizers.{}.weight", self.name()), "a finite number");
        }
        match self {
            RegularizerSpec::Distribution { top: 0, .. } => {
                bail_at!("regularizers.distribution.top", "at least 1")
            }
            RegularizerSpec::TotalVariation { beta, .. } if !(0.1..=10.).contains(beta) => {
                bail_at!("regularizers.total_variation.beta", "{beta} is not between 0.1 and 10")
            }
            _ => Ok(()),
        }
    }

    /// Whether it is a penalty on a code.
    pub fn acts_on_code(&self) -> bool {
        matches!(self, RegularizerSpec::CodeDecay { .. } | RegularizerSpec::EncoderPrior { .. })
    }

    /// Whether it needs the generator's encoder.
    pub fn encodes(&self) -> bool {
        matches!(self, RegularizerSpec::EncoderPrior { .. })
    }

    /// The photographs that it holds pictures against, if it does.
    pub fn photographs(&self) -> Option<&str> {
        match self {
            RegularizerSpec::Distribution { photographs, .. } => Some(photographs),
            _ => None,
        }
    }

    /// The same, to be written.
    pub fn photographs_mut(&mut self) -> Option<&mut String> {
        match self {
            RegularizerSpec::Distribution { photographs, .. } => Some(photographs),
            _ => None,
        }
    }

    /// Whether it holds a picture against the photograph that it starts from.
    pub fn compares_start(&self) -> bool {
        matches!(self, RegularizerSpec::NearStart { .. })
    }

    /// Whether it compares the facets of a run.
    pub fn compares_facets(&self) -> bool {
        matches!(self, RegularizerSpec::Diversity { .. })
    }

    /// The layer whose activations it compares, if it names one.
    pub fn layer(&self) -> Option<&str> {
        match self {
            RegularizerSpec::Diversity { layer, .. } | RegularizerSpec::NearStart { layer, .. } => layer.as_deref(),
            _ => None,
        }
    }

    /// Weighted penalty `[N]` and gradient of a code `[N,…]`.
    pub fn of_code(&self, code: &Tensor) -> Option<(Tensor, Tensor)> {
        match self {
            RegularizerSpec::CodeDecay { weight } => Some(code_decay::value_and_gradient(*weight, code)),
            _ => None,
        }
    }

    /// Weighted penalty `[N]` and direction of a code `[N,…]`, given what was encoded of its pictures.
    pub fn of_encoded(&self, code: &Tensor, encoded: &Tensor) -> (Tensor, Tensor) {
        let (value, away) = encoder_prior::value_and_direction(code, encoded);
        (value * self.weight(), away * self.weight())
    }

    /// Weighted penalty `[N]` and gradient of pictures `[N,3,H,W]`.
    pub fn of_picture(&self, picture: &Tensor) -> Option<(Tensor, Tensor)> {
        let (value, gradient) = match self {
            RegularizerSpec::L2 { .. } => {
                let grey = picture.new_full([1, picture.size()[1], 1, 1], GREY, (picture.kind(), picture.device()));
                l2::value_and_gradient(picture, &grey)
            }
            RegularizerSpec::TotalVariation { beta, .. } => total_variation::value_and_gradient(picture, *beta),
            _ => return None,
        };
        Some((value * self.weight(), gradient * self.weight()))
    }

    /// Weighted penalty `[N]` and gradient of activations `[N,…]`, given those of the start.
    pub fn of_start(&self, activations: &Tensor, start: &Tensor) -> (Tensor, Tensor) {
        let (value, gradient) = near_start::value_and_gradient(activations, start);
        (value * self.weight(), gradient * self.weight())
    }

    /// Weighted penalty `[N]` and gradient of activations `[N,C,H,W]`, `facets` samples in a row belonging together.
    pub fn of_activations(&self, activations: &Tensor, facets: i64) -> (Tensor, Tensor) {
        let (value, gradient) = diversity::value_and_gradient(activations, facets);
        (value * self.weight(), gradient * self.weight())
    }
}
