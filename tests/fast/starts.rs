//! Searches that start from photographs.

use std::path::Path;
use std::sync::Arc;

use frozen::resize::to_square;
use generators::Generator;
use image::{Rgb, RgbImage};
use metapicture::method::{Method, ParamSpec};
use metapicture::param::{Latent, LatentSpec, Param, Space};
use metapicture::picture::from_rgb8;
use metapicture::random::Seed;
use metapicture::reference::{StartPhotographs, file};
use metapicture::render::{Rendered, render};
use metapicture::run::Experiment;
use metapicture::unit::Unit;
use support::{narrow, swept};
use tch::{Device, Kind, Tensor};

/// So many pictures of stripes, each of another colour and direction, in a folder.
pub fn photographs(folder: &Path, count: u32) -> StartPhotographs {
    let files = (0..count).map(|number| {
        let path = folder.join(format!("stripes-{number}.png"));
        let picture = RgbImage::from_fn(60, 44, |x, y| {
            let bright = (x * (number % 5) + y * (number / 5)) % 16 < 8;
            Rgb([if bright { 250 } else { 20 }, (number * 9 % 256) as u8, (x * 4) as u8])
        });
        picture.save(&path).unwrap();
        file(&path).unwrap()
    });
    StartPhotographs::new("stripes", files.collect()).unwrap()
}

fn start_of(generator: &Generator, spec: &LatentSpec, codes: &Tensor) -> Tensor {
    let schedule = generator.schedule();
    let starts: Vec<(Seed, u64)> = (0..codes.size()[0] as u64).map(|number| (Seed(0), number)).collect();
    let mut latent = Latent::new(generator, &schedule, spec, None, &starts);
    latent.start_from(codes);
    latent.state().remove(0).1
}

#[test]
fn a_search_of_any_space_begins_with_the_code_that_it_is_given() {
    let fourier = Space::Fourier { noise: 0.5, decay: 1.0 };
    let statistics = Space::Statistics { noise: 0.7, limit: None, opening: 3 };
    let mut rectified = narrow::unconditional();
    rectified.code.prior = generators::Prior::Rectified;
    for (generator, space) in [
        (narrow::natural(), Space::Gaussian),
        (narrow::natural(), fourier),
        (narrow::natural(), statistics.clone()),
        (narrow::unconditional(), statistics.clone()),
        (rectified, statistics),
    ] {
        let shape: Vec<i64> = std::iter::once(3).chain(generator.code.shape.iter().copied()).collect();
        tch::manual_seed(4);
        let codes = Tensor::randn(&shape[..], (Kind::Float, Device::Cpu)) * 0.7 + 0.2;
        let apart = (start_of(&generator, &LatentSpec::in_space(space.clone()), &codes) - &codes).abs().max();
        assert!(apart.double_value(&[]) < 1e-4, "{space}: {apart}");
    }
}

#[test]
fn the_photograph_that_fires_a_unit_most_is_where_its_search_starts() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = Experiment {
        encoder: Some(Arc::new(narrow::encoder())),
        photographs: Some(Arc::new(photographs(folder.path(), 9))),
        ..swept::of(narrow::classifier(), Some(narrow::natural()))
    };
    let (classifier, generator, encoder) = (&experiment.classifier, narrow::natural(), narrow::encoder());
    let photographs = experiment.photographs.as_ref().unwrap();
    let unit = |unit: &str| Unit::parse(unit, classifier, &experiment.shapes).unwrap();
    let runs = ["class:3", "class:5"].map(|text| (unit(text), Seed(4)));
    let text = "name: test\nparam: {latent: {space: {statistics: {noise: 0.7}}, screen: 9, from: stripes}}\n\
                optimizer: {adam: {lr: 0.1}}\nsteps: 2\n";
    let method = Method::parse(text, "test.yaml").unwrap();
    let rendered = render(&experiment.together(&method, &runs), &|_: usize, _: usize, _: f64| {}).unwrap();
    // What decoded photographs fire, reckoned apart.
    let side = generator.size[0];
    let squares: Vec<(Tensor, String)> = (0..9)
        .map(|draw| photographs.square(Seed(4), draw).unwrap())
        .map(|(square, told)| (to_square(&from_rgb8(&square).unsqueeze(0), side), told))
        .collect();
    let codes = encoder.codes(&Tensor::cat(&squares.iter().map(|(square, _)| square).collect::<Vec<_>>(), 0));
    let schedule = generator.schedule();
    let starts: Vec<(Seed, u64)> = (0..9).map(|draw| (Seed(4), draw)).collect();
    let mut latent = Latent::new(&generator, &schedule, &LatentSpec::in_space(Space::Gaussian), None, &starts);
    latent.start_from(&codes);
    let pictures = latent.pictures();
    let input = classifier.input_pipeline([side; 2], [classifier.size; 2]).apply(&pictures);
    let output = classifier.network.output();
    let of_classifier = classifier.network.schedule(&[output]);
    let pass = classifier.network.forward(&of_classifier, &input);
    let logits = pass.activation(output).shallow_clone();
    for (Rendered { trace, started_from, passes, .. }, class) in rendered.iter().zip([3, 5]) {
        let fired = logits.select(1, class);
        let best = fired.argmax(0, false).int64_value(&[]);
        assert_eq!(started_from.as_ref(), Some(&squares[best as usize].1), "class {class}");
        let expected = fired.double_value(&[best]);
        assert!((trace[0].activation - expected).abs() < 1e-3, "{} instead of {expected}", trace[0].activation);
        assert_eq!(passes.forward, 9 + 3);
    }
    assert_ne!(rendered[0].started_from, rendered[1].started_from, "of these pictures, each class has its own");
}

#[test]
fn runs_are_told_apart_by_what_photographs_show_and_not_by_where_they_lie() {
    let (here, there, other) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let experiment = |photographs: StartPhotographs| Experiment {
        encoder: Some(Arc::new(narrow::encoder())),
        photographs: Some(Arc::new(photographs)),
        ..swept::of(narrow::classifier(), Some(narrow::natural()))
    };
    let from = |folder: &Path| {
        let mut method = Method::find("latent-natural").unwrap();
        assert!(method.start_from(&folder.to_string_lossy()));
        method
    };
    let [a, b, c] = [(here.path(), 4), (there.path(), 4), (other.path(), 5)]
        .map(|(folder, count)| (experiment(photographs(folder, count)), from(folder)));
    let id = |(experiment, method): &(Experiment, Method)| experiment.identity(method);
    assert_eq!(id(&a), id(&b));
    assert_ne!(id(&a), id(&c));
    let plain = Method::find("latent-natural").unwrap();
    assert_ne!(id(&a), a.0.identity(&plain));
    assert_eq!(a.0.identity(&plain), c.0.identity(&plain), "who does not start from them does not mind them");
    // Pictures start from them, too.
    let mut naive = Method::find("naive").unwrap();
    let from_noise = a.0.identity(&naive);
    assert!(naive.start_from("photos"));
    assert_eq!(a.0.identity(&naive), b.0.identity(&naive));
    assert!(a.0.identity(&naive) != c.0.identity(&naive) && a.0.identity(&naive) != from_noise);
}

#[test]
fn a_generator_without_an_encoder_does_not_start_from_photographs() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = Experiment {
        photographs: Some(Arc::new(photographs(folder.path(), 2))),
        ..swept::of(narrow::classifier(), Some(narrow::spatial()))
    };
    let mut method = Method::find("latent-spatial").unwrap();
    assert!(method.start_from("photos"));
    let unit = Unit::parse("class:3", &experiment.classifier, &experiment.shapes).unwrap();
    let error = experiment.check(&[unit], &[method]).unwrap_err().to_string();
    assert!(error.contains("has no encoder that is known"), "{error}");
    let evolved = "name: evolved\nparam: {latent: {space: gaussian, from: photos}}\noptimizer: {cma_es: {variant: diagonal, population: 4, sigma: 0.5}}\nsteps: 1\nkeep: best\n";
    let error = Method::parse(evolved, "evolved.yaml").unwrap_err().to_string();
    assert!(error.contains("param.latent.from"), "{error}");
}

/// An optimizer that stays where it is.
const STILL: &str = "optimizer: {normalized_sgd: {lr: 0.0}}\nsteps: 1\nkeep: last\n";

fn from_stripes(folder: &Path, count: u32) -> Experiment {
    let photographs = Some(Arc::new(photographs(folder, count)));
    Experiment { photographs, ..swept::of(narrow::classifier(), None) }
}

fn of_seeds(experiment: &Experiment, method: &Method, seeds: &[u64]) -> Vec<Rendered> {
    let unit = Unit::parse("class:3", &experiment.classifier, &experiment.shapes).unwrap();
    let runs: Vec<(Unit, Seed)> = seeds.iter().map(|&seed| (unit.clone(), Seed(seed))).collect();
    render(&experiment.together(method, &runs), &|_: usize, _: usize, _: f64| {}).unwrap()
}

#[test]
fn pictures_of_every_param_start_from_the_photograph_of_their_seed() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = from_stripes(folder.path(), 3);
    let square = |number: u32| {
        let picture = metapicture::picture::read(&folder.path().join(format!("stripes-{number}.png"))).unwrap();
        to_square(&from_rgb8(&picture).unsqueeze(0), 32).squeeze_dim(0)
    };
    for (param, most) in [
        ("pixel: {noise: 0.1, scale: 0.00392}", 1e-6),
        ("fourier: {}", 2e-3),
        ("fourier: {colour: photos, decay: 1.5}", 2e-3),
        ("laplacian: {levels: 3}", 2e-3),
    ] {
        let method = Method::parse(&format!("name: test\nparam: {{{param}}}\nfrom: stripes\n{STILL}"), "test").unwrap();
        let rendered = of_seeds(&experiment, &method, &[0, 1, 5]);
        for (run, number) in rendered.iter().zip([0, 1, 2]) {
            let apart = (&run.picture - square(number)).abs().max().double_value(&[]);
            assert!(apart < most, "{param}, photograph {number}: {apart}");
            assert_eq!(run.started_from.as_deref(), Some(&*format!("stripes-{number}.png")), "{param}");
        }
    }
    // Of the phases alone, MACO keeps what is where: stripes stay stripes.
    let method = Method::parse(&format!("name: test\nparam: {{maco: {{}}}}\nfrom: stripes\n{STILL}"), "test").unwrap();
    let correlation = |a: &Tensor, b: &Tensor| {
        let (a, b) = (a.get(0) - a.get(0).mean(None::<Kind>), b.get(0) - b.get(0).mean(None::<Kind>));
        ((&a * &b).sum(None::<Kind>) / (a.norm() * b.norm())).double_value(&[])
    };
    let picture = &of_seeds(&experiment, &method, &[1])[0].picture;
    let (own, other) = (correlation(picture, &square(1)), correlation(picture, &square(2)));
    assert!(own > 0.25 && other < 0.1, "{own} {other}");
}

#[test]
fn what_octaves_enlarge_keeps_the_detail_of_the_photograph() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = Experiment { size: Some(40), ..from_stripes(folder.path(), 1) };
    let picture = metapicture::picture::read(&folder.path().join("stripes-0.png")).unwrap();
    let whole = to_square(&from_rgb8(&picture).unsqueeze(0), 40).squeeze_dim(0);
    for (param, most) in [("pixel: {noise: 0.1}", 1e-5), ("fourier: {}", 5e-3), ("laplacian: {}", 5e-3)] {
        let octaves = "octaves: {count: 3, factor: 2.0}\ninput: full\n";
        let text = format!("name: test\nparam: {{{param}}}\nfrom: stripes\n{octaves}{STILL}");
        let method = Method::parse(&text, "test.yaml").unwrap();
        assert_eq!(method.sides(32, Some(40)), [10, 20, 40]);
        let rendered = of_seeds(&experiment, &method, &[0]);
        let apart = (&rendered[0].picture - &whole).abs().max().double_value(&[]);
        assert!(apart < most, "{param}: {apart}; from 10 px alone stripes of 8 px are grey");
    }
}

#[test]
fn from_is_one_key_for_all_params() {
    let parse =
        |text: &str| Method::parse(&format!("name: test\n{text}\noptimizer: {{adam: {{lr: 0.1}}}}\nsteps: 2\n"), "m");
    let code = parse("param: {latent: {space: gaussian}}\nfrom: photos").unwrap();
    let ParamSpec::Latent(spec) = &code.param else { panic!("{code:?}") };
    assert_eq!((code.from.as_deref(), spec.from.as_deref(), spec.screen), (None, Some("photos"), 32));
    assert!(code.encodes() && code.photographs() == Some("photos"));
    let pixels = parse("param: {pixel: {noise: 0.1}}\nfrom: photos").unwrap();
    assert!(!pixels.encodes() && pixels.photographs() == Some("photos"));
    let error = parse("param: {embedding: {codes: 2}}\nfrom: photos").unwrap_err().to_string();
    assert!(error.contains("from") || error.contains("embedding"), "{error}");
    // Where they lie is not part of what is computed; what they show is.
    let [a, b] =
        ["a/sky.jpg", "sky.jpg"].map(|name| parse(&format!("param: {{pixel: {{noise: 0.1}}}}\nfrom: {name}")).unwrap());
    assert_eq!(a.settings_from(Some("sha")), b.settings_from(Some("sha")));
    assert_ne!(a.settings_from(Some("sha")), a.settings_from(Some("other")));
    assert_ne!(a.settings_from(Some("sha")), parse("param: {pixel: {noise: 0.1}}").unwrap().settings());
}
