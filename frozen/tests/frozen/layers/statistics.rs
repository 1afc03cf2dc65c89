//! Normalizations, attention, and quantization.

use frozen::network::{Builder, Pool};
use frozen::weights::Weights;
use tch::{Device, Kind, Tensor};

use super::{agrees_everywhere, assert_close, attended, mean_of_positions, network, numbers, weight};

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
