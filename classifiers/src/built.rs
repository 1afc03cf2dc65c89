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
}
