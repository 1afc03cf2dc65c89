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
//! 0 is in the generator's range; 1 is no nearer than the mean photograph. What a picture has beyond photographs makes its denominator large, so
//! gaps of pixel results and of photographs cannot be held against each other; the distance can, which has the same denominator for all:
//! the mean of |phi(p) - m|^2 over the photographs p.
//! The nearest of many random codes are the starts of an
//! optimization by Adam, and the best of these are followed to the end; the best point that any of them passes counts, so that the gap found
//! is an upper bound.

use classifiers::Classifier;
use frozen::network::Point;
use frozen::resize::Resize;
use generators::Generator;
use image::RgbImage;
use tch::{Device, Kind, Tensor};

use crate::error::Result;
use crate::look::pooled;
use crate::optimizer::OptimizerSpec;
use crate::param::{Condition, Latent, LatentSpec, Param};
use crate::picture::{from_rgb8, to_rgb8};
use crate::random::Seed;

/// Random codes whose features are compared, of which the nearest are the starts.
const SCREENED: u64 = 256;

/// Codes that are followed for a picture at first.
const STARTS: usize = 6;

/// Steps by which codes that are near in pixels are brought nearer.
const APPROACH: usize = 120;

/// Side at which pixels are compared.
const SMALL: i64 = 32;

/// Steps after which the others are given up.
const TRIAL: usize = 20;

/// Codes that are followed to the end.
const LAST: usize = 2;

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
    /// Steps of those codes that are followed to the end.
    pub steps: usize,
    /// Of the random codes.
    pub seed: Seed,
    /// Mean features of the photographs.
    pub mean: &'a [f32],
    /// The mean squared distance of the photographs' features from these.
    pub spread: f64,
}

/// What codes are searched for.
enum Goal<'a> {
    /// Features `[1,D]`.
    Features(&'a Tensor),
    /// A small picture `[1,3,S,S]`.
    Pixels(&'a Tensor),
}

/// The nearest picture that was found.
#[derive(Debug)]
pub struct Nearest {
    /// The gap, 0 or more.
    pub gap: f64,
    /// The squared distance over that of photographs from their mean, 0 or more.
    pub distance: f64,
    /// `[3,H,W]` in `[0,1]`, on the CPU.
    pub picture: Tensor,
}

/// The squared distances of pictures' features, averaged over positions, to `to` `[N,D]`, and the gradient by the pictures `[N,3,H,W]` where it is
/// wanted.
pub(super) fn distance_in_features(
    network: &Classifier,
    features: Point,
    pictures: &Tensor,
    to: &Tensor,
    wanted: bool,
) -> (Tensor, Option<Tensor>) {
    let size = [pictures.size()[2], pictures.size()[3]];
    let resize = Resize::new(size, [network.size; 2], network.network.kind(), network.network.device());
    let own = network.input_pipeline([network.size; 2], [network.size; 2]);
    let schedule = network.network.schedule(&[features]);
    let schedule = if wanted { schedule } else { schedule.forward_only() };
    let input = frozen::network::channels_last(&own.apply(&resize.apply(pictures)));
    let pass = network.network.forward(&schedule, &input);
    let activation = pass.activation(features).shallow_clone();
    let off = pooled(&activation) - to;
    let distance = off.square().sum_dim_intlist([1i64].as_slice(), false, Kind::Float);
    if !wanted {
        return (distance, None);
    }
    let shape = activation.size();
    let positions: i64 = shape[2..].iter().product();
    let gradient = (off * (2. / positions as f64)).view([&shape[..2], &vec![1; shape.len() - 2]].concat().as_slice());
    let gradient = gradient.expand(&shape, false).contiguous();
    let at_input = pass.pullback([(features, frozen::network::channels_last(&gradient))]);
    let std = Tensor::from_slice(&network.std).view([1, 3, 1, 1]).to_kind(at_input.kind()).to_device(at_input.device());
    (distance, Some(resize.pullback(&(at_input / std))))
}

impl Inversion<'_> {
    /// The nearest pictures to these, whose features `[D]` are given, in their order. `watch` is told how many of how many steps are done.
    ///
    /// # Errors
    /// A request, where the optimizer follows no gradient.
    pub fn nearest(
        &self,
        of: &[(&RgbImage, &[f32])],
        watch: &dyn Fn(usize, usize) -> Result<()>,
    ) -> Result<Vec<Nearest>> {
        let _guard = tch::no_grad_guard();
        let (kind, device) = (self.target.network.kind(), self.target.network.device());
        let rows = |numbers: &[&[f32]]| {
            let flat: Vec<f32> = numbers.concat();
            Tensor::from_slice(&flat).view([numbers.len() as i64, -1]).to_kind(kind).to_device(device)
        };
        let forward_only = self.generator.schedule().forward_only();
        // The features of the random codes are the same for every picture.
        let numbers: Vec<u64> = (0..SCREENED).collect();
        let (mut screened, mut small) = (vec![], vec![]);
        for part in numbers.chunks(AT_ONCE) {
            let starts: Vec<(Seed, u64)> = part.iter().map(|&number| (self.seed, number)).collect();
            let mut latent = Latent::new(self.generator, &forward_only, &self.spec, self.condition, &starts);
            let pictures = latent.pictures();
            screened.push(self.features_of(&pictures));
            small.push(self.shrink(&pictures).apply(&pictures));
        }
        let (screened, small) = (Tensor::cat(&screened, 0), Tensor::cat(&small, 0));
        let mean = rows(&[self.mean]);
        let schedule = self.generator.schedule();
        let mut found = vec![];
        let (total, of_picture) = (of.len() * self.cost(), self.cost());
        for (number, (picture, features)) in of.iter().enumerate() {
            let wanted = rows(&[features]);
            let nearest = |all: &Tensor, to: &Tensor, count: usize| -> Result<Vec<(Seed, u64)>> {
                let off = (all - to).square().flatten(1, -1).sum_dim_intlist([1i64].as_slice(), false, Kind::Float);
                let order = Vec::<i64>::try_from(&off.argsort(0, false).to_device(Device::Cpu))?;
                Ok(order[..count].iter().map(|&number| (self.seed, number as u64)).collect())
            };
            // Half of the codes are near in features, half in pixels and brought nearer there: what the generator itself made is found by
            // its pixels, on whose way there are few traps.
            let shown = from_rgb8(picture).unsqueeze(0).to_kind(kind).to_device(device);
            let pixels = self.shrink(&shown).apply(&shown);
            let mut starts = nearest(&screened, &wanted, STARTS / 2)?;
            let by_pixels = nearest(&small, &pixels, STARTS - STARTS / 2)?;
            let mut near = Latent::new(self.generator, &schedule, &self.spec, self.condition, &by_pixels);
            let done = number * of_picture;
            let _ = self.descend(&mut near, &Goal::Pixels(&pixels), APPROACH, &|steps| {
                watch(done + steps * by_pixels.len(), total)
            })?;
            starts.extend(&by_pixels);
            let mut latent = Latent::new(self.generator, &schedule, &self.spec, self.condition, &starts);
            for (tensor, near) in latent.tensors().iter().zip(near.tensors()) {
                tensor.narrow(0, (STARTS / 2) as i64, by_pixels.len() as i64).copy_(&near);
            }
            let done = done + APPROACH * by_pixels.len();
            let goal = Goal::Features(&wanted);
            let (least, _) = self.descend(&mut latent, &goal, TRIAL, &|steps| watch(done + steps * STARTS, total))?;
            // The best of them go on.
            let best = least.argsort(0, false).narrow(0, 0, LAST as i64);
            let kept: Vec<Tensor> = latent.tensors().iter().map(|tensor| tensor.index_select(0, &best)).collect();
            let mut latent = Latent::new(self.generator, &schedule, &self.spec, self.condition, &starts[..LAST]);
            for (mut tensor, kept) in latent.tensors().into_iter().zip(kept) {
                tensor.copy_(&kept);
            }
            let done = done + TRIAL * STARTS;
            let follow = |steps: usize| watch(done + steps * LAST, total);
            let (least, pictures) = self.descend(&mut latent, &goal, self.steps, &follow)?;
            let place = least.argmin(0, false).int64_value(&[]);
            let scale = (&wanted - &mean).square().sum(Kind::Float).double_value(&[]);
            let least = least.double_value(&[place]);
            found.push(Nearest {
                gap: least / scale.max(f64::MIN_POSITIVE),
                distance: least / self.spread.max(f64::MIN_POSITIVE),
                picture: pictures.get(place).to_device(Device::Cpu).to_kind(Kind::Float),
            });
        }
        Ok(found)
    }

    /// Passes of the search for one picture.
    pub fn cost(&self) -> usize {
        (STARTS - STARTS / 2) * APPROACH + STARTS * TRIAL + LAST * self.steps
    }

    /// Brings pictures to the size at which their pixels are compared.
    fn shrink(&self, pictures: &Tensor) -> Resize {
        Resize::new([pictures.size()[2], pictures.size()[3]], [SMALL; 2], pictures.kind(), pictures.device())
    }

    /// Squared distances of pictures to a goal, `[N]`, and their gradients where they are wanted.
    fn distances(&self, pictures: &Tensor, goal: &Goal, wanted: bool) -> (Tensor, Option<Tensor>) {
        match goal {
            Goal::Features(to) => distance_in_features(self.target, self.features, pictures, to, wanted),
            Goal::Pixels(to) => {
                let shrink = self.shrink(pictures);
                let off = shrink.apply(pictures) - *to;
                let distance = off.square().sum_dim_intlist([1i64, 2, 3].as_slice(), false, Kind::Float);
                (distance, wanted.then(|| shrink.pullback(&(off * 2.))))
            }
        }
    }

    /// Goes towards a goal from every code; gives the least distance of each on the way, `[N]`, and its pictures.
    fn descend(
        &self,
        latent: &mut Latent,
        goal: &Goal,
        steps: usize,
        follow: &dyn Fn(usize) -> Result<()>,
    ) -> Result<(Tensor, Tensor)> {
        let tensors = latent.tensors();
        let mut optimizer = self.optimizer.build(&tensors)?;
        let pictures = latent.pictures();
        let (mut least, mut gradient) = self.distances(&pictures, goal, steps > 0);
        let mut kept = pictures.copy();
        for step in 0..steps {
            let Some(uphill) = gradient else { break };
            // Optimizers ascend.
            let gradients = latent.pullback(&-uphill);
            optimizer.ascend(&tensors, &gradients, step, steps);
            latent.project();
            let pictures = latent.pictures();
            let (distance, next) = self.distances(&pictures, goal, step + 1 < steps);
            kept = pictures.where_self(&distance.lt_tensor(&least).view([-1, 1, 1, 1]), &kept);
            least = distance.minimum(&least);
            gradient = next;
            follow(step + 1)?;
        }
        Ok((least, kept))
    }

    /// So many random pictures of the generator, from its draw `first` on, with 8 bits.
    ///
    /// # Errors
    /// None that a generator of pictures can cause.
    pub fn own_pictures(&self, count: u64, first: u64) -> Result<Vec<RgbImage>> {
        let _guard = tch::no_grad_guard();
        let starts: Vec<(Seed, u64)> = (first..first + count).map(|number| (self.seed, number)).collect();
        let forward_only = self.generator.schedule().forward_only();
        let mut latent = Latent::new(self.generator, &forward_only, &self.spec, self.condition, &starts);
        let pictures = latent.pictures().to_device(Device::Cpu).to_kind(Kind::Float);
        (0..count as i64).map(|row| to_rgb8(&pictures.get(row))).collect()
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
