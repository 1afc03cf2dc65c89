//! Gradients against central finite differences in f64, from units of the classifier to codes, conditions and pixels; and
//! that nothing but these is ever changed.

use classifiers::Classifier;
use frozen::network::{Network, Point};
use frozen::weights::Weights;
use std::sync::Arc;

use generators::{Generator, Learner, Statistics, taesd};
use metapicture::method::{Method, ParamSpec};
use metapicture::param::{
    Blend, BlendSpec, Bounds, Condition, Embedding, EmbeddingSpec, Latent, LatentSpec, Origin, Param, Pixel, PixelSpec,
    ResidualNorm, Space,
};
use metapicture::random::Seed;
use metapicture::render::Objective;
use metapicture::render::{Batch, render};
use metapicture::render::{Moment, View};
use metapicture::unit::{Among, LayerShapes, Reading, Unit};
use support::differences::{check, direction};
use support::{classifier, formula, generator, narrow};
use tch::{Device, Kind, Tensor};

fn lite0() -> Classifier {
    classifier("efficientnet-lite0").to(Device::Cpu, Kind::Double)
}

/// Its layers, narrower and for smaller pictures.
fn narrow() -> Classifier {
    narrow::lite().to(Device::Cpu, Kind::Double)
}

/// The sum of the units' activations, sample i being driven by unit i.
fn activation(param: &mut dyn Param, units: &[&Unit], classifier: &Classifier) -> f64 {
    let objective = Objective::new(units, Reading::Activation).unwrap();
    let schedule = classifier.network.schedule(&objective.points());
    let input = classifier.input_pipeline(param.size(), [classifier.size; 2]).apply(&param.pictures());
    let pass = classifier.network.forward(&schedule, &input);
    let evaluated = objective.evaluate(|point| pass.activation(point).shallow_clone());
    evaluated.objectives.sum(Kind::Double).double_value(&[])
}

/// The gradients of that sum with respect to the tensors of `param`.
fn gradients(param: &mut dyn Param, units: &[&Unit], classifier: &Classifier) -> Vec<Tensor> {
    let objective = Objective::new(units, Reading::Activation).unwrap();
    let schedule = classifier.network.schedule(&objective.points());
    let pictures = param.pictures().detach().set_requires_grad(true);
    let input = classifier.input_pipeline(param.size(), [classifier.size; 2]).apply(&pictures);
    let pass = classifier.network.forward(&schedule, &input);
    let evaluated = objective.evaluate(|point| pass.activation(point).shallow_clone());
    let at_input = pass.pullback(evaluated.gradients);
    let at_pictures = Tensor::run_backward(&[(&input * at_input).sum(Kind::Double)], &[&pictures], false, false);
    param.pullback(&at_pictures[0])
}

/// Checks the gradients of every tensor of `param`.
fn check_param(what: &str, param: &mut dyn Param, units: &[&str], classifier: &Classifier) {
    let shapes = LayerShapes::measure(classifier);
    let units: Vec<Unit> = units.iter().map(|unit| Unit::parse(unit, classifier, &shapes).unwrap()).collect();
    let units: Vec<&Unit> = units.iter().collect();
    let gradients = gradients(param, &units, classifier);
    assert_eq!(gradients.len(), param.tensors().len());
    for (number, gradient) in gradients.iter().enumerate() {
        let start = param.tensors()[number].copy();
        check(&format!("{what}, tensor {number}"), gradient, |moved| {
            param.tensors()[number].copy_(&(&start + moved));
            let value = activation(param, &units, classifier);
            param.tensors()[number].copy_(&start);
            value
        });
    }
}

#[test]
fn the_gradient_of_a_class_reaches_a_code_through_generator_and_classifier() {
    let (classifier, generator) = (lite0(), generator("face-dcgan").to(Device::Cpu, Kind::Double));
    let schedule = generator.schedule();
    let mut code = Latent::new(&generator, &schedule, &LatentSpec::in_space(Space::Gaussian), None, &[(Seed(0), 0)]);
    check_param("code", &mut code, &["class:banana"], &classifier);
}

#[test]
fn the_gradient_of_a_relaxed_condition_reaches_its_numbers_and_the_code() {
    let (classifier, generator) = (narrow(), generator("eye-cdcgan").to(Device::Cpu, Kind::Double));
    let schedule = generator.schedule();
    let mut code = Latent::new(
        &generator,
        &schedule,
        &LatentSpec::in_space(Space::Shell),
        Some(Condition::Relaxed),
        &[(Seed(0), 0)],
    );
    assert_eq!(code.tensors().len(), 2);
    check_param("code and condition", &mut code, &["class:banana"], &classifier);
}

/// A spatial generator for 32 px with weights from the formula.
fn spatial() -> Generator {
    let make = |weights| taesd::build(taesd::Config { channels: 4, pooled: false, resolution: 32 }, weights);
    let halves = formula::weights_of(&formula::taken(&make)).into_iter().map(|(name, values)| (name, values * 0.5));
    formula::generator(make(Weights::from_tensors(halves)).unwrap()).to(Device::Cpu, Kind::Double)
}

#[test]
fn the_gradient_of_a_class_reaches_a_spatial_code_and_its_spectrum() {
    let (classifier, mut generator) = (narrow(), spatial());
    let mut learner = Learner::new(4, 4);
    // The same numbers in every run: somewhere a kink of the networks lies at the point, and differences say nothing there.
    let numbers = support::formula::tensor_of(&[40, 4, 4, 4], 17, |u| 2. * u - 1.).to_kind(Kind::Double);
    learner.see(&numbers.cumsum(1, None::<Kind>));
    let table = Arc::new(learner.learned().unwrap());
    generator.statistics = Some(Statistics { table, sha256: String::new() });
    let schedule = generator.schedule();
    let natural = Space::Statistics { noise: 0.5, limit: None, opening: 0 };
    for space in [Space::Gaussian, Space::Fourier { noise: 0.5, decay: 1. }, natural] {
        let mut code = Latent::new(&generator, &schedule, &LatentSpec::in_space(space.clone()), None, &[(Seed(0), 0)]);
        check_param(&format!("{space:?}"), &mut code, &["class:banana"], &classifier);
    }
}

#[test]
fn the_gradient_of_a_class_reaches_a_class_embedding_over_several_codes() {
    let (classifier, generator) = (narrow(), generator("eye-cdcgan").to(Device::Cpu, Kind::Double));
    let schedule = generator.schedule();
    let spec = EmbeddingSpec { codes: 2, every: 1, origin: Origin::Mean, noise: 0.05, range: None };
    let mut embedding = Embedding::new(&generator, &schedule, spec, &[Seed(5)]).unwrap();
    // Within the limits, beyond which nothing goes back.
    let _ = embedding.tensors()[0].shallow_clone().clamp_(0.02, 0.98);
    check_param("class embedding", &mut embedding, &["class:banana"; 2], &classifier);
}

#[test]
fn a_truncated_code_stays_in_its_range_and_a_shell_keeps_its_radius() {
    let generator = generator("face-dcgan");
    let schedule = generator.schedule();
    for (space, limit) in [(Space::Truncated { limit: 1.5 }, 1.5), (Space::Shell, 10.)] {
        let mut code = Latent::new(&generator, &schedule, &LatentSpec::in_space(space.clone()), None, &[(Seed(0), 0)]);
        let _ = code.tensors()[0].shallow_clone().g_mul_scalar_(3.);
        code.project();
        let code = &code.tensors()[0];
        let found = match space {
            Space::Shell => code.norm(),
            _ => code.abs().max(),
        };
        assert!((found.double_value(&[]) - limit).abs() < 1e-4, "{space:?}: {found:?}");
    }
}

#[test]
fn the_gradient_of_a_class_reaches_pixels_of_the_classifiers_size_and_of_an_odd_one() {
    let classifier = narrow();
    for size in [64, 65] {
        let mut pixels = Pixel::new(
            PixelSpec { noise: 0.1, bounds: Bounds::Clamp, scale: 1. },
            &[Seed(0)],
            [size; 2],
            Kind::Double,
            Device::Cpu,
        );
        check_param(&format!("{size} px"), &mut pixels, &["class:banana"], &classifier);
    }
}

#[test]
fn the_gradients_of_a_channel_a_neuron_and_a_residual_sum_reach_a_code() {
    let (classifier, generator) = (narrow(), generator("face-dcgan").to(Device::Cpu, Kind::Double));
    let schedule = generator.schedule();
    // _blocks.4 is the sum of a block and its input.
    for unit in ["_blocks.3._bn1:5", "_blocks.8:10@2,3", "_blocks.4:7"] {
        let mut code =
            Latent::new(&generator, &schedule, &LatentSpec::in_space(Space::Gaussian), None, &[(Seed(1), 0)]);
        check_param(unit, &mut code, &[unit], &classifier);
    }
}

#[test]
fn samples_of_one_batch_are_driven_by_units_at_several_depths() {
    let (classifier, generator) = (narrow(), generator("face-dcgan").to(Device::Cpu, Kind::Double));
    let schedule = generator.schedule();
    let units = ["class:banana", "_blocks.4:7", "_blocks.8:10@2,3"];
    let starts = [(Seed(0), 0), (Seed(1), 0), (Seed(2), 0)];
    let mut codes = Latent::new(&generator, &schedule, &LatentSpec::in_space(Space::Gaussian), None, &starts);
    check_param("three units", &mut codes, &units, &classifier);
}

#[test]
fn gradients_of_several_taps_add_up_at_the_input_whatever_its_size() {
    let network = narrow().network;
    let points: Vec<Point> = ["_bn0", "_blocks.4", "_blocks.9._bn0.relu6", "logits"]
        .iter()
        .map(|tap| network.tap(tap).unwrap().point)
        .collect();
    let schedule = network.schedule(&points);
    // Each size is padded in its own way at the strides: even, odd, and each way in one axis.
    for size in [[64, 64], [65, 65], [97, 64]] {
        let input = direction(&[1, 3, size[0], size[1]], 10) * 200.;
        let pass = network.forward(&schedule, &input);
        let weights: Vec<(Point, Tensor)> = (20..)
            .zip(&points)
            .map(|(number, point)| (*point, direction(&pass.activation(*point).size(), number)))
            .collect();
        let gradient = pass.pullback(weights.iter().map(|(point, weights)| (*point, weights.shallow_clone())));
        check(&format!("{size:?}"), &gradient, |moved| {
            let pass = network.forward(&schedule, &(&input + moved));
            let sum = |(point, weights): &(Point, Tensor)| (pass.activation(*point) * weights).sum(Kind::Double);
            weights.iter().map(|tap| sum(tap).double_value(&[])).sum()
        });
    }
}

#[test]
fn the_gradient_comes_back_through_transforms_views_and_tiles() {
    let classifier = narrow();
    let shapes = LayerShapes::measure(&classifier);
    let unit = Unit::parse("_blocks.6:5", &classifier, &shapes).unwrap();
    let transforms = "transforms: [{jitter: {pixels: 9, edge: wrap}}, {pad: {pixels: 4}}, {scale: {from: 0.9, to: 1.1}}, \
                      {rotate: {degrees: 9}}, {noise: {std: 0.05}}]\n";
    for (what, rest, size) in [
        ("two views", "views: 2\n", [64, 64]),
        ("a larger picture, resized", "input: fit\n", [86, 74]),
        ("a larger picture, whole", "input: full\n", [86, 74]),
        ("a larger picture in six tiles", "input: tiles\n", [132, 75]),
    ] {
        let text = format!(
            "name: m\nsteps: 1\nparam: {{pixel: {{noise: 0.1}}}}\noptimizer: {{adam: {{lr: 0.1}}}}\n{transforms}{rest}"
        );
        let method = Method::parse(&text, "m.yaml").unwrap();
        let view = View::new(&classifier, &shapes, &method, &[&unit], &[Seed(0)], size, None).unwrap();
        let pictures = direction(&[1, 3, size[0], size[1]], 3) * 40. + 0.5;
        let moment = Moment { step: 3, octave: 0 };
        let gradient = view.look(&pictures, moment, true).unwrap().gradient.unwrap();
        check(what, &gradient, |moved| {
            let seen = view.look(&(&pictures + moved), moment, false).unwrap();
            seen.objectives.sum(Kind::Double).double_value(&[])
        });
    }
}

#[test]
fn the_gradient_comes_back_from_every_network_that_a_unit_is_read_in() {
    let classifier = narrow();
    let shapes = LayerShapes::measure(&classifier);
    let other = Classifier {
        name: "other".to_owned(),
        weights_sha256: "of another".to_owned(),
        ..support::narrow::classifier()
    };
    let other = Arc::new(other.to(Device::Cpu, Kind::Double));
    let of_other = Arc::new(LayerShapes::measure(&other));
    let others = |_: &str| Ok((Arc::clone(&other), Arc::clone(&of_other)));
    let among = Among { classifier: &classifier, shapes: &shapes, kept: &[], others: Some(&others) };
    let unit = Unit::parse_among("_blocks.6:5 - 3*class:3 @ other + 0.1*second.relu:2 @ other", &among).unwrap();
    let text = "name: m\nsteps: 1\nparam: {pixel: {noise: 0.1}}\noptimizer: {adam: {lr: 0.1}}\nviews: 2\n\
                transforms: [{jitter: {pixels: 9, edge: wrap}}, {rotate: {degrees: 9}}]\n";
    let method = Method::parse(text, "m.yaml").unwrap();
    let view = View::new(&classifier, &shapes, &method, &[&unit], &[Seed(0)], [40, 48], None).unwrap();
    let pictures = direction(&[1, 3, 40, 48], 3) * 40. + 0.5;
    let moment = Moment { step: 3, octave: 0 };
    let gradient = view.look(&pictures, moment, true).unwrap().gradient.unwrap();
    check("two networks", &gradient, |moved| {
        let seen = view.look(&(&pictures + moved), moment, false).unwrap();
        seen.objectives.sum(Kind::Double).double_value(&[])
    });
}

#[test]
fn the_gradient_of_a_class_reaches_code_and_residual_of_a_blend() {
    let (classifier, generator) = (narrow(), generator("face-dcgan").to(Device::Cpu, Kind::Double));
    let schedule = generator.schedule();
    let code = Latent::new(&generator, &schedule, &LatentSpec::in_space(Space::Gaussian), None, &[(Seed(0), 0)]);
    let prior = LatentSpec::in_space(Space::Gaussian);
    let mut blend = Blend::new(code, &BlendSpec { prior, eps: 0.05, norm: ResidualNorm::Linf }, [64, 64]);
    check_param("blend", &mut blend, &["class:banana"], &classifier);
}

#[test]
fn the_loop_steps_along_the_gradient() {
    let (classifier, generator) = (narrow(), generator("face-dcgan").to(Device::Cpu, Kind::Double));
    let shapes = LayerShapes::measure(&classifier);
    let unit = Unit::parse("class:banana", &classifier, &shapes).unwrap();
    let method = "name: one\nparam: {latent: {space: gaussian}}\noptimizer: {normalized_sgd: {lr: 1.0}}\nsteps: 1\n";
    let method = Method::parse(method, "one.yaml").unwrap();
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
    let rendered = render(&batch, &|_: usize, _: usize, _: f64| {}).unwrap();
    let schedule = generator.schedule();
    let mut code = Latent::new(&generator, &schedule, &LatentSpec::in_space(Space::Gaussian), None, &[(Seed(0), 0)]);
    let value = activation(&mut code, &[&unit], &classifier);
    let gradients = gradients(&mut code, &[&unit], &classifier);
    let trace = &rendered[0].trace[0];
    let norm = gradients[0].norm().double_value(&[]);
    assert!((trace.activation - value).abs() < 1e-9 && (trace.gradient_norm.unwrap() - norm).abs() < 1e-9);
    // A normalized step is the gradient over its mean absolute value.
    let expected = &code.tensors()[0] + &gradients[0] / gradients[0].abs().mean(Kind::Double);
    let difference = support::largest_difference(&rendered[0].state[0].1, &expected.squeeze_dim(0));
    assert!(difference < 1e-5, "the code after the step is off by {difference}");
}

/// Copies of a network's weights as bits.
fn bits(network: &Network) -> Vec<Tensor> {
    network.weights().iter().map(|weights| weights.contiguous().view_dtype(Kind::Int).copy()).collect()
}

#[test]
fn a_run_changes_no_bit_of_a_weight_and_no_weight_asks_for_a_gradient() {
    let (classifier, generator) = (narrow::lite(), narrow::unconditional());
    let shapes = LayerShapes::measure(&classifier);
    let networks = [&classifier.network, &generator.network];
    let before = networks.map(bits);
    for name in ["latent", "naive"] {
        let mut method = Method { steps: 20, ..Method::find(name).unwrap() };
        if let ParamSpec::Latent(spec) = &mut method.param {
            spec.screen = 4;
        }
        let unit = Unit::parse("class:banana", &classifier, &shapes).unwrap();
        let batch = Batch {
            classifier: &classifier,
            shapes: &shapes,
            generator: Some(&generator),
            condition: None,
            encoder: None,
            photographs: None,
            method: &method,
            size: None,
            runs: &[(unit, Seed(0))],
        };
        let rendered = render(&batch, &|_: usize, _: usize, _: f64| {}).unwrap();
        assert_eq!((rendered[0].trace.len(), &rendered[0].failure), (21, &None));
    }
    for (network, before) in networks.into_iter().zip(before) {
        assert!(!before.is_empty());
        for (weights, before) in bits(network).iter().zip(&before) {
            assert!(weights.equal(before), "a weight has changed");
        }
        assert!(network.weights().iter().all(|weights| !weights.requires_grad()));
    }
}

#[test]
fn a_pass_stops_at_the_deepest_wanted_tap() {
    let network = classifier("efficientnet-lite0").network;
    let cost = |taps: &[&str]| {
        let points: Vec<Point> = taps.iter().map(|tap| network.tap(tap).unwrap().point).collect();
        network.flops(&network.schedule(&points), &[1, 3, 224, 224])
    };
    let whole = cost(&["logits"]);
    let depths =
        ["_bn0", "_blocks.0", "_blocks.5", "_blocks.10", "_blocks.15", "_bn1", "logits"].map(|tap| cost(&[tap]));
    assert!(depths.is_sorted_by(|early, late| early.0 < late.0 && early.1 < late.1), "{depths:?}");
    // The stem alone: a 3x3 kernel over 3 channels for 32 x 112 x 112 outputs, 2 operations each.
    assert_eq!(depths[0].0, 2. * 9. * 3. * 32. * 112. * 112.);
    assert_eq!(cost(&["_bn0", "_blocks.5"]), depths[2]);
    assert_eq!(depths[6], whole);
}
