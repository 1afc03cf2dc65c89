//! `metapicture embed`: what a layer makes of many pictures.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use clap::{Args, ValueEnum};

use super::compute::Compute;
use super::interrupt::stop_on_interrupt;
use super::output::{passed_over, print_json};
use super::progress::{count, counting};
use crate::cli::error::{OfRequest, Result};
use metapicture::engine::embed::{self, Fit, Preset, Settings};

/// What a layer makes of many pictures, a row of numbers each: what maps, clusters and claims about a data set are computed from.
#[derive(Debug, Args)]
#[command(
    after_help = "PICTURES are files, folders (the folder that a picture lies in is its `class`), tables (FILE.csv with a column `file`, `path`, `image` or `filename`, relative to the
table; other columns are carried along), tar files as WebDataset has them (`.json`, `.cls` and `.txt` beside a picture tell of it), Parquet files as Hugging Face has them (a column of bytes; labels by name)
and folders of records, whose pictures are told from photographs by `made_by`.

OUT holds rows.safetensors (`rows`, [N,D], f32), pictures.csv (in the same order: row, name, sha256, width, height, duplicate_of, and what else is known) and
embedding.json. A picture that a layer has seen before, under whatever name, is not shown to it again; whoever is stopped goes on with the same command. Near-duplicates
are found by how pictures look, and told by `duplicate_of`: the row of the first of them. Pictures that cannot be read are named and passed over.

`--preset vgg19-fc1` is what Keras calls fc1 and `imgs-ai` what the tool imgs.ai computes under that name, which is the second of VGG19's layers: pictures are
squashed and not normalised there, and held against each other by the Manhattan distance.

Examples:
  metapicture embed --classifier efficientnet-lite0 --layer pool --out out/embedded ~/Photographs
  metapicture embed --preset vgg19-fc1 --out out/fences imagenet/n03000134.tar"
)]
pub struct Embed {
    /// Files, folders, FILE.csv, FILE.tar, FILE.parquet, folders of records.
    #[arg(required = true, value_name = "PICTURES")]
    pictures: Vec<PathBuf>,
    /// A classifier of the zoo, or the path of a manifest.
    #[arg(long, value_name = "NAME", required_unless_present = "preset")]
    classifier: Option<String>,
    /// The layer; `metapicture models info NAME` lists them.
    #[arg(long, value_name = "LAYER", required_unless_present = "preset")]
    layer: Option<String>,
    /// A classifier, a layer and how pictures are shown, all at once.
    #[arg(long, value_name = "PRESET", conflicts_with_all = ["layer", "positions", "squash", "raw"])]
    preset: Option<PresetName>,
    /// Where it goes.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Keep all positions of a layer that has some, and not their mean.
    #[arg(long)]
    positions: bool,
    /// Squash pictures to squares, whatever becomes of their proportions, and do not take their central squares.
    #[arg(long)]
    squash: bool,
    /// Do not normalise levels as the network was trained: they are from 0 to 1.
    #[arg(long)]
    raw: bool,
    /// One JSON document on stdout.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    compute: Compute,
}

/// Presets by name, with the words that the help has for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PresetName {
    /// VGG19 behind its first fully connected layer and ReLU, as Keras calls it.
    Vgg19Fc1,
    /// What imgs.ai calls so: behind the second one; squashed, not normalised.
    ImgsAi,
}

impl PresetName {
    fn preset(self) -> Preset {
        match self {
            PresetName::Vgg19Fc1 => Preset::Vgg19Fc1,
            PresetName::ImgsAi => Preset::ImgsAi,
        }
    }
}

pub(super) fn run(command: Embed, quiet: bool) -> Result<u8> {
    let models = command.compute.models(quiet || command.json)?;
    let sources = embed::sources(&command.pictures).of_request()?;
    let preset = command.preset.map(PresetName::preset);
    let settings = match preset {
        Some(preset) => preset.settings(),
        None => Settings {
            layer: command.layer.unwrap_or_default(),
            positions: command.positions,
            fit: if command.squash { Fit::Squash } else { Fit::Crop },
            raw: command.raw,
        },
    };
    let name = command.classifier.as_deref().or(preset.map(Preset::classifier));
    let classifier = models.classifier(name.unwrap_or_default())?;
    let stop = stop_on_interrupt(Some("what was seen is kept"))?;
    let bar = counting("pictures", quiet || command.json);
    let watch = |done: usize, of: usize| {
        count(&bar, done, of);
        !stop.load(Ordering::Relaxed)
    };
    let cache = models.zoo().cache();
    let embedded = embed::embed(&classifier, &settings, &sources, cache, &command.out, &watch);
    bar.finish_and_clear();
    let embedded = embedded?;
    passed_over(&command.pictures, embedded.unread.iter().cloned())?;
    if command.json {
        print_json(&embedded)?;
    } else if !quiet {
        println!(
            "{}: {} pictures, {} numbers each; {} were looked at now, {} are near-duplicates of others",
            command.out.display(),
            embedded.pictures,
            embedded.width,
            embedded.computed,
            embedded.duplicates
        );
    }
    Ok(0)
}
