//! Frozen image generators, one file an architecture, and the zoo of their weights.
//!
//! A new model of a known architecture is one manifest (`zoo/NAME.yaml`) and its line in [`MANIFESTS`]; of one's own it is the
//! manifest alone. A new architecture is one file, and one line in the table of `architectures.rs`.

mod architectures;
pub mod biggan;
pub mod biggan_deep;
mod built;
mod code;
mod conditioning;
pub mod dcgan;
pub mod deepsim;
mod encoder;
mod entry;
mod generator;
mod imported;
mod output;
mod parts;
pub mod pgan;
mod resnet;
pub mod sagan;
pub mod sngan;
mod statistics;
pub mod stylegan2;
pub mod taesd;
pub mod torchscript;
pub mod vqgan;

pub use built::{Built, Encoding, Mapping};
pub use code::{Code, EncodedBy, Prior};
pub use conditioning::{Classes, Conditioning};
pub use encoder::Encoder;
pub use generator::{Generator, Statistics};
pub use output::Output;
pub use statistics::{CodeStatistics, Learner};

/// The manifests of the generators and encoders that are known here, as file name and text, for [`zoo::Zoo::new`].
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
    ("photo-face-dcgan.yaml", include_str!("../zoo/photo-face-dcgan.yaml")),
    ("sagan-128-openmmlab.yaml", include_str!("../zoo/sagan-128-openmmlab.yaml")),
    ("sngan-128.yaml", include_str!("../zoo/sngan-128.yaml")),
    ("sngan-128-openmmlab.yaml", include_str!("../zoo/sngan-128-openmmlab.yaml")),
    ("stylegan2-ffhq.yaml", include_str!("../zoo/stylegan2-ffhq.yaml")),
    ("taef1.yaml", include_str!("../zoo/taef1.yaml")),
    ("taef1-encoder.yaml", include_str!("../zoo/taef1-encoder.yaml")),
    ("taef2.yaml", include_str!("../zoo/taef2.yaml")),
    ("taef2-encoder.yaml", include_str!("../zoo/taef2-encoder.yaml")),
    ("taesd.yaml", include_str!("../zoo/taesd.yaml")),
    ("taesd-encoder.yaml", include_str!("../zoo/taesd-encoder.yaml")),
    ("taesd3.yaml", include_str!("../zoo/taesd3.yaml")),
    ("taesd3-encoder.yaml", include_str!("../zoo/taesd3-encoder.yaml")),
    ("taesdxl.yaml", include_str!("../zoo/taesdxl.yaml")),
    ("taesdxl-encoder.yaml", include_str!("../zoo/taesdxl-encoder.yaml")),
    ("vqgan-f16-1024.yaml", include_str!("../zoo/vqgan-f16-1024.yaml")),
    ("vqgan-f16-16384.yaml", include_str!("../zoo/vqgan-f16-16384.yaml")),
];
