//! `metapicture atlas`: a page of a whole picture collection.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::interrupt::stop_on_interrupt;
use super::output::print_json;
use super::progress::{count, counting};
use crate::cli::error::Result;
use metapicture::engine::atlas::{self, Export, SINGLE, Settings, Stage};
use metapicture::engine::device;

/// A page of a whole picture collection: its pictures on a map, in a grid, in time, ranked; to be searched, filtered and picked out.
#[derive(Debug, Args)]
#[command(
    after_help = "OUT holds atlas.html, which asks no network for anything. Up to 5,000 pictures are in that one file; more lie as sheets beside it (OUT/sheets), which belong to it. A map is
for looking: no statement may rest on distances in it.

TABLE.csv says of each row which picture it is of, by `sha256`, `name`, `file` or `row`: `metapicture rank` writes such a table (rank.csv), and so do annotators. Where it has several
rows of a picture, its column `unit` tells them apart.

A column `made_by` names the method that made a picture: such pictures lie on top, framed by method, and photographs can be ranked by how like a method's
pictures they are. A column `permalink` is linked to.

Examples:
  metapicture atlas out/embedded --map out/map --out out/atlas
  metapicture atlas out/embedded --map out/map --with out/ranked/rank.csv --with labels.csv --title \"Fences\" --out out/atlas
  metapicture atlas out/embedded --map out/map --export vikus embedding-atlas iiif --base https://example.org/pictures --out out/atlas"
)]
pub struct AtlasCommand {
    /// A folder that `metapicture embed` wrote.
    #[arg(value_name = "EMBEDDED")]
    embedded: PathBuf,
    /// A folder that `metapicture map` wrote of it; without one, pictures lie in the order of their files.
    #[arg(long, value_name = "DIR")]
    map: Option<PathBuf>,
    /// Tables of what else is known of the pictures.
    #[arg(long, value_name = "TABLE.csv", num_args = 1..)]
    with: Vec<PathBuf>,
    /// Where it goes.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// What the page is called [default: the name of EMBEDDED].
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// Photographs that are shown beside a picture as nearest to it in the layer; 0 for none.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(0..=100))]
    neighbours: u32,
    /// What other viewers read, into OUT as well.
    #[arg(long, value_name = "VIEWER", num_args = 1.., value_parser = exports())]
    export: Vec<Export>,
    /// Where pictures will be served, for `--export iiif`.
    #[arg(long, value_name = "URL")]
    base: Option<String>,
    /// One JSON document on stdout.
    #[arg(long)]
    json: bool,
}

/// Viewers by name.
fn exports() -> impl TypedValueParser<Value = Export> {
    let names = PossibleValuesParser::new(Export::NAMES.map(|(name, _)| name));
    names.map(|word| Export::NAMES.into_iter().find(|(name, _)| *name == word).map_or(Export::Vikus, |(_, of)| of))
}

pub(super) fn run(command: AtlasCommand, quiet: bool) -> Result<u8> {
    let settings = Settings {
        embedded: command.embedded,
        map: command.map,
        tables: command.with,
        title: command.title,
        neighbours: command.neighbours as usize,
        exports: command.export,
        base: command.base,
        single: SINGLE,
    };
    let stop = stop_on_interrupt(None)?;
    let near = counting("pictures, their neighbours", quiet || command.json);
    let small = counting("pictures made small", quiet || command.json);
    let watch = |stage: Stage| {
        match stage {
            Stage::Neighbours(done, of) => count(&near, done, of),
            Stage::Pictures(done, of) => count(&small, done, of),
        }
        !stop.load(Ordering::Relaxed)
    };
    // Pictures are shared among threads.
    let written = device::on_one_thread(|| atlas::atlas(&settings, &command.out, &watch));
    near.finish_and_clear();
    small.finish_and_clear();
    let written = written?;
    for (_, error) in &written.unread {
        log::warn!("a grey cell: {error}");
    }
    if command.json {
        print_json(&written)?;
    } else if !quiet {
        let unread = match written.unread.len() {
            0 => String::new(),
            count => format!(", {count} of which cannot be read any more"),
        };
        let beside = match written.sheets {
            0 => String::new(),
            count => format!(", {count} sheets beside it"),
        };
        println!(
            "{}: {} pictures{unread}, cells of {} pixels; {:.1} MB{beside}",
            written.page.display(),
            written.pictures,
            written.cell,
            written.bytes as f64 / 1e6
        );
        for export in &written.exports {
            println!("{}", export.display());
        }
    }
    Ok(0)
}
