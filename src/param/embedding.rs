//! The class embedding of a conditional generator as the trainable tensor, its codes drawn anew every few steps (Li et al. 2021, "A
//! cost-effective method for improving and re-purposing large, pre-trained GANs by fine-tuning their class-embeddings",
//! arXiv:1910.04760: BigGAN-AM). What fires the unit must then lie in the class, and not in one lucky code.

use crate::error::{Result, bail, bail_at};
use frozen::network::{Pass, Schedule};
use generators::Generator;
use rand::RngExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::limits::Range;
use super::parameterization::Param;
use super::prior::{draws, on_device};
use crate::random::{Purpose, Seed, normal, stream};

/// Where the search begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The mean of the generator's class embeddings.
    #[default]
    Mean,
    /// The embedding of one of its classes, drawn by the seed.
    RandomClass,
}

/// Settings of the param `embedding`: which class embedding is optimized, from where, within which range, over how many codes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmbeddingSpec {
    /// Codes that each step looks at, each with the same embedding.
    pub codes: usize,
    /// Steps after which these codes are drawn anew.
    pub every: usize,
    /// Where the search begins.
    #[serde(default)]
    pub origin: Origin,
    /// Standard deviation of the normal noise that is added there.
    pub noise: f64,
    /// What enters the generator is set to the nearer end beyond these; unless told, they are the least and the largest number
    /// in all of its class embeddings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<Range>,
}

impl EmbeddingSpec {
    /// Refuses values that cannot work.
    ///
    /// # Errors
    /// Names the key.
    pub fn check(&self) -> Result<()> {
        if !(1..=1024).contains(&self.codes) || self.every == 0 {
            bail_at!("param.embedding", "codes is between 1 and 1024, and every at least 1");
        }
        if !(self.noise >= 0. && self.noise.is_finite()) {
            bail_at!("param.embedding.noise", "not negative");
        }
        match self.range {
            Some(Range { low, high }) if !(low < high && (high - low).is_finite()) => {
                bail_at!("param.embedding.range", "low {low} is not below high {high}")
            }
            _ => Ok(()),
        }
    }
}

/// Class embeddings of a batch, in front of their generator.
#[derive(Debug)]
pub struct Embedding<'g> {
    generator: &'g Generator,
    schedule: &'g Schedule,
    spec: EmbeddingSpec,
    seeds: Vec<Seed>,
    /// `[N, width]`, before the limits.
    embedding: Tensor,
    range: [f64; 2],
    /// `[N codes, d]`: those of this step.
    codes: Tensor,
    /// Which draws these codes are: the number of times that they were drawn.
    drawn: Option<usize>,
    pass: Option<Pass<'g>>,
    pictures: Option<Tensor>,
}

/// The vectors of a generator's classes, `[classes, width]`; where a mixture of classes itself enters it, these are the corners
/// of the simplex.
fn embeddings(generator: &Generator) -> Option<Tensor> {
    let conditioning = generator.conditioning.as_ref()?;
    Some(match &conditioning.embedding {
        Some(embedding) => embedding.shallow_clone(),
        None => Tensor::eye(conditioning.classes.len(), (generator.network.kind(), generator.network.device())),
    })
}

impl<'g> Embedding<'g> {
    /// One embedding for each seed.
    ///
    /// # Errors
    /// If the generator is not conditional.
    pub fn new(
        generator: &'g Generator,
        schedule: &'g Schedule,
        spec: EmbeddingSpec,
        seeds: &[Seed],
    ) -> Result<Embedding<'g>> {
        let Some(known) = embeddings(generator) else {
            bail!("param embedding: {} is not conditional, and has no class embeddings", generator.name)
        };
        let (classes, width) = known.size2()?;
        let rows: Vec<Tensor> = (seeds.iter())
            .map(|&seed| {
                let mut rng = stream(seed, Purpose::Condition, 0);
                let origin = match spec.origin {
                    Origin::Mean => known.mean_dim(0i64, false, None::<Kind>),
                    Origin::RandomClass => known.get(rng.random_range(0..classes)),
                };
                origin + on_device(generator, normal(&mut rng, width as usize), &[width]) * spec.noise
            })
            .collect();
        let range = match spec.range {
            Some(Range { low, high }) => [low, high],
            None => [known.min().double_value(&[]), known.max().double_value(&[])],
        };
        let codes = Tensor::zeros([0], (known.kind(), known.device()));
        let embedding = Tensor::stack(&rows, 0).contiguous();
        let seeds = seeds.to_vec();
        let mut param = Embedding {
            generator,
            schedule,
            spec,
            seeds,
            embedding,
            range,
            codes,
            drawn: None,
            pass: None,
            pictures: None,
        };
        param.begin(0);
        Ok(param)
    }

    /// The embeddings as they enter the generator.
    fn limited(&self) -> Tensor {
        self.embedding.clamp(self.range[0], self.range[1])
    }

    /// The codes of the kept pictures: the first draw of each seed, which no step sees.
    fn kept_codes(&self) -> Tensor {
        draws(self.generator, &self.seeds.iter().map(|&seed| (seed, 0)).collect::<Vec<_>>())
    }

    fn pass(&self, codes: &Tensor, copies: i64) -> Pass<'g> {
        let conditions = self.limited().repeat_interleave_self_int(copies, 0, None);
        self.generator.network.forward(self.schedule, &Tensor::cat(&[codes, &conditions], 1))
    }

    fn pictures_of(&self, pass: &Pass) -> Tensor {
        self.generator.output.pictures(pass.activation(self.generator.network.output()))
    }
}

impl Param for Embedding<'_> {
    fn begin(&mut self, step: usize) {
        let drawing = step / self.spec.every;
        if self.drawn == Some(drawing) {
            return;
        }
        let first = 1 + (drawing * self.spec.codes) as u64;
        let numbers = first..first + self.spec.codes as u64;
        let starts: Vec<(Seed, u64)> =
            self.seeds.iter().flat_map(|&seed| numbers.clone().map(move |number| (seed, number))).collect();
        self.codes = draws(self.generator, &starts);
        self.drawn = Some(drawing);
    }

    fn copies(&self) -> usize {
        self.spec.codes
    }

    fn pictures(&mut self) -> Tensor {
        let pass = self.pass(&self.codes, self.spec.codes as i64);
        let pictures = self.pictures_of(&pass);
        self.pictures = Some(pictures.shallow_clone());
        self.pass = Some(pass);
        pictures
    }

    fn kept(&mut self) -> Tensor {
        self.pictures_of(&self.pass(&self.kept_codes(), 1))
    }

    fn pullback(&mut self, gradient: &Tensor) -> Vec<Tensor> {
        let (pass, pictures) = self.pass.take().zip(self.pictures.take()).expect("pictures were made before");
        let at_output = self.generator.output.pullback(gradient, &pictures);
        let at_input = pass.pullback([(self.generator.network.output(), at_output)]);
        let (samples, width) = (self.embedding.size()[0], self.embedding.size()[1]);
        let of_copies = at_input.narrow(1, self.generator.code.numbers(), width);
        let sum = of_copies.view([samples, -1, width]).sum_dim_intlist(1i64, false, None::<Kind>);
        let inside = self.embedding.ge(self.range[0]).logical_and(&self.embedding.le(self.range[1]));
        vec![sum * inside]
    }

    fn tensors(&self) -> Vec<Tensor> {
        vec![self.embedding.shallow_clone()]
    }

    fn state(&self) -> Vec<(&'static str, Tensor)> {
        vec![("code", self.kept_codes()), ("embedding", self.limited())]
    }

    fn project(&mut self) {}

    fn size(&self) -> [i64; 2] {
        self.generator.size
    }
}
