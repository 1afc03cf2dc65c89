//! Frozen image classifiers, one file an architecture, and the zoo of their weights.
//!
//! A new model of a known architecture is one manifest (`zoo/NAME.yaml`) and its line in [`MANIFESTS`]. A new architecture is
//! one file, and one line in the table of `architectures.rs` or, with the names of torchvision, in
//! [`torchvision::ARCHITECTURES`].

pub mod alexnet;
mod architectures;
mod built;
pub mod bvlc_googlenet;
pub mod caffenet;
pub mod class_names;
mod classifier;
pub mod densenet;
pub mod efficientnet_lite;
mod entry;
mod family;
pub mod googlenet;
pub mod imagenet;
mod imported;
pub mod inception_v3;
mod input_pipeline;
mod live;
pub mod mobilenet_v1;
pub mod mobilenet_v2;
pub mod mobilenet_v2_tf;
pub mod naming;
mod own;
mod parts;
pub mod resnet;
pub mod squeezenet;
pub mod squeezenet_caffe;
pub mod torchscript;
pub mod torchvision;
pub mod vgg;
pub mod wordnet;

pub use built::Names;
pub use classifier::Classifier;
pub use family::{Kinship, family, stock};
pub use input_pipeline::InputPipeline;
pub use live::Live;
pub use parts::LOGITS;

/// The manifests of the classifiers that are known here, as file name and text, for [`zoo::Zoo::new`].
pub const MANIFESTS: &[(&str, &str)] = &[
    ("alexnet.yaml", include_str!("../zoo/alexnet.yaml")),
    ("bvlc_googlenet.yaml", include_str!("../zoo/bvlc_googlenet.yaml")),
    ("caffenet.yaml", include_str!("../zoo/caffenet.yaml")),
    ("densenet121.yaml", include_str!("../zoo/densenet121.yaml")),
    ("efficientnet-lite0.yaml", include_str!("../zoo/efficientnet-lite0.yaml")),
    ("efficientnet-lite1.yaml", include_str!("../zoo/efficientnet-lite1.yaml")),
    ("efficientnet-lite2.yaml", include_str!("../zoo/efficientnet-lite2.yaml")),
    ("googlenet.yaml", include_str!("../zoo/googlenet.yaml")),
    ("inception_v3.yaml", include_str!("../zoo/inception_v3.yaml")),
    ("mobilenet_v2.yaml", include_str!("../zoo/mobilenet_v2.yaml")),
    ("resnet18.yaml", include_str!("../zoo/resnet18.yaml")),
    ("resnet50.yaml", include_str!("../zoo/resnet50.yaml")),
    ("squeezenet-caffe.yaml", include_str!("../zoo/squeezenet-caffe.yaml")),
    ("squeezenet1_1.yaml", include_str!("../zoo/squeezenet1_1.yaml")),
    ("vgg16.yaml", include_str!("../zoo/vgg16.yaml")),
    ("vgg16_bn.yaml", include_str!("../zoo/vgg16_bn.yaml")),
    ("vgg19.yaml", include_str!("../zoo/vgg19.yaml")),
    ("vgg19_bn.yaml", include_str!("../zoo/vgg19_bn.yaml")),
];
