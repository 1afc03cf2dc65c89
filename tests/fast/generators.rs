//! The generators against their programs, with weights from a formula: activations, pictures, and the gradient of a picture
//! with respect to code and class. `tests/reference/make_generators.py` made the numbers, with narrow networks; that the
//! published sizes are these networks is told by the names and shapes of all tensors.

use std::collections::BTreeMap;
use std::time::Instant;

use frozen::weights::{WeightError, Weights};
use generators::{Built, Classes, Prior, biggan, biggan_deep, sagan, sngan};
use serde_json::Value;
use support::formula::{Make, Shapes, chosen, error, numbers, taken, tensor_of, weights_of};
use tch::{Device, Kind, Tensor};
use zoo::Manifest;

/// Largest error of an activation or a picture, relative to the largest in size of the values that are compared.
const TOLERANCE: f64 = 2e-5;
/// The same of a gradient in 64-bit floats, which the numbers were computed in. Weights are rounded to 32 bits after they
/// were normalized.
const GRADIENT_TOLERANCE: f64 = 1e-5;
/// The same in 32-bit floats. A sum that is nearly zero may get the other sign; then a ReLU lets another part of the
/// gradient pass.
const ROUNDED_GRADIENT_TOLERANCE: f64 = 1e-3;

fn path(file: &str) -> String {
    format!("{}/tests/reference/generators/{file}", env!("CARGO_MANIFEST_DIR"))
}

fn fixture(name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path(&format!("{name}.json"))).unwrap()).unwrap()
}

/// Name and shape of the tensors of the published size.
fn published(name: &str) -> Shapes {
    let text = std::fs::read_to_string(path(&format!("{name}.tensors"))).unwrap();
    let tensor = |line: &str| {
        let mut words = line.split(' ').map(str::to_owned);
        let name = words.next().unwrap();
        (name, words.map(|size| size.parse().unwrap()).collect())
    };
    text.lines().map(tensor).collect()
}

/// The script's codes, and what enters of its classes.
fn entering(built: &Built, codes: u32) -> Tensor {
    let code = tensor_of(&[2, built.code.numbers()], codes, |u| 2. * u - 1.);
    let conditioning = built.conditioning.as_ref().unwrap();
    assert_eq!(conditioning.classes, Classes::Imagenet);
    let mixture = Tensor::zeros([2, 1000], (Kind::Double, Device::Cpu));
    for (sample, class, share) in [(0, 207, 1.), (1, 1, 0.3), (1, 999, 0.7)] {
        let _ = mixture.get(sample).get(class).fill_(share);
    }
    let condition = match &conditioning.embedding {
        Some(embedding) => mixture.matmul(&embedding.to_kind(Kind::Double)),
        None => mixture,
    };
    assert_eq!(condition.size(), [2, conditioning.width()]);
    Tensor::cat(&[code, condition.to_kind(Kind::Float)], 1)
}

/// The picture as the network has it, and the gradient of the script's weighted sum.
fn picture_and_gradient(built: &Built, input: &Tensor) -> (Tensor, Tensor) {
    let output = built.network.output();
    let schedule = built.network.schedule(&[output]);
    let pass = built.network.forward(&schedule, input);
    let picture = pass.activation(output).copy();
    let weights = tensor_of(&picture.size(), 54321, |u| 2. * u - 1.).to_kind(picture.kind()).to(picture.device());
    let gradient = pass.pullback([(output, weights)]);
    (picture, gradient)
}

/// The errors of a gradient with respect to code and condition: of their norms, and of 16 values each.
fn of_gradient(gradient: &Tensor, built: &Built, expected: &Value) -> f64 {
    let split = built.code.numbers();
    let parts = [gradient.narrow(1, 0, split), gradient.narrow(1, split, gradient.size()[1] - split)];
    let of_part = |(part, name): (&Tensor, &str)| {
        let expected = expected[name].as_array().unwrap();
        let norm = part.to_kind(Kind::Double).norm().double_value(&[]);
        let of_norm = (norm / expected[0].as_f64().unwrap() - 1.).abs();
        error(&chosen(part), &Value::from(expected[1..].to_vec())).max(of_norm)
    };
    parts.iter().zip(["code", "condition"]).map(of_part).fold(0., f64::max)
}

/// Compares everything that the fixture holds.
fn check(name: &str, make: Make) {
    tch::set_num_threads(1);
    let start = Instant::now();
    let fixture = fixture(name);
    let shapes = taken(make);
    let elements: i64 = shapes.values().map(|shape| shape.iter().product::<i64>()).sum();
    assert_eq!(
        (Value::from(shapes.len()), Value::from(elements)),
        (fixture["tensors"].clone(), fixture["elements"].clone())
    );
    let mut built = make(Weights::from_tensors(weights_of(&shapes))).unwrap();
    let input = entering(&built, fixture["codes"].as_u64().unwrap() as u32);

    let layers: Vec<_> = fixture["layers"].as_object().unwrap().iter().collect();
    let points: Vec<_> = layers.iter().map(|(layer, _)| built.network.tap(layer).unwrap().point).collect();
    let schedule = built.network.schedule(&points);
    let pass = built.network.forward(&schedule, &input);
    let mut worst = 0f64;
    for ((layer, expected), point) in layers.iter().zip(points) {
        let found = error(&numbers(pass.activation(point)), expected);
        assert!(found < TOLERANCE, "{name}: {layer} is off by {found:.1e}");
        worst = worst.max(found);
    }
    drop(pass);

    let (picture, gradient) = picture_and_gradient(&built, &input);
    assert_eq!((picture.size(), gradient.size()), (vec![2, 3, built.size[0], built.size[1]], input.size()));
    let of_picture = error(&numbers(&picture), &fixture["picture"]);
    let rounded = of_gradient(&gradient, &built, &fixture["gradient"]);
    println!(
        "{name}: {} layers {worst:.1e}, picture {of_picture:.1e}, gradient {rounded:.1e}; {:.1?}",
        layers.len(),
        start.elapsed()
    );
    assert!(of_picture < TOLERANCE, "{name}: the picture is off by {of_picture:.1e}");
    assert!(rounded < ROUNDED_GRADIENT_TOLERANCE, "{name}: the gradient is off by {rounded:.1e}");
    for device in support::devices() {
        built.network = built.network.to(device, Kind::Double);
        let (_, gradient) = picture_and_gradient(&built, &input.to(device).to_kind(Kind::Double));
        let off = of_gradient(&gradient.to(Device::Cpu), &built, &fixture["gradient"]);
        println!("{name}, {device:?}: gradient in 64 bits {off:.1e}");
        assert!(off < GRADIENT_TOLERANCE, "{name}, {device:?}: the gradient in 64 bits is off by {off:.1e}");
    }
}

fn deep(resolution: i64, truncation: f64, width: i64) -> impl Fn(Weights) -> Result<Built, WeightError> {
    move |weights| biggan_deep::build(biggan_deep::Config { resolution, truncation, width }, weights)
}

fn of_biggan(config: biggan::Config) -> impl Fn(Weights) -> Result<Built, WeightError> {
    move |weights| biggan::build(config.clone(), weights)
}

const BIGGAN: biggan::Config = biggan::Config {
    resolution: 128,
    layout: biggan::Layout::BigganPytorch,
    ch: 8,
    dim_z: 120,
    shared_dim: 128,
    truncation: None,
};

const SNGAN: sngan::Config = sngan::Config {
    resolution: 128,
    layout: sngan::Layout::Studiogan,
    latent: 128,
    width: 8,
    classes: vec![],
    eps: None,
    normalized_conditions: true,
    bgr: false,
};

#[test]
fn biggan_deep_128_is_the_packages() {
    check("biggan-deep-128", &deep(128, 0.4, 8));
}

#[test]
fn biggan_deep_256_is_the_packages() {
    check("biggan-deep-256", &deep(256, 0.4, 8));
}

#[test]
fn biggan_deep_512_is_the_packages() {
    check("biggan-deep-512", &deep(512, 0.4, 8));
}

#[test]
fn the_statistics_of_any_truncation_are_the_packages() {
    check("biggan-deep-128-truncation-0.433", &deep(128, 0.433, 8));
    check("biggan-deep-128-truncation-0.14", &deep(128, 0.14, 8));
}

#[test]
fn biggan_is_that_of_biggan_pytorch() {
    check("biggan-128", &of_biggan(BIGGAN));
    check("biggan-256", &of_biggan(biggan::Config { resolution: 256, dim_z: 140, ..BIGGAN }));
}

#[test]
fn biggan_is_that_of_studiogan() {
    check("studiogan-biggan-128", &of_biggan(biggan::Config { layout: biggan::Layout::Studiogan, ..BIGGAN }));
}

#[test]
fn sngan_is_that_of_studiogan() {
    check("sngan-128", &|weights| sngan::build(SNGAN, weights));
}

#[test]
fn sagan_is_that_of_studiogan() {
    check("sagan-128", &|weights| sagan::build(SNGAN, weights));
}

fn openmmlab(eps: f64, normalized_conditions: bool) -> sngan::Config {
    sngan::Config { layout: sngan::Layout::Openmmlab, eps: Some(eps), normalized_conditions, ..SNGAN }
}

#[test]
fn sngan_is_that_of_openmmlab() {
    check("openmmlab-sngan-128", &|weights| sngan::build(openmmlab(1e-4, true), weights));
}

#[test]
fn sagan_is_that_of_openmmlab() {
    check("openmmlab-sagan-128", &|weights| sagan::build(openmmlab(1e-5, false), weights));
    check("openmmlab-sagan-128-normalized", &|weights| sagan::build(openmmlab(1e-4, true), weights));
}

#[test]
fn a_biggan_that_was_trained_on_several_machines_names_its_statistics_otherwise() {
    let make: Make = &of_biggan(BIGGAN);
    let tensors = weights_of(&taken(make));
    let input = entering(&make(Weights::from_tensors(copies(&tensors))).unwrap(), 12345);
    let expected = picture_and_gradient(&make(Weights::from_tensors(copies(&tensors))).unwrap(), &input).0;
    for [mean, var] in [["bn.running_mean", "bn.running_var"], ["bn.stored_mean", "bn.stored_var"]] {
        let renamed = copies(&tensors).into_iter().map(|(name, tensor)| {
            let name = name.replace("stored_mean", mean).replace("stored_var", var);
            (name, tensor)
        });
        let counter = ("blocks.0.0.bn1.bn.accumulation_counter".to_owned(), Tensor::from(1f32));
        let built = make(Weights::from_tensors(renamed.chain([counter]))).unwrap();
        assert!(picture_and_gradient(&built, &input).0.equal(&expected), "{mean}");
    }
}

fn copies(tensors: &BTreeMap<String, Tensor>) -> BTreeMap<String, Tensor> {
    tensors.iter().map(|(name, tensor)| (name.clone(), tensor.shallow_clone())).collect()
}

#[test]
fn a_generator_of_blue_green_red_is_turned_around() {
    let config = openmmlab(1e-4, true);
    let make = |bgr: bool| {
        let make: Make = &|weights| sngan::build(sngan::Config { bgr, ..config.clone() }, weights);
        make(Weights::from_tensors(weights_of(&taken(make)))).unwrap()
    };
    let (rgb, bgr) = (make(false), make(true));
    let input = entering(&rgb, 12345);
    let turned = picture_and_gradient(&bgr, &input).0.flip([1]);
    assert!((picture_and_gradient(&rgb, &input).0 - turned).abs().max().double_value(&[]) < 1e-6);
}

#[test]
fn a_network_of_other_classes_than_imagenets_has_theirs() {
    let classes: Vec<String> = ["frog", "heron"].map(str::to_owned).to_vec();
    let config = sngan::Config { resolution: 64, classes: classes.clone(), ..SNGAN };
    let make: Make = &|weights| sngan::build(config.clone(), weights);
    let built = make(Weights::from_tensors(weights_of(&taken(make)))).unwrap();
    assert_eq!(built.conditioning.unwrap().classes, Classes::Named(classes));
    assert_eq!(taken(make)["blocks.0.0.bn1.gain.weight"], [128, 2]);
    assert_eq!(built.size, [64; 2]);
}

#[test]
fn the_published_sizes_take_every_tensor_of_their_files_but_the_counters() {
    let check = |name: &str, make: Make| {
        let file = published(name);
        let needed: Shapes =
            file.clone().into_iter().filter(|(name, _)| !name.ends_with(".num_batches_tracked")).collect();
        assert_eq!(taken(make), needed, "{name}");
    };
    for resolution in [128, 256, 512] {
        check(&format!("biggan-deep-{resolution}"), &deep(resolution, 0.4, 128));
    }
    check("biggan-128", &of_biggan(biggan::Config { ch: 96, ..BIGGAN }));
    let layout = biggan::Layout::Studiogan;
    check("studiogan-biggan-128", &of_biggan(biggan::Config { ch: 96, layout, ..BIGGAN }));
    check("sngan-128", &|weights| sngan::build(sngan::Config { width: 64, ..SNGAN }, weights));
    check("sagan-128", &|weights| sagan::build(sngan::Config { width: 64, ..SNGAN }, weights));
    let wide = |config| sngan::Config { width: 64, ..config };
    check("openmmlab-sngan-128", &|weights| sngan::build(wide(openmmlab(1e-4, true)), weights));
    check("openmmlab-sagan-128", &|weights| sagan::build(wide(openmmlab(1e-5, false)), weights));
    check("openmmlab-sagan-128-normalized", &|weights| sagan::build(wide(openmmlab(1e-4, true)), weights));
}

#[test]
fn counters_may_be_there_and_any_other_stranger_is_refused_by_name() {
    let make: Make = &|weights| sagan::build(SNGAN, weights);
    let with = |name: &str| {
        let mut tensors = weights_of(&taken(make));
        tensors.insert(name.to_owned(), Tensor::from(7));
        make(Weights::from_tensors(tensors))
    };
    assert!(with("blocks.0.0.bn1.bn.num_batches_tracked").is_ok());
    let error = with("blocks.9.0.conv2d1.bias").unwrap_err().to_string();
    assert!(error.contains("blocks.9.0.conv2d1.bias"), "{error}");
}

#[test]
fn impossible_configurations_are_refused_with_their_key() {
    let deep = |resolution, truncation, width| biggan_deep::Config { resolution, truncation, width }.check();
    let sngan = |config: sngan::Config| config.check();
    for (found, key) in [
        (deep(64, 0.4, 128), "config.resolution: 64 is none of 128, 256, 512"),
        (deep(128, 0., 128), "config.truncation: 0"),
        (deep(128, 1.1, 128), "config.truncation: 1.1"),
        (deep(128, f64::NAN, 128), "config.truncation: NaN"),
        (deep(128, 0.4, 12), "config.width: 12 is not a multiple of 8"),
        (biggan::Config { resolution: 1024, ..BIGGAN }.check(), "config.resolution: 1024"),
        (biggan::Config { dim_z: 128, ..BIGGAN }.check(), "config.dim_z: 128 is not a multiple of 6"),
        (biggan::Config { shared_dim: 0, ..BIGGAN }.check(), "config.shared_dim: 0"),
        (biggan::Config { truncation: Some(2.), ..BIGGAN }.check(), "config.truncation: 2"),
        (sngan(sngan::Config { resolution: 32, ..SNGAN }), "config.resolution: 32"),
        (sngan(sngan::Config { latent: 0, ..SNGAN }), "config.latent: 0"),
        (sngan(openmmlab(0., true)), "config.eps: 0"),
    ] {
        let reason = found.unwrap_err();
        assert!(reason.starts_with(key), "{reason}");
    }
    assert!(deep(512, 1., 128).is_ok() && biggan::Config { dim_z: 140, resolution: 256, ..BIGGAN }.check().is_ok());
}

#[test]
fn every_manifest_has_a_possible_configuration_and_the_published_widths() {
    let manifest = |name: &str| {
        let (file, text) = generators::MANIFESTS.iter().find(|(file, _)| *file == format!("{name}.yaml")).unwrap();
        Manifest::parse(file, text, None).unwrap()
    };
    for resolution in [128, 256, 512] {
        let config: biggan_deep::Config = manifest(&format!("biggan-deep-{resolution}")).config().unwrap();
        config.check().unwrap();
        assert_eq!((config.resolution, config.truncation, config.width), (resolution, 0.4, 128));
    }
    let config: biggan::Config = manifest("biggan-128").config().unwrap();
    config.check().unwrap();
    assert_eq!((config.ch, config.layout), (96, biggan::Layout::BigganPytorch));
    for name in ["sngan-128", "sagan-128", "sngan-128-openmmlab", "sagan-128-openmmlab"] {
        let config: sngan::Config = manifest(name).config().unwrap();
        config.check().unwrap();
        assert_eq!((config.resolution, config.latent, config.width), (128, 128, 64));
        assert_eq!(
            (config.layout == sngan::Layout::Openmmlab, config.bgr),
            [(false, false), (true, true)][usize::from(name.ends_with("lab"))]
        );
    }
}

#[test]
fn truncation_is_the_priors() {
    let prior = |make: Make| make(Weights::from_tensors(weights_of(&taken(make)))).unwrap().code.prior;
    assert_eq!(prior(&deep(128, 0.5, 8)), Prior::Truncated { truncation: 0.5 });
    assert_eq!(prior(&of_biggan(BIGGAN)), Prior::Normal);
    let truncated = biggan::Config { truncation: Some(0.7), ..BIGGAN };
    assert_eq!(prior(&of_biggan(truncated)), Prior::Truncated { truncation: 0.7 });
}
