//! The decoders against PyTorch's layers, with weights from a formula: activations, pictures, and the gradient of a weighted
//! sum of the pictures with respect to the codes. `tests/reference/make_decoders.py` made the numbers.

use std::collections::BTreeMap;
use std::time::Instant;

use frozen::network::{Network, Point};
use frozen::weights::{Fault, WeightError, Weights};
use generators::{
    Built, Generator, Output, Prior, biggan, biggan_deep, dcgan, deepsim, pgan, sngan, stylegan2, taesd, vqgan,
};
use metapicture::prelude::Models;
use serde_json::Value;
use support::differences;
use support::formula::{chosen, error, formula, hollow, numbers, of_gradient, shapes, start_of, tensor_of};
use tch::{Device, Kind, Tensor};
use zoo::{Cache, Manifest, Silent};

/// Largest error of an activation, relative to the largest in size of the values that are compared.
const TOLERANCE: f64 = 1e-4;
/// The same of a gradient in 64-bit floats, which the numbers were computed in.
const GRADIENT_TOLERANCE: f64 = 1e-4;
/// The same in 32-bit floats, where a ReLU may let another part of the gradient pass.
const ROUNDED_GRADIENT_TOLERANCE: f64 = 1e-2;

fn fixture(name: &str) -> Value {
    let path = format!("{}/tests/reference/decoders/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn sizes(value: &Value) -> Vec<i64> {
    value.as_array().unwrap().iter().map(|size| size.as_i64().unwrap()).collect()
}

/// The script's `weight`.
fn weight(name: &str, shape: &[i64]) -> Tensor {
    match name.starts_with("style.") && shape.len() == 2 {
        true => tensor_of(shape, start_of(name), |u| 100. * (2. * u - 1.)),
        false => formula(name, shape),
    }
}

/// The script's `code`: two of them.
fn codes(shape: &[i64], scale: f64) -> Tensor {
    let shape: Vec<i64> = std::iter::once(2).chain(shape.iter().copied()).collect();
    tensor_of(&shape, 12345, |u| f64::from((1.5 * (2. * u - 1.)) as f32) * scale)
}

/// All weights by the formula.
fn formula_weights(fixture: &Value) -> Weights {
    Weights::from_tensors(shapes(fixture).into_iter().map(|(name, shape)| {
        let values = weight(&name, &shape);
        (name, values)
    }))
}

/// The output, and the gradient of its weighted sum.
fn output_and_gradient(network: &Network, codes: &Tensor) -> (Tensor, Tensor) {
    let point = network.output();
    let schedule = network.schedule(&[point]);
    let pass = network.forward(&schedule, codes);
    let output = pass.activation(point).copy();
    let of_output = tensor_of(&output.size(), 54321, |u| 2. * u - 1.).to_kind(output.kind()).to(output.device());
    (output, pass.pullback([(point, of_output)]))
}

/// Compares everything that the fixture holds, in both precisions.
fn compare(name: &str, fixture: &Value, network: Network, codes: &Tensor) {
    let layers = fixture["layers"].as_object().unwrap();
    assert!(layers.len() >= 5, "{name}");
    let points: Vec<Point> =
        layers.keys().map(|layer| network.tap(layer).unwrap_or_else(|error| panic!("{name}: {error}")).point).collect();
    let schedule = network.schedule(&points);
    let pass = network.forward(&schedule, codes);
    let mut worst = 0f64;
    for ((layer, expected), point) in layers.iter().zip(points) {
        let found = error(&numbers(pass.activation(point)), expected);
        assert!(found < TOLERANCE, "{name}: {layer} is off by {found:.1e}");
        worst = worst.max(found);
    }
    drop(pass);
    let (output, gradient) = output_and_gradient(&network, codes);
    assert_eq!((output.size(), gradient.size()), (sizes(&fixture["shape"]), codes.size()), "{name}");
    let of_output = error(&numbers(&output), &fixture["output"]);
    let rounded = of_gradient(&gradient, fixture);
    println!("{name}: {} layers {worst:.1e}, output {of_output:.1e}, gradient {rounded:.1e}", layers.len());
    assert!(of_output < TOLERANCE, "{name}: the output is off by {of_output:.1e}");
    assert!(rounded < ROUNDED_GRADIENT_TOLERANCE, "{name}: the gradient is off by {rounded:.1e}");
    let mut network = network;
    for device in support::devices() {
        network = network.to(device, Kind::Double);
        let (_, gradient) = output_and_gradient(&network, &codes.to(device).to_kind(Kind::Double));
        let off = of_gradient(&gradient.to(Device::Cpu), fixture);
        println!("{name}, {device:?}: gradient in 64 bits {off:.1e}");
        assert!(off < GRADIENT_TOLERANCE, "{name}, {device:?}: the gradient is off by {off:.1e} in 64 bits");
    }
}

/// The same for a decoder with weights by the formula; its code has the shape of the fixture's.
fn check(name: &str, build: impl Fn(Weights) -> Result<Built, WeightError>) {
    tch::set_num_threads(1);
    let start = Instant::now();
    let fixture = fixture(name);
    let built = build(formula_weights(&fixture)).unwrap();
    assert_eq!(built.code.shape, sizes(&fixture["code"]), "{name}");
    assert_eq!(built.size.to_vec(), sizes(&fixture["shape"])[2..], "{name}");
    let codes = codes(&built.code.shape, 1.);
    let codes = if built.code.prior == Prior::Rectified { codes.abs() } else { codes };
    compare(name, &fixture, built.network, &codes);
    takes(name, &build);
    println!("{name}: all in {:.1?}", start.elapsed());
}

/// The tensors that a decoder takes are those of the fixture, and each is missed by its name.
fn takes(name: &str, build: impl Fn(Weights) -> Result<Built, WeightError>) {
    let expected = shapes(&fixture(name));
    build(Weights::from_tensors(hollow(&expected))).unwrap();
    let fault = |tensors: BTreeMap<String, Tensor>| match build(Weights::from_tensors(tensors)).unwrap_err().fault {
        Fault::Misfit(misfit) => misfit,
        other => panic!("{name}: {other}"),
    };
    // A StyleGAN2 does without the file's noise.
    let needed = expected.iter().filter(|(tensor, _)| !tensor.starts_with("noises."));
    let needed: BTreeMap<String, Vec<i64>> = needed.map(|(tensor, shape)| (tensor.clone(), shape.clone())).collect();
    let missing: BTreeMap<String, Vec<i64>> = fault(BTreeMap::new()).missing.into_iter().collect();
    assert_eq!(missing, needed, "{name}");
    let mut more = hollow(&expected);
    more.insert("another.weight".to_owned(), Tensor::zeros([1], (Kind::Float, Device::Cpu)));
    assert_eq!(fault(more).unexpected, [("another.weight".to_owned(), vec![1])], "{name}");
}

#[test]
fn encoders_of_taesd_are_pytorchs() {
    for (name, channels, pooled) in [("taesd-encoder", 4, false), ("taef2-encoder", 32, true)] {
        let build = |weights| taesd::build_encoder(taesd::Config { channels, pooled, resolution: 40 }, weights);
        let fixture = fixture(name);
        let encoding = build(formula_weights(&fixture)).unwrap();
        assert_eq!(encoding.code, sizes(&fixture["shape"])[1..], "{name}");
        compare(name, &fixture, encoding.network, &codes(&[3, 40, 40], 1.));
    }
}

/// On the published weights, where the cache has both: what comes back of photographs.
#[test]
fn pictures_come_back_from_their_codes() {
    let models = Models::open().unwrap();
    for (name, least) in [("taesd", 20.), ("taesdxl", 20.), ("taesd3", 24.), ("taef1", 23.), ("taef2", 25.)] {
        let encoder = format!("{name}-encoder");
        let pulled = |name: &str| models.zoo().cache().is_pulled(&models.zoo().manifest(name, None).unwrap());
        if !(pulled(name) && pulled(&encoder) && pulled("photos")) {
            println!("skipped: {name} and {encoder} are not both in the cache");
            continue;
        }
        let generator = models.generator(name).unwrap();
        let encoder = models.encoder(&encoder).unwrap();
        assert_eq!(encoder.code_of([256, 256]).as_deref(), Some(generator.code()));
        let psnrs = models.pictures("photos").unwrap().into_iter().take(3).map(|picture| {
            let side = 128u32;
            let [left, above] = [picture.width(), picture.height()].map(|of| (of - side) / 2);
            let cut = image::imageops::crop_imm(&picture, left, above, side, side).to_image();
            let levels = Tensor::from_slice(cut.as_raw()).view([1, side.into(), side.into(), 3]);
            let picture = levels.permute([0, 3, 1, 2]).to_kind(Kind::Float) / 255.;
            let again = generator.engine().pictures(&encoder.codes(&picture));
            -10. * (again - picture).square().mean(None::<Kind>).double_value(&[]).log10()
        });
        let psnrs: Vec<f64> = psnrs.collect();
        let mean = psnrs.iter().sum::<f64>() / psnrs.len() as f64;
        println!("{name}: {mean:.1} dB over {} photographs", psnrs.len());
        assert!(mean > least, "{name}: {mean:.1} dB");
    }
}

#[test]
fn taesd_is_pytorchs() {
    for (name, channels, pooled) in [("taesd", 4, false), ("taesd3", 16, false), ("taef2", 32, true)] {
        check(name, |weights| taesd::build(taesd::Config { channels, pooled, resolution: 40 }, weights));
    }
}

#[test]
fn the_published_taef2_is_pytorchs() {
    let manifest = manifest("taef2");
    let cache = Cache::for_user().unwrap();
    if !cache.is_pulled(&manifest) {
        println!("skipped: taef2 is not in the cache; `metapicture models pull taef2` brings it");
        return;
    }
    tch::set_num_threads(1);
    let generator = Generator::load(&manifest, &cache.checked_weights(&manifest, &Silent).unwrap()).unwrap();
    assert_eq!((generator.input_shape(), generator.size), (vec![1, 32, 32, 32], [256; 2]));
    let fixture = fixture("taef2.published");
    let codes = codes(&sizes(&fixture["code"]), 1.);
    let pictures = generator.pictures(&codes);
    assert!(pictures.min().double_value(&[]) >= 0. && pictures.max().double_value(&[]) <= 1.);
    let off = error(&chosen(&pictures), &Value::from(fixture["output"].as_array().unwrap()[2..].to_vec()));
    assert!(off < 1e-5, "the pictures are off by {off:.1e}");
    compare("taef2, published", &fixture, generator.network, &codes);
}

fn check_deepsim(name: &str, code: deepsim::Layer) {
    check(name, |weights| deepsim::build(deepsim::Config { code }, weights));
}

#[test]
fn deepsim_of_fc6_is_pytorchs() {
    check_deepsim("deepsim-fc6", deepsim::Layer::Fc6);
}

#[test]
fn deepsim_of_fc7_takes_the_tensors_of_fc6() {
    takes("deepsim-fc6", |weights| deepsim::build(deepsim::Config { code: deepsim::Layer::Fc7 }, weights));
}

#[test]
fn deepsim_of_fc8_is_pytorchs() {
    check_deepsim("deepsim-fc8", deepsim::Layer::Fc8);
}

#[test]
fn deepsim_of_pool5_is_pytorchs() {
    check_deepsim("deepsim-pool5", deepsim::Layer::Pool5);
}

/// A port wraps fully connected layers, and these alone, into sequences.
#[test]
fn the_longer_names_of_fully_connected_layers_are_understood_and_errors_use_them() {
    type Build<'b> = &'b dyn Fn(Weights) -> Result<(), WeightError>;
    let deepsim: Build = &|weights| deepsim::build(deepsim::Config { code: deepsim::Layer::Fc6 }, weights).map(|_| ());
    let caffenet: Build = &|weights| classifiers::caffenet::network(weights).map(|_| ());
    for (name, build, layers) in
        [("deepsim-fc6", deepsim, ["defc7", "defc6", "defc5"]), ("caffenet", caffenet, ["fc6", "fc7", "fc8"])]
    {
        let longer = |name: String| match name.rsplit_once('.') {
            Some((layer, part)) if layers.contains(&layer) => format!("{layer}.1.{part}"),
            _ => name,
        };
        let short = hollow(&shapes(&fixture(name)));
        let mut tensors: BTreeMap<String, Tensor> =
            short.into_iter().map(|(name, tensor)| (longer(name), tensor)).collect();
        let all = tensors.iter().map(|(name, tensor)| (name.clone(), tensor.shallow_clone()));
        build(Weights::from_tensors(all)).unwrap();
        let lost = format!("{}.1.bias", layers[1]);
        assert!(tensors.remove(&lost).is_some());
        let error = build(Weights::from_tensors(tensors)).unwrap_err().to_string();
        assert!(error.contains(&format!(" {lost} ")), "{error}");
    }
}

#[test]
fn caffenet_is_pytorchs() {
    tch::set_num_threads(1);
    let fixture = fixture("caffenet");
    let network = classifiers::caffenet::network(formula_weights(&fixture)).unwrap();
    compare("caffenet", &fixture, network, &codes(&sizes(&fixture["code"]), 70.));
    let expected = shapes(&fixture);
    let error = classifiers::caffenet::network(Weights::from_tensors([])).unwrap_err();
    let Fault::Misfit(misfit) = error.fault else { panic!("{error}") };
    assert_eq!(misfit.missing.into_iter().collect::<BTreeMap<_, _>>(), expected);
}

#[test]
fn pgan_is_pytorchs() {
    check("pgan", |weights| {
        pgan::build(pgan::Config { latent: 64, depths: vec![64, 48, 32, 16], classes: 0 }, weights)
    });
}

#[test]
fn the_classes_of_a_pgan_enter_behind_its_code() {
    let fixture = fixture("pgan");
    let build = |latent, classes| {
        let config = pgan::Config { latent, depths: vec![64, 48, 32, 16], classes };
        pgan::build(config, formula_weights(&fixture)).unwrap()
    };
    let (alone, conditioned) = (build(64, 0), build(60, 4));
    assert_eq!((conditioned.code.shape, conditioned.conditioning.as_ref().unwrap().width()), (vec![60], 4));
    let entering = codes(&[64], 1.);
    let run = |network: &Network| output_and_gradient(network, &entering).0;
    assert!(run(&conditioned.network).equal(&run(&alone.network)), "the same layers see the same numbers");
    let textures = manifest("pgan-dtd").config::<pgan::Config>().unwrap();
    let generator = format!("{:#}", pgan::build(textures, Weights::from_tensors([])).unwrap_err().fault);
    assert!(generator.contains("formatLayer.module.weight [8192, 559]"), "{generator}");
}

fn small_stylegan2(code: stylegan2::Space, truncation: f64) -> stylegan2::Config {
    stylegan2::Config { resolution: 32, code, truncation, latent: 48, channel_multiplier: 2, channels: 40, mapping: 3 }
}

#[test]
fn stylegan2_is_pytorchs() {
    check("stylegan2", |weights| stylegan2::build(small_stylegan2(stylegan2::Space::Z, 1.), weights, None));
}

#[test]
fn the_spaces_of_stylegan2_are_one_behind_the_other() {
    use stylegan2::Space;
    tch::set_num_threads(1);
    let fixture = fixture("stylegan2");
    let average = tensor_of(&[48], 99, |u| u - 0.5);
    let build = |code, truncation| {
        let average = (truncation < 1.).then(|| average.shallow_clone());
        stylegan2::build(small_stylegan2(code, truncation), formula_weights(&fixture), average).unwrap()
    };
    let run = |network: &Network, input: &Tensor| {
        let schedule = network.schedule(&[network.output()]);
        network.forward(&schedule, input).activation(network.output()).copy()
    };
    let same = |found: &Tensor, expected: &Tensor| {
        let off = (found - expected).abs().max().double_value(&[]) / expected.abs().max().double_value(&[]);
        assert!(off < 1e-5, "off by {off:.1e}");
    };
    let z = codes(&[48], 1.);
    let (of_z, of_w, of_wplus) = (build(Space::Z, 1.), build(Space::W, 1.), build(Space::WPlus, 1.));
    assert!(of_z.mapping.is_none());
    assert_eq!((of_w.code.shape, of_wplus.code.shape), (vec![48], vec![8 * 48]));
    let pictures = run(&of_z.network, &z);
    let [w, wplus] = [of_w.mapping, of_wplus.mapping].map(|mapping| {
        let mapping = mapping.unwrap();
        assert_eq!(mapping.inputs, 48);
        run(&mapping.network, &z)
    });
    same(&wplus, &w.repeat([1, 8]));
    same(&run(&of_w.network, &w), &pictures);
    same(&run(&of_wplus.network, &wplus), &pictures);
    // Each of the styles of w+ has a say of its own.
    for style in 0..8 {
        let other = wplus.copy();
        let _ = other.narrow(1, style * 48, 48).fill_(0.3);
        assert!((run(&of_wplus.network, &other) - &pictures).abs().max().double_value(&[]) > 1e-3, "style {style}");
    }

    let nearer = &average + (&w - &average) * 0.7;
    let (of_z, of_w) = (build(Space::Z, 0.7), build(Space::W, 0.7));
    same(&run(&of_z.network, &z), &run(&of_w.network, &nearer));
    same(&run(&of_w.mapping.unwrap().network, &z), &nearer);
    // A flat file has the mean among its tensors, whether it was read before or not.
    for given in [None, Some(average.shallow_clone())] {
        let tensors = shapes(&fixture).into_iter().map(|(name, shape)| {
            let values = weight(&name, &shape);
            (name, values)
        });
        let flat = Weights::from_tensors(tensors.chain([("latent_avg".to_owned(), average.shallow_clone())]));
        let built = stylegan2::build(small_stylegan2(Space::Z, 0.7), flat, given).unwrap();
        same(&run(&built.network, &z), &run(&of_z.network, &z));
    }
}

/// The file that its authors publish is of before noise was saved; checkpoints of their program have no mean of codes.
#[test]
fn a_stylegan2_without_noise_or_mean_in_its_file_makes_up_its_own_and_always_the_same() {
    use stylegan2::Space;
    tch::set_num_threads(1);
    let fixture = fixture("stylegan2");
    let weights = || {
        let mut weights = formula_weights(&fixture);
        weights.skip(|name| name.starts_with("noises."));
        weights
    };
    let run = |built: &Network, input: &Tensor| {
        let schedule = built.schedule(&[built.output()]);
        built.forward(&schedule, input).activation(built.output()).copy()
    };
    let build = |code, truncation| stylegan2::build(small_stylegan2(code, truncation), weights(), None).unwrap();
    let z = codes(&[48], 1.);
    let (one, other) = (build(Space::Z, 1.).network, build(Space::Z, 1.).network);
    let (noise, layer) = (one.tap("convs.1.noise").unwrap().point, one.tap("convs.1.demodulated").unwrap().point);
    let schedule = one.schedule(&[noise, layer]);
    let pass = one.forward(&schedule, &z);
    let added = pass.activation(noise) - pass.activation(layer);
    let strength = formula("convs.1.noise.weight", &[1]).double_value(&[0]);
    let deviation = added.std(false).double_value(&[]) / strength.abs();
    assert!((deviation - 1.).abs() < 0.2, "noise of standard deviation 1, times its strength: {deviation}");
    assert!(run(&one, &z).equal(&run(&other, &z)));

    // w' = mean + 0.5 (w - mean), so the mean is 2 w' - w.
    let mapped = |truncation| run(&build(Space::W, truncation).mapping.unwrap().network, &z);
    let mean = mapped(0.5) * 2. - mapped(1.);
    let wide = tensor_of(&[20000, 48], 7, |u| u);
    let normal = (wide * 0.999 + 5e-4).special_ndtri();
    let expected = run(&build(Space::W, 1.).mapping.unwrap().network, &normal);
    let (average, spread) = (expected.mean_dim(0i64, false, None::<Kind>), expected.std(false).double_value(&[]));
    let off = (mean - average).abs().max().double_value(&[]);
    assert!(off < 0.1 * spread, "the mean of what comes out of the mapping is off by {off}, of {spread}");
}

#[test]
fn vqgan_is_pytorchs_quantized_and_not() {
    for (name, quantized) in [("vqgan", false), ("vqgan.quantized", true)] {
        check(name, |weights| vqgan::build(vqgan::Config { codes: 50, quantized, resolution: 48, width: 32 }, weights));
    }
    let mut whole = hollow(&shapes(&fixture("vqgan")));
    for name in ["encoder.conv_in.weight", "loss.logvar", "quant_conv.bias"] {
        whole.insert(name.to_owned(), Tensor::zeros([1], (Kind::Float, Device::Cpu)));
    }
    let config = vqgan::Config { codes: 50, quantized: false, resolution: 48, width: 32 };
    vqgan::build(config.clone(), Weights::from_tensors(whole)).unwrap();
    // Its codes are those that lie where the codebook does, but for the vectors that training left where it began.
    let (fixture, name) = (fixture("vqgan"), "quantize.embedding.weight");
    let codebook = weight(name, &[50, 256]);
    let _ = codebook.narrow(0, 0, 30).g_mul_scalar_(1e-3);
    let of = |(other, shape): (String, Vec<i64>)| {
        let values = if other == name { codebook.copy() } else { weight(&other, &shape) };
        (other, values)
    };
    let weights = Weights::from_tensors(shapes(&fixture).into_iter().map(of));
    let prior = vqgan::build(config, weights).unwrap().code.prior;
    let Prior::Codebook { mean, deviation } = prior else { panic!("another prior: {prior:?}") };
    let column = codebook.narrow(0, 30, 20).select(1, 77);
    assert!((f64::from(mean[77]) - column.mean(None::<Kind>).double_value(&[])).abs() < 1e-6);
    assert!((f64::from(deviation[77]) - column.std(true).double_value(&[])).abs() < 1e-6);
}

fn manifest(name: &str) -> Manifest {
    let file = format!("{name}.yaml");
    let (file, text) = generators::MANIFESTS.iter().find(|(known, _)| *known == file).unwrap();
    Manifest::parse(file, text, None).unwrap()
}

#[test]
fn the_published_sizes_take_the_published_tensors() {
    takes("pgan-celebahq-256", |weights| pgan::build(manifest("pgan-celebahq-256").config().unwrap(), weights));
    let of = |resolution| stylegan2::Config { resolution, ..manifest("stylegan2-ffhq").config().unwrap() };
    takes("stylegan2-ffhq", |weights| stylegan2::build(of(256), weights, None));
    takes("stylegan2-1024", |weights| stylegan2::build(of(1024), weights, None));
    takes("vqgan-f16-16384", |weights| vqgan::build(manifest("vqgan-f16-16384").config().unwrap(), weights));
}

/// The generator of a manifest of the user's own, for a file of the script's; or the error's text.
fn load(file: &str, architecture: &str, config: &str, key: &str) -> Result<Generator, String> {
    tch::set_num_threads(1);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.yaml");
    let weights = format!("{}/tests/reference/decoders/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = format!(
        "name: mine\nkind: generator\narchitecture: {architecture}\nconfig: {config}\nlicence: mine\n\
         weights: {{{key}source: {{path: '{weights}'}}}}\n"
    );
    std::fs::write(&path, text).unwrap();
    let manifest = Manifest::read(&path).unwrap();
    let checked = Cache::at(folder.path().join("cache")).checked_weights(&manifest, &Silent).unwrap();
    Generator::load(&manifest, &checked).map_err(|error| error.to_string())
}

/// Whether the network's outputs for the script's two codes (of this shape, classes included) are PyTorch's.
fn assert_outputs(generator: &Generator, file: &str, shape: &[i64]) {
    let pass = generator.schedule();
    let output = generator.network.forward(&pass, &codes(shape, 1.)).activation(generator.network.output()).copy();
    let off = error(&numbers(&output), &fixture("files")[file]);
    println!("{file}: {off:.1e}");
    assert!(off < 1e-5, "{file} is off by {off:.1e}");
    let one = generator.pictures(&codes(shape, 1.).narrow(0, 0, 1));
    assert_eq!(one.size(), [1, 3, generator.size[0], generator.size[1]]);
}

#[test]
fn checkpoints_with_other_things_beside_the_generator_are_read() {
    let pgan = load("pgan.pth", "pgan", "{latent: 8, depths: [8, 4]}", "key: avgG, ").unwrap();
    assert_eq!((pgan.size, pgan.output), ([8, 8], Output::SignedClamped));
    assert_outputs(&pgan, "pgan.pth", &[8]);
    let config = "{resolution: 8, truncation: 0.7, latent: 4, channels: 4, mapping: 2}";
    assert_outputs(&load("stylegan2.pt", "stylegan2", config, "key: g_ema, ").unwrap(), "stylegan2.pt", &[4]);
}

/// Whether the gradient of the network's weighted output is that of finite differences.
fn check_differences(what: &str, network: Network, shape: &[i64]) {
    let codes = codes(shape, 1.).to_kind(Kind::Double);
    let (output, gradient) = output_and_gradient(&network, &codes);
    let weights = tensor_of(&output.size(), 54321, |u| 2. * u - 1.).to_kind(Kind::Double);
    differences::check(what, &gradient, |moved| {
        (output_and_gradient(&network, &(&codes + moved)).0 * &weights).sum(Kind::Double).double_value(&[])
    });
}

#[test]
fn a_program_is_a_generator() {
    let config = "{code: [6], classes: [cat, dog], output: unit, resolution: 8}";
    let traced = load("traced.pt", "torchscript", config, "").unwrap();
    assert_eq!((traced.size, traced.output, traced.classes()), ([8, 8], Output::UnitClamped, 2));
    assert_eq!(traced.input_shape(), [1, 8]);
    assert_outputs(&traced, "traced.pt", &[8]);
    // The inner layer's shape is known too, and the gradient is libtorch's.
    assert_eq!(traced.network.tap("output.0").unwrap().name, "output.0");
    check_differences("traced.pt", traced.network.to(Device::Cpu, Kind::Double), &[8]);

    let spatial = load("spatial.pt", "torchscript", "{code: [4, 4, 4], output: signed, resolution: 8}", "").unwrap();
    assert_eq!((spatial.output, spatial.input_shape()), (Output::SignedClamped, vec![1, 4, 4, 4]));
    assert_outputs(&spatial, "spatial.pt", &[4, 4, 4]);
    // At other sides, where the program has none written into it.
    let larger = spatial.at(24).unwrap();
    assert_eq!((larger.input_shape(), larger.size), (vec![1, 4, 12, 12], [24; 2]));
    check_differences("spatial.pt", larger.network.to(Device::Cpu, Kind::Double), &[4, 12, 12]);
    let one_size = load("one_size.pt", "torchscript", "{code: [4, 4, 4], output: signed, resolution: 8}", "").unwrap();
    let error = one_size.at(24).unwrap_err();
    assert!(error.contains("makes [3, 8, 8] of codes [4, 12, 12], not pictures of 24 px"), "{error}");

    for (config, expected) in [
        ("{code: [4, 4, 4], output: signed, resolution: 16}", "a picture [3, 16, 16] is needed"),
        ("{code: [4, 4], output: signed, resolution: 8}", "config.code: [4, 4] is neither"),
        ("{code: [4, 4, 4], classes: [a], output: signed, resolution: 8}", "config.classes"),
        ("{code: [5, 4, 4], output: signed, resolution: 8}", "its program fails"),
        (
            "{code: [4, 4, 4], output: caffe, resolution: 8}",
            "unknown value 'caffe'; the possible values are signed, unit",
        ),
    ] {
        let error = load("spatial.pt", "torchscript", config, "").unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn impossible_configurations_are_refused_with_their_key() {
    let stylegan2 = |config: &str| serde_yaml::from_str::<stylegan2::Config>(config).unwrap().check();
    let vqgan = |config: &str| serde_yaml::from_str::<vqgan::Config>(config).unwrap().check();
    for (checked, expected) in [
        (taesd::Config { channels: 8, pooled: false, resolution: 64 }.check(), "config.channels: 8"),
        (taesd::Config { channels: 4, pooled: false, resolution: 60 }.check(), "config.resolution: 60"),
        (pgan::Config { latent: 0, depths: vec![1], classes: 0 }.check(), "config.latent: 0"),
        (pgan::Config { latent: 1, depths: vec![], classes: 0 }.check(), "config.depths: 0 scales"),
        (pgan::Config { latent: 1, depths: vec![4, -4], classes: 0 }.check(), "config.depths: -4"),
        (pgan::Config { latent: 1, depths: vec![4], classes: -1 }.check(), "config.classes: -1"),
        (stylegan2("{resolution: 96}"), "config.resolution: 96"),
        (stylegan2("{resolution: 64, truncation: 1.5}"), "config.truncation: 1.5"),
        (stylegan2("{resolution: 64, channels: 0}"), "config.channels: 0"),
        (vqgan("{codes: 0}"), "config.codes: 0"),
        (vqgan("{codes: 9, resolution: 200}"), "config.resolution: 200"),
        (vqgan("{codes: 9, width: 100}"), "config.width: 100"),
    ] {
        let reason = checked.unwrap_err();
        assert!(reason.starts_with(expected), "{reason}");
    }
}

#[test]
fn every_manifest_has_a_configuration_that_its_architecture_accepts() {
    for (file, text) in generators::MANIFESTS {
        let manifest = Manifest::parse(file, text, None).unwrap();
        assert_eq!(format!("{}.yaml", manifest.name), *file);
        let checked = match manifest.architecture.as_deref().unwrap() {
            "biggan" => manifest.config::<biggan::Config>().unwrap().check(),
            "biggan-deep" => manifest.config::<biggan_deep::Config>().unwrap().check(),
            "dcgan" => manifest.config::<dcgan::Config>().unwrap().check(),
            "sagan" | "sngan" => manifest.config::<sngan::Config>().unwrap().check(),
            "deepsim" => manifest.config::<deepsim::Config>().map(|_| ()).map_err(|error| error.to_string()),
            "pgan" => manifest.config::<pgan::Config>().unwrap().check(),
            "stylegan2" => manifest.config::<stylegan2::Config>().unwrap().check(),
            "taesd" => manifest.config::<taesd::Config>().unwrap().check(),
            "vqgan" => manifest.config::<vqgan::Config>().unwrap().check(),
            other => panic!("{file}: {other}"),
        };
        assert_eq!(checked, Ok(()), "{file}");
    }
}
