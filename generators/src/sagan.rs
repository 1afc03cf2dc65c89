//! SAGAN (Zhang, Goodfellow, Metaxas & Odena 2019, "Self-Attention Generative Adversarial Networks") in the module layouts of
//! PyTorch-StudioGAN and of OpenMMLab's mmgeneration: [SNGAN's generator](crate::sngan) with self-attention at 64 px, and
//! spectral normalization of every weight (`normalized_conditions: false`: of those of the batch norms not).

use frozen::weights::{WeightError, Weights};

use crate::built::Built;
use crate::parts::Stored;
pub use crate::sngan::Config;

/// The generator: codes and mixtures of classes `[N, latent + classes]` to `[N,3,S,S]` in [-1,1].
///
/// # Errors
/// If the weights are not those of this configuration: every missing, unexpected or mis-shaped tensor is listed.
pub fn build(config: Config, weights: Weights) -> Result<Built, WeightError> {
    crate::sngan::conditioned(config, weights, Stored::Vectors, true)
}
