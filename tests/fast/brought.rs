//! Networks and files like those that people bring, each of which went wrong somewhere once: what is right is said by the test's name.
//! `tests/reference/make_brought.py` made the programs and the numbers.

use std::path::{Path, PathBuf};

use classifiers::Classifier;
use metapicture::method::Method;
use metapicture::prelude::Models;
use metapicture::random::Seed;
use metapicture::render::{Batch, Rendered, render};
use metapicture::unit::{LayerShapes, Unit};
use support::reference;
use tch::{Kind, Tensor};
use zoo::{Cache, Manifest, Silent};

const CONFIG: &str = "{resolution: 16, mean: [0, 0, 0], std: [1, 1, 1]}";

fn program(name: &str) -> PathBuf {
    reference("brought").join(format!("{name}.pt"))
}

/// The classifier of a file with this architecture, this `config` and more of the manifest's weights, or the error's text.
fn load(architecture: &str, file: &Path, config: &str, more: &str) -> Result<Classifier, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.yaml");
    let text = format!(
        "name: mine\nkind: classifier\narchitecture: {architecture}\nconfig: {config}\nlicence: mine\n\
         weights: {{source: {{path: {}}}{more}}}\n",
        file.display()
    );
    std::fs::write(&path, text).unwrap();
    let manifest = Manifest::read(&path).map_err(|error| error.to_string())?;
    let checked = Cache::at(folder.path().join("cache")).checked_weights(&manifest, &Silent).unwrap();
    Classifier::load(&manifest, &checked).map_err(|error| error.to_string())
}

fn brought(name: &str, config: &str) -> Result<Classifier, String> {
    load("torchscript", &program(name), config, "")
}

/// The script's picture.
fn picture(shape: [i64; 4]) -> Tensor {
    let count = shape.iter().product::<i64>();
    (Tensor::arange(count, (Kind::Double, tch::Device::Cpu)) * 0.1).sin().to_kind(Kind::Float).view(shape)
}

fn logits(classifier: &Classifier, input: &Tensor) -> Vec<f64> {
    let output = classifier.network.output();
    let schedule = classifier.network.schedule(&[output]);
    let logits = classifier.network.forward(&schedule, input).activation(output).to_kind(Kind::Double);
    Vec::<f64>::try_from(&logits.flatten(0, -1)).unwrap()
}

fn expected(name: &str) -> Vec<f64> {
    let text = std::fs::read_to_string(reference("brought").join("expected.json")).unwrap();
    let numbers: serde_json::Value = serde_json::from_str(&text).unwrap();
    numbers[name].as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn assert_as_python(name: &str, classifier: &Classifier, input: &Tensor) {
    let (found, wanted) = (logits(classifier, input), expected(name));
    assert_eq!(found.len(), wanted.len(), "{name}");
    for (found, wanted) in found.iter().zip(&wanted) {
        assert!((found - wanted).abs() < 1e-5, "{name}: {found} is {wanted} in Python");
    }
}

#[test]
fn an_integer_buffer_stays_an_integer() {
    for name in ["indexed", "masked"] {
        let classifier = brought(name, CONFIG).unwrap();
        assert_as_python(name, &classifier, &picture([1, 3, 16, 16]));
        // As the program moves it to its device.
        let classifier = classifier.to(tch::Device::Cpu, Kind::Float);
        assert_as_python(name, &classifier, &picture([1, 3, 16, 16]));
    }
}

#[test]
fn a_program_in_training_mode_is_refused_with_what_mends_it() {
    for name in ["dropping", "batched"] {
        let error = brought(name, CONFIG).unwrap_err();
        assert!(error.contains("training mode") && error.contains("model.eval()"), "{name}: {error}");
    }
}

#[test]
fn a_network_that_sees_grey_is_shown_grey() {
    let classifier = brought("grey", "{resolution: 16, mean: [0], std: [1]}").unwrap();
    let level = picture([1, 1, 16, 16]);
    assert_as_python("grey", &classifier, &level.expand([1, 3, 16, 16], false));
    let error = brought("grey", "{resolution: 16, mean: [0, 0], std: [1, 1]}").unwrap_err();
    assert!(error.contains("lists of 3 or of 1"), "{error}");
}

#[test]
fn a_network_of_other_channels_is_told_what_fills_them() {
    let config = |channels: &str, mean: &str, std: &str| {
        format!("{{resolution: 16, range: 255, mean: {mean}, std: {std}, channels: {channels}}}")
    };
    let right = config("[blue, green, red, 7, grey]", "[104, 117, 120, 1, 110]", "[57, 58, 59, 2, 50]");
    let classifier = brought("five", &right).unwrap();
    // The script's picture has five channels, of which it took the first three for the colours.
    let levels = picture([1, 5, 16, 16]).narrow(1, 0, 3);
    let normalised = classifier.input_pipeline([16; 2], [16; 2]).apply(&levels);
    assert_as_python("five", &classifier, &normalised);
    for (config, says) in [
        (
            "{resolution: 16, mean: [0, 0, 0, 0, 0], std: [1, 1, 1, 1, 1]}".to_owned(),
            "`channels: [blue, green, red, 0]`",
        ),
        (config("[blue, green, red, 7, grey]", "[0, 0, 0]", "[1, 1, 1]"), "one number for each of the 5 `channels`"),
        (config("[0, 1, 2, 3, 4]", "[0, 0, 0, 0, 0]", "[1, 1, 1, 1, 1]"), "nothing of a picture would be seen"),
    ] {
        let error = brought("five", &config).unwrap_err();
        assert!(error.contains(says), "{config}: {error}");
    }
}

#[test]
fn an_input_that_is_no_square_takes_pictures_that_are() {
    let classifier = brought("wide", "{resolution: [16, 24], mean: [0, 0, 0], std: [1, 1, 1]}").unwrap();
    assert_eq!(classifier.size, 24);
    // Lines from left to right: squeezing rows changes nothing.
    let line = picture([1, 3, 1, 24]);
    let square = logits(&classifier, &line.expand([1, 3, 24, 24], false));
    let whole = brought("plain", "{resolution: 24, mean: [0, 0, 0], std: [1, 1, 1]}").unwrap();
    assert_eq!(square.len(), whole.classes as usize);
    let gradient = {
        let output = classifier.network.output();
        let schedule = classifier.network.schedule(&[output]);
        let pass = classifier.network.forward(&schedule, &picture([1, 3, 24, 24]));
        let ones = pass.activation(output).ones_like();
        pass.pullback([(output, ones)])
    };
    assert_eq!(gradient.size(), [1, 3, 24, 24]);
    assert!(gradient.abs().sum(Kind::Float).double_value(&[]) > 0.);
}

#[test]
fn one_logit_is_a_question_of_its_own() {
    let classifier = brought("one", CONFIG).unwrap();
    assert!(classifier.independent);
    let logits = Tensor::from_slice(&[0f32]).view([1, 1]);
    assert_eq!(classifier.probabilities(&logits).double_value(&[0, 0]), 0.5);
    // Its probability drives the search: the gradient is p (1 - p), and not 0.
    let shapes = LayerShapes::measure(&classifier);
    let unit = Unit::parse("probability(class:0)", &classifier, &shapes).unwrap();
    let objective = metapicture::render::Objective::new(&[&unit], Default::default()).unwrap();
    let found = objective.evaluate(|_| logits.shallow_clone());
    assert_eq!(found.activations.double_value(&[0]), 0.5);
    assert_eq!(found.gradients[0].1.double_value(&[0, 0]), 0.25);
    // Several, if the manifest says so.
    let several =
        brought("plain", "{resolution: 16, mean: [0, 0, 0], std: [1, 1, 1], probabilities: sigmoid}").unwrap();
    assert!(several.independent && !brought("plain", CONFIG).unwrap().independent);
}

#[test]
fn levels_from_0_to_255_are_noticed_or_declared() {
    let imagenet = "mean: [123.675, 116.28, 103.53], std: [58.395, 57.12, 57.375]";
    let silent = brought("plain", &format!("{{resolution: 16, {imagenet}}}")).unwrap();
    assert!(silent.network.notes().iter().any(|note| note.contains("range: 255")), "{:?}", silent.network.notes());
    let declared = brought("plain", &format!("{{resolution: 16, {imagenet}, range: 255}}")).unwrap();
    assert!(declared.network.notes().is_empty());
    assert!((declared.mean[0] - 0.485).abs() < 1e-6 && (declared.std[2] - 0.225).abs() < 1e-6);
    let error = brought("plain", "{resolution: 16, mean: [0, 0, 0], std: [1, 1, 1], range: 7}").unwrap_err();
    assert!(error.contains("neither 1 nor 255"), "{error}");
}

#[test]
fn classes_have_the_names_that_the_manifest_gives_and_never_imagenets() {
    let named = "{resolution: 16, mean: [0, 0, 0], std: [1, 1, 1], classes: [ape, bee, cat, Dog, eel]}";
    let classifier = brought("plain", named).unwrap();
    assert_eq!(classifier.class("cat"), Ok(2));
    assert_eq!(classifier.class("dog"), Ok(3));
    assert_eq!(classifier.class("4"), Ok(4));
    assert_eq!(classifier.class_name(1), Some("bee"));
    let error = classifier.class("eal").unwrap_err().to_string();
    assert!(error.contains("did you mean 'eel' (4)?"), "{error}");
    let unit = Unit::parse("cat", &classifier, &LayerShapes::measure(&classifier)).unwrap();
    assert_eq!((unit.name.as_str(), unit.label()), ("class:cat", Some("cat")));
    assert_eq!(brought("plain", CONFIG).unwrap().class_name(1), None);
    let few = brought("plain", "{resolution: 16, mean: [0, 0, 0], std: [1, 1, 1], classes: [ape]}").unwrap_err();
    assert!(few.contains("1 names for 5 classes"), "{few}");
}

#[test]
fn classes_may_be_told_by_their_number_alone() {
    let with = |classes: &str| {
        brought("plain", &format!("{{resolution: 16, mean: [0, 0, 0], std: [1, 1, 1], classes: {classes}}}"))
    };
    assert_eq!(with("5").unwrap().class_name(1), None);
    let wrong = with("7").unwrap_err();
    assert!(wrong.contains("config.classes: 7, and the network has 5"), "{wrong}");
    let wrong = with("{ape: 1}").unwrap_err();
    assert!(wrong.contains("`classes` is a list of names"), "{wrong}");
}

#[test]
fn a_class_of_none_is_left_out() {
    let config = "{resolution: 16, mean: [0, 0, 0], std: [1, 1, 1], background: 0, classes: [none, a, b, c, d, e]}";
    let classifier = brought("background", config).unwrap();
    assert_eq!((classifier.classes, classifier.class_name(0)), (5, Some("a")));
    let found = logits(&classifier, &picture([1, 3, 16, 16]));
    for (found, wanted) in found.iter().zip(&expected("background")[1..]) {
        assert!((found - wanted).abs() < 1e-5);
    }
}

#[test]
fn tokens_are_positions() {
    let classifier =
        brought("tokens", "{resolution: 16, mean: [0, 0, 0], std: [1, 1, 1], outputs: [stem, logits]}").unwrap();
    assert_as_python("tokens", &classifier, &picture([1, 3, 16, 16]));
    let shapes = LayerShapes::measure(&classifier);
    let unit = |text: &str| Unit::parse(text, &classifier, &shapes);
    assert_eq!(unit("stem:7").unwrap().name, "stem:7");
    assert_eq!(unit("stem:7@255,0").unwrap().name, "stem:7@255,0");
    assert!(unit("stem:8").unwrap_err().to_string().contains("channels 0 to 7"));
    assert!(unit("stem:7@256,0").unwrap_err().to_string().contains("rows 0 to 255"));
    unit("direction(stem, random:1)").unwrap();
}

#[test]
fn an_output_that_is_none_is_left_out_and_what_is_nested_is_laid_out() {
    let config = "{resolution: 16, mean: [0, 0, 0], std: [1, 1, 1], outputs: [last, aux]}";
    let classifier = brought("nothing", config).unwrap();
    assert_as_python("nothing", &classifier, &picture([1, 3, 16, 16]));
    let nested =
        brought("nested", "{resolution: 16, mean: [0, 0, 0], std: [1, 1, 1], outputs: [stem, aux, last]}").unwrap();
    assert_as_python("nested", &nested, &picture([1, 3, 16, 16]));
    assert!(nested.network.tap("stem").is_ok() && nested.network.tap("aux").is_err());
}

fn visualized(classifier: &Classifier, units: &[&str], steps: usize) -> Vec<Rendered> {
    let shapes = LayerShapes::measure(classifier);
    let mut method = Method::find("naive").unwrap();
    method.steps = steps;
    let runs: Vec<(Unit, Seed)> =
        units.iter().map(|unit| (Unit::parse(unit, classifier, &shapes).unwrap(), Seed(0))).collect();
    let (generator, condition, encoder, size) = (None, None, None, None);
    let batch = Batch {
        classifier,
        shapes: &shapes,
        generator,
        condition,
        encoder,
        photographs: None,
        method: &method,
        size,
        runs: &runs,
    };
    render(&batch, &|_: usize, _: usize, _: f64| {}).unwrap()
}

const HALF: &str = "{resolution: 16, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], outputs: [stem, last]}";

#[test]
fn a_unit_that_is_dead_behind_a_relu_is_searched_elsewhere() {
    let classifier = brought("plain", HALF).unwrap();
    let found = visualized(&classifier, &["stem:0", "stem:2"], 60);
    let [dead, alive] = &found[..] else { panic!("two runs") };
    assert_eq!(dead.trace[0].activation, 0., "the case is no longer one");
    assert!(dead.failure.is_none(), "{:?}", dead.failure);
    assert!(dead.trace.last().unwrap().activation > 0.1);
    assert!(dead.revival.as_ref().unwrap().contains("nothing moved the unit up to step"), "{:?}", dead.revival);
    assert!(alive.revival.is_none());
    // And twice the same.
    let again = visualized(&classifier, &["stem:0", "stem:2"], 60);
    assert_eq!(again[0].trace, dead.trace);
}

#[test]
fn a_unit_that_answers_to_nothing_fails_in_words() {
    let classifier = brought("constant", HALF).unwrap();
    let found = visualized(&classifier, &["stem:0", "stem:2"], 40);
    let failure = found[0].failure.as_ref().unwrap();
    assert!(
        failure.starts_with("dead: nothing moved the unit, whose activation was 0 at each of 41 steps"),
        "{failure}"
    );
    assert!(found[1].failure.is_none());
}

#[test]
fn a_dead_unit_of_a_known_network_is_driven_by_what_is_before_its_relu() {
    let program = reference("imported").join("cnn.dyn.pt2");
    let classifier =
        load("exported", &program, "{resolution: 32, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5]}", "").unwrap();
    let relu = classifier.network.tap("stem.2").unwrap().point;
    let before = classifier.network.before_activation(relu).unwrap();
    assert_eq!(classifier.network.tap("stem.1").unwrap().point, before);
    assert_eq!(classifier.network.before_activation(before), None);
}

#[test]
fn a_network_of_one_input_size_refuses_octaves_before_anything_runs() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("fixed.yaml");
    let text = format!(
        "name: fixed\nkind: classifier\narchitecture: torchscript\nconfig: {HALF}\nlicence: mine\n\
         weights: {{source: {{path: {}}}}}\n",
        program("fixed").display()
    );
    std::fs::write(&manifest, text).unwrap();
    let models = Models::options().cache(folder.path().join("cache")).open().unwrap();
    let visualization = |method: &str| {
        metapicture::prelude::Visualization::of(&models.classifier(manifest.to_str().unwrap()).unwrap(), "class:1")
            .unwrap()
            .method(method)
            .unwrap()
            .steps(1)
            .run()
    };
    let error = visualization("deepdream-2015").unwrap_err().to_string();
    assert!(error.contains("takes pictures of 16 px alone") && error.contains("input: tiles"), "{error}");
    visualization("naive").unwrap();
}

/// ResNet18 would be large: SqueezeNet's tensors in formula weights, called otherwise.
fn renamed(names: impl Fn(&str) -> String) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    let fire = |index: i64, from: i64, narrow: i64, wide: i64| {
        [("squeeze", narrow, from, 1), ("expand1x1", wide, narrow, 1), ("expand3x3", wide, narrow, 3)]
            .map(|(part, out, into, size)| (format!("features.{index}.{part}"), [out, into, size, size]))
    };
    let mut layers = vec![("features.0".to_owned(), [64, 3, 3, 3]), ("classifier.1".to_owned(), [7, 512, 1, 1])];
    for (index, from, narrow, wide) in [
        (3, 64, 16, 64),
        (4, 128, 16, 64),
        (6, 128, 32, 128),
        (7, 256, 32, 128),
        (9, 256, 48, 192),
        (10, 384, 48, 192),
        (11, 384, 64, 256),
        (12, 512, 64, 256),
    ] {
        layers.extend(fire(index, from, narrow, wide));
    }
    let tensors: Vec<(String, Tensor)> = layers
        .into_iter()
        .flat_map(|(layer, shape)| {
            let zeros = |shape: &[i64]| Tensor::zeros(shape, (Kind::Float, tch::Device::Cpu));
            [(names(&format!("{layer}.weight")), zeros(&shape)), (names(&format!("{layer}.bias")), zeros(&shape[..1]))]
        })
        .collect();
    Tensor::write_safetensors(&tensors, &path).unwrap();
    (folder, path)
}

const SQUEEZENET: &str = "{resolution: 32, classes: 7}";

#[test]
fn a_prefix_of_all_names_is_taken_off_and_said() {
    let (_folder, path) = renamed(|name| format!("module.{name}"));
    let classifier = load("squeezenet1_1", &path, SQUEEZENET, "").unwrap();
    assert!(classifier.network.notes()[0].contains("begin with 'module.'"), "{:?}", classifier.network.notes());
    // One that no wrapper has is told.
    let (_folder, path) = renamed(|name| format!("my.net.{name}"));
    let error = load("squeezenet1_1", &path, SQUEEZENET, "").unwrap_err();
    assert!(
        error.contains("does not fit the network; `key: my.net` in the manifest's weights would make it fit"),
        "{error}"
    );
    load("squeezenet1_1", &path, SQUEEZENET, ", key: [other, my.net]").unwrap();
}

#[test]
fn a_head_of_another_name_is_renamed() {
    let other = |name: &str| name.replace("classifier.1.", "head.fc.");
    let (_folder, path) = renamed(other);
    let error = load("squeezenet1_1", &path, SQUEEZENET, "").unwrap_err();
    assert!(
        error.contains("`rename: { 'head.fc.*': 'classifier.1.*' }` in the manifest's weights would make it fit"),
        "{error}"
    );
    load("squeezenet1_1", &path, SQUEEZENET, ", rename: {head.fc.*: classifier.1.*}").unwrap();
    let error = load("squeezenet1_1", &path, SQUEEZENET, ", rename: {head.*.*: classifier.*}").unwrap_err();
    assert!(error.contains("need the same number of '*'"), "{error}");
}

#[test]
fn an_onnx_file_and_an_exported_program_are_classifiers_with_layers_of_their_own_names() {
    for (architecture, file) in [
        ("onnx", "cnn.olddyn.onnx"),
        ("onnx", "cnn.new.onnx"),
        ("exported", "cnn.dyn.pt2"),
        ("exported", "cnn.static.pt2"),
    ] {
        let path = reference("imported").join(file);
        let classifier = load(architecture, &path, "{resolution: 32, mean: [0, 0, 0], std: [1, 1, 1]}", "");
        let classifier = classifier.unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(classifier.classes, 7);
        let shapes = LayerShapes::measure(&classifier);
        for unit in ["stem.2:3", "depth.2:1@2,3", "class:6", "probability(class:1)", "layer:gate"] {
            Unit::parse(unit, &classifier, &shapes).unwrap_or_else(|error| panic!("{file}: {error}"));
        }
        let wrong = load(architecture, &path, "{resolution: 48, mean: [0, 0, 0], std: [1, 1, 1]}", "").unwrap_err();
        assert!(wrong.contains("takes inputs") && wrong.contains("[3, 32, 32]"), "{file}: {wrong}");
    }
}
