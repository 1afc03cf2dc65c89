//! Latent codes: what enters a generator, and how it was distributed in training.

/// The latent code of a generator: its shape, and its distribution in training.
#[derive(Clone, Debug, PartialEq)]
pub struct Code {
    /// `[d]`, or `[C,h,w]` of a spatial code.
    pub shape: Vec<i64>,
    /// What it was drawn from in training, or what stands for that.
    pub prior: Prior,
    /// What brings a picture back to a code, where there is such a network.
    pub encoded_by: Option<EncodedBy>,
}

/// What brings pictures back to codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EncodedBy {
    /// A layer of a classifier, whose activations the codes are.
    Layer {
        /// The classifier's name in the zoo.
        classifier: &'static str,
        /// The classifier's layer.
        layer: &'static str,
    },
    /// An encoder of this name in the zoo, or of this manifest.
    Encoder(String),
}

impl Code {
    /// A vector `[dimensions]`, drawn from the standard normal distribution in training.
    pub fn normal(dimensions: i64) -> Code {
        Code { shape: vec![dimensions], prior: Prior::Normal, encoded_by: None }
    }

    /// How many numbers it has: the product of its shape.
    pub fn numbers(&self) -> i64 {
        self.shape.iter().product()
    }

    /// Whether it is spatial: `[C,h,w]` rather than `[d]`.
    pub fn is_spatial(&self) -> bool {
        self.shape.len() == 3
    }
}

/// The distribution that a generator's codes had in training.
#[derive(Clone, Debug, PartialEq)]
pub enum Prior {
    /// Independent standard normal numbers.
    Normal,
    /// Independent standard normal numbers, each drawn anew while its absolute value is more than 2, times a truncation (the
    /// truncation trick: Brock et al. 2019).
    Truncated {
        /// In (0,1]: what the drawn numbers are multiplied by.
        truncation: f64,
    },
    /// Activations behind a ReLU: normal numbers, those below 0 set to 0.
    Rectified,
    /// Independent normal numbers with the moments in each channel of the vectors of a codebook that are in use. Codes of a VQGAN lie
    /// near these, and were drawn from nothing.
    Codebook {
        /// The mean of each channel.
        mean: Vec<f32>,
        /// The standard deviation of each channel.
        deviation: Vec<f32>,
    },
}
