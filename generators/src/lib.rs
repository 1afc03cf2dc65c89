//! Frozen image generators, one file an architecture, and the zoo of their weights.

pub mod biggan;
pub mod biggan_deep;
pub mod dcgan;
pub mod deepsim;
mod parts;
pub mod pgan;
mod resnet;
pub mod sagan;
pub mod sngan;
pub mod stylegan2;
pub mod taesd;
pub mod torchscript;
pub mod vqgan;

use frozen::Constant;
use frozen::load::{LoadError, unknown_architecture};
use frozen::network::{Network, Schedule};
use frozen::weights::{WeightFile, Weights};
use serde::de::DeserializeOwned;
use tch::{Device, Kind, Tensor};
use zoo::{Checked, Manifest};

/// The manifests of the generators that are known here, as file name and text, for [`zoo::Zoo::new`].
pub const MANIFESTS: &[(&str, &str)] = &[
    ("biggan-128.yaml", include_str!("../zoo/biggan-128.yaml")),
    ("biggan-deep-128.yaml", include_str!("../zoo/biggan-deep-128.yaml")),
    ("biggan-deep-256.yaml", include_str!("../zoo/biggan-deep-256.yaml")),
    ("biggan-deep-512.yaml", include_str!("../zoo/biggan-deep-512.yaml")),
    ("deepsim-fc6.yaml", include_str!("../zoo/deepsim-fc6.yaml")),
    ("deepsim-fc7.yaml", include_str!("../zoo/deepsim-fc7.yaml")),
    ("deepsim-fc8.yaml", include_str!("../zoo/deepsim-fc8.yaml")),
    ("deepsim-pool5.yaml", include_str!("../zoo/deepsim-pool5.yaml")),
    ("eye-cdcgan.yaml", include_str!("../zoo/eye-cdcgan.yaml")),
    ("face-dcgan.yaml", include_str!("../zoo/face-dcgan.yaml")),
    ("pgan-celeba.yaml", include_str!("../zoo/pgan-celeba.yaml")),
    ("pgan-celebahq-256.yaml", include_str!("../zoo/pgan-celebahq-256.yaml")),
    ("pgan-celebahq-512.yaml", include_str!("../zoo/pgan-celebahq-512.yaml")),
    ("pgan-dtd.yaml", include_str!("../zoo/pgan-dtd.yaml")),
    ("sagan-128.yaml", include_str!("../zoo/sagan-128.yaml")),
    ("sagan-128-openmmlab.yaml", include_str!("../zoo/sagan-128-openmmlab.yaml")),
    ("sngan-128.yaml", include_str!("../zoo/sngan-128.yaml")),
    ("sngan-128-openmmlab.yaml", include_str!("../zoo/sngan-128-openmmlab.yaml")),
    ("stylegan2-ffhq.yaml", include_str!("../zoo/stylegan2-ffhq.yaml")),
    ("taef1.yaml", include_str!("../zoo/taef1.yaml")),
    ("taef2.yaml", include_str!("../zoo/taef2.yaml")),
    ("taesd.yaml", include_str!("../zoo/taesd.yaml")),
    ("taesd3.yaml", include_str!("../zoo/taesd3.yaml")),
    ("taesdxl.yaml", include_str!("../zoo/taesdxl.yaml")),
    ("vqgan-f16-1024.yaml", include_str!("../zoo/vqgan-f16-1024.yaml")),
    ("vqgan-f16-16384.yaml", include_str!("../zoo/vqgan-f16-16384.yaml")),
];

/// What an architecture makes of its weights: a network, what goes into it, and what comes out of it.
#[derive(Debug)]
pub struct Built {
    /// Inputs to pictures. The input is `[N,C,h,w]` for a spatial code; otherwise `[N, numbers]`: the code, and behind it what
    /// the generator is conditioned on.
    pub network: Network,
    /// What a code is.
    pub code: Code,
    /// What makes codes out of standard normal numbers, where codes are not these numbers themselves.
    pub mapping: Option<Mapping>,
    /// What it is conditioned on, if it is.
    pub conditioning: Option<Conditioning>,
    /// What its numbers mean.
    pub output: Output,
    /// Height and width of its pictures.
    pub size: [i64; 2],
}

/// The network between the numbers that a generator's training drew and the codes of its space.
#[derive(Debug)]
pub struct Mapping {
    /// Standard normal numbers `[N,inputs]` to codes `[N,numbers]`.
    pub network: Network,
    /// How many numbers it takes.
    pub inputs: i64,
}

/// The code of a generator.
#[derive(Clone, Debug, PartialEq)]
pub struct Code {
    /// `[d]`, or `[C,h,w]` of a spatial code.
    pub shape: Vec<i64>,
    /// What it was drawn from in training, or what stands for that.
    pub prior: Prior,
    /// What brings a picture back to a code, where there is such a network.
    pub encoding: Option<Encoding>,
}

/// Codes that are the activations of a classifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoding {
    /// Its name in the zoo.
    pub classifier: &'static str,
    /// The layer.
    pub layer: &'static str,
}

impl Code {
    /// A vector of standard normal numbers.
    pub fn normal(dimensions: i64) -> Code {
        Code { shape: vec![dimensions], prior: Prior::Normal, encoding: None }
    }

    /// How many numbers it has.
    pub fn numbers(&self) -> i64 {
        self.shape.iter().product()
    }

    /// Whether it has height and width.
    pub fn is_spatial(&self) -> bool {
        self.shape.len() == 3
    }
}

/// The distribution that a generator's codes had in training.
#[derive(Clone, Debug, PartialEq)]
pub enum Prior {
    /// Independent standard normal numbers.
    Normal,
    /// The same, drawn anew while their absolute value is more than 2, times a truncation (Brock et al. 2018).
    Truncated {
        /// In (0,1]: what the drawn numbers are multiplied by.
        truncation: f64,
    },
    /// Activations behind a ReLU: normal numbers, those below 0 set to 0.
    Rectified,
    /// Independent normal numbers with the moments in each channel of the vectors of a codebook that are in use. Codes of a VQGAN lie
    /// near these, and were drawn from nothing.
    Codebook {
        /// By channel.
        mean: Vec<f32>,
        /// By channel.
        deviation: Vec<f32>,
    },
}

/// What a generator is conditioned on: one class, or a mixture of classes.
#[derive(Debug)]
pub struct Conditioning {
    /// Its classes, in the order of the weights.
    pub classes: Classes,
    /// `[classes, d]`: the vector of each class that enters the network. Where there is none, the mixture itself enters.
    pub embedding: Option<Constant>,
}

/// What the classes of a generator are called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Classes {
    /// These.
    Named(Vec<String>),
    /// The 1000 of ImageNet-1k, in the usual order.
    Imagenet,
}

impl Classes {
    /// How many.
    pub fn len(&self) -> i64 {
        match self {
            Classes::Named(names) => names.len() as i64,
            Classes::Imagenet => 1000,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Conditioning {
    /// Numbers that enter the network for it.
    pub fn width(&self) -> i64 {
        self.embedding.as_ref().map_or_else(|| self.classes.len(), |embedding| embedding.size()[1])
    }
}

/// How a network's output `[N,C,H,W]` is a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Output {
    /// In [-1,1] behind a tanh, of 1 (grey) or 3 channels.
    Signed {
        /// 1 or 3.
        channels: i64,
    },
    /// About [-1,1], clamped.
    SignedClamped,
    /// About [0,1], clamped.
    UnitClamped,
    /// Levels in the order blue, green, red, less these means of Caffe's; clamped.
    Caffe {
        /// Blue, green, red.
        mean: [f64; 3],
    },
}

impl Output {
    /// Pictures `[N,3,H,W]` in [0,1].
    pub fn pictures(self, output: &Tensor) -> Tensor {
        match self {
            // Behind a tanh nothing is beyond.
            Output::Signed { .. } => self.unclamped(output),
            Output::UnitClamped => output.clamp(0., 1.),
            Output::SignedClamped | Output::Caffe { .. } => self.unclamped(output).clamp_(0., 1.),
        }
    }

    /// The same, numbers beyond black and white as they are.
    pub fn unclamped(self, output: &Tensor) -> Tensor {
        match self {
            Output::Signed { .. } => ((output + 1.) * 0.5).expand([-1, 3, -1, -1], false),
            Output::SignedClamped => (output + 1.) * 0.5,
            Output::UnitClamped => output.shallow_clone(),
            Output::Caffe { mean } => {
                let mean = Tensor::from_slice(&mean).view([3, 1, 1]).to_device(output.device()).to_kind(output.kind());
                ((output + mean) / 255.).flip([1])
            }
        }
    }

    /// The gradient with respect to the output, given that with respect to these `pictures`. Nothing goes back to what was
    /// clamped.
    pub fn pullback(self, gradient: &Tensor, pictures: &Tensor) -> Tensor {
        match self {
            Output::Signed { .. } => self.pullback_of_unclamped(gradient),
            _ => {
                let inside = pictures.gt(0.).logical_and(&pictures.lt(1.));
                self.pullback_of_unclamped(&(gradient * inside))
            }
        }
    }

    /// The gradient with respect to the output, given that with respect to pictures that were not clamped.
    pub fn pullback_of_unclamped(self, gradient: &Tensor) -> Tensor {
        match self {
            Output::Signed { channels: 1 } => (gradient * 0.5).sum_dim_intlist(1i64, true, None::<Kind>),
            Output::Signed { .. } | Output::SignedClamped => gradient * 0.5,
            Output::UnitClamped => gradient.shallow_clone(),
            Output::Caffe { .. } => gradient.flip([1]) / 255.,
        }
    }
}

/// A frozen generator, and what its code and its pictures are.
#[derive(Debug)]
pub struct Generator {
    /// Its name in the zoo.
    pub name: String,
    /// Inputs to what [`Generator::output`] makes pictures of. The input is `[N,C,h,w]` for a spatial code; otherwise
    /// `[N, numbers]`: the code, and behind it what the generator is conditioned on.
    pub network: Network,
    /// What a code is.
    pub code: Code,
    /// What makes codes out of standard normal numbers, where codes are not these numbers themselves.
    pub mapping: Option<Mapping>,
    /// What it is conditioned on, if it is.
    pub conditioning: Option<Conditioning>,
    /// What its numbers mean.
    pub output: Output,
    /// Height and width of its pictures.
    pub size: [i64; 2],
    /// The sha256 of the weights file, in hexadecimal.
    pub weights_sha256: String,
    /// What else decides what it computes; see [`Manifest::definition`].
    pub definition: serde_json::Value,
}

/// The configuration in a manifest, of values that its architecture can have.
fn config<C: DeserializeOwned>(manifest: &Manifest, check: fn(&C) -> Result<(), String>) -> Result<C, LoadError> {
    let config: C = manifest.config()?;
    check(&config).map_err(|reason| LoadError::Config { manifest: manifest.file.clone(), reason })?;
    Ok(config)
}

impl Generator {
    /// The generator of a manifest, from its weights file: on the CPU, f32.
    ///
    /// # Errors
    /// An architecture that is not known here, a configuration that is not its own, or a file that does not fit it.
    pub fn load(manifest: &Manifest, weights: &Checked) -> Result<Generator, LoadError> {
        let tensors = || Weights::load(&weights.path, manifest.key.as_deref());
        let built = match manifest.architecture.as_deref() {
            Some("biggan") => biggan::build(config(manifest, biggan::Config::check)?, tensors()?)?,
            Some("biggan-deep") => biggan_deep::build(config(manifest, biggan_deep::Config::check)?, tensors()?)?,
            Some("dcgan") => dcgan::build(config(manifest, dcgan::Config::check)?, tensors()?)?,
            Some("sagan") => sagan::build(config(manifest, sagan::Config::check)?, tensors()?)?,
            Some("sngan") => sngan::build(config(manifest, sngan::Config::check)?, tensors()?)?,
            Some("taesd") => taesd::build(config(manifest, taesd::Config::check)?, tensors()?)?,
            Some("deepsim") => deepsim::build(manifest.config()?, tensors()?)?,
            Some("pgan") => pgan::build(config(manifest, pgan::Config::check)?, tensors()?)?,
            Some("stylegan2") => {
                let config = config(manifest, stylegan2::Config::check)?;
                // It lies beside the dictionary of the generator's tensors, if anywhere: some files hold dictionaries alone.
                let beside = (config.truncation < 1.).then(|| WeightFile::open(&weights.path).ok()).flatten();
                let of_file = beside.filter(|file| file.entries().any(|entry| entry.name == "latent_avg"));
                let average = of_file.map(|mut file| file.tensor("latent_avg")).transpose()?;
                stylegan2::build(config, tensors()?, average)?
            }
            Some("vqgan") => vqgan::build(config(manifest, vqgan::Config::check)?, tensors()?)?,
            Some("torchscript") => {
                let config = config(manifest, torchscript::Config::check)?;
                torchscript::build(config, &weights.path)
                    .map_err(|fault| LoadError::Script { path: weights.path.clone(), fault })?
            }
            _ => {
                let known = [
                    "biggan",
                    "biggan-deep",
                    "dcgan",
                    "deepsim",
                    "pgan",
                    "sagan",
                    "sngan",
                    "stylegan2",
                    "taesd",
                    "torchscript",
                    "vqgan",
                ];
                return Err(unknown_architecture(manifest, &known));
            }
        };
        let Built { network, code, mapping, conditioning, output, size } = built;
        let (name, weights_sha256) = (manifest.name.to_string(), weights.sha256.to_string());
        Ok(Generator {
            name,
            network,
            code,
            mapping,
            conditioning,
            output,
            size,
            weights_sha256,
            definition: manifest.definition(),
        })
    }

    /// The same generator for pictures of another side, where its code is spatial: it makes pictures of any size that its
    /// latent's places divide.
    ///
    /// # Errors
    /// If its pictures have one size, no code has that side, or its program (TorchScript) fails on such codes.
    pub fn at(self, side: i64) -> Result<Generator, String> {
        let [_, height, _] = self.code.shape[..] else {
            return Err(format!("{} makes pictures of {} px only", self.name, self.size[0]));
        };
        if self.size[0] % height != 0 {
            return Err(format!("{} makes pictures of {} px only", self.name, self.size[0]));
        }
        let place = self.size[0] / height;
        if side < place || side % place != 0 {
            return Err(format!("{} makes pictures of multiples of {place} px; {side} is none", self.name));
        }
        let shape = vec![self.code.shape[0], side / place, side / place];
        let made = self.network.attempt(&shape).map_err(|error| format!("{} at {side} px: {error}", self.name))?;
        if let Some(other) = made.filter(|made| *made != [3, side, side]) {
            return Err(format!("{} makes {other:?} of codes {shape:?}, not pictures of {side} px", self.name));
        }
        Ok(Generator { code: Code { shape, ..self.code }, size: [side; 2], ..self })
    }

    /// Numbers of a condition that enter the network.
    pub fn condition_width(&self) -> i64 {
        self.conditioning.as_ref().map_or(0, Conditioning::width)
    }

    /// How many classes it is conditioned on; 0 for an unconditional one.
    pub fn classes(&self) -> i64 {
        self.conditioning.as_ref().map_or(0, |conditioning| conditioning.classes.len())
    }

    /// Shape of the network's input for one picture, the batch included.
    pub fn input_shape(&self) -> Vec<i64> {
        match self.code.is_spatial() {
            true => std::iter::once(1).chain(self.code.shape.iter().copied()).collect(),
            false => vec![1, self.code.numbers() + self.condition_width()],
        }
    }

    /// The network's input for codes `[N,…]` and mixtures of classes `[N,classes]`.
    pub fn input(&self, codes: &Tensor, mixture: Option<&Tensor>) -> Tensor {
        match (mixture, &self.conditioning) {
            (Some(mixture), Some(Conditioning { embedding: Some(embedding), .. })) => {
                self.input_with(codes, &mixture.matmul(embedding))
            }
            (Some(mixture), Some(_)) => self.input_with(codes, mixture),
            _ => codes.shallow_clone(),
        }
    }

    /// The network's input for codes `[N,d]` and vectors of a condition `[N,width]`, such as class embeddings.
    pub fn input_with(&self, codes: &Tensor, vectors: &Tensor) -> Tensor {
        Tensor::cat(&[codes, vectors], 1)
    }

    /// The schedule of a whole pass.
    pub fn schedule(&self) -> Schedule {
        self.network.schedule(&[self.network.output()])
    }

    /// Pictures `[N,3,H,W]` in [0,1] from inputs, without gradients.
    pub fn pictures(&self, inputs: &Tensor) -> Tensor {
        let schedule = self.schedule().forward_only();
        let pass = self.network.forward(&schedule, inputs);
        self.output.pictures(pass.activation(self.network.output()))
    }

    /// Moves the network.
    pub fn to(self, device: Device, kind: Kind) -> Generator {
        let conditioning = self.conditioning.map(|conditioning| {
            let embedding = conditioning.embedding.map(|embedding| embedding.to_device(device).to_kind(kind).into());
            Conditioning { embedding, ..conditioning }
        });
        let mapping = self.mapping.map(|mapping| Mapping { network: mapping.network.to(device, kind), ..mapping });
        Generator { network: self.network.to(device, kind), mapping, conditioning, ..self }
    }
}
