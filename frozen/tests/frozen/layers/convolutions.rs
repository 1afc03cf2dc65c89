//! Convolutions of every kind, and fully connected layers with prepared tensors.

use frozen::network::{Builder, Kernel, channels_last};
use frozen::weights::Weights;
use tch::{Device, Kind, Tensor};

use super::{
    agrees, agrees_everywhere, assert_close, enlarged, mean_of_positions, network, numbers, same, square, weight,
};

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
        // Sample by sample, as a pass computes them.
        let each = |of: &Tensor, layer: &dyn Fn(&Tensor) -> Tensor| {
            Tensor::cat(&of.split(1, 0).iter().map(layer).collect::<Vec<_>>(), 0)
        };
        let expected = each(&input, &|x| x.conv_transpose2d(&kernel, Some(&bias), [2, 2], [1, 1], [0, 0], 1, [1, 1]));
        let pass = net.forward(&schedule, &input);
        assert!(pass.activation(net.output()).equal(&expected));
        let weight = channels_last(&numbers(&expected.size(), 0.53).to_kind(Kind::Float));
        let gradient = each(&weight, &|x| x.conv2d(&kernel, None::<&Tensor>, [2, 2], [1, 1], [1, 1], 1));
        assert!(pass.pullback([(net.output(), weight)]).equal(&gradient));
    }
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
