//! Networks so narrow that a step takes little of a second, on weights from the formula: for what must hold whatever a network
//! has learned. In a folder they are a manifest and a file each, as a user's own would be.

use std::path::Path;
use std::sync::Arc;

use classifiers::{Classifier, LOGITS, efficientnet_lite};
use frozen::network::{Builder, Kernel, Network, Padding};
use frozen::weights::{Fault, WeightError, Weights};
use generators::{Built, EncodedBy, Encoder, Generator, Learner, Statistics, dcgan, taesd};
use tch::{Kind, Tensor};

use crate::formula::{self, Shapes, formula};

/// The names of the manifests that [`write()`] leaves: a classifier, two witnesses, a generator, and an encoder of codes of other ones.
pub const CLASSIFIER: &str = "./narrow.yaml";
pub const WITNESSES: [&str; 2] = ["./wider.yaml", "./widest.yaml"];
pub const GENERATOR: &str = "./faces.yaml";
pub const ENCODER: &str = "./eye.yaml";

/// What such a network takes.
fn taken<B>(make: impl Fn(Weights) -> Result<B, WeightError>) -> Shapes {
    let Err(WeightError { fault: Fault::Misfit(misfit), .. }) = make(Weights::from_tensors([])) else {
        panic!("it takes no weights")
    };
    misfit.missing.into_iter().collect()
}

fn weights(shapes: Shapes) -> Vec<(String, Tensor)> {
    let tensor = |(name, shape): (String, Vec<i64>)| {
        let values = formula(&name, &shape);
        (name, values)
    };
    shapes.into_iter().map(tensor).collect()
}

/// Weights by the formula for whatever a network takes.
pub fn build<B>(make: impl Fn(Weights) -> Result<B, WeightError>) -> B {
    make(Weights::from_tensors(weights(taken(&make)))).unwrap_or_else(|error| panic!("{error}"))
}

/// A weights file, and its manifest with `rest`.
fn leave(folder: &Path, manifest: &str, rest: &str, shapes: Shapes) {
    let name = manifest.trim_start_matches("./").trim_end_matches(".yaml");
    let file = folder.join(format!("{name}.safetensors"));
    Tensor::write_safetensors(&weights(shapes), &file).unwrap();
    let text = format!(
        "name: {name}\n{rest}licence: none\nweights: {{source: {{path: '{}'}}}}\n",
        file.canonicalize().unwrap().display()
    );
    std::fs::write(folder.join(manifest), text).unwrap();
}

/// Leaves EfficientNet-Lites for 32 px with the thousand classes of ImageNet and Lite0's layers, and a DCGAN of 32 px.
pub fn write(folder: &Path) {
    // The first witness is said to be of another family.
    for (manifest, width, family) in
        [(CLASSIFIER, 0.1, ""), (WITNESSES[0], 0.2, "family: Wide\n"), (WITNESSES[1], 0.3, "")]
    {
        let config = lite0(width, 32);
        let rest = format!(
            "kind: classifier\narchitecture: efficientnet-lite\nconfig: {{width: {width}, depth: 1.0, resolution: 32}}\n{family}"
        );
        leave(folder, manifest, &rest, taken(|weights| efficientnet_lite::network(config, weights)));
    }
    let rest = "kind: generator\narchitecture: dcgan\nconfig: {latent: 12, width: 8, channels: 3, resolution: 32}\n";
    leave(folder, GENERATOR, rest, taken(|weights| dcgan::build(codes(12, 8, 32, &[]), weights)));
    let rest = "kind: encoder\narchitecture: taesd\nconfig: {channels: 4, pooled: false, resolution: 32}\n";
    let config = taesd::Config { channels: 4, pooled: false, resolution: 32 };
    leave(folder, ENCODER, rest, taken(|weights| taesd::build_encoder(config.clone(), weights)));
}

/// Lite0's layers with a share of its channels.
fn lite0(width: f64, resolution: i64) -> efficientnet_lite::Config {
    efficientnet_lite::Config { width, depth: 1., resolution }
}

/// A quarter of Lite0's channels, for 64 px and the thousand classes of ImageNet.
pub fn lite() -> Classifier {
    let config = lite0(0.25, 64);
    of(build(|weights| efficientnet_lite::network(config, weights)), 1000, config.resolution)
}

fn of(network: Network, classes: i64, size: i64) -> Classifier {
    Classifier {
        name: "formula".to_owned(),
        network,
        classes,
        size,
        mean: [0.5; 3],
        std: [0.5; 3],
        names: classifiers::Names::ImageNet,
        independent: false,
        weights_sha256: String::new(),
        definition: serde_json::Value::Null,
        family: None,
    }
}

fn codes(latent: i64, width: i64, resolution: i64, classes: &[&str]) -> dcgan::Config {
    let classes = classes.iter().map(|class| (*class).to_owned()).collect();
    dcgan::Config { latent, width, channels: 3, resolution, classes, dropout_after_first: false }
}

/// Pictures of 32 px to ten classes, by units that never die.
fn network(weights: Weights) -> Result<Network, WeightError> {
    let kernel = |stride: i64| Kernel { size: 3, stride, padding: Padding::Symmetric(1), groups: 1 };
    let (mut net, mut x) = Builder::new(weights, 3);
    for (name, channels, stride) in [("first", 8, 2), ("second", 16, 2), ("third", 24, 1)] {
        x = net.convolution_with_bias(name, x, channels, kernel(stride));
        x = net.leaky_relu(&format!("{name}.relu"), x, 0.2, 1.);
    }
    x = net.global_average_pool("pool", x);
    x = net.linear("last", x, 10);
    net.alias(x, LOGITS);
    net.finish()
}

/// Three convolutions, for ten classes.
pub fn classifier() -> Classifier {
    of(build(network), 10, 32)
}

fn generator(make: impl Fn(Weights) -> Result<Built, WeightError>) -> Generator {
    formula::generator(build(make))
}

/// Codes of 12 numbers to 16 px.
pub fn unconditional() -> Generator {
    generator(|weights| dcgan::build(codes(12, 4, 16, &[]), weights))
}

/// Codes of 12 numbers and three classes to 16 px.
pub fn conditional() -> Generator {
    generator(|weights| dcgan::build(codes(12, 4, 16, &["a", "b", "c"]), weights))
}

/// Spatial codes to 16 px.
pub fn spatial() -> Generator {
    generator(|weights| taesd::build(taesd::Config { channels: 4, pooled: false, resolution: 16 }, weights))
}

/// The same, of which it is known what codes are like: channels that go together, smooth ones.
pub fn natural() -> Generator {
    let mut generator = spatial();
    let rows: Vec<f32> = (0..60 * 4 * 64).map(|number| ((number * 37 % 101) as f32 / 50. - 1.) * 0.8).collect();
    let codes = Tensor::from_slice(&rows).view([60, 4, 8, 8]).cumsum(1, None::<Kind>);
    let mut learner = Learner::new(4, 8);
    learner.see(&(&codes + codes.roll([1], [3i64])));
    let table = Arc::new(learner.learned().unwrap());
    generator.statistics = Some(Statistics { table, sha256: "of formula codes".to_owned() });
    generator.code.encoded_by = Some(EncodedBy::Encoder("formula-encoder".to_owned()));
    generator
}

/// The encoder of [`spatial`]'s codes.
pub fn encoder() -> Encoder {
    let config = taesd::Config { channels: 4, pooled: false, resolution: 16 };
    let encoding = build(|weights| taesd::build_encoder(config.clone(), weights));
    let definition = serde_json::Value::Null;
    Encoder { name: "formula-encoder".to_owned(), encoding, weights_sha256: String::new(), definition }
}
