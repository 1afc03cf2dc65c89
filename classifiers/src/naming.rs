//! What weight files in circulation call the tensors of one network: the names of torchvision (of the PyTorch port, for
//! EfficientNet-Lite) are those of the layers here, whatever the file has. Each function looks for a tensor that only one
//! naming has and maps our names to the file's, so that errors tell what the file lacks in its own words.
//!
//! | architecture | file of | differs in |
//! |---|---|---|
//! | `densenet121` | torchvision's downloads (2017) | `denselayer1.norm.1` for `denselayer1.norm1` |
//! | `efficientnet-lite` | timm (`tf_efficientnet_lite0` …) | all names; mean and deviation are 0.5 |
//! | `mobilenet_v2` | timm (`mobilenetv2_100`) | all names |
//! | `vgg16` … | timm | the fully connected layers are convolutions |
//!
//! timm's InceptionV3, ResNet and DenseNet have torchvision's names.

use frozen::weights::Weights;

/// DenseNet: the names before torchvision 0.3, in which a dense layer's modules are numbered behind a dot.
pub fn densenet(weights: Weights) -> Weights {
    if !weights.has("features.denseblock1.denselayer1.norm.1.weight") {
        return weights;
    }
    weights.named(|name| match name.contains(".denselayer") {
        true => ["norm1", "norm2", "conv1", "conv2"].iter().fold(name.to_owned(), |name, part| {
            let (kind, number) = part.split_at(4);
            name.replace(&format!(".{part}."), &format!(".{kind}.{number}."))
        }),
        false => name.to_owned(),
    })
}

/// Whether the file is timm's: all of its networks that are made of inverted residuals have this layer.
pub fn is_timm(weights: &Weights) -> bool {
    weights.has("conv_stem.weight")
}

/// EfficientNet-Lite of timm. `repeats` are the blocks of each stage.
pub fn efficientnet_lite(weights: Weights, repeats: Vec<usize>) -> Weights {
    if !is_timm(&weights) {
        return weights;
    }
    weights.named(move |name| {
        let (block, rest) = match name.strip_prefix("_blocks.").and_then(|rest| rest.split_once('.')) {
            Some((index, rest)) => (index.parse().unwrap_or(0), rest),
            None => return outside(name, ["_conv_stem", "_bn0", "_conv_head", "_bn1", "_fc"]),
        };
        let (module, tensor) = rest.split_once('.').unwrap_or((rest, ""));
        let module = match module {
            "_expand_conv" => Part::Expand,
            "_bn0" => Part::ExpandNorm,
            "_depthwise_conv" => Part::Depthwise,
            "_bn1" => Part::DepthwiseNorm,
            "_project_conv" => Part::Project,
            _ => Part::ProjectNorm,
        };
        inside(&repeats, block, module, tensor)
    })
}

/// MobileNetV2 of timm. `repeats` are the blocks of each stage.
pub fn mobilenet_v2(weights: Weights, repeats: Vec<usize>) -> Weights {
    if !is_timm(&weights) {
        return weights;
    }
    let head = 1 + repeats.iter().sum::<usize>();
    weights.named(move |name| {
        let ours = ["features.0.0", "features.0.1", "", "", "classifier.1"];
        let in_block = name.strip_prefix("features.").and_then(|rest| {
            let (index, rest) = rest.split_once('.')?;
            Some((index.parse::<usize>().ok()?, rest.strip_prefix("conv.")?))
        });
        let Some((index, rest)) = in_block else {
            let (conv, norm) = (format!("features.{head}.0"), format!("features.{head}.1"));
            return outside(name, [ours[0], ours[1], &conv, &norm, ours[4]]);
        };
        // The first block does not expand, so its modules are numbered otherwise.
        let modules: &[(&str, Part)] = match index {
            1 => &[
                ("0.0.", Part::Depthwise),
                ("0.1.", Part::DepthwiseNorm),
                ("1.", Part::Project),
                ("2.", Part::ProjectNorm),
            ],
            _ => &[
                ("0.0.", Part::Expand),
                ("0.1.", Part::ExpandNorm),
                ("1.0.", Part::Depthwise),
                ("1.1.", Part::DepthwiseNorm),
                ("2.", Part::Project),
                ("3.", Part::ProjectNorm),
            ],
        };
        let found = modules.iter().find_map(|&(prefix, part)| Some((part, rest.strip_prefix(prefix)?)));
        found.map_or_else(|| name.to_owned(), |(part, tensor)| inside(&repeats, index - 1, part, tensor))
    })
}

/// The fully connected layers of a VGG of timm, which are convolutions there (the first of 7 x 7 positions).
pub fn vgg(mut weights: Weights) -> Weights {
    if !weights.has("pre_logits.fc1.weight") {
        return weights;
    }
    weights.reshape("pre_logits.fc1.weight", &[4096, 512, 7, 7], &[4096, 512 * 7 * 7]);
    weights.reshape("pre_logits.fc2.weight", &[4096, 4096, 1, 1], &[4096, 4096]);
    weights.named(|name| {
        let modules =
            [("classifier.0.", "pre_logits.fc1."), ("classifier.3.", "pre_logits.fc2."), ("classifier.6.", "head.fc.")];
        let found = modules.iter().find_map(|(ours, theirs)| Some(format!("{theirs}{}", name.strip_prefix(ours)?)));
        found.unwrap_or_else(|| name.to_owned())
    })
}

/// The layers of an inverted residual block.
#[derive(Clone, Copy)]
enum Part {
    Expand,
    ExpandNorm,
    Depthwise,
    DepthwiseNorm,
    Project,
    ProjectNorm,
}

/// timm's name of a tensor in the block with this number.
fn inside(repeats: &[usize], block: usize, part: Part, tensor: &str) -> String {
    let (mut stage, mut place) = (0, block);
    while stage + 1 < repeats.len() && place >= repeats[stage] {
        place -= repeats[stage];
        stage += 1;
    }
    // The first stage does not expand.
    let module = match (part, stage) {
        (Part::Expand, _) | (Part::Project, 0) => "conv_pw",
        (Part::ExpandNorm, _) | (Part::DepthwiseNorm, 0) => "bn1",
        (Part::Depthwise, _) => "conv_dw",
        (Part::DepthwiseNorm, _) | (Part::ProjectNorm, 0) => "bn2",
        (Part::Project, _) => "conv_pwl",
        (Part::ProjectNorm, _) => "bn3",
    };
    format!("blocks.{stage}.{place}.{module}.{tensor}")
}

/// timm's name of a tensor outside of the blocks, whose modules we call `ours`.
fn outside(name: &str, ours: [&str; 5]) -> String {
    let theirs = ["conv_stem", "bn1", "conv_head", "bn2", "classifier"];
    let (module, tensor) = name.rsplit_once('.').unwrap_or((name, ""));
    let place = ours.iter().position(|ours| *ours == module);
    place.map_or_else(|| name.to_owned(), |place| format!("{}.{tensor}", theirs[place]))
}
