//! `metapicture rank`: the photographs that fire a unit most and least.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::compute::Compute;
use super::output::{print_json, table};
use super::progress::{count, counting};
use crate::cli::error::{Context, OfRequest, Result};
use metapicture::engine::rank;
use metapicture::engine::run::units;
use metapicture::engine::sweep::REFERENCE;

/// Photographs in the order of how much they fire units, those that fire them most first: natural exemplars.
#[derive(Debug, Args)]
#[command(
    after_help = "OUT holds rank.csv (a row a unit and photograph: unit, rank, activation, file) and sheet.png, which shows the first and the last of them. Pictures that
cannot be read are named and passed over. A picture is scaled until its shorter side is the network's input, and its central square is taken.

Example:
  metapicture rank --classifier efficientnet-lite0 --unit banana _blocks.10:37 --out out/ranked ~/Photographs"
)]
pub struct Rank {
    /// A classifier of the zoo, or the path of a manifest.
    #[arg(long, value_name = "NAME")]
    classifier: String,
    /// Units, as `visualize` takes them.
    #[arg(long = "unit", required = true, num_args = 1.., value_name = "UNIT")]
    units: Vec<String>,
    /// Folders of photographs, or files.
    #[arg(required = true, value_name = "DIR|FILE")]
    photographs: Vec<PathBuf>,
    /// Where rank.csv and sheet.png go.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// How many photographs of either end the sheet shows.
    #[arg(long, default_value_t = 9, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    top: u32,
    /// Photographs over which the channels of `strongest(LAYER, N)` are found.
    #[arg(long, value_name = "SET|DIR", default_value = REFERENCE)]
    reference: String,
    /// One JSON document on stdout: of each unit, so many of either end.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    compute: Compute,
}

/// Side of a photograph on the sheet, in pixels.
const SIDE: u32 = 128;

pub(super) fn run(command: Rank, quiet: bool) -> Result<u8> {
    let models = command.compute.models(quiet || command.json)?;
    let paths = rank::pictures(&command.photographs).of_request()?;
    let classifier = models.classifier(&command.classifier)?;
    let mut reference = || models.pictures(&command.reference);
    let (engine, shapes) = (classifier.engine(), classifier.shapes());
    let units = units::resolve_words(&command.units, engine, shapes, &units::alone, &mut reference).of_request()?;
    std::fs::create_dir_all(&command.out).with_context(|| format!("{}: cannot be made", command.out.display()))?;
    let bar = counting("pictures", quiet || command.json);
    let ranking = rank::rank(&classifier, units, &paths, &|done| count(&bar, done, paths.len())).of_request();
    bar.finish_and_clear();
    let ranking = ranking?;
    for (path, error) in &ranking.unread {
        log::warn!("{}: {error}", path.display());
    }
    ranking.write(&command.out.join("rank.csv"))?;
    let top = command.top as usize;
    let sheet = command.out.join("sheet.png");
    ranking.sheet(&engine.name, top, SIDE).save(&sheet)?;
    let ends = |unit: usize| {
        let order = ranking.order(unit);
        let least = order.len().saturating_sub(top).max(top.min(order.len()));
        let entry = |place: &usize| json!({ "file": ranking.photographs[*place], "activation": ranking.activations[unit][*place] });
        let (most, least): (Vec<_>, Vec<_>) =
            (order.iter().take(top).map(entry).collect(), order[least..].iter().map(entry).collect());
        json!({ "unit": ranking.units[unit].name, "most": most, "least": least })
    };
    if command.json {
        let units: Vec<_> = (0..ranking.units.len()).map(ends).collect();
        print_json(
            &json!({ "out": command.out, "photographs": ranking.photographs.len(), "unread": ranking.unread.len(), "units": units }),
        )?;
    } else if !quiet {
        let mut rows = vec![];
        for (unit, of) in ranking.units.iter().enumerate() {
            for (rank, place) in ranking.order(unit).into_iter().take(3).enumerate() {
                let activation = format!("{:.3}", ranking.activations[unit][place]);
                rows.push(vec![
                    of.title().to_owned(),
                    (rank + 1).to_string(),
                    activation,
                    ranking.photographs[place].display().to_string(),
                ]);
            }
        }
        println!("{}", table(&["unit", "rank", "activation", "photograph"], &rows));
        println!("{} and rank.csv have {} photographs", sheet.display(), ranking.photographs.len());
    }
    Ok(0)
}
