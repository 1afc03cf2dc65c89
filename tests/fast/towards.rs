//! Units that go towards a photograph, directions of dictionaries, and pairs.

use std::path::Path;
use std::sync::Arc;

use classifiers::Classifier;
use image::{Rgb, RgbImage};
use metapicture::look::judge;
use metapicture::method::Method;
use metapicture::random::Seed;
use metapicture::reference::{StartPhotographs, file};
use metapicture::render::{Rendered, View, render, towards};
use metapicture::run::{Experiment, units};
use metapicture::unit::{Among, LayerShapes, Likeness, Unit, keep_files};
use support::{narrow, reference_tensors, swept};
use tch::{Kind, Tensor};

fn photograph(path: &Path, turn: u32) {
    let picture = RgbImage::from_fn(50, 40, |x, y| {
        Rgb([(x * 5) as u8, (y * 6) as u8, if (x * turn + y) % 12 < 6 { 240 } else { 10 }])
    });
    picture.save(path).unwrap();
}

#[test]
fn what_goes_towards_a_photograph_is_pytorchs() {
    let expected = reference_tensors("likeness.safetensors");
    for of in ["spatial", "flat"] {
        for (name, likeness) in Likeness::NAMES {
            let number = |what: &str| &expected[&format!("{of}.{what}")];
            let (value, gradient) = towards(likeness, number("a"), number("b"));
            let apart = |found: &Tensor, expected: &Tensor| {
                ((found - expected).abs().max() / expected.abs().max().clamp_min(1e-3)).double_value(&[])
            };
            let errors = [
                apart(&value, number(&format!("{name}.value"))),
                apart(&gradient, number(&format!("{name}.gradient"))),
            ];
            println!("{of} {name}: {errors:?}");
            assert!(errors.iter().all(|error| *error < 1e-10), "{of} {name}: {errors:?}");
        }
    }
}

fn run(experiment: &Experiment, unit: &str, steps: usize) -> Rendered {
    let text =
        format!("name: test\nparam: {{pixel: {{noise: 0.1}}}}\noptimizer: {{adam: {{lr: 0.01}}}}\nsteps: {steps}\n");
    let mut method = Method::parse(&text, "test.yaml").unwrap();
    if experiment.photographs.is_some() {
        assert!(method.start_from("photo"));
    }
    let unit = Unit::parse(unit, &experiment.classifier, &experiment.shapes).unwrap();
    let runs = [(unit, Seed(0))];
    render(&experiment.together(&method, &runs), &|_: usize, _: usize, _: f64| {}).unwrap().remove(0)
}

#[test]
fn a_photograph_is_as_like_itself_as_can_be_and_noise_comes_nearer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("photo.png");
    photograph(&path, 1);
    let from_noise = swept::of(narrow::classifier(), None);
    let starts = StartPhotographs::new("photo", vec![file(&path).unwrap()]).unwrap();
    let from_photo = Experiment { photographs: Some(Arc::new(starts)), ..swept::of(narrow::classifier(), None) };
    for (likeness, most) in [("inversion", 0.), ("like", 1.), ("style", 0.)] {
        let unit = format!("{likeness}(second.relu, {})", path.display());
        let first = run(&from_photo, &unit, 1).trace[0].activation;
        // The target is the square in 8 bits; the start is not rounded.
        assert!((first - most).abs() < 1e-3, "{likeness}: {first}");
    }
    for (likeness, _) in Likeness::NAMES {
        let unit = format!("{likeness}(second.relu, {})", path.display());
        let trace = run(&from_noise, &unit, 40).trace;
        let (first, last) = (trace[0].activation, trace[trace.len() - 1].activation);
        println!("{likeness}: {first:.4} to {last:.4}");
        assert!(last > first, "{likeness}: {first} to {last}");
    }
    let sum = format!("class:3 + 5*like(second.relu, {}) - 0.5*third.relu:2", path.display());
    let trace = run(&from_noise, &sum, 30).trace;
    assert!(trace[trace.len() - 1].activation > trace[0].activation);
}

#[test]
fn a_photograph_is_known_by_what_it_shows_and_kept_with_the_records() {
    let (here, there, root) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (a, b) = (here.path().join("my photo (1).png"), there.path().join("b.png"));
    photograph(&a, 1);
    photograph(&b, 1);
    let classifier = narrow::classifier();
    let shapes = LayerShapes::measure(&classifier);
    let parse = |text: &str| Unit::parse(text, &classifier, &shapes);
    // The parenthesis in the file's name is balanced, so that the unit can be read.
    let [of_a, of_b] = [&a, &b].map(|path| parse(&format!("class:3 + like(first, {})", path.display())).unwrap());
    assert_eq!(of_a.settings(), of_b.settings(), "wherever it lies");
    photograph(&b, 3);
    assert_ne!(of_a.settings(), parse(&format!("class:3 + like(first, {})", b.display())).unwrap().settings());
    assert_ne!(of_a.settings(), parse(&format!("class:3 + style(first, {})", a.display())).unwrap().settings());
    assert!(of_a.name.starts_with("class:3 + like(first, my_photo__1_#"), "{}", of_a.name);

    keep_files([&of_a].into_iter(), root.path()).unwrap();
    std::fs::remove_file(&a).unwrap();
    assert!(parse(&of_a.name).is_err(), "without the folder of records nobody knows it");
    let kept = [root.path().to_owned()];
    let again = Unit::parse_kept(&of_a.name, &classifier, &shapes, &kept).unwrap();
    assert_eq!(again, of_a, "the same activations, too");
    let other = of_a.name.replace("my_photo__1_", "other");
    let from = std::fs::read_dir(root.path().join("targets")).unwrap().next().unwrap().unwrap().path();
    let mut spoilt = image::open(&from).unwrap().to_rgb8();
    spoilt.put_pixel(3, 3, Rgb([1, 2, 3]));
    spoilt
        .save(from.with_file_name(from.file_name().unwrap().to_string_lossy().replace("my_photo__1_", "other")))
        .unwrap();
    let error = Unit::parse_kept(&other, &classifier, &shapes, &kept).unwrap_err().to_string();
    assert!(error.contains("is not the photograph that its name says"), "{error}");
}

#[test]
fn what_cannot_be_gone_towards_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "no picture").unwrap();
    let photo = folder.path().join("photo.png");
    photograph(&photo, 1);
    let classifier = narrow::classifier();
    let shapes = LayerShapes::measure(&classifier);
    for (unit, complaint) in [
        (format!("like(first, {})", text.display()), "is no photograph"),
        ("like(first, nowhere.jpg)".to_owned(), "nowhere.jpg"),
        ("like(first)".to_owned(), "like is written like(LAYER, PHOTO)"),
        ("likee(first, a.jpg)".to_owned(), "did you mean 'like'"),
        (format!("like(firsst, {})", photo.display()), "did you mean 'first'"),
        (format!("quadratic(like(first, {}))", photo.display()), "like(...) is read as it is, and has no quadratic"),
        ("probability(component(3, 1, folder))".to_owned(), "component(...) is read as it is"),
    ] {
        let error = Unit::parse(&unit, &classifier, &shapes).unwrap_err().to_string();
        assert!(error.contains(complaint), "{unit}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn a_dictionary_gives_its_directions_by_number() {
    let folder = tempfile::tempdir().unwrap();
    let rows = Tensor::arange(3 * 8, (Kind::Float, tch::Device::Cpu)).view([3, 8]) - 10.;
    let npy = folder.path().join("sae.npy");
    rows.write_npy(&npy).unwrap();
    let safetensors = folder.path().join("nmf.safetensors");
    Tensor::write_safetensors(&[("components", &rows)], &safetensors).unwrap();
    let classifier = narrow::classifier();
    let shapes = LayerShapes::measure(&classifier);
    let parse = |text: String| Unit::parse(&text, &classifier, &shapes);
    let single = folder.path().join("one.npy");
    rows.get(1).write_npy(&single).unwrap();
    let alone = parse(format!("direction(first, {})", single.display())).unwrap();
    for dictionary in [&npy, &safetensors] {
        let unit = parse(format!("direction(first, {}:1)", dictionary.display())).unwrap();
        assert_eq!(unit.settings(), alone.settings());
        let stem = dictionary.file_stem().unwrap().to_string_lossy();
        assert!(unit.name.starts_with(&format!("direction(first, {stem}.1#")), "{}", unit.name);
    }
    for (word, complaint) in [
        ("sae.npy", "holds 3 directions; write which one"),
        ("sae.npy:3", "direction 3 is out of range: it holds 0 to 2"),
        ("sae.npy:-1", "direction -1 is out of range: it holds 0 to 2"),
        ("one.npy:0", "a dictionary is [K,C]"),
    ] {
        let error = parse(format!("direction(first, {})", folder.path().join(word).display())).unwrap_err().to_string();
        assert!(error.contains(complaint), "{word}: {error}");
    }
}

#[test]
fn a_pair_is_what_fires_a_unit_most_and_what_fires_it_least() {
    let classifier = narrow::classifier();
    let shapes = LayerShapes::measure(&classifier);
    let mut none = || Ok(vec![]);
    let found = units::resolve_words(
        &["pair(class:3 - 0.5*second:2)".to_owned()],
        &classifier,
        &shapes,
        &units::alone,
        &mut none,
    );
    let names: Vec<String> = found.unwrap().into_iter().map(|unit| unit.name).collect();
    assert_eq!(names, ["class:3 - 0.5*second:2", "-class:3 + 0.5*second:2"]);
}

/// A network beside the one whose units are visualised: of 64 px instead of 32, a thousand classes instead of ten.
fn other() -> (Arc<Classifier>, Arc<LayerShapes>) {
    let other = Classifier { name: "other".to_owned(), weights_sha256: "of another".to_owned(), ..narrow::lite() };
    let shapes = LayerShapes::measure(&other);
    (Arc::new(other), Arc::new(shapes))
}

#[test]
fn what_two_networks_disagree_about_is_one_unit() {
    let experiment = swept::of(narrow::classifier(), None);
    let (classifier, shapes) = (&*experiment.classifier, &*experiment.shapes);
    let (second, of_second) = other();
    let others = |name: &str| match name {
        "other" => Ok((Arc::clone(&second), Arc::clone(&of_second))),
        _ => Err(metapicture::error::Error::request(format!("unknown classifier '{name}'"))),
    };
    let among = Among { classifier, shapes, kept: &[], others: Some(&others) };
    let unit = Unit::parse_among("class:3 - 0.5*class:954 @ other", &among).unwrap();
    assert_eq!(unit.name, "class:3 - 0.5*class:banana @ other");
    let own = Unit::parse("class:3", classifier, shapes).unwrap();
    assert_eq!(Unit::parse_among("class:3 @ formula", &among).unwrap(), own, "its own name is no other network");
    assert_ne!(unit.settings()[1], Unit::parse("class:954", &second, &of_second).unwrap().settings()[0]);
    assert!(unit.class().is_none() && unit.layer().is_none());

    // Of a finished picture, the sum of what each says by itself.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("photo.png");
    photograph(&path, 2);
    let picture = metapicture::picture::read(&path).unwrap();
    let banana = Unit::parse("banana", &second, &of_second).unwrap();
    let score = |classifier: &Classifier, unit: &Unit| judge::score(classifier, &picture, unit).unwrap();
    let expected = score(classifier, &own) - 0.5 * score(&second, &banana);
    assert!((score(classifier, &unit) - expected).abs() < 1e-5 * expected.abs().max(1.));

    // In the loop, value and gradient.
    let text = "name: test\nparam: {pixel: {noise: 0.1}}\noptimizer: {adam: {lr: 0.01}}\nsteps: 30\n";
    let method = Method::parse(text, "test.yaml").unwrap();
    let runs = [(unit.clone(), Seed(0)), (own, Seed(0))];
    let rendered = render(&experiment.together(&method, &runs), &|_: usize, _: usize, _: f64| {}).unwrap();
    for run in &rendered {
        let (first, last) = (run.trace[0].activation, run.trace[30].activation);
        assert!(last > first, "{first} to {last}");
    }

    for (text, complaint) in [
        ("class:3 @ nobody", "unknown classifier 'nobody'"),
        ("class:3 - class:5 @ formula @ other", "one ' @ ' at most"),
        ("class:3 @ other", "no part of it is formula's"),
        ("class:3 - banan @ other", "(954) (of other)"),
    ] {
        let error = Unit::parse_among(text, &among).unwrap_err().to_string();
        assert!(error.contains(complaint), "{text}: {error}");
    }
    let error = Unit::parse("class:3 - banana @ other", classifier, shapes).unwrap_err().to_string();
    assert!(error.contains("a unit of one network alone is wanted here"), "{error}");
    let tiles = Method::parse(&format!("{text}input: tiles\n"), "test.yaml").unwrap();
    let error = View::new(classifier, shapes, &tiles, &[&unit], &[Seed(0)], [64, 64], None).unwrap_err().to_string();
    assert!(error.contains("is seen whole"), "{error}");
}
