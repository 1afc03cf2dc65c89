//! Every loop against its definition, number by number in f64, on every kind of processor that this one can stand for.

use kernels::depthwise;
use kernels::{Bits, Mask, Processor, convolution, few_channels, few_rows, passing, processor, response_norm};

/// Numbers between -8 and 8 that look like noise.
fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        ((state >> 40) as f64 / f64::from(1 << 20) - 8.) as f32
    };
    (0..count).map(|_| next()).collect()
}

/// Which numbers `[positions,C]` pass.
fn bits(mask: Option<Mask>, positions: usize, channels: usize, seed: u64) -> Option<Bits> {
    mask.map(|mask| passing::marks(&numbers(positions * channels, seed), channels, mask, (Processor::Plain, 1)))
}

fn passes(bits: Option<&Bits>, at: usize, channels: usize) -> f64 {
    f64::from(u8::from(bits.is_none_or(|bits| bits.passes(at / channels, at % channels))))
}

fn assert_close(found: &[f32], wanted: &[f64], what: &str) {
    let scale = wanted.iter().fold(1f64, |largest, number| largest.max(number.abs()));
    for (at, (found, wanted)) in found.iter().zip(wanted).enumerate() {
        let off = (f64::from(*found) - wanted).abs();
        assert!(off <= 1e-5 * scale, "{what}, number {at}: {found} instead of {wanted}");
    }
}

/// Numbers that a hundred products of do not make large.
fn small(count: usize, seed: u64) -> Vec<f32> {
    numbers(count, seed).into_iter().map(|number| number / 8.).collect()
}

/// Every thread count and processor comes to what `wanted` says; threads to the same bits.
fn everywhere(wanted: &[f64], what: &str, work: impl Fn(&mut [f32], (Processor, usize))) {
    for processor in processor().and_narrower() {
        let mut found = vec![f32::NAN; wanted.len()];
        work(&mut found, (processor, 1));
        assert_close(&found, wanted, &format!("{what} by {}", processor.name()));
        for threads in [2, 3, 64] {
            let mut shared = vec![f32::NAN; wanted.len()];
            work(&mut shared, (processor, threads));
            assert!(found == shared, "{what} by {}: {threads} threads round differently", processor.name());
        }
    }
}

fn depthwise_case(shape: depthwise::Shape, behind: Option<Mask>, before: Option<Mask>) {
    let depthwise::Shape { pictures, channels, input: [h, w], output: [oh, ow], kernel, stride, padding: [top, left] } =
        shape;
    let weights = numbers(kernel * kernel * channels, 1);
    let gradient = numbers(pictures * oh * ow * channels, 2);
    let (inputs, outputs) = (pictures * h * w, pictures * oh * ow);
    let (behind, before) = (bits(behind, outputs, channels, 3), bits(before, inputs, channels, 4));
    let (behind, before) = (behind.as_ref(), before.as_ref());
    let x = numbers(inputs * channels, 5);
    let mut forward = vec![0.; outputs * channels];
    let mut wanted = vec![0.; x.len()];
    for (p, r, q) in (0..pictures).flat_map(|p| (0..oh).flat_map(move |r| (0..ow).map(move |q| (p, r, q)))) {
        for (i, j, c) in (0..kernel).flat_map(|i| (0..kernel).flat_map(move |j| (0..channels).map(move |c| (i, j, c))))
        {
            let (row, column) = ((r * stride + i).wrapping_sub(top), (q * stride + j).wrapping_sub(left));
            if row < h && column < w {
                let from = ((p * oh + r) * ow + q) * channels + c;
                let (to, weight) =
                    (((p * h + row) * w + column) * channels + c, f64::from(weights[(i * kernel + j) * channels + c]));
                wanted[to] += f64::from(gradient[from]) * passes(behind, from, channels) * weight;
                forward[from] += f64::from(x[to]) * weight;
            }
        }
    }
    wanted.iter_mut().enumerate().for_each(|(at, number)| *number *= passes(before, at, channels));
    assert!(shape.is_known(), "{shape:?}");
    everywhere(&wanted, &format!("{shape:?}"), |into, how| {
        depthwise::pullback(&shape, &weights, &gradient, behind, before, into, how);
    });
    everywhere(&forward, &format!("{shape:?}, forward"), |into, how| {
        depthwise::convolve(&shape, &weights, &x, depthwise::Finish::default(), None, into, how);
    });
    let bias = numbers(channels, 6);
    let finished: Vec<f64> =
        forward.iter().enumerate().map(|(at, sum)| (sum + f64::from(bias[at % channels])).clamp(0., 6.)).collect();
    everywhere(&finished, &format!("{shape:?}, finished"), |into, how| {
        let finish = depthwise::Finish { bias: Some(&bias), activation: Some(Mask::Relu6) };
        let mut marks = Bits::none(outputs, channels);
        depthwise::convolve(&shape, &weights, &x, finish, Some(&mut marks), into, how);
        assert_marked(&marks, into, channels, Mask::Relu6);
    });
}

fn assert_marked(marks: &Bits, output: &[f32], channels: usize, mask: Mask) {
    for (at, &y) in output.iter().enumerate() {
        assert_eq!(marks.passes(at / channels, at % channels), mask.passes(y), "number {at}, {y}");
    }
}

#[test]
fn a_depthwise_convolution_and_its_gradient() {
    for (kernel, stride) in [(3, 1), (3, 2), (5, 1), (5, 2), (7, 1), (7, 2)] {
        for (padding, side, channels) in [([kernel / 2; 2], 12, 19), ([0, 1], 13, 8), ([0, 0], 33, 33)] {
            let input = [side, side + 3];
            let output = input.map(|side: usize| side.div_ceil(stride));
            let shape = depthwise::Shape { pictures: 2, channels, input, output, kernel, stride, padding };
            for masks in [(None, None), (Some(Mask::Relu), Some(Mask::Relu6)), (Some(Mask::Relu6), Some(Mask::Relu))] {
                depthwise_case(shape, masks.0, masks.1);
            }
        }
    }
}

#[test]
fn a_depthwise_convolution_of_other_sizes_is_refused() {
    let shape = depthwise::Shape {
        pictures: 1,
        channels: 4,
        input: [9, 9],
        output: [9, 9],
        kernel: 3,
        stride: 1,
        padding: [1, 1],
    };
    assert!(shape.is_known());
    assert!(!depthwise::Shape { kernel: 4, ..shape }.is_known());
    assert!(!depthwise::Shape { stride: 3, ..shape }.is_known());
    assert!(!depthwise::Shape { padding: [3, 1], ..shape }.is_known());
    // Columns of the input whose gradient would come from beyond the output.
    assert!(!depthwise::Shape { output: [9, 4], ..shape }.is_known());
}

#[test]
fn the_gradient_of_a_first_convolution() {
    for (kernel, stride, padding, few, channels) in [
        (3, 2, [0, 0], 3, 32),
        (3, 2, [1, 1], 3, 5),
        (7, 2, [3, 3], 3, 64),
        (3, 1, [1, 1], 1, 7),
        (5, 4, [2, 1], 4, 9),
        (11, 4, [2, 2], 3, 16),
    ] {
        let input = [29, 34];
        let output = [0, 1].map(|at| (input[at] + 2 * padding[at] - kernel) / stride + 1);
        let shape = few_channels::Shape { pictures: 2, few, channels, input, output, kernel, stride, padding };
        let weights = numbers(channels * few * kernel * kernel, 5);
        let gradient = numbers(2 * output[0] * output[1] * channels, 6);
        for behind in [None, Some(Mask::Relu), Some(Mask::Relu6)] {
            let behind = bits(behind, gradient.len() / channels, channels, 7);
            let behind = behind.as_ref();
            let mut wanted = vec![0.; 2 * input[0] * input[1] * few];
            for (at, &number) in gradient.iter().enumerate() {
                let (c, q, r) = (at % channels, at / channels % output[1], at / channels / output[1] % output[0]);
                let p = at / channels / output[1] / output[0];
                for (i, j, ci) in
                    (0..kernel).flat_map(|i| (0..kernel).flat_map(move |j| (0..few).map(move |ci| (i, j, ci))))
                {
                    let row = (r * stride + i).wrapping_sub(padding[0]);
                    let column = (q * stride + j).wrapping_sub(padding[1]);
                    if row < input[0] && column < input[1] {
                        let weight = weights[((c * few + ci) * kernel + i) * kernel + j];
                        wanted[((p * input[0] + row) * input[1] + column) * few + ci] +=
                            f64::from(number) * passes(behind, at, channels) * f64::from(weight);
                    }
                }
            }
            assert!(shape.is_known());
            let kernels = few_channels::Kernels::new(&weights, [channels, few, kernel]);
            everywhere(&wanted, &format!("{shape:?}"), |into, how| {
                few_channels::pullback(&shape, &kernels, &gradient, behind, into, how);
            });
        }
    }
}

#[test]
fn few_rows_times_a_matrix() {
    for [rows, inputs, outputs] in [[1, 1280, 1000], [3, 37, 11], [4, 16, 8], [9, 100, 6], [1, 3, 1]] {
        let (x, matrix, bias) = (numbers(rows * inputs, 8), numbers(outputs * inputs, 9), numbers(outputs, 10));
        let wanted: Vec<f64> = (0..rows * outputs)
            .map(|at| {
                let (row, output) = (at / outputs, at % outputs);
                let product = |i| f64::from(x[row * inputs + i]) * f64::from(matrix[output * inputs + i]);
                (0..inputs).map(product).sum::<f64>() + f64::from(bias[output])
            })
            .collect();
        everywhere(&wanted, &format!("{rows} rows of {inputs} to {outputs}"), |into, how| {
            few_rows::product([rows, inputs, outputs], &x, &matrix, &bias, into, how);
        });
        // A row alone is rounded as it is among others.
        let mut all = vec![0.; rows * outputs];
        few_rows::product([rows, inputs, outputs], &x, &matrix, &bias, &mut all, (processor(), 1));
        for row in 0..rows {
            let mut alone = vec![0.; outputs];
            let x = &x[row * inputs..(row + 1) * inputs];
            few_rows::product([1, inputs, outputs], x, &matrix, &bias, &mut alone, (processor(), 1));
            assert_eq!(alone, all[row * outputs..(row + 1) * outputs]);
        }
    }
}

#[test]
fn rows_of_a_matrix_are_added_up() {
    let (row, matrix) = ([0., 2., -1.], [9., 9., 1., 2., 3., 4.]);
    let mut into = [10., 20.];
    few_rows::add_rows(&row, &matrix, &mut into);
    assert_eq!(into, [10. + 2. - 3., 20. + 4. - 4.]);
}

#[test]
fn a_convolution_and_what_is_done_to_its_result() {
    let kinds = [(1, 1, 0), (3, 1, 1), (3, 2, 0), (5, 1, 2), (1, 2, 0)];
    for ((kernel, stride, padding), [inputs, outputs]) in
        kinds.into_iter().flat_map(|kind| [[3, 5], [16, 32], [24, 40], [7, 113]].map(|sizes| (kind, sizes)))
    {
        let input = [9, 11];
        let output = input.map(|side| (side + 2 * padding - kernel) / stride + 1);
        let shape = convolution::Shape { pictures: 2, input, output, stride, padding: [padding; 2] };
        let x = small(2 * input[0] * input[1] * inputs, 11);
        let weights = small(outputs * inputs * kernel * kernel, 12);
        let rows = 2 * output[0] * output[1];
        let (bias, sum) = (numbers(outputs, 13), numbers(rows * outputs, 14));
        let packed = convolution::Weights::new(&weights, [outputs, inputs, kernel, kernel]);
        let plain: Vec<f64> = (0..rows * outputs)
            .map(|at| {
                let (o, column, row) = (at % outputs, at / outputs % output[1], at / outputs / output[1] % output[0]);
                let picture = at / outputs / output[1] / output[0];
                let mut result = 0.;
                for (i, j, c) in
                    (0..kernel).flat_map(|i| (0..kernel).flat_map(move |j| (0..inputs).map(move |c| (i, j, c))))
                {
                    let r = (row * stride + i).wrapping_sub(padding);
                    let q = (column * stride + j).wrapping_sub(padding);
                    if r < input[0] && q < input[1] {
                        let weight = weights[((o * inputs + c) * kernel + i) * kernel + j];
                        result +=
                            f64::from(x[((picture * input[0] + r) * input[1] + q) * inputs + c]) * f64::from(weight);
                    }
                }
                result
            })
            .collect();
        let what = format!("{kernel} x {kernel}, stride {stride}, {inputs} to {outputs}");
        everywhere(&plain, &what, |into, how| {
            convolution::convolve(&shape, &packed, &x, convolution::Finish::default(), None, into, how);
        });
        for (activation, mask) in
            [(None, Some(Mask::Relu6)), (Some(Mask::Relu), None), (Some(Mask::Relu6), Some(Mask::Relu))]
        {
            let passing = bits(mask, rows, outputs, 15);
            let passing = passing.as_ref();
            let finish = convolution::Finish { bias: Some(&bias), sum: Some(&sum), activation, passing };
            let finished: Vec<f64> = (plain.iter().enumerate())
                .map(|(at, result)| {
                    let result = result + f64::from(bias[at % outputs]) + f64::from(sum[at]);
                    let result = match activation {
                        None => result,
                        Some(Mask::Relu) => result.max(0.),
                        Some(Mask::Relu6) => result.clamp(0., 6.),
                    };
                    result * passes(passing, at, outputs)
                })
                .collect();
            everywhere(&finished, &format!("{what}, finished"), |into, how| {
                let mut marks = Bits::none(rows, outputs);
                convolution::convolve(&shape, &packed, &x, finish, Some(&mut marks), into, how);
                if let (Some(mask), None) = (activation, passing) {
                    assert_marked(&marks, into, outputs, mask);
                }
            });
        }
    }
}

#[test]
fn a_sample_is_convolved_the_same_alone_and_among_others() {
    let (input, inputs, outputs) = ([7, 7], 60, 40);
    let x = numbers(3 * 49 * inputs, 16);
    let packed = convolution::Weights::new(&numbers(outputs * inputs, 17), [outputs, inputs, 1, 1]);
    let of = |pictures: usize, x: &[f32], threads: usize| {
        let shape = convolution::Shape { pictures, input, output: input, stride: 1, padding: [0; 2] };
        let mut into = vec![0.; pictures * 49 * outputs];
        convolution::convolve(
            &shape,
            &packed,
            x,
            convolution::Finish::default(),
            None,
            &mut into,
            (processor(), threads),
        );
        into
    };
    let all = of(3, &x, 2);
    for (alone, among) in x.chunks(49 * inputs).zip(all.chunks(49 * outputs)) {
        assert!(of(1, alone, 1) == among && of(1, alone, 5) == among);
    }
}

#[test]
fn what_an_activation_function_lets_through() {
    for (positions, channels) in [(5, 3), (7, 16), (2, 40), (900, 65)] {
        for mask in [Mask::Relu, Mask::Relu6] {
            // Zeros and sixes are at the ends of what passes.
            let mut y = numbers(positions * channels, 18);
            y.iter_mut().step_by(3).for_each(|y| *y = y.clamp(0., 6.));
            let gradient = numbers(y.len(), 19);
            let pass = |(gradient, y): (&f32, &f32)| if mask.passes(*y) { f64::from(*gradient) } else { 0. };
            let wanted: Vec<f64> = gradient.iter().zip(&y).map(pass).collect();
            everywhere(&wanted, "what passes", |into, how| {
                let marks = passing::marks(&y, channels, mask, how);
                assert_marked(&marks, &y, channels, mask);
                passing::pass(&gradient, channels, &marks, into, how);
            });
        }
    }
}

#[test]
fn local_response_normalization_and_its_gradient() {
    for (size, beta) in [(5, 0.75), (4, 0.5), (1, 0.75), (3, 0.6)] {
        let (positions, channels) = (1100, 37);
        let norm = response_norm::Norm { size, alpha: 0.9, beta, k: 1.5 };
        let (x, gradient) = (small(positions * channels, 20), small(positions * channels, 21));
        let [alpha, beta, k] = [norm.alpha, norm.beta, norm.k].map(f64::from);
        // The sum that is raised to the power, and the channels that it is made of.
        let of = |channel: usize| channel.saturating_sub(size / 2)..(channel + size - size / 2).min(channels);
        let d = |at: usize| {
            let (first, channel) = (at / channels * channels, at % channels);
            k + alpha / size as f64 * of(channel).map(|c| f64::from(x[first + c]).powi(2)).sum::<f64>()
        };
        let forward: Vec<f64> = (0..x.len()).map(|at| f64::from(x[at]) * d(at).powf(-beta)).collect();
        everywhere(&forward, &format!("normalized by {norm:?}"), |into, how| {
            response_norm::normalize(norm, &x, channels, into, how);
        });
        let through = |at: usize| f64::from(gradient[at]) * f64::from(x[at]) * d(at).powf(-beta - 1.);
        let back: Vec<f64> = (0..x.len())
            .map(|at| {
                let (first, channel) = (at / channels * channels, at % channels);
                let whose = (0..channels).filter(|&other| of(other).contains(&channel));
                let sum = whose.map(|other| through(first + other)).sum::<f64>();
                f64::from(gradient[at]) * d(at).powf(-beta) - 2. * alpha * beta / size as f64 * f64::from(x[at]) * sum
            })
            .collect();
        everywhere(&back, &format!("the gradient of {norm:?}"), |into, how| {
            response_norm::pullback(norm, &gradient, &x, channels, into, how);
        });
    }
}
