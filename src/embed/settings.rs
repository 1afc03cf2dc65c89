//! How pictures are embedded: by a layer, shown in one of several ways; and presets of what other tools do.

use serde::{Deserialize, Serialize};

/// How a picture becomes the square that a network takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// Its shorter side fits, and the central square is taken.
    #[default]
    Crop,
    /// Both sides fit, whatever becomes of its proportions.
    Squash,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// The layer, by any of its names.
    pub layer: String,
    /// Keep all positions of a layer that has some, `[C*H*W]`, and not their mean, `[C]`.
    pub positions: bool,
    /// How a picture becomes a square.
    pub fit: Fit,
    /// Give the network levels from 0 to 1 as they are, and not normalised as it was trained.
    pub raw: bool,
}

/// Classifier, layer and the way of a picture to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// VGG19 behind its first fully connected layer and ReLU, as Keras calls it.
    Vgg19Fc1,
    /// What imgs.ai calls so: behind the second one; squashed, not normalised.
    ImgsAi,
}

impl Preset {
    /// All of them, by name.
    pub const NAMES: [(&'static str, Preset); 2] = [("vgg19-fc1", Preset::Vgg19Fc1), ("imgs-ai", Preset::ImgsAi)];

    /// The classifier, an entry of the zoo.
    pub fn classifier(self) -> &'static str {
        match self {
            Preset::Vgg19Fc1 | Preset::ImgsAi => "vgg19",
        }
    }

    /// Layer, and the way of a picture to it.
    pub fn settings(self) -> Settings {
        let layer = |layer: &str| layer.to_owned();
        match self {
            Preset::Vgg19Fc1 => Settings { layer: layer("classifier.1"), positions: false, fit: Fit::Crop, raw: false },
            Preset::ImgsAi => Settings { layer: layer("classifier.4"), positions: false, fit: Fit::Squash, raw: true },
        }
    }
}
