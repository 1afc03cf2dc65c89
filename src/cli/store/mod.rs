//! `metapicture store`: folders of records, looked into, checked, cleaned, exported and brought together.

mod keeping;
mod show;
mod verify;

use std::path::PathBuf;

use clap::Subcommand;

use crate::cli::error::Result;
use metapicture::engine::inventory::Pictures;
pub(super) use show::record;
pub(super) use verify::warn_of_damage;

/// The folders of records that `--out` named.
#[derive(Debug, Subcommand)]
pub enum Stores {
    /// What is in folders of records: methods, runs, sizes, versions, and which experiments they are of.
    #[command(
        after_help = "With --experiment a column says how many runs are still part of these files (their models are loaded to know).

Examples:
  metapicture store list out/*
  metapicture store list out/eps --experiment eps.yaml"
    )]
    List {
        /// The folders.
        #[arg(value_name = "DIR", required = true)]
        folders: Vec<PathBuf>,
        /// Experiment files.
        #[arg(long, value_name = "FILE", num_args = 1..)]
        experiment: Vec<PathBuf>,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// A run: its unit, method, figures, networks and files.
    #[command(after_help = "Example:\n  metapicture store show out/banana/runs/0123456789abcdef")]
    Show {
        /// The folder of a run, or its record.json.
        #[arg(value_name = "RUN")]
        run: PathBuf,
        /// Print record.json.
        #[arg(long)]
        json: bool,
    },
    /// Hashes every record again, and sets aside what is damaged.
    #[command(
        after_help = "What is damaged is moved to DIR/damaged and never deleted; its runs count as not done, so that the
command that made them makes them again. Where DIR may not be written to, damage is reported and left where it is.
A record can be checked without this program, too: `sha256sum -c files.sha256` in its folder.

Exit codes: 0 everything is sound; 1 something is damaged; 2 DIR holds no records.

Example:
  metapicture store verify out/banana"
    )]
    Verify {
        /// The folder.
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Takes away for good what is wanted no more: runs that are in no named experiment, of an older numeric version, or failed.
    #[command(
        after_help = "Nothing is taken away without --yes: what would be is told. Runs of experiment files that are not named count as unwanted where --experiment is given.

Examples:
  metapicture store prune out/eps --experiment eps.yaml
  metapicture store prune out/eps --older --failed --yes"
    )]
    Prune {
        /// The folder.
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// Runs that are in none of these experiment files.
        #[arg(long, value_name = "FILE", num_args = 1.., required_unless_present_any = ["older", "failed"])]
        experiment: Vec<PathBuf>,
        /// Runs of an older numeric version: the same settings give other pictures today.
        #[arg(long)]
        older: bool,
        /// Runs that failed.
        #[arg(long)]
        failed: bool,
        /// Tell only (as without --yes).
        #[arg(long, conflicts_with = "yes")]
        dry_run: bool,
        /// Take them away.
        #[arg(long)]
        yes: bool,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// One table over folders of records, and their pictures.
    #[command(
        after_help = "The table is CSV, JSON Lines or Parquet, as its name says; a row a run, with the folder and the path of its picture in it.

Examples:
  metapicture store export out/* --table runs.parquet
  metapicture store export out/eps --table runs.csv --settings --webdataset shards/"
    )]
    Export {
        /// The folders.
        #[arg(value_name = "DIR", required = true)]
        folders: Vec<PathBuf>,
        /// The table: a name that ends with .csv, .jsonl or .parquet.
        #[arg(long, value_name = "FILE")]
        table: PathBuf,
        /// A column with the settings of each run's method, as JSON; every record is read for it.
        #[arg(long)]
        settings: bool,
        /// A folder for the pictures: RUN.png.
        #[arg(long, value_name = "DIR")]
        pictures: Option<PathBuf>,
        /// A folder for a WebDataset: shards of a thousand runs, each RUN.png and RUN.json.
        #[arg(long, value_name = "DIR", conflicts_with = "pictures")]
        webdataset: Option<PathBuf>,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Copies the records of other folders that this one lacks.
    #[command(after_help = "Every record is hashed on its way; what is damaged stays where it is, and is told.

Example:
  metapicture store import out/all out/monday out/tuesday")]
    Import {
        /// The folder that they come to; made where it is not there.
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// The folders that they come from.
        #[arg(value_name = "FROM", required = true)]
        from: Vec<PathBuf>,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(command: Stores, quiet: bool) -> Result<u8> {
    match command {
        Stores::List { folders, experiment, json } => keeping::list(&folders, &experiment, json, quiet),
        Stores::Show { run, json } => show::show(&run, json),
        Stores::Verify { folder, json } => verify::verify(&folder, json, quiet),
        Stores::Prune { folder, experiment, older, failed, dry_run: _, yes, json } => {
            keeping::prune(&folder, &experiment, keeping::Kinds { older, failed }, yes, json, quiet)
        }
        Stores::Export { folders, table, settings, pictures, webdataset, json } => {
            let pictures = pictures.map(Pictures::Folder).or(webdataset.map(Pictures::WebDataset));
            keeping::export(&folders, &table, settings, pictures.as_ref(), json, quiet)
        }
        Stores::Import { folder, from, json } => keeping::import(&folder, &from, json, quiet),
    }
}
