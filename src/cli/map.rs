//! `metapicture map`: embedded pictures in the plane.

use std::path::PathBuf;
use std::sync::OnceLock;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use indicatif::ProgressBar;
use serde_json::json;

use super::output::print_json;
use super::progress::{count, counting};
use crate::cli::error::Result;
use metapicture::engine::map::{self, AsFar, Asked, Distance, Part};

/// Embedded pictures in the plane: UMAP by a seed, principal components, and how far both can be trusted.
#[derive(Debug, Args)]
#[command(
    after_help = "OUT holds map.csv (a row a picture, in the order of EMBEDDED: row, x, y, component_1, component_2, stability, cluster) and map.png: the pictures at their places, paler where their
neighbours on the map change with the seed, those that were made in frames. Trustworthiness is 1 where all neighbours on the map are neighbours in the layer. A map is for
looking: no statement may rest on distances in it.

Clusters are of the photographs and in the layer's own numbers, not in the map's: HDBSCAN of their first 50 principal components; the largest is 0. Where EMBEDDED has
pictures that were made (`metapicture embed` of a folder of records), apart.csv says how far from the photographs they lie: the nearest one, and the share of photographs
whose own nearest one is as far away.

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
    /// Photographs that a cluster has at least; 0 leaves clusters out [default: 10; of more than 5,000 pictures 0].
    #[arg(long, value_name = "N")]
    cluster: Option<usize>,
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

/// Distances by name.
fn distances() -> impl TypedValueParser<Value = Distance> {
    let names = PossibleValuesParser::new(Distance::NAMES.map(|(name, _)| name));
    names.map(|word| {
        Distance::NAMES.into_iter().find(|(name, _)| *name == word).map_or(Distance::Euclidean, |(_, of)| of)
    })
}

pub(super) fn run(command: MapCommand, quiet: bool) -> Result<u8> {
    let asked = Asked {
        embedded: command.embedded,
        neighbours: command.neighbours as usize,
        distance: command.distance,
        seed: command.seed,
        others: command.others,
        cluster: command.cluster,
        side: command.side,
        thumbnail: command.thumbnail,
    };
    let quiet_bars = quiet || command.json;
    let near = counting("pictures, their neighbours", quiet_bars);
    let laid = counting("rounds of the layout", quiet_bars);
    // Shown once the map is made.
    let drawn: OnceLock<ProgressBar> = OnceLock::new();
    let finish = || {
        near.finish_and_clear();
        laid.finish_and_clear();
    };
    let made = map::of_embedded(&asked, &command.out, &|part| {
        match part {
            Part::Neighbours(done, of) => count(&near, done, of),
            Part::Layout(done, of) => count(&laid, done, of),
            Part::Clusters => laid.set_message("clusters"),
            Part::Drawn(done, of) => {
                let bar = drawn.get_or_init(|| {
                    finish();
                    counting("pictures drawn", quiet_bars)
                });
                count(bar, done, of);
            }
        }
        true
    });
    finish();
    drawn.get().iter().for_each(|bar| bar.finish_and_clear());
    let made = made?;
    if command.json {
        print_json(&json!(made))?;
    } else if !quiet {
        let stable =
            made.stability.map_or(String::new(), |of| format!("; {of:.2} of neighbours stay with another seed"));
        let clusters = made.clusters.map_or(String::new(), |of| format!("; {of} clusters"));
        println!(
            "{}: {} pictures; trustworthiness {:.3} (of two principal components {:.3}){stable}{clusters}",
            command.out.display(),
            made.pictures,
            made.trustworthiness,
            made.trustworthiness_of_components
        );
        for AsFar { made_by, share } in &made.as_far {
            println!(
                "{made_by}: {:.1} % of photographs are as far from the next one as its pictures are",
                100. * share
            );
        }
    }
    Ok(0)
}
