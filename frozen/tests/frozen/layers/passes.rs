//! What a pass may overwrite, apply inside of a convolution, and must not hide, in graphs of several layers.

use frozen::network::{Builder, Kernel, Network, Node, Point, Pool};
use frozen::weights::Weights;
use tch::{Kind, Tensor};

use super::{agrees, agrees_everywhere, attended, mean_of_positions, numbers, square, weight};

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

#[test]
fn threads_share_a_network_and_get_the_same_bits() {
    let network = two_activations();
    let schedule = network.schedule(&[network.output()]);
    let run = || {
        let pass = network.forward(&schedule, &numbers(&[2, 3, 17, 17], 0.3).to_kind(Kind::Float));
        let output = pass.activation(network.output()).copy();
        let gradient = pass.pullback([(network.output(), output.sin())]);
        (output, gradient)
    };
    let (expected, of_expected) = run();
    std::thread::scope(|scope| {
        let threads = [scope.spawn(run), scope.spawn(run), scope.spawn(run)];
        for (output, gradient) in threads.map(|thread| thread.join().unwrap()) {
            assert!(output.equal(&expected) && gradient.equal(&of_expected));
        }
    });
}

/// The chain of a MobileNet: every layer with an activation function behind it, the next one's gradient going over that.
#[test]
fn convolutions_whose_gradients_go_over_the_activation_functions_around_them() {
    let first = weight(&[18, 6, 3, 3], 0.2);
    let (deep, narrow, wide) =
        (weight(&[18, 1, 3, 3], 0.4), weight(&[10, 18, 1, 1], 0.6), weight(&[21, 10, 3, 3], 0.7));
    let (strided, last) = (weight(&[21, 1, 5, 5], 0.8), weight(&[8, 21, 1, 1], 0.9));
    let weights = [
        ("spread.weight", first.shallow_clone()),
        ("deep.weight", deep.shallow_clone()),
        ("narrow.weight", narrow.shallow_clone()),
        ("wide.weight", wide.shallow_clone()),
        ("strided.weight", strided.shallow_clone()),
        ("last.weight", last.shallow_clone()),
    ];
    let grouped =
        |size: i64, stride: i64, padding: i64, groups: i64| Kernel { groups, ..square(size, stride, padding) };
    // Levels are raised, so that ReLU6 is met at both ends.
    agrees_everywhere(
        "a chain",
        &weights,
        |net, x| {
            let x = net.convolution("spread", x, 18, square(3, 1, 1));
            let x = net.relu6("spread.relu6", x);
            let x = net.convolution("deep", x, 18, grouped(3, 1, 1, 18));
            let x = net.relu6("deep.relu6", x);
            let x = net.convolution("narrow", x, 10, square(1, 1, 0));
            let x = net.relu("narrow.relu", x);
            let y = net.convolution("wide", x, 21, square(3, 1, 1));
            let y = net.relu("wide.relu", y);
            let y = net.convolution("strided", y, 21, grouped(5, 2, 2, 21));
            let y = net.relu6("strided.relu6", y);
            net.convolution("last", y, 8, square(1, 1, 0))
        },
        |x| {
            let conv = |x: &Tensor, kernel: &Tensor, stride: i64, groups: i64| {
                let padding = kernel.size()[2] / 2;
                x.conv2d(kernel, None::<&Tensor>, [stride; 2], [padding; 2], [1, 1], groups)
            };
            let x = conv(x, &first, 1, 1).clamp(0., 6.);
            let x = conv(&x, &deep, 1, 18).clamp(0., 6.);
            let x = conv(&x, &narrow, 1, 1).relu();
            let x = conv(&x, &wide, 1, 1).relu();
            let x = conv(&x, &strided, 2, 21).clamp(0., 6.);
            conv(&x, &last, 1, 1)
        },
    );
}

#[test]
fn a_sample_of_a_batch_is_computed_as_it_is_alone() {
    let (kernel, deep) = (weight(&[16, 6, 3, 3], 0.2), weight(&[16, 1, 3, 3], 0.4));
    let weights = [("wide.weight", kernel), ("deep.weight", deep)];
    let network = super::network(
        |net, x| {
            let x = net.convolution("wide", x, 16, square(3, 1, 1));
            let x = net.relu6("wide.relu6", x);
            let x = net.convolution("deep", x, 16, Kernel { groups: 16, ..square(3, 1, 1) });
            net.relu6("deep.relu6", x)
        },
        &weights,
    );
    let network = network.to(tch::Device::Cpu, Kind::Float);
    let schedule = network.schedule(&[network.output()]);
    let run = |input: &Tensor| {
        let pass = network.forward(&schedule, input);
        let output = pass.activation(network.output()).copy();
        (output.copy(), pass.pullback([(network.output(), output)]))
    };
    for samples in [2, 3, 7] {
        let input = numbers(&[samples, 3, 12, 12], 0.41).to_kind(Kind::Float);
        let (outputs, gradients) = run(&input);
        for sample in 0..samples {
            let (output, gradient) = run(&input.narrow(0, sample, 1));
            assert!(output.equal(&outputs.narrow(0, sample, 1)), "sample {sample} of {samples}");
            assert!(gradient.equal(&gradients.narrow(0, sample, 1)), "the gradient of sample {sample} of {samples}");
        }
    }
}
