//! SAGAN (Zhang, Goodfellow, Metaxas & Odena 2019, "Self-Attention Generative Adversarial Networks") in the module layout of
//! PyTorch-StudioGAN: [SNGAN's generator](crate::sngan) with self-attention at 64 px, and spectral normalization of every
//! weight.

use frozen::weights::{WeightError, Weights};

use crate::Built;
use crate::parts::Stored;
pub use crate::sngan::Config;

/// The generator: codes and mixtures of classes `[N, latent + 1000]` to `[N,3,S,S]` in [-1,1].
///
/// # Errors
/// If the weights are not those of this configuration: every missing, unexpected or mis-shaped tensor is listed.
pub fn build(config: Config, weights: Weights) -> Result<Built, WeightError> {
    crate::sngan::of_studio(config, weights, Stored::Vectors, true)
}
