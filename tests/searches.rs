//! The published searches for codes: DGN-AM and PPGN against their loops written with PyTorch's layers, with weights from a formula
//! (`tests/reference/make_searches.py` made the numbers); BigGAN-AM, limits, and what a search refuses.

mod common;
mod formula;

use classifiers::Classifier;
use common::{classifier, generator, reference, reference_tensors};
use formula::{formula, shapes};
use frozen::weights::Weights;
use generators::{Built, Generator, deepsim, stylegan2};
use metapicture::method::{Method, ParamSpec};
use metapicture::param::{Embedding, Latent, LatentSpec, Limits, LimitsFile, Param, Range, Space};
use metapicture::random::Seed;
use metapicture::render::{Batch, Rendered, render};
use metapicture::unit::{LayerShapes, Reading, Unit};
use serde_json::Value;
use tch::{Device, Kind, Tensor};

/// Bell pepper.
const CLASS: &str = "class:945";

/// The weights that a fixture of the decoders lists, by the formula.
fn weights(name: &str) -> Weights {
    let text = std::fs::read_to_string(reference(&format!("decoders/{name}.json"))).unwrap();
    let fixture: Value = serde_json::from_str(&text).unwrap();
    Weights::from_tensors(shapes(&fixture).into_iter().map(|(name, shape)| {
        let values = formula(&name, &shape);
        (name, values)
    }))
}

fn generator_of(name: &str, built: Built) -> Generator {
    let Built { network, code, mapping, conditioning, output, size } = built;
    let (weights_sha256, definition) = (String::new(), serde_yaml::Value::Null);
    Generator { name: name.to_owned(), network, code, mapping, conditioning, output, size, weights_sha256, definition }
}

fn deepsim_fc6() -> Generator {
    let built = deepsim::build(deepsim::Config { code: deepsim::Layer::Fc6 }, weights("deepsim-fc6")).unwrap();
    generator_of("deepsim-fc6", built).to(Device::Cpu, Kind::Double)
}

fn caffenet() -> Classifier {
    let classifier = Classifier {
        name: "caffenet".to_owned(),
        network: classifiers::caffenet::network(weights("caffenet")).unwrap(),
        classes: 1000,
        size: classifiers::caffenet::RESOLUTION,
        mean: classifiers::caffenet::MEAN,
        std: classifiers::caffenet::STD,
        weights_sha256: String::new(),
        definition: serde_yaml::Value::Null,
    };
    classifier.to(Device::Cpu, Kind::Double)
}

fn run(classifier: &Classifier, generator: &Generator, method: &Method, unit: &str, seeds: &[u64]) -> Vec<Rendered> {
    let shapes = LayerShapes::measure(classifier);
    let unit = Unit::parse(unit, classifier, &shapes).unwrap();
    let runs: Vec<(Unit, Seed)> = seeds.iter().map(|&seed| (unit.clone(), Seed(seed))).collect();
    let batch = Batch {
        classifier,
        shapes: &shapes,
        generator: Some(generator),
        condition: None,
        encoder: Some(classifier),
        method,
        size: None,
        runs: &runs,
    };
    render(&batch, &|_: usize, _: usize, _: f64| {}).unwrap()
}

/// A preset with so many steps, the step sizes of its first ones.
fn first_steps(name: &str, steps: usize) -> Method {
    let method = Method::find(name).unwrap();
    let yaml = method.to_yaml().unwrap();
    // DGN-AM's step falls linearly over its 200.
    let last = 8. * (1. - (steps as f64 - 1.) / 200.);
    let yaml = yaml
        .replace("to: 0.08", &format!("to: {last}"))
        .replace(&format!("steps: {}", method.steps), &format!("steps: {steps}"));
    Method::parse(&yaml, name).unwrap()
}

fn state(rendered: &Rendered, name: &str) -> Tensor {
    rendered.state.iter().find(|(found, _)| *found == name).unwrap().1.shallow_clone()
}

#[test]
fn dgn_am_and_ppgn_are_the_published_loops() {
    let expected = reference_tensors("searches.safetensors");
    let (classifier, generator) = (caffenet(), deepsim_fc6());
    for name in ["dgn-am", "ppgn"] {
        for steps in [1, 6] {
            let rendered = run(&classifier, &generator, &first_steps(name, steps), CLASS, &[0]);
            let (found, expected) = (state(&rendered[0], "code"), expected[name].get(steps as i64 - 1));
            let off = (&found - &expected).abs().max().double_value(&[]) / expected.abs().max().double_value(&[]);
            println!("{name}, step {steps}: largest error {off:.1e} of the largest number");
            assert!(off < 1e-5, "{name}, step {steps}: {off}");
            let high = if name == "ppgn" { 30. } else { 0.99 * 12. };
            let inside = found.gt(0.).logical_and(&found.lt(high - 1e-3)).to_kind(Kind::Double);
            assert!(inside.mean(None::<Kind>).double_value(&[]) > 0.1, "{name}: hardly a number is between its limits");
            assert_eq!(rendered[0].passes.backward, steps);
        }
    }
}

#[test]
#[ignore = "writes what make_searches.py starts from"]
fn starts() {
    let generator = deepsim_fc6();
    let schedule = generator.schedule();
    let ParamSpec::Latent(spec) = Method::find("dgn-am").unwrap().param else { panic!("dgn-am searches codes") };
    let latent = Latent::new(&generator, &schedule, &spec, None, &[(Seed(0), 0)]);
    let start = latent.tensors()[0].get(0).to_kind(Kind::Float);
    Tensor::write_safetensors(&[("start", start)], "starts.safetensors").unwrap();
}

#[test]
fn biggan_am_changes_the_embedding_alone_and_ascends() {
    let (classifier, generator) = (classifier("efficientnet-lite0"), generator("eye-cdcgan"));
    // The decay is for BigGAN's embeddings; here it outweighs what a class of this small generator can do for the unit.
    let yaml = Method::find("biggan-am").unwrap().to_yaml().unwrap();
    assert!(yaml.contains("weight_decay: 0.9"));
    let mut method = Method::parse(
        &yaml.replace("weight_decay: 0.9", "weight_decay: 0.01").replace("lr: 0.1", "lr: 0.03"),
        "biggan-am",
    )
    .unwrap();
    let ParamSpec::Embedding(spec) = &mut method.param else { panic!("biggan-am searches embeddings") };
    (spec.codes, spec.every, method.steps) = (8, 100, 40);
    method.objective = Reading::Activation;
    let schedule = generator.schedule();
    let spec = *spec;
    let mut start = Embedding::new(&generator, &schedule, spec, &[Seed(3)]).unwrap();
    // A step within the first hundred sees the same codes, the next hundred others.
    let mut pictures = |step: usize| {
        start.begin(step);
        start.pictures()
    };
    assert_eq!(pictures(0), pictures(99));
    assert_ne!(pictures(0), pictures(100));
    let rendered = run(&classifier, &generator, &method, "class:banana", &[3]).remove(0);
    let (before, after) = (start.state()[1].1.get(0), state(&rendered, "embedding"));
    assert!((&after - &before).abs().max().double_value(&[]) > 0.05, "{before:?} {after:?}");
    assert!(after.min().double_value(&[]) >= 0. && after.max().double_value(&[]) <= 1., "{after:?}");
    // The code of the picture that is kept is the seed's own draw, which the search never sees.
    let spec = LatentSpec::in_space(Space::Gaussian);
    let draw = Latent::new(&generator, &schedule, &spec, None, &[(Seed(3), 0)]).tensors()[0].get(0);
    assert_eq!(state(&rendered, "code"), draw);
    let picture = generator.pictures(&generator.input_with(&draw.unsqueeze(0), &after.unsqueeze(0)));
    assert_eq!(picture.get(0), rendered.picture);
    let mean = |rows: &[metapicture::render::Row]| rows.iter().map(|row| -row.loss).sum::<f64>() / rows.len() as f64;
    let (first, last) = (mean(&rendered.trace[..1]), mean(&rendered.trace[30..40]));
    println!("activation {first:.2} at first, {last:.2} at last");
    assert!(last > first + 0.5, "{first} {last}");
    assert_eq!(rendered.passes.forward, 8 * 41);
}

#[test]
fn codes_stay_within_the_limits_of_their_dimensions() {
    let generator = generator("face-dcgan");
    let schedule = generator.schedule();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("limits.txt");
    let numbers: Vec<f64> = (0..200).map(|i| if i < 100 { -0.1 } else { 0.01 * f64::from(i - 99) }).collect();
    std::fs::write(&path, numbers.iter().map(f64::to_string).collect::<Vec<_>>().join(" ")).unwrap();
    let of_file = Limits::File(LimitsFile::read(&path).unwrap());
    let high = |limits: Limits| {
        let spec = LatentSpec::in_space(Space::Bounded(limits));
        let mut latent = Latent::new(&generator, &schedule, &spec, None, &[(Seed(0), 0)]);
        let code = latent.tensors().remove(0);
        let _ = code.shallow_clone().fill_(50.);
        latent.project();
        let high = code.copy();
        let _ = code.shallow_clone().fill_(-50.);
        latent.project();
        (code.get(0), high.get(0))
    };
    let (low, top) = high(Limits::Range(Range { low: -1., high: 2. }));
    assert!(low.eq(-1.).all().int64_value(&[]) == 1 && top.eq(2.).all().int64_value(&[]) == 1);
    let (low, top) = high(of_file);
    assert!((low.double_value(&[7]) + 0.1).abs() < 1e-6 && (top.double_value(&[7]) - 0.08).abs() < 1e-6);
    // Of 4096 draws of a standard normal number.
    let (low, top) = high(Limits::Deviations(2.));
    let off = (top - 2.).abs().max().double_value(&[]).max((low + 2.).abs().max().double_value(&[]));
    assert!(off > 0. && off < 0.15, "{off}");
}

#[test]
fn the_limits_of_w_are_those_of_what_the_mapping_makes() {
    let config = stylegan2::Config {
        resolution: 32,
        code: stylegan2::Space::W,
        truncation: 1.,
        latent: 48,
        channel_multiplier: 2,
        channels: 40,
        mapping: 3,
    };
    let text = std::fs::read_to_string(reference("decoders/stylegan2.json")).unwrap();
    let fixture: Value = serde_json::from_str(&text).unwrap();
    let weights = Weights::from_tensors(shapes(&fixture).into_iter().map(|(name, shape)| {
        let scale = if name.starts_with("style.") && shape.len() == 2 { 100. } else { 1. };
        let values = formula(&name, &shape) * scale;
        (name, values)
    }));
    let generator = generator_of("w", stylegan2::build(config, weights, None).unwrap());
    let schedule = generator.schedule();
    let spec = LatentSpec::in_space(Space::Bounded(Limits::Deviations(1.)));
    let seeds: Vec<(Seed, u64)> = (0..500).map(|seed| (Seed(seed), 0)).collect();
    let free =
        Latent::new(&generator, &schedule, &LatentSpec::in_space(Space::Gaussian), None, &seeds).tensors().remove(0);
    let bounded = Latent::new(&generator, &schedule, &spec, None, &seeds).tensors().remove(0);
    let changed = free.ne_tensor(&bounded).to_kind(Kind::Double).mean(None::<Kind>).double_value(&[]);
    // One deviation on each side holds about two thirds of the numbers, whatever they look like.
    println!("{changed:.2} of the numbers were beyond a deviation");
    assert!((0.2..0.45).contains(&changed), "{changed}");
}

#[test]
fn a_search_that_a_generator_does_not_allow_says_what_is_missing() {
    let face = generator("face-dcgan");
    let refused = |name: &str| format!("{:#}", Method::find(name).unwrap().fit(&face).unwrap_err());
    assert!(refused("dgn-am").contains("dgn-am-gaussian"));
    assert!(refused("biggan-am").contains("face-dcgan is not conditional"));
    assert!(refused("latent-spatial").contains("have no height and width"));
    let limits = tempfile::NamedTempFile::with_suffix(".txt").unwrap();
    std::fs::write(limits.path(), "1 2 3").unwrap();
    let limits = Limits::File(LimitsFile::read(limits.path()).unwrap());
    assert!(limits.fit(&face).unwrap_err().to_string().contains("holds 3 limits"));
    let classifier = classifier("efficientnet-lite0");
    let error = metapicture::encoder::Encoder::new(&face, Some(&classifier)).unwrap_err().to_string();
    assert!(error.contains("face-dcgan has no encoder"), "{error}");
}
