//! Functions of each number, poolings, and what moves numbers or adds to them.

use frozen::network::{Builder, Node, Pool};
use tch::Tensor;

use super::{agrees, agrees_everywhere, mean_of_positions, network, numbers, square, weight};

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
