//! `metapicture map`: embedded pictures in the plane.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::json;

use super::output::print_json;
use super::progress::{count, counting};
use crate::cli::error::{Context, OfRequest, Result, request};
use metapicture::engine::map::{self, Distance, Drawing, Settings, Stage};
use metapicture::engine::{embed, picture};

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

/// Pictures up to which stability and clusters are found unasked.
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
    let sources = embed::pictures(&command.embedded).of_request()?;
    if sources.len() != rows.nrows() {
        return Err(request!(
            "{}: has {} rows and {} pictures",
            command.embedded.display(),
            rows.nrows(),
            sources.len()
        ));
    }
    let few = |unasked| if rows.nrows() > FEW { 0 } else { unasked };
    let others = command.others.unwrap_or(few(9));
    let cluster = command.cluster.unwrap_or(few(10) as usize);
    let (neighbours, distance, seed) = (command.neighbours as usize, command.distance, command.seed);
    let settings = Settings { neighbours, distance, seed, others, cluster };
    let made_by = |row: usize| sources[row].made_by();
    let methods: BTreeSet<&str> = (0..rows.nrows()).filter_map(made_by).collect();
    let methods: Vec<String> = methods.into_iter().map(str::to_owned).collect();
    let made: Vec<Option<usize>> = (0..rows.nrows())
        .map(|row| made_by(row).and_then(|of| methods.iter().position(|method| method == of)))
        .collect();
    let photographs: Vec<bool> = made.iter().map(Option::is_none).collect();
    let near = counting("pictures, their neighbours", quiet || command.json);
    let laid = counting("rounds of the layout", quiet || command.json);
    let rounds = map::rounds(rows.nrows());
    let found = map::map(rows.view(), &photographs, &settings, &|stage| match stage {
        Stage::Neighbours(done) => count(&near, done, rows.nrows()),
        Stage::Layout(number, round) => count(&laid, number as usize * rounds + round, rounds * (1 + others as usize)),
        Stage::Clusters => laid.set_message("clusters"),
    });
    near.finish_and_clear();
    laid.finish_and_clear();
    let found = found.of_request()?;
    let apart = map::apart(rows.view(), &photographs, distance).of_request()?;
    std::fs::create_dir_all(&command.out).with_context(|| format!("{}: cannot be made", command.out.display()))?;
    found.write(&command.out.join("map.csv"))?;
    if !apart.is_empty() {
        let named = |row: usize| made_by(row).unwrap_or_default().to_owned();
        map::write_apart(&apart, &named, &command.out.join("apart.csv"))?;
    }
    let png = command.out.join("map.png");
    if command.side > command.thumbnail {
        let bar = counting("pictures drawn", quiet || command.json);
        let picture = |row: usize| picture::decode(&sources[row].bytes()?, &sources[row].name);
        let drawing = Drawing { side: command.side, thumbnail: command.thumbnail, made: &made, methods: &methods };
        let drawn = found.draw(&picture, &drawing, &|done| count(&bar, done, sources.len()));
        bar.finish_and_clear();
        drawn?.save(&png).with_context(|| format!("{}: cannot be written", png.display()))?;
    }
    let stability = found.stability.as_ref().map(|of| of.iter().sum::<f64>() / of.len() as f64);
    let clusters = found.clusters.as_ref().map(|of| of.iter().flatten().max().map_or(0, |last| last + 1));
    let as_far: Vec<(&String, f64)> = (methods.iter().enumerate())
        .map(|(number, method)| {
            let of: Vec<f64> = apart.iter().filter(|of| made[of.row] == Some(number)).map(|of| of.as_far).collect();
            (method, of.iter().sum::<f64>() / of.len() as f64)
        })
        .collect();
    let told = json!({
        "out": command.out, "pictures": rows.nrows(), "neighbours": neighbours, "distance": distance.name(), "seed": seed,
        "trustworthiness": found.trustworthiness[0], "trustworthiness_of_components": found.trustworthiness[1],
        "shares_of_components": found.shares, "stability": stability, "clusters": clusters,
        "as_far": as_far.iter().map(|(method, share)| json!({ "made_by": method, "share": share })).collect::<Vec<_>>(),
    });
    let path = command.out.join("map.json");
    std::fs::write(&path, serde_json::to_vec_pretty(&told)?)
        .with_context(|| format!("{}: cannot be written", path.display()))?;
    if command.json {
        print_json(&told)?;
    } else if !quiet {
        let stable = stability.map_or(String::new(), |of| format!("; {of:.2} of neighbours stay with another seed"));
        let clusters = clusters.map_or(String::new(), |of| format!("; {of} clusters"));
        println!(
            "{}: {} pictures; trustworthiness {:.3} (of two principal components {:.3}){stable}{clusters}",
            command.out.display(),
            rows.nrows(),
            found.trustworthiness[0],
            found.trustworthiness[1]
        );
        for (method, share) in as_far {
            println!("{method}: {:.1} % of photographs are as far from the next one as its pictures are", 100. * share);
        }
    }
    Ok(0)
}
