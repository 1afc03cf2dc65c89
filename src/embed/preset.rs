//! Classifiers and layers that other tools embed pictures with.

use super::{Fit, Settings};

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
