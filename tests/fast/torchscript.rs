//! Networks that are programs of TorchScript; `tests/reference/make_torchscript.py` made them and the numbers.

use std::path::{Path, PathBuf};

use classifiers::Classifier;
use frozen::network::Point;
use metapicture::method::Method;
use metapicture::random::Seed;
use metapicture::render::Objective;
use metapicture::render::{Batch, render};
use metapicture::unit::{LayerShapes, Reading, Unit};
use support::reference;
use tch::{Kind, Tensor};
use zoo::{Cache, Manifest, Silent};

/// The classifier of a manifest with this program and this `config`, or the error's text.
fn load(program: &Path, config: &str) -> Result<Classifier, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.yaml");
    let weights = program.display();
    let text = format!(
        "name: mine\nkind: classifier\narchitecture: torchscript\nconfig: {config}\nlicence: mine\n\
         weights: {{source: {{path: {weights}}}}}\n"
    );
    std::fs::write(&path, text).unwrap();
    let manifest = Manifest::read(&path).unwrap();
    let checked = Cache::at(folder.path().join("cache")).checked_weights(&manifest, &Silent).unwrap();
    Classifier::load(&manifest, &checked).map_err(|error| error.to_string())
}

fn program(name: &str) -> PathBuf {
    reference("torchscript").join(name)
}

const CONFIG: &str = "{resolution: 16, mean: [0, 0, 0], std: [1, 1, 1]}";
const NAMED: &str = "{resolution: 16, mean: [0, 0, 0], std: [1, 1, 1], outputs: [inner, deep, last]}";

/// The script's two pictures.
fn pictures() -> Tensor {
    ((Tensor::arange(2 * 3 * 16 * 16, (Kind::Double, tch::Device::Cpu)) * 0.7 + 0.3).sin())
        .to_kind(Kind::Float)
        .view([2, 3, 16, 16])
}

fn expected(name: &str) -> Vec<f64> {
    let text = std::fs::read_to_string(program("expected.json")).unwrap();
    let numbers: serde_json::Value = serde_json::from_str(&text).unwrap();
    numbers[name].as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn assert_close(what: &str, found: &Tensor, expected: &[f64]) {
    let expected = Tensor::from_slice(expected).view(&found.size()[..]);
    let difference = support::largest_difference(found, &expected);
    assert!(difference < 1e-5, "{what} is off by {difference}");
}

#[test]
fn outputs_and_gradient_are_those_of_python_for_every_sample_of_a_batch() {
    for (file, config, last) in [("traced.pt", NAMED, "last"), ("scripted.pt", CONFIG, "logits")] {
        let classifier = load(&program(file), config).unwrap();
        let network = &classifier.network;
        let names: Vec<&str> = network.taps().iter().map(|tap| tap.name.as_str()).collect();
        assert_eq!((names, classifier.classes), (vec!["inner", "deep", last], 5));
        let [inner, deep, logits] = ["inner", "deep", "logits"].map(|name| network.tap(name).unwrap().point);
        assert_eq!(logits, network.output());
        let schedule = network.schedule(&[inner, deep, logits]);
        let mut first: Option<Tensor> = None;
        // An optimizing interpreter would round otherwise from the third run on.
        for _ in 0..4 {
            let pass = network.forward(&schedule, &pictures());
            assert_close("deep", pass.activation(deep), &expected("deep"));
            assert_close("logits", pass.activation(logits), &expected("logits"));
            let zeros = |point: Point| pass.activation(point).zeros_like();
            let (of_logits, of_inner) = (zeros(logits), zeros(inner));
            for sample in 0..2 {
                let _ = of_logits.get(sample).get(sample).fill_(1.);
                let _ = of_inner.get(sample).get(2).get(1).get(3).fill_(1.);
            }
            let gradient = pass.pullback([(logits, of_logits), (inner, of_inner)]);
            assert_close("the gradient", &gradient, &expected("gradient"));
            assert!(first.get_or_insert_with(|| gradient.copy()).equal(&gradient));
        }
        assert!(network.weights().len() >= 6);
        assert!(network.weights().iter().all(|weight| !weight.requires_grad() && !weight.grad().defined()));
    }
}

#[test]
fn a_program_of_one_output_has_units() {
    let classifier = load(&program("one.pt"), CONFIG).unwrap();
    let shapes = LayerShapes::measure(&classifier);
    let unit = Unit::parse("class:4", &classifier, &shapes).unwrap();
    assert_eq!((unit.layer(), unit.class(), unit.label()), (Some("output"), Some(4), None));
    assert_eq!(Unit::parse("logits:4", &classifier, &shapes).unwrap().settings(), unit.settings());
    let objective = Objective::new(&[&unit], Reading::Activation).unwrap();
    let schedule = classifier.network.schedule(&objective.points());
    let pass = classifier.network.forward(&schedule, &pictures().narrow(0, 0, 1));
    let seen = objective.evaluate(|point| pass.activation(point).shallow_clone());
    let activation = seen.activations.double_value(&[0]);
    assert!((activation - expected("logits")[4]).abs() < 1e-5);
    let error = |text: &str| Unit::parse(text, &classifier, &shapes).unwrap_err().to_string();
    assert!(
        error("banana").contains("these classes have no names here, only the numbers 0 to 4"),
        "{}",
        error("banana")
    );
    assert!(error("class:5").contains("the classes are 0 to 4"), "{}", error("class:5"));
}

#[test]
fn a_program_without_gradient_is_searched_by_what_needs_none_and_by_nothing_else() {
    let classifier = load(&program("rounded.pt"), CONFIG).unwrap();
    let expected = Tensor::from_slice(&expected("logits")).view([2, 5]);
    let logits = classifier.network.output();
    let schedule = classifier.network.schedule(&[logits]);
    let found = classifier.network.forward(&schedule, &pictures()).activation(logits).copy();
    let off = support::largest_difference(&found, &expected.clamp(-2.56, 2.54));
    assert!(off < 0.0101, "half a step of 0.02: {off}");
    assert!(
        classifier.network.no_gradient().unwrap().contains("'output' does not depend on the input, or was detached")
    );

    let (shapes, generator) = (LayerShapes::measure(&classifier), support::generator("face-dcgan"));
    let unit = Unit::parse("class:2", &classifier, &shapes).unwrap();
    let render = |name: &str, steps: usize| {
        let method = Method { steps, ..Method::find(name).unwrap() };
        let batch = Batch {
            classifier: &classifier,
            shapes: &shapes,
            generator: Some(&generator),
            condition: None,
            encoder: None,
            photographs: None,
            method: &method,
            size: None,
            runs: &[(unit.clone(), Seed(0))],
        };
        render(&batch, &|_: usize, _: usize, _: f64| {})
    };
    let trace = render("ga", 4).unwrap().remove(0).trace;
    assert!(trace.len() == 4 && trace[3].activation > trace[0].activation, "{trace:?}");
    for name in ["latent", "naive"] {
        let error = format!("{:#}", render(name, 2).unwrap_err());
        assert!(error.contains(&format!("method '{name}': mine gives no gradient (output 'output' ")), "{error}");
        assert!(error.contains("cma-es"), "{error}");
    }
}

#[test]
fn what_is_no_program_or_another_than_the_manifest_says_is_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let (state_dict, text, damaged) =
        (folder.path().join("weights.pt"), folder.path().join("text.pt"), folder.path().join("damaged.pt"));
    std::fs::write(&text, "a program").unwrap();
    Tensor::save_multi(&[("weight", Tensor::zeros([2], (Kind::Float, tch::Device::Cpu)))], &state_dict).unwrap();
    let whole = std::fs::read(program("traced.pt")).unwrap();
    std::fs::write(&damaged, &whole[..whole.len() / 2]).unwrap();
    let (traced, scripted) = (program("traced.pt"), program("scripted.pt"));
    let outputs = |names: &str| CONFIG.replace('}', &format!(", outputs: [{names}]}}"));
    // A batch of one that is squeezed away.
    let squeezed = program("squeezed.pt");
    for (file, config, complaint) in [
        (&squeezed, CONFIG.to_owned(), "output 'output.0' has the shape [6] for one sample, and [2, 6] for two"),
        (&text, CONFIG.to_owned(), "is not TorchScript"),
        (&damaged, CONFIG.to_owned(), "is not TorchScript"),
        (&state_dict, CONFIG.to_owned(), "its program fails"),
        (&traced, outputs("inner, logits"), "config.outputs names inner, logits, but the program returns 3"),
        (&scripted, outputs("a, b, c"), "config.outputs names a, b, c, but the program returns inner, deep, logits"),
        (&traced, outputs("a, a, b"), "two outputs are called 'a'"),
        (&traced, outputs("logits, a, b"), "output 'logits' must be the last"),
        (&traced, CONFIG.replace("16", "2"), "Kernel size can't be greater than actual input size"),
    ] {
        let error = load(file, &config).unwrap_err();
        println!("{error}");
        assert!(error.contains(complaint), "{error}");
        assert!(error.starts_with(&format!("{}: ", file.display())) && error.lines().count() == 1, "{error}");
        assert!(error.len() < 500, "{error}");
    }
    for (config, complaint) in [
        (CONFIG.replace("std: [1", "std: [0"), "config.std"),
        (outputs("a:b, c, d"), "config.outputs: [a:b, c, d]"),
        (CONFIG.replace("mean", "maen"), "unknown key 'maen'; did you mean 'mean'?"),
        (CONFIG.replace(", std: [1, 1, 1]", ""), "'std' is missing"),
    ] {
        let error = load(&traced, &config).unwrap_err();
        assert!(error.contains(complaint) && error.contains("mine.yaml") && error.lines().count() == 1, "{error}");
    }
}
