//! F6, the inversion gap (this project): how near a generator can come to what the target sees in a given picture. It separates "the
//! generator cannot express it" from "the optimizer did not find it".
//!
//! For a picture x with features phi(x) (the target's last ones, pooled over positions), the code z whose picture is nearest is
//! searched:
//!
//! ```text
//! gap = min_z |phi(G(z)) - phi(x)|^2 / |phi(x) - m|^2        m: mean phi of the photographs
//! ```
//!
//! 0 is in the generator's range; 1 is no nearer than the mean photograph. The best of many random codes are the starts of an
//! optimization by Adam; the best point that any of them passes counts, so that the gap found is an upper bound.

use anyhow::Result;
use frozen::network::Point;
use generators::Generator;
use tch::{Device, Kind, Tensor};

use super::look::pooled;
use crate::optimizer::OptimizerSpec;
use crate::param::{Condition, Latent, LatentSpec, Param};
use crate::random::Seed;
use classifiers::Classifier;

/// Random codes whose features are compared, of which the nearest are the starts.
const SCREENED: u64 = 256;

/// Optimizations from different codes for each picture.
pub const STARTS: usize = 3;

/// Pictures that pass together.
const AT_ONCE: usize = 8;

/// What is inverted, and with what.
pub struct Inversion<'a> {
    /// Whose features are matched.
    pub target: &'a Classifier,
    /// The layer of these features.
    pub features: Point,
    /// Whose codes are searched.
    pub generator: &'a Generator,
    /// Where codes may lie.
    pub spec: LatentSpec,
    /// What a conditional generator is conditioned on.
    pub condition: Option<Condition>,
    /// What a step does.
    pub optimizer: OptimizerSpec,
    /// Steps of each start.
    pub steps: usize,
    /// Of the random codes.
    pub seed: Seed,
    /// Mean features of the photographs.
    pub mean: &'a [f32],
}

/// The nearest picture that was found.
#[derive(Debug)]
pub struct Nearest {
    /// The gap, 0 or more.
    pub gap: f64,
    /// `[3,H,W]` in [0,1], on the CPU.
    pub picture: Tensor,
}

impl Inversion<'_> {
    /// The target's features of a generator's pictures of this size, `[N,D]`, and their gradient of the squared distance to `to`.
    fn distances(&self, pictures: &Tensor, to: &Tensor, wanted: bool) -> (Tensor, Option<Tensor>) {
        let target = self.target;
        let size = [pictures.size()[2], pictures.size()[3]];
        let resize =
            frozen::resize::Resize::new(size, [target.size; 2], target.network.kind(), target.network.device());
        let own = target.input_pipeline([target.size; 2], [target.size; 2]);
        let schedule = target.network.schedule(&[self.features]);
        let schedule = if wanted { schedule } else { schedule.forward_only() };
        let pass =
            target.network.forward(&schedule, &frozen::network::channels_last(&own.apply(&resize.apply(pictures))));
        let activation = pass.activation(self.features).shallow_clone();
        let off = pooled(&activation) - to;
        let distance = off.square().sum_dim_intlist([1i64].as_slice(), false, Kind::Float);
        if !wanted {
            return (distance, None);
        }
        let shape = activation.size();
        let positions: i64 = shape[2..].iter().product();
        let gradient =
            (off * (2. / positions as f64)).view([&shape[..2], &vec![1; shape.len() - 2]].concat().as_slice());
        let gradient = gradient.expand(&shape, false).contiguous();
        let at_input = pass.pullback([(self.features, frozen::network::channels_last(&gradient))]);
        let std =
            Tensor::from_slice(&target.std).view([1, 3, 1, 1]).to_kind(at_input.kind()).to_device(at_input.device());
        (distance, Some(resize.pullback(&(at_input / std))))
    }

    /// The nearest pictures to those with these features `[D]`, in their order. `watch` is told how many of how many steps are done.
    ///
    /// # Errors
    /// An optimizer without gradients.
    pub fn nearest(&self, features: &[Vec<f32>], watch: &dyn Fn(usize, usize)) -> Result<Vec<Nearest>> {
        let _guard = tch::no_grad_guard();
        let (kind, device) = (self.target.network.kind(), self.target.network.device());
        let rows = |numbers: &[&[f32]]| {
            let flat: Vec<f32> = numbers.concat();
            Tensor::from_slice(&flat).view([numbers.len() as i64, -1]).to_kind(kind).to_device(device)
        };
        let forward_only = self.generator.schedule().forward_only();
        // The features of the random codes are the same for every picture.
        let numbers: Vec<u64> = (0..SCREENED).collect();
        let mut screened = vec![];
        for part in numbers.chunks(AT_ONCE) {
            let starts: Vec<(Seed, u64)> = part.iter().map(|&number| (self.seed, number)).collect();
            let mut latent = Latent::new(self.generator, &forward_only, &self.spec, self.condition, &starts);
            screened.push(self.features_of(&latent.pictures()));
        }
        let screened = Tensor::cat(&screened, 0);
        let mean = rows(&[self.mean]);
        let schedule = self.generator.schedule();
        let mut found = vec![];
        let total = features.len() * STARTS * self.steps;
        for (chunk, part) in features.chunks((AT_ONCE / STARTS).max(1)).enumerate() {
            let wanted = rows(&part.iter().map(Vec::as_slice).collect::<Vec<_>>());
            let mut starts = vec![];
            let mut to = vec![];
            for row in 0..part.len() as i64 {
                let off = (&screened - wanted.get(row).unsqueeze(0)).square().sum_dim_intlist(
                    [1i64].as_slice(),
                    false,
                    Kind::Float,
                );
                let order = Vec::<i64>::try_from(&off.argsort(0, false).to_device(Device::Cpu))?;
                starts.extend(order[..STARTS].iter().map(|&number| (self.seed, number as u64)));
                to.extend((0..STARTS).map(|_| wanted.get(row)));
            }
            let to = Tensor::stack(&to, 0);
            let mut latent = Latent::new(self.generator, &schedule, &self.spec, self.condition, &starts);
            let tensors = latent.tensors();
            let mut optimizer = self.optimizer.build(&tensors)?;
            let mut best: Option<(Tensor, Tensor)> = None;
            for step in 0..=self.steps {
                let pictures = latent.pictures();
                let (distance, gradient) = self.distances(&pictures, &to, step < self.steps);
                best = Some(match best {
                    None => (distance, pictures.copy()),
                    Some((least, kept)) => {
                        let better = distance.lt_tensor(&least);
                        let kept = pictures.where_self(&better.view([-1, 1, 1, 1]), &kept);
                        (distance.minimum(&least), kept)
                    }
                });
                let Some(gradient) = gradient else { break };
                // Optimizers ascend.
                let gradients = latent.pullback(&-gradient);
                optimizer.ascend(&tensors, &gradients, step, self.steps);
                latent.project();
                watch((chunk * (AT_ONCE / STARTS).max(1)) * STARTS * self.steps + step * part.len() * STARTS, total);
            }
            let Some((least, pictures)) = best else { continue };
            let least = least.view([part.len() as i64, STARTS as i64]);
            let (of_picture, place) = least.min_dim(1, false);
            let scale = (&wanted - &mean).square().sum_dim_intlist([1i64].as_slice(), false, Kind::Float);
            for row in 0..part.len() as i64 {
                let best = row * STARTS as i64 + place.int64_value(&[row]);
                found.push(Nearest {
                    gap: of_picture.double_value(&[row]) / scale.double_value(&[row]).max(f64::MIN_POSITIVE),
                    picture: pictures.get(best).to_device(Device::Cpu).to_kind(Kind::Float),
                });
            }
        }
        Ok(found)
    }

    /// So many random pictures of the generator, from its draw `first` on, with 8 bits.
    ///
    /// # Errors
    /// None that a generator of pictures can cause.
    pub fn own_pictures(&self, count: u64, first: u64) -> Result<Vec<image::RgbImage>> {
        let _guard = tch::no_grad_guard();
        let starts: Vec<(Seed, u64)> = (first..first + count).map(|number| (self.seed, number)).collect();
        let forward_only = self.generator.schedule().forward_only();
        let mut latent = Latent::new(self.generator, &forward_only, &self.spec, self.condition, &starts);
        let pictures = latent.pictures().to_device(Device::Cpu).to_kind(Kind::Float);
        (0..count as i64).map(|row| crate::picture::to_rgb8(&pictures.get(row))).collect()
    }

    /// The target's features of pictures `[N,3,H,W]`, `[N,D]`.
    fn features_of(&self, pictures: &Tensor) -> Tensor {
        let target = self.target;
        let size = [pictures.size()[2], pictures.size()[3]];
        let input = target.input_pipeline(size, [target.size; 2]).apply(pictures);
        let schedule = target.network.schedule(&[self.features]).forward_only();
        let pass = target.network.forward(&schedule, &frozen::network::channels_last(&input));
        pooled(pass.activation(self.features))
    }
}
