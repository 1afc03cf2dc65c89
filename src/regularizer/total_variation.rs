//! Total variation of a picture (Mahendran & Vedaldi 2015, "Understanding Deep Image Representations by Inverting Them"):
//! how much neighbouring pixels differ.

use tch::{Kind, Tensor};

/// The penalty of each sample `[N]` of a picture `[N,C,H,W]`, and its gradient, like the picture:
///
/// sum over pixels and channels of (right² + down²)^(`beta` / 2), over the number of pixels H W,
///
/// where `right` and `down` are the differences to the next pixel, 0 across the border. The paper has the sum; divided by
/// the pixels, a weight means the same at every size (as in the authors' later version, "Visualizing Deep Convolutional
/// Neural Networks Using Natural Pre-Images", 2016). `beta` 2 punishes edges most, 1 is the total variation proper; where
/// the differences are 0 the gradient is 0, for `beta` < 2 too, where it has no limit or an infinite one.
pub fn value_and_gradient(picture: &Tensor, beta: f64) -> (Tensor, Tensor) {
    let (height, width) = (picture.size()[2], picture.size()[3]);
    let pixels = (height * width) as f64;
    let down = picture.diff(1, 2, None::<&Tensor>, None::<&Tensor>).constant_pad_nd([0, 0, 0, 1]);
    let right = picture.diff(1, 3, None::<&Tensor>, None::<&Tensor>).constant_pad_nd([0, 1, 0, 0]);
    let squares = down.square() + right.square();
    let value =
        squares.pow_tensor_scalar(beta / 2.).sum_dim_intlist([1i64, 2, 3].as_slice(), false, None::<Kind>) / pixels;

    let slope = squares.pow_tensor_scalar(beta / 2. - 1.) * (beta / pixels);
    let slope = slope.masked_fill(&squares.eq(0.), 0.);
    let (down, right) = (down * &slope, right * slope);
    let gradient = -(&down + &right);
    let _ = gradient.narrow(2, 1, height - 1).g_add_(&down.narrow(2, 0, height - 1));
    let _ = gradient.narrow(3, 1, width - 1).g_add_(&right.narrow(3, 0, width - 1));
    (value, gradient)
}
