//! Penalties of pictures and activations: values against NumPy, PyTorch and lucent
//! (`tests/reference/make_regularizers.py`), gradients against finite differences in f64.

use metapicture::random::{Purpose, Seed, normal, stream};
use metapicture::regularizer::{diversity, l2, total_variation};
use support::{largest_difference, reference_tensors};
use tch::{Kind, Tensor};

fn reference(name: &str) -> Tensor {
    reference_tensors("regularizers.safetensors")[name].shallow_clone()
}

/// Normal numbers, f64.
fn noise(shape: &[i64], number: u64) -> Tensor {
    let count = shape.iter().product::<i64>() as usize;
    let numbers = normal(&mut stream(Seed(number), Purpose::Start, 0), count);
    Tensor::from_slice(&numbers).to_kind(Kind::Double).view(shape)
}

/// The derivative of the sum of `value` along three directions, against central differences.
fn check_gradient(what: &str, at: &Tensor, value_and_gradient: impl Fn(&Tensor) -> (Tensor, Tensor)) {
    let (_, gradient) = value_and_gradient(at);
    let sum = |x: &Tensor| value_and_gradient(x).0.sum(Kind::Double).double_value(&[]);
    for number in 0..3 {
        let direction = noise(&at.size(), 50 + number);
        let step = &direction * 1e-6;
        let expected = (sum(&(at + &step)) - sum(&(at - &step))) / 2e-6;
        let found = (&gradient * &direction).sum(Kind::Double).double_value(&[]);
        println!("{what}: {found:.6}, relative error {:.1e}", (found / expected - 1.).abs());
        assert!((found - expected).abs() < 1e-6 * expected.abs(), "{what}: {found} is not {expected}");
    }
}

#[test]
fn total_variation_is_the_papers_over_the_pixels() {
    let picture = reference("picture");
    for beta in [1., 1.5, 2., 3.] {
        let (value, gradient) = total_variation::value_and_gradient(&picture, beta);
        let error = largest_difference(&value, &reference(&format!("tv.{beta:?}")));
        println!("beta {beta}: largest error {error:.1e}");
        assert!(error < 1e-12, "beta {beta}: {error}");
        // The second picture has a flat part, where the slope of (x²)^(beta/2) has no limit or a power of 0 is infinite.
        assert!(gradient.isfinite().all().int64_value(&[]) == 1, "beta {beta}");
    }
}

#[test]
fn gradients_of_total_variation_and_l2_are_those_of_finite_differences() {
    let picture = noise(&[2, 3, 6, 5], 1) * 0.2 + 0.5;
    for beta in [1., 1.5, 2., 3.] {
        let what = format!("total variation, beta {beta}");
        check_gradient(&what, &picture, |x| total_variation::value_and_gradient(x, beta));
    }
    let centre = Tensor::from_slice(&[0.485, 0.456, 0.406]).view([1, 3, 1, 1]);
    check_gradient("l2", &picture, |x| l2::value_and_gradient(x, &centre));
    let (value, _) = l2::value_and_gradient(&(&centre + 0.1).expand([1, 3, 4, 4], false), &centre);
    assert!((value.double_value(&[0]) - 0.01).abs() < 1e-12);
}

#[test]
fn a_flat_picture_has_no_variation_and_no_gradient_in_f32() {
    let flat = Tensor::full([1, 3, 8, 8], 0.3, (Kind::Float, tch::Device::Cpu));
    let (value, gradient) = total_variation::value_and_gradient(&flat, 1.);
    assert!(value.double_value(&[0]) == 0. && gradient.equal(&flat.zeros_like()));
}

#[test]
fn diversity_is_the_mean_cosine_of_gram_matrices_to_the_mates() {
    let (value, gradient) = diversity::value_and_gradient(&reference("activation"), 3);
    let errors = [
        largest_difference(&value, &reference("diversity.value")),
        largest_difference(&gradient, &reference("diversity.gradient")),
    ];
    println!("value and gradient, largest errors {:.1e} {:.1e}", errors[0], errors[1]);
    assert!(errors.iter().all(|&error| error < 1e-12), "{errors:?}");
    let by_group = value.view([2, 3]).sum_dim_intlist(1i64, false, None::<Kind>);
    let error = largest_difference(&(by_group * (-2. / 3.)), &reference("diversity.lucent"));
    assert!(error < 1e-12, "{error}");
}

#[test]
fn diversity_gradient_is_that_of_finite_differences_and_groups_do_not_see_each_other() {
    let activation = noise(&[4, 5, 3, 3], 2).abs();
    check_gradient("diversity", &activation, |x| diversity::value_and_gradient(x, 2));
    let (value, gradient) = diversity::value_and_gradient(&activation, 2);
    let (alone, gradient_alone) = diversity::value_and_gradient(&activation.narrow(0, 2, 2), 2);
    assert!(alone.equal(&value.narrow(0, 2, 2)) && gradient_alone.equal(&gradient.narrow(0, 2, 2)));
}

#[test]
fn diversity_of_a_lone_sample_or_of_silence_is_nothing() {
    let activation = noise(&[3, 2, 2, 2], 3);
    let (value, gradient) = diversity::value_and_gradient(&activation, 1);
    assert!(value.equal(&value.zeros_like()) && gradient.equal(&activation.zeros_like()));
    let silent = activation.zeros_like().to_kind(Kind::Float);
    let (value, gradient) = diversity::value_and_gradient(&silent, 3);
    assert!(value.equal(&value.zeros_like()) && gradient.equal(&silent.zeros_like()));
}
