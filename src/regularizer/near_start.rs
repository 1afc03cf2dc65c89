//! Feature accentuation (Hamblin et al. 2024, "Feature Accentuation: Revealing 'What' Features Respond to in Natural Images"): a picture stays near the photograph
//! that it starts from, not in pixels but in what a layer makes of both.

use tch::{Kind, Tensor};

/// The penalty `[N]` of activations `[N,…]`, and its gradient, given those of the start: `|a - s|^2 / |s|^2`.
pub fn value_and_gradient(activations: &Tensor, start: &Tensor) -> (Tensor, Tensor) {
    let others: Vec<i64> = (1..activations.dim() as i64).collect();
    let sum = |of: Tensor| of.square().sum_dim_intlist(others.as_slice(), true, None::<Kind>);
    let (away, scale) = (activations - start, sum(start.shallow_clone()).clamp_min(1e-12));
    let value = sum(away.shallow_clone()) / &scale;
    (value.flatten(0, -1), away * 2. / scale)
}
