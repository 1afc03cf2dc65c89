//! The bilateral filter (Tomasi & Manduchi 1998, "Bilateral Filtering for Gray and Color Images"; on pictures under
//! optimization Tyka 2016, "Class visualization with bilateral filters"): a blur that stops at edges.

use tch::{Kind, Tensor};

/// Each pixel of the picture `[N,C,H,W]` becomes a mean of the `(2 radius + 1)`² pixels around it, each weighted by
///
/// exp(-|colour difference|² / 2 `sigma_color`²) exp(-distance² / 2 `sigma_spatial`²),
///
/// the colour difference being Euclidean over the channels together, in the picture's own range, and the distance in
/// pixels. The border's pixels are repeated outwards. On one channel this is OpenCV's `bilateralFilter`, but for its round
/// window; for several, OpenCV takes the sum of the channels' absolute differences instead.
///
/// Memory is that of a few pictures, whatever the radius.
pub fn apply(picture: &Tensor, sigma_color: f64, sigma_spatial: f64, radius: i64) -> Tensor {
    let (height, width) = (picture.size()[2], picture.size()[3]);
    let padded = picture.replication_pad2d([radius, radius, radius, radius]);
    // The pixel itself, at weight 1.
    let mut sum = picture.copy();
    let mut weights = picture.narrow(1, 0, 1).ones_like();
    for down in -radius..=radius {
        for right in -radius..=radius {
            if (down, right) == (0, 0) {
                continue;
            }
            let other = padded.narrow(2, radius + down, height).narrow(3, radius + right, width);
            let distance = (down * down + right * right) as f64 / (2. * sigma_spatial * sigma_spatial);
            let colour = (&other - picture).square_().sum_dim_intlist(1i64, true, None::<Kind>);
            let weight = (colour * (-0.5 / (sigma_color * sigma_color)) - distance).exp_();
            let _ = sum.addcmul_(&other, &weight);
            weights += weight;
        }
    }
    sum / weights
}
