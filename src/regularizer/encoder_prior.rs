//! How far a code is from what an encoder finds in its own picture (Nguyen et al. 2017, "Plug & Play Generative Networks": the
//! joint prior, a denoising autoencoder of codes that goes through the picture).
//!
//! By Alain & Bengio (2014), R(h) - h points to where codes are more likely, with R(h) = E(G(h)) here. It is taken as a direction, as
//! they do; it is not the gradient of the penalty that a trace shows, half its square.

use tch::{Kind, Tensor};

/// Penalty `[N]`: half the squared distance of codes `[N,…]` and what was encoded of their pictures; and the direction away from
/// what was encoded.
pub(super) fn value_and_direction(code: &Tensor, encoded: &Tensor) -> (Tensor, Tensor) {
    let away = code - encoded;
    let value = away.square().flatten(1, -1).sum_dim_intlist(1i64, false, None::<Kind>) * 0.5;
    (value, away)
}
