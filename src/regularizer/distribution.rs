//! Distribution matching (Görgün, Schiele & Fischer 2025, "VITAL"): the activations of each channel shall be spread as in photographs, whatever lies where. Both are
//! sorted, and held against each other in that order.

use tch::{Kind, Tensor};

/// Sorted activations of each channel, the mean over photographs `[K,C,H,W]`: `[C,H W]`.
pub fn profile(activations: &Tensor) -> Tensor {
    let (sorted, _) = activations.flatten(2, -1).sort(-1, false);
    sorted.mean_dim([0i64].as_slice(), false, None::<Kind>)
}

/// The penalty `[]` of a picture's activations `[C,H,W]` and its gradient, given a profile `[C,P]`: the squared distance of the sorted activations over the squared
/// length of the profile, which is interpolated where it has other numbers of places.
pub fn value_and_gradient(activations: &Tensor, profile: &Tensor) -> (Tensor, Tensor) {
    let (sorted, order) = activations.flatten(1, -1).sort(-1, false);
    let places = sorted.size()[1];
    let profile = match profile.size()[1] == places {
        true => profile.shallow_clone(),
        false => profile.unsqueeze(0).upsample_linear1d([places], true, None).squeeze_dim(0),
    };
    let scale = profile.square().sum(None::<Kind>).clamp_min(1e-12);
    let away = &sorted - &profile;
    let value = away.square().sum(None::<Kind>) / &scale;
    // Back from the order of the values to that of the places.
    let gradient = sorted.zeros_like().scatter(-1, &order, &(away * 2. / scale));
    (value, gradient.view_as(activations))
}
