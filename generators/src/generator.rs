//! A frozen generator, loaded from an entry of the zoo.

use std::borrow::Cow;
use std::sync::Arc;

use frozen::load::LoadError;
use frozen::network::{Network, Schedule};
use tch::{Device, Kind, Tensor};
use zoo::{Checked, Manifest};

use crate::architectures;
use crate::built::{Built, Mapping};
use crate::code::{Code, EncodedBy};
use crate::conditioning::Conditioning;
use crate::entry::Entry;
use crate::output::Output;
use crate::statistics::{CodeStatistics, TABLES};

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
    /// What its codes of photographs are like, where that is known.
    pub statistics: Option<Statistics>,
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

/// A table of what codes of photographs are like.
#[derive(Clone, Debug)]
pub struct Statistics {
    /// What it says.
    pub table: Arc<CodeStatistics>,
    /// The sha256 of its file, in hexadecimal.
    pub sha256: String,
}

/// A table that is larger is refused: that of 64 channels has 3 MB.
const MOST_BYTES: u64 = 64 << 20;

/// The table that a manifest names, if it names one.
fn statistics(manifest: &Manifest, code: &Code) -> Result<Option<Statistics>, LoadError> {
    let Some(path) = &manifest.statistics else { return Ok(None) };
    let wrong = |reason| LoadError::Config {
        manifest: manifest.file.clone(),
        reason: format!("statistics: {}: {reason}", path.display()),
    };
    let bytes = match manifest.is_built_in() {
        true => {
            let known = TABLES.iter().find(|(name, _)| path.as_os_str() == *name);
            known.map(|(_, bytes)| Cow::Borrowed(*bytes)).ok_or_else(|| wrong("there is no such table".to_owned()))?
        }
        false => {
            let read = std::fs::metadata(path).and_then(|file| match file.len() > MOST_BYTES {
                true => Err(std::io::Error::other("too large for statistics of codes")),
                false => std::fs::read(path),
            });
            Cow::Owned(read.map_err(|error| wrong(error.to_string()))?)
        }
    };
    let table = CodeStatistics::from_bytes(&bytes).map_err(wrong)?;
    if !code.is_spatial() || table.channels() != code.shape[0] {
        return Err(wrong(format!("it is of codes of {} channels; these are {:?}", table.channels(), code.shape)));
    }
    Ok(Some(Statistics { table: Arc::new(table), sha256: zoo::hash::sha256(&bytes) }))
}

impl Generator {
    /// The generator of a manifest, from its weights file: on the CPU, f32.
    ///
    /// # Errors
    /// An architecture that is not known here, a configuration that is not its own, or a file that does not fit it.
    pub fn load(manifest: &Manifest, weights: &Checked) -> Result<Generator, LoadError> {
        let built = architectures::load(&Entry { manifest, weights })?;
        let Built { network, mut code, mapping, conditioning, output, size } = built;
        if let Some(encoder) = &manifest.encoder {
            code.encoded_by = Some(EncodedBy::Encoder(encoder.clone()));
        }
        let definition = network.defined(manifest.definition());
        let statistics = statistics(manifest, &code)?;
        Ok(Generator {
            name: manifest.name.to_string(),
            network,
            code,
            mapping,
            statistics,
            conditioning,
            output,
            size,
            weights_sha256: weights.sha256.to_string(),
            definition,
        })
    }

    /// The generator, set for pictures of another side in pixels, where its code is spatial: it makes pictures of any size that its
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

    /// How many numbers of a condition enter the network behind a code; 0 for an unconditional generator.
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

    /// The schedule of a pass from the input to the output, through every layer.
    pub fn schedule(&self) -> Schedule {
        self.network.schedule(&[self.network.output()])
    }

    /// Pictures `[N,3,H,W]` in `[0,1]` from inputs, without gradients.
    pub fn pictures(&self, inputs: &Tensor) -> Tensor {
        let schedule = self.schedule().forward_only();
        let pass = self.network.forward(&schedule, inputs);
        self.output.pictures(pass.activation(self.network.output()))
    }

    /// The generator with its networks on another device, or with numbers of another kind.
    pub fn to(self, device: Device, kind: Kind) -> Generator {
        let conditioning = self.conditioning.map(|conditioning| {
            let embedding = conditioning.embedding.map(|embedding| embedding.to_device(device).to_kind(kind).into());
            Conditioning { embedding, ..conditioning }
        });
        let mapping = self.mapping.map(|mapping| Mapping { network: mapping.network.to(device, kind), ..mapping });
        Generator { network: self.network.to(device, kind), mapping, conditioning, ..self }
    }
}
