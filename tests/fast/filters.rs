//! Filters of pictures and gradients against SciPy, scikit-image, OpenCV and NumPy (`tests/reference/make_filters.py`).

use metapicture::filter::{
    bilateral, gaussian_blur, laplacian_gradient, small_contribution, small_norm, stochastic_clip, tv_denoise,
};
use metapicture::random::{Purpose, Seed, normal, stream};
use support::{largest_difference, reference_tensors};
use tch::{Kind, Tensor};

/// The mean colour that the script takes for zero.
fn centre() -> Tensor {
    Tensor::from_slice(&[0.485, 0.456, 0.406]).view([1, 3, 1, 1])
}

/// The largest error of a filter in f32 and in f64 against the reference of this name.
fn check(name: &str, tolerance: f64, filter: impl Fn(&Tensor, &Tensor) -> Tensor) {
    tch::set_num_threads(1);
    let made = reference_tensors("filters/filters.safetensors");
    for kind in [Kind::Float, Kind::Double] {
        let [picture, gradient] = ["picture", "gradient"].map(|name| made[name].to_kind(kind));
        let filtered = filter(&picture, &gradient);
        assert_eq!(filtered.kind(), kind);
        let error = largest_difference(&filtered, &made[name]);
        println!("{name} in {kind:?}: largest error {error:.1e}");
        assert!(error < tolerance, "{name} in {kind:?}: {error:e}");
    }
}

/// Two pictures, unlike each other, one of them the reference's.
fn two() -> Tensor {
    let picture = &reference_tensors("filters/filters.safetensors")["picture"];
    Tensor::cat(&[picture, &(picture.flip([3]) * 0.5)], 0)
}

#[test]
fn gaussian_blur_is_scipys() {
    check("gauss.1.0", 1e-6, |picture, _| gaussian_blur::apply(picture, 1.));
    // A kernel of 161 pixels, several times as large as the picture.
    check("gauss.20.0", 1e-6, |picture, _| gaussian_blur::apply(picture, 20.));
}

#[test]
fn gaussian_blur_keeps_the_mean_colour() {
    let picture = two();
    let mean = |picture: &Tensor| picture.mean_dim([2i64, 3].as_slice(), false, Kind::Double);
    let error = largest_difference(&mean(&picture), &mean(&gaussian_blur::apply(&picture, 2.5)));
    println!("difference of the means: {error:.1e}");
    assert!(error < 1e-6, "{error}");
    assert!(gaussian_blur::apply(&picture, 0.).equal(&picture));
}

#[test]
fn bilateral_filter_is_its_definition_and_opencvs_on_one_channel() {
    check("bilateral.numpy", 1e-5, |picture, _| bilateral::apply(picture, 0.05, 3., 6));
    check("bilateral.opencv", 1e-5, |picture, _| bilateral::apply(&picture.narrow(1, 1, 1), 0.1, 1., 6));
}

#[test]
fn bilateral_filter_takes_the_distance_of_colours_as_scikit_image_does() {
    check("bilateral.skimage", 1e-5, |picture, _| bilateral::apply(picture, 0.1, 1e6, 4));
}

#[test]
fn tv_denoising_is_scikit_images() {
    check("tv.0.5.2", 1e-6, |picture, _| tv_denoise::apply(picture, 0.5, 2));
    check("tv.0.1.50", 1e-5, |picture, _| tv_denoise::apply(picture, 0.1, 50));
}

#[test]
fn laplacian_normalization_is_the_deepdream_notebooks() {
    check("lapnorm.4", 1e-5, |_, gradient| laplacian_gradient::apply(gradient, 4));
    let odd = |gradient: &Tensor| gradient.narrow(2, 0, 45).narrow(3, 0, 39);
    check("lapnorm.odd", 1e-5, |_, gradient| laplacian_gradient::apply(&odd(gradient), 4));
}

#[test]
fn laplacian_normalization_does_not_see_the_size_of_a_gradient_nor_divide_by_zero() {
    let gradient = two();
    let error = largest_difference(
        &laplacian_gradient::apply(&gradient, 3),
        &laplacian_gradient::apply(&(&gradient * 1e-4), 3),
    );
    assert!(error < 1e-4, "{error}");
    assert!(laplacian_gradient::apply(&gradient.zeros_like(), 3).equal(&gradient.zeros_like()));
}

#[test]
fn pixels_of_small_norm_and_small_contribution_are_numpys() {
    for percentile in [30, 95] {
        let share = f64::from(percentile);
        check(&format!("small_norm.{percentile}"), 1e-6, |picture, _| {
            small_norm::apply(picture, &centre().to_kind(picture.kind()), share)
        });
        check(&format!("small_contribution.{percentile}"), 1e-6, |picture, gradient| {
            small_contribution::apply(picture, gradient, &centre().to_kind(picture.kind()), share)
        });
    }
}

#[test]
fn percentiles_of_a_picture_of_four_million_pixels_are_found() {
    tch::set_num_threads(1);
    let picture = Tensor::linspace(0., 1., 3 * 2000 * 2000, (Kind::Float, tch::Device::Cpu)).view([1, 3, 2000, 2000]);
    let zero = Tensor::zeros([1, 3, 1, 1], (Kind::Float, tch::Device::Cpu));
    let kept = small_norm::apply(&picture, &zero, 75.).narrow(1, 2, 1).gt(0.).sum(Kind::Int64).int64_value(&[]);
    assert_eq!(kept, 1_000_000);
}

#[test]
fn stochastic_clipping_redraws_what_is_outside_and_nothing_else() {
    let numbers = normal(&mut stream(Seed(3), Purpose::Start, 0), 10_000);
    let tensor = Tensor::from_slice(&numbers).view([10, 1000]);
    let drawn = Tensor::arange(10_000, (Kind::Float, tch::Device::Cpu)).view([10, 1000]) / 10_000.;
    let clipped = stochastic_clip::apply(&tensor, -1., 1., &drawn);
    assert!(clipped.ge(-1.).logical_and(&clipped.le(1.)).all().int64_value(&[]) == 1);
    let inside = tensor.abs().le(1.);
    assert!(clipped.masked_select(&inside).equal(&tensor.masked_select(&inside)));
    let redrawn = clipped.masked_select(&inside.logical_not());
    let at_the_ends = redrawn.abs().gt(0.999).sum(Kind::Int64).int64_value(&[]);
    println!("{} redrawn, {at_the_ends} of them near the ends", redrawn.numel());
    assert!(redrawn.numel() > 3000 && at_the_ends < 10, "{at_the_ends}");
    assert!(redrawn.mean(Kind::Double).double_value(&[]).abs() < 0.05);
}

#[test]
fn a_sample_is_filtered_the_same_beside_another_one() {
    tch::set_num_threads(1);
    let (pictures, centre) = (two(), centre().to_kind(Kind::Float));
    let gradient = pictures.flip([2]);
    type Filter<'a> = (&'a str, Box<dyn Fn(&Tensor, &Tensor) -> Tensor + 'a>);
    let filters: Vec<Filter> = vec![
        ("gaussian_blur", Box::new(|x, _| gaussian_blur::apply(x, 1.3))),
        ("bilateral", Box::new(|x, _| bilateral::apply(x, 0.1, 1.5, 3))),
        ("tv_denoise", Box::new(|x, _| tv_denoise::apply(x, 0.1, 10))),
        ("laplacian_gradient", Box::new(|x, _| laplacian_gradient::apply(x, 3))),
        ("small_norm", Box::new(|x, _| small_norm::apply(x, &centre, 40.))),
        ("small_contribution", Box::new(|x, g| small_contribution::apply(x, g, &centre, 40.))),
    ];
    for (name, filter) in &filters {
        let together = filter(&pictures, &gradient);
        for i in 0..2 {
            let alone = filter(&pictures.narrow(0, i, 1), &gradient.narrow(0, i, 1));
            assert!(alone.equal(&together.narrow(0, i, 1)), "{name}, sample {i}");
        }
    }
}
