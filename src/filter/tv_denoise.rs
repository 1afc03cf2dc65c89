//! Total variation denoising by Chambolle's projection (Chambolle 2004, "An Algorithm for Total Variation Minimization
//! and Applications"): the picture near the given one that has little total variation, flat with sharp edges.

use tch::Tensor;

/// The step of the dual ascent: with two dimensions, the largest that is sure to converge.
const STEP: f64 = 0.25;

/// The picture `[N,C,H,W]` after a fixed number of iterations towards the minimum of |u - picture|² / 2 + `weight` TV(u),
/// each channel by itself: scikit-image's `denoise_tv_chambolle(channel_axis=…)` with `eps=0`. A `weight` of 0 and fewer
/// than 2 iterations change nothing.
pub fn apply(picture: &Tensor, weight: f64, iterations: usize) -> Tensor {
    let (height, width) = (picture.size()[2], picture.size()[3]);
    let mut denoised = picture.copy();
    if weight <= 0. {
        return denoised;
    }
    // The dual field, its differences down and to the right; those across the border stay 0.
    let (mut down, mut right) = (picture.zeros_like(), picture.zeros_like());
    for _ in 1..iterations {
        let (mut step_down, mut step_right) = (picture.zeros_like(), picture.zeros_like());
        step_down.narrow(2, 0, height - 1).copy_(&denoised.diff(1, 2, None::<&Tensor>, None::<&Tensor>));
        step_right.narrow(3, 0, width - 1).copy_(&denoised.diff(1, 3, None::<&Tensor>, None::<&Tensor>));
        let length = (step_down.square() + step_right.square()).sqrt_() * (STEP / weight) + 1.;
        down = (down - step_down.g_mul_scalar_(STEP)) / &length;
        right = (right - step_right.g_mul_scalar_(STEP)) / &length;

        denoised = picture - &down - &right;
        let _ = denoised.narrow(2, 1, height - 1).g_add_(&down.narrow(2, 0, height - 1));
        let _ = denoised.narrow(3, 1, width - 1).g_add_(&right.narrow(3, 0, width - 1));
    }
    denoised
}
