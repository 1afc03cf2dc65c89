//! What an architecture makes of an entry of the zoo.

use frozen::network::Network;

/// A frozen network, and how pictures enter it.
#[derive(Debug)]
pub(crate) struct Built {
    /// Normalised pictures `[N,3,S,S]` to logits `[N,classes]`.
    pub network: Network,
    /// How many classes it tells apart.
    pub classes: i64,
    /// Side S of the square input in pixels.
    pub size: i64,
    /// What is subtracted from each channel (red, green, blue) of a picture in [0,1].
    pub mean: [f64; 3],
    /// What each channel is divided by after that.
    pub std: [f64; 3],
    /// What its classes are called.
    pub names: Names,
    /// Whether each class is a question of its own (a sigmoid), and not one of all (a softmax).
    pub independent: bool,
}

/// What a classifier's classes are called.
#[derive(Clone, Debug, PartialEq)]
pub enum Names {
    /// As ImageNet's, if there are a thousand.
    ImageNet,
    /// Nothing: they have numbers alone.
    Unnamed,
    /// This, in their order.
    Own(Vec<String>),
}

impl Built {
    /// A network whose classes exclude each other, and are ImageNet's if there are a thousand.
    pub fn of(network: Network, classes: i64, size: i64, mean: [f64; 3], std: [f64; 3]) -> Built {
        Built { network, classes, size, mean, std, names: Names::ImageNet, independent: false }
    }
}
