//! What codes have in common: how they are drawn from a generator's prior, and that prior's moments.

use generators::{Generator, Prior};
use tch::{Kind, Tensor};

use crate::random::{Purpose, Seed, normal, stream, truncated_normal};

/// `[N, …]`
pub(super) fn shape_of(count: usize, rest: &[i64]) -> Vec<i64> {
    std::iter::once(count as i64).chain(rest.iter().copied()).collect()
}

/// The shape of what is drawn for one code.
pub(super) fn drawn_shape(generator: &Generator) -> Vec<i64> {
    generator.mapping.as_ref().map_or_else(|| generator.code.shape.clone(), |mapping| vec![mapping.inputs])
}

/// The number-th draw from the prior with that seed, before the mapping where there is one.
pub(super) fn drawn(generator: &Generator, (seed, number): (Seed, u64)) -> Vec<f32> {
    let mut rng = stream(seed, Purpose::Start, number);
    let count = drawn_shape(generator).iter().product::<i64>() as usize;
    match &generator.code.prior {
        Prior::Normal => normal(&mut rng, count),
        Prior::Truncated { truncation } => {
            truncated_normal(&mut rng, count).into_iter().map(|number| number * *truncation as f32).collect()
        }
        Prior::Codebook { mean, deviation } => {
            let places = count / mean.len();
            let scaled = |(at, number): (usize, f32)| mean[at / places] + deviation[at / places] * number;
            normal(&mut rng, count).into_iter().enumerate().map(scaled).collect()
        }
        Prior::Rectified => normal(&mut rng, count).into_iter().map(|number| number.max(0.)).collect(),
    }
}

/// Codes `[N,…]` drawn from the prior: one for each (seed, number), the number-th draw with that seed.
pub(super) fn draws(generator: &Generator, starts: &[(Seed, u64)]) -> Tensor {
    let rows = starts.iter().flat_map(|start| drawn(generator, *start)).collect();
    let code = on_device(generator, rows, &shape_of(starts.len(), &drawn_shape(generator)));
    match &generator.mapping {
        None => code,
        Some(mapping) => {
            let schedule = mapping.network.schedule(&[mapping.network.output()]);
            let codes = mapping.network.forward(&schedule, &code);
            codes.activation(mapping.network.output()).view(&shape_of(starts.len(), &generator.code.shape)[..])
        }
    }
}

/// Numbers in the type and at the place of a generator's weights.
pub(super) fn on_device(generator: &Generator, numbers: Vec<f32>, shape: &[i64]) -> Tensor {
    let (kind, device) = (generator.network.kind(), generator.network.device());
    Tensor::from_slice(&numbers).view(shape).to_kind(kind).to_device(device)
}

/// Draws from a prior by which its dimensions are measured.
pub const STATISTICS_OF: u64 = 4096;

/// A number `[1]` for all dimensions.
pub(super) fn constant(generator: &Generator, number: f64) -> Tensor {
    on_device(generator, vec![number as f32], &[1])
}

/// Mean and standard deviation of a generator's codes: `[1]` where they are known of its prior, else `[1,…]` of draws from it.
pub(super) fn moments(generator: &Generator) -> (Tensor, Tensor) {
    match (&generator.code.prior, &generator.mapping) {
        (Prior::Normal, None) => (constant(generator, 0.), constant(generator, 1.)),
        // That of a normal number between -2 and 2 is 0.880.
        (Prior::Truncated { truncation }, None) => (constant(generator, 0.), constant(generator, 0.88 * truncation)),
        (Prior::Codebook { mean, deviation }, None) => {
            let of_channels =
                |numbers: &[f32]| on_device(generator, numbers.to_vec(), &[1, numbers.len() as i64, 1, 1]);
            (of_channels(mean), of_channels(deviation))
        }
        _ => statistics(generator),
    }
}

/// Mean and standard deviation `[1,…]` of each dimension of a generator's codes, over [`STATISTICS_OF`] draws from its prior.
pub(super) fn statistics(generator: &Generator) -> (Tensor, Tensor) {
    let starts: Vec<(Seed, u64)> = (0..STATISTICS_OF).map(|number| (Seed(0), number)).collect();
    let codes = draws(generator, &starts);
    (codes.mean_dim(0i64, true, None::<Kind>), codes.std_dim(0i64, true, true))
}
