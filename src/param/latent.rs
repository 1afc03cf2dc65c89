//! The code of a frozen generator as the trainable tensor: the natural image prior (Nguyen et al. 2016, "Synthesizing the
//! preferred inputs for neurons in neural networks via deep generator networks"; after Dosovitskiy & Brox 2016).

use frozen::network::{Pass, Schedule};
use generators::{Generator, from_pictures, to_pictures};
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::Param;
use crate::random::{Purpose, Seed, normal, stream};

/// Where codes may lie.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Space {
    /// Anywhere; they start as draws from the standard normal distribution that the generator was trained on.
    Gaussian,
    /// On the sphere of radius sqrt(d), where nearly all of the standard normal distribution in d dimensions lies: the
    /// norm stays what the generator knows, and only the direction is searched.
    Shell,
}

/// How a method asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LatentSpec {
    /// Where codes may lie.
    pub space: Space,
    /// How many random codes are tried (one forward pass each) before the search; those with the highest activation are
    /// the starts. 1 takes codes as they come.
    #[serde(default = "one")]
    pub screen: usize,
    /// How many starts are tried; after `trial` steps of each, the one with the highest activation goes on.
    #[serde(default = "one")]
    pub starts: usize,
    /// Steps after which all starts but one are given up.
    #[serde(default)]
    pub trial: usize,
}

fn one() -> usize {
    1
}

/// The condition of a conditional generator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// One class, held fixed: its index.
    Class(usize),
    /// A point of the simplex over the classes (a softmax of trainable numbers), optimized together with the code.
    Relaxed,
}

/// Codes of a batch, in front of their generator.
#[derive(Debug)]
pub struct Latent<'g> {
    generator: &'g Generator,
    schedule: &'g Schedule,
    space: Space,
    /// `[N, latent]`
    code: Tensor,
    /// `[N, classes]`: the trainable numbers behind a relaxed condition, or a one-hot class.
    condition: Option<(Condition, Tensor)>,
    pass: Option<Pass<'g>>,
}

impl<'g> Latent<'g> {
    /// One start for each (seed, number): the number-th draw from the prior with that seed.
    pub fn new(
        generator: &'g Generator,
        schedule: &'g Schedule,
        space: Space,
        condition: Option<Condition>,
        starts: &[(Seed, u64)],
    ) -> Latent<'g> {
        let (kind, device) = (generator.network.kind(), generator.network.device());
        let draw = |purpose: Purpose, width: i64| {
            let numbers: Vec<f32> = starts
                .iter()
                .flat_map(|&(seed, number)| normal(&mut stream(seed, purpose, number), width as usize))
                .collect();
            Tensor::from_slice(&numbers).view([starts.len() as i64, width]).to_kind(kind).to_device(device)
        };
        let classes = generator.classes.len() as i64;
        let condition = condition.filter(|_| classes > 0).map(|condition| {
            let tensor = match condition {
                Condition::Relaxed => draw(Purpose::Condition, classes),
                Condition::Class(class) => {
                    let one_hot = Tensor::zeros([starts.len() as i64, classes], (kind, device));
                    let _ = one_hot.select(1, class as i64).fill_(1.);
                    one_hot
                }
            };
            (condition, tensor)
        });
        let mut latent =
            Latent { generator, schedule, space, code: draw(Purpose::Start, generator.latent), condition, pass: None };
        latent.project();
        latent
    }

    /// The condition as it enters the generator: a point of the simplex.
    fn weights(&self) -> Option<Tensor> {
        self.condition.as_ref().map(|(condition, tensor)| match condition {
            Condition::Relaxed => tensor.softmax(1, None::<Kind>),
            Condition::Class(_) => tensor.shallow_clone(),
        })
    }
}

impl Param for Latent<'_> {
    fn pictures(&mut self) -> Tensor {
        let input = match self.weights() {
            Some(weights) => Tensor::cat(&[&self.code, &weights], 1),
            None => self.code.shallow_clone(),
        };
        let pass = self.generator.network.forward(self.schedule, &input);
        let pictures = to_pictures(pass.activation(self.generator.network.output()));
        self.pass = Some(pass);
        pictures
    }

    fn pullback(&mut self, gradient: &Tensor) -> Vec<Tensor> {
        let pass = self.pass.take().expect("pictures were made before");
        let output = self.generator.network.output();
        let at_input = pass.pullback([(output, from_pictures(gradient, self.generator.channels))]);
        let mut gradients = vec![at_input.narrow(1, 0, self.generator.latent)];
        if let (Some((Condition::Relaxed, _)), Some(weights)) = (&self.condition, self.weights()) {
            let g = at_input.narrow(1, self.generator.latent, weights.size()[1]);
            let mean = (&g * &weights).sum_dim_intlist(1i64, true, None::<Kind>);
            gradients.push(weights * (g - mean));
        }
        gradients
    }

    fn tensors(&self) -> Vec<Tensor> {
        let mut tensors = vec![self.code.shallow_clone()];
        if let Some((Condition::Relaxed, numbers)) = &self.condition {
            tensors.push(numbers.shallow_clone());
        }
        tensors
    }

    fn state(&self) -> Vec<(&'static str, Tensor)> {
        let weights = self.weights().map(|weights| ("condition", weights));
        std::iter::once(("code", self.code.shallow_clone())).chain(weights).collect()
    }

    fn project(&mut self) {
        if self.space == Space::Shell {
            let radius = (self.generator.latent as f64).sqrt();
            let norm = self.code.square().sum_dim_intlist(1i64, true, None::<Kind>).sqrt().clamp_min(1e-12);
            let _ = self.code.g_mul_(&(norm.reciprocal() * radius));
        }
    }

    fn size(&self) -> [i64; 2] {
        self.generator.size
    }

    fn code(&self) -> Option<Tensor> {
        Some(self.code.shallow_clone())
    }
}
