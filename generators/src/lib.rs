//! Frozen image generators, one file an architecture, and the zoo of their weights.

pub mod dcgan;

use frozen::load::{LoadError, unknown_architecture};
use frozen::network::{Network, Schedule};
use frozen::weights::Weights;
use frozen::zoo::{Checked, Manifest};
use tch::{Device, Kind, Tensor};

/// The manifests of the generators that are known here, as file name and text, for [`frozen::zoo::Zoo::new`].
pub const MANIFESTS: &[(&str, &str)] = &[
    ("eye-cdcgan.yaml", include_str!("../zoo/eye-cdcgan.yaml")),
    ("face-dcgan.yaml", include_str!("../zoo/face-dcgan.yaml")),
];

/// A frozen generator, and what its code and its pictures are.
#[derive(Debug)]
pub struct Generator {
    /// Its name in the zoo.
    pub name: String,
    /// Codes `[N, latent + classes]` to pictures.
    pub network: Network,
    /// Dimensions of the code, which is standard normal in training.
    pub latent: i64,
    /// What it is conditioned on; empty for an unconditional one. A condition is a point of the simplex over these.
    pub classes: Vec<String>,
    /// Channels of the network's output: 3, or 1 for grey pictures.
    pub channels: i64,
    /// Height and width of its pictures.
    pub size: [i64; 2],
    /// The sha256 of the weights file, in hexadecimal.
    pub weights_sha256: String,
}

impl Generator {
    /// The generator of a manifest, from its weights file: on the CPU, f32.
    ///
    /// # Errors
    /// An architecture that is not known here, a configuration that is not its own, or a file that does not fit it.
    pub fn load(manifest: &Manifest, weights: &Checked) -> Result<Generator, LoadError> {
        let tensors = || Weights::load(&weights.path, manifest.key.as_deref());
        let (network, config) = match manifest.architecture.as_deref() {
            Some("dcgan") => {
                let config: dcgan::Config = manifest.config()?;
                config.check().map_err(|reason| LoadError::Config { manifest: manifest.file.clone(), reason })?;
                (dcgan::network(&config, tensors()?)?, config)
            }
            _ => return Err(unknown_architecture(manifest, &["dcgan"])),
        };
        Ok(Generator {
            name: manifest.name.to_string(),
            network,
            latent: config.latent,
            classes: config.classes,
            channels: config.channels,
            size: [config.resolution; 2],
            weights_sha256: weights.sha256.to_string(),
        })
    }

    /// Dimensions of the network's input: the code, and the condition.
    pub fn inputs(&self) -> i64 {
        self.latent + self.classes.len() as i64
    }

    /// The schedule of a whole pass.
    pub fn schedule(&self) -> Schedule {
        self.network.schedule(&[self.network.output()])
    }

    /// Pictures `[N,3,H,W]` in [0,1] from inputs `[N, latent + classes]`, without gradients.
    pub fn pictures(&self, inputs: &Tensor) -> Tensor {
        let schedule = self.schedule();
        let pass = self.network.forward(&schedule, inputs);
        to_pictures(pass.activation(self.network.output()))
    }

    /// Moves the network.
    pub fn to(self, device: Device, kind: Kind) -> Generator {
        Generator { network: self.network.to(device, kind), ..self }
    }
}

/// The tanh output `[N,1 or 3,H,W]` of a generator, in [-1,1], as pictures `[N,3,H,W]` in [0,1].
pub fn to_pictures(output: &Tensor) -> Tensor {
    ((output + 1.) * 0.5).expand([-1, 3, -1, -1], false)
}

/// The pullback of [`to_pictures`], to an output of `channels` channels.
pub fn from_pictures(gradient: &Tensor, channels: i64) -> Tensor {
    let gradient = gradient * 0.5;
    if channels == 1 { gradient.sum_dim_intlist(1i64, true, None::<Kind>) } else { gradient }
}
