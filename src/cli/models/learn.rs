//! `metapicture models learn-codes`: what a generator's codes of photographs are like.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use zoo::Kind;

use super::told::{pretty, print};
use crate::cli::compute::Compute;
use crate::cli::error::{OfRequest, Result};
use crate::cli::progress::Steps;
use metapicture::engine::codes::{self, Learned, Place};

/// What a generator's codes of photographs are like: learned from a folder, for the space `statistics` of methods such as latent-natural.
#[derive(Debug, Args)]
#[command(
    after_help = "Leaves a table (safetensors, a few kB, in which no picture is) and a manifest beside it, NAME.yaml, by which the generator
is called with it. A fifth of the photographs is held out and says whether the others tell what they are like.

Example:
  metapicture models learn-codes taesd ~/Pictures --crops 8 --out mine.safetensors
  metapicture visualize --classifier efficientnet-lite0 --generator ./mine.yaml --unit banana --out out/mine"
)]
pub struct LearnCodes {
    /// A generator with an encoder: an entry, or a manifest file of your own.
    name: String,
    /// The folder of photographs.
    folder: PathBuf,
    /// Where the table goes [default: NAME-codes.safetensors].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Side of the pictures in pixels [default: the generator's].
    #[arg(long, value_name = "PX", value_parser = clap::value_parser!(i64).range(8..=4096))]
    size: Option<i64>,
    /// Squares at random places of each photograph, besides the central one. Large photographs have more to give.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=1000))]
    crops: u16,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    compute: Compute,
}

pub(super) fn run(command: LearnCodes, quiet: bool) -> Result<u8> {
    let models = command.compute.models(quiet)?;
    let manifest = models.zoo().manifest(&command.name, Some(Kind::Generator))?;
    let table = command.out.unwrap_or_else(|| PathBuf::from(format!("{}-codes.safetensors", &*manifest.name)));
    let place = Place::of(&table).map_err(|error| error.at("--out")).of_request()?;
    let bar = Steps::new(1, quiet || command.json);
    let at = |done: usize, of: usize| bar.share(done, of, "photographs");
    let options = (command.size, usize::from(command.crops));
    let learned = codes::of_folder(&models, &command.name, &command.folder, options, &at);
    bar.finish();
    let learned = learned?;
    place.write(&models, &manifest, &learned)?;
    let Learned { statistics, check, photographs } = &learned;
    let least = check.strengths.iter().copied().fold(f64::INFINITY, f64::min);
    let most = check.strengths.iter().copied().fold(0., f64::max);
    if command.json {
        let about = json!({
            "generator": &*manifest.name, "photographs": photographs, "codes": statistics.codes, "side": statistics.side,
            "held_out": check, "table": place.table, "manifest": place.manifest,
        });
        print(&pretty(&about))?;
    } else {
        let size = statistics.side;
        print(&format!(
            "{}: {} codes of {photographs} photographs, {} x {size} x {size} each\n\
             of {} codes that were held out, whitened by the others: mean square {least:.2} to {most:.2} from ring to ring of spatial\n\
             frequencies (1 is white), mean correlation of channels {:.3} (0 is white)\n\
             {}\n{}\n",
            &*manifest.name,
            statistics.codes,
            statistics.channels(),
            check.codes,
            check.correlation,
            place.table.display(),
            place.manifest.display()
        ))?;
    }
    Ok(0)
}
