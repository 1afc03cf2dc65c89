//! `metapicture methods`: the presets.

use clap::Subcommand;

use super::output::{print_json, table};
use crate::cli::error::{OfRequest, Result};
use metapicture::engine::method::Method;

/// The methods.
#[derive(Debug, Subcommand)]
pub enum Methods {
    /// Lists the presets.
    #[command(after_help = "Example:\n  metapicture methods list")]
    List {
        /// One JSON document on stdout.
        #[arg(long)]
        json: bool,
    },
    /// Prints a method as YAML: to be read, or to be changed and given to `--method ./mine.yaml`.
    #[command(after_help = "Example:\n  metapicture methods show latent > mine.yaml")]
    Show {
        /// A preset's name, or a path.
        name: String,
        /// One JSON document on stdout.
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(command: Methods) -> Result<u8> {
    match command {
        Methods::List { json: true } => print_json(&Method::presets())?,
        Methods::List { json: false } => {
            let presets = Method::presets();
            let rows: Vec<Vec<String>> =
                presets.iter().map(|m| vec![m.name.clone(), m.steps.to_string(), m.summary.clone()]).collect();
            println!("{}", table(&["name", "steps", "what it does"], &rows));
        }
        Methods::Show { name, json } => {
            let method = Method::find(&name).of_request()?;
            match json {
                true => print_json(&method)?,
                false => print!("# Searches {}.\n{}", method.param, method.to_yaml()?),
            }
        }
    }
    Ok(0)
}
