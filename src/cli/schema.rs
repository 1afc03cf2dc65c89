//! `metapicture schema`: what an experiment file may say, for editors.

use clap::Args;

use super::output::print_json;
use crate::cli::error::Result;
use metapicture::engine::experiment_file;

/// The JSON Schema of experiment files (draft 2020-12), for editors.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  metapicture schema > experiment.schema.json

An editor that knows YAML's language server then completes and checks a file whose first line is
  # yaml-language-server: $schema=experiment.schema.json")]
pub struct Schema;

pub(super) fn run(_: Schema) -> Result<u8> {
    print_json(&experiment_file::schema())?;
    Ok(0)
}
