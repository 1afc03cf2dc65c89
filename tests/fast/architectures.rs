//! Every architecture against torchvision's and timm's own, with weights from a formula: activations, logits, and the
//! gradient of a logit with respect to the input. `tests/reference/make_architectures.py` made the numbers.

use std::collections::BTreeMap;
use std::time::Instant;

use classifiers::torchvision::{self, Config};
use classifiers::{Classifier, efficientnet_lite, mobilenet_v1};
use frozen::network::{Network, Point};
use frozen::weights::{Fault, WeightError, Weights};
use metapicture::filter::FilterSpec;
use metapicture::method::Method;
use metapicture::random::Seed;
use metapicture::render::{Batch, Rendered, render};
use metapicture::unit::{LayerShapes, Unit};
use serde_json::Value;
use tch::{Device, Kind, Tensor};

use support::formula::{error, formula, hollow, numbers, of_gradient, shapes, tensor_of};
use support::narrow;

/// Largest error of an activation, relative to the largest in size of the values that are compared.
const TOLERANCE: f64 = 5e-5;
/// The same of a gradient in 64-bit floats, which the numbers were computed in. Kernels that a batch norm was folded into
/// are rounded to 32 bits before.
const GRADIENT_TOLERANCE: f64 = 1e-4;
/// The same in 32-bit floats. A sum that is nearly zero may get the other sign, and two numbers that are nearly equal the
/// other order; then a ReLU or a maximum lets another part of the gradient pass.
const ROUNDED_GRADIENT_TOLERANCE: f64 = 5e-2;

/// The script's `picture`.
fn picture(size: i64) -> Tensor {
    tensor_of(&[1, 3, size, size], 12345, |u| 2. * u - 1.)
}

fn fixture(name: &str) -> Value {
    let path = format!("{}/tests/reference/architectures/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn network(architecture: &str, weights: Weights) -> Result<Network, WeightError> {
    match architecture {
        "efficientnet-lite" => {
            let config = efficientnet_lite::Config { width: 1., depth: 1., resolution: 224 };
            efficientnet_lite::network(config, weights)
        }
        name => torchvision::find(name).unwrap().network(1000, weights),
    }
}

/// The logits, and the gradient of the one that the case names.
fn logits_and_gradient(network: &Network, input: &Tensor, case: &Value) -> (Tensor, Tensor) {
    let point = network.tap("logits").unwrap().point;
    let schedule = network.schedule(&[point]);
    let pass = network.forward(&schedule, input);
    let logits = pass.activation(point).copy();
    let one_hot = logits.zeros_like();
    let _ = one_hot.get(0).get(case["class"].as_i64().unwrap()).fill_(1.);
    (logits, pass.pullback([(point, one_hot)]))
}

/// Compares everything that the fixture holds.
fn check(architecture: &str, fixture_name: &str) {
    tch::set_num_threads(1);
    let start = Instant::now();
    let fixture = fixture(fixture_name);
    let tensors = shapes(&fixture).into_iter().map(|(name, shape)| {
        let values = formula(&name, &shape);
        (name, values)
    });
    let network = network(architecture, Weights::from_tensors(tensors)).unwrap();
    let built = start.elapsed();
    for case in fixture["cases"].as_array().unwrap() {
        let size = case["size"].as_i64().unwrap();
        let input = picture(size);
        let layers: Vec<(&String, &Value)> = case["layers"].as_object().unwrap().iter().collect();
        let point = |name: &str| network.tap(name).unwrap_or_else(|error| panic!("{fixture_name}: {error}")).point;
        // Each tap by itself, so that the passes are those of real runs, and all of them in one.
        let of_layers: Vec<Point> = layers.iter().map(|(name, _)| point(name)).collect();
        let together = network.schedule(&of_layers);
        let together = network.forward(&together, &input);
        let mut worst = 0f64;
        for ((name, expected), point) in layers.iter().zip(of_layers) {
            let found = error(&numbers(together.activation(point)), expected);
            assert!(found < TOLERANCE, "{fixture_name}, {size} px: {name} is off by {found:.1e}");
            worst = worst.max(found);
        }
        drop(together);
        let (found, gradient) = logits_and_gradient(&network, &input, case);
        assert_eq!(found.size(), [1, 1000]);
        let (of_logits, of_gradient) = (error(&numbers(&found), &case["logits"]), of_gradient(&gradient, case));
        println!(
            "{fixture_name}, {size} px: {} layers {worst:.1e}, logits {of_logits:.1e}, gradient {of_gradient:.1e}",
            layers.len()
        );
        assert!(of_logits < TOLERANCE, "{fixture_name}, {size} px: the logits are off by {of_logits:.1e}");
        assert!(
            of_gradient < ROUNDED_GRADIENT_TOLERANCE,
            "{fixture_name}, {size} px: the gradient is off by {of_gradient:.1e}"
        );
    }
    // The VGGs differ in their weights' names and in depth; in 64 bits each takes gigabytes.
    if fixture_name.contains("vgg") && fixture_name != "vgg16" {
        return;
    }
    let case = fixture["cases"].as_array().unwrap().last().unwrap();
    let size = case["size"].as_i64().unwrap();
    let mut network = network;
    for device in support::devices() {
        network = network.to(device, Kind::Double);
        let (_, gradient) = logits_and_gradient(&network, &picture(size).to(device).to_kind(Kind::Double), case);
        let of_gradient = of_gradient(&gradient.to(Device::Cpu), case);
        println!("{fixture_name}, {size} px, {device:?}: gradient in 64 bits {of_gradient:.1e}");
        assert!(
            of_gradient < GRADIENT_TOLERANCE,
            "{fixture_name}, {size} px, {device:?}: the gradient is off by {of_gradient:.1e}"
        );
    }
    println!("{fixture_name}: built in {built:.1?}, all in {:.1?}", start.elapsed());
}

macro_rules! parity {
    ($($test:ident: $architecture:literal, $fixture:literal;)*) => {
        $(
            #[test]
            fn $test() {
                check($architecture, $fixture);
            }
        )*
    };
}

parity! {
    alexnet_is_torchvisions: "alexnet", "alexnet";
    densenet121_is_torchvisions: "densenet121", "densenet121";
    googlenet_is_torchvisions: "googlenet", "googlenet";
    inception_v3_is_torchvisions: "inception_v3", "inception_v3";
    mobilenet_v2_is_torchvisions: "mobilenet_v2", "mobilenet_v2";
    resnet18_is_torchvisions: "resnet18", "resnet18";
    resnet50_is_torchvisions: "resnet50", "resnet50";
    squeezenet1_1_is_torchvisions: "squeezenet1_1", "squeezenet1_1";
    vgg16_is_torchvisions: "vgg16", "vgg16";
    vgg16_bn_is_torchvisions: "vgg16_bn", "vgg16_bn";
    vgg19_is_torchvisions: "vgg19", "vgg19";
    vgg19_bn_is_torchvisions: "vgg19_bn", "vgg19_bn";
    densenet121_is_timms: "densenet121", "timm.densenet121";
    efficientnet_lite0_is_timms: "efficientnet-lite", "timm.tf_efficientnet_lite0";
    inception_v3_is_timms: "inception_v3", "timm.inception_v3";
    mobilenet_v2_is_timms: "mobilenet_v2", "timm.mobilenetv2_100";
    resnet50_is_timms: "resnet50", "timm.resnet50";
    vgg16_is_timms: "vgg16", "timm.vgg16";
}

/// Whether a tensor may be absent: counters, and the heads that only training needs.
fn is_spare(name: &str) -> bool {
    name.ends_with(".num_batches_tracked") || ["AuxLogits.", "aux1.", "aux2."].iter().any(|head| name.starts_with(head))
}

#[test]
fn a_file_without_a_tensor_or_with_one_of_another_shape_or_too_many_is_refused_with_its_name() {
    // The smaller ones: each is built anew for many of its tensors.
    for (architecture, fixture_name) in [
        ("squeezenet1_1", "squeezenet1_1"),
        ("mobilenet_v2", "mobilenet_v2"),
        ("mobilenet_v2", "timm.mobilenetv2_100"),
        ("efficientnet-lite", "timm.tf_efficientnet_lite0"),
        ("densenet121", "densenet121"),
        ("googlenet", "googlenet"),
    ] {
        let shapes = shapes(&fixture(fixture_name));
        let refused = |tensors: BTreeMap<String, Tensor>, name: &str| {
            let error = network(architecture, Weights::from_tensors(tensors)).err();
            let error = error.unwrap_or_else(|| panic!("{fixture_name}: '{name}' makes no difference")).to_string();
            assert!(error.contains(&format!(" {name} ")), "{fixture_name}: '{name}' is not in: {error}");
        };
        let needed: Vec<&String> = shapes.keys().filter(|name| !is_spare(name)).collect();
        for name in needed.iter().step_by(needed.len() / 8) {
            let mut without = hollow(&shapes);
            let tensor = without.remove(*name).unwrap();
            refused(without, name);
            let mut misshapen = hollow(&shapes);
            misshapen.insert(name.to_string(), tensor.unsqueeze(0));
            refused(misshapen, name);
        }
        let mut more = hollow(&shapes);
        more.insert("features.99.weight".to_owned(), Tensor::zeros([1], (Kind::Float, Device::Cpu)));
        refused(more, "features.99.weight");
    }
}

#[test]
fn the_spare_tensors_of_every_file_may_be_absent_and_no_others() {
    for architecture in torchvision::ARCHITECTURES.iter().filter(|one| !one.name.starts_with("vgg")) {
        let shapes: BTreeMap<_, _> =
            shapes(&fixture(architecture.name)).into_iter().filter(|(name, _)| !is_spare(name)).collect();
        architecture.network(1000, Weights::from_tensors(hollow(&shapes))).unwrap();
        let error = architecture.network(1000, Weights::from_tensors([])).unwrap_err();
        let frozen::weights::Fault::Misfit(misfit) = error.fault else { panic!("{error}") };
        let missing: BTreeMap<String, Vec<i64>> = misfit.missing.into_iter().collect();
        assert_eq!(missing, shapes, "{}", architecture.name);
    }
}

#[test]
fn the_names_of_the_published_densenet_are_understood_and_errors_use_them() {
    let current = shapes(&fixture("densenet121"));
    let old: BTreeMap<String, Vec<i64>> = (current.into_iter())
        .filter(|(name, _)| !is_spare(name))
        .map(|(name, shape)| {
            let parts = ["norm1", "norm2", "conv1", "conv2"];
            let old = parts.iter().fold(name.clone(), |name, part| {
                name.replace(&format!(".{part}."), &format!(".{}.{}.", &part[..4], &part[4..]))
            });
            (old, shape)
        })
        .collect();
    assert!(old.contains_key("features.denseblock4.denselayer16.norm.2.running_var"));
    let network = network("densenet121", Weights::from_tensors(hollow(&old))).unwrap();
    assert!(network.tap("features.denseblock4.denselayer16.conv2").is_ok());
    let mut without = hollow(&old);
    without.remove("features.denseblock2.denselayer3.conv.2.weight");
    let error = torchvision::find("densenet121").unwrap().network(1000, Weights::from_tensors(without)).unwrap_err();
    assert!(error.to_string().contains("features.denseblock2.denselayer3.conv.2.weight [32, 128, 3, 3]"), "{error}");
}

/// What an observer looks with: never the unit itself, pooled or activated, and never the logits.
#[test]
fn a_unit_is_computed_from_the_block_below_it() {
    for (architecture, unit, below) in [
        ("efficientnet-lite", "logits", "pool"),
        ("googlenet", "logits", "avgpool"),
        ("googlenet", "inception4c", "inception4b"),
        // Its logits are the mean of its last convolution, whose channels are the classes.
        ("squeezenet1_1", "logits", "features.12"),
        ("resnet50", "logits", "avgpool"),
        ("vgg16", "features.29", "features.27"),
        ("mobilenet_v2", "logits", "pool"),
    ] {
        let network = match architecture {
            "efficientnet-lite" => narrow::lite().network,
            name => {
                let tensors = shapes(&fixture(name)).into_iter().map(|(name, shape)| {
                    let values = formula(&name, &shape);
                    (name, values)
                });
                network(name, Weights::from_tensors(tensors)).unwrap()
            }
        };
        let found = network.below(network.tap(unit).unwrap().point).unwrap();
        let tap = network.taps().iter().find(|tap| tap.point == found).unwrap();
        let names: Vec<&String> = std::iter::once(&tap.name).chain(&tap.aliases).collect();
        println!("{architecture} {unit}: {names:?}");
        assert!(names.iter().any(|name| *name == below), "{architecture} {unit}: {names:?}");
        assert_eq!(
            network.below(network.taps()[0].point),
            None,
            "{architecture}: its first layer is computed from the picture"
        );
    }
}

#[test]
fn another_number_of_classes_is_the_last_layers() {
    let mut shapes = shapes(&fixture("resnet18"));
    shapes.insert("fc.weight".into(), vec![7, 512]);
    shapes.insert("fc.bias".into(), vec![7]);
    let resnet = torchvision::find("resnet18").unwrap();
    let network = resnet.network(7, Weights::from_tensors(hollow(&shapes))).unwrap();
    let schedule = network.schedule(&[network.output()]);
    assert_eq!(network.forward(&schedule, &picture(64)).activation(network.output()).size(), [1, 7]);
    assert!(resnet.network(1000, Weights::from_tensors(hollow(&shapes))).is_err());
}

#[test]
fn impossible_configurations_are_refused_with_their_key() {
    let config = Config::default;
    let inception = torchvision::find("inception_v3").unwrap();
    for (wrong, key) in [
        (Config { resolution: Some(74), ..config() }, "config.resolution: 74 is not between 75 and 2048"),
        (Config { classes: Some(0), ..config() }, "config.classes: 0"),
        (Config { mean: Some([f64::NAN; 3]), ..config() }, "config.mean"),
        (Config { std: Some([0.5, 0., 0.5]), ..config() }, "config.std"),
    ] {
        let reason = inception.check(&wrong).unwrap_err();
        assert!(reason.starts_with(key), "{reason}");
    }
    assert!(inception.check(&Config { resolution: Some(75), classes: Some(2), ..config() }).is_ok());
}

#[test]
fn the_smallest_picture_leaves_every_layer_a_position() {
    for architecture in torchvision::ARCHITECTURES.iter().filter(|one| !one.name.starts_with("vgg")) {
        let shapes = shapes(&fixture(architecture.name));
        let network = architecture.network(1000, Weights::from_tensors(hollow(&shapes))).unwrap();
        let schedule = network.schedule(&[network.output()]);
        let pass = network.forward(&schedule, &picture(architecture.least));
        let logits = pass.activation(network.output()).copy();
        assert_eq!(
            (logits.size(), logits.isfinite().all().int64_value(&[])),
            (vec![1, 1000], 1),
            "{}",
            architecture.name
        );
    }
}

#[test]
fn every_manifest_of_torchvision_has_an_architecture_and_the_digits_in_the_name_of_its_file() {
    use zoo::{Digest, Manifest};
    let mut count = 0;
    for (file, text) in classifiers::MANIFESTS {
        let manifest = Manifest::parse(file, text, None).unwrap();
        let Some(architecture) = torchvision::find(manifest.architecture.as_deref().unwrap()) else { continue };
        assert_eq!((architecture.name, format!("{}.yaml", manifest.name).as_str()), (&*manifest.name, *file));
        let config: Config = manifest.config().unwrap();
        assert_eq!((architecture.check(&config), config.resolution), (Ok(()), Some(architecture.resolution)));
        let weights = &manifest.files[0];
        let Some(Digest::Prefix(prefix)) = &weights.sha256 else { panic!("{file}") };
        assert!(weights.file.ends_with(&format!("-{}.pth", &**prefix)) && prefix.len() == 8, "{file}");
        count += 1;
    }
    assert_eq!(count, torchvision::ARCHITECTURES.len());
}

/// InceptionV3 with weights by the formula, as a classifier.
fn formula_inception() -> Classifier {
    let weights: Vec<(String, Tensor)> =
        shapes(&fixture("inception_v3")).iter().map(|(name, shape)| (name.clone(), formula(name, shape))).collect();
    Classifier {
        name: "inception_v3".to_owned(),
        network: network("inception_v3", Weights::from_tensors(weights)).unwrap(),
        classes: 1000,
        size: 299,
        mean: [0.5; 3],
        std: [0.5; 3],
        names: classifiers::Names::ImageNet,
        independent: false,
        weights_sha256: String::new(),
        definition: serde_json::Value::Null,
        family: None,
    }
}

#[test]
fn the_papers_own_recipe_runs_on_its_own_network_at_299_448_and_672_pixels() {
    let classifier = formula_inception();
    let shapes = LayerShapes::measure(&classifier);
    let runs = [(Unit::parse("class:954", &classifier, &shapes).unwrap(), Seed(0))];
    let run = |method: &Method, size: Option<i64>| {
        let batch = Batch {
            classifier: &classifier,
            shapes: &shapes,
            generator: None,
            condition: None,
            encoder: None,
            photographs: None,
            method,
            size,
            runs: &runs,
        };
        render(&batch, &|_: usize, _: usize, _: f64| {}).unwrap().remove(0)
    };
    let recipe = Method::find("offert-bell-2020").unwrap();
    let whole = run(&Method { steps: 1, ..recipe.clone() }, None);
    assert_eq!((whole.picture.size(), whole.trace.len()), (vec![3, 672, 672], 4));
    assert!(whole.failure.is_none(), "{:?}", whole.failure);

    // Its parts, on a picture that is quick and with the filter sooner.
    let sooner = vec![FilterSpec::TvDenoise { weight: 0.05, iterations: 50, every: 2 }];
    let filtered = run(&Method { steps: 2, filters: sooner, ..recipe.clone() }, Some(180));
    let plain = run(&Method { steps: 2, filters: vec![], ..recipe }, Some(180));
    let roughness = |picture: &Tensor| picture.diff(1, 2, None::<Tensor>, None::<Tensor>).abs().mean(None::<Kind>);
    let [filtered_roughness, plain_roughness] =
        [&filtered, &plain].map(|run| roughness(&run.picture).double_value(&[]));
    println!("roughness {plain_roughness}, {filtered_roughness} with the total variation filter");
    assert!(filtered_roughness < 0.7 * plain_roughness);
    let climbed = |run: &Rendered| run.trace[6].activation - run.trace[0].activation;
    println!("climbed by {}", climbed(&plain));
    assert!(filtered.trace.len() == 7 && climbed(&plain) > 0.);
}

#[test]
fn mobilenet_v1_takes_the_tensors_of_keras_by_their_names() {
    // Keras's own counts ("Total params" of `MobileNet(alpha=…).summary()`), moving means and variances included.
    for (width, count) in [(1., 4_253_864), (0.75, 2_601_976)] {
        let config = mobilenet_v1::Config { width, ..mobilenet_v1::Config::default() };
        let Fault::Misfit(misfit) = mobilenet_v1::network(config, Weights::from_tensors([])).unwrap_err().fault else {
            panic!("it takes no tensors")
        };
        let taken: i64 = misfit.missing.iter().map(|(_, shape)| shape.iter().product::<i64>()).sum();
        assert_eq!(taken, count, "width {width}");
        let names: Vec<&str> = misfit.missing.iter().map(|(name, _)| name.as_str()).collect();
        for name in ["conv1.kernel", "conv_dw_13.depthwise_kernel", "conv_pw_7_bn.moving_variance", "conv_preds.bias"] {
            assert!(names.contains(&name), "{name}: {names:?}");
        }
    }
    // Five halvings, and the last of Keras's layers before the mean.
    let config = mobilenet_v1::Config { width: 0.25, resolution: 64, classes: 10 };
    let network = narrow::build(|weights| mobilenet_v1::network(config, weights));
    let shapes = network.shapes(&[1, 3, 64, 64]);
    let shape = |name: &str| shapes.iter().find(|(tap, _)| tap.name == name).map(|(_, shape)| shape.clone()).unwrap();
    assert_eq!(shape("conv_pw_13_relu"), [256, 2, 2]);
    assert_eq!(shape("conv_preds"), [10]);
}
