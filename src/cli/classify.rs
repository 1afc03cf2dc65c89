//! `metapicture classify`: what a classifier makes of pictures, through the input pipeline that the optimizer uses.

use std::path::{Path, PathBuf};

use clap::Args;
use classifiers::Classifier;
use frozen::network::{Pass, Point};
use serde_json::json;
use tch::{Device, Kind, Tensor};

use super::compute::Compute;
use super::output::{passed_over, print_json};
use super::progress::{count, counting};
use crate::cli::error::{Context, OfRequest, Result, request};
use metapicture::engine::look::many::each;
use metapicture::engine::look::{Seen, logits, top};
use metapicture::engine::rank;

/// What a classifier makes of pictures.
#[derive(Debug, Args)]
#[command(
    after_help = "A picture is scaled until its shorter side is the network's input, and its central square is taken. Of folders, pictures that cannot be read are
named and passed over; any number of pictures passes in the same memory.

Examples:
  metapicture classify --classifier efficientnet-lite0 cat.jpg --top 3
  metapicture classify --classifier efficientnet-lite0 ~/Photographs --csv classes.csv
  metapicture classify --classifier efficientnet-lite0 cat.jpg --layer _blocks.10 --out cat.npy"
)]
pub struct Classify {
    /// A classifier of the zoo, or the path of a manifest.
    #[arg(long, value_name = "NAME")]
    classifier: String,
    /// Picture files, or folders: of these all pictures in them and in the folders in them.
    #[arg(required = true, value_name = "IMAGE|DIR")]
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
    /// Write a row a picture and class: file, place (from 1), class, name, probability, logit.
    #[arg(long, value_name = "FILE", conflicts_with = "layer")]
    csv: Option<PathBuf>,
    /// One JSON document on stdout.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    compute: Compute,
}

pub(super) fn run(command: Classify, quiet: bool) -> Result<u8> {
    let models = command.compute.models(quiet)?;
    let paths = rank::pictures(&command.images).of_request()?;
    let loaded = models.classifier(&command.classifier)?;
    let classifier = loaded.engine();
    if let (Some(layer), Some(out)) = (&command.layer, &command.out) {
        return activations(classifier, layer, out, &paths, &command, quiet);
    }
    let mut csv = command.csv.as_deref().map(Table::begin).transpose()?;
    let shows = !quiet && !command.json && csv.is_none();
    let point = logits(classifier);
    let (mut documents, mut shown) = (vec![], 0);
    stream(&command, classifier, point, &paths, quiet || shows, &mut |places, pass| {
        let rows = pass.activation(point).flatten(1, -1).to_kind(Kind::Double).to_device(Device::Cpu).contiguous();
        for (place, logits) in places.iter().zip(Vec::<Vec<f64>>::try_from(&rows)?) {
            let path = &paths[*place];
            let top = top(classifier, &logits, command.top);
            if shows {
                println!("{}", path.display());
                for Seen { class, name, probability, logit } in &top {
                    println!("  {probability:.4}  logit {logit:7.3}  {name} ({class})");
                }
            }
            csv.as_mut().map(|table| table.add(path, &top)).transpose()?;
            if command.json {
                documents.push(json!({ "image": path, "classifier": classifier.name, "top": top }));
            }
        }
        shown += places.len();
        Ok(())
    })?;
    if let Some(table) = csv {
        table.end()?;
        if !quiet && !command.json {
            println!("{shown} pictures are in {}", command.csv.unwrap_or_default().display());
        }
    }
    if command.json {
        print_json(&documents)?;
    }
    Ok(0)
}

/// Shows the pictures to the classifier, with a bar. A file that was named must be a picture; of folders those that are none are passed over.
fn stream(
    command: &Classify,
    classifier: &Classifier,
    point: Point,
    paths: &[PathBuf],
    quiet: bool,
    take: &mut dyn FnMut(&[usize], &Pass) -> Result<()>,
) -> Result<()> {
    let (bar, mut done) = (counting("pictures", quiet || command.json), 0);
    let unread = each(classifier, &[point], paths, &mut |places, pass| {
        take(places, pass)?;
        done += places.len();
        count(&bar, done, paths.len());
        Ok(())
    })?;
    bar.finish_and_clear();
    let unread = unread.iter().map(|(path, error)| (path.display().to_string(), error.to_string()));
    passed_over(&command.images, unread)
}

/// The table of classes, written as pictures pass.
struct Table {
    path: PathBuf,
    writer: csv::Writer<std::fs::File>,
}

impl Table {
    fn begin(path: &Path) -> Result<Table> {
        let mut table = Table {
            path: path.to_owned(),
            writer: csv::Writer::from_path(path).with_context(|| format!("{}: cannot be written", path.display()))?,
        };
        table.row(["file", "place", "class", "name", "probability", "logit"].map(str::to_owned))?;
        Ok(table)
    }

    fn row(&mut self, row: [String; 6]) -> Result<()> {
        self.writer.write_record(row).with_context(|| format!("{}: cannot be written", self.path.display()))
    }

    fn add(&mut self, picture: &Path, top: &[Seen]) -> Result<()> {
        for (place, Seen { class, name, probability, logit }) in top.iter().enumerate() {
            let [place, class] = [place + 1, *class].map(|number| number.to_string());
            let [probability, logit] = [probability, logit].map(f64::to_string);
            self.row([picture.display().to_string(), place, class, name.clone(), probability, logit])?;
        }
        Ok(())
    }

    fn end(mut self) -> Result<()> {
        self.writer.flush().with_context(|| format!("{}: cannot be written", self.path.display()))
    }
}

/// The activations of all pictures at a layer, as a file.
fn activations(
    classifier: &Classifier,
    layer: &str,
    out: &Path,
    paths: &[PathBuf],
    command: &Classify,
    quiet: bool,
) -> Result<u8> {
    let tap =
        classifier.network.tap(layer).map_err(|error| request!("{} has {error}", classifier.name)).of_request()?;
    let mut all = vec![];
    stream(command, classifier, tap.point, paths, quiet, &mut |_, pass| {
        all.push(pass.activation(tap.point).to_device(Device::Cpu).to_kind(Kind::Float).contiguous());
        Ok(())
    })?;
    if all.is_empty() {
        return Err(request!("none of {} pictures can be read", paths.len()));
    }
    let activations = Tensor::cat(&all, 0);
    write_tensor(&activations, layer, out)?;
    if command.json {
        print_json(&json!({ "layer": tap.name, "shape": activations.size(), "file": out }))?;
    } else if !quiet {
        println!("{}: {:?} of {}", out.display(), activations.size(), tap.name);
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
