//! Every layer's pass and pullback against libtorch's own layers and autograd, in 64-bit floats; and convolutions that
//! apply the activation function behind them against those that do not. This file is the comparison, the others are the layers.

mod convolutions;
mod numbers_and_shapes;
mod passes;
mod statistics;

use frozen::network::{Builder, Kernel, Network, Node, Padding};
use frozen::weights::Weights;
use tch::{Device, Kind, Tensor};

/// `[...]` of numbers in [-1,1] without ties.
fn numbers(shape: &[i64], seed: f64) -> Tensor {
    let count = shape.iter().product::<i64>();
    let index = Tensor::arange(count, (Kind::Double, Device::Cpu));
    ((index * (0.7 + seed) + seed).sin() * 0.9 + (Tensor::arange(count, (Kind::Double, Device::Cpu)) * 1.3).cos() * 0.1)
        .view(shape)
}

/// A weight as the network takes it.
fn weight(shape: &[i64], seed: f64) -> Tensor {
    numbers(shape, seed).to_kind(Kind::Float).to_kind(Kind::Double)
}

fn square(size: i64, stride: i64, padding: i64) -> Kernel {
    Kernel { size, stride, padding: Padding::Symmetric(padding), groups: 1 }
}

/// The network of one layer over 6 channels behind a bias-free 1 x 1 convolution, with what libtorch makes of it.
fn network(build: impl Fn(&mut Builder, Node) -> Node, weights: &[(&str, Tensor)]) -> Network {
    let mut all = vec![("first.weight".to_owned(), numbers(&[6, 3, 1, 1], 0.1))];
    all.extend(weights.iter().map(|(name, tensor)| (name.to_string(), tensor.shallow_clone())));
    let (mut net, x) = Builder::new(Weights::from_tensors(all), 3);
    let x = net.convolution("first", x, 6, square(1, 1, 0));
    build(&mut net, x);
    net.finish().unwrap().to(Device::Cpu, Kind::Double)
}

/// Output and gradient of one layer are those of `reference`, for several batches and odd and even sizes.
fn agrees(
    what: &str,
    weights: &[(&str, Tensor)],
    build: impl Fn(&mut Builder, Node) -> Node,
    reference: impl Fn(&Tensor) -> Tensor,
) {
    let network = network(build, weights);
    let first = numbers(&[6, 3, 1, 1], 0.1).to_kind(Kind::Float).to_kind(Kind::Double);
    for size in [[1, 3, 12, 12], [2, 3, 13, 15], [3, 3, 9, 14]] {
        let input = numbers(&size, 0.37).set_requires_grad(true);
        let expected = reference(&input.conv2d(&first, None::<&Tensor>, [1, 1], [0, 0], [1, 1], 1));
        let weight = numbers(&expected.size(), 0.53);
        let gradients = Tensor::run_backward(&[(&expected * &weight).sum(Kind::Double)], &[&input], false, false);

        let schedule = network.schedule(&[network.output()]);
        let pass = network.forward(&schedule, &input);
        assert_close(&format!("{what} of {size:?}"), pass.activation(network.output()), &expected);
        let forward_only = network.schedule(&[network.output()]).forward_only();
        let alone = network.forward(&forward_only, &input);
        assert!(alone.activation(network.output()).equal(pass.activation(network.output())), "{what}, forward only");
        let gradient = pass.pullback([(network.output(), weight)]);
        assert_close(&format!("the gradient of {what} of {size:?}"), &gradient, &gradients[0]);
    }
}

/// As [`agrees`], and in 32 bits nearly so; an activation that nobody overwrites, and a sample that is alone, give the same.
fn agrees_everywhere(
    what: &str,
    weights: &[(&str, Tensor)],
    build: impl Fn(&mut Builder, Node) -> Node,
    reference: impl Fn(&Tensor) -> Tensor,
) {
    agrees(what, weights, &build, reference);
    let double = network(&build, weights);
    let single = network(&build, weights).to(Device::Cpu, Kind::Float);
    let points = single.taps().iter().map(|tap| tap.point).collect::<Vec<_>>();
    let (last, output) = (single.schedule(&[single.output()]), single.output());
    let (in_double, all) = (double.schedule(&[output]), single.schedule(&points));
    let input = numbers(&[3, 3, 13, 10], 0.41);
    let pass = double.forward(&in_double, &input);
    let expected = pass.activation(output).copy();
    let weight = numbers(&expected.size(), 0.53);
    let of_double = pass.pullback([(output, weight.copy())]);

    let (input, weight) = (input.to_kind(Kind::Float), weight.to_kind(Kind::Float));
    let run = |schedule, input: &Tensor, weight: &Tensor| {
        let pass = single.forward(schedule, input);
        let found = pass.activation(output).copy();
        (found, pass.pullback([(output, weight.copy())]))
    };
    let (found, gradient) = run(&last, &input, &weight);
    assert_near(&format!("{what} in 32 bits"), &found, &expected, 1e-5);
    assert_near(&format!("the gradient of {what} in 32 bits"), &gradient, &of_double, 1e-5);
    let (kept, of_kept) = run(&all, &input, &weight);
    assert!(kept.equal(&found) && of_kept.equal(&gradient), "{what} depends on what is overwritten");
    let (again, _) = run(&last, &input, &weight);
    assert!(again.equal(&found), "{what} changes the network");
    let (alone, of_alone) = run(&last, &input.narrow(0, 1, 1), &weight.narrow(0, 1, 1));
    assert_near(&format!("{what} of a sample alone"), &alone, &found.narrow(0, 1, 1), 2e-6);
    assert_near(&format!("the gradient of {what} of a sample alone"), &of_alone, &gradient.narrow(0, 1, 1), 2e-6);
}

/// Two networks give the same output and gradient, but for `most` of the largest number.
fn same(expected: &Network, found: &Network, input: &Tensor, most: f64) {
    let run = |network: &Network| {
        let schedule = network.schedule(&[network.output()]);
        let pass = network.forward(&schedule, input);
        let output = pass.activation(network.output()).copy();
        let weight = numbers(&output.size(), 0.53).to_kind(input.kind());
        (output, pass.pullback([(network.output(), weight)]))
    };
    let ((output, gradient), (found, of_found)) = (run(expected), run(found));
    assert_near(&format!("the output of {:?}", input.size()), &found, &output, most);
    assert_near(&format!("the gradient of {:?}", input.size()), &of_found, &gradient, most);
}

fn assert_close(what: &str, found: &Tensor, expected: &Tensor) {
    assert_eq!(found.size(), expected.size(), "{what}");
    let scale = expected.abs().max().double_value(&[]);
    let difference = (found - expected).abs().max().double_value(&[]) / scale;
    // Weights are rounded to 32 bits when they are taken, in both.
    assert!(scale > 0. && difference < 1e-12, "{what} is off by {difference:.1e}");
}

fn assert_near(what: &str, found: &Tensor, expected: &Tensor, most: f64) {
    assert_eq!(found.size(), expected.size(), "{what}");
    let expected = expected.to_kind(Kind::Double);
    let scale = expected.abs().max().double_value(&[]);
    let difference = (found.to_kind(Kind::Double) - &expected).abs().max().double_value(&[]) / scale;
    assert!(scale > 0. && difference < most, "{what} is off by {difference:.1e}");
}

fn mean_of_positions(x: &Tensor) -> Tensor {
    x.mean_dim([2i64, 3].as_slice(), false, None::<Kind>)
}

fn enlarged(x: &Tensor) -> Tensor {
    let size = x.size();
    x.upsample_nearest2d([2 * size[2], 2 * size[3]], None, None)
}

/// softmax(scale q k) v as one table.
fn attended(query: &Tensor, key: &Tensor, value: &Tensor, scale: f64) -> Tensor {
    let table = (query.flatten(2, 3).transpose(1, 2).bmm(&key.flatten(2, 3)) * scale).softmax(-1, None::<Kind>);
    let mut size = query.size();
    size[1] = value.size()[1];
    value.flatten(2, 3).bmm(&table.transpose(1, 2)).view(&size[..])
}
