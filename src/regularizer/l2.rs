//! L2 decay of a picture towards its mean colour (Simonyan et al. 2014, "Deep Inside Convolutional Networks: Visualising
//! Image Classification Models and Saliency Maps"; Yosinski et al. 2015): no colour more extreme than the unit asks for.

use tch::{Kind, Tensor};

/// The penalty of each sample `[N]` of a picture `[N,C,H,W]`, and its gradient, like the picture: the mean over pixels and
/// channels of (picture - centre)², so that a weight means the same at every size. `centre`, `[1,C,1,1]`, is the mean
/// colour, what a network sees as zero.
pub fn value_and_gradient(picture: &Tensor, centre: &Tensor) -> (Tensor, Tensor) {
    let difference = picture - centre;
    let value = difference.square().mean_dim([1i64, 2, 3].as_slice(), false, None::<Kind>);
    let numbers = picture.size()[1..].iter().product::<i64>() as f64;
    (value, difference * (2. / numbers))
}
