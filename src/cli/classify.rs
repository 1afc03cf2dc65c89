//! `metapicture classify`: what a classifier makes of pictures, through the input pipeline that the optimizer uses.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use tch::Tensor;

use super::compute::Compute;
use super::output::print_json;
use crate::cli::error::{Context, OfRequest, Result, request};
use metapicture::engine::look::judge;
use metapicture::engine::picture;

/// What a classifier makes of pictures.
#[derive(Debug, Args)]
#[command(
    after_help = "A picture is scaled until its shorter side is the network's input, and its central square is taken.

Example:
  metapicture classify --classifier efficientnet-lite0 cat.jpg --top 3
  metapicture classify --classifier efficientnet-lite0 cat.jpg --layer _blocks.10 --out cat.npy"
)]
pub struct Classify {
    /// A classifier of the zoo, or the path of a manifest.
    #[arg(long, value_name = "NAME")]
    classifier: String,
    /// Picture files.
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,
    /// How many classes to name.
    #[arg(long, default_value_t = 5, value_name = "K")]
    top: usize,
    /// Write the activations at this layer instead, [N,C] or [N,C,H,W], f32.
    #[arg(long, value_name = "LAYER", requires = "out")]
    layer: Option<String>,
    /// Where to: FILE.npy or FILE.safetensors.
    #[arg(long, value_name = "FILE", requires = "layer")]
    out: Option<PathBuf>,
    /// One JSON document on stdout.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    compute: Compute,
}

pub(super) fn run(command: Classify, quiet: bool) -> Result<u8> {
    let models = command.compute.models(quiet)?;
    let pictures = command.images.iter().map(|path| picture::read(path)).collect::<Result<Vec<_>, _>>().of_request()?;
    let loaded = models.classifier(&command.classifier)?;
    let classifier = loaded.engine();
    if let (Some(layer), Some(out)) = (&command.layer, &command.out) {
        let tap =
            classifier.network.tap(layer).map_err(|error| request!("{} has {error}", classifier.name)).of_request()?;
        let all: Vec<Tensor> =
            pictures.iter().map(|picture| judge::activation(classifier, picture, tap.point)).collect();
        let activations = Tensor::stack(&all, 0);
        write_tensor(&activations, layer, out)?;
        if command.json {
            print_json(&json!({ "layer": tap.name, "shape": activations.size(), "file": out }))?;
        } else if !quiet {
            println!("{}: {:?} of {}", out.display(), activations.size(), tap.name);
        }
        return Ok(0);
    }
    let mut documents = vec![];
    for (path, picture) in command.images.iter().zip(&pictures) {
        let logits = judge::logits(classifier, picture);
        let probabilities = judge::probabilities(classifier, &logits);
        let mut order: Vec<usize> = (0..logits.len()).collect();
        order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
        let top = order.iter().take(command.top).map(|&class| {
            let name = classifier.class_name(class).unwrap_or_default();
            (class, name, probabilities[class], logits[class])
        });
        if quiet && !command.json {
            continue;
        } else if !command.json {
            println!("{}", path.display());
            for (class, name, probability, logit) in top {
                println!("  {probability:.4}  logit {logit:7.3}  {name} ({class})");
            }
        } else {
            let top: Vec<_> = top
                .map(|(class, name, probability, logit)| {
                    json!({ "class": class, "name": name, "probability": probability, "logit": logit })
                })
                .collect();
            documents.push(json!({ "image": path, "classifier": classifier.name, "top": top }));
        }
    }
    if command.json {
        print_json(&documents)?;
    }
    Ok(0)
}

fn write_tensor(tensor: &Tensor, name: &str, path: &Path) -> Result<()> {
    let written = match path.extension().and_then(|extension| extension.to_str()) {
        Some("npy") => tensor.write_npy(path),
        Some("safetensors") => Tensor::write_safetensors(&[(name, tensor)], path),
        _ => return Err(request!("--out: '{}' must end in .npy or .safetensors", path.display())).of_request(),
    };
    written.with_context(|| format!("{}: cannot be written", path.display()))?;
    Ok(())
}
