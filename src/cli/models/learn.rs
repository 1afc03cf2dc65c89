//! `metapicture models learn-codes`: what a generator's codes of photographs are like.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use zoo::Kind;

use super::told::{pretty, print};
use crate::cli::compute::Compute;
use crate::cli::error::{Context, OfRequest, Result, request};
use crate::cli::progress::Steps;
use metapicture::engine::codes::{self, Learned};

/// What a generator's codes of photographs are like: learned from a folder, for the space `statistics` of methods such as latent-natural.
#[derive(Debug, Args)]
#[command(
    after_help = "Leaves a table (safetensors, a few kB, in which no picture is) and a manifest beside it, NAME.yaml, by which the generator
is called with it. A fifth of the photographs is held out and says whether the others tell what they are like.

Example:
  metapicture models learn-codes taesd ~/Pictures --crops 8 --out mine.safetensors
  metapicture visualize --generator ./mine.yaml --unit banana"
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
    let stem = table.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
    let file = table.file_name().and_then(|name| name.to_str()).filter(|_| !stem.is_empty());
    let file =
        file.ok_or_else(|| request!("--out: {} is not the name of a file", table.display())).of_request()?.to_owned();
    let bar = Steps::new(1, quiet || command.json);
    let at = |done: usize, of: usize| bar.share(done, of, "photographs");
    let options = (command.size, usize::from(command.crops));
    let learned = codes::of_folder(&models, &command.name, &command.folder, options, &at);
    bar.finish();
    let Learned { statistics, check, photographs } = learned?;
    let page = table.with_extension("yaml");
    let text = codes::manifest(&models, &manifest, &stem, &file)?;
    let written = |path: &Path, bytes: &[u8]| {
        std::fs::write(path, bytes).with_context(|| format!("{}: cannot be written", path.display()))
    };
    let bytes = statistics.to_bytes().map_err(|reason| request!("{reason}"))?;
    written(&table, &bytes)?;
    written(&page, text.as_bytes())?;
    let least = check.strengths.iter().copied().fold(f64::INFINITY, f64::min);
    let most = check.strengths.iter().copied().fold(0., f64::max);
    if command.json {
        let about = json!({
            "generator": &*manifest.name, "photographs": photographs, "codes": statistics.codes, "side": statistics.side,
            "held_out": check, "table": table, "manifest": page,
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
            table.display(),
            page.display()
        ))?;
    }
    Ok(0)
}
