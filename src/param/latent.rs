//! The code of a frozen generator as the trainable tensor: the natural image prior (Nguyen et al. 2016, "Synthesizing the
//! preferred inputs for neurons in neural networks via deep generator networks"; after Dosovitskiy & Brox 2016).

use std::fmt;

use frozen::network::{Pass, Schedule};
use generators::Generator;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::colouring::Colouring;
use super::limits::{LimitTensors, Limits};
use super::parameterization::Param;
use super::prior::{constant, draws, moments, on_device, shape_of};
use crate::random::{Purpose, Seed, normal, stream};

/// Where codes may lie.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Space {
    /// Anywhere; they start as draws from the distribution that the generator was trained on.
    Gaussian,
    /// Within a few standard deviations of the prior's mean in every dimension; what leaves that range is set to its end.
    Truncated {
        /// In standard deviations.
        limit: f64,
    },
    /// Within limits of each dimension's own; what leaves them is set to the nearer one.
    Bounded(Limits),
    /// A spatial code as its Fourier spectrum, low frequencies scaled up as in lucid: neighbouring places then hang together,
    /// and the generator's grid does not show. Only for codes of height and width.
    Fourier {
        /// Standard deviation of the code that it starts from, in those of the prior.
        noise: f64,
        /// How fast the scale falls: a frequency f has f^-decay.
        decay: f64,
    },
    /// White numbers, coloured to codes like those of photographs: the channels of a spatial code have at each spatial frequency the
    /// covariance that a table of the generator says (`models learn-codes`). Of a code without height and width: the covariance of
    /// draws from its prior.
    Statistics {
        /// Standard deviation of the white numbers that it starts from; photographs have 1.
        noise: f64,
        /// The most that the mean square of the white numbers may be in each ring of spatial frequencies, where photographs have 1 (and two
        /// standard deviations of white noise more, which matters where there are few). None: any.
        #[serde(default, skip_serializing_if = "is_default")]
        limit: Option<f64>,
        /// Coarse to fine: steps until all spatial frequencies are searched. The lowest are from the first step on, and the others join one ring
        /// after the other. 0: all of them at once.
        #[serde(default, skip_serializing_if = "is_default")]
        opening: usize,
    },
    /// On the sphere of radius sqrt(d), where nearly all of the standard normal distribution in d dimensions lies: the
    /// norm stays what the generator knows, and only the direction is searched. Of a prior that is another (the w of a
    /// StyleGAN, codes behind a ReLU): at the distance from its mean that its draws have.
    Shell,
}

impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Space::Gaussian => f.write_str("codes anywhere"),
            Space::Truncated { limit } => write!(f, "codes within {limit} standard deviations of the prior"),
            Space::Bounded(limits) => write!(f, "codes within {limits}"),
            Space::Fourier { .. } => f.write_str("spectra of spatial codes"),
            Space::Statistics { .. } => f.write_str("codes like those of photographs"),
            Space::Shell => f.write_str("codes on the sphere of the prior's typical norm"),
        }
    }
}

/// What a search begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// Draws from the distribution that the generator's codes had in training, brought into the space.
    #[default]
    Prior,
    /// Standard normal numbers as they come, whatever the generator's codes are like (Nguyen et al. 2016); the space holds
    /// from the first step on.
    Normal,
}

/// Settings of the param `latent`: the space that the code is searched in, and how its start is found (screening, trials).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// What the search begins with.
    #[serde(default, skip_serializing_if = "is_default")]
    pub start: Start,
    /// Photographs whose codes it begins with instead, each start with a random square of one: a set of the zoo, a folder, or a file. The
    /// generator's encoder brings them to codes.
    #[serde(default, skip_serializing_if = "is_default")]
    pub from: Option<String>,
    /// Whether the classifier sees numbers beyond black and white as the generator made them. A saved picture never has them.
    #[serde(default, skip_serializing_if = "is_default")]
    pub unclamped: bool,
}

impl LatentSpec {
    /// A search from one code, in this space.
    pub fn in_space(space: Space) -> LatentSpec {
        LatentSpec { space, screen: 1, starts: 1, trial: 0, start: Start::default(), from: None, unclamped: false }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
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
    /// The limits of a bounded or truncated space.
    bounds: Option<LimitTensors>,
    /// Centre `[1]` or `[1,…]` and radius of a shell.
    sphere: Option<(Tensor, Tensor)>,
    unclamped: bool,
    /// `[N, …]`: codes, or the numbers of their spectra `[N,C,h,w/2+1,2]`.
    trained: Tensor,
    /// How what is trained becomes codes, where it is not these themselves.
    colouring: Option<Colouring>,
    /// `[N, classes]`: the trainable numbers behind a relaxed condition, or a one-hot class.
    condition: Option<(Condition, Tensor)>,
    pass: Option<Pass<'g>>,
    /// The last pictures, which the pullback of clamping reads.
    pictures: Option<Tensor>,
    /// The step of the search, from 0.
    step: usize,
}

impl<'g> Latent<'g> {
    /// One start for each (seed, number): the number-th draw with that seed.
    pub fn new(
        generator: &'g Generator,
        schedule: &'g Schedule,
        spec: &LatentSpec,
        condition: Option<Condition>,
        starts: &[(Seed, u64)],
    ) -> Latent<'g> {
        let classes = generator.classes();
        let condition = condition.filter(|_| classes > 0).map(|condition| {
            let shape = [starts.len() as i64, classes];
            let tensor = match condition {
                Condition::Relaxed => {
                    let row = |&(seed, number): &(Seed, u64)| {
                        normal(&mut stream(seed, Purpose::Condition, number), classes as usize)
                    };
                    on_device(generator, starts.iter().flat_map(row).collect(), &shape)
                }
                Condition::Class(class) => {
                    let one_hot = on_device(generator, vec![0.; starts.len() * classes as usize], &shape);
                    let _ = one_hot.select(1, class as i64).fill_(1.);
                    one_hot
                }
            };
            (condition, tensor)
        });
        let white = matches!(spec.space, Space::Statistics { .. });
        let code = match spec.start {
            Start::Prior if !white => draws(generator, starts),
            Start::Prior | Start::Normal => {
                let numbers = generator.code.numbers() as usize;
                let row = |&(seed, number): &(Seed, u64)| normal(&mut stream(seed, Purpose::Start, number), numbers);
                let shape = shape_of(starts.len(), &generator.code.shape);
                on_device(generator, starts.iter().flat_map(row).collect(), &shape)
            }
        };
        let bounds = match &spec.space {
            Space::Bounded(limits) => Some(limits.of(generator)),
            Space::Truncated { limit } => Some(LimitTensors::around(generator, moments(generator), *limit)),
            _ => None,
        };
        let sphere = (spec.space == Space::Shell).then(|| {
            let (mean, deviation) = moments(generator);
            let numbers = generator.code.numbers() as f64;
            (mean, (deviation.square().mean(None::<Kind>) * numbers).sqrt())
        });
        let mut latent = Latent {
            generator,
            schedule,
            space: spec.space.clone(),
            bounds,
            sphere,
            unclamped: spec.unclamped,
            trained: code,
            colouring: None,
            condition,
            pass: None,
            pictures: None,
            step: 0,
        };
        match spec.space {
            Space::Fourier { noise, decay } => {
                let (mean, _) = moments(generator);
                let codes = &latent.trained - &mean;
                latent.take_as_white(Colouring::smooth(generator, mean, decay), &codes, noise);
            }
            Space::Statistics { noise, .. } => {
                let white = latent.trained.shallow_clone();
                latent.take_as_white(Colouring::of_statistics(generator), &white, noise);
            }
            _ => {}
        }
        if spec.start == Start::Prior {
            latent.project();
        }
        latent
    }

    /// Takes white numbers of the shape of codes, times `noise`, as what is trained: they are coloured to codes.
    fn take_as_white(&mut self, colouring: Colouring, white: &Tensor, noise: f64) {
        self.trained = (colouring.trained(white) * noise).contiguous();
        self.colouring = Some(colouring);
    }

    /// Starts from these codes `[N,…]` instead.
    pub fn start_from(&mut self, codes: &Tensor) {
        self.trained = match &self.colouring {
            Some(colouring) => colouring.trained_of(codes),
            None => codes.copy(),
        };
        self.project();
    }

    /// The codes `[N, …]`.
    fn codes(&self) -> Tensor {
        match &self.colouring {
            None => self.trained.shallow_clone(),
            Some(colouring) => colouring.codes(&self.trained, &self.generator.code.shape),
        }
    }

    /// The gradient with respect to what is trained, given that with respect to the codes.
    fn to_trained(&self, gradient: Tensor) -> Tensor {
        let Some(colouring) = &self.colouring else { return gradient };
        self.held_back(colouring.pullback(&gradient))
    }

    /// Mean and standard deviation of the prior in each number of [`tensors`](Param::tensors): `[1]` or `[1,…]` each.
    pub fn moments(&self) -> Vec<(Tensor, Tensor)> {
        let generator = self.generator;
        let codes = moments(generator);
        let of_codes = match (&self.space, &self.colouring) {
            // Spectra of codes of independent numbers, whose deviations differ little from place to place of a channel; their mean
            // is not in them.
            (Space::Fourier { noise, .. }, Some(colouring)) => {
                let of_channels = match codes.1.dim() {
                    4 => codes.1.square().mean_dim([2i64, 3].as_slice(), true, None::<Kind>).sqrt().unsqueeze(-1),
                    _ => codes.1,
                };
                (constant(generator, 0.), colouring.deviations(generator) * (of_channels * *noise))
            }
            (Space::Statistics { noise, .. }, Some(colouring)) => {
                (constant(generator, 0.), colouring.deviations(generator) * *noise)
            }
            _ => codes,
        };
        match self.condition {
            Some((Condition::Relaxed, _)) => vec![of_codes, (constant(generator, 0.), constant(generator, 1.))],
            _ => vec![of_codes],
        }
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
    fn begin(&mut self, step: usize) {
        self.step = step;
    }

    fn pictures(&mut self) -> Tensor {
        let input = self.generator.input(&self.codes(), self.weights().as_ref());
        let pass = self.generator.network.forward(self.schedule, &input);
        let output = pass.activation(self.generator.network.output());
        let pictures = match self.unclamped {
            true => self.generator.output.unclamped(output),
            false => self.generator.output.pictures(output),
        };
        self.pictures = Some(pictures.shallow_clone());
        self.pass = Some(pass);
        pictures
    }

    fn pullback(&mut self, gradient: &Tensor) -> Vec<Tensor> {
        let (pass, pictures) = self.pass.take().zip(self.pictures.take()).expect("pictures were made before");
        let at_output = match self.unclamped {
            true => self.generator.output.pullback_of_unclamped(gradient),
            false => self.generator.output.pullback(gradient, &pictures),
        };
        let at_input = pass.pullback([(self.generator.network.output(), at_output)]);
        let width = self.generator.condition_width();
        if width == 0 {
            return vec![self.to_trained(at_input)];
        }
        let numbers = self.generator.code.numbers();
        let mut gradients = vec![at_input.narrow(1, 0, numbers)];
        if let (Some((Condition::Relaxed, _)), Some(weights)) = (&self.condition, self.weights()) {
            let at_condition = at_input.narrow(1, numbers, width);
            let g = match self.generator.conditioning.as_ref().and_then(|of| of.embedding.as_ref()) {
                Some(embedding) => at_condition.matmul(&embedding.tr()),
                None => at_condition,
            };
            let mean = (&g * &weights).sum_dim_intlist(1i64, true, None::<Kind>);
            gradients.push(weights * (g - mean));
        }
        gradients
    }

    fn tensors(&self) -> Vec<Tensor> {
        let mut tensors = vec![self.trained.shallow_clone()];
        if let Some((Condition::Relaxed, numbers)) = &self.condition {
            tensors.push(numbers.shallow_clone());
        }
        tensors
    }

    fn state(&self) -> Vec<(&'static str, Tensor)> {
        let weights = self.weights().map(|weights| ("condition", weights));
        std::iter::once(("code", self.codes())).chain(weights).collect()
    }

    fn project(&mut self) {
        if let Some(bounds) = &self.bounds {
            bounds.apply(&self.trained);
        }
        if let (Space::Statistics { limit: Some(limit), .. }, Some(colouring)) = (&self.space, &self.colouring) {
            colouring.limit(&self.trained, *limit);
        }
        if let Some((centre, radius)) = &self.sphere {
            let from_centre = &self.trained - centre;
            let dims: Vec<i64> = (1..from_centre.dim() as i64).collect();
            let norm = from_centre.square().sum_dim_intlist(&dims[..], true, None::<Kind>).sqrt().clamp_min(1e-12);
            self.trained.copy_(&(from_centre * (norm.reciprocal() * radius) + centre));
        }
    }

    fn held_back(&self, gradient: Tensor) -> Tensor {
        match (&self.space, &self.colouring) {
            (Space::Statistics { opening, .. }, Some(colouring)) if self.step + 1 < *opening => {
                colouring.low(&gradient, (self.step + 1) as f64 / *opening as f64)
            }
            _ => gradient,
        }
    }

    fn size(&self) -> [i64; 2] {
        self.generator.size
    }

    fn code(&self) -> Option<Tensor> {
        (!matches!(self.space, Space::Fourier { .. })).then(|| self.trained.shallow_clone())
    }

    fn generated_code(&self) -> Option<Tensor> {
        Some(self.codes())
    }

    fn trained_direction(&self, direction: &Tensor) -> Tensor {
        self.to_trained(direction.shallow_clone())
    }
}
