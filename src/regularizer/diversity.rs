//! Diversity (Olah et al. 2017, "Feature Visualization"): pictures of one unit that are optimized together shall show
//! different things, so the likeness of their activations' styles is punished, as Gram matrices tell it (Gatys et al. 2015).

use tch::{Kind, Tensor};

/// The penalty of each sample `[N]` of an activation `[N,C,H,W]`, and the gradient of the sum of all, like the activation.
/// Samples are mates in groups of `group` consecutive ones, of which there is a whole number.
///
/// A sample's style is its Gram matrix A Aᵀ (A: `[C, H W]`, not centred), and its penalty the mean cosine similarity of
/// its style to those of its mates, in `[0,1]`; 0 without mates. The sum over a group is `group` times the mean over its
/// pairs, and what a sample's activation does to its mates' penalties is part of its gradient. (Lucid's objective
/// `diversity` is minus that sum times (group - 1) / group, over the batch as one group.)
pub fn value_and_gradient(activation: &Tensor, group: i64) -> (Tensor, Tensor) {
    let (samples, channels) = (activation.size()[0], activation.size()[1]);
    if group < 2 {
        return (activation.new_zeros([samples], (activation.kind(), activation.device())), activation.zeros_like());
    }
    let features = activation.reshape([samples, channels, -1]);
    let grams = features.bmm(&features.transpose(1, 2));
    let norms = grams.square().sum_dim_intlist([1i64, 2].as_slice(), true, None::<Kind>).sqrt().clamp_min(1e-30);
    let styles = &grams / &norms;
    let by_group = styles.view([-1, group, channels, channels]);
    let of_mates = by_group.sum_dim_intlist(1i64, true, None::<Kind>) - &by_group;
    let of_mates = of_mates.view_as(&styles) / (group - 1) as f64;
    let likeness = (&styles * &of_mates).sum_dim_intlist([1i64, 2].as_slice(), true, None::<Kind>);

    // By the sample's own penalty and, equally, by its mates'; then from the Gram matrix, which is symmetric, to A.
    let at_grams = (of_mates - styles * &likeness) / norms * 2.;
    let gradient = at_grams.bmm(&features) * 2.;
    (likeness.view([samples]), gradient.view_as(activation))
}
