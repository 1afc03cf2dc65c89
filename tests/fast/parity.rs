//! The networks and the preprocessing against their own Python packages and Pillow; `tests/reference/make_expected.py`
//! made the numbers.

use frozen::resize::{Resize, to_square};
use generators::Classes;
use metapicture::look::judge;
use metapicture::picture::{self, from_rgb8};
use support::{
    central_crop, classifier, codes, files, generator, largest_difference, noise, photo, reference, reference_tensors,
};
use tch::{Device, Kind, Tensor};

/// The logits of one input.
fn logits(classifier: &classifiers::Classifier, input: &Tensor) -> Tensor {
    let network = &classifier.network;
    let schedule = network.schedule(&[network.output()]);
    network.forward(&schedule, input).activation(network.output()).shallow_clone()
}

#[test]
fn logits_of_the_three_classifiers_are_those_of_the_python_packages() {
    let expected = reference_tensors("lite_logits.safetensors");
    let (astronaut, chelsea) = (photo("astronaut.png"), photo("chelsea.png"));
    for lite in ["lite0", "lite1", "lite2"] {
        let classifier = classifier(&format!("efficientnet-{lite}"));
        let size = classifier.size as u32;
        let mut inputs = vec![
            ("noise", noise(classifier.size)),
            ("astronaut", central_crop(&astronaut, size)),
            ("chelsea", central_crop(&chelsea, size)),
        ];
        if lite == "lite0" {
            // An odd size pads differently at every stride.
            inputs.push(("astronaut225", central_crop(&astronaut, 225)));
        }
        for (name, input) in inputs {
            let difference = largest_difference(&logits(&classifier, &input), &expected[&format!("{lite}.{name}")]);
            println!("{lite}.{name}: {difference:.1e}");
            assert!(difference < 1e-4, "{lite}.{name}: a logit is off by {difference}");
        }
    }
}

#[test]
fn inner_activations_are_those_of_the_python_package_under_its_module_names() {
    let expected = reference_tensors("lite_logits.safetensors");
    let classifier = classifier("efficientnet-lite0");
    let input = central_crop(&photo("astronaut.png"), 224);
    let inner: Vec<_> =
        expected.iter().filter_map(|(key, values)| Some((key.strip_prefix("lite0.astronaut.")?, values))).collect();
    assert_eq!(inner.len(), 6);
    for (path, expected) in inner {
        let point = classifier.network.tap(path).unwrap().point;
        let schedule = classifier.network.schedule(&[point]);
        let flat = classifier.network.forward(&schedule, &input).activation(point).flatten(0, -1).to_kind(Kind::Double);
        let (mean, deviation) = (flat.mean(None::<Kind>), flat.std(false));
        let found = Tensor::cat(&[mean.view([1]), deviation.view([1]), flat.narrow(0, 0, 8)], 0);
        let difference = largest_difference(&found, expected);
        println!("{path}: {difference:.1e}");
        assert!(difference < 1e-4, "{path}: mean, deviation or one of the first 8 values is off by {difference}");
    }
}

#[test]
fn pictures_are_decoded_and_resized_as_pillow_does_it() {
    let square = |file: &str| to_square(&from_rgb8(&photo(file)).unsqueeze(0), 224);
    let face = from_rgb8(&picture::read(&reference("preprocessing/face_64.png")).unwrap()).unsqueeze(0);
    let enlarged = Resize::new([64, 64], [224, 224], Kind::Float, Device::Cpu).apply(&face);
    let cases = [
        ("astronaut_224.png", square("astronaut.png")),
        ("coffee_224.png", square("coffee.png")),
        ("rocket_224.png", square("rocket.jpg")),
        ("face_224.png", enlarged),
    ];
    for (file, found) in cases {
        let expected = from_rgb8(&picture::read(&reference("preprocessing").join(file)).unwrap());
        // Measured, of 255 levels: 0.25, 0.28, 0.26 and 0.31 on average, and at most 1.3. Pillow rounds to whole levels,
        // which alone makes 0.25.
        let levels = (found.squeeze_dim(0) - expected).abs() * 255.;
        let (mean, highest) = (levels.mean(Kind::Double).double_value(&[]), levels.max().double_value(&[]));
        println!("{file}: mean {mean:.3}, at most {highest:.2} of 255");
        assert!(mean <= 1., "{file}: {mean} of 255 levels off on average");
    }
}

#[test]
fn at_least_17_of_the_20_labelled_samples_have_their_label_among_the_top_5() {
    let classifier = classifier("efficientnet-lite0");
    let samples = files("imagenet-samples");
    assert_eq!(samples.len(), 20);
    let found = samples.iter().filter(|sample| {
        let logits = judge::logits(&classifier, &picture::read(&sample.path).unwrap());
        let label = logits[sample.label.unwrap() as usize];
        logits.iter().filter(|logit| **logit > label).count() < 5
    });
    let count = found.count();
    // Measured: all of them.
    println!("{count} of 20");
    assert!(count >= 17, "{count} of 20");
}

#[test]
fn pictures_of_both_generators_are_those_of_the_python_packages() {
    let expected = reference_tensors("gan_pictures.safetensors");
    let raw = |generator: &generators::Generator, input: &Tensor| {
        let schedule = generator.schedule();
        generator.network.forward(&schedule, input).activation(generator.network.output()).shallow_clone()
    };
    let face = raw(&generator("face-dcgan"), &codes(2));
    let eyes = generator("eye-cdcgan");
    let Some(Classes::Named(names)) = eyes.conditioning.as_ref().map(|of| &of.classes) else { panic!("no classes") };
    let class = |name: &str| names.iter().position(|class| class == name).unwrap() as i64;
    let one_hot = Tensor::zeros([2, 8], (Kind::Float, Device::Cpu));
    let _ = one_hot.get(0).get(class("blue")).fill_(1.);
    let _ = one_hot.get(1).get(class("gray")).fill_(1.);
    let of_classes = raw(&eyes, &Tensor::cat(&[codes(2), one_hot], 1));
    let relaxed = raw(&eyes, &Tensor::cat(&[codes(1), Tensor::full([1, 8], 1. / 8., (Kind::Float, Device::Cpu))], 1));
    // The script keeps every fourth row and column of the eyes.
    let thin = |picture: Tensor| picture.slice(2, None, None, 4).slice(3, None, None, 4);
    for (name, found) in [("face-dcgan", face), ("eye-cdcgan", thin(of_classes)), ("eye-cdcgan.relaxed", thin(relaxed))]
    {
        let difference = largest_difference(&found, &expected[name]);
        println!("{name}: {difference:.1e}");
        assert!(difference < 1e-4, "{name}: a value of the tanh output is off by {difference}");
    }
}

#[test]
fn a_pass_costs_what_another_implementation_counts() {
    // Millions of multiply-adds of convolutions and the last layer, from the README of d-li14/efficientnet-lite.pytorch.
    for (name, expected) in [("efficientnet-lite0", 385.), ("efficientnet-lite1", 600.), ("efficientnet-lite2", 860.)] {
        let classifier = classifier(name);
        let schedule = classifier.network.schedule(&[classifier.network.output()]);
        let (forward, _) = classifier.network.flops(&schedule, &[1, 3, classifier.size, classifier.size]);
        assert_eq!((forward / 2e6).round(), expected, "{name}");
    }
}
