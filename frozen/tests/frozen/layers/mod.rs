//! Every layer's pass and pullback against libtorch's own layers and autograd, in 64-bit floats; and convolutions that
//! apply the activation function behind them against those that do not.

use frozen::network::{Builder, Kernel, Network, Node, Padding, Point, Pool, channels_last};
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
        let forward_only = network.schedule(&[network.output()]).forward_only();
        let alone = network.forward(&forward_only, &input);
        assert!(alone.activation(network.output()).equal(pass.activation(network.output())), "{what}, forward only");
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

#[test]
fn functions_of_each_number() {
    for (slope, gain) in [(0.2, 2f64.sqrt()), (0.1, 1.), (0., 0.5), (1., 3.)] {
        agrees_everywhere(
            &format!("a leaky ReLU of {slope} and {gain}"),
            &[],
            |net, x| net.leaky_relu("leaky", x, slope, gain),
            |x| x.maximum(&(x * slope)) * gain,
        );
    }
    agrees_everywhere("swish", &[], |net, x| net.swish("swish", x), |x| x * x.sigmoid());
    agrees_everywhere("clamp", &[], |net, x| net.soft_clamp("clamp", x, 0.7), |x| (x / 0.7).tanh() * 0.7);
    agrees_everywhere("square", &[], |net, x| net.square("square", x), |x| x * x);
    agrees_everywhere("number", &[], |net, x| net.add_number("number", x, -1.25), |x| x - 1.25);
    agrees_everywhere(
        "the reciprocal root",
        &[],
        |net, x| {
            let x = net.square("square", x);
            net.reciprocal_root("root", x, 0.3)
        },
        |x| (x * x + 0.3).pow_tensor_scalar(-0.5),
    );
}

#[test]
fn enlarged_pictures() {
    agrees_everywhere("upsampling", &[], |net, x| net.upsample_nearest("up", x), enlarged);
    let (kernel, bias) = (weight(&[5, 6, 3, 3], 0.2), weight(&[5], 0.7));
    let weights = [("conv.weight", kernel.shallow_clone()), ("conv.bias", bias.shallow_clone())];
    let plain = |net: &mut Builder, x| {
        let x = net.upsample_nearest("up", x);
        net.convolution_with_bias("conv", x, 5, square(3, 1, 1))
    };
    let convolved = |x: &Tensor| enlarged(x).conv2d(&kernel, Some(&bias), [1, 1], [1, 1], [1, 1], 1);
    agrees_everywhere("upsampling and convolution", &weights, plain, convolved);
    // The sums of its weights are rounded to 32 bits, so that it is not the same to the last of 64.
    let fast = |net: &mut Builder, x| net.upsampled_convolution("conv", x, 5, true);
    for kind in [Kind::Double, Kind::Float] {
        let plain = network(plain, &weights).to(Device::Cpu, kind);
        let fast = network(fast, &weights).to(Device::Cpu, kind);
        for size in [[1, 3, 4, 4], [2, 3, 13, 15], [3, 3, 1, 2]] {
            same(&plain, &fast, &numbers(&size, 0.37).to_kind(kind), 1e-6);
        }
    }
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

#[test]
fn an_enlarging_convolution_with_a_batch_norm_and_an_activation_behind_it() {
    let norm = ["weight", "bias", "running_mean", "running_var"];
    let norm = norm.iter().zip(1..).map(|(part, n)| (format!("norm.{part}"), weight(&[5], 0.1 * n as f64).abs() + 0.5));
    let norm = norm.collect::<Vec<_>>();
    let mut weights: Vec<(&str, Tensor)> = norm.iter().map(|(name, part)| (name.as_str(), part.copy())).collect();
    weights.push(("conv.weight", weight(&[5, 6, 3, 3], 0.2)));
    for bias in [false, true] {
        if bias {
            weights.push(("conv.bias", weight(&[5], 0.9)));
        }
        let build = |fast: bool| {
            let net = |net: &mut Builder, x| {
                let x = match (fast, bias) {
                    (true, _) => net.upsampled_convolution("conv", x, 5, bias),
                    (false, true) => {
                        let x = net.upsample_nearest("up", x);
                        net.convolution_with_bias("conv", x, 5, square(3, 1, 1))
                    }
                    (false, false) => {
                        let x = net.upsample_nearest("up", x);
                        net.convolution("conv", x, 5, square(3, 1, 1))
                    }
                };
                let x = net.batch_norm("norm", x, 0.1);
                net.relu("relu", x)
            };
            network(net, &weights).to(Device::Cpu, Kind::Float)
        };
        let (plain, fast) = (build(false), build(true));
        assert_eq!(fast.tap("conv").unwrap().point, fast.tap("norm").unwrap().point);
        same(&plain, &fast, &numbers(&[2, 3, 7, 5], 0.3).to_kind(Kind::Float), 1e-6);
    }
}

#[test]
fn numbers_in_a_row_as_a_picture() {
    let (fc, bias) = (weight(&[60, 6], 0.2), weight(&[60], 0.4));
    let weights = [("fc.weight", fc.copy()), ("fc.bias", bias.copy())];
    let row = |x: &Tensor| mean_of_positions(x).linear(&fc, Some(&bias));
    for nhwc in [false, true] {
        let conv = weight(&[4, 5, 3, 3], 0.8);
        agrees_everywhere(
            &format!("a picture of a row, positions first: {nhwc}"),
            &weights,
            |net, x| {
                let x = net.global_average_pool("pool", x);
                let x = net.linear("fc", x, 60);
                let x = if nhwc { net.reshape_nhwc("map", x, [5, 3, 4]) } else { net.reshape("map", x, [5, 3, 4]) };
                let x = net.tanh("tanh", x);
                net.convolution_of("conv", x, conv.copy(), None, square(3, 1, 1))
            },
            |x| {
                let x =
                    if nhwc { row(x).view([-1, 3, 4, 5]).permute([0, 3, 1, 2]) } else { row(x).view([-1, 5, 3, 4]) };
                x.tanh().conv2d(&conv, None::<&Tensor>, [1, 1], [1, 1], [1, 1], 1)
            },
        );
    }
}

#[test]
fn channels_and_what_scales_and_shifts_them() {
    agrees_everywhere(
        "some channels twice",
        &[],
        |net, x| {
            let [first, second] = [net.channels("first", x, 1, 3), net.channels("second", x, 2, 3)];
            let second = net.tanh("tanh", second);
            let pooled = net.global_average_pool("pool", x);
            let few = net.channels("few", pooled, 3, 3);
            let few = net.tanh("few.tanh", few);
            let sum = net.add("sum", first, second);
            let scaled = net.scale_channels("scaled", sum, few);
            net.shift_channels("shifted", scaled, few)
        },
        |x| {
            let few = mean_of_positions(x).narrow(1, 3, 3).tanh().unsqueeze(-1).unsqueeze(-1);
            (x.narrow(1, 1, 3) + x.narrow(1, 2, 3).tanh()) * &few + few
        },
    );
    agrees_everywhere(
        "codes scaled and shifted",
        &[],
        |net, x| {
            let x = net.global_average_pool("pool", x);
            let (first, rest) = (net.channels("first", x, 0, 3), net.channels("rest", x, 3, 3));
            let x = net.scale_channels("scaled", first, rest);
            net.shift_channels("shifted", x, rest)
        },
        |x| {
            let x = mean_of_positions(x);
            x.narrow(1, 0, 3) * x.narrow(1, 3, 3) + x.narrow(1, 3, 3)
        },
    );
    agrees_everywhere(
        "an activation scaled by its own mean",
        &[],
        |net, x| {
            let mean = net.global_average_pool("pool", x);
            let gain = net.add_number("gain", mean, 1.);
            net.scale_channels("scaled", x, gain)
        },
        |x| x * (mean_of_positions(x) + 1.).unsqueeze(-1).unsqueeze(-1),
    );
}

#[test]
fn layers_with_tensors_that_the_caller_prepared() {
    let (fc, bias) = (weight(&[9, 6], 0.2), weight(&[9], 0.4));
    let no_bias = None::<&Tensor>;
    agrees_everywhere(
        "matrix products",
        &[("plain.weight", weight(&[4, 9], 0.6))],
        |net, x| {
            let x = net.global_average_pool("pool", x);
            let x = net.linear_of("fc", x, fc.copy(), Some(bias.copy()));
            let x = net.linear_without_bias("plain", x, 4);
            net.linear_of("last", x, weight(&[3, 4], 0.3), None)
        },
        |x| {
            let x = mean_of_positions(x).linear(&fc, Some(&bias));
            x.linear(&weight(&[4, 9], 0.6), no_bias).linear(&weight(&[3, 4], 0.3), no_bias)
        },
    );
    for (stride, padding) in [(1, 1), (2, 1), (2, 0)] {
        let (kernel, bias) = (weight(&[4, 3, 3, 3], 0.2), weight(&[4], 0.4));
        let (back, of_back) = (weight(&[4, 5, 4, 4], 0.6), weight(&[5], 0.7));
        let grouped = Kernel { groups: 2, ..square(3, stride, padding) };
        agrees_everywhere(
            &format!("convolutions with step {stride}"),
            &[("third.weight", weight(&[5, 2, 4, 4], 0.5)), ("third.bias", weight(&[2], 0.5))],
            |net, x| {
                let x = net.convolution_of("conv", x, kernel.copy(), Some(bias.copy()), grouped);
                let x = net.transposed_convolution_of("back", x, back.copy(), Some(of_back.copy()), stride, padding);
                net.transposed_convolution_with_bias("third", x, 2, 4, 2, 1)
            },
            |x| {
                let (step, pad) = ([stride; 2], [padding; 2]);
                let x = x.conv2d(&kernel, Some(&bias), step, pad, [1, 1], 2);
                let x = x.conv_transpose2d(&back, Some(&of_back), step, pad, [0, 0], 1, [1, 1]);
                let (third, bias) = (weight(&[5, 2, 4, 4], 0.5), weight(&[2], 0.5));
                x.conv_transpose2d(&third, Some(&bias), [2, 2], [1, 1], [0, 0], 1, [1, 1])
            },
        );
    }
    let (scale, shift, mean, var) = (weight(&[6], 0.2), weight(&[6], 0.3), weight(&[6], 0.4), weight(&[6], 0.5).abs());
    let rounded = |tensor: &Tensor| tensor.to_kind(Kind::Float).to_kind(Kind::Double);
    let rate = (&var + 0.1).pow_tensor_scalar(-0.5);
    let [rate, of_mean] = [rounded(&rate), rounded(&(-&mean * &rate))];
    agrees_everywhere(
        "affine layers of pictures",
        &[],
        |net, x| {
            let y = net.affine_of("affine", x, scale.copy(), shift.copy());
            let y = net.normalize_with("norm", y, mean.copy(), var.copy(), 0.1);
            net.add("sum", y, x)
        },
        |x| {
            let over = |tensor: &Tensor| tensor.view([-1, 1, 1]);
            (x * over(&scale) + over(&shift)) * over(&rate) + over(&of_mean) + x
        },
    );
    agrees_everywhere(
        "affine layers of codes",
        &[],
        |net, x| {
            let x = net.global_average_pool("pool", x);
            let x = net.affine_of("affine", x, scale.copy(), shift.copy());
            net.normalize_with("norm", x, mean.copy(), var.copy(), 0.1)
        },
        |x| (mean_of_positions(x) * &scale + &shift) * &rate + &of_mean,
    );
}

#[test]
fn a_transposed_convolution_of_a_code_and_of_a_picture() {
    let (kernel, bias) = (weight(&[5, 3, 4, 4], 0.2), weight(&[3], 0.4));
    let weights = || {
        let all = [("first.weight", kernel.copy()), ("first.bias", bias.copy())];
        Weights::from_tensors(all.map(|(name, tensor)| (name.to_owned(), tensor)))
    };
    for spatial in [false, true] {
        let start = if spatial { Builder::new_spatial } else { Builder::new };
        let (mut net, x) = start(weights(), 5);
        net.transposed_convolution_with_bias("first", x, 3, 4, 1, 0);
        let net = net.finish().unwrap().to(Device::Cpu, Kind::Double);
        let shape: &[i64] = if spatial { &[2, 5, 3, 7] } else { &[2, 5] };
        let input = numbers(shape, 0.3).set_requires_grad(true);
        let picture = if spatial { input.shallow_clone() } else { input.view([2, 5, 1, 1]) };
        let expected = picture.conv_transpose2d(&kernel, Some(&bias), [1, 1], [0, 0], [0, 0], 1, [1, 1]);
        let weight = numbers(&expected.size(), 0.53);
        let gradients = Tensor::run_backward(&[(&expected * &weight).sum(Kind::Double)], &[&input], false, false);
        let schedule = net.schedule(&[net.output()]);
        let pass = net.forward(&schedule, &input);
        assert_close("the picture", pass.activation(net.output()), &expected);
        assert_close("its gradient", &pass.pullback([(net.output(), weight)]), &gradients[0]);
    }
}

#[test]
fn a_transposed_convolution_laid_out_for_onednn_gives_the_same_bits() {
    let (kernel, bias) = (weight(&[16, 8, 4, 4], 0.2).to_kind(Kind::Float), weight(&[8], 0.4).to_kind(Kind::Float));
    let (mut net, x) = Builder::new_spatial(Weights::from_tensors([]), 16);
    net.transposed_convolution_of("conv", x, kernel.copy(), Some(bias.copy()), 2, 1);
    let net = net.finish().unwrap();
    let schedule = net.schedule(&[net.output()]);
    for size in [[2, 16, 5, 7], [1, 16, 4, 4], [3, 16, 9, 6]] {
        let input = channels_last(&numbers(&size, 0.3).to_kind(Kind::Float));
        let expected = input.conv_transpose2d(&kernel, Some(&bias), [2, 2], [1, 1], [0, 0], 1, [1, 1]);
        let pass = net.forward(&schedule, &input);
        assert!(pass.activation(net.output()).equal(&expected));
        let weight = channels_last(&numbers(&expected.size(), 0.53).to_kind(Kind::Float));
        let gradient = weight.conv2d(&kernel, None::<&Tensor>, [2, 2], [1, 1], [1, 1], 1);
        assert!(pass.pullback([(net.output(), weight)]).equal(&gradient));
    }
}

#[test]
fn normalizations_by_the_activation_itself() {
    let (scale, shift) = (weight(&[6], 0.2), weight(&[6], 0.7));
    let weights = [("norm.weight", scale.copy()), ("norm.bias", shift.copy())];
    for groups in [1, 2, 3, 6] {
        agrees_everywhere(
            &format!("the norm of {groups} groups"),
            &weights,
            |net, x| net.group_norm("norm", x, groups, 1e-3),
            |x| x.group_norm(groups, Some(&scale), Some(&shift), 1e-3, false),
        );
    }
    agrees_everywhere(
        "the group norm of codes",
        &weights,
        |net, x| {
            let x = net.global_average_pool("pool", x);
            net.group_norm("norm", x, 2, 1e-3)
        },
        |x| mean_of_positions(x).group_norm(2, Some(&scale), Some(&shift), 1e-3, false),
    );
    let normed = |x: &Tensor| x / (x.square().mean_dim(1i64, true, None::<Kind>) + 1e-2).sqrt();
    agrees_everywhere(
        "pixel norms, one over the other",
        &[],
        |net, x| {
            let y = net.pixel_norm("first", x, 1e-2);
            let y = net.add("sum", y, x);
            net.pixel_norm("second", y, 1e-2)
        },
        |x| normed(&(normed(x) + x)),
    );
    agrees_everywhere(
        "the pixel norm of codes",
        &[],
        |net, x| {
            let x = net.global_average_pool("pool", x);
            net.pixel_norm("norm", x, 1e-2)
        },
        |x| normed(&mean_of_positions(x)),
    );
    for size in [1, 2, 3, 4, 5, 7] {
        agrees_everywhere(
            &format!("the response norm of {size} channels"),
            &[],
            |net, x| net.local_response_norm("norm", x, size, 2., 0.75, 0.5),
            |x| {
                let padded = x.square().constant_pad_nd([0, 0, 0, 0, size / 2, (size - 1) / 2]);
                let sums = (0..size).map(|k| padded.narrow(1, k, 6)).reduce(|a, b| a + b).unwrap();
                x / (sums * (2. / size as f64) + 0.5).pow_tensor_scalar(0.75)
            },
        );
    }
}

/// softmax(scale q k) v as one table.
fn attended(query: &Tensor, key: &Tensor, value: &Tensor, scale: f64) -> Tensor {
    let table = (query.flatten(2, 3).transpose(1, 2).bmm(&key.flatten(2, 3)) * scale).softmax(-1, None::<Kind>);
    let mut size = query.size();
    size[1] = value.size()[1];
    value.flatten(2, 3).bmm(&table.transpose(1, 2)).view(&size[..])
}

#[test]
fn attention_over_smaller_keys_and_over_itself() {
    let gamma = weight(&[1], 0.3);
    agrees_everywhere(
        "attention",
        &[],
        |net, x| {
            let small = net.max_pool("pool", x, Pool::new(2, 2));
            let (query, key) = (net.channels("query", x, 0, 4), net.channels("key", small, 1, 4));
            let value = net.tanh("value", small);
            let y = net.attention("attention", query, key, value, 3.);
            net.scaled_add("sum", x, y, gamma.copy())
        },
        |x| {
            let small = x.max_pool2d([2, 2], [2, 2], [0, 0], [1, 1], false);
            x + attended(&x.narrow(1, 0, 4), &small.narrow(1, 1, 4), &small.tanh(), 3.) * &gamma
        },
    );
    agrees_everywhere(
        "attention to itself",
        &[],
        |net, x| {
            let y = net.attention("attention", x, x, x, 0.7);
            net.scaled_add("sum", y, y, gamma.copy())
        },
        |x| attended(x, x, x, 0.7) * (&gamma + 1.),
    );
}

#[test]
fn attention_in_blocks() {
    let (mut net, x) = Builder::new_spatial(Weights::from_tensors([]), 3);
    net.attention("attention", x, x, x, 1.);
    let net = net.finish().unwrap().to(Device::Cpu, Kind::Double);
    let input = numbers(&[1, 3, 61, 47], 0.31).set_requires_grad(true);
    let expected = attended(&input, &input, &input, 1.);
    let weight = numbers(&expected.size(), 0.53);
    let gradients = Tensor::run_backward(&[(&expected * &weight).sum(Kind::Double)], &[&input], false, false);
    let schedule = net.schedule(&[net.output()]);
    let pass = net.forward(&schedule, &input);
    assert_close("attention", pass.activation(net.output()), &expected);
    assert_close("its gradient", &pass.pullback([(net.output(), weight)]), &gradients[0]);
    let pairs = (61. * 47f64).powi(2);
    assert_eq!(net.flops(&schedule, &[1, 3, 61, 47]), (2. * pairs * 6., 2. * pairs * 15.));
}

#[test]
fn constants_and_maps() {
    let (constant, map) = (weight(&[6, 5, 4], 0.2), weight(&[1, 5, 4], 0.7));
    let styled = |net: &mut Builder, x: Node| {
        let style = net.global_average_pool("pool", x);
        let y = net.constant("constant", style, constant.copy());
        // This one writes over its input, and must not over the constant.
        let y = net.relu("relu", y);
        let y = net.scale_channels("scaled", y, style);
        let y = net.shift_channels("shifted", y, style);
        net.add_map("noise", y, map.copy())
    };
    agrees_everywhere("a styled constant", &[], styled, |x| {
        let style = mean_of_positions(x).unsqueeze(-1).unsqueeze(-1);
        constant.relu() * &style + style + &map
    });
    // What does not depend on the input has zeros as its gradient.
    let alone = network(|net, x| net.constant("constant", x, constant.copy()), &[]);
    let schedule = alone.schedule(&[alone.output()]);
    let input = numbers(&[2, 3, 7, 7], 0.3);
    let pass = alone.forward(&schedule, &input);
    assert!(pass.activation(alone.output()).equal(&constant.unsqueeze(0).repeat([2, 1, 1, 1])));
    assert!(pass.pullback([(alone.output(), numbers(&[2, 6, 5, 4], 0.1))]).equal(&input.zeros_like()));
}

/// StyleGAN2's `upfirdn2d`, step by step.
fn filtered(x: &Tensor, kernel: &Tensor, up: i64, [before, after]: [i64; 2]) -> Tensor {
    let [samples, channels, height, width] = x.size()[..] else { unreachable!() };
    let x = x.reshape([samples * channels, 1, height, 1, width, 1]).constant_pad_nd([0, up - 1, 0, 0, 0, up - 1]);
    let x = x.reshape([samples * channels, 1, height * up, width * up]);
    let x = x.constant_pad_nd([before, after, before, after]);
    let x = x.conv2d(&kernel.flip([0, 1]).unsqueeze(0).unsqueeze(0), None::<&Tensor>, [1, 1], [0, 0], [1, 1], 1);
    let size = x.size();
    x.reshape([samples, channels, size[2], size[3]])
}

#[test]
fn filters_of_every_channel() {
    for side in [1, 3, 4] {
        let kernel = weight(&[side, side], 0.37);
        for up in [1, 2] {
            for pad in [[0, 0], [1, 1], [2, 1], [1, 2], [0, 3], [5, 4]] {
                agrees_everywhere(
                    &format!("a filter of {side} pixels, enlarging {up} times, padded with {pad:?}"),
                    &[],
                    |net, x| net.fir("fir", x, kernel.copy(), up, pad),
                    |x| filtered(x, &kernel, up, pad),
                );
            }
        }
    }
}

#[test]
fn the_nearest_vector_and_a_gradient_that_passes_it() {
    let codebook = weight(&[17, 6], 0.23);
    // The third vector twice: the first of them counts.
    let codebook = Tensor::cat(&[&codebook, &codebook.narrow(0, 2, 1)], 0);
    agrees_everywhere(
        "a quantization",
        &[],
        |net, x| {
            let x = net.quantize("quantize", x, codebook.copy());
            net.tanh("tanh", x)
        },
        |x| {
            let rows = x.permute([0, 2, 3, 1]).unsqueeze(-2);
            let which = (rows - &codebook).square().sum_dim_intlist(-1i64, false, None::<Kind>).argmin(-1, false);
            let nearest = codebook.index_select(0, &which.flatten(0, -1)).view(&[&which.size()[..], &[6]].concat()[..]);
            (x + (nearest.permute([0, 3, 1, 2]) - x).detach()).tanh()
        },
    );
    // A picture that is not finite does not become one of the codebook.
    let net = network(|net, x| net.quantize("quantize", x, codebook.copy()), &[]);
    let input = numbers(&[2, 3, 5, 5], 0.3);
    let _ = input.get(0).get(1).get(2).get(2).fill_(f64::NAN);
    let schedule = net.schedule(&[net.output()]);
    let pass = net.forward(&schedule, &input);
    let output = pass.activation(net.output());
    assert_eq!(output.get(0).isnan().all().int64_value(&[]), 1);
    assert_eq!(output.get(1).isfinite().all().int64_value(&[]), 1);
}

#[test]
fn nobody_writes_over_an_activation_that_a_pullback_reads() {
    let (kernel, bias) = (weight(&[6, 6, 3, 3], 0.2), weight(&[6], 0.4));
    let weights = [("conv.weight", kernel.copy()), ("conv.bias", bias.copy())];
    let convolved = |x: &Tensor| x.conv2d(&kernel, Some(&bias), [1, 1], [1, 1], [1, 1], 1);
    let norm = |net: &mut Builder, x| net.local_response_norm("reader", x, 3, 1., 0.75, 1.);
    type Reader<'a> = &'a dyn Fn(&mut Builder, Node) -> Node;
    let of_norm = |x: &Tensor| {
        let padded = x.square().constant_pad_nd([0, 0, 0, 0, 1, 1]);
        let sums = padded.narrow(1, 0, 6) + padded.narrow(1, 1, 6) + padded.narrow(1, 2, 6);
        x / (sums / 3. + 1.).pow_tensor_scalar(0.75)
    };
    type Reference<'a> = &'a dyn Fn(&Tensor) -> Tensor;
    let readers: [(Reader, Reference); 5] = [
        (&|net, x| net.swish("reader", x), &|x| x * x.sigmoid()),
        (&|net, x| net.square("reader", x), &|x| x * x),
        (&norm, &of_norm),
        (&|net, x| net.attention("reader", x, x, x, 0.2), &|x| attended(x, x, x, 0.2)),
        (
            &|net, x| {
                let mean = net.global_average_pool("mean", x);
                net.scale_channels("reader", x, mean)
            },
            &|x| x * mean_of_positions(x).unsqueeze(-1).unsqueeze(-1),
        ),
    ];
    for (number, (reader, reference)) in readers.iter().enumerate() {
        // The layer that could write over comes before the reader, and after it.
        for first in [false, true] {
            agrees_everywhere(
                &format!("reader {number}, a ReLU of its input before it: {first}"),
                &weights,
                |net, x| {
                    let x = net.convolution_with_bias("conv", x, 6, square(3, 1, 1));
                    let (read, over) = if first {
                        let over = net.relu("relu", x);
                        (reader(net, x), over)
                    } else {
                        let read = reader(net, x);
                        (read, net.relu("relu", x))
                    };
                    // These two write over a sum that nobody reads, and over what they have written.
                    let sum = net.add("sum", over, read);
                    let sum = net.add_number("number", sum, 0.5);
                    net.tanh("tanh", sum)
                },
                |x| {
                    let x = convolved(x);
                    (x.relu() + reference(&x) + 0.5).tanh()
                },
            );
        }
        // An activation that a pullback reads as output, and another as input.
        agrees_everywhere(
            &format!("reader {number} of a ReLU in a convolution"),
            &weights,
            |net, x| {
                let x = net.convolution_with_bias("conv", x, 6, square(3, 1, 1));
                let x = net.relu("relu", x);
                let read = reader(net, x);
                let leaky = net.leaky_relu("leaky", read, 0.2, 2.);
                let more = net.add_number("more", x, -0.2);
                net.scaled_add("sum", more, leaky, weight(&[1], 0.9))
            },
            |x| {
                let x = convolved(x).relu();
                let read = reference(&x);
                &x - 0.2 + read.maximum(&(&read * 0.2)) * 2. * weight(&[1], 0.9)
            },
        );
    }
}

#[test]
fn a_view_is_not_written_over_while_another_reads_the_same_memory() {
    // Of one position, the row of numbers is the picture's own memory, and the picture that of the row.
    agrees_everywhere(
        "a row and its picture",
        &[],
        |net, x| {
            let x = net.adaptive_average_pool("pool", x, [1, 1]);
            let read = net.swish("swish", x);
            let row = net.flatten("row", x, 1);
            let row = net.tanh("tanh", row);
            let picture = net.reshape("picture", row, [6, 1, 1]);
            let over = net.add_number("number", picture, 0.3);
            let picture = net.reshape_nhwc("again", row, [6, 1, 1]);
            let again = net.leaky_relu("leaky", picture, 0.1, 1.);
            let sum = net.add("sum", over, again);
            net.add("all", sum, read)
        },
        |x| {
            let x = x.adaptive_avg_pool2d([1, 1]);
            let tanh = x.tanh();
            &tanh + 0.3 + tanh.maximum(&(&tanh * 0.1)) + &x * x.sigmoid()
        },
    );
    // The caller's own code stays what it is.
    let (mut net, x) = Builder::new(Weights::from_tensors([]), 6);
    let part = net.channels("part", x, 0, 6);
    let part = net.relu("relu", part);
    let picture = net.reshape_nhwc("picture", x, [6, 1, 1]);
    let picture = net.tanh("tanh", picture);
    let both = net.scale_channels("both", picture, part);
    net.quantize("quantize", both, weight(&[3, 6], 0.2));
    let net = net.finish().unwrap();
    let input = numbers(&[1, 6], 0.3).to_kind(Kind::Float);
    let before = input.copy();
    let points = net.taps().iter().map(|tap| tap.point).collect::<Vec<_>>();
    for wanted in [&points[..], &[net.output()]] {
        let schedule = net.schedule(wanted);
        net.forward(&schedule, &input);
        assert!(input.equal(&before));
    }
}
