//! Every layer's pass and pullback against libtorch's own layers and autograd, in 64-bit floats; and convolutions that
//! apply the activation function behind them against those that do not.

use frozen::network::{Builder, Kernel, Network, Node, Padding, Point, Pool};
use frozen::weights::Weights;
use tch::{Device, Kind, Tensor};

/// `[...]` of numbers in [-1,1] without ties.
fn numbers(shape: &[i64], seed: f64) -> Tensor {
    let count = shape.iter().product::<i64>();
    let index = Tensor::arange(count, (Kind::Double, Device::Cpu));
    ((index * (0.7 + seed) + seed).sin() * 0.9 + (Tensor::arange(count, (Kind::Double, Device::Cpu)) * 1.3).cos() * 0.1)
        .view(shape)
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

fn square(size: i64, stride: i64, padding: i64) -> Kernel {
    Kernel { size, stride, padding: Padding::Symmetric(padding), groups: 1 }
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
        let gradient = pass.pullback([(network.output(), weight)]);
        assert_close(&format!("the gradient of {what} of {size:?}"), &gradient, &gradients[0]);
    }
}

fn assert_close(what: &str, found: &Tensor, expected: &Tensor) {
    assert_eq!(found.size(), expected.size(), "{what}");
    let scale = expected.abs().max().double_value(&[]);
    let difference = (found - expected).abs().max().double_value(&[]) / scale;
    // Weights are rounded to 32 bits when they are taken, in both.
    assert!(scale > 0. && difference < 1e-12, "{what} is off by {difference:.1e}");
}

/// A weight as the network takes it.
fn weight(shape: &[i64], seed: f64) -> Tensor {
    numbers(shape, seed).to_kind(Kind::Float).to_kind(Kind::Double)
}

#[test]
fn max_pools() {
    for pool in [
        Pool::new(2, 2),
        Pool::new(3, 2),
        Pool::new(3, 2).ceil(),
        Pool::new(2, 2).ceil(),
        Pool::new(3, 2).padded(1),
        Pool::new(3, 1).padded(1).ceil(),
    ] {
        agrees(
            &format!("{pool:?}"),
            &[],
            |net, x| net.max_pool("pool", x, pool),
            |x| x.max_pool2d([pool.size; 2], [pool.stride; 2], [pool.padding; 2], [1, 1], pool.ceil),
        );
    }
}

#[test]
fn average_pools() {
    for pool in [
        Pool::new(2, 2),
        Pool::new(3, 2).padded(1),
        Pool::new(3, 1).padded(1),
        Pool::new(5, 1).padded(2),
        Pool::new(3, 1),
        Pool::new(3, 2).ceil(),
    ] {
        agrees(
            &format!("the mean of {pool:?}"),
            &[],
            |net, x| net.average_pool("pool", x, pool),
            |x| x.avg_pool2d([pool.size; 2], [pool.stride; 2], [pool.padding; 2], pool.ceil, true, None::<i64>),
        );
    }
}

#[test]
fn adaptive_average_pools_of_larger_smaller_and_equal_inputs() {
    for output in [[7, 7], [6, 6], [12, 12], [20, 3], [1, 1]] {
        agrees(
            &format!("the mean to {output:?}"),
            &[],
            |net, x| net.adaptive_average_pool("pool", x, output),
            |x| x.adaptive_avg_pool2d(output),
        );
    }
}

#[test]
fn a_fully_connected_layer_sees_channels_before_rows_before_columns() {
    let (fc, bias) = (weight(&[5, 6 * 12], 0.2), weight(&[5], 0.4));
    agrees(
        "flatten",
        &[("fc.weight", fc.shallow_clone()), ("fc.bias", bias.shallow_clone())],
        |net, x| {
            let x = net.adaptive_average_pool("pool", x, [4, 3]);
            let x = net.flatten("flatten", x, 12);
            net.linear("fc", x, 5)
        },
        |x| x.adaptive_avg_pool2d([4, 3]).flatten(1, -1).linear(&fc, Some(&bias)),
    );
}

#[test]
fn rectangular_kernels_and_biases() {
    for sides in [[1, 7], [7, 1], [1, 3], [3, 1], [5, 5], [1, 1]] {
        let kernel = weight(&[4, 6, sides[0], sides[1]], 0.2);
        agrees(
            &format!("a kernel of {sides:?}"),
            &[("conv.weight", kernel.shallow_clone())],
            |net, x| net.rectangular_convolution("conv", x, 4, sides),
            |x| x.conv2d(&kernel, None::<&Tensor>, [1, 1], [sides[0] / 2, sides[1] / 2], [1, 1], 1),
        );
    }
    for (size, stride, padding) in [(3, 1, 1), (11, 4, 2), (7, 2, 3), (3, 2, 0), (1, 2, 0)] {
        let (kernel, bias) = (weight(&[4, 6, size, size], 0.2), weight(&[4], 0.7));
        agrees(
            &format!("a kernel of {size} with step {stride}"),
            &[("conv.weight", kernel.shallow_clone()), ("conv.bias", bias.shallow_clone())],
            |net, x| net.convolution_with_bias("conv", x, 4, square(size, stride, padding)),
            |x| x.conv2d(&kernel, Some(&bias), [stride; 2], [padding; 2], [1, 1], 1),
        );
    }
}

#[test]
fn branches_side_by_side_one_of_them_inside_of_the_other() {
    let (narrow, wide) = (weight(&[2, 6, 1, 1], 0.2), weight(&[5, 2, 3, 3], 0.6));
    agrees(
        "a concatenation",
        &[("narrow.weight", narrow.shallow_clone()), ("wide.weight", wide.shallow_clone())],
        |net, x| {
            let narrow = net.convolution("narrow", x, 2, square(1, 1, 0));
            let wide = net.convolution("wide", narrow, 5, square(3, 1, 1));
            let wide = net.relu("wide.relu", wide);
            let both = net.concatenate("both", &[narrow, wide, x]);
            // The gradients of both ways to x add up.
            net.concatenate("all", &[x, both])
        },
        |x| {
            let narrow = x.conv2d(&narrow, None::<&Tensor>, [1, 1], [0, 0], [1, 1], 1);
            let wide = narrow.conv2d(&wide, None::<&Tensor>, [1, 1], [1, 1], [1, 1], 1).relu();
            Tensor::cat(&[x, &narrow, &wide, x], 1)
        },
    );
}

#[test]
fn a_batch_norm_before_its_convolution_and_a_sum_that_overwrites() {
    let part = |name: &str, seed: f64| (format!("norm.{name}"), weight(&[6], seed));
    let parts = [part("weight", 0.2), part("bias", 0.3), part("running_mean", 0.4)];
    let var = ("norm.running_var".to_owned(), weight(&[6], 0.5).abs() + 0.5);
    let kernel = weight(&[6, 6, 3, 3], 0.8);
    let mut weights: Vec<(&str, Tensor)> =
        parts.iter().chain([&var]).map(|(name, values)| (name.as_str(), values.shallow_clone())).collect();
    weights.push(("conv.weight", kernel.shallow_clone()));
    agrees(
        "norm, ReLU, convolution, sum, ReLU",
        &weights,
        |net, x| {
            // A pooling lies between, so that the norm cannot be folded.
            let x = net.max_pool("pool", x, Pool::new(2, 1));
            let y = net.batch_norm("norm", x, 0.1);
            let y = net.relu("norm.relu", y);
            let y = net.convolution("conv", y, 6, square(3, 1, 1));
            let sum = net.add("sum", y, x);
            net.relu("relu", sum)
        },
        |x| {
            let x = x.max_pool2d([2, 2], [1, 1], [0, 0], [1, 1], false);
            // The network rounds scale and shift to 32 bits.
            let rounded = |values: Tensor| values.to_kind(Kind::Float).to_kind(Kind::Double).view([-1, 1, 1]);
            let [weight, bias, mean] = [&parts[0].1, &parts[1].1, &parts[2].1];
            let var = var.1.to_kind(Kind::Float).to_kind(Kind::Double);
            let scale = weight / (var + 0.1).sqrt();
            let shift = rounded(bias - mean * &scale);
            let y = (&x * rounded(scale) + shift).relu();
            (y.conv2d(&kernel, None::<&Tensor>, [1, 1], [1, 1], [1, 1], 1) + &x).relu()
        },
    );
}

/// Convolution, ReLU, convolution, ReLU6, in 32 bits.
fn two_activations() -> Network {
    let weights =
        [("first.weight", numbers(&[16, 3, 3, 3], 0.1) * 3.), ("second.weight", numbers(&[8, 16, 3, 3], 0.2))];
    let weights = weights.into_iter().map(|(name, tensor)| (name.to_owned(), tensor));
    let (mut net, x) = Builder::new(Weights::from_tensors(weights), 3);
    let x = net.convolution("first", x, 16, square(3, 1, 1));
    let x = net.relu("first.relu", x);
    let x = net.convolution("second", x, 8, square(3, 2, 1));
    net.relu6("second.relu6", x);
    net.finish().unwrap()
}

fn points(network: &Network, names: &[&str]) -> Vec<Point> {
    names.iter().map(|name| network.tap(name).unwrap().point).collect()
}

#[test]
fn an_activation_inside_of_the_convolution_gives_the_same_bits() {
    let network = two_activations();
    let input = numbers(&[2, 3, 17, 17], 0.3).to_kind(Kind::Float);
    let [first, relu, second, last] = points(&network, &["first", "first.relu", "second", "second.relu6"])[..] else {
        unreachable!()
    };
    // Whoever wants what is between them gets it.
    let all = network.schedule(&[first, relu, second, last]);
    let all = network.forward(&all, &input);
    assert!(all.activation(relu).equal(&all.activation(first).relu()));
    assert!(all.activation(last).equal(&all.activation(second).clamp(0., 6.)));
    assert!(all.activation(second).max().double_value(&[]) > 6.);
    let weight = numbers(&all.activation(last).size(), 0.9).to_kind(Kind::Float);
    for wanted in [vec![last], vec![relu, last], vec![first, last]] {
        let schedule = network.schedule(&wanted);
        let pass = network.forward(&schedule, &input);
        for &point in &wanted {
            assert!(pass.activation(point).equal(all.activation(point)));
        }
        let all = network.schedule(&[first, relu, second, last]);
        let expected = network.forward(&all, &input).pullback([(last, weight.shallow_clone())]);
        assert!(pass.pullback([(last, weight.shallow_clone())]).equal(&expected));
    }
}

#[test]
fn a_sample_that_is_not_finite_does_not_pass_for_a_picture_and_leaves_its_neighbour_alone() {
    let network = two_activations();
    let input = numbers(&[2, 3, 17, 17], 0.3).to_kind(Kind::Float);
    for value in [f64::NAN, f64::INFINITY] {
        let broken = input.copy();
        let _ = broken.get(0).get(1).get(5).get(5).fill_(value);
        let schedule = network.schedule(&[network.output()]);
        let pass = network.forward(&schedule, &broken);
        let output = pass.activation(network.output());
        assert_eq!(output.get(0).isnan().all().int64_value(&[]), 1);
        let sound = network.forward(&schedule, &input);
        assert!(output.get(1).equal(&sound.activation(network.output()).get(1)));
    }
}
