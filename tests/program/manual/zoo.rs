//! Every entry of the zoo, from its manifest; of classifiers the layers of interest, from networks of the same architecture without weights.

use std::fmt::Write as _;

use ::zoo::{Kind, Manifest, Size};
use classifiers::{
    Classifier, Names, bvlc_googlenet, caffenet, efficientnet_lite, family, squeezenet_caffe, torchvision,
};
use frozen::network::Network;
use frozen::weights::{Fault, WeightError, Weights};
use metapicture::engine::look::default_layers;
use metapicture::engine::unit::LayerShapes;
use serde_json::Value;
use support::formula::{Shapes, hollow};

use super::{hold, prose, table};

const TOP: &str = "# The zoo

Networks and photographs that can be called by name. `metapicture models pull NAME` brings one into the user's cache, and every command that needs one
pulls it by itself. Where a size is unknown, none is published; where nothing can be fetched by a program, `metapicture models add NAME --file PATH` takes
a file that you have brought by hand. `metapicture models info NAME` lists all layers once an entry is pulled.

The EfficientNet-Lites, the two DCGANs and the pictures come out of ordinary Python wheels, each file pinned by sha256; torchvision's from
download.pytorch.org, of whose sha256 only the first 8 digits are published. The other generators come from their authors' addresses, DeePSiM and CaffeNet
from those of a port to PyTorch; some can be followed by a browser only. Their networks are held to PyTorch's on weights from a formula, and `taef2` on the
published file; we never had the files of the others. `metapicture models pull --all` brings what it can and says of each other entry, in one line, how it is
brought by hand. Of the five decoders of TAESD `taesd` convinces strangers most ([how they compare](../../../experiments/README.md#a-prior-that-knows-its-codes)).

Layers are called as in the files: torchvision's as in torchvision (`Mixed_5b`, `layer3.0.bn1.relu`, `features.30`; `fc1` of a VGG).
The layers that are named here are those in which `compare` measures the path unless it is told others: of each resolution the last of the
narrowest places between blocks, and the last features. They are good first places to look.

";

fn size(manifest: &Manifest) -> String {
    let mebibytes = |bytes: u64| format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20));
    let sizes: Option<Vec<u64>> = manifest.files.iter().map(|file| file.size.map(Size::bytes)).collect();
    sizes.map_or_else(|| "unknown".to_owned(), |sizes| mebibytes(sizes.iter().sum()))
}

/// A network that knows nothing: its weights are zeros of the shapes that it takes.
fn empty(make: impl Fn(Weights) -> Result<Network, WeightError>) -> Network {
    let Err(error) = make(Weights::from_tensors([])) else { panic!("a network without weights") };
    let Fault::Misfit(misfit) = error.fault else { panic!("no misfit") };
    let shapes: Shapes = misfit.missing.into_iter().collect();
    make(Weights::from_tensors(hollow(&shapes))).unwrap()
}

fn network(manifest: &Manifest) -> (Network, i64) {
    let number = |key: &str| manifest.config.get(key).and_then(Value::as_f64);
    let side = |unless: i64| number("resolution").map_or(unless, |side| side as i64);
    match manifest.architecture.as_deref().unwrap() {
        "efficientnet-lite" => {
            let (width, depth, resolution) = (number("width").unwrap(), number("depth").unwrap(), side(224));
            (
                empty(|weights| {
                    efficientnet_lite::network(efficientnet_lite::Config { width, depth, resolution }, weights)
                }),
                resolution,
            )
        }
        "bvlc_googlenet" => (empty(bvlc_googlenet::network), side(224)),
        "caffenet" => (empty(caffenet::network), side(227)),
        "squeezenet-caffe" => (empty(squeezenet_caffe::network), side(227)),
        name => (empty(|weights| torchvision::find(name).unwrap().network(1000, weights)), side(224)),
    }
}

/// The layers, each with its shape.
fn layers(manifest: &Manifest) -> String {
    let (network, size) = network(manifest);
    let classifier = Classifier {
        name: manifest.name.to_string(),
        network,
        classes: 1000,
        size,
        mean: [0.; 3],
        std: [1.; 3],
        names: Names::ImageNet,
        independent: false,
        weights_sha256: String::new(),
        definition: Value::Null,
        family: None,
    };
    let shapes = LayerShapes::measure(&classifier);
    let chosen = default_layers(&classifier, &shapes).unwrap();
    let named = chosen.iter().filter(|(name, _)| name != classifiers::LOGITS).map(|(name, _)| {
        let shape = shapes.iter().find(|(known, ..)| known == name).map(|(.., shape)| shape).unwrap_or_default();
        let sides: Vec<String> = shape.iter().map(ToString::to_string).collect();
        format!("`{name}` ({})", sides.join(" x "))
    });
    named.collect::<Vec<_>>().join(", ")
}

/// A map of the manifest, as YAML has it in a line.
fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) if items.len() > 12 => format!("{} of them", items.len()),
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

fn section(manifest: &Manifest) -> String {
    let mut text = format!("### {}\n\n{}.\n\n", manifest.name, prose(manifest.description.trim_end_matches('.')));
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(text, "- {name}: {value}");
        }
    };
    line("architecture", &manifest.architecture.as_ref().map(|name| format!("`{name}`")).unwrap_or_default());
    let config: Vec<String> = manifest.config.iter().map(|(key, value)| format!("{key}: {}", flow(value))).collect();
    line("config", &if config.is_empty() { String::new() } else { format!("`{}`", config.join("; ")) });
    if manifest.kind == Kind::Classifier {
        line("family", manifest.architecture.as_deref().and_then(family).unwrap_or_default());
        line("layers of interest", &layers(manifest));
    }
    line("trained on", &prose(manifest.trained_on.as_deref().unwrap_or_default()));
    line("licence", &prose(&manifest.licence));
    if manifest.non_commercial {
        line("use", "non-commercial only");
    }
    line(
        "encoder",
        &manifest.encoder.as_ref().map(|name| format!("[`{name}`](zoo-encoders.md#{name})")).unwrap_or_default(),
    );
    if manifest.statistics.is_some() {
        line("statistics of codes", "of photographs, built in");
    }
    line("size", &size(manifest));
    let mut sources: Vec<String> = manifest.files.iter().map(|file| source(&file.source)).collect();
    sources.dedup();
    line(
        "from",
        &if sources.len() > 3 {
            format!("{} files, the first {}", sources.len(), sources[0])
        } else {
            sources.join(", ")
        },
    );
    line("homepage", &manifest.homepage.as_ref().map(|page| format!("<{page}>")).unwrap_or_default());
    text
}

fn source(source: &::zoo::Source) -> String {
    match source {
        ::zoo::Source::Wheel { wheel, member } => format!("`{member}` in the wheel `{wheel}`"),
        ::zoo::Source::Url(url) => format!("<{url}>"),
        ::zoo::Source::Page(page) => format!("by hand, from <{page}>"),
        ::zoo::Source::Path(path) => format!("`{}`", path.display()),
    }
}

/// Kinds with their titles, and the page that has their entries.
const KINDS: [(Kind, &str, &str); 4] = [
    (Kind::Classifier, "Classifiers", "zoo-classifiers.md"),
    (Kind::Generator, "Generators", "zoo-generators.md"),
    (Kind::Encoder, "Encoders", "zoo-encoders.md"),
    (Kind::Images, "Photographs", "zoo-encoders.md"),
];

/// The pages, with their titles.
const PAGES: [(&str, &str); 3] = [
    ("zoo-classifiers.md", "The zoo: classifiers"),
    ("zoo-generators.md", "The zoo: generators"),
    ("zoo-encoders.md", "The zoo: encoders and photographs"),
];

#[test]
fn the_page_of_the_zoo_is_current() {
    tch::set_num_threads(1);
    let all =
        classifiers::MANIFESTS.iter().chain(generators::MANIFESTS).chain(metapicture::engine::reference::MANIFESTS);
    let manifests: Vec<Manifest> = all.map(|(file, text)| Manifest::parse(file, text, None).unwrap()).collect();
    let of_kind = |kind: Kind| manifests.iter().filter(move |manifest| manifest.kind == kind);
    let mut text = TOP.to_owned();
    for (kind, title, page) in KINDS {
        let row = |manifest: &Manifest| {
            let name = format!("[`{0}`]({page}#{0})", manifest.name);
            vec![name, prose(&manifest.description), size(manifest), prose(&manifest.licence)]
        };
        let rows: Vec<Vec<String>> = of_kind(kind).map(row).collect();
        assert!(!rows.is_empty());
        let _ = write!(text, "## {title}\n\n{}\n", table(&["name", "what", "size", "licence"], &rows));
    }
    hold("zoo.md", &format!("{}\n", text.trim_end()));
    for (file, title) in PAGES {
        let mut text = format!("# {title}\n\nAll of them in tables, and how they are brought: [The zoo](zoo.md).\n\n");
        for (kind, title, _) in KINDS.iter().filter(|(.., page)| *page == file) {
            let _ = write!(text, "## {title}\n\n");
            for manifest in of_kind(*kind) {
                let _ = writeln!(text, "{}", section(manifest));
            }
        }
        hold(file, &format!("{}\n", text.trim_end()));
    }
}
