//! Value and gradient of what goes towards a photograph's activations.
//!
//! | likeness of a to b | value | gradient |
//! |---|---|---|
//! | inversion | `-\|a - b\|^2 / \|b\|^2` | `-2 (a - b) / \|b\|^2` |
//! | like | `c = a.b / (\|a\| \|b\|)` | `(b / \|b\| - c a / \|a\|) / \|a\|` |
//! | caricature | `a.b / \|b\| max(c, 0.1)^2` | product rule |
//! | guide | mean over p of `max over q of a_p . b_q` | `b_q / P` at each p |
//! | style | inversion of `G = a a' / P` | `-4 (G - G_b) a / P / \|G_b\|^2` |

use tch::{Kind, Tensor};

use crate::unit::Likeness;

/// The least cosine that a caricature is given.
const LEAST: f64 = 0.1;

/// For activations `[C,H,W]` or `[C]` of a picture and, of the same channels, of a photograph.
pub fn evaluate(likeness: Likeness, a: &Tensor, b: &Tensor) -> (Tensor, Tensor) {
    let dot = |a: &Tensor, b: &Tensor| (a * b).sum(None::<Kind>);
    // Channels by positions.
    let flat = |of: &Tensor| of.reshape([of.size()[0], -1]);
    let norm = |of: &Tensor| of.square().sum(None::<Kind>).sqrt().clamp_min(1e-12);
    match likeness {
        Likeness::Inversion => {
            let (away, scale) = (a - b, b.square().sum(None::<Kind>).clamp_min(1e-12));
            (-away.square().sum(None::<Kind>) / &scale, away * (-2. / scale))
        }
        Likeness::Like => {
            let (of_a, of_b) = (norm(a), norm(b));
            let cosine = dot(a, b) / (&of_a * &of_b);
            (cosine.shallow_clone(), (b / of_b - a * (&cosine / &of_a)) / of_a)
        }
        Likeness::Caricature => {
            let (of_a, towards) = (norm(a), b / norm(b));
            let along = dot(a, &towards);
            let cosine = &along / &of_a;
            let kept = cosine.clamp_min(LEAST);
            // Where the cosine is less, it has no part in the gradient.
            let turns = cosine.ge(LEAST).to_kind(a.kind());
            let of_cosine = (&towards - a * (&cosine / &of_a)) / of_a;
            let gradient = &towards * kept.square() + of_cosine * (&along * &kept * turns * 2.);
            (along * kept.square(), gradient)
        }
        Likeness::Guide => {
            let (flat_a, flat_b) = (flat(a), flat(b));
            let (highest, which) = flat_a.transpose(0, 1).matmul(&flat_b).max_dim(1, false);
            let positions = highest.numel() as f64;
            (highest.mean(None::<Kind>), flat_b.index_select(1, &which).view_as(a) / positions)
        }
        Likeness::Style => {
            let gram = |of: &Tensor| of.matmul(&of.transpose(0, 1)) / of.size()[1] as f64;
            let (flat_a, of_b) = (flat(a), gram(&flat(b)));
            let positions = flat_a.size()[1] as f64;
            let (away, scale) = (gram(&flat_a) - &of_b, of_b.square().sum(None::<Kind>).clamp_min(1e-12));
            let gradient = away.matmul(&flat_a) * (-4. / positions) / &scale;
            (-away.square().sum(None::<Kind>) / scale, gradient.view_as(a))
        }
    }
}
