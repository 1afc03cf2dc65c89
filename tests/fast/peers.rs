//! What newer methods optimize, against small implementations of their own in PyTorch and NumPy.

use std::path::Path;
use std::sync::Arc;

use image::{Rgb, RgbImage};
use metapicture::method::Method;
use metapicture::param::{
    Alpha, AlphaSpec, Colour, Cppn, CppnSpec, FourierSpec, Levels, Multires, MultiresSpec, Param, Resolutions,
};
use metapicture::random::Seed;
use metapicture::reference::{StartPhotographs, file};
use metapicture::regularizer::distribution;
use metapicture::render::{Rendered, render};
use metapicture::run::Experiment;
use metapicture::unit::{LayerShapes, Unit, principal_direction};
use support::{largest_difference, narrow, reference_tensors, swept};
use tch::{Device, Kind, Tensor};

fn reference(name: &str) -> Tensor {
    reference_tensors("peers.safetensors")[name].shallow_clone()
}

#[test]
fn a_cppn_is_pytorchs() {
    let of = |what: &str| (0..4).map(|layer| reference(&format!("cppn.{what}_{layer}"))).collect::<Vec<_>>();
    let layers = of("weight").into_iter().zip(of("bias")).map(|(weight, bias)| [weight, bias]).collect();
    let mut cppn = Cppn::of_layers(layers, [7, 6]);
    let apart = largest_difference(&cppn.pictures(), &reference("cppn.picture"));
    assert!(apart < 1e-12, "{apart}");
    let gradients = cppn.pullback(&reference("cppn.towards"));
    let expected = of("gradient.weight").into_iter().zip(of("gradient.bias")).flat_map(|(weight, bias)| [weight, bias]);
    for (found, expected) in gradients.iter().zip(expected) {
        assert!(largest_difference(found, &expected) < 1e-11);
    }
}

#[test]
fn a_cppn_starts_from_grey_and_has_any_size() {
    let mut cppn =
        Cppn::new(CppnSpec { layers: 4, channels: 6 }, &[Seed(1), Seed(2)], [12, 12], Kind::Float, Device::Cpu);
    assert!((cppn.pictures() - 0.5).abs().max().double_value(&[]) < 1e-6);
    let (weights, count) = (cppn.tensors(), 2 * (4 + 1));
    assert_eq!((weights.len(), weights[2].size()), (count, vec![2, 6, 12]));
    assert!(largest_difference(&weights[0].get(0), &weights[0].get(1)) > 0.1, "seeds differ");
    cppn.tensors()[8].copy_(&weights[8].ones_like());
    let small = cppn.pictures();
    cppn.resize([24, 24], Default::default(), None).unwrap();
    let large = cppn.pictures();
    assert_eq!(large.size(), [2, 3, 24, 24]);
    let shrunk = large.upsample_bilinear2d([12, 12], true, None, None);
    assert!(largest_difference(&shrunk, &small) < 0.05, "the same picture, finer");
}

#[test]
fn what_the_unit_does_not_need_becomes_transparent() {
    let seeds = [Seed(3), Seed(4)];
    let spec = AlphaSpec { cost: 2., spectrum: FourierSpec { noise: 0.3, ..FourierSpec::default() } };
    let mut alpha = Alpha::new(spec, &seeds, [10, 8], None, (Kind::Double, Device::Cpu));
    alpha.begin(5);
    let towards = Tensor::randn([2, 3, 10, 8], (Kind::Double, Device::Cpu));
    // What is maximised: a product with the picture, less the cost of opacity.
    let value = |alpha: &mut Alpha| {
        let opacity = alpha.opacity().mean(None::<Kind>) * 2.;
        ((alpha.pictures() * &towards).sum(None::<Kind>) - opacity * spec.cost).double_value(&[])
    };
    let _ = alpha.pictures();
    let gradients = alpha.pullback(&towards);
    for (number, (mut tensor, gradient)) in alpha.tensors().into_iter().zip(&gradients).enumerate() {
        let direction = Tensor::randn_like(&tensor);
        let step = &direction * 1e-5;
        tensor += &step;
        let above = value(&mut alpha);
        tensor -= &step * 2.;
        let below = value(&mut alpha);
        tensor += &step;
        let (found, expected) = ((gradient * &direction).sum(None::<Kind>).double_value(&[]), (above - below) / 2e-5);
        assert!((found - expected).abs() < 1e-6 * expected.abs().max(1e-2), "{number}: {found} is not {expected}");
    }
    let (first, again) = (alpha.pictures(), alpha.pictures());
    assert_eq!(first, again, "one background a step");
    alpha.begin(6);
    assert!(largest_difference(&alpha.pictures(), &first) > 0.05, "and another one in the next");
    let kept = alpha.kept();
    let state = alpha.state();
    let over_grey = (&state[0].1 - 0.5) * &state[1].1 + 0.5;
    assert!(largest_difference(&kept, &over_grey) < 1e-12);

    let experiment = swept::of(narrow::classifier(), None);
    let opacity_at = |cost: f64| {
        let text =
            format!("name: m\nparam: {{alpha: {{cost: {cost:?}}}}}\noptimizer: {{adam: {{lr: 0.05}}}}\nsteps: 40\n");
        let method = Method::parse(&text, "m.yaml").unwrap();
        let unit = Unit::parse("class:3", &experiment.classifier, &experiment.shapes).unwrap();
        let run = metapicture::run::Run { unit, method, seed: Seed(0), facet: 0 };
        let kept = metapicture::store::Kept::default();
        let watch = |_: usize, _: usize, _: f64| {};
        let sealed = experiment.compute(&[run], kept, &watch, &metapicture::render::Unkept).unwrap().remove(0);
        let picture = image::load_from_memory(sealed.file("cut-out.png").unwrap()).unwrap().to_rgba8();
        picture.pixels().map(|pixel| f64::from(pixel.0[3])).sum::<f64>()
            / f64::from(picture.width() * picture.height())
            / 255.
    };
    let (free, dear) = (opacity_at(0.), opacity_at(500.));
    assert!(dear < 0.6 * free, "{free} {dear}");
}

/// The resolutions of the reference.
#[derive(Clone, Copy, Debug)]
struct Four;

impl Resolutions for Four {
    fn sizes(&self, _: [i64; 2]) -> Vec<[i64; 2]> {
        vec![[9, 8], [6, 6], [4, 3], [1, 1]]
    }

    fn noise(&self) -> f64 {
        0.
    }

    fn colour(&self) -> Colour {
        Colour::Rgb
    }

    fn state(&self, _: Vec<Tensor>, _: Tensor) -> Vec<(&'static str, Tensor)> {
        vec![]
    }
}

#[test]
fn a_sum_of_resolutions_is_pytorchs() {
    let mut levels = Levels::new(Four, &[Seed(0), Seed(1)], [9, 8], Kind::Double, Device::Cpu);
    for (level, mut tensor) in levels.tensors().into_iter().enumerate() {
        tensor.copy_(&reference(&format!("multires.level_{level}")));
    }
    let apart = largest_difference(&levels.pictures(), &reference("multires.picture"));
    assert!(apart < 1e-12, "{apart}");
    for (level, found) in levels.pullback(&reference("multires.towards")).iter().enumerate() {
        assert!(largest_difference(found, &reference(&format!("multires.gradient.level_{level}"))) < 1e-11, "{level}");
    }
}

#[test]
fn resolutions_go_from_one_pixel_to_the_whole_picture() {
    let spec = MultiresSpec { resolutions: 5, noise: 0., colour: Colour::Rgb };
    assert_eq!(spec.sizes([33, 33]), [[33, 33], [25, 25], [17, 17], [9, 9], [1, 1]]);
    let all = MultiresSpec { resolutions: 512, ..spec };
    assert_eq!(all.sizes([20, 20]).len(), 20, "no resolution is there twice");
    let grey = Multires::new(spec, &[Seed(0)], [33, 33], Kind::Float, Device::Cpu).pictures();
    assert!((grey - 0.5).abs().max().double_value(&[]) < 1e-6, "it starts from grey");
}

#[test]
fn sorted_activations_are_held_against_those_of_photographs_as_in_pytorch() {
    let profile = distribution::profile(&reference("distribution.real"));
    let picture = reference("distribution.picture");
    let (value, gradient) = distribution::value_and_gradient(&picture, &profile);
    assert!(largest_difference(&value, &reference("distribution.value")) < 1e-12);
    assert!(largest_difference(&gradient, &reference("distribution.gradient")) < 1e-12);
    // Where things lie does not matter, and photographs are as they should be.
    let turned = picture.flip([1, 2]);
    assert!(largest_difference(&distribution::value_and_gradient(&turned, &profile).0, &value) < 1e-12);
    let one = reference("distribution.real").narrow(0, 2, 1);
    let own = distribution::value_and_gradient(&one.get(0), &distribution::profile(&one)).0;
    assert!(own.double_value(&[]).abs() < 1e-12);
}

#[test]
fn the_components_of_a_class_are_numpys() {
    let (features, weights) = (reference("component.features"), reference("component.weights"));
    for number in 0..3 {
        let found = principal_direction(&features, &weights, number);
        let expected = reference(&format!("component.direction.{number}"));
        assert!(largest_difference(&found, &expected) < 1e-9, "{number}");
    }
}

fn photographs(folder: &Path, count: u32) {
    for number in 0..count {
        let picture = RgbImage::from_fn(40, 40, |x, y| {
            Rgb([(x * number % 251) as u8, (y * 6) as u8, if (x + y * number) % 9 < 4 { 220 } else { 30 }])
        });
        picture.save(folder.join(format!("{number:02}.png"))).unwrap();
    }
}

#[test]
fn a_component_is_a_direction_before_the_logits_and_adds_up_to_them() {
    let folder = tempfile::tempdir().unwrap();
    photographs(folder.path(), 5);
    let classifier = narrow::classifier();
    let shapes = LayerShapes::measure(&classifier);
    let parse = |number: usize| {
        Unit::parse(&format!("component(3, {number}, {})", folder.path().display()), &classifier, &shapes)
    };
    let unit = parse(0).unwrap();
    assert!(unit.name.starts_with("direction(pool, component-3-0#"), "{}", unit.name);
    // By photograph, the four components that five photographs have make the class's logit but for a constant.
    let of = |unit: &Unit, number: u32| {
        let picture = metapicture::picture::read(&folder.path().join(format!("{number:02}.png"))).unwrap();
        metapicture::look::judge::score(&classifier, &picture, unit).unwrap()
    };
    let logit = Unit::parse("class:3", &classifier, &shapes).unwrap();
    let components: Vec<Unit> = (0..4).map(|number| parse(number).unwrap()).collect();
    let constants: Vec<f64> =
        (0..5).map(|number| of(&logit, number) - components.iter().map(|unit| of(unit, number)).sum::<f64>()).collect();
    let spread =
        constants.iter().copied().fold(f64::MIN, f64::max) - constants.iter().copied().fold(f64::MAX, f64::min);
    let logits: Vec<f64> = (0..5).map(|number| of(&logit, number)).collect();
    let range = logits.iter().copied().fold(f64::MIN, f64::max) - logits.iter().copied().fold(f64::MAX, f64::min);
    assert!(spread < 0.01 * range, "{constants:?} of {logits:?}");
    for (text, complaint) in [
        ("component(3, 0)".to_owned(), "component is written component(CLASS, K, FOLDER)"),
        // Five photographs differ from their mean in four ways.
        (format!("component(3, 4, {})", folder.path().display()), "5 photographs have no component 4"),
        ("component(3, 0, nowhere)".to_owned(), "nowhere"),
        (format!("component(99, 0, {})", folder.path().display()), "99"),
    ] {
        let error = Unit::parse(&text, &classifier, &shapes).unwrap_err().to_string();
        assert!(error.contains(complaint), "{text}: {error}");
    }
}

fn trace_of(experiment: &Experiment, regularizer: &str, steps: usize) -> Rendered {
    let text = format!(
        "name: test\nparam: {{pixel: {{noise: 0.1}}}}\noptimizer: {{adam: {{lr: 0.01}}}}\n\
         transforms: [{{jitter: {{pixels: 3, edge: wrap}}}}]\nviews: 2\n{regularizer}steps: {steps}\n"
    );
    let method = Method::parse(&text, "test.yaml").unwrap();
    let unit = Unit::parse("class:3", &experiment.classifier, &experiment.shapes).unwrap();
    experiment.check(std::slice::from_ref(&unit), std::slice::from_ref(&method)).unwrap();
    let runs = [(unit, Seed(0))];
    render(&experiment.together(&method, &runs), &|_: usize, _: usize, _: f64| {}).unwrap().remove(0)
}

fn from(folder: &Path, count: u32) -> Experiment {
    photographs(folder, count);
    let files = (0..count).map(|number| file(&folder.join(format!("{number:02}.png"))).unwrap()).collect();
    let photographs = Some(Arc::new(StartPhotographs::new("photos", files).unwrap()));
    Experiment { photographs, ..swept::of(narrow::classifier(), None) }
}

#[test]
fn pictures_come_nearer_to_how_activations_of_photographs_are_spread() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = from(folder.path(), 6);
    let regularizer =
        "regularizers: [{distribution: {weight: 50.0, photographs: photos, top: 3, layers: [second.relu]}}]\n";
    let trace = trace_of(&experiment, regularizer, 40).trace;
    let penalty = |row: usize| trace[row].penalties[0];
    assert!(penalty(trace.len() - 1) < 0.7 * penalty(0), "{} to {}", penalty(0), penalty(trace.len() - 1));
}

#[test]
fn presets_that_are_held_against_photographs_run_with_some() {
    let folder = tempfile::tempdir().unwrap();
    let photographs = from(folder.path(), 4).photographs;
    let experiment = Experiment { photographs, ..swept::of(narrow::lite(), None) };
    for name in ["vital-2025", "accentuation-2024"] {
        let mut method = Method { steps: 2, ..Method::find(name).unwrap() };
        if name.starts_with("accentuation") {
            assert!(method.start_from("photos"));
        }
        let unit = Unit::parse("banana", &experiment.classifier, &experiment.shapes).unwrap();
        experiment.check(std::slice::from_ref(&unit), std::slice::from_ref(&method)).unwrap();
        let runs = [(unit, Seed(0))];
        let run = render(&experiment.together(&method, &runs), &|_: usize, _: usize, _: f64| {}).unwrap().remove(0);
        assert_eq!((run.picture.size(), run.trace.len()), (vec![3, 64, 64], 3), "{name}");
        assert!(run.failure.is_none() && run.trace.iter().all(|row| row.penalties[0].is_finite()), "{name}");
    }
}

#[test]
fn what_is_kept_near_its_start_moves_less_in_that_layer() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = from(folder.path(), 1);
    let near = |weight: f64| {
        let text = format!("from: photos\nregularizers: [{{near_start: {{weight: {weight:?}, layer: first.relu}}}}]\n");
        trace_of(&experiment, &text, 30)
    };
    let (loose, tight) = (near(1e-6), near(50.));
    // Moved alike, so that they are the same at the start.
    assert!(loose.trace[0].penalties[0].abs() < 1e-9 && tight.trace[0].penalties[0].abs() < 1e-6);
    let distance = |run: &Rendered, weight: f64| run.trace[run.trace.len() - 1].penalties[0] / weight;
    assert!(
        distance(&tight, 50.) < 0.5 * distance(&loose, 1e-6),
        "{:?}",
        (distance(&tight, 50.), distance(&loose, 1e-6))
    );
    assert!(tight.trace[tight.trace.len() - 1].activation > tight.trace[0].activation, "and the unit fires more");
    let unit = Unit::parse("class:3", &experiment.classifier, &experiment.shapes).unwrap();
    let preset = Method::find("accentuation-2024").unwrap();
    let error = experiment.check(&[unit], &[preset]).unwrap_err().to_string();
    assert!(error.contains("near a photograph: name it with --from"), "{error}");
}
