//! `metapicture map`: embedded pictures in the plane.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::json;

use super::output::print_json;
use super::progress::{count, counting};
use crate::cli::error::{Context, OfRequest, Result};
use metapicture::engine::map::{self, Distance, Settings, Stage};
use metapicture::engine::{embed, picture};

/// Embedded pictures in the plane: UMAP by a seed, principal components, and how far both can be trusted.
#[derive(Debug, Args)]
#[command(
    after_help = "OUT holds map.csv (a row a picture, in the order of EMBEDDED: row, x, y, component_1, component_2, stability) and map.png: the pictures at their places, paler where their
neighbours on the map change with the seed. Trustworthiness is 1 where all neighbours on the map are neighbours in the layer. A map is for looking: no statement may
rest on distances in it.

Examples:
  metapicture map out/embedded --out out/map
  metapicture map out/fences --distance manhattan --neighbours 30 --out out/map"
)]
pub struct MapCommand {
    /// A folder that `metapicture embed` wrote.
    #[arg(value_name = "EMBEDDED")]
    embedded: PathBuf,
    /// Where it goes.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Neighbours that a picture is tied to, itself counted.
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = clap::value_parser!(u32).range(2..=1000))]
    neighbours: u32,
    /// What is near.
    #[arg(long, value_name = "NAME", default_value = Distance::NAMES[0].0, value_parser = distances())]
    distance: Distance,
    /// Decides the map.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Other seeds by which stability is measured [default: 9; of more than 5,000 pictures 0].
    #[arg(long, value_name = "N")]
    others: Option<u64>,
    /// The side of map.png in pixels; 0 leaves it out.
    #[arg(long, value_name = "PIXELS", default_value_t = 2400, value_parser = clap::value_parser!(u32).range(0..=20_000))]
    side: u32,
    /// The side of a picture on it.
    #[arg(long, value_name = "PIXELS", default_value_t = 64, value_parser = clap::value_parser!(u32).range(4..=1000))]
    thumbnail: u32,
    /// One JSON document on stdout.
    #[arg(long)]
    json: bool,
}

/// Pictures up to which stability is measured unasked.
const FEW: usize = 5000;

/// Distances by name.
fn distances() -> impl TypedValueParser<Value = Distance> {
    let names = PossibleValuesParser::new(Distance::NAMES.map(|(name, _)| name));
    names.map(|word| {
        Distance::NAMES.into_iter().find(|(name, _)| *name == word).map_or(Distance::Euclidean, |(_, of)| of)
    })
}

pub(super) fn run(command: MapCommand, quiet: bool) -> Result<u8> {
    let rows = embed::rows(&command.embedded).of_request()?;
    let others = command.others.unwrap_or(if rows.nrows() > FEW { 0 } else { 9 });
    let (neighbours, distance) = (command.neighbours as usize, command.distance);
    let settings = Settings { neighbours, distance, seed: command.seed, others };
    let near = counting("pictures, their neighbours", quiet || command.json);
    let laid = counting("rounds of the layout", quiet || command.json);
    let rounds = map::rounds(rows.nrows());
    let found = map::map(rows.view(), &settings, &|stage| match stage {
        Stage::Neighbours(done) => count(&near, done, rows.nrows()),
        Stage::Layout(number, round) => count(&laid, number as usize * rounds + round, rounds * (1 + others as usize)),
    });
    near.finish_and_clear();
    laid.finish_and_clear();
    let found = found.of_request()?;
    std::fs::create_dir_all(&command.out).with_context(|| format!("{}: cannot be made", command.out.display()))?;
    found.write(&command.out.join("map.csv"))?;
    let png = command.out.join("map.png");
    if command.side > command.thumbnail {
        let sources = embed::pictures(&command.embedded).of_request()?;
        let bar = counting("pictures drawn", quiet || command.json);
        let picture = |row: usize| picture::decode(&sources[row].bytes()?, &sources[row].name);
        let drawn = found.draw(&picture, command.side, command.thumbnail, &|done| count(&bar, done, sources.len()));
        bar.finish_and_clear();
        drawn?.save(&png).with_context(|| format!("{}: cannot be written", png.display()))?;
    }
    let stability = found.stability.as_ref().map(|of| of.iter().sum::<f64>() / of.len() as f64);
    if command.json {
        print_json(&json!({
            "out": command.out, "pictures": rows.nrows(), "trustworthiness": found.trustworthiness[0],
            "trustworthiness_of_components": found.trustworthiness[1], "shares_of_components": found.shares, "stability": stability,
        }))?;
    } else if !quiet {
        let stable = stability.map_or(String::new(), |of| format!("; {of:.2} of neighbours stay with another seed"));
        println!(
            "{}: {} pictures; trustworthiness {:.3} (of two principal components {:.3}){stable}",
            command.out.display(),
            rows.nrows(),
            found.trustworthiness[0],
            found.trustworthiness[1]
        );
    }
    Ok(0)
}
