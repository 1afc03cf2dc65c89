//! A frozen encoder: it brings pictures back to the codes of a generator.

use frozen::load::{LoadError, unknown_architecture};
use tch::{Device, Kind, Tensor};
use zoo::{Checked, Manifest};

use crate::built::Encoding;
use crate::entry::Entry;
use crate::{imported, taesd};

/// What makes an encoder of an entry.
type Loader = fn(&Entry) -> Result<Encoding, LoadError>;

/// In the order of their names, as errors list them.
const ARCHITECTURES: &[(&str, Loader)] = &[
    ("exported", imported::exported_encoder),
    ("onnx", imported::onnx_encoder),
    ("taesd", |entry| Ok(taesd::build_encoder(entry.config(taesd::Config::check)?, entry.tensors()?)?)),
];

/// A frozen encoder, loaded from an entry of the zoo.
#[derive(Debug)]
pub struct Encoder {
    /// Its name in the zoo.
    pub name: String,
    /// What it computes.
    pub encoding: Encoding,
    /// The sha256 of the weights file, in hexadecimal.
    pub weights_sha256: String,
    /// What else decides what it computes; see [`Manifest::definition`].
    pub definition: serde_json::Value,
}

impl Encoder {
    /// The encoder of a manifest, from its weights file: on the CPU, f32.
    ///
    /// # Errors
    /// An architecture that is no encoder's, a configuration that is not its own, or a file that does not fit it.
    pub fn load(manifest: &Manifest, weights: &Checked) -> Result<Encoder, LoadError> {
        let name = manifest.architecture.as_deref();
        let Some((_, loader)) = ARCHITECTURES.iter().find(|(known, _)| name == Some(known)) else {
            let known: Vec<&str> = ARCHITECTURES.iter().map(|(known, _)| *known).collect();
            return Err(unknown_architecture(manifest, &known));
        };
        let encoding = loader(&Entry { manifest, weights })?;
        let definition = encoding.network.defined(manifest.definition());
        let weights_sha256 = weights.sha256.to_string();
        Ok(Encoder { name: manifest.name.to_string(), encoding, weights_sha256, definition })
    }

    /// The codes `[N,…]` of pictures `[N,3,H,W]` in `[0,1]`, without gradients. Pictures of another size than
    /// [`size`](Encoding::size) only where codes have height and width: these are then as many times larger.
    pub fn codes(&self, pictures: &Tensor) -> Tensor {
        let network = &self.encoding.network;
        let output = network.output();
        let schedule = network.schedule(&[output]).forward_only();
        network.forward(&schedule, &self.input(pictures)).activation(output).shallow_clone()
    }

    /// Pictures in `[0,1]` in the range that the network was trained with.
    pub fn input(&self, pictures: &Tensor) -> Tensor {
        let [scale, shift] = self.encoding.range;
        // As they are where nothing is to be done: a product with 1 is a copy.
        if (scale, shift) == (1., 0.) { pictures.shallow_clone() } else { pictures * scale + shift }
    }

    /// The shape of a code of a picture of this height and width, if it can be had.
    pub fn code_of(&self, [height, width]: [i64; 2]) -> Option<Vec<i64>> {
        let Encoding { size, code, .. } = &self.encoding;
        match code[..] {
            _ if [height, width] == *size => Some(code.clone()),
            [channels, rows, columns] => {
                let places = [size[0] / rows, size[1] / columns];
                let whole = height % places[0] == 0 && width % places[1] == 0;
                whole.then(|| vec![channels, height / places[0], width / places[1]])
            }
            _ => None,
        }
    }

    /// The encoder with its network on another device, or with numbers of another kind.
    pub fn to(self, device: Device, kind: Kind) -> Encoder {
        let encoding = Encoding { network: self.encoding.network.to(device, kind), ..self.encoding };
        Encoder { encoding, ..self }
    }
}
