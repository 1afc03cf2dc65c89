//! Gradients against central finite differences in f64.

use metapicture::random::{Purpose, Seed, normal, stream};
use tch::{Kind, Tensor};

/// Half the distances of the finite differences, in units of a direction of norm 1. The networks have kinks (ReLUs), and a
/// difference across one is no derivative: then it disagrees with a shorter one. Shorter ones than these lose too many
/// digits to rounding.
const STEPS: [f64; 4] = [1e-5, 1e-6, 1e-7, 1e-8];

/// Largest error of a derivative, relative to the norm of the gradient: the largest derivative along any direction. One along
/// a random direction in many dimensions is small beside it, and has fewer digits.
const TOLERANCE: f64 = 2e-6;

/// How far the differences of two steps may lie apart, relative to that norm, if there is no kink between.
const AGREEMENT: f64 = 1e-6;

/// A direction of norm 1.
pub fn direction(shape: &[i64], number: u64) -> Tensor {
    let count = shape.iter().product::<i64>() as usize;
    let values =
        Tensor::from_slice(&normal(&mut stream(Seed(number), Purpose::Start, 77), count)).to_kind(Kind::Double);
    let values = values.view(shape);
    &values / values.norm()
}

/// The derivative of `value` along `direction`, by the first two steps that agree on it; and the longer of the two. `norm` is
/// the gradient's.
fn difference(value: &mut impl FnMut(&Tensor) -> f64, direction: &Tensor, norm: f64) -> Option<(f64, f64)> {
    let mut at = |step: f64| (value(&(direction * step)) - value(&(direction * -step))) / (2. * step);
    let mut long = at(STEPS[0]);
    for steps in STEPS.windows(2) {
        let short = at(steps[1]);
        if (long - short).abs() < AGREEMENT * norm {
            return Some((long, steps[0]));
        }
        long = short;
    }
    None
}

/// Compares `gradient` with finite differences of `value` along itself and along two random directions. `value` is told
/// by how much the variable is moved.
pub fn check(what: &str, gradient: &Tensor, mut value: impl FnMut(&Tensor) -> f64) {
    let _guard = tch::no_grad_guard();
    let norm = gradient.norm().double_value(&[]);
    assert!(norm > 0., "{what}: the gradient is zero");
    let mut directions = vec![gradient / norm];
    directions.extend((0..2).map(|number| direction(&gradient.size(), number)));
    for direction in directions {
        let (expected, step) =
            difference(&mut value, &direction, norm).unwrap_or_else(|| panic!("{what}: a kink lies at the point"));
        let found = (gradient * &direction).sum(Kind::Double).double_value(&[]);
        let error = (found - expected).abs() / norm;
        println!("{what}: {found:.6}, relative error {error:.1e} with step {step:.0e}");
        assert!(error < TOLERANCE, "{what}: {found}, but the finite difference is {expected}");
    }
}
