//! What is maximised: every kind of unit and reading has the gradient that it should have, and is driven up by the loop.

use frozen::network::Point;
use metapicture::method::Method;
use metapicture::random::{Purpose, Seed, normal, stream};
use metapicture::render::Objective;
use metapicture::render::{Batch, render};
use metapicture::unit::{LayerShapes, Reading, Unit};
use support::classifier;
use tch::{Kind, Tensor};

/// One of each kind.
const UNITS: [&str; 11] = [
    "banana",
    "_blocks.10:37",
    "_blocks.10:37@7,7",
    "layer:_blocks.8",
    "direction(_blocks.10, random:7)",
    "cosine(_blocks.10, random:7)",
    "probability(violin)",
    "log_probability(violin)",
    "quadratic(_blocks.10:37)",
    "quadratic(_blocks.10:37@3,4)",
    "banana + 0.5*violin - 2*_blocks.10:37",
];

fn draw(shape: &[i64], number: u64) -> Tensor {
    let count = shape.iter().product::<i64>() as usize;
    Tensor::from_slice(&normal(&mut stream(Seed(number), Purpose::Start, 5), count)).to_kind(Kind::Double).view(shape)
}

#[test]
fn the_gradient_of_every_objective_is_that_of_its_value() {
    let classifier = classifier("efficientnet-lite0");
    let shapes = LayerShapes::measure(&classifier);
    let units: Vec<Unit> = UNITS.iter().map(|unit| Unit::parse(unit, &classifier, &shapes).unwrap()).collect();
    let networks = classifier.network.shapes(&[1, 3, 224, 224]);
    let rows = units.len() as i64;
    for reading in [Reading::Activation, Reading::Quadratic] {
        // A direction has no quadratic reading.
        let chosen: Vec<&Unit> = (units.iter())
            .filter(|unit| reading == Reading::Activation || !unit.name.starts_with("direction"))
            .collect();
        let rows = if reading == Reading::Activation { rows } else { chosen.len() as i64 };
        let objective = Objective::new(&chosen, reading).unwrap();
        let taps: Vec<(Point, Tensor)> = (objective.points().into_iter().zip(0..))
            .map(|(point, number)| {
                let (_, shape) = networks.iter().find(|(tap, _)| tap.point == point).unwrap();
                (point, draw(&[&[rows], &shape[..]].concat(), number))
            })
            .collect();
        let at = |moved: f64, directions: &[Tensor]| {
            let found = |point: Point| {
                let place = taps.iter().position(|(known, _)| *known == point).unwrap();
                &taps[place].1 + &directions[place] * moved
            };
            objective.evaluate(found)
        };
        let directions: Vec<Tensor> =
            taps.iter().zip(50..).map(|((_, tap), number)| draw(&tap.size(), number)).collect();
        let here = at(0., &directions);
        let expected = (at(1e-5, &directions).objectives - at(-1e-5, &directions).objectives) / 2e-5;
        let mut found = expected.zeros_like();
        for (point, gradient) in &here.gradients {
            let place = taps.iter().position(|(known, _)| known == point).unwrap();
            found += (gradient * &directions[place]).flatten(1, -1).sum_dim_intlist(1i64, false, None::<Kind>);
        }
        for (row, unit) in (0..).zip(&chosen) {
            let (found, expected) = (found.double_value(&[row]), expected.double_value(&[row]));
            let scale = expected.abs().max(1e-3);
            assert!((found - expected).abs() / scale < 1e-6, "{} ({reading:?}): {found}, {expected}", unit.name);
        }
    }
}

#[test]
fn every_objective_ascends() {
    let classifier = classifier("efficientnet-lite0");
    let shapes = LayerShapes::measure(&classifier);
    let runs: Vec<(Unit, Seed)> =
        UNITS.iter().map(|unit| (Unit::parse(unit, &classifier, &shapes).unwrap(), Seed(0))).collect();
    let method = Method { steps: 8, ..Method::find("naive").unwrap() };
    let batch = Batch {
        classifier: &classifier,
        shapes: &shapes,
        generator: None,
        condition: None,
        encoder: None,
        photographs: None,
        method: &method,
        size: None,
        runs: &runs,
    };
    for ((unit, _), run) in runs.iter().zip(render(&batch, &|_: usize, _: usize, _: f64| {}).unwrap()) {
        let (first, last) = (&run.trace[0], run.trace.last().unwrap());
        println!("{}: {:.4} to {:.4}", unit.name, first.activation, last.activation);
        assert!(last.activation > first.activation && last.loss < first.loss, "{}", unit.name);
    }
}

#[test]
fn a_method_may_read_a_channel_by_its_squares_and_records_its_activation_all_the_same() {
    let classifier = classifier("efficientnet-lite0");
    let shapes = LayerShapes::measure(&classifier);
    let unit = Unit::parse("_blocks.10:37", &classifier, &shapes).unwrap();
    let objective = Objective::new(&[&unit], Reading::Quadratic).unwrap();
    let tap = draw(&[1, 112, 14, 14], 0);
    let evaluated = objective.evaluate(|_| tap.shallow_clone());
    let channel = tap.get(0).get(37);
    let close = |a: &Tensor, b: Tensor| assert!((a.double_value(&[0]) - b.double_value(&[])).abs() < 1e-12);
    close(&evaluated.activations, channel.mean(Kind::Double));
    close(&evaluated.objectives, channel.square().mean(Kind::Double));
    // A probability is read of classes only.
    let error = Objective::new(&[&unit], Reading::Probability).unwrap_err().to_string();
    assert!(error.contains("only a class has a probability"), "{error}");
}

#[test]
fn a_unit_has_one_name_however_it_is_written() {
    let classifier = classifier("efficientnet-lite0");
    let shapes = LayerShapes::measure(&classifier);
    let name = |text: &str| Unit::parse(text, &classifier, &shapes).map(|unit| unit.name).unwrap();
    assert_eq!(name("954"), "class:banana");
    assert_eq!(name("probability(logits:954)"), "probability(class:banana)");
    assert_eq!(name("1*banana - 0.5 * violin"), "class:banana - 0.5*class:violin");
    assert_eq!(name("cosine( _blocks.4 , random:7)"), "cosine(_blocks.4, random:7)");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stripes.npy");
    Tensor::ones([112], (Kind::Float, tch::Device::Cpu)).write_npy(&file).unwrap();
    let written = name(&format!("direction(_blocks.10, {})", file.display()));
    assert!(written.starts_with("direction(_blocks.10") && written.contains("stripes#"), "{written}");
}
