//! Families of networks: who may share what with a target, adversarial features included.

use serde::{Deserialize, Serialize};

/// What a network has in common with another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kinship {
    /// Its family.
    Kin,
    /// The blocks that its family is made of.
    HalfKin,
    /// Neither; only the training photographs, perhaps.
    Foreign,
    /// Not known: somebody's program, whose manifest does not say of which family it is.
    Unknown,
    /// No classifier at all: the encoder of a generator.
    NoClassifier,
}

/// How architectures are called, and the family of those that are called so: the first that fits.
const FAMILIES: &[(&str, &str)] = &[
    ("efficientnet", "EfficientNet"),
    ("mobilenet", "MobileNet"),
    ("googlenet", "Inception"),
    ("bvlc_googlenet", "Inception"),
    ("inception", "Inception"),
    ("squeezenet", "SqueezeNet"),
    ("resnet", "ResNet"),
    ("densenet", "DenseNet"),
    ("vgg", "VGG"),
    ("alexnet", "AlexNet"),
    ("caffenet", "AlexNet"),
];

/// Families of common blocks: inverted residuals with depthwise convolutions (Sandler et al. 2018; Tan & Le 2019).
const HALF_KIN: [&str; 2] = ["EfficientNet", "MobileNet"];

/// The family of an architecture; none of a program.
pub fn family(architecture: &str) -> Option<&'static str> {
    FAMILIES.iter().find(|(begins, _)| architecture.starts_with(begins)).map(|(_, family)| *family)
}

/// What a family is one of several of, where they share their blocks: families of one stock agree for reasons of their own.
pub fn stock(family: &str) -> String {
    let of_blocks = HALF_KIN.iter().any(|kin| kin.eq_ignore_ascii_case(family));
    if of_blocks { HALF_KIN.join(" and ") } else { family.to_owned() }
}

impl Kinship {
    /// Of two families.
    pub fn between(a: Option<&str>, b: Option<&str>) -> Kinship {
        match (a, b) {
            (Some(a), Some(b)) if a.eq_ignore_ascii_case(b) => Kinship::Kin,
            (Some(a), Some(b)) => {
                let of_blocks = |family: &str| HALF_KIN.iter().any(|kin| kin.eq_ignore_ascii_case(family));
                if of_blocks(a) && of_blocks(b) { Kinship::HalfKin } else { Kinship::Foreign }
            }
            _ => Kinship::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MANIFESTS;

    #[test]
    fn every_network_of_the_zoo_has_a_family() {
        for (name, text) in MANIFESTS {
            let manifest = zoo::Manifest::parse(name, text, None).unwrap();
            assert!(family(manifest.architecture.as_deref().unwrap()).is_some(), "{name}");
        }
    }

    #[test]
    fn mobile_nets_are_half_kin_of_efficient_nets_and_nobody_knows_a_program() {
        let between = |a: &str, b: &str| Kinship::between(family(a), family(b));
        assert_eq!(between("efficientnet-lite", "efficientnet-lite"), Kinship::Kin);
        assert_eq!(between("efficientnet-lite", "mobilenet_v2_tf"), Kinship::HalfKin);
        assert_eq!(between("bvlc_googlenet", "inception_v3"), Kinship::Kin);
        assert_eq!(between("efficientnet-lite", "squeezenet-caffe"), Kinship::Foreign);
        assert_eq!(between("onnx", "squeezenet-caffe"), Kinship::Unknown);
    }
}
