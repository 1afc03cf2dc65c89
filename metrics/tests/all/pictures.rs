//! What is measured on one picture agrees with NumPy, SciPy and Pillow (see reference/make.py).

use crate::reference::{self, all_close, close, expected, rows};
use image::RgbImage;
use metrics::coding::{QUALITY, jpeg, jpeg_bits_per_pixel, png_bits_per_pixel};
use metrics::luminance::luminance;
use metrics::niqe::{self, Model};
use metrics::spectrum::Spectrum;
use metrics::variation::total_variation;
use ndarray::{Array2, Array3, s};

/// For what both sides compute by a formula.
const EXACT: f64 = 1e-10;

/// Grey values, their squares and their complements as red, green and blue.
fn picture(side: usize, seed: u64) -> Array3<f64> {
    let grey = reference::luminance(side, seed);
    Array3::from_shape_fn((side, side, 3), |(y, x, channel)| {
        let value = grey[[y, x]];
        [value, value * value, 1. - value][channel]
    })
}

fn eight_bit(picture: &Array3<f64>) -> RgbImage {
    let (height, width, _) = picture.dim();
    let bytes = picture.iter().map(|value| (value * 255.).round() as u8).collect();
    RgbImage::from_raw(width as u32, height as u32, bytes).unwrap()
}

#[test]
fn luminance_and_total_variation_are_the_formulas() {
    let expected = expected();
    let picture = picture(64, 26);
    close(luminance(picture.view()).unwrap().mean().unwrap(), expected.number("luminance_mean"), EXACT);
    close(total_variation(picture.view()).unwrap(), expected.number("variation"), EXACT);
    assert_eq!(luminance(Array3::zeros((4, 4, 4)).view()), None);
    assert_eq!(total_variation(Array3::ones((4, 4, 3)).view()), Some(0.));
    assert_eq!(total_variation(Array3::zeros((0, 4, 3)).view()), None);
    assert_eq!(total_variation(picture.slice(s![..1, ..1, ..])), Some(0.));
    for size in [f64::NAN, f64::INFINITY] {
        assert_eq!(total_variation(Array3::from_elem((1, 1, 3), size).view()), None);
        assert_eq!(luminance(Array3::from_elem((1, 1, 3), size).view()), None);
    }
}

#[test]
fn the_spectrum_its_slope_and_its_distance_are_numpys() {
    let expected = expected();
    let spectrum = Spectrum::of(reference::luminance(64, 21).view()).unwrap();
    let other = Spectrum::of(reference::luminance(64, 22).mapv(|v| v * v).view()).unwrap();
    all_close(&spectrum.power, &expected.numbers("spectrum"), EXACT);
    close(spectrum.fine, expected.number("spectrum_fine"), EXACT);
    close(spectrum.slope(10, 32).unwrap(), expected.number("spectrum_slope"), EXACT);
    close(spectrum.distance(&other, 10, 32).unwrap(), expected.number("spectrum_rms"), EXACT);
}

#[test]
fn a_spectrum_that_falls_as_the_square_has_slope_2_and_contrast_does_not_count() {
    let power = (1..=32).map(|f| 3. * f64::from(f).powi(-2)).collect();
    let steep = Spectrum { side: 64, power, fine: 0. };
    close(steep.slope(1, 32).unwrap(), 2., EXACT);
    let faint = Spectrum { power: steep.power.iter().map(|power| power / 100.).collect(), ..steep.clone() };
    close(steep.distance(&faint, 10, 32).unwrap(), 0., EXACT);
    let mean = Spectrum::mean(&[steep.clone(), faint]).unwrap();
    close(mean.power[0], 0.3, EXACT);
    assert_eq!(steep.slope(10, 33), None);
    assert_eq!(steep.slope(0, 32), None);
    assert_eq!(steep.slope(7, 7), None);
}

#[test]
fn a_flat_picture_has_a_spectrum_but_no_slope() {
    let flat = Spectrum::of(Array2::from_elem((32, 32), 0.1).view()).unwrap();
    assert_eq!((flat.fine, flat.slope(1, 16)), (0., None));
    assert_eq!(Spectrum::of(Array2::zeros((32, 31)).view()), None);
    assert_eq!(Spectrum::mean(&[flat]), None);
    assert_eq!(Spectrum::of((reference::luminance(32, 21) * 1e200).view()), None);
}

#[test]
fn niqe_features_are_the_papers_moments() {
    let features = niqe::features(reference::luminance(200, 23).view());
    assert_eq!(features.len(), 4);
    let found: Vec<f64> = features.into_iter().flatten().collect();
    // Variances as a difference of squares lose digits on 0 to 255 against the script's sum of squared differences.
    all_close(&found, &expected().numbers("niqe_features"), 1e-8);
}

#[test]
fn niqe_distance_is_numpys_pseudo_inverse_with_many_blocks_and_with_few() {
    let expected = expected();
    let blocks = |seed, n, shift, scale: f64| -> Vec<[f64; 36]> {
        let rows = rows(seed, n, 36, shift);
        rows.rows().into_iter().map(|row| std::array::from_fn(|i| scale * row[i])).collect()
    };
    let (one, other) = (blocks(24, 60, 0., 1.), blocks(25, 50, 0.1, 1.2));
    let distance = |a: &[[f64; 36]], b: &[[f64; 36]]| Model::fit(a).unwrap().distance(&Model::fit(b).unwrap());
    close(distance(&one, &other), expected.number("niqe_distance"), EXACT);
    close(distance(&one[..8], &other[..8]), expected.number("niqe_distance_few"), 1e-9);
    close(distance(&one, &one), 0., EXACT);
    assert_eq!(Model::fit(&one[..1]), None);
}

#[test]
fn niqe_leaves_out_flat_blocks_and_pictures_without_a_block() {
    assert!(niqe::features(Array2::from_elem((96, 96), 0.1).view()).is_empty());
    assert!(niqe::features(reference::luminance(95, 1).view()).is_empty());
    let mut half_flat = reference::luminance(192, 1);
    half_flat.slice_mut(s![.., 96..]).fill(0.25);
    let features = niqe::features(half_flat.view());
    // Near the border, the flat half's blocks have the other half's structure.
    assert_eq!(features.len(), 4);
    assert!(features.iter().flatten().all(|value| value.is_finite()));
}

#[test]
fn niqe_tells_noise_from_waves() {
    let fit = |pictures: &[Array2<f64>]| {
        Model::fit(&pictures.iter().flat_map(|picture| niqe::features(picture.view())).collect::<Vec<_>>()).unwrap()
    };
    let waves =
        |seeds: std::ops::Range<u64>| fit(&seeds.map(|seed| reference::luminance(192, seed)).collect::<Vec<_>>());
    let noise = (60..80).map(|seed| rows(seed, 192, 192, 0.).mapv(|v| (v + 1.) / 2.)).collect::<Vec<_>>();
    let model = waves(40..60);
    assert!(model.distance(&fit(&noise)) > 3. * model.distance(&waves(80..100)));
}

/// Encoders differ in their tables and rounding by a few percent.
#[test]
fn jpeg_takes_about_the_bits_of_pillow_and_leaves_about_as_much() {
    let expected = expected();
    let picture = eight_bit(&picture(64, 26));
    let bits = jpeg_bits_per_pixel(&picture, QUALITY).unwrap();
    let pillow = expected.number("jpeg_bits");
    assert!((bits / pillow - 1.).abs() < 0.1, "{bits}, Pillow {pillow}");
    let back = jpeg(&picture, QUALITY).unwrap();
    assert_eq!(back.dimensions(), picture.dimensions());
    let squares = back.iter().zip(picture.iter()).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
    let error = (squares.sum::<f64>() / back.len() as f64).sqrt();
    let pillow = expected.number("jpeg_error");
    assert!((error / pillow - 1.).abs() < 0.1, "{error}, Pillow {pillow}");
}

#[test]
fn flat_pictures_take_fewer_bits_than_noise_and_none_at_all_is_an_error() {
    let noise = eight_bit(&picture(64, 26));
    let flat = RgbImage::from_pixel(64, 64, image::Rgb([9, 99, 199]));
    assert!(png_bits_per_pixel(&flat).unwrap() < 0.1 * png_bits_per_pixel(&noise).unwrap());
    assert!(jpeg_bits_per_pixel(&flat, QUALITY).unwrap() < 0.5 * jpeg_bits_per_pixel(&noise, QUALITY).unwrap());
    let empty = RgbImage::new(0, 0);
    assert!(png_bits_per_pixel(&empty).is_err());
    assert!(jpeg_bits_per_pixel(&empty, QUALITY).is_err());
    assert!(jpeg(&empty, QUALITY).is_err());
}
